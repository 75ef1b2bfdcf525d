"""`_include` and `_revinclude` over HTTP."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest

from tests.support import care, refusals, steps
from tests.support.api_client import BASE, Answer, ApiClient


def modes(answer: Answer) -> dict[str, list[str]]:
    """Return the ids of a searchset by `search.mode`, in order."""
    assert answer.status == 200, answer.text
    found: dict[str, list[str]] = {"match": [], "include": []}
    for entry in answer.body.get("entry", ()):
        found[entry["search"]["mode"]].append(entry["resource"]["id"])
        name = f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        assert entry["fullUrl"] == f"{BASE}/{name}"
    assert len({*found["match"], *found["include"]}) == len(found["match"] + found["include"])
    return found


@pytest.fixture
def session(clinic: ApiClient) -> str:
    return steps.open_session(clinic)


@pytest.fixture
def thread(clinic: ApiClient, session: str) -> tuple[str, list[str]]:
    header, messages = steps.thread(clinic, "2026-11-20T09:00:00Z", "2026-11-20T09:05:00Z")
    assert steps.link(clinic, header, session) == 200
    return header, messages


def test_a_header_brings_its_session_and_its_messages(
    clinic: ApiClient, session: str, thread: tuple[str, list[str]]
) -> None:
    header, messages = thread
    url = "/Communication?part-of:missing=true&_include=Communication:encounter"
    answer = clinic.get(f"{url}&_revinclude=Communication:part-of")
    assert modes(answer) == {"match": [header], "include": [session, *messages]}
    assert "total" not in answer.body
    (own,) = (link["url"] for link in answer.body["link"] if link["relation"] == "self")
    assert "_include=Communication%3Aencounter&_revinclude=Communication%3Apart-of" in own


def test_a_session_brings_its_threads_and_iterating_their_messages(
    clinic: ApiClient, session: str, thread: tuple[str, list[str]]
) -> None:
    header, messages = thread
    url = f"/Encounter?_id={session}&_revinclude=Communication:encounter"
    assert modes(clinic.get(url))["include"] == [header]
    once = clinic.get(f"{url}&_revinclude=Communication:part-of")
    assert modes(once)["include"] == [header]
    iterated = clinic.get(f"{url}&_revinclude:iterate=Communication:part-of")
    assert modes(iterated) == {"match": [session], "include": [header, *messages]}


def test_a_cycle_of_parts_is_visited_once(clinic: ApiClient) -> None:
    first = steps.open_session(clinic)
    part = care.visit(partOf=care.reference(f"Encounter/{first}"))
    second = clinic.post("/Encounter", part).id
    body = clinic.get(f"/Encounter/{first}").body | {
        "partOf": care.reference(f"Encounter/{second}")
    }
    assert clinic.put(f"/Encounter/{first}", body).status == 200
    itself = care.visit() | {"id": "self", "partOf": care.reference("Encounter/self")}
    assert clinic.put("/Encounter/self", itself).status == 201
    for kind in ("_include", "_revinclude"):
        url = f"/Encounter?{kind}:iterate=Encounter:part-of&_id="
        assert modes(clinic.get(url + first)) == {"match": [first], "include": [second]}
        assert modes(clinic.get(url + "self")) == {"match": ["self"], "include": []}
        both = modes(clinic.get(f"{url}{first},{second}"))
        assert both == {"match": [first, second], "include": []}


def test_a_target_type_or_a_wildcard_selects_the_included_resources(
    clinic: ApiClient, session: str, thread: tuple[str, list[str]]
) -> None:
    header, messages = thread
    url = f"/Communication?_id={messages[0]}&_include=Communication:part-of"
    assert modes(clinic.get(f"{url}:Communication"))["include"] == [header]
    assert modes(clinic.get(f"{url}:Encounter"))["include"] == []
    assert modes(clinic.get(f"{url}:Procedure"))["include"] == []
    for everything in ("*", "Communication:*"):
        found = modes(clinic.get(f"/Communication?_id={header}&_include={everything}"))
        assert found["include"] == [session]
        found = modes(clinic.get(f"/Communication?_id={header}&_revinclude={everything}"))
        assert found["include"] == messages


def test_deleted_and_external_resources_are_not_included(
    clinic: ApiClient, thread: tuple[str, list[str]]
) -> None:
    header, messages = thread
    assert clinic.administrator.delete(f"/Communication/{messages[0]}").status == 204
    answer = clinic.get(f"/Communication?_id={header}&_revinclude=Communication:part-of")
    assert modes(answer)["include"] == messages[1:]
    elsewhere = clinic.get(
        f"/Communication?_id={header}&_include=Communication:subject&_revinclude=Provenance:target"
        "&_include=Communication:sender:Practitioner&_include:iterate=Device:patient"
        "&_include=Encounter:appointment"
    )
    assert modes(elsewhere) == {"match": [header], "include": []}


def test_includes_hold_on_every_page(clinic: ApiClient) -> None:
    sessions = [steps.open_session(clinic) for _ in range(5)]
    parts = [
        clinic.post("/Encounter", care.visit(partOf=care.reference(f"Encounter/{one}"))).id
        for one in sessions
    ]
    url = "/Encounter?part-of:missing=false&_include=Encounter:part-of&_count=2"
    pages = []
    while url:
        answer = clinic.get(url)
        pages.append(modes(answer))
        url = {link["relation"]: link["url"] for link in answer.body["link"]}.get("next", "")
    assert [len(page["match"]) for page in pages] == [2, 2, 1]
    parent = dict(zip(parts, sessions, strict=True))
    assert all(page["include"] == [parent[match] for match in page["match"]] for page in pages)
    assert sorted(match for page in pages for match in page["match"]) == sorted(parts)


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("_include", "Communication:nonsense", "Communication:encounter"),
        ("_include", "Communication:sent", "Communication:part-of"),
        ("_include", "Communication:session", "Communication:encounter"),
        ("_include", "Communication", "Type:parameter"),
        ("_include", "", "Type:parameter"),
        ("_include", "Comm:encounter", "not a resource type"),
        ("_include", "*:encounter", "Type:parameter"),
        ("_include", "Communication:encounter:Visit", "not a resource type"),
        ("_include", "Communication:encounter:Encounter:x", "Type:parameter"),
        ("_revinclude", "Provenance:targets", "Provenance:target"),
        ("_revinclude:recurse", "Communication:part-of", ":iterate"),
    ],
)
def test_an_include_of_an_unknown_name_is_refused_with_a_valid_alternative(
    clinic: ApiClient, name: str, value: str, right: str
) -> None:
    answer = clinic.get(f"/Communication?{name}={value}")
    refusals.check(answer, 400, "invalid", name)
    assert right in answer.text


def test_an_include_may_be_posted(clinic: ApiClient, thread: tuple[str, list[str]]) -> None:
    header, messages = thread
    form = "_revinclude=Communication%3Apart-of"
    answer = clinic.call(
        "POST",
        f"/Communication/_search?_id={header}",
        form,
        content_type="application/x-www-form-urlencoded",
    )
    assert modes(answer) == {"match": [header], "include": messages}


def test_includes_that_do_not_fit_a_page_move_to_the_next(clinic: ApiClient) -> None:
    """Three notes of 1.8 MB about one session are included; a page holds two at most."""
    session = steps.open_session(clinic)
    large: Any = {"note": [{"text": "a" * 900_000}] * 2}
    headers = []
    for _ in range(3):
        header = care.header(encounter=care.reference(f"Encounter/{session}"), **large)
        headers.append(clinic.post("/Communication", header).id)
    url = f"/Encounter?_id={session}&_revinclude=Communication:encounter"
    pages = []
    while url:
        answer = clinic.get(url)
        assert len(answer.text) < 5_000_000
        pages.append(modes(answer))
        url = {link["relation"]: link["url"] for link in answer.body["link"]}.get("next", "")
    assert [page["match"] for page in pages] == [[session], []]
    assert sorted(include for page in pages for include in page["include"]) == sorted(headers)


def test_an_included_resource_is_summarised_by_its_own_type(
    clinic: ApiClient, session: str, thread: tuple[str, list[str]]
) -> None:
    url = f"/Communication?_id={thread[0]}&_include=Communication:encounter&"
    header, included = clinic.get(url + "_summary=true").resources
    assert (included["id"], included["status"], "participant" in included) == (
        session,
        "in-progress",
        True,
    )
    assert "SUBSETTED" in json.dumps(included["meta"])
    header, included = clinic.get(url + "_elements=status").resources
    assert "topic" not in header
    assert "participant" in included
    refusals.check(clinic.get(url + "_summary=text"), 400, "invalid", "_summary")


@pytest.mark.parametrize("place", ["nothing", "0:\u00e9", "-1:", "0:" + "m" * 2000, "9" * 99])
def test_a_cursor_with_an_invalid_place_among_includes_is_refused(
    clinic: ApiClient, place: str
) -> None:
    sessions = [steps.open_session(clinic) for _ in range(2)]
    page = clinic.get("/Encounter?_count=1&_revinclude=Communication:encounter")
    (url,) = (link["url"] for link in page.body["link"] if link["relation"] == "next")
    begin, _, cursor = url.partition("_cursor=")
    given = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    forged = [*given, {"rest": [f"Encounter/{sessions[0]}", [0, place, ""]]}]
    packed = urlsafe_b64encode(json.dumps(forged).encode()).decode()
    refusals.check(clinic.get(f"{begin}_cursor={packed}"), 400, "invalid", "_cursor")
