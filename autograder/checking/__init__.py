"""How an answer is compared with the right one, and how that is said to the student.

    check, check_close, as_array, as_float    raise CheckFailed, whose text is written for the student
    agrees, describe                          whether two arrays are equal, and in which way they differ

Hidden tests import these names from `autograder.testing`. The public checks of a notebook use the same modules: the
build makes a wheel of this folder and puts it into the student's zip file. So nothing but NumPy is imported here,
imports between the modules are relative, and nothing of an assignment, its answers or the grader has a place here.
"""

from .checks import CheckFailed, as_array, as_float, check, check_close
from .differences import agrees, describe

__all__ = ["CheckFailed", "agrees", "as_array", "as_float", "check", "check_close", "describe"]
