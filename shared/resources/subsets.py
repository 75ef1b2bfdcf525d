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
        """Cut a resource's JSON, and tag it as one that is not whole."""
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

    names = [name for name in value.split(",") if name]
    elements = type_named(resource_type).elements
    known = [name for name in elements if not name.startswith("_")]
    # Some clients name resourceType too, which is no element and is always there.
    unknown = [name for name in names if name not in (*known, "resourceType")]
    if unknown or not names:
        raise Invalid(
            f"{resource_type} has no element {', '.join(unknown)}" if names else "Name an element",
            expression="_elements",
            diagnostics=f"There are {', '.join(known)}",
        )
    return Subset(_tree([*names, *_known(resource_type)["required"]]))


@cache
def _known(resource_type: str) -> dict[str, list[str]]:
    """Read what R4's StructureDefinition has in the summary of a type, and what must be there."""
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
    """Keep the named elements, with what belongs to a primitive of that name."""
    if isinstance(element, list):
        return [_cut(part, names) for part in element]
    if not names or not isinstance(element, dict):
        return element
    return {
        name: _cut(part, names[plain])
        for name, part in element.items()
        if (plain := name.removeprefix("_")) in names
    }
