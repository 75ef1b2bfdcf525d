"""Valid and invalid values for every kind of plain JSON field."""

from collections.abc import Iterator
from typing import Any

from shared.fhir.validation.schema import value_set_codes
from shared.plain.collection import Collection
from shared.plain.concepts import Coding, Concept
from shared.plain.fields import Field
from shared.plain.kinds import Code, EncodedText, Inside, Kind, Minutes, Primitive
from shared.plain.models import Mapped
from shared.plain.references import Id, Named
from tests.support import variants

type Json = dict[str, Any]

LOINC = {"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}
URL = "https://elsewhere.example/fhir"


def valid_values(kind: Kind) -> list[Any]:  # noqa: C901, PLR0911 - one case for each kind
    """Return valid values, which the service returns as they were sent."""
    match kind:
        case Code(value_set=value_set):
            return value_set_codes(value_set)[:2] or ["text/plain"]
        case Primitive(form=form):
            return [variants.PRIMITIVES[form][0]]
        case Coding(displays=displays):
            return [*displays, {"system": "urn:x", "code": "AMB"}]
        case Concept(displays=displays):
            return [
                *displays,
                *([] if displays else ["In words"]),
                LOINC,
                LOINC | {"text": "Heart"},
            ]
        case Id(types=types, usual=usual, typed=typed):
            named = [f"{kind_name}/1" for kind_name in types if kind_name != usual]
            untyped = [] if typed else ["urn:uuid:x"]
            plain = ["some-body"] if usual else []
            return [*plain, *named, f"{URL}/{types[0]}/1", *untyped]
        case Named(types=types):
            named = [f"{kind_name}/1" for kind_name in types]
            both = {"reference": named[0], "display": "Known as"}
            return ["In words: 1/2", *named, both, f"{URL}/{types[0]}/1", {"display": named[0]}]
        case Minutes():
            return [45, 0]
        case EncodedText():
            return ["Zeilen\nmit Umlauten: äöü"]
        case Inside(kind=inner):
            return valid_values(inner)
        case type() as model if issubclass(model, Mapped):
            return [*_objects(model.fields)]
    raise AssertionError(kind)


def _objects(fields: tuple[Field, ...]) -> Iterator[Json]:
    """Yield objects with each field alone, and one with a field of each choice."""
    whole: Json = {}
    chosen = set[str]()
    for field in fields:
        value = valid_values(field.kind)[-1]
        yield {field.name: value}
        if not field.choice or field.choice not in chosen:
            whole[field.name] = value
            chosen |= {field.choice} - {""}
    yield whole


def invalid_values(kind: Kind) -> list[Any]:  # noqa: PLR0911 - one case for each kind
    """Return values that are invalid for a kind."""
    match kind:
        case Code() | Coding():
            return ["none-such", "", 5, [], True]
        case Primitive(form=form):
            return [variants.PRIMITIVES[form][1], {}, [], ""]
        case Concept() | Named():
            return [5, "", [], {}, {"text": 5}, {"none-such": "x"}, True]
        case Id():
            return ["some body", "", "Slot/1", f"{URL}/Slot/1", 5, {}, []]
        case Minutes():
            return ["45", -1, True, {}]
        case Inside(kind=inner):
            return invalid_values(inner)
        case type() as model if issubclass(model, Mapped):
            inner_wrong = [{field.name: invalid_values(field.kind)[0]} for field in model.fields]
            return [{}, "x", 5, [], {"none-such": 1}, *inner_wrong]
    return [5, "", {}, []]


def smallest_member(collection: Collection) -> Json:
    """Return the smallest valid member of a collection."""
    needed = {
        field.name: valid_values(field.kind)[0] for field in collection.fields if field.required
    }
    return needed | {
        "notes": {"url": "https://example.org/note"},
        "prescriptions": {"medication": "Ibuprofen", "patientId": "homer-simpson"},
        "assessments": {"patientId": "homer-simpson"},
    }.get(collection.name, {})
