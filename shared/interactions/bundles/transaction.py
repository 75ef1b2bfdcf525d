"""The interaction transaction: writing all entries of a Bundle, or none of them.

https://hl7.org/fhir/R4/http.html#transaction
"""

from collections.abc import Sequence
from dataclasses import replace

from shared.access.caller import Caller
from shared.audit import trail
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.types import SESSION_TYPES
from shared.errors import BusinessRule
from shared.fhir.bundle_links import has_valid_links
from shared.interactions.bundles.entries import Entry, locate_errors, map_entries
from shared.interactions.bundles.entry_targets import EntryTargets, TargetedEntry
from shared.interactions.create import validated_new_resource
from shared.interactions.patch import content_from_patch
from shared.interactions.read import existing_record
from shared.interactions.update import content_from_body
from shared.interactions.write import Content, Resource, write
from shared.references import checks
from shared.rules import classification
from shared.search.query import criteria
from shared.sessions.changes import ChangeResult, commit_in_one_transaction, with_readability
from shared.sessions.intake import revalidated_resource, validated_resource
from shared.settings import settings
from shared.store.transactions import MOST_ITEMS

WRITES = ("create", "update", "patch", "delete")


def transact(caller: Caller, sent: Sequence[Entry]) -> dict[str, ChangeResult]:
    """Write all entries. Return the outcome of each by its FHIRPath, with its record's final state.

    Raises the errors of single entries, located in the Bundle, and BusinessRule if all together do
    not fit in one transaction.
    """
    if sum(entry.code in WRITES for entry in sent) > MOST_ITEMS:
        raise BusinessRule(
            f"The Bundle has too many writes: a transaction holds at most {MOST_ITEMS} items, "
            "and each write needs more than one",
            expression="Bundle.entry",
            diagnostics="Split it into several transactions, or send it as a batch",
        )
    entries = map_entries(((entry.expression, entry) for entry in sent), _accepted)
    bodies = [entry.body for entry in entries if entry.code in ("create", "update")]
    checks.prefetch_remote(caller, bodies)
    return commit_in_one_transaction(caller, "transaction", lambda work: _written(work, entries))


def _accepted(entry: Entry) -> Entry:
    """Return an entry with its body as it may be stored; check what needs no other entry."""
    match entry.code:
        case "create":
            return replace(entry, body=validated_new_resource(entry.body, entry.type))
        case "update":
            return replace(entry, body=validated_resource(entry.body, entry.type))
        case "search-type":
            criteria.parse(entry.type, entry.query, settings().zone)
    return entry


def _written(work: AuditedUnitOfWork, entries: Sequence[Entry]) -> dict[str, ChangeResult]:
    writes = [entry for entry in entries if entry.code in WRITES]
    targets = EntryTargets(work, writes)
    outcomes: dict[str, ChangeResult] = {}
    for targeted in sorted(targets.entries, key=lambda targeted: _turn(work, targeted)):
        with locate_errors(targeted.entry.expression):
            outcomes[targeted.entry.expression] = _write(work, targets, targeted)
    if settings().same_subject:
        from shared.references import subjects  # noqa: PLC0415 - few deployments require it

        for place, outcome in outcomes.items():
            with locate_errors(place):
                subjects.check_written_conditions(work, outcome.record)
    for entry in entries:
        if entry.code == "read":
            with locate_errors(entry.expression):
                _check_readable(work, entry)
    return {place: _in_final_state(work, outcome) for place, outcome in outcomes.items()}


def _write(work: AuditedUnitOfWork, targets: EntryTargets, targeted: TargetedEntry) -> ChangeResult:
    if targeted.target is None:
        return ChangeResult(None)
    if targeted.is_existing:
        return _hold_unchanged(work, ChangeResult(work.resource(*targeted.target)))
    content = _content(targets, targeted)
    is_new = targeted.entry.code == "create"
    outcome = write(work, targeted.target, content, only_if=targeted.entry.only_if, is_new=is_new)
    return _hold_unchanged(work, outcome)


def _hold_unchanged(work: AuditedUnitOfWork, outcome: ChangeResult) -> ChangeResult:
    """Make the commit depend on a record that an entry leaves as it is.

    All entries of a transaction must hold at the same moment.
    """
    record = outcome.record
    if record is not None and work.is_unchanged(record):
        work.require_unchanged(record)
    return outcome


def _content(targets: EntryTargets, targeted: TargetedEntry) -> Content:
    """Return the function that makes an entry's content, with references to entries resolved."""
    entry, target = targeted.entry, targeted.target
    if entry.code == "delete" or target is None:
        return lambda *_: None
    if entry.code == "patch":
        patch = content_from_patch(target, entry.body, entry.media_type)
        return lambda before, work: _linked(targets, entry, patch(before, work) or {})
    resource = _linked(targets, entry, entry.body | {"id": target.id})
    if entry.code == "update":
        return content_from_body(resource)
    return lambda _, work: checks.resolve_conditionals(work, resource)


def _linked(targets: EntryTargets, entry: Entry, resource: Resource) -> Resource:
    linked = targets.with_literal_references(entry, resource)
    checks.check_urns(linked)
    if linked == resource:
        return linked
    if has_valid_links(resource, linked, settings().r4_id_types):
        trail.current().note_proposed(linked)
        return linked
    return revalidated_resource(linked, entry.type)


def _turn(work: AuditedUnitOfWork, targeted: TargetedEntry) -> tuple[int, int]:
    """Return an entry's sort key, in R4's order: deletes, creates, then updates and patches.

    An update that creates is among the creates, because they may need its resource. Within each
    group, sessions come before threads, and threads before messages. A write that ends a session
    comes last.
    """
    entry, target = targeted.entry, targeted.target
    if entry.code == "delete" or target is None:
        return 0, 0
    stored = None if entry.code == "create" else work.resource(*target)
    exists = stored is not None and not stored.deleted
    group = 2 if exists else 1
    body = entry.body if entry.code != "patch" else stored.resource if stored else {}
    if target.type not in SESSION_TYPES:
        return group, 0
    if target.type == "Communication":
        return group, 4 if "partOf" in body else 3
    ends = exists and (entry.code == "patch" or not classification.is_open(body))
    nested = "partOf" in body
    return group, 6 - nested if ends else 1 + nested


def _check_readable(work: AuditedUnitOfWork, entry: Entry) -> None:
    """Raise NotFound or Deleted if an entry reads a resource that does not exist."""
    record = work.resource(entry.type, entry.id)
    existing_record(record if work.visibility.sees_record(record) else None, entry.type, entry.id)


def _in_final_state(work: AuditedUnitOfWork, outcome: ChangeResult) -> ChangeResult:
    """Return an entry's outcome with its record as later entries have left it."""
    record = outcome.record
    current = work.resource(record.type, record.id) if record else None
    return with_readability(work, ChangeResult(current, outcome.created))
