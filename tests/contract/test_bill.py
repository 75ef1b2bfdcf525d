"""The monthly cost of the benchmark's model network, at the units and bytes of today's code.

CPU is a small part of it, so the value is one measured earlier, with a margin.
"""

from collections.abc import Iterator

import pytest

from tests.benchmarks import bill, trail
from tests.benchmarks.figures import Figure
from tests.benchmarks.scenarios import SCENARIOS

MOST, MOST_AGAIN = 330, 30
# Milliseconds of CPU per request.
CPU = {"get": 1.5, "page20": 4, "thread20": 5}
OF_WRITES = 10
OF_TRAIL = {"trail.log.cpu": 2, "trail.collect.cpu": 2, "trail.index.cpu": 5000}


def figures() -> Iterator[Figure]:
    """Return the benchmark's figures, with CPU times that are the same on any machine."""
    for scenario in SCENARIOS:
        name = scenario.name
        yield Figure(f"wu.{name}", "", scenario.writes)
        yield Figure(f"ru.{name}", "", scenario.reads)
        yield Figure(f"calls.{name}", "", scenario.calls)
        yield Figure(f"cpu.{name}", "ms", CPU.get(name, OF_WRITES))
    for figure in trail.figures():
        yield Figure(figure.name, figure.unit, OF_TRAIL.get(figure.name, figure.value))


@pytest.fixture(scope="module")
def month() -> bill.Month:
    return bill.Month(figures())


def test_a_month_stays_within_its_total_budget(month: bill.Month) -> None:
    assert sum(month.lines.values()) <= MOST, month.lines


def test_the_storage_of_a_month_adds_little_to_later_months(month: bill.Month) -> None:
    assert sum(month.added.values()) <= MOST_AGAIN, month.added


def test_the_audit_trail_of_reads_is_a_small_part_of_the_bill(month: bill.Month) -> None:
    of_trail = [price for name, price in month.lines.items() if "audit trail" in name]
    assert len(of_trail) == 2
    assert sum(of_trail) <= sum(month.lines.values()) / 10
