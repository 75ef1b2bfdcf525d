"""What a collection of the plain-JSON face is, and the rows that several have."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.plain.concepts import Concept
from shared.plain.fields import Field
from shared.plain.groups import Group
from shared.plain.kinds import Code, Inside, Primitive
from shared.plain.referred import Id

type Json = dict[str, Any]

CARERS = ("Practitioner", "PractitionerRole")
PEOPLE = (*CARERS, "Organization", "Device", "Patient", "RelatedPerson")

TEXT, MARKDOWN, DATE_TIME = Primitive("string"), Primitive("markdown"), Primitive("dateTime")
CONCEPT, MEDIA_TYPE = Concept(), Code("mimetypes")
PERIOD = Group((Field("start", "start", DATE_TIME), Field("end", "end", DATE_TIME)))
_UNIT = (
    Field("unit", "unit", TEXT),
    Field("system", "system", Primitive("uri")),
    Field("code", "code", Primitive("code")),
)
SIMPLE_QUANTITY = Group((Field("value", "value", Primitive("decimal")), *_UNIT))
QUANTITY = Group(
    (
        Field("value", "value", Primitive("decimal")),
        Field("comparator", "comparator", Code("quantity-comparator")),
        *_UNIT,
    )
)

SORT, COUNT, CURSOR = "sort", "count", "cursor"
CONTROLS = (SORT, COUNT, CURSOR)
SORTS = ("date", "-date")
LARGEST_COUNT = 1000


@dataclass(frozen=True)
class Param:
    """A parameter of searches: FHIR's `code`, and what its value is.

    A value is an id of type `target`, or with `is_reference` says its type; else it is codes of a
    value set, or `codes` of a `system`; with a `prefix` it is a time.
    """

    name: str
    code: str
    about: str
    target: str = ""
    is_reference: bool = False
    value_set: str = ""
    codes: tuple[str, ...] = ()
    system: str = ""
    prefix: str = ""


def dates(code: str, of: str) -> tuple[Param, ...]:
    """Give the parameters of a time."""
    return (
        Param("dateFrom", code, f"From this time on, by {of}", prefix="ge"),
        Param("dateTo", code, f"Until this time, by {of}", prefix="le"),
    )


PATIENT = Param("patientId", "patient", "About this patient", target="Patient")
ENCOUNTER = Param("encounterId", "encounter", "Of this encounter", target="Encounter")


def status(value_set: str) -> Param:
    """Give the parameter of a status."""
    return Param("status", "status", "Of one of these statuses", value_set=value_set)


_OF_ALL = (
    Field("id", "id", Primitive("id"), "Its name below the collection", read_only=True),
    Field("version", "meta.versionId", Primitive("id"), "As in ETag", read_only=True),
    Field(
        "updated", "meta.lastUpdated", Primitive("instant"), "When it changed last", read_only=True
    ),
)


@dataclass(frozen=True)
class Collection:
    """A collection: the resources of a FHIR type, or those of them of which `holds` says so.

    `date` is the search parameter by which it is sorted; `all` the query of the whole collection,
    which a parameter of `narrowing` stands for too.
    """

    name: str
    type: str
    fields: tuple[Field, ...]
    params: tuple[Param, ...]
    date: str
    example: Mapping[str, Any]
    holds: Callable[[Json], bool] = lambda _: True
    all: tuple[tuple[str, str], ...] = ()
    narrowing: frozenset[str] = frozenset()

    @property
    def every_field(self) -> tuple[Field, ...]:
        """Its fields after those that all have."""
        return (*_OF_ALL, *self.fields)


def id_of(name: str, path: str, *types: str, about: str = "", **more: Any) -> Field:
    """Make the field of a Reference that is usually to the first of its types."""
    return Field(name, path, Id(types[0], types), about, **more)


PATIENT_ID = id_of("patientId", "subject", "Patient", about="Whom it is about")
ENCOUNTER_ID = id_of("encounterId", "encounter", "Encounter", about="During which it was made")
IDENTIFIERS = Field(
    "identifiers",
    "identifier",
    Group((Field("system", "system", Primitive("uri")), Field("value", "value", TEXT))),
    "Under which other systems know it",
    many=True,
)
NOTE = Field("note", "note", Inside("text", MARKDOWN), plural="notes")
