"""The session policy that this deployment sets, and that of a single thread."""

from shared.rules import policies
from shared.rules.policies import Policy
from shared.settings import settings
from shared.store.records import CommunicationRecord


def policy() -> Policy:
    """Return the policy of threads whose header sets no other."""
    configured = settings()
    return policies.deployed(
        configured.session_policy,
        configured.session_scope,
        configured.zone,
        configured.session_idle_minutes,
        configured.session_max_hours,
    )


def policy_of(header: CommunicationRecord) -> Policy:
    """Return the policy of a thread. Raises BusinessRule if its header sets an invalid one."""
    return policies.of(header.resource, policy())
