"""The daily quotas of what a patient or related person may begin."""

from collections.abc import Callable
from math import ceil
from typing import NamedTuple

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.types import SUBSCRIPTION
from shared.errors import Throttled
from shared.rules import times
from shared.settings import Settings, settings
from shared.store import keys
from shared.store.quotas import Quota


class _DailyQuota(NamedTuple):
    """How many of something a person may begin on a local day, 0 for any number.

    `instead` is what to do once they are used up.
    """

    things: str
    most: Callable[[Settings], int]
    instead: str


_QUOTAS = {
    "Communication": _DailyQuota(
        "threads",
        lambda set_to: set_to.patient_threads_per_day,
        "Write in an existing thread, or begin a new one tomorrow",
    ),
    # New ones, and new handshakes: each is a request to where its owner wants.
    SUBSCRIPTION: _DailyQuota(
        "Subscriptions", lambda _: 20, "Leave those that you have as they are, or set them off"
    ),
}


def count_new(work: AuditedUnitOfWork, resource_type: str) -> None:
    """Count a new thread or Subscription by the caller. Raises Throttled if the quota is used up.

    RelatedPersons that are the same person share one quota.
    """
    things, most_of, instead = _QUOTAS[resource_type]
    if not (most := most_of(settings())):
        return
    day = times.day_of(work.now, settings().zone)
    _, end = times.day_bounds(day, settings().zone)
    person = min(work.caller.own_references)
    quota = Quota(keys.quota(work.tenant, resource_type, person, day), most, end)
    if not work.use_quota(quota):
        raise Throttled(
            f"Patients and related persons may begin at most {most} {things} a day",
            ceil((end - work.now).total_seconds()),
            expression=resource_type,
            diagnostics=instead,
        )
