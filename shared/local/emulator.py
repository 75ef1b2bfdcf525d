"""The AWS emulator: a process with its own Python environment, listening on loopback only."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

PACKAGES = ("ministack==1.5.33", "aws-sam-translator==1.115.0", "cryptography==50.0.2")
REGION = "us-east-1"
START_SECONDS = 60
STOP_SECONDS = 30
# The variables that the emulator gets from this process's environment. No others, because the
# functions that it runs inherit them.
INHERITED = ("PATH", "HOME", "LANG")
# Passed on as well if faketime shifts this process's clock, so that the emulator's is shifted too.
SHIFTED = ("LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC", "PYTHONPATH")


class StartError(Exception):
    """The emulator, or the stack on it, did not start."""


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator."""

    port: int

    @property
    def url(self) -> str:
        """The URL on which it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that point an AWS client at it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def client(self, service: str, config: Config | None = None) -> Any:
        """Return a boto3 client of one of its services."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=config or Config(retries={"max_attempts": 0}),
        )


@contextmanager
def emulator(port: int = 0, data: Path | None = None) -> Iterator[Emulator]:
    """Run an emulator on `port`, or on a free port if 0, with its state kept in `data` if given."""
    running = Emulator(port or free_port())
    with tempfile.TemporaryDirectory(prefix="async-encounters-") as scratch:
        log = Path(scratch, "emulator.log")
        process = _start(running, Path(scratch), log, data)
        try:
            _wait(running, process, log)
            yield running
        finally:
            _stop(process)


@cache
def interpreter() -> str:
    """Return the Python interpreter of the emulator's environment, created if needed."""
    extra = [f"--with={package}" for package in PACKAGES[1:]]
    command = ["uv", "--quiet", "tool", "run", "--python", "3.13", "--from", PACKAGES[0], *extra]
    completed = subprocess.run(
        [*command, "python", "-c", "import sys; print(sys.executable)"],
        check=True,
        capture_output=True,
        text=True,
    )
    return completed.stdout.strip()


def _start(
    running: Emulator, scratch: Path, log: Path, data: Path | None
) -> subprocess.Popen[bytes]:
    names = INHERITED + SHIFTED if "FAKETIME" in os.environ else INHERITED
    environment = {name: os.environ[name] for name in names if name in os.environ} | {
        "GATEWAY_PORT": str(running.port),
        "BIND_HOST": "127.0.0.1",
        "AUTH": "true",  # enforces the policies of the functions' roles
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "MINISTACK_REGION": REGION,
        "TMPDIR": str(scratch),
    }
    if data:
        environment |= {"PERSIST_STATE": "1", "STATE_DIR": str(data.resolve())}
    script = Path(__file__).with_name("ministack_main.py")
    with log.open("wb") as output:
        return subprocess.Popen(
            [interpreter(), "-P", str(script)],  # -P: keeps this directory off its sys.path
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C reaches this process only, which then stops it
        )


def _wait(running: Emulator, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    with httpx.Client() as client:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if client.get(f"{running.url}/_ministack/ready").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
    raise StartError(f"the emulator did not start on port {running.port}:\n{log.read_text()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    try:
        process.communicate(timeout=STOP_SECONDS)  # closes its input, on which it exits
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
