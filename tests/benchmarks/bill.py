"""What a practice network would pay a month: measured units and CPU times public prices.

Prices are AWS's list for us-east-1 (2026-11), without free tiers:
https://aws.amazon.com/dynamodb/pricing/on-demand/ and those of Lambda, API Gateway and CloudWatch.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tests.benchmarks.figures import Figure

DAYS = 30
MILLION = 1_000_000
# A network's day. Under `daily`, each session's first message opens it and the job closes it.
MESSAGES, SESSIONS, READS_PER_MESSAGE = 200_000, 20_000, 10
# What those reads are: of one resource, of a thread, of an inbox.
READ_MIX = {"get": 0.4, "thread20": 0.4, "page20": 0.2}

WRITE_UNITS, READ_UNITS = 0.625 / MILLION, 0.125 / MILLION
REQUEST_HTTP, REQUEST_LAMBDA = 1.00 / MILLION, 0.20 / MILLION
GB_SECOND_ARM = 0.0000133334
LOG_GB, LOG_BYTES = 0.50, 900
STORED_GB, BYTES_PER_MESSAGE = 0.25, 6_000
KMS_KEY = 1.0

# Lambda gives a processor to 1,769 MB, and less in proportion.
PROCESSOR_MB = 1769
SIZES_MB = (256, 512, 1024, 1769)
# Milliseconds that DynamoDB takes, in the same region: a read, a transaction.
READ_MS, TRANSACTION_MS = 4, 15


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of invocation as measured: units, round trips and milliseconds of CPU."""

    writes: float
    reads: float
    calls: float
    cpu: float

    def milliseconds(self, memory: int) -> float:
        """Give how long one takes with so many MB."""
        transactions = 1 if self.writes else 0
        waits = (self.calls - transactions) * READ_MS + transactions * TRANSACTION_MS
        return waits + self.cpu * max(1, PROCESSOR_MB / memory)

    def lambda_price(self, memory: int) -> float:
        """Give what a million cost in Lambda."""
        seconds = self.milliseconds(memory) / 1000
        return MILLION * (REQUEST_LAMBDA + seconds * memory / 1024 * GB_SECOND_ARM)


def kinds(figures: Iterable[Figure]) -> dict[str, Kind]:
    """Read the kinds of invocations out of what was measured."""
    values = {one.name: one.value for one in figures}
    names = [name.removeprefix("wu.") for name in values if name.startswith("wu.")]
    return {
        name: Kind(*(values[f"{what}.{name}"] for what in ("wu", "ru", "calls", "cpu")))
        for name in names
    }


def memory(found: Mapping[str, Kind]) -> Iterator[str]:
    """Give the table of memory sizes: how long, and what a million cost in Lambda."""
    yield "| memory | a GET | a million | a message | a million |"
    yield "|---:|---:|---:|---:|---:|"
    for size in SIZES_MB:
        cells = [
            cell
            for name in ("get", "message")
            for cell in (
                f"{found[name].milliseconds(size):.0f} ms",
                f"{found[name].lambda_price(size):.2f} USD",
            )
        ]
        yield f"| {size} MB | {' | '.join(cells)} |"


def month(found: Mapping[str, Kind], megabytes: int = 1024) -> Iterator[str]:
    """Give the table of a month's bill."""
    day = {name: MESSAGES * READS_PER_MESSAGE * part for name, part in READ_MIX.items()}
    day |= {"daily_message": MESSAGES - SESSIONS, "daily_open": SESSIONS, "close": SESSIONS}
    uses = {found[name]: DAYS * number for name, number in day.items()}
    requests = sum(uses.values())
    lines = {
        "DynamoDB, writes": WRITE_UNITS * sum(kind.writes * times for kind, times in uses.items()),
        "DynamoDB, reads": READ_UNITS * sum(kind.reads * times for kind, times in uses.items()),
        "DynamoDB, stored by each month": STORED_GB * DAYS * MESSAGES * BYTES_PER_MESSAGE / 1e9,
        "API Gateway": REQUEST_HTTP * requests,
        f"Lambda, {megabytes} MB on arm64": sum(
            kind.lambda_price(megabytes) * times / MILLION for kind, times in uses.items()
        ),
        "CloudWatch Logs": LOG_GB * LOG_BYTES * requests / 1e9,
        "KMS": KMS_KEY,
    }
    yield "| | USD a month |"
    yield "|---|---:|"
    yield from (f"| {name} | {price:,.0f} |" for name, price in lines.items())
    yield f"| **together** | **{sum(lines.values()):,.0f}** |"
