"""Measure the service: `uv run async-encounters bench`."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.benchmarks import bill, figures, growth, imports, peak, traffic, trail, warm
from tests.benchmarks.figures import Figure

INVOCATIONS, QUICK_INVOCATIONS = 1000, 500
README = Path(__file__).with_name("README.md")
# Prefixes of the figures that README.md in this folder shows.
SHOWN = ("import.", "memory.peak.", "cpu.", "wu.", "ru.", "calls.", "growth.", "size.", "http.")
# Suffixes of figures that it leaves out. Of growth it shows only the largest size.
HIDDEN = (".p99", ".1000", ".10000")


def main() -> None:
    """Measure, print a Markdown table and, if requested, write JSON."""
    parser = argparse.ArgumentParser(prog="async-encounters bench", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there too")
    parser.add_argument("--quick", action="store_true", help="what takes three minutes at most")
    parser.add_argument("--load", type=float, metavar="MINUTES", help="only mixed traffic so long")
    parser.add_argument("--readme", action="store_true", help="write the tables of README.md")
    arguments = parser.parse_args()
    measured_figures = list(
        traffic.load(arguments.load) if arguments.load else measured(quick=arguments.quick)
    )
    sys.stdout.write("\n".join(figures.table(measured_figures)) + "\n")
    if arguments.json:
        figures.write(arguments.json, measured_figures)
    if arguments.readme:
        README.write_text(rewritten(README.read_text(), tables(measured_figures)))


def measured(*, quick: bool) -> Iterator[Figure]:
    """Measure everything, or only what is quick."""
    yield from imports.figures(quick=quick)
    yield from warm.figures(QUICK_INVOCATIONS if quick else INVOCATIONS)
    yield from trail.figures()
    yield from peak.figures()
    yield from growth.figures(quick=quick)
    if not quick:
        yield from traffic.figures()


def tables(measured_figures: list[Figure]) -> Mapping[str, Iterator[str]]:
    """Return the tables of README.md by name."""
    shown = (
        figure
        for figure in measured_figures
        if figure.name.startswith(SHOWN) and not figure.name.endswith(HIDDEN)
    )
    kinds = bill.kinds(measured_figures)
    return {
        "bench": figures.table(shown),
        "memory": bill.memory(kinds),
        "bill": bill.month(measured_figures),
    }


def rewritten(text: str, tables_by_name: Mapping[str, Iterator[str]]) -> str:
    """Put tables between the comments that name them."""
    for name, lines in tables_by_name.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        head, _, rest = text.partition(begin)
        text = head + begin + "\n".join(lines) + "\n" + end + rest.partition(end)[2]
    return text


if __name__ == "__main__":
    main()
