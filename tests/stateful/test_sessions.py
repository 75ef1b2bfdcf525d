"""Random interleavings under each policy; what is always true is looked at after every transaction.

Every run is the same one, in rounds that begin elsewhere, unless `SESSIONS_EXAMPLES` says how many
other runs of how many steps a policy has: `2000x50`. `SESSIONS_SEED` says where they begin, else a
random number does. What fails says which two values run it again.
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
ROUNDS = (SEED,) if ASKED else (1, 2, 3)
# Hypothesis keeps half a megabyte of every example until its run ends.
MOST_KEPT = 100
# Where the rounds have not followed every rule, others are made up to this number.
MOST_ROUNDS = 12


def run(machine: type[Messages], number: int) -> None:
    """Run all examples, few at a time: each part has the next seed."""
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
def test_what_is_always_true_is_true_after_every_transaction(
    machine: type[Messages], number: int
) -> None:
    run(machine, number)


def missing() -> list[str]:
    return sorted(branches.RULES - set(Messages.seen))


def test_every_rule_was_followed(record_property: Callable[..., None]) -> None:
    if not Messages.seen:
        pytest.skip("nothing has been run")
    for number in range(len(ROUNDS) + 1, MOST_ROUNDS):
        for machine in POLICIES if missing() else ():
            run(machine, number)
    assert not missing()
    record_property("followed", dict(Messages.seen))
