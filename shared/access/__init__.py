"""Who may do what: callers, their compartments, and what patients may write. No I/O."""

from shared.access.actor import ANONYMOUS, Actor, authorise, caller

__all__ = ["ANONYMOUS", "Actor", "authorise", "caller"]
