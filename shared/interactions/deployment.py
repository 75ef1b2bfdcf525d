"""What this deployment says of sessions."""

from shared.sessions import policies
from shared.sessions.policies import Policy
from shared.settings import settings
from shared.store.records import CommunicationRecord


def policy() -> Policy:
    """Give the policy of threads whose header says nothing else."""
    known = settings()
    return policies.deployed(
        known.session_policy,
        known.session_scope,
        known.zone,
        known.session_idle_minutes,
        known.session_max_hours,
    )


def policy_of(header: CommunicationRecord) -> Policy:
    """Give the policy of a thread. Raises BusinessRule where its header says it wrongly."""
    return policies.of(header.resource, policy())
