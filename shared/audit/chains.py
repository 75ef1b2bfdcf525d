"""Verify the hash chains of the audit trail. Pure: the caller reads what is stored.

Each event holds, for each resource that it is about, the hash of the previous event about it. The
resource's item holds the hash of the last one. To alter or remove an event unnoticed, somebody
would have to alter every later event and the resource's item.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.audit.chain_steps import ALTERED, ChainBreak, ChainSteps, Step, unix_seconds

type StepsByHash = Mapping[str, Step]


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A stored version: when it was made, and its hash, as events contain it."""

    updated: str
    content: str


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The end of a chain: a resource's current state, with the hash of the last event about it.

    `versions` are all stored versions by number, with the current one.
    """

    tenant: str
    reference: str
    version: int
    created: str
    chain: bytes
    versions: Mapping[int, StoredVersion]


NO_CHAIN = "the resource has no hash of an event"
MOVED = "the creation time of the resource was altered"
MISSING = "the event before this one is missing"
NO_END = "the event of this version is missing"
NO_RESOURCE = "the resource of this event does not exist, or this event was altered"
NO_VERSION = "the version of this event is missing"
CHANGED = "the version of this event was altered"
AHEAD = "the resource is older than this event, or this event was added"


def find_breaks(
    steps: ChainSteps, heads: Iterable[ChainHead], now: datetime, since: str = ""
) -> list[ChainBreak]:
    """Walk the chain of every resource, and return what was altered or is missing.

    `now` is when the heads were read; later events are left out. An event may be missing if its
    version is older than the retention that other events state, or older than `since`.
    """
    steps_left, problems = dict(steps.steps), list(steps.problems)
    oldest = now.timestamp() - steps.kept if steps.kept else float("-inf")
    if since:
        oldest = max(oldest, unix_seconds(since))
    for head in heads:
        problems += _breaks_of(head, steps_left.pop((head.tenant, head.reference), {}), oldest)
    for (_, reference), unclaimed in steps_left.items():
        kept = (step for step in unclaimed.values() if not step.is_over)
        problems += (ChainBreak(step.id, reference, step.version, NO_RESOURCE) for step in kept)
    return problems


def _breaks_of(head: ChainHead, of_resource: StepsByHash, oldest: float) -> Iterator[ChainBreak]:
    """Follow a chain from its end to its beginning, and yield its breaks."""
    first = head.versions.get(1)
    if first and first.updated != head.created:
        yield ChainBreak("", head.reference, 1, MOVED, _at(head))
        return
    next_hash, reached = head.chain.hex(), dict[str, Step]()
    while next_hash in of_resource:
        reached[next_hash] = of_resource[next_hash]
        next_hash = of_resource[next_hash].before
    others = {key: step for key, step in of_resource.items() if key not in reached}
    unreached = [step for step in others.values() if not step.is_over]
    unreached.sort(key=lambda step: step.id)
    chain = list(reached.values())
    yield from _mismatches(head, chain)
    if not head.chain:
        yield ChainBreak("", head.reference, head.version, NO_CHAIN, _at(head))
    elif next_hash:
        yield from _missing_start(head, chain, unreached, oldest)
    else:
        ahead = _ahead(reached, others)
        for step in unreached:
            problem = AHEAD if step.id in ahead else ALTERED
            yield ChainBreak(step.id, head.reference, step.version, problem)
        if chain[-1].version != 1:
            yield ChainBreak(chain[-1].id, head.reference, chain[-1].version, MISSING)


def _at(head: ChainHead) -> str:
    """Return when the current version was made, or an empty text if that is not known."""
    return head.versions[head.version].updated if head.version in head.versions else ""


def _ahead(reached: Mapping[str, Step], others: Mapping[str, Step]) -> set[str]:
    """Return the ids of events that follow a chain, beyond the event that it ends with."""
    hashes, ids = set(reached), set[str]()
    for step_hash, step in sorted(others.items(), key=lambda item: item[1].id):
        if step.before in hashes:
            hashes.add(step_hash)
            ids.add(step.id)
    return ids


def _mismatches(head: ChainHead, chain: list[Step]) -> Iterator[ChainBreak]:
    """Compare the events of a chain, newest first, with each other and with the stored versions."""
    version_above = head.version + 1
    hashed = [number for number, step in enumerate(chain) if step.content]
    for number, step in enumerate(chain):
        # A change of attributes beside the resource has an event, and makes no new version.
        expected = (version_above - 1, version_above) if number else (head.version,)
        # Only the oldest events, of a release without hashes of content, may lack one.
        if step.version not in expected or (not step.content and hashed and number < hashed[-1]):
            yield ChainBreak(step.id, head.reference, step.version, ALTERED)
            return
        if step.content and step.version != version_above:
            yield from _version_mismatch(head, step)
        version_above = step.version


def _version_mismatch(head: ChainHead, step: Step) -> Iterator[ChainBreak]:
    stored = head.versions.get(step.version)
    if stored is None or stored.content != step.content:
        problem = CHANGED if stored else NO_VERSION
        yield ChainBreak(step.id, head.reference, step.version, problem)


def _missing_start(
    head: ChainHead, chain: list[Step], unreached: list[Step], oldest: float
) -> Iterator[ChainBreak]:
    """Yield what is missing before the oldest event that a chain reaches."""
    last = chain[-1] if chain else None
    version = _version_before(head, last) if last else head.version
    stored = head.versions.get(version)
    may_be_over = unix_seconds(stored.updated if stored else head.created) <= oldest
    # If the newest unreached event is about the missing version, that event was altered.
    if unreached and unreached[-1].version >= version:
        yield ChainBreak(unreached[-1].id, head.reference, unreached[-1].version, ALTERED)
    elif unreached or not may_be_over:
        yield (
            ChainBreak(last.id, head.reference, last.version, MISSING)
            if last
            else ChainBreak("", head.reference, head.version, NO_END, _at(head))
        )


def _version_before(head: ChainHead, step: Step) -> int:
    """Return the version that the event before a step is about."""
    stored = head.versions.get(step.version)
    made_it = stored is None or stored.updated == step.at
    return max(step.version - 1, 1) if made_it else step.version
