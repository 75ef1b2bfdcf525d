"""Asks whether there are known vulnerabilities in what the project depends on.

`uv run python -m tests.advisories`; where nobody answers, that is said and is no failure.
"""

import json
import subprocess
import sys
from tempfile import NamedTemporaryFile
from typing import Any

AUDIT = "pip-audit==2.10.1"
SECONDS = 300


def answered(requirements: str) -> dict[str, Any] | None:
    """What pip-audit says of hashed requirements; None where the advisory service is silent."""
    command = ["uv", "tool", "run", "--python", "3.13", "--from", AUDIT, "pip-audit"]
    options = ["--require-hashes", "--disable-pip", "--format", "json", "--timeout", "10"]
    asked = subprocess.run(
        [*command, *options, "--requirement", requirements],
        capture_output=True,
        check=False,
        text=True,
        timeout=SECONDS,
    )
    try:
        said: dict[str, Any] = json.loads(asked.stdout)
    except json.JSONDecodeError:
        return None
    return said


def main() -> None:
    with NamedTemporaryFile(suffix=".txt") as requirements:
        export = ["uv", "--quiet", "export", "--frozen", "--no-emit-project", "--output-file"]
        subprocess.run([*export, requirements.name], check=True, stdout=subprocess.DEVNULL)
        said = answered(requirements.name)
    if said is None:
        print("advisories: nobody answers, nothing was audited")  # noqa: T201 - a command
        return
    found = [(one["name"], one["vulns"]) for one in said["dependencies"] if one.get("vulns")]
    unknown = sum("skip_reason" in one for one in said["dependencies"])
    for name, vulnerabilities in found:
        print(name, *(each["id"] for each in vulnerabilities))  # noqa: T201 - a command
    print(  # noqa: T201 - a command
        f"advisories: {len(said['dependencies'])} dependencies, {len(found)} vulnerable, "
        f"{unknown} unknown to the service"
    )
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
