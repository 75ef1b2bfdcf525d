"""Random interleavings under each policy; what is always true is looked at after every transaction.

`SESSIONS_EXAMPLES` says how many runs of how many steps a policy has: `2000x80`.
"""

import os
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.stateful.encounters import Encounters
from tests.stateful.messages import Messages
from tests.stateful.threads import Threads
from tests.stateful.times import Times

EXAMPLES, STEPS = (int(part) for part in os.environ.get("SESSIONS_EXAMPLES", "50x40").split("x"))


class Explicit(Messages, Threads, Encounters, Times):
    variants = (
        {},
        {"SESSION_IDLE_MINUTES": "60"},
        {"MESSAGE_LINKING": "message"},
    )


class ByThread(Messages, Threads, Encounters, Times):
    environment: ClassVar = {"SESSION_POLICY": "thread"}
    variants = ({}, {"SESSION_MAX_HOURS": "30"}, {"SESSION_IDLE_MINUTES": "45"})


class Daily(Messages, Threads, Encounters, Times):
    environment: ClassVar = {"SESSION_POLICY": "daily"}


class DailyByPatient(Messages, Threads, Encounters, Times):
    environment: ClassVar = {"SESSION_POLICY": "daily", "SESSION_SCOPE": "patient"}


@pytest.mark.parametrize("machine", [Explicit, ByThread, Daily, DailyByPatient])
def test_what_is_always_true_is_true_after_every_transaction(
    machine: type[Messages],
) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize="SESSIONS_EXAMPLES" not in os.environ,
            database=None,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
