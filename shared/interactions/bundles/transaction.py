"""The interaction transaction: writing all entries of a Bundle, or none of them.

https://hl7.org/fhir/R4/http.html#transaction
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from shared.access import Actor
from shared.audit.work import Work
from shared.catalog.types import CARE
from shared.errors import BusinessRule
from shared.interactions.bundles.entries import Entry, named_by, of_all
from shared.interactions.bundles.identities import Identities, Step
from shared.interactions.create import proposed
from shared.interactions.patch import patched
from shared.interactions.read import there
from shared.interactions.update import updated
from shared.interactions.write import Content, write
from shared.references import checks
from shared.rules import classification
from shared.search.query import criteria
from shared.sessions.changes import Outcome, for_reader, make_whole
from shared.sessions.intake import accepted
from shared.settings import settings
from shared.store.transactions import MOST_ITEMS

type Resource = dict[str, Any]

WRITES = ("create", "update", "patch", "delete")


def transact(actor: Actor, sent: Sequence[Entry]) -> dict[str, Outcome]:
    """Write all entries. Return the outcome of each by its place, with its record's final state.

    Raises the errors of single entries, with their places, and BusinessRule if all together do not
    fit in one transaction.
    """
    if sum(entry.code in WRITES for entry in sent) > MOST_ITEMS:
        raise BusinessRule(
            f"The Bundle has too many writes: a transaction holds at most {MOST_ITEMS} items, "
            "and each write needs more than one",
            expression="Bundle.entry",
            diagnostics="Split it into several transactions, or send it as a batch",
        )
    entries = of_all(((entry.place, entry) for entry in sent), _accepted)
    bodies = [entry.body for entry in entries if entry.code in ("create", "update")]
    checks.ask_ahead(actor, bodies)
    return make_whole(actor, "transaction", lambda work: _written(work, entries))


def _accepted(entry: Entry) -> Entry:
    """Return an entry with its body as it may be stored; check what needs no other entry."""
    match entry.code:
        case "create":
            return replace(entry, body=proposed(entry.body, entry.type))
        case "update":
            return replace(entry, body=accepted(entry.body, entry.type))
        case "search-type":
            criteria.parse(entry.type, entry.query, settings().zone)
    return entry


def _written(work: Work, entries: Sequence[Entry]) -> dict[str, Outcome]:
    writes = [entry for entry in entries if entry.code in WRITES]
    identities = Identities(work, writes)
    outcomes: dict[str, Outcome] = {}
    for step in sorted(identities.steps, key=lambda step: _turn(work, step)):
        with named_by(step.entry.place):
            outcomes[step.entry.place] = _write(work, identities, step)
    if settings().same_subject:
        from shared.references import subjects  # noqa: PLC0415 - few deployments require it

        for place, outcome in outcomes.items():
            with named_by(place):
                subjects.check_written(work, outcome.record)
    for entry in entries:
        if entry.code == "read":
            with named_by(entry.place):
                _check_readable(work, entry)
    return {place: _in_final_state(work, outcome) for place, outcome in outcomes.items()}


def _write(work: Work, identities: Identities, step: Step) -> Outcome:
    if step.target is None:
        return Outcome(None)
    if step.is_there:
        return _hold_unchanged(work, Outcome(work.resource(*step.target)))
    content = _content(identities, step)
    is_new = step.entry.code == "create"
    outcome = write(work, step.target, content, only_if=step.entry.only_if, is_new=is_new)
    return _hold_unchanged(work, outcome)


def _hold_unchanged(work: Work, outcome: Outcome) -> Outcome:
    """Make the commit depend on a record that an entry leaves as it is.

    All entries of a transaction must hold at the same moment.
    """
    record = outcome.record
    if record is not None and work.has_read(record):
        work.require(record)
    return outcome


def _content(identities: Identities, step: Step) -> Content:
    """Return the function that makes an entry's content, with references to entries resolved."""
    entry, target = step.entry, step.target
    if entry.code == "delete" or target is None:
        return lambda *_: None
    if entry.code == "patch":
        patch = patched(target, entry.body, entry.media_type)
        return lambda before, work: _linked(identities, entry, patch(before, work) or {})
    resource = _linked(identities, entry, entry.body | {"id": target.id})
    if entry.code == "update":
        return updated(resource)
    return lambda _, work: checks.resolved(work, resource)


def _linked(identities: Identities, entry: Entry, resource: Resource) -> Resource:
    linked = identities.linked(entry, resource)
    checks.check_urns(linked)
    return linked if linked == resource else accepted(linked, entry.type)


def _turn(work: Work, step: Step) -> tuple[int, int]:
    """Return an entry's sort key, in R4's order: deletes, creates, then updates and patches.

    An update that creates is among the creates, because they may need its resource. Within each
    group, sessions come before threads, and threads before messages. A write that ends a session
    comes last.
    """
    entry, target = step.entry, step.target
    if entry.code == "delete" or target is None:
        return 0, 0
    stored = None if entry.code == "create" else work.resource(*target)
    is_there = stored is not None and not stored.deleted
    body = entry.body if entry.code != "patch" else stored.resource if stored else {}
    if target.type not in CARE:
        return 2 if is_there else 1, 0
    if target.type == "Communication":
        return 2 if is_there else 1, 4 if "partOf" in body else 3
    ends = is_there and (entry.code == "patch" or not classification.is_open(body))
    nested = "partOf" in body
    return 2 if is_there else 1, (6 - nested if ends else 1 + nested)


def _check_readable(work: Work, entry: Entry) -> None:
    """Raise NotFound or Deleted if an entry reads a resource that does not exist."""
    record = work.resource(entry.type, entry.id)
    there(record if work.sight.sees_record(record) else None, entry.type, entry.id)


def _in_final_state(work: Work, outcome: Outcome) -> Outcome:
    """Return an entry's outcome with its record as later entries have left it."""
    record = outcome.record
    current = work.resource(record.type, record.id) if record else None
    return for_reader(work, Outcome(current, outcome.created))
