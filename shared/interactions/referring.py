"""References between resources: what a write adds must be there.

Without checks a reference to an Encounter or Communication is read, and nothing else looked at.
With them what is kept here must still be there when the write commits: the first attempt trusts
that (`Work.trusting`) and leaves it to the transaction, which costs no read; where that fails, and
for callers who do not see all of a type, each is read, so that the refusal names it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from shared import references
from shared.access import Actor
from shared.catalog.types import TYPES
from shared.errors import BusinessRule, FhirError, Invalid, Issue, NotSupported, Transient
from shared.references import Literal, Local, Query
from shared.settings import NONE, REMOTE, settings
from shared.sight import Sight
from shared.store.work import Work

type Resource = dict[str, Any]
# Each is searched for, read, or takes its place in the transaction: a write stays within a
# function's time.
MOST_ADDED = 100
_URN = "urn:uuid:"


def resolved(work: Work, resource: Resource) -> Resource:
    """Return a resource with each conditional reference (`Encounter?identifier=...`) made literal.

    Raises BusinessRule naming each that does not find exactly one resource, or where they are too
    many.
    https://hl7.org/fhir/R4/http.html#trules
    """
    texts = _texts(resource, resource["resourceType"])
    asked = {path: text for path, text in texts if isinstance(references.read(text), Query)}
    if not asked:
        return resource
    if len({*asked.values()}) > MOST_ADDED:
        raise BusinessRule(
            f"A write searches for at most {MOST_ADDED} references",
            expression=resource["resourceType"],
        )
    found: dict[str, str] = {}
    issues: list[Issue] = []
    for path, text in asked.items():
        try:
            found[text] = found.get(text) or _found(work, text)
        except FhirError as error:
            issues += [replace(issue, expression=path) for issue in error.issues]
    if issues:
        raise BusinessRule(issues=issues)
    literal: Resource = _replaced(resource, found)
    return literal


def check_urns(resource: Resource) -> None:
    """Raise Invalid naming each reference to an entry (`urn:uuid:...`) that is not there."""
    issues = [
        Issue("not-found", "No entry of the Bundle has this fullUrl", path, text)
        for path, text in _texts(resource, resource["resourceType"])
        if text[: len(_URN)].lower() == _URN
    ]
    if issues:
        raise Invalid(issues=issues)


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Walk all references, each with its FHIRPath."""
    if isinstance(value, dict):
        text = value.get("reference")
        if isinstance(text, str):
            yield f"{path}.reference", text
        for name, member in value.items():
            yield from _texts(member, _below(path, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _texts(member, f"{path}[{index}]")


def _found(work: Work, text: str) -> str:
    """Return the literal reference to the one resource that a query selects."""
    from shared.interactions.conditions import named  # noqa: PLC0415 - few writes search

    asked = references.read(text)
    if not isinstance(asked, Query):
        raise AssertionError("what is no query is not searched for")  # noqa: TRY004
    if asked.type not in TYPES:
        raise NotSupported(
            f"References are searched for among {', '.join(TYPES)} only: "
            f"no {asked.type} is kept here",
            diagnostics=f"Refer to it as {asked.type}/id, or by Reference.identifier",
        )
    target = named(work, asked.type, references.query(asked.query))
    if target is None:
        raise BusinessRule(f"The search matches no {asked.type}")
    return str(target)


def _replaced(value: Any, found: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_replaced(member, found) for member in value]
    if not isinstance(value, dict):
        return value
    literal = {name: _replaced(member, found) for name, member in value.items()}
    text = value.get("reference")
    if isinstance(text, str) and text in found:
        literal["reference"] = found[text]
    return literal


def check(work: Work, before: Resource, after: Resource) -> None:
    """Raise BusinessRule naming each reference that a write adds and that names nothing.

    A resource may name itself. What is checked beside Encounters and Communications, and where,
    the deployment says. Raises Transient where another server, which was asked, did not tell.
    """
    own, types = Literal(after["resourceType"], after["id"]), settings().kept_here
    added = _added(before, after, lambda element: _of(references.target(element), types))
    added.pop(own, None)
    if len(added) > MOST_ADDED:
        raise BusinessRule(
            f"A write adds at most {MOST_ADDED} references to what is kept here",
            expression=own.type,
        )
    missing = _missing(work, added)
    if missing and work.trusting:
        # All are read now: the refusal names each.
        work.trusting = False
        missing = _missing(work, added)
    if settings().reference_checks == REMOTE:
        missing += _missing_elsewhere(work, before, after)
    if missing:
        raise BusinessRule(
            issues=[
                Issue("business-rule", f"{target} does not exist", path) for target, path in missing
            ]
        )


def _missing(work: Work, added: Mapping[Literal, str]) -> list[tuple[Literal, str]]:
    return [(target, path) for target, path in added.items() if not _is_there(work, target)]


def _of(target: Literal | None, types: Iterable[str]) -> Literal | None:
    return target if target and target.type in types else None


def _added(
    before: Resource, after: Resource, named: Callable[[Resource], Literal | None]
) -> dict[Literal, str]:
    """Give what a resource names and did not before, each with the FHIRPath of its reference."""
    known = {named(element) for element, _ in _elements(before, "")}
    found = ((named(each), path) for each, path in _elements(after, after["resourceType"]))
    return {target: path for target, path in found if target and target not in known}


def _elements(value: Any, path: str) -> Iterator[tuple[Resource, str]]:
    """Walk all Reference elements of a resource that name something, each with its FHIRPath."""
    if isinstance(value, dict):
        if "reference" in value:
            yield value, f"{path}.reference"
        for name, member in value.items():
            if name != "contained":
                yield from _elements(member, _below(path, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _elements(member, f"{path}[{index}]")


def _below(path: str, name: str) -> str:
    """Give the FHIRPath of a property: what extends a primitive is below it."""
    return f"{path}.{name.removeprefix('_')}"


def _is_there(work: Work, target: Literal) -> bool:
    """Tell whether a resource is here; where the deployment checks that, it is when this commits.

    What the caller does not see is not there.
    """
    if work.coming.get(target):
        return True
    is_held = settings().reference_checks != NONE
    if is_held and not work.sight.limits((target.type,)) and work.require_unread(target):
        return True
    record = work.resource(target.type, target.id)
    if record is None or not work.sight.sees(record.resource):
        return False
    if is_held:
        work.require_there(record)
    return True


def _missing_elsewhere(work: Work, before: Resource, after: Resource) -> list[tuple[Literal, str]]:
    from shared.interactions import elsewhere  # noqa: PLC0415 - few deployments ask another server

    added = _added(before, after, lambda element: _kept_elsewhere(work.tenant, element))
    if work.sight.limits({target.type for target in added}):
        from shared.interactions import nameable  # noqa: PLC0415 - few callers are limited

        if others := nameable.others(work, after, added):
            # Nobody is asked: the answer is the same whether they are there or not.
            return [(each, added[each]) for each in others]
    return [(each, added[each]) for each in elsewhere.missing(added, _base(work.tenant))]


def ask_ahead(actor: Actor, resources: Sequence[Resource]) -> None:
    """Ask at once for what several resources name on the other server, if there is one.

    It is known then when each is checked; where that server does not tell, those checks say so.
    What the caller may not be told of is left to these checks.
    """
    if settings().reference_checks != REMOTE:
        return
    from shared.interactions import elsewhere  # noqa: PLC0415 - few deployments ask another server

    tenant, sight = actor.tenant, Sight(actor)
    found = (_kept_elsewhere(tenant, each) for each, _ in _elements(resources, ""))
    asked = {each for each in found if each and not sight.limits((each.type,))}
    with suppress(Transient):
        elsewhere.missing(asked, _base(tenant))


def named(tenant: str, element: Resource) -> Literal | None:
    """Give what a Reference element names, here or on the server that is asked."""
    if settings().reference_checks == REMOTE:
        return _kept_elsewhere(tenant, element) or references.target(element)
    return references.target(element)


def _kept_elsewhere(tenant: str, element: Resource) -> Literal | None:
    text, base = element.get("reference"), _base(tenant)
    below = _below_other_base(text, base) if isinstance(text, str) and base else None
    if below is not None:
        named = references.relative(below)
        return named.target if isinstance(named, Local) else None
    target = references.literal(text)
    return target if target and target.type not in settings().kept_here else None


def _below_other_base(text: str, base: str) -> str | None:
    from shared import urls  # noqa: PLC0415 - few deployments ask another server

    return urls.below(text, base)


def _base(tenant: str) -> str:
    """Give the base that a tenant's references are asked of."""
    return settings().reference_base_url.replace("{tenant}", tenant)
