"""A caller who may write but not read a resource gets an answer without it."""

from base64 import b64encode
from json import dumps
from typing import Any

import pytest

from tests.support import care
from tests.support.api_client import Answer, ApiClient
from tests.support.plain_client import V1

pytestmark = pytest.mark.usefixtures("practice")
MERGE, PLAIN = "application/merge-patch+json", "application/json"
WRITER = ApiClient(claims={"scope": "user/Encounter.cu user/Communication.cu"})
READER = ApiClient(claims={"scope": "user/Encounter.cru user/Communication.cru"})
RASH = {"coding": [{"system": "https://codes.example.org", "code": "rash"}]}
SECRET: dict[str, Any] = {"reasonCode": [{"text": "Drinks too much"}]}
NUMBER = "identifier=https://clinic.example|7"


@pytest.fixture(autouse=True)
def stored(clinic: ApiClient, practice: Any) -> None:  # noqa: ARG001 - makes the tables fast
    number = [{"system": "https://clinic.example", "value": "7"}]
    clinic.put("/Encounter/1", care.session(id="1", identifier=number, **SECRET))
    clinic.put("/Encounter/over", care.session("finished", id="over", **SECRET))
    clinic.put("/Communication/t", care.header(id="t", category=[RASH]))


def written(caller: ApiClient) -> Any:
    stored = ApiClient().get("/Encounter/1").body
    language = [{"op": "add", "path": "/language", "value": "de"}]
    patient = care.parameters(("patient", "Patient/bart-simpson"))
    thread = care.parameters(("thread", "Communication/t"))
    yield 200, caller.patch("/Encounter/1", [])
    yield 200, caller.call("PATCH", "/Encounter/1", {}, content_type=MERGE)
    yield 200, caller.call("PATCH", f"{V1}/encounters/1", {}, content_type=PLAIN)
    yield 200, caller.put("/Encounter/1", stored)
    for wanted in ("return=representation", "handling=lenient, return=representation"):
        yield 200, caller.patch("/Encounter/1", language, prefer=wanted)
    yield 201, caller.post("/Encounter", care.session(**SECRET))
    yield 201, caller.put("/Encounter/new", care.session(id="new", **SECRET))
    yield (
        201,
        caller.call(
            "POST", f"{V1}/encounters", {"status": "planned", "class": "VR"}, content_type=PLAIN
        ),
    )
    yield 200, caller.post("/Encounter/over/$close-session", None)
    yield 200, caller.post("/Encounter/1/$add-patient", patient)
    yield 201, caller.post("/Encounter/$open-session", thread)


def test_a_caller_who_may_not_read_gets_headers_only() -> None:
    for expected, answer in written(WRITER):
        assert (answer.status, answer.text) == (expected, "")
        assert answer.headers["ETag"].startswith('W/"')
        assert "Content-Type" not in answer.headers


def test_a_caller_who_may_read_gets_the_resource() -> None:
    for expected, answer in written(READER):
        assert answer.status == expected
        assert answer.body.get("data", answer.body)["id"]


def test_the_match_of_a_condition_is_not_shown_either() -> None:
    caller = ApiClient(claims={"scope": "user/Encounter.cs"})
    answer = caller.post("/Encounter", care.session(), if_none_exist=NUMBER)
    assert (answer.status, answer.text) == (200, "")
    assert answer.headers["Content-Location"].endswith("/Encounter/1/_history/1")


def test_entries_of_a_bundle_are_answered_alike() -> None:
    requests: list[dict[str, Any]] = [
        {"request": {"method": "PUT", "url": "Encounter/1"}, "resource": care.session(id="1")},
        {"request": {"method": "POST", "url": "Encounter"}, "resource": care.session()},
    ]
    for kind in ("batch", "transaction"):
        bundle = {"resourceType": "Bundle", "type": kind, "entry": requests}
        for caller, shown in ((WRITER, False), (READER, True)):
            answer = caller.post("/", bundle, prefer="return=representation")
            assert answer.status == 200, answer.text
            entries = answer.body["entry"]
            assert [entry["response"]["status"] for entry in entries] == ["200", "201"]
            assert {"resource" in entry for entry in entries} == {shown}
            assert {"lastModified" in entry["response"] for entry in entries} == {True}


def test_the_right_to_read_is_checked_for_each_resource() -> None:
    scope = "user/Communication.cu user/Communication.r?category=rash"
    caller = ApiClient(claims={"scope": scope})
    assert caller.patch("/Communication/t", []).body["id"] == "t"
    created = caller.post("/Communication", care.header())
    assert (created.status, created.text) == (201, "")


def refusals_of(caller: ApiClient) -> list[Answer]:
    guess = [{"op": "test", "path": "/reasonCode/0/text", "value": "Drinks too much"}]
    wrong = [{"op": "move", "from": "/reasonCode/0/text", "path": "/status"}]
    other = [{"op": "test", "path": "/reasonCode/0/text", "value": "Fine"}]
    cancelled = [{"op": "replace", "path": "/status", "value": "cancelled"}]
    ApiClient().put("/Encounter/c", care.session(id="c", status="planned"))
    ApiClient().patch("/Encounter/c", cancelled)
    ApiClient().put("/Communication/l", care.header(id="l"))
    ApiClient().patch("/Communication/l", care.link("1"))
    return [
        caller.patch("/Encounter/1", guess),
        caller.patch("/Encounter/1", other),
        caller.patch("/Encounter/1", wrong),
        caller.post("/Encounter/c/$close-session", None),
        caller.post("/Encounter/$open-session", care.parameters(("thread", "Communication/l"))),
    ]


def test_a_refusal_does_not_reveal_what_is_stored() -> None:
    answers = refusals_of(WRITER)
    assert [answer.status for answer in answers] == [403, 403, 400, 422, 422]
    for answer in answers:
        assert not any(word in answer.text for word in ("Drinks", "cancelled", "Encounter/1"))
    assert [answer.status for answer in refusals_of(READER)] == [200, 400, 400, 422, 422]


PLANNED = ApiClient(claims={"scope": "user/Encounter.cd user/Encounter.u?status=planned"})


@pytest.mark.parametrize(
    "body",
    [
        SECRET,
        {"reasonCode": [{"text": "Fine"}]},
        {},
        [],
        [{"op": "replace", "path": "/reasonCode/0/text", "value": "Drinks too much"}],
        [{"op": "remove", "path": "/diagnosis"}],
    ],
)
@pytest.mark.parametrize("kind", ["alone", "batch", "transaction", "plain"])
def test_a_caller_who_may_not_change_a_resource_cannot_compare_with_it(
    body: Any, kind: str
) -> None:
    caller = PLANNED
    if kind == "alone":
        status = caller.call("PATCH", "/Encounter/1", body, content_type=PLAIN).status
    elif kind == "plain":
        reasons = body.get("reasonCode", ()) if isinstance(body, dict) else ()
        fields = {"reasonCodes": [reason["text"] for reason in reasons]} if reasons else {}
        url = f"{V1}/encounters/1"
        status = caller.call("PATCH", url, fields, content_type=PLAIN).status
    else:
        data = b64encode(dumps(body).encode()).decode()
        entry = {
            "request": {"method": "PATCH", "url": "Encounter/1"},
            "resource": {"resourceType": "Binary", "contentType": PLAIN, "data": data},
        }
        answer = caller.post("/", {"resourceType": "Bundle", "type": kind, "entry": [entry]})
        is_batch = kind == "batch"
        status = int(answer.body["entry"][0]["response"]["status"]) if is_batch else answer.status
    assert status == 403


@pytest.mark.parametrize("kind", ["PUT", "plain PUT"])
def test_a_caller_who_may_not_change_a_resource_is_refused_even_without_a_change(kind: str) -> None:
    stored = ApiClient().get("/Encounter/1").body
    plain = ApiClient().get(f"{V1}/encounters/1").body["data"]
    if kind == "PUT":
        assert PLANNED.put("/Encounter/1", stored).status == 403
    else:
        url = f"{V1}/encounters/1"
        assert PLANNED.call("PUT", url, plain, content_type=PLAIN).status == 403


def test_a_refusal_does_not_reveal_which_elements_exist() -> None:
    wrong = {"op": "add", "path": "/status", "value": "bogus"}
    steps = [
        [{"op": "remove", "path": "/reasonCode/0"}, wrong],
        [{"op": "remove", "path": "/diagnosis/0"}, wrong],
        [{"op": "copy", "from": "/reasonCode/0/text", "path": "/period/start"}, wrong],
    ]
    answers = [WRITER.patch("/Encounter/1", step) for step in steps]
    assert len({(answer.status, answer.text) for answer in answers}) == 1
    assert len({READER.patch("/Encounter/1", step).text for step in steps}) == len(steps)
