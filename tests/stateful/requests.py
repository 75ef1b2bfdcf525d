"""Requests that crash or sleep before any of their calls. Only one runs at a time."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.memory_database import CallHooks, Database, unknown_outcome_error


class Killed(BaseException):
    """The process is gone. Nothing catches this."""


@dataclass
class Crashing(CallHooks):
    """The process ends before its n-th call, or after it."""

    number: int
    after_it: bool = False

    def before(self, call: str) -> None:
        self.number -= 1
        if self.number == 0 and not self.after_it:
            raise Killed(f"before {call}")

    def after(self, call: str) -> None:
        if self.number == 0:
            raise Killed(f"after {call}")


@dataclass
class Unanswered(CallHooks):
    """The answer to the first transaction is lost, so its outcome is unknown."""

    lost: bool = False

    def after(self, call: str) -> None:
        if call == "TransactWriteItems" and not self.lost:
            self.lost = True
            raise unknown_outcome_error()


@dataclass
class Sleeping(CallHooks):
    """The process sleeps before its n-th call until it is woken."""

    number: int

    def __post_init__(self) -> None:
        self.is_asleep, self.is_killed = False, False
        self.awake, self.done = threading.Semaphore(0), threading.Semaphore(0)

    def before(self, call: str) -> None:
        del call
        self.number -= 1
        if self.number == 0:
            self.is_asleep = True
            self.done.release()
            self.awake.acquire()
            self.is_asleep = False
            if self.is_killed:
                raise Killed


class Request[T]:
    """One call of the service in its own thread, which runs alone until it ends or sleeps.

    `then` is called with its result unless it has crashed.
    """

    def __init__(
        self, database: Database, call: Callable[[], T], then: Callable[[T], Any], fate: CallHooks
    ) -> None:
        self._database, self._call, self._then, self._fate = database, call, then, fate
        self._result: list[T] = []
        self._failure: BaseException | None = None
        self._done = fate.done if isinstance(fate, Sleeping) else threading.Semaphore(0)
        self._thread = threading.Thread(target=self._work, daemon=True)

    def _work(self) -> None:
        self._database.hooks = self._fate
        try:
            self._result.append(self._call())
        except BaseException as failure:  # noqa: BLE001 - raised by `_wait`
            self._failure = failure
        self._done.release()

    def run(self) -> bool:
        """Run the request. Return whether it has ended."""
        self._database.made = 0
        self._thread.start()
        return self._wait()

    def wake(self, sleep_again: int = 0) -> bool:
        """Let the request go on, up to its n-th call from here. Return whether it has ended."""
        assert isinstance(self._fate, Sleeping)
        self._database.made = 0
        self._fate.number = sleep_again
        self._fate.awake.release()
        return self._wait()

    def kill(self) -> None:
        """End the request while it sleeps."""
        assert isinstance(self._fate, Sleeping)
        self._fate.is_killed = True
        self._fate.awake.release()
        self._thread.join()

    def _wait(self) -> bool:
        self._done.acquire()
        if isinstance(self._fate, Sleeping) and self._fate.is_asleep:
            return False
        self._thread.join()
        if self._failure and not isinstance(self._failure, Killed):
            raise self._failure
        for result in self._result:
            self._then(result)
        return True

    @property
    def crashed(self) -> str:
        """Return the call at which the request crashed, or ""."""
        return str(self._failure) if self._failure else ""
