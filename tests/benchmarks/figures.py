"""Figures, each beside its floor of the same run, and how they are written."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and what it is held against: its floor by `ratio`, its bound as `is_ok` says.

    A bound concerns the ratio where there is a floor, else the value; both may be absent.
    """

    name: str
    unit: str
    value: float
    floor: float | None = None
    bound: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times its floor it is."""
        return self.value / self.floor if self.floor else None

    @property
    def is_ok(self) -> bool:
        """Tell whether it keeps its bound."""
        held = self.value if self.ratio is None else self.ratio
        return self.bound is None or held <= self.bound

    def as_json(self) -> dict[str, Any]:
        """Give it as the JSON file has it."""
        return {
            "name": self.name,
            "unit": self.unit,
            "value": _rounded(self.value),
            "floor": _rounded(self.floor),
            "ratio": _rounded(self.ratio),
            "bound": self.bound,
            "ok": self.is_ok,
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def table(figures: Iterable[Figure]) -> Iterator[str]:
    """Give the lines of a Markdown table."""
    yield "| figure | value | unit | floor | ratio | bound | |"
    yield "|---|---:|---|---:|---:|---:|---|"
    for one in figures:
        held = " | ".join(_text(number) for number in (one.floor, one.ratio, one.bound))
        verdict = "" if one.bound is None else "ok" if one.is_ok else "**over**"
        yield f"| `{one.name}` | {_text(one.value)} | {one.unit} | {held} | {verdict} |"


def _text(number: float | None) -> str:
    if number is None:
        return ""
    return f"{number:,.0f}" if number == int(number) or number >= 1000 else f"{number:.2f}"


def write(path: Path, figures: Iterable[Figure]) -> None:
    """Write the figures as JSON."""
    path.write_text(json.dumps({"figures": [one.as_json() for one in figures]}, indent=2) + "\n")
