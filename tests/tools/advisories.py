"""Check the project's dependencies for known vulnerabilities.

`uv run python -m tests.tools.advisories` fails if it finds one, or if nothing could be audited.
With `--unless-unreachable`, a machine that cannot reach the advisory service does not fail the
check.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple

TOOL = Path(__file__).parents[2] / ".ci/tool"
SECONDS = 300
UNLESS_UNREACHABLE = "--unless-unreachable"
# A vulnerability (CVE-2014-1402) that is old enough for every advisory service to know it.
VULNERABLE = "jinja2==2.4.1"
UNAUDITED = """
************************************************************************
*  NOTHING WAS AUDITED: this machine does not reach the advisories.    *
*  Whether a dependency has a known vulnerability is not known.        *
************************************************************************"""

type Report = dict[str, Any]


class Verdict(NamedTuple):
    """Return whether the check fails, and the text to print."""

    fails: bool
    text: str


def verdict(
    report: Report | None, is_reachable: Callable[[], bool], *, unless_unreachable: bool = False
) -> Verdict:
    """Judge the report of pip-audit. `None` means that there is no report."""
    dependencies = report["dependencies"] if report else []
    vulnerable = [dependency for dependency in dependencies if dependency.get("vulns")]
    unknown = sum("skip_reason" in dependency for dependency in dependencies)
    lines = [
        " ".join(
            (dependency["name"], *(vulnerability["id"] for vulnerability in dependency["vulns"]))
        )
        for dependency in vulnerable
    ]
    lines.append(
        f"advisories: {len(dependencies)} dependencies, {len(vulnerable)} vulnerable, "
        f"{unknown} unknown to the service"
    )
    if unknown < len(dependencies):
        return Verdict(bool(vulnerable), "\n".join(lines))
    if is_reachable():
        return Verdict(fails=True, text=f"{lines[-1]}: nothing was audited, but others can be")
    return Verdict(not unless_unreachable, f"{lines[-1]}{UNAUDITED}")


def audit_report(requirements: str, *options: str) -> Report | None:
    """Return pip-audit's report on the requirements, or `None` if the service does not answer."""
    command = [str(TOOL), "pip-audit", "pip-audit", "--disable-pip", "--format", "json"]
    completed = subprocess.run(
        [*command, *options, "--timeout", "10", "--requirement", requirements],
        capture_output=True,
        check=False,
        text=True,
        timeout=SECONDS,
    )
    try:
        report: Report = json.loads(completed.stdout)
    except json.JSONDecodeError:
        return None
    return report


def knows_of_a_vulnerability() -> bool:
    """Return whether the service reports a vulnerability that has been public for years."""
    with NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(VULNERABLE)
        requirements.flush()
        report = audit_report(requirements.name, "--no-deps")
    return any(dependency.get("vulns") for dependency in (report or {}).get("dependencies", ()))


def main(options: list[str]) -> None:
    """Audit the locked dependencies."""
    with NamedTemporaryFile(suffix=".txt") as requirements:
        export = ["uv", "--quiet", "export", "--frozen", "--no-emit-project", "--output-file"]
        subprocess.run([*export, requirements.name], check=True, stdout=subprocess.DEVNULL)
        report = audit_report(requirements.name, "--require-hashes")
    judged = verdict(
        report, knows_of_a_vulnerability, unless_unreachable=UNLESS_UNREACHABLE in options
    )
    print(judged.text)  # noqa: T201 - a command prints
    sys.exit(judged.fails)


if __name__ == "__main__":
    main(sys.argv[1:])
