"""The faults of a request: usually none, else a crash, a sleep, or a lost answer."""

from hypothesis import strategies as st

from shared.store.operations import DUE_SHARDS
from tests.stateful.requests import Crashing, Sleeping, Unanswered
from tests.support.memory_database import CallHooks

# More calls than most requests make. A request that ends before the n-th is not affected.
_calls = st.integers(1, 14)


def _fate(kind: int, number: int) -> CallHooks:
    """Return a new fate, since it counts the calls."""
    if kind < 6:
        return CallHooks()
    if kind < 8:
        return Sleeping(number)
    return Unanswered() if kind == 8 else Crashing(number, after_it=kind == 10)


fates = st.builds(_fate, st.integers(0, 10), _calls)
# The calls of the schedule after those that read what is due.
calls_of_the_queue = st.builds(
    Crashing, st.integers(DUE_SHARDS + 1, DUE_SHARDS + 3), after_it=st.booleans()
)
