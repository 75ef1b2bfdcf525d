"""Verifying the audit trail of a deployment, however large: part by part of its resources.

Every table is read once, page by page. What each event and version says is kept on disk, in parts
by the resource it is about, and the chains of one part at a time are walked in memory.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from heapq import nsmallest
from typing import Any, NamedTuple

from shared.audit import chain_steps, digests
from shared.audit.chain_steps import ChainBreak, ChainSteps, Step
from shared.audit.chains import ChainHead, find_breaks
from shared.audit.digests import Digest
from shared.audit.events import event_hash
from shared.catalog import access_patterns as patterns
from shared.fhir import instants, ulids
from shared.local import audit_sources
from shared.local.audit_sources import Archive
from shared.local.spooling import Record, Spool, spool

# More problems of one deployment than anybody reads.
MOST_PROBLEMS = 1000
_PAGE = 100


class Scope(NamedTuple):
    """What is verified: events of a stretch of time, or about one resource; empty is everything.

    Instants are as events have them; `until` itself is outside.
    """

    since: str = ""
    until: str = ""
    reference: str = ""

    def includes(self, problem: ChainBreak) -> bool:
        """Return whether a problem is of the stretch of time."""
        if not problem.event:
            return not problem.at or self.since <= problem.at < (self.until or "~")
        if not ulids.PATTERN.fullmatch(problem.event):
            return True
        milliseconds = ulids.milliseconds(problem.event)
        at = instants.to_text(instants.from_nanoseconds(milliseconds * instants.MILLISECOND))
        return self.since <= at < (self.until or "~")


EVERYTHING = Scope()


def verify(
    dynamodb: Any,
    names: Mapping[str, str],
    archive: Archive | None = None,
    scope: Scope = EVERYTHING,
) -> tuple[int, list[ChainBreak]]:
    """Return how many resources there are, and what was altered or is missing, in order.

    `dynamodb` is a client that may scan; `names` are the tables' by those of the catalogue. What
    the archive knows of is compared with the table. Of very many problems some are left out.
    """
    number, problems = verify_once(dynamodb, names, archive, scope)
    if problems:
        # A write that began before the walk and ended during it looks like a break, once.
        number, again = verify_once(dynamodb, names, archive, scope)
        known = set(problems)
        problems = [problem for problem in again if problem in known]
    return number, problems


def verify_once(
    dynamodb: Any,
    names: Mapping[str, str],
    archive: Archive | None = None,
    scope: Scope = EVERYTHING,
) -> tuple[int, list[ChainBreak]]:
    """As `verify`, but also return what only looks broken, because it is being written."""
    with _walk(scope) as walk:
        # The archive before the table: what comes into it meanwhile is not missing there.
        if archive:
            walk.note_digests(archive)
        walk.note_resources(dynamodb, names)
        walk.note_events(dynamodb, names)
        problems = (problem for problem in walk.problems() if scope.includes(problem))
        first = nsmallest(MOST_PROBLEMS, problems, key=lambda problem: problem.event or "~")
        return walk.resources, first


@contextmanager
def _walk(scope: Scope) -> Iterator["_Walk"]:
    with spool() as chains, spool() as events:
        yield _Walk(scope, instants.now(), chains, events)


class _Walk:
    """What was read so far; `chains` is by resource, `events` by event."""

    def __init__(self, scope: Scope, now: datetime, chains: Spool, events: Spool) -> None:
        self.scope, self.now = scope, now
        self.resources = 0
        self._chains, self._events = chains, events
        self._wrong: list[ChainBreak] = []
        self._kept = 0

    def note_digests(self, archive: Archive) -> None:
        """Read what the archive knows of events."""
        wanted = self.scope.reference
        for digest in archive.digests(self.scope.since, self.scope.until):
            if wanted in ("", digest.reference):
                self._events.add((digest.tenant, digest.id), ["archive", list(digest)])

    def note_resources(self, dynamodb: Any, names: Mapping[str, str]) -> None:
        """Read the resources with their versions."""
        for table in audit_sources.tables_of(self.scope.reference):
            for item in audit_sources.scan_items(dynamodb, names[table]):
                found = audit_sources.scanned_version(table, item)
                if found and self.scope.reference in ("", found.reference):
                    self.resources += found.is_current
                    self._chains.add((found.tenant, found.reference), ["version", list(found)])

    def note_events(self, dynamodb: Any, names: Mapping[str, str]) -> None:
        """Read the events of writes."""
        for page in audit_sources.scan_pages(dynamodb, names[patterns.AUDIT]):
            rows = [*audit_sources.event_rows(page)]
            for row in rows:
                self._events.add((row.tenant, row.id), ["table", event_hash(row.event).hex()])
            self._note(chain_steps.collect(rows, self.now))

    def _note(self, found: ChainSteps) -> None:
        self._wrong = nsmallest(
            MOST_PROBLEMS, (*self._wrong, *found.problems), key=lambda problem: problem.event
        )
        self._kept = min(filter(None, (self._kept, found.kept)), default=0)
        for (tenant, reference), by_link in found.steps.items():
            if self.scope.reference in ("", reference):
                for own, step in by_link.items():
                    if step.at >= self.scope.since:
                        said = ["step", own, asdict(step)]
                        self._chains.add((tenant, reference), said)

    def problems(self) -> Iterator[ChainBreak]:
        """Walk the chains, and compare events with what the archive knows of them."""
        yield from self._wrong
        for part in self._chains.parts():
            yield from self._of_chains(part)
        expired = self.now - timedelta(seconds=self._kept)
        since = max(instants.to_text(expired) if self._kept else "", self.scope.since)
        for part in self._events.parts():
            known, links = _of_events(part)
            yield from digests.disagreements(known, links, since)

    def _of_chains(self, part: Iterator[Record]) -> list[ChainBreak]:
        by_resource: dict[tuple[str, str], dict[str, Step]] = defaultdict(dict)
        versions: dict[tuple[str, str], list[audit_sources.ScannedVersion]] = defaultdict(list)
        for tenant, reference, kind, *said in part:
            if kind == "step":
                by_resource[tenant, reference][said[0]] = Step(**said[1])
            else:
                versions[tenant, reference].append(audit_sources.ScannedVersion(*said[0]))
        heads = [head for stored in versions.values() if (head := _head(stored))]
        found = ChainSteps(by_resource, [], self._kept)
        return find_breaks(found, heads, self.now, self.scope.since)


def _head(stored: list[audit_sources.ScannedVersion]) -> ChainHead | None:
    """Return a resource by its versions; None where no current one is stored."""
    current = next((one for one in stored if one.is_current), None)
    return audit_sources.chain_head(current, stored) if current else None


def _of_events(part: Iterator[Record]) -> tuple[list[Digest], dict[tuple[str, str], str]]:
    """Return what the archive has of a part, and the hashes of the events in the table."""
    known, links = [], {}
    for tenant, event_id, kind, said in part:
        if kind == "archive":
            known.append(Digest(*said))
        else:
            links[tenant, event_id] = said
    return known, links
