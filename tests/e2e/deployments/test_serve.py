"""`async-encounters serve` as a developer runs it."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from fhir.resources.R4B.reference import Reference

from shared.local.client import client
from shared.local.conversation import Conversation
from shared.local.examples import session

VARIABLES = {
    "FHIR_BASE",
    "EXPLORE_URL",
    "TOKEN_ADMIN",
    "TOKEN_PRACTITIONER",
    "TOKEN_AUDITOR",
    "TOKEN_PATIENT",
    "TOKEN_URL",
    "CLIENT_ID",
    "CLIENT_SECRET",
}
SECONDS = 60

type Serve = Callable[..., tuple[subprocess.Popen[bytes], dict[str, str]]]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def listens(base_url: str) -> bool:
    try:
        return httpx.get(f"{base_url}/metadata", timeout=30).is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Yield a function that starts it on a port with persistent data. It returns its variables."""
    command = Path(sys.executable).with_name("async-encounters")
    running: list[subprocess.Popen[bytes]] = []

    def start(
        port: int, *more: str, output: int | None = None
    ) -> tuple[subprocess.Popen[bytes], dict[str, str]]:
        path = tmp_path / f"{port}.env"
        options: list[str | Path] = [
            "--port",
            str(port),
            "--data",
            tmp_path / "data",
            "--env-file",
            path,
        ]
        process = subprocess.Popen([command, "serve", *options, *more], stdout=output)
        running.append(process)
        wait_until(path.exists)
        return process, sourced(path)

    yield start
    for process in running:
        process.terminate()
        process.communicate(timeout=SECONDS)  # also closes its output


def sourced(path: Path) -> dict[str, str]:
    """Return the variables that a shell has after it has sourced the file."""
    script = f"set -a; PATH=; . {path}; /usr/bin/env -0"
    output = subprocess.run(
        ["/bin/sh", "-c", script], env={}, capture_output=True, check=True, text=True
    ).stdout
    pairs = (line.split("=", 1) for line in output.split("\0") if line)
    return {name: value for name, value in pairs if name not in ("PATH", "PWD", "OLDPWD")}


def test_data_outlives_a_killed_server(serve: Serve, unused_port: Callable[[], int]) -> None:
    process, first = serve(unused_port())
    assert set(first) == VARIABLES
    with client(first["FHIR_BASE"], first["TOKEN_ADMIN"]) as http:
        stored = Conversation(http).create(session())
    process.send_signal(signal.SIGKILL)
    wait_until(lambda: not listens(first["FHIR_BASE"]))

    _, second = serve(unused_port())
    with client(second["FHIR_BASE"], second["TOKEN_ADMIN"]) as http:
        assert Conversation(http).read(stored) == stored


def test_the_token_command_issues_tokens_of_any_scope_patient_and_tenant(
    serve: Serve, unused_port: Callable[[], int]
) -> None:
    port = unused_port()
    _, values = serve(port, "--tenants")

    def asked(*options: str) -> httpx.Client:
        command = str(Path(sys.executable).with_name("async-encounters"))
        arguments = [command, "token", "--port", str(port), *options]
        completed = subprocess.run(arguments, capture_output=True, check=True, text=True)
        return client(values["FHIR_BASE"], completed.stdout.strip())

    mother = ("--role", "related-person", "--fhir-user", "RelatedPerson/marge")
    with client(values["FHIR_BASE"], values["TOKEN_ADMIN"]) as http:
        stored = Conversation(http).create(session(subject=Reference(reference="Patient/bart")))
    about_bart = ("--patient", "Patient/bart", "--tenant", "practice")
    with asked(*mother, *about_bart) as http:
        assert http.get(f"/Encounter/{stored.id}").status_code == 200
    with asked(*mother, "--patient", "Patient/lisa", "--tenant", "practice") as http:
        assert http.get(f"/Encounter/{stored.id}").status_code == 404
    with asked(*mother, *about_bart, "--scope", "patient/Communication.rs user/Patient.r") as http:
        assert http.get(f"/Encounter/{stored.id}").status_code == 403
        assert http.get("/Communication").status_code == 200
    with asked("--role", "admin", "--tenant", "other") as http:
        assert http.get(f"/Encounter/{stored.id}").status_code == 404
    with asked("--role", "admin") as http:
        assert http.get(f"/Encounter/{stored.id}").status_code == 403


def test_serve_prints_the_events_that_it_publishes(
    unused_port: Callable[[], int], serve: Serve
) -> None:
    process, values = serve(unused_port(), "--events", output=subprocess.PIPE)
    with client(values["FHIR_BASE"], values["TOKEN_PRACTITIONER"]) as http:
        stored = Conversation(http).create(session())
    lines = (line.decode() for line in process.stdout or ())
    first = next(line.split() for line in lines if line.startswith("event "))
    assert first == [
        *("event", "SessionOpened", f"Encounter/{stored.id}/_history/1", "policy=explicit")
    ]
