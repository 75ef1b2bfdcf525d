"""The clock of all tests, and the summary of random runs from all processes."""

from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest

from tests.support import clock


@pytest.fixture(scope="session", autouse=True)
def clock_of_tests() -> Iterator[None]:
    """Set the same time for all tests and fixtures, of every scope, on any date."""
    with clock.running():
        yield


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
