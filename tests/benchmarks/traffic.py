"""Mixed traffic over HTTP on the local stack: how fast it answers, and that nothing is lost."""

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
from shared.local.conversation import FHIR, JSON_PATCH, client
from shared.local.emulator import emulator
from shared.local.stack import deploy
from tests import care
from tests.benchmarks.figures import Figure
from tests.benchmarks.practice import typical

SECONDS = 20
CONNECTIONS = (1, 8)
# What a caller of the load rests on average: eight then ask for half of what two cores can bear.
REST = 0.3
MS, KB = 1000, 1000


@dataclass
class Caller:
    """One connection, which makes one request after the other, and what came of them.

    `written` has the version of each resource that was acknowledged last; what was refused or not
    answered may have been written after it.
    """

    http: httpx.Client
    numbers: random.Random
    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)
    sessions: list[str] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)

    def run(self, seconds: float, rest: float = 0) -> None:
        """Make requests for so long, with a rest of so many seconds on average after each."""
        self._open()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.numbers.choice(_MIX)(self)
            time.sleep(self.numbers.uniform(0, 2 * rest))

    def _open(self) -> None:
        """Begin a session with a thread of its own."""
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
        said = answer.json().get("issue", [{}])[0].get("diagnostics", "")
        self.errors.append(f"{method} {path.partition('/')[0]}: {answer.status_code} {said}")
        return None

    def lost(self) -> int:
        """Count what was acknowledged and is not there, nor was."""
        return sum(not self._is_there(*each) for each in self.written.items())

    def _is_there(self, reference: str, version: str) -> bool:
        return self.http.get(f"{reference}/_history/{version}").is_success


# Ten reads for three writes, as an inbox that is looked at makes them.
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
    """A running stack: where it is, and the process it is in."""

    base: str
    token: str

    def play(self, connections: int, seconds: float, rest: float = 0) -> tuple[list[Caller], float]:
        """Let callers make requests at once; give them and how long it took."""
        callers = [
            Caller(client(self.base, self.token), random.Random(number))
            for number in range(connections)
        ]
        begun = time.perf_counter()
        with ThreadPoolExecutor(connections) as pool:
            for done in [pool.submit(caller.run, seconds, rest) for caller in callers]:
                done.result()
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
    found = [latency for caller in callers for latency in caller.latencies]
    steps = quantiles(found, n=20)
    yield Figure(f"{name}.p50", "ms", steps[9])
    yield Figure(f"{name}.p95", "ms", steps[18])
    yield Figure(f"{name}.requests", "requests a second", len(found) / seconds)
    errors = Counter(error for caller in callers for error in caller.errors)
    for error, times in errors.most_common():
        sys.stderr.write(f"{times} x {error}\n")
    yield Figure(f"{name}.errors", "errors", errors.total(), bound=0)


def load(minutes: float) -> Iterator[Figure]:
    """Bear mixed traffic for so long: no error, nothing lost, and no more memory than at first."""
    with stack() as running:
        running.play(CONNECTIONS[-1], 60 * minutes / 10, REST)
        before = _memory()
        callers, seconds = running.play(CONNECTIONS[-1], 60 * minutes * 9 / 10, REST)
        grown = _memory() - before
        yield from _latencies("load", callers, seconds)
        yield Figure("load.written", "resources", sum(len(caller.written) for caller in callers))
        yield Figure("load.lost", "resources", sum(caller.lost() for caller in callers), bound=0)
        yield Figure("load.memory", "MB more a function's process", grown)


def _memory() -> float:
    """Give the megabytes that a function's process has on average."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if b"AWS_LAMBDA_FUNCTION_NAME" in environ.read_bytes():
                status = environ.with_name("status").read_text()
                lines = dict(line.split(":", 1) for line in status.splitlines())
                found.append(int(lines["VmRSS"].split()[0]) / KB)
        except (OSError, KeyError):
            continue  # another's, or ended meanwhile
    return fmean(found)
