"""Read YAML strictly and word its mistakes: `grading.yml: assignments.a1.floor: expected …, found …`."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from autograder.errors import ConfigError

__all__ = ["NOT_IN_FILE", "did_you_mean", "read_yaml", "rule_broken", "validated"]

M = TypeVar("M", bound=BaseModel)

# Marks a field that is filled in while loading, so no author may write it: Annotated[str, NOT_IN_FILE]
NOT_IN_FILE = "not in the file"

# pydantic's error type -> what the author of a YAML file would call the thing
EXPECTED = {
    "bool_type": "true or false",
    "date_type": "a date such as 2025-10-01",
    "dict_type": "a mapping (`key: value`)",
    "finite_number": "a finite number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "model_type": "a mapping (`key: value`)",
    "string_pattern_mismatch": "a Python name",
    "string_type": "text",
    "too_short": "at least one entry",
    "tuple_type": "a list (`[one, two]`)",
}


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice, where YAML would silently keep the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen: dict[Any, int] = {}
        for key_node, _ in node.value:
            key, line = self.construct_object(key_node, deep=True), key_node.start_mark.line + 1
            if isinstance(key, list | dict):
                raise ConfigError(f"line {line}: expected a plain key, found a list or mapping")
            if key in seen:
                raise ConfigError(f"line {line}: key {key!r} is already set on line {seen[key]}; keep one")
            seen[key] = line
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """Return the data in `path`; raises ConfigError for an unreadable file, bad YAML and duplicate keys."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _StrictLoader)
    except ConfigError as error:
        raise ConfigError(f"{path.name}: {error}") from None
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ConfigError(f"{path.name}: {line}not valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ConfigError(f"{path.name}: expected YAML in UTF-8, found other bytes") from None
    except OSError as error:
        raise ConfigError(f"{path.name}: cannot be read: {error.strerror}") from None


def validated(model: type[M], data: Any, file: str) -> M:
    """Return `data` as a `model`; raises ConfigError, one line that starts with `file`, for a mistake."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        # A misspelt key is reported as missing as well; the misspelling is the one to show.
        mistakes = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        raise ConfigError(f"{file}: {_worded(model, mistakes[0])}") from None


def rule_broken(text: str, *at: str) -> PydanticCustomError:
    """An error to raise in a validator: `at` is the path of the key below the model that is validated."""
    return PydanticCustomError("rule_broken", "{text}", {"text": text, "at": at})


def did_you_mean(word: str, known: list[str]) -> str:
    """'did you mean …?' where one of `known` is close to `word`, else all of them."""
    near = get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join(known) or '(none)'}"


def _worded(model: type[BaseModel], mistake: ErrorDetails) -> str:
    kind, place = mistake["type"], mistake["loc"]
    if kind == "extra_forbidden":
        return f"{_path(place)}: unknown key; {did_you_mean(str(place[-1]), _keys_at(model, place[:-1]))}"
    if kind == "missing":
        return f"{_path(place)}: missing; add this key"
    if kind == "rule_broken":
        return f"{_path((*place, *mistake['ctx']['at']))}: {mistake['msg']}"
    if place and place[-1] == "[key]":
        return f"{_path(place[:-1])}: expected a key that is text, found {mistake['input']!r}"
    expected = EXPECTED.get(kind) or mistake["msg"].removeprefix("Input should be ")
    if expected.startswith(("greater", "less")):
        expected = f"a value {expected}"
    return f"{_path(place)}: expected {expected}, found {_found(mistake['input'])}"


def _keys_at(model: type[BaseModel], place: tuple[str | int, ...]) -> list[str]:
    """The keys an author may write in the mapping at `place` below `model`."""
    kind: Any = model
    for key in place:
        if get_origin(kind) is dict:
            kind = get_args(kind)[1]
        else:
            kind = next(f.annotation for name, f in kind.model_fields.items() if key in (name, f.alias))
    fields = kind.model_fields.items()
    return [f.alias or name for name, f in fields if NOT_IN_FILE not in f.metadata]


def _path(place: tuple[str | int, ...]) -> str:
    """('questions', 'q1', 'names', 0) -> questions.q1.names[0]"""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in place)
    return text.removeprefix(".") or "top level"


def _found(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
