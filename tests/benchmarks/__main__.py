"""Measures the service: `uv run async-encounters bench`."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import figures, growth, imports, traffic, warm
from tests.benchmarks.figures import Figure

INVOCATIONS, QUICK_INVOCATIONS = 1000, 500


def main() -> None:
    """Measure, write a Markdown table and, where asked, JSON."""
    parser = argparse.ArgumentParser(prog="async-encounters bench", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there too")
    parser.add_argument("--quick", action="store_true", help="what takes three minutes at most")
    parser.add_argument("--load", type=float, metavar="MINUTES", help="only mixed traffic so long")
    arguments = parser.parse_args()
    found = list(
        traffic.load(arguments.load) if arguments.load else measured(quick=arguments.quick)
    )
    sys.stdout.write("\n".join(figures.table(found)) + "\n")
    if arguments.json:
        figures.write(arguments.json, found)


def measured(*, quick: bool) -> Iterator[Figure]:
    """Measure everything, or without what takes long."""
    yield from imports.figures(quick=quick)
    yield from warm.figures(QUICK_INVOCATIONS if quick else INVOCATIONS)
    yield from growth.figures(quick=quick)
    if not quick:
        yield from traffic.figures()


if __name__ == "__main__":
    main()
