"""Patch: a change to a resource, made to its current version.

https://hl7.org/fhir/R4/http.html#patch
"""

from collections.abc import Callable, Sequence
from typing import Any

from shared.access import Actor
from shared.errors import NotFound
from shared.interactions import permitted, referring
from shared.interactions.accepted import accepted
from shared.interactions.changes import Outcome, make
from shared.interactions.read import there
from shared.interactions.update import with_history
from shared.interactions.write import Content, write
from shared.preconditions import ALWAYS, Preconditions
from shared.references import Literal
from shared.resources import patching
from shared.store.records import Versioned
from shared.store.work import Work

type Resource = dict[str, Any]
type Pair = tuple[str, str]


def patch(
    actor: Actor,
    resource_type: str,
    resource_id: str,
    body: Any,
    media_type: str,
    *,
    only_if: Preconditions = ALWAYS,
) -> Outcome:
    """Change a resource by a JSON Patch or merge document.

    Raises NotFound, Deleted, and what the patch or its result is refused for.
    """
    target = Literal(resource_type, resource_id)
    content = patched(target, body, media_type)
    return make(actor, "patch", lambda work: write(work, target, content, only_if=only_if))


def patch_found(
    actor: Actor,
    resource_type: str,
    query: Sequence[Pair],
    body: Any,
    media_type: str,
    *,
    only_if: Preconditions = ALWAYS,
) -> Outcome:
    """Change the one resource that a query finds.

    Raises NotFound where it finds none, PreconditionFailed where several.
    """

    def change(work: Work) -> Outcome:
        target = found(work, resource_type, query)
        return write(work, target, patched(target, body, media_type), only_if=only_if)

    return make(actor, "patch", change)


def found(work: Work, resource_type: str, query: Sequence[Pair]) -> Literal:
    """Find the one resource that a query names. Raises NotFound and PreconditionFailed."""
    from shared.interactions.conditions import named  # noqa: PLC0415 - only here is searched

    target = named(work, resource_type, query)
    if target is None:
        raise NotFound(f"The query matches no {resource_type}")
    return target


def patched(target: Literal, body: Any, media_type: str) -> Content:
    """Return a resource's next version as a patch makes it of the current one."""
    made = changed(
        target,
        lambda current: patching.patch(current, body, media_type),
        writes_text=patching.writes_text(body),
    )

    def content(before: Versioned | None, work: Work) -> Resource | None:
        if before and _tests(body):
            # Whether it holds says what is there.
            permitted.check_scopes(work, "r", before.resource)
        return made(before, work)

    return content


def _tests(body: Any) -> bool:
    """Return whether a JSON Patch has an operation `test`."""
    steps = body if isinstance(body, list) else []
    return any(isinstance(step, dict) and step.get("op") == "test" for step in steps)


def changed(
    target: Literal, change: Callable[[Resource], Any], *, writes_text: bool = False
) -> Content:
    """Return a resource's next version as a change makes it of the current one.

    A narrative that was generated from the old content goes, unless the change writes one.
    """

    def content(before: Versioned | None, work: Work) -> Resource:
        current = there(before, target.type, target.id).resource
        # Whether a patch can be made says what is there.
        permitted.check_scopes(work, "u", current)
        after = accepted(change(current), target.type)
        after = referring.resolved(work, after)
        if not writes_text:
            after = patching.without_generated_text(current, after)
        return with_history(before, after, work, keep_omitted=False)

    return content
