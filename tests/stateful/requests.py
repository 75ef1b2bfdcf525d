"""Requests that crash or sleep before any of their calls; never do two run at the same moment."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.database import Database, Fate, unknown


class Killed(BaseException):
    """The process is gone: nothing catches this."""


@dataclass
class Crashing(Fate):
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
class Unanswered(Fate):
    """The answer to the first transaction is lost: whether it was made stays unknown."""

    lost: bool = False

    def after(self, call: str) -> None:
        if call == "TransactWriteItems" and not self.lost:
            self.lost = True
            raise unknown()


@dataclass
class Sleeping(Fate):
    """The process sleeps before its n-th call, until it is woken."""

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
    """One call of the service in a thread of its own, which has the floor until it ends or sleeps.

    `then` is called with its result where it has not crashed.
    """

    def __init__(
        self, database: Database, call: Callable[[], T], then: Callable[[T], Any], fate: Fate
    ) -> None:
        self._database, self._call, self._then, self._fate = database, call, then, fate
        self._result: list[T] = []
        self._failure: BaseException | None = None
        self._done = fate.done if isinstance(fate, Sleeping) else threading.Semaphore(0)
        self._thread = threading.Thread(target=self._work, daemon=True)

    def _work(self) -> None:
        self._database.fate = self._fate
        try:
            self._result.append(self._call())
        except BaseException as failure:  # noqa: BLE001 - it is raised where it is waited for
            self._failure = failure
        self._done.release()

    def run(self) -> bool:
        """Run it; tell whether it has ended."""
        self._database.made = 0
        self._thread.start()
        return self._wait()

    def wake(self, sleep_again: int = 0) -> bool:
        """Let it go on, up to its n-th call from here or its end; tell whether it has ended."""
        assert isinstance(self._fate, Sleeping)
        self._database.made = 0
        self._fate.number = sleep_again
        self._fate.awake.release()
        return self._wait()

    def kill(self) -> None:
        """End it in its sleep."""
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
        """At which call it has ended without a result, if it has."""
        return str(self._failure) if self._failure else ""
