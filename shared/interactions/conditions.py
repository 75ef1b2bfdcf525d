"""The one resource that a query names: conditional creates, updates, patches, deletes, references.

https://hl7.org/fhir/R4/http.html#ccreate
"""

from collections.abc import Sequence

from shared.errors import Invalid, PreconditionFailed, TooCostly
from shared.interactions import permitted
from shared.interactions.search import search
from shared.references import Literal
from shared.search import controls, criteria
from shared.search.criteria import Criterion, Query
from shared.search.lookups import rounded
from shared.search.matching import matches
from shared.search.operands import TokenOperand
from shared.settings import STAFF, settings
from shared.store import guards, keys
from shared.store.keys import Address
from shared.store.records import CommunicationRecord, EncounterRecord, Versioned
from shared.store.transactions import Stale
from shared.store.work import Work

type Pair = tuple[str, str]

# A caller who does not see everything may have to look further, but not for long.
_FEW, _MOST_PAGES = 50, 5


def named(
    work: Work, resource_type: str, query: Sequence[Pair], *, claimed: bool = False
) -> Literal | None:
    """Find the one resource that a query names, None where there is none.

    What the work is about to write is found as it will be. With `claimed` the caller makes one
    where there is none, and the work fails where somebody else was first.
    Raises Forbidden, Invalid, TooCostly, and PreconditionFailed where there are several.
    """
    permitted.check_searched(work, resource_type)
    asked = _criteria(resource_type, query)
    guard = _guard(work.tenant, resource_type, asked.criteria)
    last = guards.last(guard) if claimed else ""
    found = _coming(work, asked) | _stored(work, resource_type, query)
    if len(found) > 1:
        raise PreconditionFailed(
            f"The query matches several {resource_type}s",
            diagnostics="Name one of them, as by its identifier",
        )
    if not found and claimed:
        work.claim(guard, last)
    return next(iter(found), None)


def _criteria(resource_type: str, query: Sequence[Pair]) -> Query:
    """Read a query strictly: what a misspelt parameter would select is not what was meant."""
    for name, _ in query:
        if name in controls.NAMES - controls.WITHOUT_EFFECT:
            raise Invalid(f"{name} selects nothing: a condition does without", expression=name)
    asked = criteria.parse(resource_type, query, settings().zone)
    if not asked.criteria:
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


def _coming(work: Work, asked: Query) -> set[Literal]:
    """Give what matches of what the work is about to write.

    Raises Invalid where that is said by other resources, which it may write too.
    """
    found = {
        target
        for target, body in work.coming.items()
        if target.type == asked.type and body and all(matches(body, one) for one in asked.criteria)
    }
    if found and asked.joins:
        name = str(asked.joins[0]).partition("=")[0]
        raise Invalid(
            f"{name} cannot be looked up of what the same transaction writes",
            expression=name,
            diagnostics="Search by elements of the resource itself, as its identifier",
        )
    return found


def _stored(work: Work, resource_type: str, query: Sequence[Pair]) -> set[Literal]:
    """Give of what is stored, and stays as it is, what matches and the caller sees; two at most."""
    found: set[Literal] = set()
    is_limited = work.sight.limits((resource_type,)) or work.coming or _are_of_staff(work)
    count = _FEW if is_limited else 2
    asked: Sequence[Pair] = [*query, ("_count", str(count))]
    for _ in range(_MOST_PAGES):
        page = search(work.actor, resource_type, list(asked), lenient=False)
        for resource in map(rounded, page.resources):
            target = Literal(resource_type, resource["id"])
            if target not in work.coming and work.sight.sees(resource):
                record = _as_found(work, target, resource["meta"]["versionId"])
                if not (_are_of_staff(work) and _is_patient_made(record)):
                    found.add(target)
                if len(found) > 1:
                    return found
        if not page.next:
            return found
        asked = page.next
    raise TooCostly(
        "The query may match more than one request can read",
        diagnostics="Add a parameter that selects fewer, as identifier",
    )


def _are_of_staff(work: Work) -> bool:
    """Return whether the caller's conditions leave out what patients created."""
    return settings().condition_matches == STAFF and not work.actor.is_cared_for


def _is_patient_made(record: Versioned) -> bool:
    return isinstance(record, CommunicationRecord | EncounterRecord) and record.patient_made


def _as_found(work: Work, target: Literal, version: str) -> Versioned:
    """Read a resource that was found. Raises Stale if it has changed since."""
    record = work.resource(*target)
    if record is None or record.deleted or str(record.version) != version:
        raise Stale
    return record
