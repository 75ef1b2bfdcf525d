import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from shared import metrics, settings
from shared.local import template


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in template.function_environment(template.load()).items():
        monkeypatch.setenv(name, value)
    settings.settings.cache_clear()
    metrics.write()  # earlier tests in this process may have left some
    yield
    settings.settings.cache_clear()


@contextmanager
def quick_switches() -> Iterator[None]:
    """Let the interpreter switch between threads as often as it can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    metrics.write()
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("count", [99, 100, 101, 250])
def test_every_value_is_written_in_lines_of_as_many_as_cloudwatch_reads(
    count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    values = [float(second) for second in range(count)]
    for value in values:
        metrics.record(metrics.LAG, value, "daily")
    lines = written(capsys)
    assert all(len(line[metrics.LAG]) <= 100 for line in lines)
    assert [value for line in lines for value in line[metrics.LAG]] == values


def test_what_threads_record_and_write_at_once_is_written_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def request(_: int) -> None:
        metrics.record(metrics.OPENED)
        metrics.write()

    with quick_switches(), ThreadPoolExecutor(8) as pool:
        list(pool.map(request, range(500)))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(len(line[metrics.OPENED]) for line in lines) == 500


def test_figures_of_two_policies_are_not_mixed(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.record(metrics.OPENED, policy="daily")
    metrics.record(metrics.OPENED, policy="thread")
    metrics.record(metrics.OPENED, policy="daily")
    opened = {line["Policy"]: line[metrics.OPENED] for line in written(capsys)}
    assert opened == {"daily": [1, 1], "thread": [1]}


def test_lines_of_later_requests_are_like_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    lines = []
    for _ in range(3):
        metrics.record(metrics.OPENED, policy="thread")
        lines += written(capsys)
    for line in lines:
        line["_aws"].pop("Timestamp")
    assert lines == [lines[0]] * 3
    assert (lines[0]["Policy"], lines[0][metrics.OPENED]) == ("thread", [1])


def test_nothing_is_written_twice_and_nothing_where_nothing_was_noted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    metrics.record(metrics.CLOSING_FAILURES)
    assert len(written(capsys)) == 1
    assert written(capsys) == []
