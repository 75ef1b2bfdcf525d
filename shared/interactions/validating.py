"""$validate: whether a resource is what R4 and its profiles ask, and whether it could be written.

https://hl7.org/fhir/R4/resource-operation-validate.html
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.access import Actor, authorise
from shared.catalog.interactions import INTERACTIONS
from shared.errors import FhirError, Invalid, Issue, Transient
from shared.interactions.accepted import accepted
from shared.interactions.changes import Change, rehearse
from shared.interactions.create import create_new, proposed
from shared.interactions.read import read
from shared.interactions.update import check_id, updated
from shared.interactions.write import write
from shared.references import Literal
from shared.resources import profiles
from shared.resources.validation import issues
from shared.settings import settings

type Pair = tuple[str, str]

CREATE, UPDATE, DELETE = MODES = ("create", "update", "delete")
CORE = "http://hl7.org/fhir/StructureDefinition"
_PARAMETERS = ("mode", "profile", "_format", "_pretty")
_VALUES = ("valueCode", "valueUri", "valueCanonical", "valueUrl", "valueString")
_DONE = Issue("informational", "Nothing is wrong", severity="information")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked; `content` is None, and `mode` empty, where there is none."""

    content: Any
    mode: str
    profiles: tuple[profiles.Profile, ...]


def validate(
    actor: Actor, resource_type: str, resource_id: str, body: Any, query: Sequence[Pair]
) -> list[Issue]:
    """List what is wrong with a resource, errors first; never empty. Without an id it is a type's.

    The body is a resource, Parameters or None. It is looked at as it was sent, with its empties;
    with a mode the errors are what that write would be refused for. Raises Invalid where the
    question makes no sense, NotFound and Deleted where it is about a stored resource that is not
    there.
    """
    asked = _asked(resource_type, body, query)
    if asked.mode == DELETE:
        return _deletion(actor, resource_type, resource_id) or [_DONE]
    content = asked.content
    if content is None:
        if not resource_id:
            raise Invalid("There is no resource to look at", expression="resource")
        content = read(actor, resource_type, resource_id).resource
    here = settings()
    wrong = issues(content, resource_type, zone=here.zone, own_ids=here.own_ids)
    if asked.mode in (CREATE, UPDATE):
        refused = _refusals(actor, asked.mode, content, Literal(resource_type, resource_id))
        # What a write puts right by itself, such as an empty array, it does not refuse.
        wrong = refused or [replace(issue, severity="warning") for issue in wrong]
    for held in asked.profiles if isinstance(content, dict) else ():
        known = set(wrong)
        wrong += [issue for issue in profiles.issues(content, held) if issue not in known]
    wrong += _advice(content, asked.profiles)
    return sorted(wrong, key=lambda issue: issue.severity != "error") or [_DONE]


def _asked(resource_type: str, body: Any, query: Sequence[Pair]) -> Asked:
    """Read the body and the query. Raises Invalid for parameters that are none."""
    given = [pair for pair in query if pair[0] in _PARAMETERS[:2]]
    unknown = [name for name, _ in query if name not in _PARAMETERS]
    content = body
    if isinstance(body, dict) and body.get("resourceType") == "Parameters":
        content, rest = _parted(body)
        for part in accepted(rest, "Parameters").get("parameter", ()):
            value = next((part[name] for name in _VALUES if name in part), "")
            given.append((str(part.get("name")), value))
        unknown += [name for name, _ in given if name not in _PARAMETERS[:2]]
    if unknown:
        text = "There is no such parameter: $validate takes resource, mode and profile"
        raise Invalid(issues=[Issue("invalid", text, name) for name in dict.fromkeys(unknown)])
    modes = {value for name, value in given if name == "mode"}
    if len(modes) > 1 or not modes <= {*MODES, "profile", ""}:
        raise Invalid(f"mode is none of {', '.join(MODES)}, or given twice", expression="mode")
    named = [value for name, value in given if name == "profile"]
    held = [_profile(value, resource_type) for value in named]
    return Asked(content, "".join(modes), tuple(each for each in held if each))


def _parted(body: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Give the resource inside Parameters, and these without it: that is looked at as it is."""
    parts = body.get("parameter")
    parts = parts if isinstance(parts, list) else []
    found = [part for part in parts if isinstance(part, dict) and part.get("name") == "resource"]
    if len(found) > 1 or any("resource" not in part for part in found):
        raise Invalid("resource is given twice, or is not a resource", expression="resource")
    rest = [part for part in parts if part not in found]
    return (found[0]["resource"] if found else None), {**body, "parameter": rest}


def _profile(canonical: str, resource_type: str) -> profiles.Profile | None:
    """Find a profile; that of the type itself adds nothing. Raises Invalid naming those known."""
    base = f"{CORE}/{resource_type}"
    if canonical in (base, f"{base}|4.0.1"):
        return None
    found = profiles.profile(canonical)
    if found is None:
        raise Invalid(
            issues=[
                Issue(
                    "not-supported",
                    "There is no such profile here",
                    "profile",
                    f"There are {', '.join((base, *profiles.known()))}",
                )
            ]
        )
    return found


def _deletion(actor: Actor, resource_type: str, resource_id: str) -> list[Issue]:
    """List what would keep a stored resource from being deleted."""
    if not resource_id:
        raise Invalid("A type cannot be deleted: mode delete is for one id", expression="mode")
    read(actor, resource_type, resource_id)
    return _refusals(actor, DELETE, None, Literal(resource_type, resource_id))


def _refusals(actor: Actor, mode: str, content: Any, target: Literal) -> list[Issue]:
    """List what a write would be refused for: it is made up to its end."""
    row = next(row for row in INTERACTIONS if row.code == mode)
    try:
        writer = authorise(actor, row, target.type)
        rehearse(writer, mode, _CHANGES[mode](content, target))
    except Transient:
        raise
    except FhirError as error:
        return [*error.issues]
    return []


def _creation(content: Any, target: Literal) -> Change:
    resource = proposed(content, target.type)
    return lambda work: create_new(work, resource)


def _update(content: Any, target: Literal) -> Change:
    resource = accepted(content, target.type)
    own_id = target.id or str(resource.get("id", ""))
    check_id(resource, own_id)
    return lambda work: write(work, Literal(target.type, own_id), updated(resource))


_CHANGES: dict[str, Callable[[Any, Literal], Change]] = {
    CREATE: _creation,
    UPDATE: _update,
    DELETE: lambda _, target: lambda work: write(work, target, lambda *_: None),
}


def _advice(content: Any, asked: Sequence[profiles.Profile]) -> Iterator[Issue]:
    """List what R4 recommends, and refuses nobody for."""
    if not isinstance(content, dict):
        return
    if "text" not in content:
        text = "dom-6: A resource should have narrative for robust management"
        expression = str(content.get("resourceType"))
        yield Issue("invariant", text, expression, "Invariant dom-6 of R4", "warning")
    held = {each.name: each for each in (*asked, *profiles.claimed(content))}
    for each in held.values():
        yield from profiles.advice(content, each)
