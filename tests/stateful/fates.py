"""What may become of a request: mostly nothing, else it crashes, sleeps, loses an answer."""

from hypothesis import strategies as st

from tests.database import Fate
from tests.stateful.requests import Crashing, Sleeping, Unanswered

# More calls than most requests make: one that is over before has no such fate.
_calls = st.integers(1, 14)


def _fate(kind: int, number: int) -> Fate:
    """Make a new one each time: it counts."""
    if kind < 6:
        return Fate()
    if kind < 8:
        return Sleeping(number)
    return Crashing(number) if kind == 8 else Unanswered()


fates = st.builds(_fate, st.integers(0, 9), _calls)
