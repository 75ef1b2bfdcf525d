"""Searches by effective session: which ranges of threads to read, and which messages belong."""

from collections.abc import Iterator
from functools import cache, cached_property, partial
from typing import Any

from shared.catalog import access_patterns as patterns
from shared.rules.state import Span, adoption_of
from shared.search.plan.plans import MESSAGE_PREFIX, Plan, Source, Step, Stream
from shared.search.plan.steps import reading_steps
from shared.search.plan.windows import NOTHING
from shared.search.run.streams import Row
from shared.store import items, reading
from shared.store.index.order import Order
from shared.store.keys import AFTER_ALL


class EffectiveSessions:
    """The sessions that a search names; the adoptions of each thread are read once."""

    def __init__(self, plan: Plan, tenant: str, by: Order) -> None:
        """Begin with the plan of a search by session."""
        self._plan, self._tenant, self._by = plan, tenant, by
        self._ids = plan.sessions or frozenset()
        self._adoptions = cache(partial(reading.adoptions, tenant))

    @cached_property
    def spans(self) -> list[Span]:
        """The spans in the sessions of all threads that they have or had."""
        return [
            span
            for session_id in sorted(self._ids)
            for span in reading.spans(self._tenant, session_id)
        ]

    def steps(self) -> tuple[Step, ...]:
        """Return the steps that read these spans and nothing else."""
        partitions = ((patterns.THREAD, f"{self._tenant}#{span.thread}") for span in self.spans)
        source = Source("session", tuple(dict.fromkeys(partitions)), self._by)
        plan = self._plan
        steps = reading_steps(
            source, (plan.window, NOTHING), ordered=plan.is_date_ordered, forward=plan.forward
        )
        return tuple(tuple(self._clipped(step)) for step in steps)

    def _clipped(self, step: Step) -> Iterator[Stream]:
        for stream in step:
            thread = stream.partition.partition("#")[2]
            spans = [span for span in self.spans if span.thread == thread]
            low = min(span.low or MESSAGE_PREFIX for span in spans)
            highs = [span.high or MESSAGE_PREFIX + AFTER_ALL for span in spans]
            yield stream.between(low, max(highs))

    def has_message(self, row: Row) -> bool:
        """Return whether a message's effective session is one of these."""
        item: dict[str, dict[str, Any]] = row.item
        session = items.text(item, "session")
        if not session and "epoch" in item:
            adoption = adoption_of(
                int(item["epoch"]["N"]), self._adoptions(row.stream.partition.partition("#")[2])
            )
            session = adoption.session if adoption else ""
        return session in self._ids
