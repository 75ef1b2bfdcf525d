"""The part of a resource that `_summary` or `_elements` asks for.

https://hl7.org/fhir/R4/search.html#summary
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from shared.errors import Invalid
from shared.fhir import fhirjson
from shared.fhir.meta import SUBSETTED

type _Names = dict[str, "_Names"]

NAMES = frozenset({"_summary", "_elements"})
COUNT = "count"
_SUMMARIES = ("true", "text", "data", COUNT, "false")
_ALWAYS = ("resourceType", "id", "meta")


@dataclass(frozen=True, slots=True)
class Subset:
    """The elements to return: those in a tree, whose leaves are returned whole.

    With `is_data` it is everything but the narrative, `text`.
    """

    tree: _Names
    is_data: bool = False

    def apply(self, json: bytes) -> bytes:
        """Return the JSON of the part of a resource, tagged as incomplete (SUBSETTED)."""
        resource = fhirjson.loads(json)
        if self.is_data:
            cut: fhirjson.Resource = {
                name: part for name, part in resource.items() if name != "text"
            }
        else:
            cut = _cut(resource, self.tree)
        meta = cut["meta"]
        tags = [tag for tag in meta.get("tag", ()) if not SUBSETTED.items() <= tag.items()]
        return fhirjson.dumps(cut | {"meta": meta | {"tag": [*tags, SUBSETTED]}})


def parse(resource_type: str, given: Mapping[str, str]) -> Subset | None:
    """Return the part that parameters ask for, or None for the whole resource.

    Raises Invalid with the name of the parameter.
    """
    summary, elements = given.get("_summary", ""), given.get("_elements", "")
    if "_summary" in given and summary not in _SUMMARIES:
        raise Invalid(
            f"_summary={summary} is not one of {', '.join(_SUMMARIES)}", expression="_summary"
        )
    if "_elements" in given:
        if summary not in ("", "false"):
            raise Invalid("_summary and _elements cannot be combined", expression="_elements")
        return _elements(resource_type, elements)
    return _summary(resource_type, summary)


def parse_for_read(resource_type: str, query: Sequence[tuple[str, str]]) -> Subset | None:
    """Return the part that the query of a read asks for, or None for the whole resource.

    Raises Invalid with the name of the parameter.
    """
    given: dict[str, str] = {}
    for name, value in query:
        if name in NAMES:
            if name in given or value == COUNT:
                not_a_search = f"cannot be {COUNT} when one resource is read"
                problem = "is given twice" if name in given else not_a_search
                raise Invalid(f"{name} {problem}", expression=name)
            given[name] = value
    return parse(resource_type, given)


def _summary(resource_type: str, summary: str) -> Subset | None:
    if summary in ("", "false", COUNT):
        return None
    if summary == "data":
        return Subset({}, is_data=True)
    names = _names_in_r4(resource_type)
    return Subset(_tree(names["summary"] if summary == "true" else ["text", *names["required"]]))


def _elements(resource_type: str, value: str) -> Subset:
    from shared.fhir.validation.schema import type_named  # noqa: PLC0415 - only needed to check names

    requested = [name for name in value.split(",") if name]
    properties: dict[str, list[str]] = {}
    for name, element in type_named(resource_type).elements.items():
        properties[name] = [name]
        if element.choice:
            properties.setdefault(element.choice, []).append(name)
    # Some clients also ask for resourceType, which is not an element and is always returned.
    accepted = properties | {"resourceType": ["resourceType"]}
    # A choice is `value[x]` in the definitions and `value` in FHIRPath. Clients write either.
    matches = [accepted.get(name.removesuffix("[x]"), []) for name in requested]
    unknown = [name for name, match in zip(requested, matches, strict=True) if not match]
    if unknown or not requested:
        raise Invalid(
            f"{resource_type} has no element {', '.join(unknown)}"
            if requested
            else "_elements must name at least one element",
            expression="_elements",
            diagnostics=f"Its elements are {', '.join(properties)}",
        )
    required = _names_in_r4(resource_type)["required"]
    return Subset(_tree([*(name for match in matches for name in match), *required]))


@cache
def _names_in_r4(resource_type: str) -> dict[str, list[str]]:
    """Return the `summary` and the `required` properties of a type in R4.

    A choice is listed by each property that it may be: `valueQuantity`, `valueString` and so on.
    """
    file = Path(__file__).parent / "validation/definitions/summary.json"
    names: dict[str, list[str]] = orjson.loads(file.read_bytes())[resource_type]
    return names


def _tree(paths: Iterable[str]) -> _Names:
    tree: _Names = {}
    for path in (*_ALWAYS, *paths):
        branch = tree
        for name in path.split("."):
            branch = branch.setdefault(name, {})
    return tree


def _cut(element: Any, names: _Names) -> Any:
    """Return the parts of an element that a tree names, or None if nothing is left of it.

    The id and extensions of a primitive, `_birthDate` of `birthDate`, stay with it.
    """
    if not names:
        return element
    if isinstance(element, list):
        return [part for item in element if (part := _cut(item, names)) is not None] or None
    if not isinstance(element, dict):
        return element
    cut = {
        name: part
        for name, content in element.items()
        if (branch := names.get(name.removeprefix("_"))) is not None
        and (part := _cut(content, branch)) is not None
    }
    return cut or None
