"""Reference solutions, one file per assignment: what a student reads after the deadline."""
