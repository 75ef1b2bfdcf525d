"""Helpers of the client scripts in Python, which print a line for each call that they made."""

import json
import os
import uuid
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

Resource = dict[str, Any]

TYPICAL = Path(__file__).parents[1] / "fixtures/typical"

SIGN_IN = "Sign-in and discovery"
READ = "Read"
WRITE = "Write"
SEARCH = "Search"
BUNDLES = "Bundles and operations"

# The variables that `async-encounters serve` writes.
FHIR_BASE = os.environ.get("FHIR_BASE", "")
TOKEN = os.environ.get("TOKEN_ADMIN", "")
CLIENT_ID = os.environ.get("CLIENT_ID", "")
CLIENT_SECRET = os.environ.get("CLIENT_SECRET", "")


def introduce(name: str, distribution: str) -> None:
    """Print the client's name and version."""
    _report(client=name, version=version(distribution))


def play(group: str, call: str, as_it_should_be: object) -> None:
    """Print that a call was made. Raise AssertionError if its result is wrong."""
    if not as_it_should_be:
        raise AssertionError(f"{call} has an unexpected result")
    _report(group=group, call=call)


def refused(
    group: str,
    call: str,
    make: Callable[[], object],
    kind: type[Exception] | tuple[type[Exception], ...],
) -> None:
    """Assert that a call is refused."""
    try:
        make()
    except kind:
        play(group, call, as_it_should_be=True)
    else:
        raise AssertionError(f"{call} was not refused")


def _report(**values: str) -> None:
    print(json.dumps(values), flush=True)  # noqa: T201 - the report is printed


def session(**changes: Any) -> Resource:
    """Return a session's Encounter."""
    return _typical("session") | changes


def header(**changes: Any) -> Resource:
    """Return a thread's header."""
    return _typical("header") | changes


def message(thread: str, text: str, **changes: Any) -> Resource:
    """Return a message of the thread with that id."""
    part_of = {"partOf": [{"reference": f"Communication/{thread}"}]}
    return _typical("message") | part_of | {"payload": [{"contentString": text}]} | changes


def unique() -> tuple[list[Resource], str]:
    """Return a unique identifier, and the token that finds it."""
    value = str(uuid.uuid4())
    return [{"system": "urn:example:webhook", "value": value}], f"urn:example:webhook|{value}"


def bundle(kind: str, *entries: Resource) -> Resource:
    """Return a Bundle of a type."""
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def entry(
    method: str, url: str, resource: Resource | None = None, full_url: str | None = None
) -> Resource:
    """Return an entry of a Bundle."""
    content = {"resource": resource, "fullUrl": full_url}
    return {"request": {"method": method, "url": url}} | {k: v for k, v in content.items() if v}


def transaction() -> Resource:
    """Return a transaction that creates a thread, linked to a session that it creates as well."""
    url = uuid.uuid4().urn
    return bundle(
        "transaction",
        entry("POST", "Communication", header(encounter={"reference": url})),
        entry("POST", "Encounter", session(), url),
    )


def statuses(answer: Resource) -> list[str]:
    """Return the statuses in the response to a Bundle."""
    return [part["response"]["status"][:3] for part in answer["entry"]]


def ids(resources: Iterable[Any]) -> list[str]:
    """Return the ids of resources."""
    return [resource.id for resource in resources]


def _typical(name: str) -> Resource:
    resource: Resource = json.loads((TYPICAL / f"{name}.json").read_text())
    return resource
