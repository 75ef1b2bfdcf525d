"""The one resource that a query names: conditional creates, updates, patches, deletes, references.

https://hl7.org/fhir/R4/http.html#ccreate
"""

from collections.abc import Sequence

import orjson

from shared.errors import Invalid, PreconditionFailed, TooCostly
from shared.interactions.search import search
from shared.search import controls, criteria
from shared.search.criteria import Criterion
from shared.search.operands import TokenOperand
from shared.settings import settings
from shared.sight import EVERY_LETTER
from shared.store import guards, keys
from shared.store.keys import Address
from shared.store.records import Versioned
from shared.store.transactions import Stale
from shared.store.work import Work

type Pair = tuple[str, str]
type Found = tuple[str, str]

# A caller who does not see everything may have to look further, but not for long.
_FEW, _MOST_PAGES = 50, 5


def only(
    work: Work, resource_type: str, query: Sequence[Pair], *, claimed: bool = False
) -> Versioned | None:
    """Find the one resource that a query names, None where there is none.

    With `claimed` the caller makes one then, and the work fails where somebody else was first.
    Raises Invalid, TooCostly, and PreconditionFailed where there are several.
    """
    asked = _criteria(resource_type, query)
    guard = _guard(work.tenant, resource_type, asked)
    last = guards.last(guard) if claimed else ""
    found = _found(work, resource_type, query)
    if not found:
        if claimed:
            work.claim(guard, last)
        return None
    ((resource_id, version),) = found
    record = work.resource(resource_type, resource_id)
    if record is None or record.deleted or str(record.version) != version:
        raise Stale
    return record


def _criteria(resource_type: str, query: Sequence[Pair]) -> tuple[Criterion, ...]:
    """Read a query strictly: what a misspelt parameter would select is not what was meant."""
    for name, _ in query:
        if name in controls.NAMES - controls.WITHOUT_EFFECT:
            raise Invalid(f"{name} selects nothing: a condition does without", expression=name)
    asked = criteria.parse(resource_type, query, settings().zone).criteria
    if not asked:
        raise Invalid(
            f"The query selects no {resource_type}",
            diagnostics="It needs a search parameter, as identifier=system|value",
        )
    return asked


def _guard(tenant: str, resource_type: str, asked: tuple[Criterion, ...]) -> Address:
    """Give the guard of what a query selects: of an identifier where it names one."""
    for criterion in asked:
        match criterion.operands:
            case (TokenOperand(str(system), str(value)),) if (
                criterion.param.code == "identifier" and not criterion.modifier and system and value
            ):
                return keys.guard(tenant, resource_type, system, value)
    return keys.claim(tenant, resource_type, "&".join(sorted(map(str, asked))))


def _found(work: Work, resource_type: str, query: Sequence[Pair]) -> list[Found]:
    """Give id and version of what matches and the caller sees, at most one."""
    found: list[Found] = []
    count = _FEW if work.sight.is_limited else 2
    asked: Sequence[Pair] = [*query, ("_count", str(count))]
    for _ in range(_MOST_PAGES):
        page = search(work.actor, resource_type, list(asked), lenient=False, letters=EVERY_LETTER)
        seen = [one for one in map(orjson.loads, page.resources) if work.sight.sees(one)]
        found += [(one["id"], one["meta"]["versionId"]) for one in seen]
        if len(found) > 1:
            raise PreconditionFailed(
                f"The query matches several {resource_type}s",
                diagnostics="Name one of them, as by its identifier",
            )
        if not page.next:
            return found
        asked = page.next
    raise TooCostly(
        "The query may match more than one request can read",
        diagnostics="Add a parameter that selects fewer, as identifier",
    )
