"""The clients, each played by a script of its own with packages of its own."""

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

# What a client did, by groups of calls; with its name and version.
type Played = dict[str, Any]


class Failed(Exception):
    """A client did not get what it should."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client in a directory of that name, where a script plays it."""

    directory: str
    arguments: Sequence[str] = ()

    @property
    def path(self) -> Path:
        """Where its script and its lock file are."""
        return HERE / self.directory

    @property
    def needs_node(self) -> bool:
        """Tell whether it is written in JavaScript."""
        return (self.path / "package.json").exists()

    @property
    def script(self) -> Sequence[str]:
        """What plays it."""
        return (*node(), "play.mjs") if self.needs_node else (*UV, "play.py", *self.arguments)

    def install(self) -> None:
        """Install what the lock file of a client in JavaScript says, unless it is there."""
        lock = hashlib.sha256((self.path / "package-lock.json").read_bytes()).hexdigest()
        installed = self.path / "node_modules/.installed"
        if not installed.exists() or installed.read_text() != lock:
            self.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], {})
            installed.write_text(lock)

    def run(self, command: Sequence[str], values: Mapping[str, str]) -> str:
        """Run a command in its directory, and give what it wrote. Raises Failed."""
        environment = os.environ | values | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command,
            cwd=self.path,
            env=environment,
            capture_output=True,
            check=False,
            text=True,
            timeout=SECONDS,
        )
        if done.returncode:
            raise Failed(f"{self.directory}: {' '.join(command)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def play(self, values: Mapping[str, str]) -> Played:
        """Make every call against the service that `values` name. Raises Failed."""
        if self.needs_node:
            self.install()
        who, *calls = map(json.loads, self.run(self.script, values).splitlines())
        groups: dict[str, list[str]] = {}
        for made in calls:
            groups.setdefault(made["group"], []).append(made["call"])
        return {**who, "calls": groups}


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
    """Give the command that runs a script; @medplum/core asks for a WebSocket."""
    with_option = node_release() < NODE_WITH_WEBSOCKET
    return ("node", *(["--experimental-websocket"] if with_option else []))


@cache
def node_release() -> int:
    """Give Node's major version, 0 where it or npm is missing."""
    if not all(shutil.which(program) for program in ("node", "npm")):
        return 0
    version = subprocess.check_output(("node", "--version"), text=True)  # noqa: S607 - by PATH
    return int(version.removeprefix("v").partition(".")[0])


def has_node() -> bool:
    """Tell whether there is a Node that the clients run on."""
    return node_release() >= OLDEST_NODE


def report() -> list[Played]:
    """Give what was played when the report was written."""
    played: list[Played] = json.loads(REPORT.read_text())
    return played
