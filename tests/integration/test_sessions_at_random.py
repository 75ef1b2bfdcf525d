"""The rules of the stateful tests on an engine with real concurrency, several at a time.

`SESSIONS_AT_RANDOM` sets how many requests each practice makes.
"""

import os
import random
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

import pytest
from hypothesis import strategies as st
from hypothesis.errors import NonInteractiveExampleWarning
from hypothesis.stateful import Rule

from tests.integration.closing import Rounds
from tests.integration.practice import OnEngine
from tests.stateful.machine import STARTS
from tests.stateful.policies import POLICIES, Everybody
from tests.stateful.times import Sleepers

pytestmark = pytest.mark.usefixtures("function_environment")
STEPS = int(os.environ.get("SESSIONS_AT_RANDOM", "125"))
THREADS, A_ROUND = 6, 18
LARGEST = (100, 60, 100, 45)


@cache
def _arguments(rule: Rule) -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries(rule.arguments)


def random_step(machine: Everybody) -> Callable[[], object]:
    """Return a random rule with arguments. It begins from the latest snapshot of the tables."""
    excluded = vars(Sleepers)
    rules = [
        rule
        for rule in machine.rules
        if rule.function.__name__ not in excluded
        and all(precondition(machine) for precondition in rule.preconditions)
    ]
    rule = random.choice(rules)
    return partial(rule.function, machine, **_arguments(rule).example())


@pytest.fixture(autouse=True)
def _examples() -> Iterator[None]:
    """Draw the rules' arguments outside of Hypothesis' own loop, which does not support threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NonInteractiveExampleWarning)
        yield


@pytest.mark.parametrize("number", range(len(STARTS)))
@pytest.mark.parametrize("kind", POLICIES)
def test_invariants_hold_in_every_order_of_concurrent_requests(
    kind: type[Everybody], number: int, rounds: Rounds, record_property: Callable[..., None]
) -> None:
    seen = Counter[str]()
    environment = kind.environment | kind.variants[number % len(kind.variants)]
    place = OnEngine(STARTS[number], seen, rounds, largest=LARGEST[number], **environment)
    machine = kind(lambda *_, **__: place)
    try:
        machine.settle_in()
        place.check()
        with ThreadPoolExecutor(THREADS) as pool:
            while place.requests < STEPS:
                steps = [random_step(machine) for _ in range(A_ROUND)]
                for future in [pool.submit(step) for step in steps]:
                    future.result()
                place.check()
                assert machine.accepted <= set(machine.snapshot.messages)
        machine.end()
        record_property("followed", dict(seen) | {"requests": place.requests})
    finally:
        place.close()
