"""The events of the audit trail: who did what to which resources, and when.

An event is a JSON object. It has `at`, `who`, `interaction`, `request`, `address`, and of the
content of resources only `patients`, the references to patients. The event of a transaction also
has `written` (each resource with its version, the action, and the hash of the previous event about
it), `contents` (the hash of each of these versions) and `keeps` (for how many days its row is
kept). If there are any, it has `same`, the indexes in `written` of versions that were there before
(only the state of sessions was written), and `happened`, the domain events of sessions, messages
and threads, each with the index in `written` of the resource that it is about (`of`). The event of
a request that wrote nothing has `status`, the resource that it named (`type`, `id`, `version`), the
names of its `parameters` and the codes of its `issues`; until it is stored, `through` names the
resources whose patients are still to be added.

A log line is limited to 256 KB and an item to 400 KB. Longer texts are therefore kept as their
hash, and further patients go into further events of the same request.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import batched, zip_longest
from typing import TYPE_CHECKING, Any

from shared.fhir import fhirjson, ulids

if TYPE_CHECKING:  # only transactions have them
    from shared.rules.domain_events import DomainEvent

type Event = dict[str, Any]

# References in an event: at their greatest length they stay below 128 KB.
MOST_REFERENCES = 400
LONGEST_CLIENT_TEXT = 256
# Longer for the claims of a token, because a user may be in many groups.
_LONGEST_CLAIM = 2048
# Codes of issues and names of parameters; further ones would add nothing.
MOST_NAMES = 20
_HASHED = "sha256:"
# Half a SHA-256 cannot be forged either, and saves sixteen bytes in the item of each message.
HASH_BYTES = 16
# What a transaction did to a resource, https://hl7.org/fhir/R4/valueset-audit-event-action.html
CREATED, UPDATED, DELETED = "C", "U", "D"


@dataclass(frozen=True, slots=True)
class WrittenVersion:
    """A version that a transaction writes: reference, version and action.

    `chain` is the hash of the previous event about the resource, `content` the hash of the version.
    `is_same` says that it was the resource's version before.
    """

    reference: str
    version: int
    action: str
    chain: bytes
    patients: frozenset[str] = frozenset()
    content: bytes = b""
    is_same: bool = False
    domain_events: "Sequence[DomainEvent]" = ()


def of_transaction(
    *,
    who: Mapping[str, str],
    interaction: str,
    at: str,
    written: Iterable[WrittenVersion],
    origin: Mapping[str, str],
    keeps: int = 0,
) -> tuple[bytes, bytes]:
    """Return an event as canonical JSON, and its hash, the next link of each resource's chain."""
    versions = tuple(written)
    patients = frozenset[str]().union(*(version.patients for version in versions))
    content: Event = {
        "at": at,
        "who": shortened_claims(who),
        "interaction": interaction,
        "written": [[v.reference, v.version, v.action, v.chain.hex()] for v in versions],
        "contents": [version.content.hex() for version in versions],
        "keeps": keeps,
        "patients": shortened_references(patients),
        **_optional_fields(versions),
        **origin,
    }
    json = fhirjson.canonical(content)
    return json, event_hash(json)


def new_versions(event: Mapping[str, Any]) -> Iterator[tuple[int, str, int, str]]:
    """Yield index, reference, version and action of each new version that a transaction wrote.

    Of the transaction's event, `written` and `same` are enough.
    """
    same = set(event.get("same", ()))
    for index, (reference, version, action, *_) in enumerate(event["written"]):
        if index not in same:
            yield index, reference, version, action


def _optional_fields(versions: Iterable[WrittenVersion]) -> Event:
    """Return the fields `same` and `happened` of an event, those that are not empty."""
    from shared.rules import domain_events  # noqa: PLC0415 - as above

    numbered = [*enumerate(versions)]
    fields = {
        "same": [number for number, version in numbered if version.is_same],
        "happened": [
            domain_events.to_json(event) | {"of": number}
            for number, version in numbered
            for event in version.domain_events
        ],
    }
    return {name: value for name, value in fields.items() if value}


def version_hash(json: bytes | None, updated: str, file_hash: str = "") -> bytes:
    """Return the hash of a version alone: of its JSON, or of the time of a deletion.

    That of a Binary also covers its file, by the file's own hash.
    """
    content = f"deleted {updated}".encode() if json is None else json
    return sha256(content + file_hash.encode()).digest()


def content_hash(created: str, body: bytes) -> bytes:
    """Return the hash of a version as events have it, which covers the resource's creation time."""
    return sha256(created.encode() + body).digest()[:HASH_BYTES]


def event_hash(event: bytes) -> bytes:
    """Return the hash of an event, which the next events about its resources contain."""
    return sha256(event).digest()[:HASH_BYTES]


def shortened(text: str, most: int = LONGEST_CLIENT_TEXT) -> str:
    """Return a text, or its hash if the text has more than `most` bytes."""
    if len(text.encode(errors="replace")) <= most:
        return text
    return _HASHED + sha256(text.encode(errors="replace")).hexdigest()


def is_hash(text: str) -> bool:
    """Return whether a text is the hash of a longer one."""
    return text.startswith(_HASHED)


def shortened_references(texts: Iterable[str]) -> list[str]:
    """Return references as events hold them: shortened, sorted and each once."""
    return sorted(set(map(shortened, texts)))


def shortened_claims(claims: Mapping[str, str]) -> dict[str, str]:
    """Return the claims of a caller as events hold them."""
    return {name: shortened(value, _LONGEST_CLAIM) for name, value in claims.items()}


def split_by_patients(event_id: str, event: Event) -> Iterator[tuple[str, Event]]:
    """Yield an event with its id, or several which together have all its patients.

    The same event always makes the same ones.
    """
    patients, through = (
        list(batched(event.get(name, ()), MOST_REFERENCES, strict=False))
        for name in ("patients", "through")
    )
    parts = [*zip_longest(patients, through, fillvalue=())] or [((), ())]
    rest = {name: value for name, value in event.items() if name != "through"}
    for number, (direct, indirect) in enumerate(parts):
        part_id = ulids.derived(event_id, number) if number else event_id
        part = rest | {"patients": list(direct)}
        yield part_id, part | ({"through": list(indirect)} if indirect else {})
