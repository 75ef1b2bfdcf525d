"""The session policy of this deployment, of its threads, and of Encounters that open."""

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.rules import policy_extension
from shared.rules.policies import Policy
from shared.sessions import attaching
from shared.settings import settings
from shared.store.records import CommunicationRecord, EncounterRecord, with_changes


def default_policy() -> Policy:
    """Return the policy of threads whose header sets none."""
    configured = settings()
    return Policy(
        configured.session_policy,
        configured.session_scope,
        configured.zone,
        configured.session_idle_minutes,
        configured.session_max_hours,
    )


def policy_of(header: CommunicationRecord) -> Policy:
    """Return the policy of a thread. Raises BusinessRule if its header's extension is wrong."""
    return policy_extension.policy_of(header.resource, default_policy())


def with_opening_policy(
    encounter: EncounterRecord, work: AuditedUnitOfWork, policy: Policy | None = None
) -> EncounterRecord:
    """Return an Encounter that opens, stamped with the policy and limits that decide when it ends.

    What the deployment or a header sets later concerns the next session only.
    """
    policy = policy or default_policy()
    if not attaching.is_session(encounter):
        policy = policy.for_plain_record()
    return with_changes(
        encounter,
        opened=work.instant,
        policy=policy.name,
        idle_minutes=policy.idle_limit,
        max_hours=policy.max_hours,
    )
