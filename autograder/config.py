"""The course: what `grading.yml` says, checked, and where the course keeps its files.

A course is the folder that holds `grading.yml`. Everything here is frozen; limits of an assignment are
already merged over the course's defaults, and dependencies between questions are known to be free of cycles.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from autograder.configfile import NOT_IN_FILE, did_you_mean, read_yaml, rule_broken, validated
from autograder.errors import UsageError

__all__ = [
    "Assignment",
    "Course",
    "Defaults",
    "Gate",
    "Limits",
    "Question",
    "find_course",
    "load_course",
    "read_course",
]

FILE_NAME = "grading.yml"

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Limits(_Frozen):
    """What one submission may use."""

    time_s: Seconds = 300.0  # wall clock of the whole submission
    cell_s: Seconds = 60.0  # wall clock of one notebook cell
    test_s: Seconds = 20.0  # wall clock of one hidden test
    memory_mib: Count = 3072  # whole process tree, above the warm interpreter
    processes: Count = 256  # processes and threads
    scratch_mib: Count = 256  # files that the submission writes
    output_kib: Count = 512  # text and pictures that the notebook prints
    file_mib: Count = 50  # size of the submitted file


class Defaults(Limits):
    """Limits that hold where an assignment says nothing else, and how a batch runs."""

    workers: Count = 2
    device: Literal["cpu", "gpu", "auto"] = "cpu"
    children_per_gpu: Count = 2  # submissions that share a GPU, each with its part of the memory
    network: bool = False


class Question(_Frozen):
    """One question: its points, the names a student defines in it, the questions it builds on."""

    points: float = Field(gt=0)
    names: Annotated[tuple[Identifier, ...], Field(strict=False)] = ()
    depends: Annotated[tuple[Identifier, ...], Field(strict=False)] = ()


class Gate(_Frozen):
    """A measured threshold: full credit at `value`, none at `floor`, in proportion between them."""

    value: float
    floor: float
    dataset: str
    seeds: Count  # runs of the reference behind `value`
    false_fail: float = Field(ge=0, lt=1)  # probability that a run of the reference misses `value`
    date: date
    device: str
    mean: float | None = None  # of the reference's runs
    std: float | None = None
    at_most: float | None = None  # what the task promises: calibration may measure more, and asks for no more


class Assignment(_Frozen):
    """One assignment; `questions` in the order of the notebook."""

    name: Annotated[Identifier, NOT_IN_FILE]
    title: str
    reference: Identifier
    questions: dict[Identifier, Question] = Field(min_length=1)
    floor: float = Field(default=0.0, ge=0)  # score of the untouched student notebook
    gates: dict[Identifier, Gate] = Field(default_factory=dict)
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _check(self) -> "Assignment":
        owner: dict[str, str] = {}
        for q, question in self.questions.items():
            for i, needed in enumerate(question.depends):
                if needed not in self.questions:
                    text = f"no question {needed!r}; {did_you_mean(needed, list(self.questions))}"
                    raise rule_broken(text, "questions", q, "depends", i)
            for i, name in enumerate(question.names):
                if owner.setdefault(name, q) != q:
                    text = f"{name!r} already belongs to {owner[name]}; a name has one question"
                    raise rule_broken(text, "questions", q, "names", i)
        if self.floor > self.points:
            raise rule_broken(f"expected at most {self.points:g}, all points, found {self.floor:g}", "floor")
        self.order  # noqa: B018 (raises for a cycle)
        return self

    @property
    def points(self) -> float:
        """Marks for the whole assignment."""
        return sum(question.points for question in self.questions.values())

    @property
    def order(self) -> tuple[str, ...]:
        """All questions, each after those it depends on, otherwise in the order of the file."""
        return self._sorted(tuple(self.questions))

    def needs(self, q: str) -> tuple[str, ...]:
        """All questions that `q` builds on, directly or not, each after those it depends on itself."""
        return self._sorted(self.questions[q].depends)

    def _sorted(self, roots: tuple[str, ...]) -> tuple[str, ...]:
        """Depth-first topological order of `roots` and all they depend on."""
        done: dict[str, None] = {}

        def visit(q: str, path: tuple[str, ...]) -> None:
            if q in path:
                circle = " → ".join((*path[path.index(q) :], q))
                raise rule_broken(f"questions depend on each other: {circle}", "questions", q, "depends")
            if q not in done:
                for needed in self.questions[q].depends:
                    visit(needed, (*path, q))
                done[q] = None

        for root in roots:
            visit(root, ())
        return tuple(done)


class Course(_Frozen):
    """A course and the places of its files."""

    root: Annotated[Path, NOT_IN_FILE]
    title: str = Field(alias="course")
    defaults: Defaults = Defaults()
    assignments: dict[Identifier, Assignment] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _merge(cls, data: Any) -> Any:
        """Give each assignment its name and the course's limits where it sets none itself."""
        defaults, entries = data.get("defaults", {}), data.get("assignments")
        if not isinstance(defaults, dict) or not isinstance(entries, dict):
            return data  # validation of the fields words this mistake
        common = {key: value for key, value in defaults.items() if key in Limits.model_fields}
        completed = {name: _completed(name, entry, common) for name, entry in entries.items()}
        return {**data, "assignments": completed}

    def assignment(self, name: str) -> Assignment:
        """The assignment called `name`; raises UsageError with the names there are."""
        if name not in self.assignments:
            raise UsageError(f"no assignment {name!r}; {did_you_mean(name, list(self.assignments))}")
        return self.assignments[name]

    def source(self, a: Assignment) -> Path:
        """Jupytext percent source of the notebook."""
        return self.root / "assignments" / a.name / f"{a.name}.py"

    @property
    def kit(self) -> Path:
        """Data-and-plot package that ships with every student zip."""
        return self.root / "assignments" / "kit"

    def reference(self, a: Assignment) -> Path:
        """Module with the reference solution."""
        return self.root / "reference" / f"{a.reference}.py"

    def misconceptions(self, a: Assignment) -> Path:
        """Module with the named wrong variants."""
        return self.root / "reference" / "misconceptions" / f"{a.reference}.py"

    def hidden_tests(self, a: Assignment) -> Path:
        """Folder of `q*.py` in otter's exception format."""
        return self.root / "tests" / "hidden" / a.name

    def submissions(self, a: Assignment) -> Path:
        """Folder of example submissions: `correct_*.py`, `wrong_*.py`, …"""
        return self.root / "tests" / "submissions" / a.name

    @property
    def attacks(self) -> Path:
        """Folder of the attacks that the grader must withstand, see `autograder.attacks`."""
        return self.root / "tests" / "submissions" / "attacks"


def find_course(start: Path | None = None) -> Path:
    """The nearest folder with `grading.yml`, from `start` (default: the current folder) upwards."""
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder
    raise UsageError(f"no {FILE_NAME} in {start} or above it; go to the course's folder or give --course DIR")


def load_course(start: Path | None = None) -> Course:
    """Find the course at or above `start` (default: the current folder) and read it; raises UsageError."""
    return read_course(find_course(start))


def read_course(folder: Path) -> Course:
    """Read the course in exactly `folder`; raises UsageError if there is none, ConfigError for a mistake."""
    file = folder / FILE_NAME
    if not file.is_file():
        raise UsageError(f"no {FILE_NAME} in {folder}; expected the folder of a course")
    data = read_yaml(file)
    if not isinstance(data, dict):
        raise UsageError(f"{FILE_NAME}: top level: expected a mapping (`key: value`), found something else")
    if "root" in data:
        raise UsageError(f"{FILE_NAME}: root: unknown key; the course is the folder of {FILE_NAME}")
    return validated(Course, {**data, "root": folder.resolve()}, FILE_NAME)


def _completed(name: Any, entry: Any, common: dict[str, Any]) -> Any:
    if not isinstance(entry, dict):
        return entry
    if "name" in entry:
        raise rule_broken("unknown key; an assignment's name is its key", "assignments", str(name), "name")
    limits = entry.get("limits", {})
    return {**entry, "name": name, "limits": {**common, **limits} if isinstance(limits, dict) else limits}
