"""Access control without I/O: callers, scopes, compartments, and what patients may write."""

from shared.access.actor import ANONYMOUS, Actor, Ground, authorise, caller

__all__ = ["ANONYMOUS", "Actor", "Ground", "authorise", "caller"]
