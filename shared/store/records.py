"""Records: the current items of resources as dataclasses, which document every attribute."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Self

import orjson

from shared.catalog import access_patterns as patterns
from shared.errors import TooLong
from shared.fhir import fhirjson
from shared.rules.state import ClosingMark, Figures
from shared.store import codec, keys
from shared.store.items import (
    Item,
    figures,
    figures_item,
    flag_attributes,
    number,
    number_attributes,
    set_attributes,
    strings,
    text,
    text_attributes,
)
from shared.store.keys import Address, Place

type Resource = dict[str, Any]
type RowKey = tuple[str, str]
_LAST_UPDATED = b'"lastUpdated":"'
# DynamoDB limits an item to 400 KB, with its keys and the other attributes.
LARGEST_RESOURCE = 390 * 1024
# A function's response is limited to 6 MB.
LARGEST_JSON = 4_000_000
# The size as a string in a response, where quotes are escaped: every resource must fit a page.
LARGEST_SENT = 5_000_000


class StoredFile(NamedTuple):
    """The bytes of a Binary's version: an object of the bucket, and what is known of it.

    `maker` is the subject of the token with which the Binary was created. `object_version` is empty
    in a bucket without versions. `sha256` is in hexadecimal digits. `is_as_declared` says that the
    bytes do not contradict the Binary's content type.
    """

    maker: str
    key: str
    object_version: str
    size: int
    sha256: str
    name: str = ""
    is_as_declared: bool = True

    def is_made_by(self, subject: str) -> bool:
        """Return whether a caller made the Binary; those whose tokens have no subject made none."""
        return bool(subject) and self.maker == subject


@dataclass(frozen=True, kw_only=True)
class VersionedRecord:
    """The record of any resource: the attributes that the current items of all types share.

    `json` is the resource as responses show it, or None if it is deleted. `rows` are the keys of
    its index rows. `chain` is the hash of the last audit event about it. `is_long` says that it has
    long rows, which only Encounters have. Only a Binary has a `file`. Instants are strings.
    """

    type: str
    id: str
    version: int
    json: bytes | None
    created: str
    updated: str
    rows: tuple[RowKey, ...] = ()
    chain: bytes = b""
    is_long: bool = False
    file: StoredFile | None = None

    def address(self, tenant: str) -> Address:
        """Return the address of the item."""
        raise NotImplementedError

    @cached_property
    def resource(self) -> Resource:
        """The resource as a dict, which must not be changed; empty if it is deleted."""
        return fhirjson.loads(self.json) if self.json else {}

    @property
    def last_updated(self) -> str:
        """The instant of this version, which is near the beginning of the JSON."""
        if self.json is None:
            return self.updated
        start = self.json.index(_LAST_UPDATED) + len(_LAST_UPDATED)
        return self.json[start : start + len("2021-06-15T20:56:01.419Z")].decode()

    @property
    def file_hash(self) -> str:
        """The hash of the file that belongs to the version, empty if there is none."""
        return self.file.sha256 if self.file else ""

    @property
    def deleted(self) -> bool:
        """Whether the current version is a deletion."""
        return self.json is None

    def _item(self) -> Item:
        item: Item = {
            "version": {"N": str(self.version)},
            "created": {"S": self.created},
            "chain": {"B": self.chain},
        }
        if self.json is None:
            item |= {"deleted": {"BOOL": True}, "updated": {"S": self.updated}}
        else:
            packed = codec.pack(self.json, orjson.dumps(self.rows))
            is_large = len(packed) > LARGEST_RESOURCE or len(self.json) > LARGEST_JSON
            if is_large or not fhirjson.fits([self.json], LARGEST_SENT):
                raise TooLong(
                    "The resource is larger than 400 KB compressed or 4 MB uncompressed",
                    diagnostics="Store large content elsewhere and refer to it by Attachment.url",
                )
            item["resource"] = {"B": packed}
        return item

    @staticmethod
    def _fields(item: Item) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "version": int(item["version"]["N"]),
            "created": item["created"]["S"],
            "chain": bytes(item["chain"]["B"]),
        }
        if "deleted" in item:
            return fields | {"json": None, "updated": item["updated"]["S"]}
        json, rows = codec.unpack(bytes(item["resource"]["B"]))
        keys_of_rows = tuple((pk, sk) for pk, sk in orjson.loads(rows or b"[]"))
        return fields | {"json": json, "rows": keys_of_rows, "updated": ""}

    def version_item(self) -> Item:
        """Return the attributes of the item that keeps this version once it is superseded."""
        version: Item = {"version": {"N": str(self.version)}}
        if self.json is None:
            return version | {"deleted": {"BOOL": True}, "updated": {"S": self.updated}}
        return version | {"resource": {"B": codec.pack(self.json)}}

    def superseded(self, item: Item) -> Self:
        """Return a superseded version of this record, from the version's item."""
        number = int(item["version"]["N"])
        if "deleted" in item:
            return with_changes(self, version=number, json=None, updated=text(item, "updated"))
        json, _ = codec.unpack(bytes(item["resource"]["B"]))
        return with_changes(self, version=number, json=json, updated="")


def with_cached_resource[V: VersionedRecord](record: V, resource: Resource) -> V:
    """Return a record with its parsed resource cached, so that its JSON is not parsed again."""
    vars(record)["resource"] = resource
    return record


def with_changes[V: VersionedRecord](record: V, **changes: Any) -> V:
    """Return a record with other attributes. Its resource is parsed again only if its JSON changes.

    It does what `replace` of dataclasses does, which takes 6 µs to set the fields one by one.
    """
    before = vars(record)
    if unknown := changes.keys() - before.keys():
        raise TypeError(f"{type(record).__name__} has no {', '.join(unknown)}")
    new = object.__new__(type(record))
    vars(new).update(before, **changes)
    if "json" in changes:
        vars(new).pop("resource", None)
    return new


@dataclass(frozen=True, kw_only=True)
class EncounterRecord(VersionedRecord):
    """An Encounter's `current` item.

    `rev` rises with every write. `entered` is when the present status was entered, `due` when the
    Encounter must be looked at (empty for never). `slots` are the attached slots, `figures` those
    of slots that were detached, `filled` the names of elements that the server computed. `closing`
    is the closing under way. `by_server` says that the server opened it, `patient_made` that a
    patient or related person did.

    `opened`, `policy`, `idle_minutes` and `max_hours` are stamped when it opens. A day's session
    also has `home`, the day's slot, and `day_end`, after which it closes.
    """

    type: str = "Encounter"
    rev: int = 0
    entered: str
    due: str = ""
    slots: frozenset[str] = frozenset()
    figures: Figures = field(default_factory=Figures)
    filled: frozenset[str] = frozenset()
    closing: ClosingMark | None = None
    by_server: bool = False
    patient_made: bool = False
    opened: str = ""
    policy: str = ""
    idle_minutes: int = 0
    max_hours: int = 0
    home: str = ""
    day_end: str = ""

    def address(self, tenant: str) -> Address:
        """Return the address of the item."""
        return keys.encounter(tenant, self.id)

    def to_item(self) -> Item:
        """Return the item's attributes."""
        item = (
            self._item()
            | figures_item(self.figures)
            | {"rev": {"N": str(self.rev)}, "entered": {"S": self.entered}}
            | text_attributes(self, "due", "opened", "policy", "home", "day_end")
            | flag_attributes(self, "by_server", "is_long", "patient_made")
            | number_attributes(self, "idle_minutes", "max_hours")
            | set_attributes(self, "slots", "filled")
        )
        if closing := self.closing:
            begun = figures_item(closing.figures) | text_attributes(closing, "id", "status", "at")
            item["closing"] = {"M": begun}
        return item

    @classmethod
    def from_item(cls, item: Item) -> Self:
        """Return the record of an item."""
        return cls(
            **cls._fields(item),
            id=item["pk"]["S"].partition("#")[2],
            rev=int(item["rev"]["N"]),
            entered=item["entered"]["S"],
            due=text(item, "due"),
            slots=strings(item, "slots"),
            filled=strings(item, "filled"),
            figures=figures(item),
            closing=_closing(item["closing"]["M"]) if "closing" in item else None,
            by_server="by_server" in item,
            is_long="is_long" in item,
            patient_made="patient_made" in item,
            opened=text(item, "opened"),
            policy=text(item, "policy"),
            home=text(item, "home"),
            day_end=text(item, "day_end"),
            idle_minutes=number(item, "idle_minutes"),
            max_hours=number(item, "max_hours"),
        )


def _closing(item: Item) -> ClosingMark:
    return ClosingMark(text(item, "id"), text(item, "status"), text(item, "at"), figures(item))


@dataclass(frozen=True, kw_only=True)
class CommunicationRecord(VersionedRecord):
    """A Communication's current item, which is a header's or a message's by its `place`.

    A message that counts, or once counted, has `at`, the instant at which it counts. It has either
    `session`, its effective session, or `epoch`, whose adoption will name that. `by_patient` says
    that a patient or related person wrote the `sent` of a message that does not count yet.

    A header has `day` under the policy `daily`, the day of the session that it points to. `plain`
    says that a client linked it to an Encounter that is no session.

    `drafted` says that a version is a draft, `recalled` that a draft follows a version that was
    sent, `patient_made` that a patient or related person created it. `rebuilt` rises when a reindex
    changes `rows`.
    """

    type: str = "Communication"
    place: Place
    at: str = ""
    counts: bool = False
    session: str = ""
    epoch: int | None = None
    day: str = ""
    plain: bool = False
    drafted: bool = False
    by_patient: bool = False
    patient_made: bool = False
    recalled: bool = False
    rebuilt: int = 0

    def address(self, tenant: str) -> Address:
        """Return the address of the item."""
        return keys.communication_at(tenant, self.place)

    def to_item(self) -> Item:
        """Return the item's attributes."""
        item = (
            self._item()
            | text_attributes(self, "at", "session", "day")
            | flag_attributes(
                self, "counts", "plain", "drafted", "by_patient", "patient_made", "recalled"
            )
            | number_attributes(self, "rebuilt")
        )
        if self.id != id_of(self.place):
            item["id"] = {"S": self.id}
        if self.epoch is not None:
            item["epoch"] = {"N": str(self.epoch)}
        return item

    @classmethod
    def from_item(cls, item: Item) -> Self:
        """Return the record of an item."""
        place = Place(item["pk"]["S"].partition("#")[2], item["sk"]["S"])
        return cls(
            **cls._fields(item),
            id=text(item, "id") or id_of(place),
            place=place,
            at=text(item, "at"),
            counts="counts" in item,
            session=text(item, "session"),
            epoch=int(item["epoch"]["N"]) if "epoch" in item else None,
            day=text(item, "day"),
            plain="plain" in item,
            drafted="drafted" in item,
            by_patient="by_patient" in item,
            patient_made="patient_made" in item,
            recalled="recalled" in item,
            rebuilt=number(item, "rebuilt"),
        )


@dataclass(frozen=True, kw_only=True)
class ResourceRecord(VersionedRecord):
    """The `current` item of a resource of the directory or of the records, or of a Binary.

    `rebuilt` rises when a reindex changes `rows`, which a Binary does not have.
    """

    rebuilt: int = 0

    def address(self, tenant: str) -> Address:
        """Return the address of the item."""
        return keys.resource(tenant, self.type, self.id)

    def to_item(self) -> Item:
        """Return the item's attributes."""
        return self._item() | number_attributes(self, "rebuilt") | _file_item(self.file)

    def version_item(self) -> Item:
        """Return the attributes of the item that keeps this version once it is superseded."""
        return super().version_item() | _file_item(self.file)

    def superseded(self, item: Item) -> Self:
        """Return a superseded version of this record, from the version's item."""
        return with_changes(super().superseded(item), file=_stored_file(item))

    @classmethod
    def from_item(cls, item: Item) -> Self:
        """Return the record of an item."""
        resource_type, _, resource_id = item["pk"]["S"].partition("#")[2].partition("/")
        return cls(
            **cls._fields(item),
            type=resource_type,
            id=resource_id,
            rebuilt=number(item, "rebuilt"),
            file=_stored_file(item),
        )


def _file_item(file: StoredFile | None) -> Item:
    if file is None:
        return {}
    attributes = (
        text_attributes(file, "maker", "key", "object_version", "sha256", "name")
        | number_attributes(file, "size")
        | flag_attributes(file, "is_as_declared")
    )
    return {"file": {"M": attributes}}


def file_hash_of(item: Item) -> str:
    """Return the hash of the file that belongs to the version in an item, empty if none does."""
    file = _stored_file(item)
    return file.sha256 if file else ""


def _stored_file(item: Item) -> StoredFile | None:
    if "file" not in item:
        return None
    attributes: Item = item["file"]["M"]
    return StoredFile(
        text(attributes, "maker"),
        text(attributes, "key"),
        text(attributes, "object_version"),
        number(attributes, "size"),
        text(attributes, "sha256"),
        text(attributes, "name"),
        is_as_declared="is_as_declared" in attributes,
    )


type CurrentRecord = EncounterRecord | CommunicationRecord | ResourceRecord


def id_of(place: Place) -> str:
    """Return the id that a place gives a Communication for which the client chose none."""
    return (
        f"{place.thread}.{place.sort.removeprefix(patterns.MESSAGE.prefix)}"
        if place.is_message
        else place.thread
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingEncounter:
    """The `pending` item: the resource that a closing of several transactions is going to write."""

    encounter: str
    json: bytes

    def address(self, tenant: str) -> Address:
        """Return the address of the item."""
        return keys.pending(tenant, self.encounter)

    def to_item(self) -> Item:
        """Return the item's attributes."""
        return {"resource": {"B": codec.pack(self.json)}}

    @classmethod
    def from_item(cls, item: Item) -> Self:
        """Return the record of an item."""
        json, _ = codec.unpack(bytes(item["resource"]["B"]))
        return cls(encounter=item["pk"]["S"].partition("#")[2], json=json)
