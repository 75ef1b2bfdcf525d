"""The daily quotas of what a patient or related person may begin: threads, Subscriptions."""

from math import ceil

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.types import SUBSCRIPTION
from shared.errors import Throttled
from shared.rules import times
from shared.settings import settings
from shared.store import keys
from shared.store.quotas import Quota

_NAMES = {"Communication": "threads", SUBSCRIPTION: "Subscriptions"}


def count_new_thread(work: AuditedUnitOfWork) -> None:
    """Count a new thread by the caller. Raises Throttled if the day's quota is used up."""
    if most := settings().patient_threads_per_day:
        count_new(
            work, "Communication", most, "Write in an existing thread, or begin a new one tomorrow"
        )


def count_new(work: AuditedUnitOfWork, resource_type: str, most: int, instead: str) -> None:
    """Count a new resource of a type by the caller. Raises Throttled, naming what to do `instead`.

    RelatedPersons that are the same person share one quota.
    """
    day = times.day_of(work.now, settings().zone)
    _, end = times.day_bounds(day, settings().zone)
    person = min(work.caller.own_references)
    quota = Quota(keys.quota(work.tenant, resource_type, person, day), most, end)
    if not work.use_quota(quota):
        raise Throttled(
            f"Patients and related persons may begin at most {most} {_NAMES[resource_type]} a day",
            ceil((end - work.now).total_seconds()),
            expression=resource_type,
            diagnostics=instead,
        )
