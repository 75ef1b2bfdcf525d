"""The clock and the order of all tests, and the summary of random runs from all processes."""

import gc
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Generator, Iterator, Mapping

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests.support import clock

# Containers often forbid bytecode: each of the many programs of a run would compile all it imports.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# The tests of these folders mostly wait for programs that they start. Those of clients are first:
# they share a deployed service with most of e2e, and together they take longest.
_WAITING = ("clients", "e2e", "explorer", "integration")
# Of the others, files of these folders take longest, and come first.
_LONG = ("oracle", "stateful", "properties")
# The part of a run over which those that wait are spread, so that none of them is left at its end.
_SPREAD = 0.8
# The folders of tests on one deployed service, and a folder in them whose tests deploy their own.
_ON_A_DEPLOYMENT, _ON_THEIR_OWN = ("tests/e2e/", "tests/clients/"), "tests/e2e/deployments/"


class _Scheduling(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Files, one at a time. One process runs all that share a deployed service."""

    def _split_scope(self, nodeid: str) -> str:
        shares = nodeid.startswith(_ON_A_DEPLOYMENT) and not nodeid.startswith(_ON_THEIR_OWN)
        return "deployed" if shares else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """Return what distributes the tests to processes."""
    return _Scheduling(config, log)


def pytest_xdist_auto_num_workers() -> int:
    """Return two processes more than there are processors, since some wait for other programs."""
    return (os.cpu_count() or 1) + 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files that wait for other programs among those that keep a processor busy."""
    files = dict.fromkeys(_file(item) for item in items)
    waiting = [file for name in _WAITING for file in files if file.startswith(f"tests/{name}/")]
    long = [file for name in _LONG for file in files if file.startswith(f"tests/{name}/")]
    busy = [file for file in dict.fromkeys([*long, *files]) if file not in waiting]
    places = {file: _SPREAD * place / len(waiting) for place, file in enumerate(waiting)}
    places |= {file: place / len(busy) for place, file in enumerate(busy)}
    items.sort(key=lambda item: places[_file(item)])


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect tests with the garbage collector off, then let it skip them and run less often.

    Tests and modules stay in memory to the end. Looking through them took a twentieth of the time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 100)
        gc.enable()


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


@pytest.fixture(scope="session", autouse=True)
def clock_of_tests() -> Iterator[None]:
    """Set the same time for all tests and fixtures, of every scope, on any date."""
    with clock.running():
        yield


@pytest.fixture(scope="session")
def service() -> Iterator[Mapping[str, str]]:
    """Yield the variables that clients need to reach a deployed service."""
    from tests.support.deployment import deployment  # noqa: PLC0415 - most runs deploy nothing

    with deployment() as values:
        yield values


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how often each session rule was followed, by test file."""
    files = defaultdict[str, Counter[str]](Counter)
    for report in terminalreporter.stats.get("passed", ()):
        for name, value in report.user_properties:
            if name == "followed":
                files[report.fspath].update(value)
    for file, followed in files.items():
        terminalreporter.section(f"rules followed, {file}")
        for rule, count in sorted(followed.items()):
            terminalreporter.write_line(f"{count:8} {rule}")
