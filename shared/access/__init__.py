"""Who may do what: callers, their compartments, and what patients may write. No I/O."""

from shared.access.actor import ANONYMOUS, Actor, Ground, authorise, caller

__all__ = ["ANONYMOUS", "Actor", "Ground", "authorise", "caller"]
