"""The monthly bill of a practice network: measured units, bytes and CPU times public prices."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.http.compression import LEAST_BYTES
from shared.local import template
from tests.benchmarks import prices
from tests.benchmarks.figures import Figure
from tests.benchmarks.model import (
    DAYS,
    GATHERED,
    GATHERED_WRITES,
    GZIP,
    MESSAGES,
    PRACTITIONERS,
    READ_MIX,
    READS_PER_MESSAGE,
    SECONDS_A_DAY,
    SESSIONS,
    SHARDS,
)
from tests.benchmarks.prices import GB, MILLION

# Lambda gives a function one processor at 1,769 MB, and a proportional part below.
PROCESSOR_MB = 1769
SIZES_MB = (256, 512, 1024, 1769)
# Milliseconds of a read and a transaction of DynamoDB in the same region, and of a put to S3.
READ_MS, TRANSACTION_MS, PUT_MS = 4, 15, 60
# The bytes and lines that the Lambda platform logs of a request at INFO: its start and its report.
PLATFORM_BYTES, PLATFORM_LINES = 420, 2
# The seconds after which a role requests a table's key again.
KEY_SECONDS = 300
# The service client gets a token each hour; the scheduler runs each minute.
TOKENS, RUNS = 24 * DAYS, 24 * 60 * DAYS
# A message in the closing queue is sent, received and deleted.
REQUESTS_A_SESSION = 3
# New events stay in the table for a week.
WEEK = 7

type Values = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of invocation as measured: units, round trips and milliseconds of CPU."""

    writes: float
    reads: float
    calls: float
    cpu: float

    def milliseconds(self, memory: int) -> float:
        """Return the duration in milliseconds with `memory` MB."""
        transactions = 1 if self.writes else 0
        waits = (self.calls - transactions) * READ_MS + transactions * TRANSACTION_MS
        return waits + self.cpu * max(1, PROCESSOR_MB / memory)

    def lambda_price(self, memory: int) -> float:
        """Return the price of a million invocations in Lambda."""
        return MILLION * _invocation(self.milliseconds(memory), memory)


def _invocation(milliseconds: float, memory: int) -> float:
    seconds = milliseconds / 1000
    return prices.REQUEST_LAMBDA + seconds * memory / 1024 * prices.GB_SECOND_ARM


def kinds(figures: Iterable[Figure]) -> dict[str, Kind]:
    """Return the kinds of invocations in the figures, by name."""
    values = {figure.name: figure.value for figure in figures}
    names = [name.removeprefix("wu.") for name in values if name.startswith("wu.")]
    return {
        name: Kind(*(values[f"{what}.{name}"] for what in ("wu", "ru", "calls", "cpu")))
        for name in names
    }


def memory(kinds_by_name: Mapping[str, Kind]) -> Iterator[str]:
    """Yield the table of memory sizes: durations, and prices of a million invocations."""
    yield "| memory | a GET | a million | a message | a million |"
    yield "|---:|---:|---:|---:|---:|"
    for size in SIZES_MB:
        cells = [
            cell
            for name in ("get", "message")
            for cell in (
                f"{kinds_by_name[name].milliseconds(size):.0f} ms",
                f"{kinds_by_name[name].lambda_price(size):.2f} USD",
            )
        ]
        yield f"| {size} MB | {' | '.join(cells)} |"


class Month:
    """A month's bill, line by line, computed from the figures."""

    def __init__(self, figures: Iterable[Figure], megabytes: int = 1024) -> None:
        """Store the figures, and the number of requests of each kind."""
        measured = list(figures)
        self.values: Values = {one.name: one.value for one in measured}
        self.kinds, self.megabytes = kinds(measured), megabytes
        self.template = template.load()
        day = {name: MESSAGES * READS_PER_MESSAGE * part for name, part in READ_MIX.items()}
        day |= {"daily_message": MESSAGES - SESSIONS, "daily_open": SESSIONS, "close": SESSIONS}
        self.uses = {name: DAYS * number for name, number in day.items()}

    @property
    def lines(self) -> dict[str, float]:
        """Return the price of each item of the bill."""
        return {
            "DynamoDB, writes": prices.WRITE_UNITS * self._used("wu"),
            "DynamoDB, reads": prices.READ_UNITS * self._used("ru"),
            "DynamoDB, writes of the audit trail": prices.WRITE_UNITS * self._trail_units(),
            "DynamoDB, new events, kept a week": self._kept(self._each("trail.new") * WEEK / DAYS),
            **self.added,
            "S3, requests": self._objects * (prices.PUT + prices.TRANSITION),
            "API Gateway": prices.REQUEST_HTTP * self._requests,
            f"Lambda, {self.megabytes} MB on arm64": sum(
                self.kinds[name].lambda_price(self.megabytes) * times / MILLION
                for name, times in self.uses.items()
            ),
            "Lambda of the audit trail": self._trail_lambda(),
            "CloudWatch Logs": self._logs(),
            "CloudWatch metrics, alarms and dashboard": self._watching(),
            "KMS": prices.KMS_KEY + prices.KMS_REQUEST * self._key_requests(),
            "Cognito": prices.ACTIVE_USER * PRACTITIONERS
            + prices.SERVICE_CLIENT
            + prices.SERVICE_TOKEN * TOKENS,
            "SQS and EventBridge": prices.QUEUE_REQUEST * self.uses["close"] * REQUESTS_A_SESSION
            + prices.SCHEDULED * RUNS,
            "DynamoDB and Lambda, whether there is a Subscription": self._changes(),
            "Internet, what is answered": prices.INTERNET_GB * self._sent() / GB,
        }

    @property
    def added(self) -> dict[str, float]:
        """Return the price of what a month stores, due again each month that it is kept."""
        care, index = self._used("stored"), self._each("trail.index")
        return {
            "DynamoDB, stored by each month": prices.STORED_GB * (care + index) / GB,
            "its backups": prices.BACKUP_GB * (care + index) / GB,
            "S3, stored by each month": prices.NEW_OBJECTS_GB * self._each("trail.archive") / GB,
        }

    def _sent(self) -> float:
        """Return the bytes of all answers, with gzip where an answer is long enough."""
        sizes = {name: self.values[f"answer.{name}"] for name in self.uses}
        packed = {n: size * GZIP if size >= LEAST_BYTES else size for n, size in sizes.items()}
        return sum(packed[name] * times for name, times in self.uses.items())

    def _used(self, prefix: str) -> float:
        return sum(self.values[f"{prefix}.{name}"] * times for name, times in self.uses.items())

    @property
    def _gatherings(self) -> float:
        return DAYS * SECONDS_A_DAY / GATHERED

    @property
    def _requests(self) -> float:
        return sum(self.uses.values())

    @property
    def _objects(self) -> float:
        return self._each("trail.objects")

    def _each(self, name: str) -> float:
        """Return the monthly total of a figure measured per gathering of the stream."""
        return self.values[name] * self._gatherings

    def _kept(self, size: float) -> float:
        return (prices.STORED_GB + prices.BACKUP_GB) * size / GB

    @property
    def _calls(self) -> dict[str, float]:
        """Return how often each function of the audit trail is called."""
        seconds = DAYS * SECONDS_A_DAY
        return {
            "log": self._each("trail.log.calls"),
            "collect": min(seconds / GATHERED_WRITES * SHARDS, self._each("trail.collect.calls")),
            "index": self._gatherings,
        }

    def _trail_units(self) -> float:
        return sum(self.values[f"trail.{name}.wu"] * n for name, n in self._calls.items())

    def _trail_lambda(self) -> float:
        return sum(
            _invocation(self._took(name), self.megabytes) * n for name, n in self._calls.items()
        )

    def _changes(self) -> float:
        """Return the price of a read for each batch of writes, and of the time that it takes."""
        took = _invocation(READ_MS, self.megabytes) - prices.REQUEST_LAMBDA
        return self._calls["collect"] * (prices.READ_UNITS + took)

    def _took(self, name: str) -> float:
        cpu = self.values[f"trail.{name}.cpu"] * max(1, PROCESSOR_MB / self.megabytes)
        waits = self.values[f"trail.{name}.trips"] * TRANSACTION_MS
        return cpu + waits + (PUT_MS if name == "index" else 0)

    def _logs(self) -> float:
        lines = self._used("line") + self._requests * prices.LINE_BYTES
        of_trail = sum(
            (self.values[f"trail.{name}.line"] + prices.LINE_BYTES) * n
            for name, n in self._calls.items()
        )
        access = (self._access_line() + prices.LINE_BYTES) * self._requests
        kept_days: int = self.template["Parameters"]["LogRetentionDays"]["Default"]
        price = prices.LOG_GB + prices.LOG_KEPT_GB * prices.LOG_COMPRESSED * kept_days / DAYS
        return price * (lines + of_trail + access + self._platform()) / GB

    def _access_line(self) -> int:
        stage = self.template["Resources"]["ApiStage"]["Properties"]
        log_format: str = stage["AccessLogSettings"]["Format"]
        examples = {
            "path": "/fhir/R4/Encounter/01M7YZMHN3X5XEK4WRV939P2GM",
            "routeKey": "GET /fhir/R4/{type}/{id}",
            "requestTime": "21/Nov/2026:12:00:00 +0000",
            "requestId": "JKJaXmPLvHcESHA=",
            "identity.sourceIp": "203.0.113.10",
        }
        return len(
            re.sub(r"\$context\.([A-Za-z.]+)", lambda one: examples.get(one[1], "200"), log_format)
        )

    def _platform(self) -> float:
        level = self.template["Globals"]["Function"]["LoggingConfig"].get("SystemLogLevel", "INFO")
        size = PLATFORM_BYTES + PLATFORM_LINES * prices.LINE_BYTES
        return 0 if level == "WARN" else size * (self._requests + sum(self._calls.values()))

    def _watching(self) -> float:
        alarms, figures = watched(self.template)
        return prices.ALARM * alarms + prices.METRIC * figures + prices.DASHBOARD

    def _key_requests(self) -> float:
        """Return how often the key is requested: by each role and table, and for the archive."""
        functions = _deployed(self.template, "AWS::Serverless::Function")
        pairs = sum(
            str(function["Properties"].get("Policies", "")).count("Table'")
            for function in functions
        )
        return pairs * DAYS * SECONDS_A_DAY / KEY_SECONDS + self._objects


def watched(body: Mapping[str, Any]) -> tuple[int, int]:
    """Return the number of metrics that alarms are billed for, and of our own figures.

    An alarm over several metrics is billed for each of them. One policy is in use, so a figure by
    policy is one metric.
    """
    alarms = _deployed(body, "AWS::CloudWatch::Alarm")
    queries = [query["Properties"].get("Metrics", [{"MetricStat": {}}]) for query in alarms]
    # What only some deployments show is in the substitutions.
    dashboard, _ = body["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    figures = set(re.findall(r'"\$\{AWS::StackName\}", "(\w+)"', dashboard))
    return sum("MetricStat" in query for metrics in queries for query in metrics), len(figures)


def _deployed(body: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    """Return the resources of a type that a network without text messages and e-mail has."""
    resources = template.resources(dict(body), kind).values()
    return [resource for resource in resources if resource.get("Condition") != "HasChannels"]


def month(figures: Iterable[Figure]) -> Iterator[str]:
    """Yield the table of a month's bill."""
    bill = Month(figures)
    yield "| | USD a month |"
    yield "|---|---:|"
    yield from (f"| {name} | {price:,.1f} |" for name, price in bill.lines.items())
    yield f"| **together** | **{sum(bill.lines.values()):,.0f}** |"
    again = sum(bill.added.values())
    yield f"| of it for what is stored, again each month | {again:,.0f} |"
