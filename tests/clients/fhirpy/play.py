# /// script
# requires-python = ">=3.13"
# dependencies = ["fhirpy>=2.3,<3"]
# ///
"""Play every call of fhirpy for these types, with its asynchronous and its synchronous client."""

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
    """An Encounter as an application with its own types defines it."""

    resourceType = "Encounter"  # noqa: N815 - the client requires this name

    @property
    def id(self) -> str | None:
        """The id, or None before the first save."""
        return self.get("id")


async def result_of(value: Any) -> Any:
    """Return the result of a call, awaiting it with the asynchronous client."""
    return await value if inspect.isawaitable(value) else value


async def all_of(resources: AsyncIterator[Any] | Iterable[Any]) -> list[Any]:
    """Return the resources on all pages, iterating as an application would."""
    if isinstance(resources, Iterable):
        return list(resources)
    return [resource async for resource in resources]


async def refused(group: str, call: str, make: Callable[[], Any], kind: type[Exception]) -> None:
    """Assert that a call is refused."""
    try:
        await result_of(make())
    except kind:
        play(group, call, as_it_should_be=True)
    else:
        raise AssertionError(f"{call} was not refused")


async def play_all(client: Any) -> None:
    """Make every call."""
    statement = await result_of(client.execute("metadata", method="get"))
    play(SIGN_IN, "execute, of the CapabilityStatement", statement["fhirVersion"] == "4.0.1")
    first = await result_of(client.resources("Encounter").first())
    play(SIGN_IN, "authorization", first is None or first.resource_type == "Encounter")
    visit, thread, messages = await writing(client)
    await reading(client, visit, thread)
    await searching(client, visit, thread, messages)
    await bundles(client, visit)
    await deleting(client, thread, messages)


async def writing(client: Any) -> tuple[Any, Any, list[Any]]:
    """Create, update and patch."""
    visit = client.resource(**as_arguments(session()))
    await result_of(visit.save())
    play(WRITE, "resource.save", visit.meta.versionId == "1")
    thread = client.resource(**as_arguments(header()))
    await result_of(thread.create())
    play(WRITE, "resource.create", thread.meta.versionId == "1")
    typed = await result_of(client.create(Visit(**session())))
    play(WRITE, "client.create", isinstance(typed, Visit) and typed["meta"]["versionId"] == "1")
    saved = await result_of(client.save(Visit(typed, status="arrived"), fields=["status"]))
    play(WRITE, "client.save(fields)", saved["status"] == "arrived")
    updated = await result_of(client.update(Visit(saved, status="in-progress")))
    play(WRITE, "client.update", updated["status"] == "in-progress")

    messages = [await once(client, thread), await upserted(client, thread)]

    thread["encounter"] = visit.to_reference()
    await result_of(thread.save(fields=["encounter"]))
    play(WRITE, "resource.save(fields)", thread.encounter.reference == visit.reference)
    await result_of(thread.patch(topic={"text": "Rash"}))
    play(WRITE, "resource.patch", thread.topic["text"] == "Rash" and thread.encounter)
    await result_of(client.patch("Communication", thread.id, note=[{"text": "Called."}]))
    play(WRITE, "client.patch", (await result_of(client.get("Communication", thread.id)))["note"])
    patched = await result_of(client.reference("Communication", thread.id).patch(note=None))
    play(WRITE, "reference.patch", "note" not in patched)
    query = client.resources("Encounter").search(_id=typed.id)
    patched = await result_of(query.patch(status="arrived"))
    play(WRITE, "searchset.patch", patched.status == "arrived")

    await result_of(thread.refresh())
    thread["topic"] = {"text": "Rash on the arm"}
    await result_of(thread.update())
    play(WRITE, "resource.update", thread.topic["text"] == "Rash on the arm")
    return visit, thread, messages


async def once(client: Any, thread: Any) -> Any:
    """Post a message twice, as a webhook does."""
    identifier, token = unique()
    sms = client.resource(
        **as_arguments(message(thread.id, "It itches again.", identifier=identifier))
    )
    query = client.resources("Communication").search(identifier=token)
    first, created = await result_of(query.get_or_create(sms))
    play(WRITE, "searchset.get_or_create, where there is none", created)
    second, created = await result_of(query.get_or_create(sms))
    as_before = second.id == first.id and not created
    play(WRITE, "searchset.get_or_create, where there is one", as_before)
    again = client.resource(**as_arguments(sms))
    await result_of(again.create(identifier=token))
    play(WRITE, "resource.create, with a query", again.id == first.id)
    return first


async def upserted(client: Any, thread: Any) -> Any:
    """Write a message twice by a query."""
    identifier, token = unique()
    later = {"identifier": identifier, "sent": "2026-11-20T09:20:00Z"}
    note = client.resource(**as_arguments(message(thread.id, "Only at night?", **later)))
    query = client.resources("Communication").search(identifier=token)
    first, created = await result_of(query.update(note))
    play(WRITE, "searchset.update, where there is none", created)
    note["status"] = "completed"
    second, created = await result_of(query.update(note))
    as_before = second.id == first.id and not created and second.status == "completed"
    play(WRITE, "searchset.update, where there is one", as_before)
    return second


async def reading(client: Any, visit: Any, thread: Any) -> None:
    """Read, refresh and resolve."""
    encounter = await result_of(client.get("Encounter", visit.id))
    play(READ, "client.get", encounter["id"] == visit.id)
    encounter = await result_of(client.get(Visit, visit.id))
    play(READ, "client.get, of a type", isinstance(encounter, Visit) and encounter.id == visit.id)
    match = await result_of(client.resources("Encounter").search(_id=visit.id).get())
    play(READ, "searchset.get", match.id == visit.id)
    play(
        READ,
        "reference.to_resource",
        (await result_of(thread.encounter.to_resource())).id == visit.id,
    )
    version = visit.meta.versionId
    await result_of(visit.refresh())
    play(READ, "resource.refresh, of what is as it was", visit.meta.versionId == version)
    await result_of(client.patch("Encounter", visit.id, priority={"text": "soon"}))
    await result_of(visit.refresh())
    play(READ, "resource.refresh, of what was changed", visit.priority["text"] == "soon")
    old = await result_of(client.execute(f"{thread.reference}/_history/1", method="get"))
    play(READ, "client.execute, of a version", old["meta"]["versionId"] == "1")
    history = await result_of(thread.execute("_history", method="get"))
    play(READ, "resource.execute, of a history", history["total"] > 1)


async def searching(client: Any, visit: Any, thread: Any, messages: list[Any]) -> None:
    """Search, page and count."""
    query = client.resources("Communication").search(part_of=thread).sort("sent")
    play(SEARCH, "searchset.fetch", ids(await result_of(query.fetch())) == ids(messages))
    raw = await result_of(query.fetch_raw())
    play(SEARCH, "searchset.fetch_raw", ids(row.resource for row in raw.entry) == ids(messages))
    resources = await result_of(query.limit(1).fetch_all())
    play(SEARCH, "searchset.fetch_all", ids(resources) == ids(messages))
    play(SEARCH, "iteration, page by page", ids(await all_of(query.limit(1))) == ids(messages))
    play(SEARCH, "searchset.first", (await result_of(query.first())).id == messages[0].id)
    play(SEARCH, "searchset.count", await result_of(query.count()) == 2)
    short = await result_of(query.elements("status").fetch())
    play(SEARCH, "searchset.elements", short[0].status and "payload" not in short[0])
    # The client sends `_elements=-payload`, which is not valid FHIR.
    without = query.elements("payload", exclude=True)
    call = "searchset.elements, with exclude: refused"
    await refused(SEARCH, call, without.fetch, OperationOutcome)
    typed = await result_of(client.resources(Visit).search(_id=visit.id).fetch())
    play(SEARCH, "searchset.fetch, of a type", isinstance(typed[0], Visit))
    linked = client.resources("Encounter").search(_id=visit.id)
    both = await result_of(linked.revinclude("Communication", "encounter").fetch_raw())
    play(SEARCH, "searchset.revinclude", len(both["entry"]) > 1)
    both = await result_of(query.include("Communication", "part-of").fetch_raw())
    play(SEARCH, "searchset.include", len(both["entry"]) == len(messages) + 1)
    having = client.resources("Communication").search(_id=thread.id)
    resources = await result_of(having.has("Communication", "part-of", status="completed").fetch())
    play(SEARCH, "searchset.has", ids(resources) == [thread.id])
    chained = client.resources("Communication").search(encounter__Encounter__status="in-progress")
    play(SEARCH, "search, of a chain", thread.id in ids(await result_of(chained.fetch_all())))


async def bundles(client: Any, visit: Any) -> None:
    """Send Bundles, validate, and call operations."""
    entries = (
        entry("GET", visit.reference),
        entry("POST", "Encounter", session()),
        entry("GET", "Encounter/none"),
    )
    answer = await result_of(client.execute("", data=bundle("batch", *entries)))
    play(BUNDLES, "client.execute, of a batch", statuses(answer) == ["200", "201", "404"])
    answer = await result_of(client.execute("", data=transaction()))
    play(BUNDLES, "client.execute, of a transaction", statuses(answer) == ["201", "201"])
    valid = await result_of(client.resource(**as_arguments(session())).is_valid())
    play(BUNDLES, "resource.is_valid", valid)
    wrong = client.resource(**as_arguments(session(status="done")))
    call = "resource.is_valid(raise_exception), of what is not"
    await refused(BUNDLES, call, lambda: wrong.is_valid(raise_exception=True), OperationOutcome)
    everything = await result_of(visit.execute("$everything", method="get"))
    play(BUNDLES, "resource.execute, of an operation", everything["type"] == "searchset")
    everything = await result_of(visit.to_reference().execute("$everything", method="get"))
    play(BUNDLES, "reference.execute, of an operation", everything["type"] == "searchset")
    outcome = await result_of(client.resources("Encounter").execute("$validate", data=session()))
    play(BUNDLES, "searchset.execute, of an operation", outcome["issue"])


async def deleting(client: Any, thread: Any, messages: list[Any]) -> None:
    """Delete in every way that the client offers."""
    first, second = messages
    await result_of(first.delete())
    await refused(WRITE, "resource.delete", first.refresh, ResourceNotFound)
    identifier = client.resources("Communication").search(_id=second.id)
    await result_of(identifier.delete())
    play(WRITE, "searchset.delete", await result_of(identifier.count()) == 0)
    await result_of(thread.to_reference().delete())
    await refused(WRITE, "reference.delete", thread.refresh, ResourceNotFound)
    spare = await result_of(client.create(Visit(**session())))
    await result_of(client.delete(spare))
    await refused(WRITE, "client.delete", lambda: client.get(spare), ResourceNotFound)


def as_arguments(resource: dict[str, Any]) -> dict[str, Any]:
    """Return a resource as the arguments of `client.resource`."""
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
