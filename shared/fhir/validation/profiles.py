"""Validation of the profiles that a resource claims in `meta.profile`.

A profile's table holds what its differential adds to the type: cardinalities, the types of
references, and bindings. The bindings of US Core's Encounter are extensible or preferred, so a code
outside of them is not an error.
http://hl7.org/fhir/us/core/StructureDefinition/us-core-encounter
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from shared.errors import Issue
from shared.fhir import reference_elements, references

_FOLDER = Path(__file__).with_name("definitions")
_FILES = {
    "http://hl7.org/fhir/us/core/StructureDefinition/us-core-encounter": "us-core-encounter",
}


class Rule(NamedTuple):
    """A profile's rule about an element: whether it must exist, and its reference types."""

    path: tuple[str, ...]
    needed: bool
    targets: tuple[str, ...]


class Profile(NamedTuple):
    """The rules of a profile; `name` is its canonical URL with the version."""

    name: str
    type: str
    rules: tuple[Rule, ...]
    bindings: dict[str, str]


def supported_urls() -> tuple[str, ...]:
    """Return the canonical URLs of the supported profiles."""
    return tuple(_FILES)


def supported_profile(canonical: str) -> Profile | None:
    """Return a profile by its canonical URL, with or without version; None if not supported."""
    url, _, version = canonical.partition("|")
    if url not in _FILES:
        return None
    profile = _read(_FILES[url])
    return profile if version in ("", profile.name.partition("|")[2]) else None


def applies(canonical: str, resource_type: str) -> bool:
    """Return whether a supported profile constrains a type."""
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
    """Yield each supported profile that a resource claims, once."""
    meta = resource.get("meta")
    claims = meta.get("profile") if isinstance(meta, dict) else None
    canonicals = claims if isinstance(claims, list) else []
    supported = (supported_profile(claim) for claim in canonicals if isinstance(claim, str))
    yield from {profile.name: profile for profile in supported if profile}.values()


def issues(resource: dict[str, Any], profile: Profile) -> Iterator[Issue]:
    """Yield the issues of a resource that does not conform to a profile."""
    if resource.get("resourceType") != profile.type:
        yield Issue(
            "invalid",
            "The profile is one of another resource type",
            "resourceType",
            profile.name,
        )
        return
    contained_types = references.contained_types(resource)
    for rule in profile.rules:
        for parent, here in _parents(resource, profile.type, rule.path[:-1]):
            yield from _broken(parent, here, rule, contained_types, profile.name)


def advice(resource: dict[str, Any], profile: Profile) -> Iterator[Issue]:
    """Yield an information for each coded element whose recommended value set is not checked."""
    for path, binding in profile.bindings.items():
        *above, last = path.split(".")[1:]
        for parent, here in _parents(resource, profile.type, tuple(above)):
            if parent.get(last):
                value_set = binding.partition(" ")[2]
                yield Issue(
                    "informational",
                    f"Its codes should be from {value_set}, which is not checked here",
                    f"{here}.{last}",
                    profile.name,
                    severity="information",
                )


def _parents(element: Any, here: str, path: tuple[str, ...]) -> Iterator[tuple[Any, str]]:
    """Yield the objects that a path of elements leads to, each with its FHIRPath."""
    if not isinstance(element, dict):
        return
    if not path:
        yield element, here
        return
    inner, below = element.get(path[0]), f"{here}.{path[0]}"
    if isinstance(inner, list):
        for index, item in enumerate(inner):
            yield from _parents(item, f"{below}[{index}]", path[1:])
    else:
        yield from _parents(inner, below, path[1:])


def _broken(
    parent: dict[str, Any], here: str, rule: Rule, contained_types: dict[str, str], name: str
) -> Iterator[Issue]:
    """Yield the issues of an element that breaks a rule; `name` is that of the profile."""
    last = rule.path[-1]
    path = f"{here}.{last}"
    if rule.needed and not parent.get(last) and not parent.get(f"_{last}"):
        yield Issue("required", "The profile requires this element", path, name)
    value = parent.get(last)
    is_array = isinstance(value, list)
    for index, reference in enumerate(value if isinstance(value, list) else [value]):
        kind = reference_elements.target_type(reference, contained_types) if rule.targets else ""
        if kind and kind not in rule.targets:
            element = f"{path}[{index}]" if is_array else path
            yield Issue(
                "value",
                f"In this profile the reference may only name {', '.join(rule.targets)}",
                f"{element}.reference",
                name,
            )
