"""The emulator of AWS: a process of its own in an environment of its own, on loopback only."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

PACKAGES = ("ministack==1.5.33", "aws-sam-translator==1.115.0", "cryptography==50.0.2")
REGION = "us-east-1"
START_SECONDS = 60
STOP_SECONDS = 30
# What the emulator is given of this process's environment: functions inherit what it has.
INHERITED = ("PATH", "HOME", "LANG")
# And where faketime shifts this process's clock, what shifts the emulator's as well.
SHIFTED = ("LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC", "PYTHONPATH")


class StartError(Exception):
    """The emulator, or what should run on it, did not start."""


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator."""

    port: int

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What points an AWS client at it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def client(self, service: str, config: Config | None = None) -> Any:
        """Make a client of one of its services."""
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
    """Run an emulator on `port` or a free one; `data` keeps its state."""
    running = Emulator(port or free_port())
    with tempfile.TemporaryDirectory(prefix="async-encounters-") as scratch:
        log = Path(scratch, "emulator.log")
        process = _start(running, Path(scratch), log, data)
        try:
            _wait(running, process, log)
            yield running
        finally:
            _stop(process)


def interpreter() -> str:
    """Give the Python of the emulator's environment, making it where it is not there yet."""
    extra = [f"--with={package}" for package in PACKAGES[1:]]
    command = ["uv", "--quiet", "tool", "run", "--python", "3.13", "--from", PACKAGES[0], *extra]
    found = subprocess.run(
        [*command, "python", "-c", "import sys; print(sys.executable)"],
        check=True,
        capture_output=True,
        text=True,
    )
    return found.stdout.strip()


def _start(
    running: Emulator, scratch: Path, log: Path, data: Path | None
) -> subprocess.Popen[bytes]:
    names = INHERITED + SHIFTED if "FAKETIME" in os.environ else INHERITED
    environment = {name: os.environ[name] for name in names if name in os.environ} | {
        "GATEWAY_PORT": str(running.port),
        "BIND_HOST": "127.0.0.1",
        "AUTH": "true",  # functions may do what their roles allow
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
            [interpreter(), "-P", str(script)],  # -P: the script's neighbours are not its modules
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,  # a Ctrl-C is this process's to handle
        )


def _wait(running: Emulator, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{running.url}/_ministack/ready").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise StartError(f"the emulator did not start on port {running.port}:\n{log.read_text()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    try:
        process.communicate(timeout=STOP_SECONDS)  # ends its input, which ends it
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
