# /// script
# requires-python = ">=3.13"
# dependencies = ["fhirclient>=4.4,<5"]
# ///
"""Play every call of fhirclient (Python) for these types, and its SMART discovery."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from fhirclient.client import FHIRClient
from fhirclient.models.bundle import Bundle
from fhirclient.models.communication import Communication
from fhirclient.models.encounter import Encounter
from fhirclient.models.operationoutcome import OperationOutcome
from fhirclient.server import FHIRNotFoundException, FHIRUnauthorizedException

from tests.clients.steps import (
    BUNDLES,
    CLIENT_ID,
    CLIENT_SECRET,
    FHIR_BASE,
    READ,
    SEARCH,
    SIGN_IN,
    WRITE,
    bundle,
    entry,
    header,
    ids,
    introduce,
    message,
    play,
    refused,
    session,
    statuses,
    transaction,
    unique,
)


def main() -> None:
    """Make every call."""
    introduce("fhirclient (Python)", "fhirclient")
    server = signing_in()
    visit, thread, messages = writing(server)
    reading(server, visit, thread)
    searching(server, visit, thread, messages)
    bundles(server, visit)
    deleting(server, messages[0])


def signing_in() -> Any:
    """Find the endpoints in /metadata, as the client does, and sign in."""
    person = FHIRClient(
        {"app_id": CLIENT_ID, "api_base": FHIR_BASE, "redirect_uri": "https://app.example.org"}
    )
    play(SIGN_IN, "prepare", person.prepare() is False)  # nobody is signed in yet
    query = parse_qs(urlsplit(person.authorize_url).query)
    play(SIGN_IN, "authorize_url", query["code_challenge_method"] == ["S256"])
    statement = person.server.capabilityStatement
    play(SIGN_IN, "server.capabilityStatement", statement.fhirVersion == "4.0.1")
    call = "read, without a token"
    refused(SIGN_IN, call, lambda: Encounter.read("none", person.server), FHIRUnauthorizedException)

    service = FHIRClient(
        {
            "app_id": CLIENT_ID,
            "app_secret": CLIENT_SECRET,
            "api_base": FHIR_BASE,
            "scope": "system/*.cruds",
        }
    )
    service.wants_patient = False
    service.prepare()
    service.authorize()
    play(SIGN_IN, "authorize", service.ready)
    again = FHIRClient(state=service.state)
    play(SIGN_IN, "from_state", again.server.request_json("Encounter?_count=1")["type"])
    return service.server


def writing(server: Any) -> tuple[Any, Any, list[Any]]:
    """Create and update."""
    visit = made(Encounter(session()), server)
    play(WRITE, "create", visit.meta.versionId == "1")
    thread = made(Communication(header()), server)
    identifier, _ = unique()
    first = made(
        Communication(message(thread.id, "It itches again.", identifier=identifier)), server
    )
    later = "2026-11-20T09:20:00Z"
    second = made(Communication(message(thread.id, "Only at night?", sent=later)), server)
    thread.encounter = type(second.partOf[0])({"reference": visit.relativePath()})
    updated = Communication(thread.update(server))
    play(WRITE, "update", updated.encounter.reference == visit.relativePath())
    call = "update, refused with a problem in the resource"
    thread.status = "done"
    refused(WRITE, call, lambda: thread.update(server), requests.HTTPError)
    answer = server.put_json(
        f"{updated.relativePath()}", updated.as_json() | {"topic": {"text": "Rash"}}
    )
    play(WRITE, "server.put_json", answer.json()["topic"] == {"text": "Rash"})
    answer = server.post_json("Encounter", session())
    play(WRITE, "server.post_json", answer.status_code == 201)
    return visit, updated, [first, second]


def made(resource: Any, server: Any) -> Any:
    """Create a resource and return what the server made of it."""
    return type(resource)(resource.create(server))


def reading(server: Any, visit: Any, thread: Any) -> None:
    """Read and resolve."""
    play(READ, "read", Encounter.read(visit.id, server).id == visit.id)
    old = Communication.read_from(f"{thread.relativePath()}/_history/1", server)
    play(READ, "read_from, of a version", old.meta.versionId == "1")
    history = Bundle.read_from(f"{thread.relativePath()}/_history", server)
    play(READ, "read_from, of a history", history.total == 3)
    resource = Communication.read(thread.id, server)
    play(READ, "resolved", resource.encounter.resolved(Encounter).id == visit.id)
    raw = server.request_json(visit.relativePath())
    play(READ, "server.request_json", raw["id"] == visit.id)
    data = server.request_data(visit.relativePath())
    play(READ, "server.request_data", visit.id.encode() in data)


def searching(server: Any, visit: Any, thread: Any, messages: list[Any]) -> None:
    """Search and page."""
    query = {"part-of": thread.relativePath(), "_sort": "sent", "_count": "1"}
    pages = [ids(part.resource for part in page.entry) for page in of(query).perform_iter(server)]
    play(SEARCH, "where.perform_iter", pages == [[resource.id] for resource in messages])
    resources = of(query).perform_resources_iter(server)
    play(SEARCH, "where.perform_resources_iter", ids(resources) == ids(messages))
    first = of(query).perform(server)
    play(
        SEARCH,
        "where.perform",
        ids(part.resource for part in first.entry) == [messages[0].id],
    )
    resources = of(query).perform_resources(server)
    play(SEARCH, "where.perform_resources", ids(resources) == ids(messages))
    of_id = {"_id": thread.id}
    both = of(of_id).include("encounter").perform_resources_iter(server)
    play(SEARCH, "where.include", ids(both) == [thread.id, visit.id])
    linked = Encounter.where({"_id": visit.id}).include("encounter", Communication, reverse=True)
    both = linked.perform_resources_iter(server)
    play(SEARCH, "where.include, reverse", ids(both) == [visit.id, thread.id])
    headers = of({"part-of": {"$missing": "true"}, "encounter": visit.relativePath()})
    play(SEARCH, "where, $missing", ids(headers.perform_resources_iter(server)) == [thread.id])
    either = of({"_id": {"$or": [messages[0].id, messages[1].id]}, "_sort": "sent"})
    play(SEARCH, "where, $or", ids(either.perform_resources_iter(server)) == ids(messages))


def of(query: dict[str, Any]) -> Any:
    """Search Communications."""
    return Communication.where(query)


def bundles(server: Any, visit: Any) -> None:
    """Send Bundles and call operations."""
    entries = (
        entry("GET", visit.relativePath()),
        entry("POST", "Encounter", session()),
        entry("GET", "Encounter/none"),
    )
    answer = Bundle(bundle("batch", *entries)).create(server)
    play(BUNDLES, "create, of a batch", statuses(answer) == ["200", "201", "404"])
    answer = Bundle(transaction()).create(server)
    play(BUNDLES, "create, of a transaction", statuses(answer) == ["201", "201"])
    outcome = OperationOutcome(server.post_json("Encounter/$validate", session()).json())
    play(BUNDLES, "server.post_json, of an operation", outcome.issue)
    everything = Bundle.read_from(f"{visit.relativePath()}/$everything", server)
    play(BUNDLES, "read_from, of an operation", everything.type == "searchset")


def deleting(server: Any, first: Any) -> None:
    """Delete."""
    first.delete(server)
    play(WRITE, "delete", as_it_should_be=True)
    call = "read, of what is deleted"
    gone = (FHIRNotFoundException, requests.HTTPError)
    refused(READ, call, lambda: Communication.read(first.id, server), gone)


if __name__ == "__main__":
    main()
