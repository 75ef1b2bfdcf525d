"""Random interleavings under each policy. The invariants are checked after every transaction.

By default the runs are always the same, in rounds with different seeds. `SESSIONS_EXAMPLES`, such
as `2000x50`, sets the number of examples and of steps of other runs for each policy.
`SESSIONS_SEED` sets their seed, which is random otherwise. A failure names the two values that
repeat it.
"""

import os
import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.stateful import branches
from tests.stateful.messages import Messages
from tests.stateful.policies import POLICIES

ASKED = os.environ.get("SESSIONS_EXAMPLES")
EXAMPLES, STEPS = (int(part) for part in (ASKED or "25x25").split("x"))
SEED = int(os.environ.get("SESSIONS_SEED") or random.randrange(2**32))
# Chosen so that they follow every rule, and no more rounds are needed.
ROUNDS = (SEED,) if ASKED else (1, 2, 5)
# Hypothesis keeps half a megabyte of every example until its run ends.
MOST_KEPT = 100
# More rounds are made, up to this number, until every rule has been followed.
MOST_ROUNDS = 12


def run(machine: type[Messages], number: int) -> None:
    """Run all examples, a few at a time, each part with the next seed."""
    for part, first in enumerate(range(0, EXAMPLES, MOST_KEPT)):
        examples = min(MOST_KEPT, EXAMPLES - first)
        try:
            run_part(machine, number + part, examples)
        except BaseException as failure:
            again = f"SESSIONS_SEED={number + part} SESSIONS_EXAMPLES={examples}x{STEPS}"
            failure.add_note(f"Again: {again}")
            raise


def run_part(machine: type[Messages], number: int, examples: int) -> None:
    run_state_machine_as_test(
        seed(number)(machine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("number", ROUNDS)
@pytest.mark.parametrize("machine", POLICIES)
def test_invariants_hold_after_every_transaction(machine: type[Messages], number: int) -> None:
    run(machine, number)


def missing() -> list[str]:
    return sorted(branches.RULES - set(Messages.seen))


def test_every_rule_was_followed(record_property: Callable[..., None]) -> None:
    if not Messages.seen:
        pytest.skip("nothing has been run")
    for number in range(1, MOST_ROUNDS):
        for machine in POLICIES:
            if missing() and number not in ROUNDS:
                run(machine, number)
    assert not missing()
    record_property("followed", dict(Messages.seen))
