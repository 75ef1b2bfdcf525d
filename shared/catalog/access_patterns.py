"""Which keys there are and what each answers: the store's keys and README's table follow.

Every partition key begins with the tenant's segment, but those that name a word of `RESERVED`.
"""

from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote

ENCOUNTER, THREAD, RESOURCE = "EncounterTable", "ThreadTable", "ResourceTable"
SEARCH, AUDIT = "SearchTable", "AuditTable"
TABLES = (ENCOUNTER, THREAD, RESOURCE, SEARCH, AUDIT)


@dataclass(frozen=True, slots=True)
class AccessPattern:
    """A kind of item: the templates of its keys, and which reads it answers."""

    table: str
    partition: str
    sort: str
    answers: str


CURRENT = AccessPattern(
    ENCOUNTER,
    "{id}",
    "current",
    "GET Encounter/{id}; the version and rev that every write is conditional on",
)
VERSION = AccessPattern(
    ENCOUNTER, "{id}", "v#{version}", "GET Encounter/{id}/_history and its versions"
)
SPAN = AccessPattern(
    ENCOUNTER,
    "{id}",
    "t#{thread}",
    "Communication?session=Encounter/{id}: the threads of a session and where in them to read",
)
PENDING = AccessPattern(
    ENCOUNTER,
    "{id}",
    "pending",
    "the body of a PUT that is closing a session of more than one transaction",
)
RECORD = AccessPattern(
    ENCOUNTER,
    "{id}",
    "r#{type}#{order}#{record}",
    "Observation?encounter=Encounter/{id}: what was recorded during an Encounter, type by type",
)
HEADER = AccessPattern(
    THREAD,
    "{id}",
    "header",
    "GET Communication/{id}; the locator of a message under a client's own id",
)
STATE = AccessPattern(THREAD, "{id}", "state", "the slot: which session a new message joins")
DAY = AccessPattern(
    THREAD,
    "{id}",
    "day#{day}",
    "the slot of a local day, of a thread or (partition `Patient/x`) of a patient",
)
ADOPTION = AccessPattern(
    THREAD, "{id}", "a#{epoch}", "which session adopted the messages of an epoch"
)
MESSAGE = AccessPattern(
    THREAD,
    "{id}",
    "m#{ulid}",
    "Communication?part-of=Communication/{id}: the thread in order of `sent`",
)
COMMUNICATION_VERSION = AccessPattern(
    THREAD, "{id}", "v#{resource}#{version}", "GET Communication/{id}/_history and its versions"
)
RESOURCE_CURRENT = AccessPattern(
    RESOURCE, "{type}/{id}", "current", "GET {type}/{id} of the directory and the records"
)
RESOURCE_VERSION = AccessPattern(
    RESOURCE, "{type}/{id}", "v#{version}", "GET {type}/{id}/_history and its versions"
)
ROW = AccessPattern(
    SEARCH, "{type}?{parameter}={value}", "{order}#{id}", "every search by an indexed parameter"
)
WORD = AccessPattern(
    SEARCH,
    "{type}?{parameter}={initial}",
    "{word}!#{id}",
    "Patient?name=simp: the beginning of a word that a text has",
)
PART = AccessPattern(
    SEARCH,
    "Encounter?part={value}",
    "{order}#{id}",
    "which sessions somebody sees: the medical encounters that are in their compartment",
)
LISTING = AccessPattern(
    SEARCH, "{type}?{listing}#{shard}", "{order}#{id}", "every search without a selective parameter"
)
GUARD = AccessPattern(
    SEARCH,
    "{type}!identifier={value}",
    "guard",
    "how many resources have an identifier: If-None-Exist",
)
CLAIM = AccessPattern(
    SEARCH,
    "{type}!query={hash}",
    "claim",
    "which work created something by a query that found nothing: If-None-Exist",
)
QUOTA = AccessPattern(
    SEARCH,
    "{type}!quota={person}",
    "{day}",
    "how many threads a patient or related person has begun on a day: PatientThreadsPerDay",
)
DUE = AccessPattern(
    SEARCH, "due#{shard}", "{due}#{tenant}#{id}", "open Encounters by when they must be looked at"
)
REINDEXING = AccessPattern(
    SEARCH,
    "reindex",
    "{item}",
    "how far a reindexing has come (`segment#`), and which added parameters it has made `ready`",
)
EVENT = AccessPattern(AUDIT, "{ulid}", "event", "what one transaction did, and for whom")
NEW_EVENTS = AccessPattern(
    AUDIT,
    "AuditEvent!new",
    "new#{instant}#{hash}",
    "AuditEvent of the last minutes, until they are in the archive and its index",
)
POSTINGS = AccessPattern(
    AUDIT,
    "AuditEvent?id#{bucket}",
    "{hour}#{segment}",
    "AuditEvent by entity, patient or agent: where in the archive those are that name an id",
)
SEGMENTS = AccessPattern(
    AUDIT,
    "AuditEvent!segments",
    "{hour}#{segment}",
    "AuditEvent by date or id: which objects of the archive have the events of an hour",
)

ACCESS_PATTERNS = (
    CURRENT,
    VERSION,
    SPAN,
    PENDING,
    RECORD,
    HEADER,
    STATE,
    DAY,
    ADOPTION,
    MESSAGE,
    COMMUNICATION_VERSION,
    RESOURCE_CURRENT,
    RESOURCE_VERSION,
    ROW,
    WORD,
    PART,
    LISTING,
    GUARD,
    CLAIM,
    QUOTA,
    DUE,
    REINDEXING,
    EVENT,
    NEW_EVENTS,
    POSTINGS,
    SEGMENTS,
)


# What begins the keys that are no tenant's: as a tenant's name these would lead to them.
RESERVED = frozenset(
    first
    for first in (pattern.partition.partition("#")[0] for pattern in ACCESS_PATTERNS)
    if "{" not in first
)


def table_of_rows(resource_type: str) -> str:
    """Give the table that has the index rows of a type."""
    return AUDIT if resource_type == "AuditEvent" else SEARCH


def table_of(resource_type: str) -> str:
    """Return the table that has the resources of a type."""
    return {"Encounter": ENCOUNTER, "Communication": THREAD}.get(resource_type, RESOURCE)


# What the sort keys of all rows begin with that an Encounter's own partition has.
RECORDS = RECORD.sort.partition("{type}")[0]


def table_of_row(sort: str) -> str:
    """Give the table of an index row by its sort key."""
    return ENCOUNTER if sort.startswith(RECORDS) else SEARCH


# DynamoDB ends a partition key at 2,048 bytes; a longer value is known by its hash.
LONGEST_SEGMENT = 600
HASHED = "sha256="


def segment(text: str) -> str:
    """Encode a value from outside so that it neither leaves nor overflows its segment of a key."""
    encoded = quote(text, safe="/:@!$'()*,; ")
    if len(encoded) > LONGEST_SEGMENT:
        return HASHED + sha256(encoded.encode()).hexdigest()
    return encoded
