"""Compares an answer with the right one, and says in words how it differs.

    check, check_close, check_keys, check_entries    raise CheckFailed, whose text is written for students
    as_array, as_float                               the same, and return what they have checked
    agrees, describe                                 whether two arrays are equal, and in which way they differ
    trace.trace, steps.find                          what a function computes line by line, and where that goes wrong

The tests of a course and the public checks in its notebooks use these modules, so both say the same words: students
get them as the wheel `autograder_checking`, which is built from this folder. Therefore nothing but NumPy is imported
here, imports between the modules are relative, and nothing of an assignment or of the grader has a place here.
"""

from .checks import CheckFailed, as_array, as_float, check, check_close, check_entries, check_keys
from .differences import agrees, describe

__all__ = [
    "CheckFailed",
    "agrees",
    "as_array",
    "as_float",
    "check",
    "check_close",
    "check_entries",
    "check_keys",
    "describe",
]
