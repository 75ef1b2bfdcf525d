"""What random runs report at the end, from whichever process they ran in."""

from collections import Counter, defaultdict

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how often each rule of sessions was followed, by the file whose tests did."""
    files = defaultdict[str, Counter[str]](Counter)
    for report in terminalreporter.stats.get("passed", ()):
        for name, value in report.user_properties:
            if name == "followed":
                files[report.fspath].update(value)
    for file, followed in files.items():
        terminalreporter.section(f"rules followed, {file}")
        for rule, count in sorted(followed.items()):
            terminalreporter.write_line(f"{count:8} {rule}")
