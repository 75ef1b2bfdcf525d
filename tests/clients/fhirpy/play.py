# /// script
# requires-python = ">=3.13"
# dependencies = ["fhirpy>=2.3,<3"]
# ///
"""Every call of fhirpy for these types, with its asynchronous client and its synchronous one."""

import asyncio
import inspect
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from fhirpy import AsyncFHIRClient, SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound

from tests.clients.steps import (
    BUNDLES,
    FHIR_BASE,
    READ,
    SEARCH,
    SIGN_IN,
    TOKEN,
    WRITE,
    bundle,
    entry,
    header,
    ids,
    introduce,
    message,
    play,
    session,
    statuses,
    transaction,
    unique,
)


class Visit(dict[str, Any]):
    """An Encounter, as an application with types of its own has it."""

    resourceType = "Encounter"  # noqa: N815 - the client asks for it

    @property
    def id(self) -> str | None:
        """The id, where there is one yet."""
        return self.get("id")


async def given(value: Any) -> Any:
    """Give what a call gives, whichever of the two clients made it."""
    return await value if inspect.isawaitable(value) else value


async def all_of(found: AsyncIterator[Any] | Iterable[Any]) -> list[Any]:
    """Iterate as an application would, through all pages."""
    if isinstance(found, Iterable):
        return list(found)
    return [one async for one in found]


async def refused(group: str, call: str, make: Callable[[], Any], kind: type[Exception]) -> None:
    """See that a call is refused."""
    try:
        await given(make())
    except kind:
        play(group, call, as_it_should_be=True)
    else:
        raise AssertionError(f"{call} was not refused")


async def play_all(client: Any) -> None:
    """Make every call."""
    statement = await given(client.execute("metadata", method="get"))
    play(SIGN_IN, "execute, of the CapabilityStatement", statement["fhirVersion"] == "4.0.1")
    first = await given(client.resources("Encounter").first())
    play(SIGN_IN, "authorization", first is None or first.resource_type == "Encounter")
    visit, thread, messages = await writing(client)
    await reading(client, visit, thread)
    await searching(client, visit, thread, messages)
    await bundles(client, visit)
    await deleting(client, thread, messages)


async def writing(client: Any) -> tuple[Any, Any, list[Any]]:
    """Create, update and patch."""
    visit = client.resource(**as_arguments(session()))
    await given(visit.save())
    play(WRITE, "resource.save", visit.meta.versionId == "1")
    thread = client.resource(**as_arguments(header()))
    await given(thread.create())
    play(WRITE, "resource.create", thread.meta.versionId == "1")
    typed = await given(client.create(Visit(**session())))
    play(WRITE, "client.create", isinstance(typed, Visit) and typed["meta"]["versionId"] == "1")
    saved = await given(client.save(Visit(typed, status="arrived"), fields=["status"]))
    play(WRITE, "client.save(fields)", saved["status"] == "arrived")
    updated = await given(client.update(Visit(saved, status="in-progress")))
    play(WRITE, "client.update", updated["status"] == "in-progress")

    messages = [await once(client, thread), await upserted(client, thread)]

    thread["encounter"] = visit.to_reference()
    await given(thread.save(fields=["encounter"]))
    play(WRITE, "resource.save(fields)", thread.encounter.reference == visit.reference)
    await given(thread.patch(topic={"text": "Rash"}))
    play(WRITE, "resource.patch", thread.topic["text"] == "Rash" and thread.encounter)
    await given(client.patch("Communication", thread.id, note=[{"text": "Called."}]))
    play(WRITE, "client.patch", (await given(client.get("Communication", thread.id)))["note"])
    patched = await given(client.reference("Communication", thread.id).patch(note=None))
    play(WRITE, "reference.patch", "note" not in patched)
    query = client.resources("Encounter").search(_id=typed.id)
    patched = await given(query.patch(status="arrived"))
    play(WRITE, "searchset.patch", patched.status == "arrived")

    await given(thread.refresh())
    thread["topic"] = {"text": "Rash on the arm"}
    await given(thread.update())
    play(WRITE, "resource.update", thread.topic["text"] == "Rash on the arm")
    return visit, thread, messages


async def once(client: Any, thread: Any) -> Any:
    """Post a message as a webhook does, twice."""
    identifier, token = unique()
    sms = client.resource(
        **as_arguments(message(thread.id, "It itches again.", identifier=identifier))
    )
    query = client.resources("Communication").search(identifier=token)
    made, created = await given(query.get_or_create(sms))
    play(WRITE, "searchset.get_or_create, where there is none", created)
    found, created = await given(query.get_or_create(sms))
    as_before = found.id == made.id and not created
    play(WRITE, "searchset.get_or_create, where there is one", as_before)
    again = client.resource(**as_arguments(sms))
    await given(again.create(identifier=token))
    play(WRITE, "resource.create, with a query", again.id == made.id)
    return made


async def upserted(client: Any, thread: Any) -> Any:
    """Write a message by a query, twice."""
    identifier, token = unique()
    later = {"identifier": identifier, "sent": "2026-11-20T09:20:00Z"}
    note = client.resource(**as_arguments(message(thread.id, "Only at night?", **later)))
    query = client.resources("Communication").search(identifier=token)
    made, created = await given(query.update(note))
    play(WRITE, "searchset.update, where there is none", created)
    note["status"] = "completed"
    found, created = await given(query.update(note))
    as_before = found.id == made.id and not created and found.status == "completed"
    play(WRITE, "searchset.update, where there is one", as_before)
    return found


async def reading(client: Any, visit: Any, thread: Any) -> None:
    """Read, refresh and resolve."""
    read = await given(client.get("Encounter", visit.id))
    play(READ, "client.get", read["id"] == visit.id)
    read = await given(client.get(Visit, visit.id))
    play(READ, "client.get, of a type", isinstance(read, Visit) and read.id == visit.id)
    found = await given(client.resources("Encounter").search(_id=visit.id).get())
    play(READ, "searchset.get", found.id == visit.id)
    play(
        READ, "reference.to_resource", (await given(thread.encounter.to_resource())).id == visit.id
    )
    version = visit.meta.versionId
    await given(visit.refresh())
    play(READ, "resource.refresh, of what is as it was", visit.meta.versionId == version)
    await given(client.patch("Encounter", visit.id, priority={"text": "soon"}))
    await given(visit.refresh())
    play(READ, "resource.refresh, of what was changed", visit.priority["text"] == "soon")
    old = await given(client.execute(f"{thread.reference}/_history/1", method="get"))
    play(READ, "client.execute, of a version", old["meta"]["versionId"] == "1")
    history = await given(thread.execute("_history", method="get"))
    play(READ, "resource.execute, of a history", history["total"] > 1)


async def searching(client: Any, visit: Any, thread: Any, messages: list[Any]) -> None:
    """Search, page and count."""
    query = client.resources("Communication").search(part_of=thread).sort("sent")
    play(SEARCH, "searchset.fetch", ids(await given(query.fetch())) == ids(messages))
    raw = await given(query.fetch_raw())
    play(SEARCH, "searchset.fetch_raw", ids(one.resource for one in raw.entry) == ids(messages))
    found = await given(query.limit(1).fetch_all())
    play(SEARCH, "searchset.fetch_all", ids(found) == ids(messages))
    play(SEARCH, "iteration, page by page", ids(await all_of(query.limit(1))) == ids(messages))
    play(SEARCH, "searchset.first", (await given(query.first())).id == messages[0].id)
    play(SEARCH, "searchset.count", await given(query.count()) == 2)
    short = await given(query.elements("status").fetch())
    play(SEARCH, "searchset.elements", short[0].status and "payload" not in short[0])
    # It is asked for as `_elements=-payload`, which is no FHIR.
    without = query.elements("payload", exclude=True)
    call = "searchset.elements, with exclude: refused"
    await refused(SEARCH, call, without.fetch, OperationOutcome)
    typed = await given(client.resources(Visit).search(_id=visit.id).fetch())
    play(SEARCH, "searchset.fetch, of a type", isinstance(typed[0], Visit))
    linked = client.resources("Encounter").search(_id=visit.id)
    both = await given(linked.revinclude("Communication", "encounter").fetch_raw())
    play(SEARCH, "searchset.revinclude", len(both["entry"]) > 1)
    both = await given(query.include("Communication", "part-of").fetch_raw())
    play(SEARCH, "searchset.include", len(both["entry"]) == len(messages) + 1)
    having = client.resources("Communication").search(_id=thread.id)
    found = await given(having.has("Communication", "part-of", status="completed").fetch())
    play(SEARCH, "searchset.has", ids(found) == [thread.id])
    chained = client.resources("Communication").search(encounter__Encounter__status="in-progress")
    play(SEARCH, "search, of a chain", thread.id in ids(await given(chained.fetch_all())))


async def bundles(client: Any, visit: Any) -> None:
    """Send Bundles, validate, call operations."""
    asked = (
        entry("GET", visit.reference),
        entry("POST", "Encounter", session()),
        entry("GET", "Encounter/none"),
    )
    answer = await given(client.execute("", data=bundle("batch", *asked)))
    play(BUNDLES, "client.execute, of a batch", statuses(answer) == ["200", "201", "404"])
    answer = await given(client.execute("", data=transaction()))
    play(BUNDLES, "client.execute, of a transaction", statuses(answer) == ["201", "201"])
    valid = await given(client.resource(**as_arguments(session())).is_valid())
    play(BUNDLES, "resource.is_valid", valid)
    wrong = client.resource(**as_arguments(session(status="done")))
    call = "resource.is_valid(raise_exception), of what is not"
    await refused(BUNDLES, call, lambda: wrong.is_valid(raise_exception=True), OperationOutcome)
    everything = await given(visit.execute("$everything", method="get"))
    play(BUNDLES, "resource.execute, of an operation", everything["type"] == "searchset")
    everything = await given(visit.to_reference().execute("$everything", method="get"))
    play(BUNDLES, "reference.execute, of an operation", everything["type"] == "searchset")
    outcome = await given(client.resources("Encounter").execute("$validate", data=session()))
    play(BUNDLES, "searchset.execute, of an operation", outcome["issue"])


async def deleting(client: Any, thread: Any, messages: list[Any]) -> None:
    """Delete, by each way there is."""
    first, second = messages
    await given(first.delete())
    await refused(WRITE, "resource.delete", first.refresh, ResourceNotFound)
    identifier = client.resources("Communication").search(_id=second.id)
    await given(identifier.delete())
    play(WRITE, "searchset.delete", await given(identifier.count()) == 0)
    await given(thread.to_reference().delete())
    await refused(WRITE, "reference.delete", thread.refresh, ResourceNotFound)
    spare = await given(client.create(Visit(**session())))
    await given(client.delete(spare))
    await refused(WRITE, "client.delete", lambda: client.get(spare), ResourceNotFound)


def as_arguments(resource: dict[str, Any]) -> dict[str, Any]:
    """Give a resource as `client.resource` takes it."""
    return {"resource_type": resource["resourceType"]} | {
        name: value for name, value in resource.items() if name != "resourceType"
    }


async def main(kind: str) -> None:
    """Play with one of the two clients."""
    make = {"async": AsyncFHIRClient, "sync": SyncFHIRClient}[kind]
    introduce(f"fhirpy, {make.__name__}", "fhirpy")
    await play_all(make(FHIR_BASE, authorization=f"Bearer {TOKEN}"))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
