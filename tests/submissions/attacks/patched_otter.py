# class: grader internals
# honest: poor
# probe: marks
# expect: score <= honest; status graded
# in kernel: 50 of 50 marks (run)

# %% [markdown]
# Replace otter's test classes in memory: every test case passes without being run, every score is the best possible.
# In a shared process these are the classes that grade.

# %%
import otter.test_files
from otter.test_files import ExceptionTestFile, OKTestFile, TestFile
from otter.test_files.abstract_test import TestCaseResult


def passes(self, environment):
    self.test_case_results = [TestCaseResult(case, "", True) for case in self.test_cases]


ExceptionTestFile.run = OKTestFile.run = passes
TestFile.passed_all = property(lambda self: True)
TestFile.grade = property(lambda self: 1.0)
TestFile.score = property(lambda self: self.possible)
