"""The chains of the audit trail: each event holds the hash of the one before about a resource.

Pure: what is stored is given. A resource's item holds the hash of the last event about it, so that
whoever alters or removes an event would have to alter every event since, and the resource's item.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.audit import chain_steps
from shared.audit.chain_steps import Break, ChainSteps, Step, unix_seconds

type StepsByHash = Mapping[str, Step]


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version as it is stored: when it was made, and the hash that its event has of it."""

    updated: str
    content: str


@dataclass(frozen=True, slots=True)
class Head:
    """A resource as it is, with when it was created and the hash of the last event about it.

    `versions` are those that are stored, by their numbers, the current one too.
    """

    tenant: str
    reference: str
    version: int
    created: str
    chain: bytes
    versions: Mapping[int, StoredVersion]


ALTERED = chain_steps.ALTERED
NO_CHAIN = "the resource names no event"
MOVED = "when the resource was created was altered"
MISSING = "the event before this one is missing"
NO_END = "the event of this version is missing"
NO_RESOURCE = "what this event is about is not there, or this event was altered"
NO_VERSION = "the version that this event is about is missing"
CHANGED = "the version that this event is about was altered"
AHEAD = "the resource is older than this event, or this event was added"


def breaks(found: ChainSteps, heads: Iterable[Head], now: datetime, since: str = "") -> list[Break]:
    """Walk the chain of every resource; return what was altered or is missing.

    `now` is when the heads were read: what was written since is left out. An event may be missing
    once its version is as old as events become, by what others say, or is older than `since`.
    """
    known, problems = dict(found.steps), list(found.problems)
    oldest = now.timestamp() - found.kept if found.kept else float("-inf")
    if since:
        oldest = max(oldest, unix_seconds(since))
    for head in heads:
        problems += _broken(head, known.pop((head.tenant, head.reference), {}), oldest)
    for (_, reference), left in known.items():
        unknown = (step for step in left.values() if not step.is_over)
        problems += (Break(step.id, reference, step.version, NO_RESOURCE) for step in unknown)
    return problems


def _broken(head: Head, of_resource: StepsByHash, oldest: float) -> Iterator[Break]:
    """Follow a chain from its end to its beginning; tell what it does not reach, or is not so."""
    first = head.versions.get(1)
    if first and first.updated != head.created:
        yield Break("", head.reference, 1, MOVED, _at(head))
        return
    wanted, reached = head.chain.hex(), dict[str, Step]()
    while wanted in of_resource:
        reached[wanted] = of_resource[wanted]
        wanted = of_resource[wanted].before
    extra = {key: step for key, step in of_resource.items() if key not in reached}
    left = [step for step in extra.values() if not step.is_over]
    left.sort(key=lambda step: step.id)
    chain = list(reached.values())
    yield from _unlike(head, chain)
    if not head.chain:
        yield Break("", head.reference, head.version, NO_CHAIN, _at(head))
    elif wanted:
        yield from _unreached(head, chain, left, oldest)
    else:
        ahead = _ahead(reached, extra)
        for step in left:
            problem = AHEAD if step.id in ahead else ALTERED
            yield Break(step.id, head.reference, step.version, problem)
        if chain[-1].version != 1:
            yield Break(chain[-1].id, head.reference, chain[-1].version, MISSING)


def _at(head: Head) -> str:
    """Return when the current version was made, as far as that is known."""
    return head.versions[head.version].updated if head.version in head.versions else ""


def _ahead(reached: Mapping[str, Step], left: Mapping[str, Step]) -> set[str]:
    """Return the ids of the events that follow one of a chain and that the chain does not reach."""
    known, found = set(reached), set[str]()
    for key, step in sorted(left.items(), key=lambda known: known[1].id):
        if step.before in known:
            known.add(key)
            found.add(step.id)
    return found


def _unlike(head: Head, chain: list[Step]) -> Iterator[Break]:
    """Compare events, the newest first, with each other and with the versions they are about."""
    above = head.version + 1
    hashed = [number for number, step in enumerate(chain) if step.content]
    for number, step in enumerate(chain):
        # What changes nothing of the resource itself has an event and no version of its own.
        follows = step.version in ((above - 1, above) if number else (head.version,))
        # Only the oldest are of a release without hashes.
        if not follows or (not step.content and hashed and number < hashed[-1]):
            yield Break(step.id, head.reference, step.version, ALTERED)
            return
        if step.content and step.version != above:
            yield from _unlike_version(head, step)
        above = step.version


def _unlike_version(head: Head, step: Step) -> Iterator[Break]:
    stored = head.versions.get(step.version)
    if stored is None or stored.content != step.content:
        problem = CHANGED if stored else NO_VERSION
        yield Break(step.id, head.reference, step.version, problem)


def _unreached(head: Head, chain: list[Step], left: list[Step], oldest: float) -> Iterator[Break]:
    """Tell what is missing before the oldest event that a chain reaches."""
    last = chain[-1] if chain else None
    version = _before(head, last) if last else head.version
    stored = head.versions.get(version)
    may_be_over = unix_seconds(stored.updated if stored else head.created) <= oldest
    # The newest of what is left: where it is of the version that is missing, it was altered.
    if left and left[-1].version >= version:
        yield Break(left[-1].id, head.reference, left[-1].version, ALTERED)
    elif last and (left or not may_be_over):
        yield Break(last.id, head.reference, last.version, MISSING)
    elif not last and (left or not may_be_over):
        yield Break("", head.reference, head.version, NO_END, _at(head))


def _before(head: Head, step: Step) -> int:
    """Return the version that the event before one is about."""
    stored = head.versions.get(step.version)
    made_it = stored is None or stored.updated == step.at
    return max(step.version - 1, 1) if made_it else step.version
