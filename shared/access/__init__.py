"""Access control without I/O: callers, scopes, compartments, and what patients may write."""

from shared.access.caller import ANONYMOUS, AccessBasis, Caller, authorize, caller_from_claims

__all__ = ["ANONYMOUS", "AccessBasis", "Caller", "authorize", "caller_from_claims"]
