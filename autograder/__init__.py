"""Automated grading of deep-learning notebooks."""
