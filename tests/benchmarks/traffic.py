"""Mixed traffic over HTTP on the local stack: latency, throughput, and that nothing is lost."""

import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any

import httpx

from shared.local import environment
from shared.local.artefact import artefact
from shared.local.client import FHIR, JSON_PATCH, client
from shared.local.emulator import emulator
from shared.local.stack import deploy
from tests.benchmarks.figures import Figure
from tests.benchmarks.practice import typical
from tests.support import care

SECONDS = 20
CONNECTIONS = (1, 8)
# The average pause of a caller of the load, in seconds. Eight callers then use half of two cores.
REST = 0.3
MS, KB = 1000, 1000


@dataclass
class Caller:
    """One connection that makes one request after the other, and their results.

    `written` has the last acknowledged version of each resource. A request that was refused or not
    answered may have written a later one.
    """

    http: httpx.Client
    numbers: random.Random
    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)
    sessions: list[str] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)

    def run(self, seconds: float, rest: float = 0) -> None:
        """Make requests for `seconds`, with a pause of `rest` seconds on average after each."""
        self._open()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.numbers.choice(_MIX)(self)
            time.sleep(self.numbers.uniform(0, 2 * rest))

    def _open(self) -> None:
        """Open a session with a thread of its own."""
        self._write("POST", "Encounter", typical("session"), self.sessions)
        self._write("POST", "Communication", typical("header"), self.threads)

    def _post(self) -> None:
        thread = self.numbers.choice(self.threads)
        self._write("POST", "Communication", typical("message", thread))

    def _link(self) -> None:
        self._open()
        self._write("PATCH", f"Communication/{self.threads[-1]}", care.link(self.sessions[-1]))

    def _put(self) -> None:
        own_id = self.numbers.choice(self.sessions)
        body = typical("session") | {"id": own_id, "priority": {"text": str(self.numbers.random())}}
        self._write("PUT", f"Encounter/{own_id}", body)

    def _get(self) -> None:
        self._make("GET", f"Encounter/{self.numbers.choice(self.sessions)}")

    def _read_thread(self) -> None:
        thread = self.numbers.choice(self.threads)
        self._make("GET", f"Communication?part-of=Communication/{thread}&_sort=sent")

    def _search(self) -> None:
        self._make("GET", "Encounter?class=VR&_count=20")

    def _inbox(self) -> None:
        self._make("GET", f"Communication?part-of:missing=true&recipient={care.ALICE}")

    def _write(self, method: str, path: str, body: Any, ids: list[str] | None = None) -> None:
        answer = self._make(method, path, body)
        if answer is not None:
            resource = answer.json()
            reference = f"{resource['resourceType']}/{resource['id']}"
            self.written[reference] = resource["meta"]["versionId"]
            if ids is not None:
                ids.append(resource["id"])

    def _make(self, method: str, path: str, body: Any = None) -> httpx.Response | None:
        headers = {"Content-Type": JSON_PATCH if method == "PATCH" else FHIR}
        begun = time.perf_counter()
        try:
            answer = self.http.request(method, path, json=body, headers=headers)
        except httpx.HTTPError as error:
            self.errors.append(type(error).__name__)
            return None
        self.latencies.append(MS * (time.perf_counter() - begun))
        if answer.is_success:
            return answer
        diagnostics = answer.json().get("issue", [{}])[0].get("diagnostics", "")
        self.errors.append(f"{method} {path.partition('/')[0]}: {answer.status_code} {diagnostics}")
        return None

    def lost(self) -> int:
        """Count the acknowledged versions that cannot be read."""
        return sum(
            not self._is_there(*reference_and_version)
            for reference_and_version in self.written.items()
        )

    def _is_there(self, reference: str, version: str) -> bool:
        return self.http.get(f"{reference}/_history/{version}").is_success


# Ten reads for three writes, like an inbox in use.
_MIX: tuple[Callable[[Caller], None], ...] = (
    *(Caller._get,) * 4,
    *(Caller._read_thread,) * 3,
    *(Caller._search,) * 1,
    *(Caller._inbox,) * 2,
    Caller._post,
    Caller._link,
    Caller._put,
)


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack: its base URL and a practitioner's token."""

    base: str
    token: str

    def play(self, connections: int, seconds: float, rest: float = 0) -> tuple[list[Caller], float]:
        """Let several callers make requests at once. Return them and the seconds that passed."""
        callers = [
            Caller(client(self.base, self.token), random.Random(number))
            for number in range(connections)
        ]
        begun = time.perf_counter()
        with ThreadPoolExecutor(connections) as pool:
            for running in [pool.submit(caller.run, seconds, rest) for caller in callers]:
                running.result()
        return callers, time.perf_counter() - begun


@contextmanager
def stack() -> Iterator[Stack]:
    """Run the template on the emulator."""
    with emulator() as running:
        values = environment.environment(running, deploy(running, artefact()))
        yield Stack(values["FHIR_BASE"], values["TOKEN_PRACTITIONER"])


def figures() -> Iterator[Figure]:
    """Measure latency and throughput at each number of connections."""
    with stack() as running:
        running.play(1, 2)
        for connections in CONNECTIONS:
            callers, seconds = running.play(connections, SECONDS)
            yield from _latencies(f"http.{connections}", callers, seconds)


def _latencies(name: str, callers: list[Caller], seconds: float) -> Iterator[Figure]:
    latencies = [latency for caller in callers for latency in caller.latencies]
    steps = quantiles(latencies, n=20)
    yield Figure(f"{name}.p50", "ms", steps[9])
    yield Figure(f"{name}.p95", "ms", steps[18])
    yield Figure(f"{name}.requests", "requests a second", len(latencies) / seconds)
    errors = Counter(error for caller in callers for error in caller.errors)
    for error, times in errors.most_common():
        sys.stderr.write(f"{times} x {error}\n")
    yield Figure(f"{name}.errors", "errors", errors.total(), bound=0)


def load(minutes: float) -> Iterator[Figure]:
    """Run mixed traffic for some minutes: no errors, no lost writes, no growing memory."""
    with stack() as running:
        running.play(CONNECTIONS[-1], 60 * minutes / 10, REST)
        memory_before = _memory()
        callers, seconds = running.play(CONNECTIONS[-1], 60 * minutes * 9 / 10, REST)
        grown = _memory() - memory_before
        yield from _latencies("load", callers, seconds)
        yield Figure("load.written", "resources", sum(len(caller.written) for caller in callers))
        yield Figure("load.lost", "resources", sum(caller.lost() for caller in callers), bound=0)
        yield Figure("load.memory", "MB more a function's process", grown)


def _memory() -> float:
    """Return the average memory of the functions' processes in MB."""
    megabytes = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if b"AWS_LAMBDA_FUNCTION_NAME" in environ.read_bytes():
                status = environ.with_name("status").read_text()
                lines = dict(line.split(":", 1) for line in status.splitlines())
                megabytes.append(int(lines["VmRSS"].split()[0]) / KB)
        except (OSError, KeyError):
            continue  # a process of another user, or one that has ended
    return fmean(megabytes)
