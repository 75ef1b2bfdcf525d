"""The session policy of this deployment and of its threads."""

from shared.rules import policy_extension
from shared.rules.policies import Policy
from shared.settings import settings
from shared.store.records import CommunicationRecord


def default_policy() -> Policy:
    """Return the policy of threads whose header sets none."""
    known = settings()
    return Policy(
        known.session_policy,
        known.session_scope,
        known.zone,
        known.session_idle_minutes,
        known.session_max_hours,
    )


def policy_of(header: CommunicationRecord) -> Policy:
    """Return the policy of a thread. Raises BusinessRule if its header's extension is wrong."""
    return policy_extension.policy_of(header.resource, default_policy())
