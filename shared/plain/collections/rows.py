"""The types of the tables in this package, and the fields and parameters that several share."""

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


@dataclass(frozen=True)
class Param:
    """A query parameter; `code` is the FHIR search parameter that it stands for.

    The value is a time if there is a `prefix`. It is an id or a reference to a `target`, or with
    `is_reference` a reference with its type. Otherwise it is a list of codes: of a value set, of
    `codes` in a `system`, or any.
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
    """Return the parameters for a range of times; `of` is the field that they compare."""
    return (
        Param("dateFrom", code, f"From this time on, comparing {of}", prefix="ge"),
        Param("dateTo", code, f"Until this time, comparing {of}", prefix="le"),
    )


PATIENT = Param("patientId", "patient", "About this patient", target="Patient")
ENCOUNTER = Param("encounterId", "encounter", "Made during this encounter", target="Encounter")


def status(value_set: str) -> Param:
    """Return the parameter for a status."""
    return Param(
        "status", "status", "With one of these statuses, separated by commas", value_set=value_set
    )


_COMMON_FIELDS = (
    Field("id", "id", Primitive("id"), "Its id within the collection", read_only=True),
    Field(
        "version",
        "meta.versionId",
        Primitive("id"),
        "Its version, as in the ETag header",
        read_only=True,
    ),
    Field(
        "updated",
        "meta.lastUpdated",
        Primitive("instant"),
        "When it was last changed",
        read_only=True,
    ),
)


@dataclass(frozen=True)
class Collection:
    """A collection: the resources of a FHIR type for which `holds` returns true.

    `date` is the search parameter that it is sorted by. `all` is the search that selects the whole
    collection. It is left out of a query with one of the parameters in `narrowing`, which select
    members only.
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
        """The fields that all collections have, followed by its own."""
        return (*_COMMON_FIELDS, *self.fields)


def id_of(name: str, path: str, *types: str, about: str = "", **more: Any) -> Field:
    """Return the field of a Reference; one to the first of its types is shown as an id alone."""
    return Field(name, path, Id(types[0], types), about, **more)


PATIENT_ID = id_of("patientId", "subject", "Patient", about="The patient that it is about")
ENCOUNTER_ID = id_of(
    "encounterId", "encounter", "Encounter", about="The encounter during which it was made"
)
IDENTIFIERS = Field(
    "identifiers",
    "identifier",
    Group((Field("system", "system", Primitive("uri")), Field("value", "value", TEXT))),
    "The identifiers that other systems have for it",
    many=True,
)
NOTE = Field("note", "note", Inside("text", MARKDOWN), plural="notes")
