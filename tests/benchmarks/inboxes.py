"""The cost of the queries of real inboxes as the stored data grows, written into README.md here.

`uv run python -m tests.benchmarks.inboxes`
"""

from collections.abc import Iterator
from pathlib import Path

from tests.support.inbox_queries import INBOX, Cost, cost, fill
from tests.support.stored_clinic import open_clinic
from tests.tools.readme import table, with_table

DOCUMENT = Path(__file__).with_name("README.md")
SIZES = (1_000, 100_000)


def inboxes() -> Iterator[str]:
    """Yield the lines of the table."""
    measured = [costs(size) for size in SIZES]
    head = "Query | " + " | ".join(f"Read units at {size:,}" for size in SIZES)
    return table(
        f"{head} | Bound | Rows read | Found, and included",
        (
            (
                f"`{query}`",
                *(str(costs_by_query[query].units) for costs_by_query in measured),
                str(bound),
                str(measured[-1][query].rows),
                _found_and_included(measured[-1][query]),
            )
            for query, bound in INBOX.items()
        ),
    )


def _found_and_included(cost: Cost) -> str:
    return f"{cost.found}, {cost.included}" if cost.included else str(cost.found)


def costs(size: int) -> dict[str, Cost]:
    """Run every query on a store of `size` resources, and return the costs."""
    with open_clinic() as archive:
        fill(archive, size)
        return {query: cost(archive.memory, query) for query in INBOX}


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(), "inboxes", inboxes()))
