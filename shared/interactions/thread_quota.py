"""How many threads a patient or related person may begin on one local day."""

from math import ceil

from shared.errors import Throttled
from shared.sessions import policies
from shared.settings import settings
from shared.store import keys
from shared.store.quotas import Quota
from shared.store.work import Work


def begin(work: Work) -> None:
    """Count a new thread of the caller's. Raises Throttled if it is one too many for this day.

    Related persons that are the same person have one quota.
    """
    most = settings().patient_threads_per_day
    if not most:
        return
    day = policies.day_of(work.now, settings().zone)
    _, end = policies.day_bounds(day, settings().zone)
    person = min(work.actor.selves)
    quota = Quota(keys.quota(work.tenant, "Communication", person, day), most, end)
    if not work.spend(quota):
        raise Throttled(
            f"Patients and related persons begin at most {most} threads a day",
            ceil((end - work.now).total_seconds()),
            expression="Communication",
            diagnostics="Write into a thread that is there, or begin one tomorrow",
        )
