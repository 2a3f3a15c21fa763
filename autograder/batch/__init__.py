"""Grading of many submissions at once."""
