"""The published clients, each played by a script of its own with its own packages."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from shared.packaging.build import ROOT

HERE = Path(__file__).parent
REPORT = HERE / "report.json"
SECONDS = 300

# The calls that a client made, by group, with its name and version.
type Played = dict[str, Any]


class Failed(Exception):
    """A client got an unexpected result."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client, played by a script in the directory of that name."""

    directory: str
    arguments: Sequence[str] = ()

    @property
    def path(self) -> Path:
        """The directory of its script and its lock file."""
        return HERE / self.directory

    @property
    def needs_node(self) -> bool:
        """Return whether the client is written in JavaScript."""
        return (self.path / "package.json").exists()

    @property
    def script(self) -> Sequence[str]:
        """The command that plays the client."""
        return (*node(), "play.mjs") if self.needs_node else (*UV, "play.py", *self.arguments)

    def install(self) -> None:
        """Install the packages in a JavaScript client's lock file, unless they are installed."""
        lock = hashlib.sha256((self.path / "package-lock.json").read_bytes()).hexdigest()
        installed = self.path / "node_modules/.installed"
        if not installed.exists() or installed.read_text() != lock:
            self.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], {})
            installed.write_text(lock)

    def run(self, command: Sequence[str], values: Mapping[str, str]) -> str:
        """Run a command in the client's directory and return its output. Raises Failed."""
        environment = os.environ | values | {"PYTHONPATH": str(ROOT)}
        completed = subprocess.run(
            command,
            cwd=self.path,
            env=environment,
            capture_output=True,
            check=False,
            text=True,
            timeout=SECONDS,
        )
        if completed.returncode:
            raise Failed(
                f"{self.directory}: {' '.join(command)}\n{completed.stdout}{completed.stderr}"
            )
        return completed.stdout

    def play(self, values: Mapping[str, str]) -> Played:
        """Make every call against the service that `values` name. Raises Failed."""
        if self.needs_node:
            self.install()
        introduction, *calls = map(json.loads, self.run(self.script, values).splitlines())
        groups: dict[str, list[str]] = {}
        for call in calls:
            groups.setdefault(call["group"], []).append(call["call"])
        return {**introduction, "calls": groups}


UV = ("uv", "run", "--quiet", "--no-project", "--python", "3.13", "--locked", "--script")
CLIENTS = (
    Client("medplum-core"),
    Client("medplum-cli"),
    Client("fhir-kit-client"),
    Client("fhirclient-js"),
    Client("fhirpy", ("sync",)),
    Client("fhirpy", ("async",)),
    Client("fhirclient-python"),
)
OLDEST_NODE, NODE_WITH_WEBSOCKET = 20, 22


def node() -> Sequence[str]:
    """Return the command that runs a script. @medplum/core needs a WebSocket."""
    with_option = node_release() < NODE_WITH_WEBSOCKET
    return ("node", *(["--experimental-websocket"] if with_option else []))


@cache
def node_release() -> int:
    """Return Node's major version, or 0 if Node or npm is missing."""
    if not all(shutil.which(program) for program in ("node", "npm")):
        return 0
    version = subprocess.check_output(("node", "--version"), text=True)  # noqa: S607 - found by PATH
    return int(version.removeprefix("v").partition(".")[0])


def has_node() -> bool:
    """Return whether there is a version of Node that the clients run on."""
    return node_release() >= OLDEST_NODE


def report() -> list[Played]:
    """Return the committed report."""
    played: list[Played] = json.loads(REPORT.read_text())
    return played
