"""Verifying the audit trail of a deployment of any size, one part of its resources at a time.

Every table is read once, page by page. The events and versions are kept on disk, in parts by the
resource that they are about, and the chains of one part at a time are walked in memory.
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
    """The events to verify: those of a period, or about one resource; empty is everything.

    Instants are as events have them; `until` itself is outside.
    """

    since: str = ""
    until: str = ""
    reference: str = ""

    def includes(self, problem: ChainBreak) -> bool:
        """Return whether a problem belongs to the period."""
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

    `dynamodb` is a client that may scan; `names` has each table's physical name. The archive's
    events are compared with the table. At most `MOST_PROBLEMS` are returned.
    """
    number, problems = verify_once(dynamodb, names, archive, scope)
    if problems:
        # A write that began before the walk and ended during it looks like a break, once.
        number, again = verify_once(dynamodb, names, archive, scope)
        first = set(problems)
        problems = [problem for problem in again if problem in first]
    return number, problems


def verify_once(
    dynamodb: Any,
    names: Mapping[str, str],
    archive: Archive | None = None,
    scope: Scope = EVERYTHING,
) -> tuple[int, list[ChainBreak]]:
    """Do as `verify`, but also return what only looks broken because it is being written."""
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
    """Everything read so far; `chains` is by resource, `events` by event."""

    def __init__(self, scope: Scope, now: datetime, chains: Spool, events: Spool) -> None:
        self.scope, self.now = scope, now
        self.resources = 0
        self._chains, self._events = chains, events
        self._wrong: list[ChainBreak] = []
        self._kept = 0

    def note_digests(self, archive: Archive) -> None:
        """Read the archive's digests of events."""
        for digest in archive.digests(self.scope.since, self.scope.until):
            if self.scope.reference in ("", digest.reference):
                self._events.add((digest.tenant, digest.id), ["archive", list(digest)])

    def note_resources(self, dynamodb: Any, names: Mapping[str, str]) -> None:
        """Read the resources with their versions."""
        for table in audit_sources.tables_of(self.scope.reference):
            for item in audit_sources.scan_items(dynamodb, names[table]):
                version = audit_sources.scanned_version(table, item)
                if version and self.scope.reference in ("", version.reference):
                    self.resources += version.is_current
                    key = version.tenant, version.reference
                    self._chains.add(key, ["version", list(version)])

    def note_events(self, dynamodb: Any, names: Mapping[str, str]) -> None:
        """Read the events of writes."""
        for page in audit_sources.scan_pages(dynamodb, names[patterns.AUDIT]):
            rows = [*audit_sources.event_rows(page)]
            for row in rows:
                self._events.add((row.tenant, row.id), ["table", event_hash(row.event).hex()])
            self._note(chain_steps.collect(rows, self.now))

    def _note(self, chains: ChainSteps) -> None:
        self._wrong = nsmallest(
            MOST_PROBLEMS, (*self._wrong, *chains.problems), key=lambda problem: problem.event
        )
        self._kept = min(filter(None, (self._kept, chains.kept)), default=0)
        for (tenant, reference), by_link in chains.steps.items():
            if self.scope.reference in ("", reference):
                for own, step in by_link.items():
                    if step.at >= self.scope.since:
                        record = ["step", own, asdict(step)]
                        self._chains.add((tenant, reference), record)

    def problems(self) -> Iterator[ChainBreak]:
        """Walk the chains, and compare the table's events with the archive's digests."""
        yield from self._wrong
        for part in self._chains.parts():
            yield from self._of_chains(part)
        expired = self.now - timedelta(seconds=self._kept)
        since = max(instants.to_text(expired) if self._kept else "", self.scope.since)
        for part in self._events.parts():
            archived, links = _of_events(part)
            yield from digests.disagreements(archived, links, since)

    def _of_chains(self, part: Iterator[Record]) -> list[ChainBreak]:
        by_resource: dict[tuple[str, str], dict[str, Step]] = defaultdict(dict)
        versions: dict[tuple[str, str], list[audit_sources.ScannedVersion]] = defaultdict(list)
        for tenant, reference, kind, *content in part:
            if kind == "step":
                by_resource[tenant, reference][content[0]] = Step(**content[1])
            else:
                versions[tenant, reference].append(audit_sources.ScannedVersion(*content[0]))
        heads = [head for stored in versions.values() if (head := _head(stored))]
        steps = ChainSteps(by_resource, [], self._kept)
        return find_breaks(steps, heads, self.now, self.scope.since)


def _head(stored: list[audit_sources.ScannedVersion]) -> ChainHead | None:
    """Return the head of a resource's chain, None if no current version is stored."""
    current = next((version for version in stored if version.is_current), None)
    return audit_sources.chain_head(current, stored) if current else None


def _of_events(part: Iterator[Record]) -> tuple[list[Digest], dict[tuple[str, str], str]]:
    """Return the archive's digests in a part, and the hashes of the events in the table."""
    archived, links = [], {}
    for tenant, event_id, kind, content in part:
        if kind == "archive":
            archived.append(Digest(*content))
        else:
            links[tenant, event_id] = content
    return archived, links
