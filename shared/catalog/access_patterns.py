"""Key patterns of the tables, with what each answers; the README's table is made from them.

Every partition key begins with the tenant's segment, except those that begin with a word of
`RESERVED`.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote

from shared.catalog.types import AUDIT_EVENT

ENCOUNTER, THREAD, RESOURCE = "EncounterTable", "ThreadTable", "ResourceTable"
SEARCH, AUDIT = "SearchTable", "AuditTable"
TABLES = (ENCOUNTER, THREAD, RESOURCE, SEARCH, AUDIT)


@dataclass(frozen=True, slots=True)
class AccessPattern:
    """A kind of item: its table, the templates of its keys, and the reads that it answers."""

    table: str
    partition: str
    sort: str
    answers: str

    @property
    def prefix(self) -> str:
        """The text with which all sort keys begin."""
        return self.sort.partition("{")[0]


CURRENT = AccessPattern(
    ENCOUNTER,
    "{id}",
    "current",
    "GET Encounter/{id}; the version and rev on which every write is conditional",
)
VERSION = AccessPattern(
    ENCOUNTER, "{id}", "v#{version}", "GET Encounter/{id}/_history and its versions"
)
SPAN = AccessPattern(
    ENCOUNTER,
    "{id}",
    "t#{thread}",
    "Communication?session=Encounter/{id}: the threads of a session, and the range to read in each",
)
PENDING = AccessPattern(
    ENCOUNTER,
    "{id}",
    "pending",
    "the body of a PUT that closes a session, if the closing needs more than one transaction",
)
RECORD = AccessPattern(
    ENCOUNTER,
    "{id}",
    "r#{type}#{order}#{record}",
    "Observation?encounter=Encounter/{id}: the records of an Encounter, by type",
)
HEADER = AccessPattern(
    THREAD,
    "{id}",
    "header",
    "GET Communication/{id} of a thread's header; the locator of a message with a client's own id",
)
STATE = AccessPattern(THREAD, "{id}", "state", "the slot: which session a new message joins")
DAY = AccessPattern(
    THREAD,
    "{id}",
    "day#{day}",
    "the slot of a local day, of a thread or (in the partition `Patient/x`) of a patient",
)
ADOPTION = AccessPattern(
    THREAD, "{id}", "a#{epoch}", "which session adopted the messages of an epoch"
)
MESSAGE = AccessPattern(
    THREAD,
    "{id}",
    "m#{ulid}",
    "Communication?part-of=Communication/{id}: the messages of a thread in order of `sent`",
)
COMMUNICATION_VERSION = AccessPattern(
    THREAD, "{id}", "v#{resource}#{version}", "GET Communication/{id}/_history and its versions"
)
RESOURCE_CURRENT = AccessPattern(
    RESOURCE, "{type}/{id}", "current", "GET {type}/{id} of every other type"
)
RESOURCE_VERSION = AccessPattern(
    RESOURCE, "{type}/{id}", "v#{version}", "GET {type}/{id}/_history and its versions"
)
REGISTRATION = AccessPattern(
    RESOURCE,
    "Subscription/{id}",
    "channel",
    "what a Subscription withholds (values of headers, its secret), and the rights that bound it",
)
HEALTH = AccessPattern(
    RESOURCE,
    "Subscription/{id}",
    "failing",
    "since when no notification of a Subscription has been delivered, and why",
)
ROW = AccessPattern(
    SEARCH, "{type}?{parameter}={value}", "{order}#{id}", "every search by an indexed parameter"
)
WORD = AccessPattern(
    SEARCH,
    "{type}?{parameter}={initial}",
    "{word}!#{id}",
    "Patient?name=simp: resources by the beginning of any word of a text",
)
PART = AccessPattern(
    SEARCH,
    "Encounter?part={value}",
    "{order}#{id}",
    "the sessions that somebody may see through a medical encounter in their compartment",
)
LISTING = AccessPattern(
    SEARCH, "{type}?{listing}#{shard}", "{order}#{id}", "every search without a selective parameter"
)
GUARD = AccessPattern(
    SEARCH,
    "{type}!identifier={value}",
    "guard",
    "the number of resources with an identifier: If-None-Exist",
)
CLAIM = AccessPattern(
    SEARCH,
    "{type}!query={hash}",
    "claim",
    "the unit of work that created a resource because a query matched none: If-None-Exist",
)
SUBSCRIBED = AccessPattern(
    SEARCH,
    "Subscription!{type}",
    "{key}#{id}",
    "the active Subscriptions that a change of a resource concerns, those with a selective "
    "criterion by its value (`key`)",
)
SUBSCRIBED_BY = AccessPattern(
    SEARCH,
    "Subscription!{type}",
    "!{parameter}",
    "the parameters by which some Subscription to a type is found",
)
ANY_SUBSCRIPTION = AccessPattern(
    SEARCH,
    "subscribed",
    "any",
    "whether there is, or was, a Subscription, so that changes have to be looked at",
)
QUOTA = AccessPattern(
    SEARCH,
    "{type}!quota={person}",
    "{day}",
    "the number of threads (PatientThreadsPerDay) or Subscriptions that a patient or related "
    "person has begun on a day, and of the Subscriptions that they have (`held`); of a channel's "
    "contact, the messages of an hour, and the keywords that were obeyed; of a "
    "message of a channel, that it was taken",
)
ATTEMPT = AccessPattern(
    SEARCH,
    "Communication!sending={id}",
    "attempt",
    "the last attempt to send a message by its provider, which begins before the call",
)
CARRIED = AccessPattern(
    SEARCH,
    "Communication!sent={account}|{value}",
    "message",
    "the message that a provider's id belongs to, for receipts",
)
FIRST_SENT = AccessPattern(
    SEARCH,
    "Communication!first={id}",
    "message",
    "the first message that was sent in a thread, which has the account's first notice",
)
DUE = AccessPattern(
    SEARCH,
    "due#{shard}",
    "{due}#{tenant}#{id}",
    "open Encounters in the order in which they are due",
)
HELD = AccessPattern(
    SEARCH,
    "held",
    "{tenant}#{id}",
    "Encounters that could not be looked at, and until when the schedule leaves them out",
)
REINDEXING = AccessPattern(
    SEARCH,
    "reindex",
    "{item}",
    "the progress of a reindexing (`segment#`), and the added parameters that are `ready`",
)
EVENT = AccessPattern(AUDIT, "{ulid}", "event", "the audit event of one transaction")
NEW_EVENTS = AccessPattern(
    AUDIT,
    "AuditEvent!new",
    "new#{instant}#{hash}",
    "AuditEvents of the last minutes, until they are in the archive and its index",
)
POSTINGS = AccessPattern(
    AUDIT,
    "AuditEvent?id#{bucket}",
    "{hour}#{segment}",
    "AuditEvents by entity, patient or agent: their places in the archive, by the ids they name",
)
SEGMENTS = AccessPattern(
    AUDIT,
    "AuditEvent!segments",
    "{hour}#{segment}",
    "AuditEvents by date or id: the objects of the archive that have the events of an hour",
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
    REGISTRATION,
    HEALTH,
    ROW,
    WORD,
    PART,
    LISTING,
    GUARD,
    CLAIM,
    SUBSCRIBED,
    SUBSCRIBED_BY,
    ANY_SUBSCRIPTION,
    QUOTA,
    ATTEMPT,
    CARRIED,
    FIRST_SENT,
    DUE,
    HELD,
    REINDEXING,
    EVENT,
    NEW_EVENTS,
    POSTINGS,
    SEGMENTS,
)


# The first segments of keys that belong to no tenant. A tenant of such a name could reach them.
RESERVED = frozenset(
    segment
    for segment in (pattern.partition.partition("#")[0] for pattern in ACCESS_PATTERNS)
    if "{" not in segment
)


def index_table(resource_type: str) -> str:
    """Return the table with the index rows of a type."""
    return AUDIT if resource_type == AUDIT_EVENT else SEARCH


def resource_table(resource_type: str) -> str:
    """Return the table that has the resources of a type."""
    return {"Encounter": ENCOUNTER, "Communication": THREAD}.get(resource_type, RESOURCE)


def index_table_of_key(sort: str) -> str:
    """Return the table of an index row by its sort key."""
    return ENCOUNTER if sort.startswith(_RECORD_PREFIX) else SEARCH


_RECORD_PREFIX = RECORD.prefix


# A partition key may have 2,048 bytes in DynamoDB, and has several segments. A longer value is
# replaced by its hash.
LONGEST_SEGMENT = 600
HASH_PREFIX = "sha256="


# Longer texts are encoded each time, so that the cache stays small.
_LONGEST_CACHED_KEY = 256


def encode_segment(text: str) -> str:
    """Encode a client's value so that it can neither end nor overflow its segment of a key."""
    return _cached(text) if len(text) <= _LONGEST_CACHED_KEY else _encoded(text)


def _encoded(text: str) -> str:
    encoded = quote(text, safe="/:@!$'()*,; ")
    if len(encoded) > LONGEST_SEGMENT:
        return HASH_PREFIX + sha256(encoded.encode()).hexdigest()
    return encoded


_cached = lru_cache(maxsize=1024)(_encoded)
