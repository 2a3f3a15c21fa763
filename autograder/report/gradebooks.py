"""Grades as files that Canvas and Moodle import.

Neither knows a submission's file name, so the student is read from the name that the platform itself gave the
file when all submissions were downloaded:

    Canvas   lovelaceada_12345_67890_notebook.ipynb        or  lovelaceada_LATE_12345_67890_notebook.ipynb
    Moodle   Ada Lovelace_12345_assignsubmission_file_notebook.ipynb, or a folder of that name up to `file`

A file with another name has no identifier. Its row then carries the file's name without the suffix: Canvas looks
for a student of that name, Moodle leaves the row out. Two files of one student are two rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from autograder.report.exports import csv_text
from autograder.report.text import feedback, status_message
from autograder.results import BatchResult, SubmissionResult, points

__all__ = ["Student", "canvas", "moodle", "student_of"]

_MOODLE = re.compile(r"(?P<name>[^/]+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)(?:_|/|$)", re.IGNORECASE)
_CANVAS = re.compile(r"(?P<name>[^/_]+)(?:_late)?_(?P<id>\d+)_\d+_[^/]+", re.IGNORECASE)


@dataclass(frozen=True)
class Student:
    """Who handed in: the platform's identifier, "" where the file's name has none, and a name."""

    id: str
    name: str


def student_of(submission: str) -> Student:
    """Read the student from a submission's name, as Canvas or Moodle wrote it."""
    if found := _MOODLE.search(submission):
        return Student(found["id"], found["name"])
    path = PurePosixPath(submission)
    if found := _CANVAS.fullmatch(path.name):
        return Student(found["id"], found["name"])
    return Student("", path.with_suffix("").as_posix() if path.name else submission)


def canvas(batch: BatchResult) -> str:
    """CSV for Canvas: Grades > Import. The column is matched with an assignment of the same name, or makes one.

    The importer reads "Student", "ID" (Canvas' own, as in the downloaded names), the two SIS columns, "Section",
    then assignments; a row "Points Possible" gives their best mark.
    Source: github.com/instructure/canvas-lms, lib/gradebook_importer.rb; the guide "How do I import grades in the
    Gradebook?" of the Canvas Instructor Guide.
    """
    header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", batch.title or batch.assignment]
    rows = [header, ["    Points Possible", "", "", "", "", points(batch.max_score)]]
    for s in batch.submissions:
        student = student_of(s.submission)
        rows.append([student.name, student.id, "", "", "", _grade(s)])
    return csv_text(rows)


def moodle(batch: BatchResult) -> str:
    """CSV for Moodle: Assignment > Upload grading worksheet, with "Allow updating records that have been modified
    more recently in Moodle than in the spreadsheet" ticked.

    The importer needs the columns "Identifier" ("Participant 12345"), "Grade" and "Last modified (grade)", and takes
    "Feedback comments" where that kind of feedback is on. Comments are HTML in Moodle, so there are no angle
    brackets in ours.
    Source: github.com/moodle/moodle, mod/assign/feedback/offline/importgradeslib.php.
    """
    header = ["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)", "Feedback comments"]
    rows = [header]
    for s in batch.submissions:
        student = student_of(s.submission)
        if student.id:
            names = [f"Participant {student.id}", student.name]
            rows.append([*names, _grade(s), points(s.max_score), "", _comments(s)])
    return csv_text(rows)


def _grade(submission: SubmissionResult) -> str:
    """Points; empty where the grader could not find them, so that no mark is overwritten with nothing."""
    return "" if submission.status == "grader_error" else points(submission.score)


def _comments(submission: SubmissionResult) -> str:
    lines = [status_message(submission)]
    for q, result in submission.questions.items():
        if result.override:
            lines.append(f"{q}: {points(result.score)} of {points(result.max_score)}, set by your instructor")
        else:
            lines += [f"{q}, {t.name}: {feedback(t)}" for t in result.tests if t.status != "passed"]
    text = " · ".join(" ".join(line.split()) for line in lines if line)
    return text.replace("<", "‹").replace(">", "›")
