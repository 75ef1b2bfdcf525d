"""CPU and wall time of warm invocations beside the bare calls they make, and what those consume."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
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
    """Let functions log as they do, to nowhere."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def figures(invocations: int) -> Iterator[Figure]:
    """Measure every scenario."""
    for scenario in SCENARIOS:
        yield from _figures(scenario, invocations)


def _figures(scenario: Scenario, invocations: int) -> Iterator[Figure]:
    endpoint = Endpoint()
    with deployed(endpoint, **scenario.said) as practice, silent():
        cpu, wall = _invocations(scenario.requests(practice), endpoint, invocations)
        calls = [*endpoint.calls]
        floor_cpu, floor_wall = _bare(calls, invocations)
    name = scenario.name
    yield Figure(f"cpu.{name}", "ms", median(cpu), median(floor_cpu), scenario.cpu)
    yield Figure(f"cpu.{name}.p99", "ms", _p99(cpu), _p99(floor_cpu))
    yield Figure(f"wall.{name}", "ms", median(wall), median(floor_wall))
    yield Figure(f"wall.{name}.p99", "ms", _p99(wall), _p99(floor_wall))
    if writes := sum(call.write_units for call in calls):
        yield Figure(f"wu.{name}", "write units", writes, bound=scenario.writes)
    reads = sum(call.read_units for call in calls)
    yield Figure(f"ru.{name}", "read units", reads, bound=scenario.reads)
    yield Figure(f"calls.{name}", "round trips", len(calls))
    sent, answered = sum(call.sent for call in calls), sum(len(call.answer) for call in calls)
    yield Figure(f"bytes.{name}", "bytes sent and answered", sent + answered)


def _p99(values: list[float]) -> float:
    return quantiles(values, n=100)[-1]


def _invocations(
    requests: Iterator[Request], endpoint: Endpoint, number: int
) -> tuple[list[float], list[float]]:
    """Make requests; give milliseconds of CPU and by the clock, the endpoint's own aside.

    The endpoint then has the calls of the last one.
    """
    cpu, wall = [], []
    for handler, event in islice(requests, WARM_UP + number):
        endpoint.calls.clear()
        endpoint.cpu = endpoint.wall = 0
        begun = time.process_time(), time.perf_counter()
        answer = handler(event, None)
        cpu.append(MS * (time.process_time() - begun[0] - endpoint.cpu))
        wall.append(MS * (time.perf_counter() - begun[1] - endpoint.wall))
        assert answer["statusCode"] in (200, 201), answer["body"]
    return cpu[WARM_UP:], wall[WARM_UP:]


def _bare(calls: list[Call], number: int) -> tuple[list[float], list[float]]:
    """Make the same calls by a plain client, answered with the same bytes."""
    client = boto3.client(
        "dynamodb",
        region_name=CREDENTIALS["AWS_DEFAULT_REGION"],
        aws_access_key_id="benchmark",
        aws_secret_access_key="benchmark",
    )
    answers: list[bytes] = []
    client.meta.events.register(
        "before-send.dynamodb", lambda request, **_: respond(request.url, answers.pop(0))
    )
    bound: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (getattr(client, METHODS[call.operation]), call.request) for call in calls
    ]
    cpu, wall = [], []
    for _ in range(WARM_UP + number):
        answers[:] = [call.answer for call in calls]
        begun = time.process_time(), time.perf_counter()
        for method, request in bound:
            method(**request)
        cpu.append(MS * (time.process_time() - begun[0]))
        wall.append(MS * (time.perf_counter() - begun[1]))
    return cpu[WARM_UP:], wall[WARM_UP:]
