"""The changes that the server makes to a Subscription's status."""

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.roles import SERVICE
from shared.catalog.subscriptions import ERROR
from shared.catalog.types import SUBSCRIPTION
from shared.fhir import instants
from shared.store.transactions import with_retries
from shared.subscriptions import writing


def change(tenant: str, subscription_id: str, version: int, status: str, problem: str = "") -> bool:
    """Set the status of a Subscription if it still has a version, and return whether it had.

    `problem` is the text of `error`. Raises Transient if the database is busy.
    """
    caller = Caller(subject="subscriptions", roles=frozenset({SERVICE}), tenant=tenant)

    def attempt() -> bool:
        work = AuditedUnitOfWork(caller, instants.now())
        record = work.resource(SUBSCRIPTION, subscription_id)
        if record is None or record.deleted or record.version != version:
            return False
        rest = {name: value for name, value in record.resource.items() if name != "error"}
        after = rest | {"status": status} | ({"error": problem} if status == ERROR else {})
        writing.save_version(work, record, after)
        return work.commit("update")

    return with_retries(attempt)
