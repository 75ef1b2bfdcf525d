"""Finding the one resource that a condition selects, for conditional writes and references.

https://hl7.org/fhir/R4/http.html#ccreate
"""

from collections.abc import Sequence

from shared.access.visibility import Visibility
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.errors import Forbidden, Invalid, PreconditionFailed, TooCostly
from shared.fhir.references import Literal
from shared.search.query import controls, criteria
from shared.search.query.criteria import Query
from shared.search.query.criterion import Criterion
from shared.search.query.matching import matches
from shared.search.query.operands import TokenOperand
from shared.search.run.lookups import loads_rounded
from shared.search.run.search import search
from shared.settings import STAFF, settings
from shared.store import guards, keys
from shared.store.keys import Address
from shared.store.records import CommunicationRecord, EncounterRecord, VersionedRecord
from shared.store.transactions import Stale

type Pair = tuple[str, str]

# A caller who does not see everything may have to skip results. These bound how many are read.
_FEW, _MOST_PAGES = 50, 5


def find_match(
    work: AuditedUnitOfWork, resource_type: str, query: Sequence[Pair], *, claimed: bool = False
) -> Literal | None:
    """Return the one resource that a query selects, or None if there is none.

    Resources that the work is about to write are matched as they will be. With `claimed` the caller
    creates the resource if there is none, and the commit fails if somebody else does so first.
    Raises Forbidden, Invalid, TooCostly, and PreconditionFailed if there are several.
    """
    _check_searched(work, resource_type)
    condition = _criteria(resource_type, query)
    guard = _guard(work.tenant, resource_type, condition.criteria)
    last = guards.last_writer(guard) if claimed else ""
    targets = _planned(work, condition) | _stored(work, resource_type, query)
    if len(targets) > 1:
        raise PreconditionFailed(
            f"The query matches several {resource_type}s",
            diagnostics="Narrow it to one of them, for example by its identifier",
        )
    if not targets and claimed:
        work.require_guard(guard, last)
    return next(iter(targets), None)


def find_several(
    work: AuditedUnitOfWork, resource_type: str, query: Sequence[Pair]
) -> list[Literal]:
    """Return the stored resources that a query selects and the caller sees: a page of them."""
    page = search(
        resource_type, query, visibility=Visibility(work.caller, "s"), zone=settings().zone
    )
    return [Literal(resource_type, loads_rounded(json)["id"]) for json in page.resources]


def _criteria(resource_type: str, query: Sequence[Pair]) -> Query:
    """Parse a query strictly: a misspelt parameter must not select other resources than meant.

    Raises Invalid if it has no search parameter, or a control parameter such as `_sort`.
    """
    for name, _ in query:
        if name in controls.NAMES - controls.WITHOUT_EFFECT:
            raise Invalid(
                f"{name} is not allowed in a condition, because it selects no resources",
                expression=name,
            )
    condition = criteria.parse(resource_type, query, settings().zone)
    if not condition.criteria:
        raise Invalid(
            f"The condition has no search parameter of {resource_type}",
            diagnostics="Add one, for example identifier=system|value",
        )
    return condition


def _guard(tenant: str, resource_type: str, conditions: tuple[Criterion, ...]) -> Address:
    """Return the address of the guard of a query, which is an identifier's if the query has one."""
    for criterion in conditions:
        match criterion.operands:
            case (TokenOperand(str(system), str(value)),) if (
                criterion.param.code == "identifier" and not criterion.modifier and system and value
            ):
                return keys.guard(tenant, resource_type, system, value)
    return keys.claim(
        tenant, resource_type, "&".join(sorted(criterion.text for criterion in conditions))
    )


def _planned(work: AuditedUnitOfWork, condition: Query) -> set[Literal]:
    """Return the resources that match among those the work is about to write.

    Raises Invalid if the query looks at other resources as well: the work may write those, too.
    """
    targets = {
        target
        for target, body in work.planned_writes.items()
        if target.type == condition.type
        and body
        and all(matches(body, criterion) for criterion in condition.criteria)
    }
    if targets and condition.joins:
        name = condition.joins[0].text.partition("=")[0]
        raise Invalid(
            f"{name} cannot be evaluated for resources that the same transaction writes",
            expression=name,
            diagnostics="Search by the resource's own elements, for example its identifier",
        )
    return targets


def _stored(work: AuditedUnitOfWork, resource_type: str, query: Sequence[Pair]) -> set[Literal]:
    """Return at most two stored resources that match, that the caller sees and that stay as stored.

    Raises TooCostly if it takes too many pages to find them.
    """
    targets: set[Literal] = set()
    # The caller's conditions may not match what patients created.
    staff_made_only = (
        settings().condition_matches == STAFF and not work.caller.is_patient_or_relative
    )
    skips_results = (
        work.visibility.is_partial((resource_type,)) or work.planned_writes or staff_made_only
    )
    count = _FEW if skips_results else 2
    page_query: Sequence[Pair] = [*query, ("_count", str(count))]
    for _ in range(_MOST_PAGES):
        page = search(
            resource_type,
            page_query,
            visibility=Visibility(work.caller, "s"),
            zone=settings().zone,
        )
        for resource in map(loads_rounded, page.resources):
            target = Literal(resource_type, resource["id"])
            if target not in work.planned_writes and work.visibility.sees(resource):
                record = _require_version(work, target, resource["meta"]["versionId"])
                if not (staff_made_only and _is_patient_made(record)):
                    targets.add(target)
                if len(targets) > 1:
                    return targets
        if not page.next:
            return targets
        page_query = page.next
    raise TooCostly(
        "The query may match more resources than one request can read",
        diagnostics="Add a parameter that selects fewer, for example identifier",
    )


def _is_patient_made(record: VersionedRecord) -> bool:
    return isinstance(record, CommunicationRecord | EncounterRecord) and record.patient_made


def _require_version(work: AuditedUnitOfWork, target: Literal, version: str) -> VersionedRecord:
    """Return the record of a resource that a search returned. Raises Stale if it has changed."""
    record = work.resource(*target)
    if record is None or record.deleted or str(record.version) != version:
        raise Stale
    return record


def _check_searched(work: AuditedUnitOfWork, resource_type: str) -> None:
    """Raise Forbidden if no scope lets the caller search a type, as a condition does."""
    if not work.visibility.may_search(resource_type):
        raise Forbidden(
            f"The condition needs a scope to search {resource_type}",
            expression=resource_type,
            diagnostics=f"The token has none, such as user/{resource_type}.s",
        )
