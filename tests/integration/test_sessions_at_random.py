"""The rules of the stateful tests on an engine with real concurrency: several at a time.

`SESSIONS_AT_RANDOM` says how many requests each practice makes.
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


def chosen(machine: Everybody) -> Callable[[], object]:
    """Choose something that somebody does; it begins from what the tables say now."""
    alone = vars(Sleepers)
    rules = [
        rule
        for rule in machine.rules
        if rule.function.__name__ not in alone and all(one(machine) for one in rule.preconditions)
    ]
    rule = random.choice(rules)
    return partial(rule.function, machine, **_arguments(rule).example())


@pytest.fixture(autouse=True)
def _examples() -> Iterator[None]:
    """Draw what rules are given without Hypothesis' own loop, which knows no threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NonInteractiveExampleWarning)
        yield


@pytest.mark.parametrize("number", range(len(STARTS)))
@pytest.mark.parametrize("kind", POLICIES)
def test_what_is_always_true_is_true_whoever_is_first(
    kind: type[Everybody], number: int, rounds: Rounds, record_property: Callable[..., None]
) -> None:
    seen = Counter[str]()
    said = kind.environment | kind.variants[number % len(kind.variants)]
    place = OnEngine(STARTS[number], seen, rounds, largest=LARGEST[number], **said)
    machine = kind(lambda *_, **__: place)
    try:
        machine.settle_in()
        place.check()
        with ThreadPoolExecutor(THREADS) as pool:
            while place.requests < STEPS:
                steps = [chosen(machine) for _ in range(A_ROUND)]
                for done in [pool.submit(step) for step in steps]:
                    done.result()
                place.check()
                assert machine.accepted <= set(machine.picture.messages)
        machine.end()
        record_property("followed", dict(seen) | {"requests": place.requests})
    finally:
        place.close()
