"""The state machine of a practice under each session policy, with every rule."""

from typing import ClassVar

from tests.stateful.encounters import Encounters
from tests.stateful.messages import Messages
from tests.stateful.operations import Operations
from tests.stateful.threads import Threads
from tests.stateful.times import Sleepers, Times


class Everybody(Messages, Threads, Encounters, Operations, Times, Sleepers):
    """All rules together."""


class Explicit(Everybody):
    variants: ClassVar = (
        {},
        {"SESSION_IDLE_MINUTES": "60"},
        {"MESSAGE_LINKING": "message"},
    )


class ByThread(Everybody):
    environment: ClassVar = {"SESSION_POLICY": "thread"}
    variants: ClassVar = ({}, {"SESSION_MAX_HOURS": "30"}, {"SESSION_IDLE_MINUTES": "45"})


class Daily(Everybody):
    environment: ClassVar = {"SESSION_POLICY": "daily"}


class DailyByPatient(Everybody):
    environment: ClassVar = {"SESSION_POLICY": "daily", "SESSION_SCOPE": "patient"}


POLICIES = (Explicit, ByThread, Daily, DailyByPatient)
