"""The operation $validate: checking a resource against R4 and profiles, or rehearsing a write.

https://hl7.org/fhir/R4/resource-operation-validate.html
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.access.authorization import authorize
from shared.access.caller import Caller
from shared.catalog.interactions import INTERACTIONS
from shared.errors import FhirError, Invalid, Issue, Transient
from shared.fhir.references import CORE_DEFINITIONS, Literal
from shared.fhir.validation import profiles
from shared.fhir.validation.validation import issues
from shared.interactions.create import create_new, validated_new_resource
from shared.interactions.read import read
from shared.interactions.update import check_id, content_from_body
from shared.interactions.write import Pair, write
from shared.sessions.changes import Change, dry_run
from shared.sessions.intake import validated_resource
from shared.settings import settings

CREATE, UPDATE, DELETE = MODES = ("create", "update", "delete")
_PARAMETERS = ("mode", "profile", "_format", "_pretty")
_VALUES = ("valueCode", "valueUri", "valueCanonical", "valueUrl", "valueString")
_NO_PROBLEMS = Issue("informational", "No problems were found", severity="information")


@dataclass(frozen=True, slots=True)
class ValidateParameters:
    """The parameters of $validate. `content` is None and `mode` is empty if not given."""

    content: Any
    mode: str
    profiles: tuple[profiles.Profile, ...]


def validate(
    caller: Caller, resource_type: str, resource_id: str, body: Any, query: Sequence[Pair]
) -> list[Issue]:
    """Return the issues of a resource, errors first. The list is never empty.

    The body is a resource, Parameters or None. `resource_id` is empty if the operation is called on
    the type. The resource is checked as it was sent, with its empty elements. With a mode, the
    errors are those of that write. Raises Invalid for parameters that make no sense, NotFound and
    Deleted if a stored resource is meant that does not exist.
    """
    asked = _read(resource_type, body, query)
    if asked.mode == DELETE:
        return _deletion(caller, resource_type, resource_id) or [_NO_PROBLEMS]
    content = asked.content
    if content is None:
        if not resource_id:
            raise Invalid(
                "There is no resource to validate",
                expression="resource",
                diagnostics="Send one in the body, or call the operation on a resource's id",
            )
        content = read(caller, resource_type, resource_id).resource
    configured = settings()
    found = issues(content, resource_type, zone=configured.zone, r4_id_types=configured.r4_id_types)
    if asked.mode in (CREATE, UPDATE):
        refusals = _refusals(caller, asked.mode, content, Literal(resource_type, resource_id))
        # A write corrects some problems itself, such as an empty array: these are only warnings.
        found = refusals or [replace(issue, severity="warning") for issue in found]
    for profile in asked.profiles if isinstance(content, dict) else ():
        listed = set(found)
        found += [issue for issue in profiles.issues(content, profile) if issue not in listed]
    found += _advice(content, asked.profiles)
    return sorted(found, key=lambda issue: issue.severity != "error") or [_NO_PROBLEMS]


def _read(resource_type: str, body: Any, query: Sequence[Pair]) -> ValidateParameters:
    """Read the parameters from the body and the query. Raises Invalid for unknown ones."""
    given = [pair for pair in query if pair[0] in _PARAMETERS[:2]]
    unknown = [name for name, _ in query if name not in _PARAMETERS]
    content = body
    if isinstance(body, dict) and body.get("resourceType") == "Parameters":
        content, rest = _parted(body)
        for part in validated_resource(rest, "Parameters").get("parameter", ()):
            value = next((part[name] for name in _VALUES if name in part), "")
            given.append((str(part.get("name")), value))
        unknown += [name for name, _ in given if name not in _PARAMETERS[:2]]
    if unknown:
        text = "Unknown parameter: $validate takes resource, mode and profile"
        raise Invalid(issues=[Issue("invalid", text, name) for name in dict.fromkeys(unknown)])
    modes = {value for name, value in given if name == "mode"}
    if len(modes) > 1 or not modes <= {*MODES, "profile", ""}:
        raise Invalid(f"mode must be one of {', '.join(MODES)}, given once", expression="mode")
    canonicals = [value for name, value in given if name == "profile"]
    found = [_profile(canonical, resource_type) for canonical in canonicals]
    return ValidateParameters(
        content, "".join(modes), tuple(profile for profile in found if profile)
    )


def _parted(body: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the resource in Parameters, and the Parameters without it.

    The resource is separated because it must not be normalized as the Parameters are.
    """
    parts = body.get("parameter")
    parts = parts if isinstance(parts, list) else []
    found = [part for part in parts if isinstance(part, dict) and part.get("name") == "resource"]
    if len(found) > 1 or any("resource" not in part for part in found):
        raise Invalid(
            "resource must be given once, and must contain a resource", expression="resource"
        )
    rest = [part for part in parts if part not in found]
    return (found[0]["resource"] if found else None), {**body, "parameter": rest}


def _profile(canonical: str, resource_type: str) -> profiles.Profile | None:
    """Return a profile, None for the type's own, which adds no rule. Raises Invalid if unknown."""
    base = f"{CORE_DEFINITIONS}{resource_type}"
    if canonical in (base, f"{base}|4.0.1"):
        return None
    found = profiles.supported_profile(canonical)
    if found is None:
        raise Invalid(
            issues=[
                Issue(
                    "not-supported",
                    "This server does not have the profile",
                    "profile",
                    f"It has {', '.join((base, *profiles.supported_urls()))}",
                )
            ]
        )
    return found


def _deletion(caller: Caller, resource_type: str, resource_id: str) -> list[Issue]:
    """Return the errors that deleting a stored resource would have."""
    if not resource_id:
        raise Invalid("mode delete must be called on a resource's id", expression="mode")
    read(caller, resource_type, resource_id)
    return _refusals(caller, DELETE, None, Literal(resource_type, resource_id))


def _refusals(caller: Caller, mode: str, content: Any, target: Literal) -> list[Issue]:
    """Return the errors that a write would have, by making it up to its commit."""
    row = next(row for row in INTERACTIONS if row.code == mode)
    try:
        writer = authorize(caller, row, target.type)
        dry_run(writer, mode, _CHANGES[mode](content, target))
    except Transient:
        raise
    except FhirError as error:
        return [*error.issues]
    return []


def _creation(content: Any, target: Literal) -> Change:
    resource = validated_new_resource(content, target.type)
    return lambda work: create_new(work, resource)


def _update(content: Any, target: Literal) -> Change:
    resource = validated_resource(content, target.type)
    own_id = target.id or str(resource.get("id", ""))
    check_id(resource, own_id)
    return lambda work: write(work, Literal(target.type, own_id), content_from_body(resource))


_CHANGES: dict[str, Callable[[Any, Literal], Change]] = {
    CREATE: _creation,
    UPDATE: _update,
    DELETE: lambda _, target: lambda work: write(work, target, lambda *_: None),
}


def _advice(content: Any, asked: Sequence[profiles.Profile]) -> Iterator[Issue]:
    """Yield warnings about what R4 and profiles recommend but do not require."""
    if not isinstance(content, dict):
        return
    if "text" not in content:
        text = "dom-6: A resource should have narrative for robust management"
        expression = str(content.get("resourceType"))
        yield Issue("invariant", text, expression, "Invariant dom-6 of R4", "warning")
    by_name = {profile.name: profile for profile in (*asked, *profiles.claimed(content))}
    for profile in by_name.values():
        yield from profiles.advice(content, profile)
