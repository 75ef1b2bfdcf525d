"""The messages of sessions: which parts of which threads, and which session a message is of."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from shared.catalog import access_patterns as patterns
from shared.rules.state import Adoption, Span, adopted
from shared.search.plan.plans import MESSAGE, Plan, Source, Step, Stream, lay_out
from shared.search.plan.windows import NOTHING
from shared.search.run.streams import Row
from shared.store import dynamodb, items
from shared.store.index.order import AFTER_ALL, Order


class Sessions:
    """The sessions a search names; reads of a thread which sessions adopted its messages, once."""

    def __init__(self, plan: Plan, tenant: str, by: Order) -> None:
        """Take the plan of a search by session."""
        self._plan, self._tenant, self._by = plan, tenant, by
        self._ids = plan.sessions or frozenset()
        self._adoptions: dict[str, list[Adoption]] = {}

    @cached_property
    def spans(self) -> list[Span]:
        """The parts of threads that the sessions have or had."""
        found = []
        for one in sorted(self._ids):
            partition = f"{self._tenant}#{one}"
            between = ("t#", "t#" + AFTER_ALL)
            read = dynamodb.query_all(patterns.ENCOUNTER, partition, between)
            found += [items.span(item) for item in read]
        return found

    def steps(self) -> tuple[Step, ...]:
        """Give the steps that read those parts and nothing else."""
        partitions = ((patterns.THREAD, f"{self._tenant}#{span.thread}") for span in self.spans)
        source = Source("session", tuple(dict.fromkeys(partitions)), self._by)
        plan = self._plan
        read = (plan.window, NOTHING)
        laid_out = lay_out(source, read, ordered=plan.ordered, forward=plan.forward)
        return tuple(tuple(self._clipped(step)) for step in laid_out)

    def _clipped(self, step: Step) -> Iterator[Stream]:
        for stream in step:
            thread = stream.partition.partition("#")[2]
            spans = [span for span in self.spans if span.thread == thread]
            low = min(span.low or MESSAGE for span in spans)
            highs = [span.high or MESSAGE + AFTER_ALL for span in spans]
            yield stream.between(low, max(highs))

    def have(self, row: Row) -> bool:
        """Tell whether a message's effective session is one of these."""
        item: dict[str, dict[str, Any]] = row.item
        session = items.text(item, "session")
        if not session and "epoch" in item:
            adoption = adopted(int(item["epoch"]["N"]), self._adoptions_of(row.stream.partition))
            session = adoption.session if adoption else ""
        return session in self._ids

    def _adoptions_of(self, partition: str) -> list[Adoption]:
        if partition not in self._adoptions:
            found = dynamodb.query_all(patterns.THREAD, partition, ("a#", "a#" + AFTER_ALL))
            self._adoptions[partition] = [items.adoption(item) for item in found]
        return self._adoptions[partition]
