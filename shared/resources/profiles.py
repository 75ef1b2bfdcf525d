"""Whether a resource keeps the profiles that it claims, beside the type they constrain.

A table has what a profile's differential adds: cardinalities, the types of references, bindings.
Those of US Core's Encounter are extensible or preferred: no code outside them is wrong.
http://hl7.org/fhir/us/core/StructureDefinition/us-core-encounter
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from shared import references
from shared.errors import Issue
from shared.resources import pointing

_FOLDER = Path(__file__).with_name("definitions")
_FILES = {
    "http://hl7.org/fhir/us/core/StructureDefinition/us-core-encounter": "us-core-encounter",
}


class Rule(NamedTuple):
    """What a profile asks of an element: to be there, and which types a reference may name."""

    path: tuple[str, ...]
    needed: bool
    targets: tuple[str, ...]


class Profile(NamedTuple):
    """A profile's rules; `name` is its canonical with the version."""

    name: str
    type: str
    rules: tuple[Rule, ...]
    bindings: dict[str, str]


def known() -> tuple[str, ...]:
    """Name the profiles that there are tables of."""
    return tuple(_FILES)


def profile(canonical: str) -> Profile | None:
    """Give a profile by its canonical, which may name the version; None where there is no table."""
    url, _, version = canonical.partition("|")
    if url not in _FILES:
        return None
    found = _read(_FILES[url])
    return found if version in ("", found.name.partition("|")[2]) else None


def applies(canonical: str, resource_type: str) -> bool:
    """Tell whether a profile that there is a table of is one of a type."""
    return _read(_FILES[canonical]).type == resource_type


@cache
def _read(name: str) -> Profile:
    data = orjson.loads((_FOLDER / f"{name}.json").read_bytes())
    rules = tuple(_rule(path, row) for path, row in data["elements"].items())
    return Profile(f"{data['url']}|{data['version']}", data["type"], rules, data["bindings"])


def _rule(path: str, row: str) -> Rule:
    cardinality, kind = row.split(" ", 1)
    targets = kind.removeprefix("Reference(").rstrip(")").split(",") if "(" in kind else ()
    return Rule(tuple(path.split(".")[1:]), cardinality in "1+", tuple(targets))


def claimed(resource: dict[str, Any]) -> Iterator[Profile]:
    """Yield each profile that a resource says it keeps once, if there is a table of it."""
    meta = resource.get("meta")
    named = meta.get("profile") if isinstance(meta, dict) else None
    canonicals = (
        [each for each in named if isinstance(each, str)] if isinstance(named, list) else []
    )
    held = filter(None, map(profile, dict.fromkeys(canonicals)))
    yield from {each.name: each for each in held}.values()


def issues(resource: dict[str, Any], held: Profile) -> Iterator[Issue]:
    """List where a resource does not keep a profile."""
    if resource.get("resourceType") != held.type:
        yield Issue("invalid", "The profile is one of another type", "resourceType", held.name)
        return
    contents = references.contents(resource)
    for rule in held.rules:
        for parent, here in _parents(resource, held.type, rule.path[:-1]):
            yield from _broken(parent, here, rule, contents, held.name)


def advice(resource: dict[str, Any], held: Profile) -> Iterator[Issue]:
    """List the codes that a profile would have of a value set, where other codes are no mistake."""
    for path, binding in held.bindings.items():
        *above, last = path.split(".")[1:]
        for parent, here in _parents(resource, held.type, tuple(above)):
            if parent.get(last):
                text = f"Its codes are to be of {binding.partition(' ')[2]}: not checked here"
                yield Issue("informational", text, f"{here}.{last}", held.name, "information")


def _parents(element: Any, here: str, path: tuple[str, ...]) -> Iterator[tuple[Any, str]]:
    """Give the objects that an element's parent path names, each with its FHIRPath."""
    if not isinstance(element, dict):
        return
    if not path:
        yield element, here
        return
    inner, below = element.get(path[0]), f"{here}.{path[0]}"
    if isinstance(inner, list):
        for index, each in enumerate(inner):
            yield from _parents(each, f"{below}[{index}]", path[1:])
    else:
        yield from _parents(inner, below, path[1:])


def _broken(
    parent: dict[str, Any], here: str, rule: Rule, contents: dict[str, str], name: str
) -> Iterator[Issue]:
    last = rule.path[-1]
    path = f"{here}.{last}"
    if rule.needed and not parent.get(last) and not parent.get(f"_{last}"):
        yield Issue("required", "The profile asks for this element", path, name)
    found = parent.get(last)
    several = isinstance(found, list)
    for index, each in enumerate(found if isinstance(found, list) else [found]):
        kind = pointing.kind(each, contents) if rule.targets else ""
        if kind and kind not in rule.targets:
            place = f"{path}[{index}]" if several else path
            text = f"In this profile it may refer to {', '.join(rule.targets)}"
            yield Issue("value", text, f"{place}.reference", name)
