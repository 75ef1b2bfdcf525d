"""A part of a resource: what `_summary` or `_elements` asks for.

https://hl7.org/fhir/R4/search.html#summary
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from shared import fhirjson
from shared.errors import Invalid
from shared.resources.meta import SUBSETTED

type Resource = dict[str, Any]
type _Names = dict[str, "_Names"]

NAMES = frozenset({"_summary", "_elements"})
COUNT = "count"
_SUMMARIES = ("true", "text", "data", COUNT, "false")
_ALWAYS = ("resourceType", "id", "meta")


@dataclass(frozen=True, slots=True)
class Subset:
    """Which elements are shown: those of a tree whose leaves are whole; without `text` or all."""

    tree: _Names
    is_data: bool = False

    def cut(self, json: bytes) -> bytes:
        """Return the part of a resource's JSON, with the tag that it is not whole."""
        resource = fhirjson.loads(json)
        if self.is_data:
            cut: Resource = {name: part for name, part in resource.items() if name != "text"}
        else:
            cut = _cut(resource, self.tree)
        meta = cut["meta"]
        tags = [tag for tag in meta.get("tag", ()) if not SUBSETTED.items() <= tag.items()]
        return fhirjson.dumps(cut | {"meta": meta | {"tag": [*tags, SUBSETTED]}})


def asked(resource_type: str, given: Mapping[str, str]) -> Subset | None:
    """Read which part is asked for, None for the whole. Raises Invalid naming the parameter."""
    summary, elements = given.get("_summary", ""), given.get("_elements", "")
    if "_summary" in given and summary not in _SUMMARIES:
        raise Invalid(
            f"_summary={summary} is none of {', '.join(_SUMMARIES)}", expression="_summary"
        )
    if "_elements" in given:
        if summary not in ("", "false"):
            raise Invalid("_summary and _elements cannot be combined", expression="_elements")
        return _elements(resource_type, elements)
    return _summary(resource_type, summary)


def of_read(resource_type: str, query: Sequence[tuple[str, str]]) -> Subset | None:
    """Read which part of one resource is asked for. Raises Invalid naming the parameter."""
    given: dict[str, str] = {}
    for name, value in query:
        if name in NAMES:
            if name in given or value == COUNT:
                wrong = "is given twice" if name in given else f"cannot be {COUNT} here"
                raise Invalid(f"{name} {wrong}", expression=name)
            given[name] = value
    return asked(resource_type, given)


def _summary(resource_type: str, summary: str) -> Subset | None:
    if summary in ("", "false", COUNT):
        return None
    if summary == "data":
        return Subset({}, is_data=True)
    known = _known(resource_type)
    return Subset(_tree(known["summary"] if summary == "true" else ["text", *known["required"]]))


def _elements(resource_type: str, value: str) -> Subset:
    from shared.resources.schema import type_named  # noqa: PLC0415 - only to check names

    asked_for = [name for name in value.split(",") if name]
    properties: dict[str, list[str]] = {}
    for name, element in type_named(resource_type).elements.items():
        properties[name] = [name]
        if element.choice:
            properties.setdefault(element.choice, []).append(name)
    # Some clients name resourceType too, which is no element and is always there.
    known = properties | {"resourceType": ["resourceType"]}
    # A choice is `value[x]` in the definitions and `value` in FHIRPath: clients write either.
    named = [known.get(name.removesuffix("[x]"), []) for name in asked_for]
    unknown = [name for name, found in zip(asked_for, named, strict=True) if not found]
    if unknown or not asked_for:
        raise Invalid(
            f"{resource_type} has no element {', '.join(unknown)}"
            if asked_for
            else "Name an element",
            expression="_elements",
            diagnostics=f"There are {', '.join(properties)}",
        )
    required = _known(resource_type)["required"]
    return Subset(_tree([*(name for names in named for name in names), *required]))


@cache
def _known(resource_type: str) -> dict[str, list[str]]:
    """Return the properties that R4 has in the summary of a type, and those that must be there.

    A choice is listed by each property that it may be: `valueQuantity`, `valueString` and so on.
    """
    file = Path(__file__).with_name("definitions") / "summary.json"
    known: dict[str, list[str]] = orjson.loads(file.read_bytes())[resource_type]
    return known


def _tree(paths: Iterable[str]) -> _Names:
    tree: _Names = {}
    for path in (*_ALWAYS, *paths):
        branch = tree
        for name in path.split("."):
            branch = branch.setdefault(name, {})
    return tree


def _cut(element: Any, names: _Names) -> Any:
    """Return the named parts of an element; None if nothing is left of it.

    What belongs to a primitive, `_birthDate` of `birthDate`, comes with it.
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
