"""The daily quota of threads that a patient or related person may begin."""

from math import ceil

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.errors import Throttled
from shared.rules import times
from shared.settings import settings
from shared.store import keys
from shared.store.quotas import Quota


def count_new_thread(work: AuditedUnitOfWork) -> None:
    """Count a new thread by the caller. Raises Throttled if the day's quota is used up.

    RelatedPersons that are the same person share one quota.
    """
    most = settings().patient_threads_per_day
    if not most:
        return
    day = times.day_of(work.now, settings().zone)
    _, end = times.day_bounds(day, settings().zone)
    person = min(work.caller.own_references)
    quota = Quota(keys.quota(work.tenant, "Communication", person, day), most, end)
    if not work.use_quota(quota):
        raise Throttled(
            f"Patients and related persons may begin at most {most} threads a day",
            ceil((end - work.now).total_seconds()),
            expression="Communication",
            diagnostics="Write in an existing thread, or begin a new one tomorrow",
        )
