"""Ask whether there are known vulnerabilities in what the project depends on.

`uv run python -m tests.advisories` fails if there are, and if nothing could be audited. With
`--unless-unreachable` that is no failure on a machine that does not reach the advisories.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple

TOOL = Path(__file__).parents[1] / ".ci/tool"
SECONDS = 300
UNLESS_UNREACHABLE = "--unless-unreachable"
# Old enough that every service of advisories knows of it (CVE-2014-1402).
VULNERABLE = "jinja2==2.4.1"
UNAUDITED = """
************************************************************************
*  NOTHING WAS AUDITED: this machine does not reach the advisories.    *
*  Whether a dependency has a known vulnerability is not known.        *
************************************************************************"""

type Report = dict[str, Any]


class Verdict(NamedTuple):
    """Whether the check fails, and what there is to say."""

    fails: bool
    text: str


def verdict(
    report: Report | None, is_reachable: Callable[[], bool], *, unless_unreachable: bool = False
) -> Verdict:
    """Judge what pip-audit has reported; None is no report at all."""
    dependencies = report["dependencies"] if report else []
    vulnerable = [one for one in dependencies if one.get("vulns")]
    unknown = sum("skip_reason" in one for one in dependencies)
    lines = [" ".join((one["name"], *(each["id"] for each in one["vulns"]))) for one in vulnerable]
    lines.append(
        f"advisories: {len(dependencies)} dependencies, {len(vulnerable)} vulnerable, "
        f"{unknown} unknown to the service"
    )
    if unknown < len(dependencies):
        return Verdict(bool(vulnerable), "\n".join(lines))
    if is_reachable():
        return Verdict(fails=True, text=f"{lines[-1]}: nothing was audited, but others can be")
    return Verdict(not unless_unreachable, f"{lines[-1]}{UNAUDITED}")


def audited(requirements: str, *options: str) -> Report | None:
    """Return what pip-audit reports of requirements; None where the service does not answer."""
    command = [str(TOOL), "pip-audit", "pip-audit", "--disable-pip", "--format", "json"]
    asked = subprocess.run(
        [*command, *options, "--timeout", "10", "--requirement", requirements],
        capture_output=True,
        check=False,
        text=True,
        timeout=SECONDS,
    )
    try:
        report: Report = json.loads(asked.stdout)
    except json.JSONDecodeError:
        return None
    return report


def knows_of_a_vulnerability() -> bool:
    """Return whether the service knows what has long been known."""
    with NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(VULNERABLE)
        requirements.flush()
        report = audited(requirements.name, "--no-deps")
    return any(one.get("vulns") for one in (report or {}).get("dependencies", ()))


def main(options: list[str]) -> None:
    """Audit the locked dependencies."""
    with NamedTemporaryFile(suffix=".txt") as requirements:
        export = ["uv", "--quiet", "export", "--frozen", "--no-emit-project", "--output-file"]
        subprocess.run([*export, requirements.name], check=True, stdout=subprocess.DEVNULL)
        report = audited(requirements.name, "--require-hashes")
    judged = verdict(
        report, knows_of_a_vulnerability, unless_unreachable=UNLESS_UNREACHABLE in options
    )
    print(judged.text)  # noqa: T201 - a command
    sys.exit(judged.fails)


if __name__ == "__main__":
    main(sys.argv[1:])
