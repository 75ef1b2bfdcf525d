"""Regular expressions that process input do not backtrack excessively."""

import importlib
import pkgutil
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import shared
from shared.fhir.validation import primitives, schema
from tests.support.backtracking import most_steps

NOT_DEPLOYED = ("shared.local", "shared.packaging")
# Patterns that are tried at each position of a text.
SEARCHED = re.compile(r"\b(?:shared\.)?(\w+)\.(?:search|sub|split|finditer)\(")


def modules() -> Iterator[str]:
    for module in pkgutil.walk_packages(shared.__path__, "shared."):
        if not module.name.startswith(NOT_DEPLOYED):
            yield module.name


def patterns() -> Iterator[tuple[str, re.Pattern[str], bool]]:
    for name in modules():
        module = importlib.import_module(name)
        searched = set(SEARCHED.findall(Path(str(module.__file__)).read_text()))
        for key, value in vars(module).items():
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                yield f"{name}.{key}", value, key in searched
    for key, primitive in primitives.PRIMITIVES.items():
        for cell in primitive.is_valid.__closure__ or ():
            if isinstance(pattern := getattr(cell.cell_contents, "__self__", None), re.Pattern):
                yield f"primitives.{key}", pattern, False
    for key, value in primitives.OPEN_VALUE_SETS.items():
        yield f"value sets.{key}", value, False
    for key in schema._file("contained")["invariants"]:
        for quoted in re.findall(r"matches\('((?:[^'\\]|\\.)*)'\)", schema.invariant_path(key)):
            yield f"{key} {quoted}", re.compile(re.sub(r"\\(.)", r"\1", quoted), re.DOTALL), False


PATTERNS = {name: (pattern, searched) for name, pattern, searched in patterns()}


@pytest.mark.parametrize("name", PATTERNS)
def test_the_steps_of_a_pattern_grow_linearly_with_the_text(name: str) -> None:
    pattern, searched = PATTERNS[name]
    found: list[int] = []

    def count() -> None:
        found.extend(most_steps(pattern, size, search=searched) for size in (20, 60))

    # Each repeat is a call within a call.
    before = threading.stack_size(256 * 1024 * 1024)
    thread = threading.Thread(target=count)
    thread.start()
    thread.join()
    threading.stack_size(before)
    few, many = found
    assert many <= 3 * 1.5 * few


@pytest.mark.parametrize("pattern", [r"(a+)+", r"(a|a)*", r"\s*x?\s*", r"(?:a*b?)*c", r"a.*a.*a"])
def test_a_backtracking_pattern_is_detected(pattern: str) -> None:
    few, many = (most_steps(re.compile(pattern), size, search=False) for size in (6, 12))
    assert many > 2.2 * few
