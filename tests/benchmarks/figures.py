"""Figures, each with the floor measured in the same run, and their output formats."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with what it is compared to: a floor for its ratio, and a bound for `is_ok`.

    The bound limits the ratio if there is a floor, otherwise the value. Both are optional.
    """

    name: str
    unit: str
    value: float
    floor: float | None = None
    bound: float | None = None

    @property
    def ratio(self) -> float | None:
        """Return the figure as a multiple of its floor."""
        return self.value / self.floor if self.floor else None

    @property
    def is_ok(self) -> bool:
        """Return whether the figure keeps its bound."""
        held = self.value if self.ratio is None else self.ratio
        return self.bound is None or held <= self.bound

    def as_json(self) -> dict[str, Any]:
        """Return the figure as it is in the JSON file."""
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
    """Yield the lines of a Markdown table."""
    yield "| figure | value | unit | floor | ratio | bound | |"
    yield "|---|---:|---|---:|---:|---:|---|"
    for figure in figures:
        held = " | ".join(_text(number) for number in (figure.floor, figure.ratio, figure.bound))
        verdict = "" if figure.bound is None else "ok" if figure.is_ok else "**over**"
        yield f"| `{figure.name}` | {_text(figure.value)} | {figure.unit} | {held} | {verdict} |"


def _text(number: float | None) -> str:
    if number is None:
        return ""
    return f"{number:,.0f}" if number == int(number) or number >= 1000 else f"{number:.2f}"


def write(path: Path, figures: Iterable[Figure]) -> None:
    """Write the figures as JSON."""
    path.write_text(
        json.dumps({"figures": [figure.as_json() for figure in figures]}, indent=2) + "\n"
    )
