"""Measures the service: `uv run async-encounters bench`."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.benchmarks import bill, figures, growth, imports, peak, traffic, trail, warm
from tests.benchmarks.figures import Figure

INVOCATIONS, QUICK_INVOCATIONS = 1000, 500
README = Path(__file__).with_name("README.md")
# Which figures README.md beside this shows, by the beginnings of their names.
SHOWN = ("import.", "memory.peak.", "cpu.", "wu.", "ru.", "calls.", "growth.", "size.", "http.")
# And which of these it leaves out, by their ends: of growth it shows the largest size.
HIDDEN = (".p99", ".1000", ".10000")


def main() -> None:
    """Measure, write a Markdown table and, where asked, JSON."""
    parser = argparse.ArgumentParser(prog="async-encounters bench", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there too")
    parser.add_argument("--quick", action="store_true", help="what takes three minutes at most")
    parser.add_argument("--load", type=float, metavar="MINUTES", help="only mixed traffic so long")
    parser.add_argument("--readme", action="store_true", help="write the tables of README.md")
    arguments = parser.parse_args()
    found = list(
        traffic.load(arguments.load) if arguments.load else measured(quick=arguments.quick)
    )
    sys.stdout.write("\n".join(figures.table(found)) + "\n")
    if arguments.json:
        figures.write(arguments.json, found)
    if arguments.readme:
        README.write_text(rewritten(README.read_text(), tables(found)))


def measured(*, quick: bool) -> Iterator[Figure]:
    """Measure everything, or without what takes long."""
    yield from imports.figures(quick=quick)
    yield from warm.figures(QUICK_INVOCATIONS if quick else INVOCATIONS)
    yield from trail.figures()
    yield from peak.figures()
    yield from growth.figures(quick=quick)
    if not quick:
        yield from traffic.figures()


def tables(found: list[Figure]) -> Mapping[str, Iterator[str]]:
    """Return the tables of README.md by their names there."""
    shown = (one for one in found if one.name.startswith(SHOWN) and not one.name.endswith(HIDDEN))
    kinds = bill.kinds(found)
    return {
        "bench": figures.table(shown),
        "memory": bill.memory(kinds),
        "bill": bill.month(found),
    }


def rewritten(text: str, made: Mapping[str, Iterator[str]]) -> str:
    """Put tables between the comments that name them."""
    for name, lines in made.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        text = before + begin + "\n".join(lines) + "\n" + end + rest.partition(end)[2]
    return text


if __name__ == "__main__":
    main()
