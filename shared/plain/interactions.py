"""The interactions of the plain-JSON API: its objects are mapped to FHIR and written as such.

Each raises the errors of the FHIR interaction, with fields named by JSON Pointers
(`#/period/start`) and parameters by their plain names. Each raises NotFound if the resource exists
but is not a member of the collection.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.errors import Deleted, FhirError, NotFound
from shared.fhir import fhirjson
from shared.fhir.patch.patching import without_generated_text
from shared.fhir.preconditions import Preconditions
from shared.fhir.references import Literal
from shared.interactions import read as reading
from shared.interactions import search as searching
from shared.interactions.create import create as create_resource
from shared.interactions.patch import content_from_change
from shared.interactions.update import with_previous_status
from shared.interactions.write import Content, write
from shared.plain import mapping, queries
from shared.plain.collection import Collection
from shared.references import checks
from shared.sessions.changes import ChangeResult, commit_change
from shared.sessions.intake import validated_resource
from shared.store.records import VersionedRecord

type Json = dict[str, Any]
type Pair = tuple[str, str]
type Change = Callable[[Collection, Json, Any], Json]


def read(caller: Caller, collection: Collection, own_id: str) -> VersionedRecord:
    """Return the current version of a member."""
    with _absence_named(collection, own_id):
        record = reading.read(caller, collection.type, own_id)
    _require_member(collection, record.resource)
    return record


def search(
    caller: Caller, collection: Collection, query: Sequence[Pair]
) -> tuple[list[Json], str | None]:
    """Return a page of the members that match, and the cursor of the next page, if any."""
    fhir_query = queries.to_fhir(collection, query)
    with _errors_located(lambda: lambda name: queries.plain_name(collection, name)):
        page = searching.search(caller, collection.type, fhir_query, lenient=False)
    return [*map(fhirjson.loads, page.resources)], dict(page.next or ()).get("_cursor")


def create(caller: Caller, collection: Collection, body: Any) -> ChangeResult:
    """Create a member."""
    resource = mapping.to_fhir(collection, body)
    with _errors_located(lambda: mapping.Pointers(collection, resource, body).of):
        return create_resource(caller, collection.type, resource)


def update(
    caller: Caller, collection: Collection, own_id: str, body: Any, *, only_if: Preconditions
) -> ChangeResult:
    """Replace a member's fields by those of the body, or create the member.

    What the plain object does not show of the FHIR resource stays.
    """
    proposal = _Proposal(collection, own_id, body, mapping.updated)
    return _write(caller, "update", proposal, proposal.content, only_if)


def patch(
    caller: Caller, collection: Collection, own_id: str, body: Any, *, only_if: Preconditions
) -> ChangeResult:
    """Change the fields of a member that the body names, as a JSON Merge Patch does."""
    proposal = _Proposal(collection, own_id, body, mapping.patched)
    with _absence_named(collection, own_id):
        return _write(
            caller, "patch", proposal, content_from_change(proposal.target, proposal.apply), only_if
        )


def delete(
    caller: Caller, collection: Collection, own_id: str, *, only_if: Preconditions
) -> ChangeResult:
    """Delete a member. Deleting one that does not exist succeeds and changes nothing."""

    def content(before: VersionedRecord | None, _work: AuditedUnitOfWork) -> None:
        if before and not before.deleted:
            _require_member(collection, before.resource)

    target = Literal(collection.type, own_id)
    return commit_change(
        caller, "delete", lambda work: write(work, target, content, only_if=only_if)
    )


class _Proposal:
    """A change that a body requests, and the resource that resulted from it last.

    The resource is kept because errors in it are located in the body that it was made from.
    """

    def __init__(self, collection: Collection, own_id: str, body: Any, change: Change) -> None:
        self.target = Literal(collection.type, own_id)
        self.resource: Json = {}
        self._collection, self._body, self._change = collection, body, change

    def apply(self, current: Json) -> Json:
        """Return a member's resource with the body's change applied."""
        _require_member(self._collection, current)
        self.resource = self._change(self._collection, current, self._body)
        return self.resource

    def content(self, before: VersionedRecord | None, work: AuditedUnitOfWork) -> Json:
        """Return the next version of a member, or its first."""
        resource_type, own_id = self.target
        current = before.resource if before and not before.deleted else {}
        if current:
            after = self.apply(current)
        else:
            self.resource = after = mapping.to_fhir(self._collection, self._body, id=own_id)
        after = validated_resource(after, resource_type)
        after = without_generated_text(current, checks.resolve_conditionals(work, after))
        return with_previous_status(before, after, work, keep_omitted=True)

    def pointers(self) -> Callable[[str], str]:
        """Return what finds the JSON Pointers of the resource that resulted last."""
        return mapping.Pointers(self._collection, self.resource, self._body).of


def _write(
    caller: Caller, interaction: str, proposal: _Proposal, content: Content, only_if: Preconditions
) -> ChangeResult:
    with _errors_located(proposal.pointers):
        return commit_change(
            caller,
            interaction,
            lambda work: write(work, proposal.target, content, only_if=only_if),
        )


def _require_member(collection: Collection, resource: Json) -> None:
    """Raise NotFound if a resource is not a member of the collection."""
    if not collection.holds(resource):
        raise _absent(collection, resource["id"])


def _absent(collection: Collection, own_id: str) -> NotFound:
    return NotFound(f"There is no {own_id} in {collection.name}")


@contextmanager
def _absence_named(collection: Collection, own_id: str) -> Iterator[None]:
    """Name a missing or deleted member by its collection instead of its FHIR type."""
    try:
        yield
    except NotFound:
        raise _absent(collection, own_id) from None
    except Deleted:
        raise Deleted(f"{own_id} in {collection.name} is deleted") from None


@contextmanager
def _errors_located(locator: Callable[[], Callable[[str], str]]) -> Iterator[None]:
    """Translate the expressions of every error into the terms of the plain API."""
    try:
        yield
    except FhirError as error:
        locate = locator()
        error.issues = tuple(
            replace(issue, expression=locate(issue.expression)) for issue in error.issues
        )
        raise
