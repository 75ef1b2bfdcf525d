"""CPU and wall time of warm invocations, beside the bare DynamoDB calls that they make."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

import boto3

from tests.benchmarks.endpoint import METHODS, Call, Endpoint, respond
from tests.benchmarks.figures import Figure
from tests.benchmarks.practice import CREDENTIALS, Request, deployed
from tests.benchmarks.scenarios import SCENARIOS, Scenario

MS = 1000
WARM_UP = 20


@contextmanager
def silent() -> Iterator[None]:
    """Let functions log as usual, but discard the lines."""
    sys.stdout.flush()
    stdout, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(stdout, 1)
        os.close(stdout)
        os.close(nowhere)


def figures(invocations: int) -> Iterator[Figure]:
    """Measure every scenario."""
    for scenario in SCENARIOS:
        yield from _figures(scenario, invocations)


def _figures(scenario: Scenario, invocations: int) -> Iterator[Figure]:
    endpoint, ours, bare = Endpoint(), Times(), Times()
    with deployed(endpoint, **scenario.said) as practice, silent():
        requests = scenario.requests(practice)
        for _ in range(WARM_UP):
            _invoke(requests, endpoint)
        floor = Bare([*endpoint.calls])
        for _ in range(WARM_UP):
            floor.make()
        # Alternate between both, so that other load on the machine affects both alike.
        for _ in range(invocations):
            ours.add(_invoke(requests, endpoint))
            bare.add(floor.make())
    name, calls = scenario.name, endpoint.calls
    yield Figure(f"cpu.{name}", "ms", median(ours.cpu), median(bare.cpu), scenario.cpu)
    yield Figure(f"cpu.{name}.p99", "ms", _p99(ours.cpu), _p99(bare.cpu))
    yield Figure(f"wall.{name}", "ms", median(ours.wall), median(bare.wall))
    yield Figure(f"wall.{name}.p99", "ms", _p99(ours.wall), _p99(bare.wall))
    yield Figure(f"wu.{name}", "write units", writes(calls), bound=scenario.writes)
    yield Figure(f"ru.{name}", "read units", reads(calls), bound=scenario.reads)
    yield Figure(f"calls.{name}", "round trips", len(calls), bound=scenario.calls)
    sent, answered = sum(call.sent for call in calls), sum(len(call.answer) for call in calls)
    yield Figure(f"bytes.{name}", "bytes sent and answered", sent + answered)


def writes(calls: list[Call]) -> int:
    """Return the write units of calls."""
    return sum(call.write_units for call in calls)


def reads(calls: list[Call]) -> int:
    """Return the read units of calls."""
    return sum(call.read_units for call in calls)


@dataclass
class Times:
    """The CPU and wall time of each invocation, in milliseconds."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    def add(self, seconds: tuple[float, float]) -> None:
        """Add one invocation."""
        self.cpu.append(MS * seconds[0])
        self.wall.append(MS * seconds[1])


def _p99(values: list[float]) -> float:
    return quantiles(values, n=100)[-1]


def _invoke(requests: Iterator[Request], endpoint: Endpoint) -> tuple[float, float]:
    """Make the next request. Return its time without the endpoint's own, which keeps the calls."""
    handler, event = next(requests)
    endpoint.calls.clear()
    endpoint.cpu = endpoint.wall = 0
    begun = time.process_time(), time.perf_counter()
    answer = handler(event, None)
    cpu = time.process_time() - begun[0] - endpoint.cpu
    wall = time.perf_counter() - begun[1] - endpoint.wall
    assert answer["statusCode"] in (200, 201), answer["body"]
    return cpu, wall


class Bare:
    """The same calls by a plain client, answered with the same bytes."""

    def __init__(self, calls: list[Call]) -> None:
        client = boto3.client(
            "dynamodb",
            region_name=CREDENTIALS["AWS_DEFAULT_REGION"],
            aws_access_key_id="benchmark",
            aws_secret_access_key="benchmark",
        )
        client.meta.events.register("before-send.dynamodb", self._answer)
        self._calls: list[tuple[Callable[..., Any], dict[str, Any]]] = [
            (getattr(client, METHODS[call.operation]), call.request) for call in calls
        ]
        self._known = [call.answer for call in calls]
        self._answers: list[bytes] = []

    def _answer(self, request: Any, **_: Any) -> Any:
        return respond(request.url, self._answers.pop(0))

    def make(self) -> tuple[float, float]:
        """Make all calls. Return the seconds of CPU and of wall time."""
        self._answers = [*self._known]
        begun = time.process_time(), time.perf_counter()
        for method, request in self._calls:
            method(**request)
        return time.process_time() - begun[0], time.perf_counter() - begun[1]
