"""The types, fields and parameters that several collections share."""

from typing import Annotated

from shared.plain import concepts
from shared.plain.kinds import Code, Primitive
from shared.plain.models import Part, element, every
from shared.plain.parameters import Param
from shared.plain.references import Id

CARERS = ("Practitioner", "PractitionerRole")
PEOPLE = (*CARERS, "Organization", "Device", "Patient", "RelatedPerson")

Text = Annotated[str, Primitive("string")]
Markdown = Annotated[str, Primitive("markdown")]
Uri = Annotated[str, Primitive("uri")]
Url = Annotated[str, Primitive("url")]
DateTime = Annotated[str, Primitive("dateTime")]
Decimal = Annotated[float, Primitive("decimal")]
MediaType = Annotated[str, Code("mimetypes")]
Concept = Annotated[str | concepts.ConceptObject, concepts.Concept()]
EncounterId = Annotated[str, Id.to("Encounter")]
CarerId = Annotated[str, Id.to(*CARERS)]


class Period(Part):
    """A time span, which may be open at either end."""

    start: DateTime = element("start")
    end: DateTime = element("end")


class SimpleQuantity(Part):
    """A measured amount."""

    value: Decimal = element("value")
    unit: Text = element("unit")
    system: Uri = element("system")
    code: Annotated[str, Primitive("code")] = element("code")


class Quantity(SimpleQuantity):
    """A measured amount, or its bound."""

    comparator: Annotated[str, Code("quantity-comparator")] = element("comparator")


class Identifier(Part):
    """An identifier that another system has given."""

    system: Uri = element("system")
    value: Text = element("value")


# Types of fields with their elements.
PatientId = Annotated[str, Id.to("Patient"), element("subject", "The patient that it is about")]
RecordEncounterId = Annotated[
    EncounterId, element("encounter", "The encounter during which it was made")
]
RequestPriority = Annotated[str, Code("request-priority"), element("priority")]
Category = Annotated[Concept, element("category[*]")]
Categories = Annotated[list[Concept], every("category")]
Note = Annotated[Markdown, element("note[*].text")]
Notes = Annotated[list[Markdown], every("note")]
Identifiers = Annotated[
    list[Identifier], element("identifier[*]", "The identifiers that other systems have for it")
]

PATIENT = Param("patientId", "patient", "About this patient", target="Patient")
ENCOUNTER = Param("encounterId", "encounter", "Made during this encounter", target="Encounter")


def status(value_set: str) -> Param:
    """Return the parameter for a status."""
    return Param(
        "status", "status", "With one of these statuses, separated by commas", value_set=value_set
    )


def dates(code: str, of: str) -> tuple[Param, ...]:
    """Return the parameters for a range of times; `of` is the field that they compare."""
    return (
        Param("dateFrom", code, f"From this time on, comparing {of}", prefix="ge"),
        Param("dateTo", code, f"Until this time, comparing {of}", prefix="le"),
    )
