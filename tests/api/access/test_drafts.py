"""A draft is visible to its sender and to administrators; for all others it does not exist."""

from typing import Any

import pytest

from tests.support import care
from tests.support.api_client import BASE, Answer, ApiClient

pytestmark = pytest.mark.usefixtures("practice")
ADMIN = ApiClient(role="admin")
BOB = ApiClient(fhir_user="Practitioner/bob")
MARGE = ApiClient(
    role="related-person",
    fhir_user="RelatedPerson/marge",
    claims={"patient": "homer-simpson"},
)
OTHERS = (
    BOB,
    ApiClient(fhir_user=""),
    ApiClient(fhir_user="https://elsewhere.example.org/fhir/R4/" + care.ALICE),
    ApiClient(role="auditor", fhir_user="Practitioner/oscar"),
    ApiClient(role="patient", fhir_user=care.HOMER),
    MARGE,
)
ALICE = care.reference(care.ALICE)
NUMBER = {"system": "https://ids.example.org", "value": "7"}
SENT = [{"op": "replace", "path": "/status", "value": "in-progress"}]


@pytest.fixture
def thread(clinic: ApiClient) -> str:
    """Create a thread of a session, with a sent message."""
    session = clinic.put("/Encounter/s", care.session(id="s")).id
    link = {"encounter": care.reference(f"Encounter/{session}")}
    name = clinic.put("/Communication/t", care.header(id="t", **link)).id
    body = care.message(name, "2026-11-20T09:00:00Z", id="sent", sender=ALICE)
    assert clinic.put("/Communication/sent", body).status == 201
    return name


def draft(clinic: ApiClient, thread: str, **more: Any) -> str:
    body = {"status": "preparation", "sender": ALICE, "identifier": [NUMBER], **more}
    answer = clinic.post("/Communication", care.message(thread, **body))
    assert answer.status == 201, answer.text
    return answer.id


def without_id(answer: Answer, own_id: str) -> tuple[int, str]:
    """Return an answer's status and body without the requested id."""
    return answer.status, answer.text.replace(own_id, "ID")


@pytest.mark.parametrize("caller", OTHERS)
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "vread", "history"])
def test_the_draft_of_another_sender_is_answered_like_a_missing_resource(
    clinic: ApiClient, thread: str, caller: ApiClient, method: str
) -> None:
    own_id = draft(clinic, thread)

    def ask(name: str) -> Answer:
        path = f"/Communication/{name}"
        match method:
            case "vread" | "history":
                return caller.get(path + ("/_history/1" if method == "vread" else "/_history"))
            case "PATCH":
                return caller.patch(path, SENT)
        return caller.call(method, path)

    assert without_id(ask(own_id), own_id) == without_id(ask("nowhere"), "nowhere")
    assert ADMIN.get(f"/Communication/{own_id}").version == "1"


@pytest.mark.parametrize("fhir_user", [care.ALICE, f"{BASE}/{care.ALICE}"])
def test_a_draft_is_visible_to_its_sender(clinic: ApiClient, thread: str, fhir_user: str) -> None:
    own_id = draft(clinic, thread, sender=care.reference(f"{BASE}/{care.ALICE}"))
    sender = ApiClient(fhir_user=fhir_user)
    assert sender.get(f"/Communication/{own_id}/_history").body["total"] == 1
    assert sender.get("/Communication?status=preparation").ids == [own_id]
    assert sender.patch(f"/Communication/{own_id}", SENT).status == 200
    assert BOB.get(f"/Communication/{own_id}").status == 200


@pytest.mark.parametrize("sender", [{"identifier": NUMBER}, {"display": "Alice"}, None])
def test_a_draft_without_a_sender_reference_is_visible_to_administrators_only(
    clinic: ApiClient, thread: str, sender: dict[str, Any] | None
) -> None:
    body = care.message(thread, status="preparation", sender=sender)
    own_id = clinic.post("/Communication", {k: v for k, v in body.items() if v}).id
    for caller in (clinic, *OTHERS):
        assert caller.get(f"/Communication/{own_id}").status == 404
    assert ADMIN.get(f"/Communication/{own_id}").status == 200


def test_the_history_shows_sent_versions_but_not_drafts(clinic: ApiClient, thread: str) -> None:
    own_id = draft(clinic, thread)
    path = f"/Communication/{own_id}"
    clinic.patch(path, SENT)
    assert BOB.get(f"{path}/_history/1").status == 404
    history = BOB.get(f"{path}/_history?_count=1").body
    assert (history["total"], len(history["entry"]), len(history["link"])) == (1, 1, 1)
    assert clinic.get(f"{path}/_history").body["total"] == 2


def test_a_deleted_draft_is_answered_as_if_it_had_never_existed(
    clinic: ApiClient, thread: str
) -> None:
    own_id = draft(clinic, thread)
    assert clinic.delete(f"/Communication/{own_id}").status == 204
    assert clinic.get(f"/Communication/{own_id}").status == 410
    assert ADMIN.get(f"/Communication/{own_id}/_history").body["total"] == 2
    for caller in OTHERS:
        assert caller.get(f"/Communication/{own_id}").status == 404
        assert caller.get(f"/Communication/{own_id}/_history").status == 404


@pytest.mark.parametrize("caller", OTHERS)
def test_everything_of_a_session_leaves_out_drafts_of_others(
    clinic: ApiClient, thread: str, caller: ApiClient
) -> None:
    def pages() -> list[str]:
        url: str | None = "/Encounter/s/$everything?_count=1"
        found = []
        while url:
            found.append(caller.get(url))
            links = found[-1].body.get("link", ())
            url = next((link["url"] for link in links if link["relation"] == "next"), None)
        return [answer.text for answer in found]

    before = pages()
    draft(clinic, thread)
    for name in ("a-plan", "z-plan"):
        plan = care.header(id=name, status="preparation", sender=ALICE)
        link = {"encounter": care.reference("Encounter/s")}
        assert clinic.put(f"/Communication/{name}", plan | link).status == 201
    assert pages() == before
    everything = clinic.get("/Encounter/s/$everything?_count=2")
    assert everything.ids == ["s", "a-plan"]


def test_conditional_requests_of_others_do_not_match_a_draft(
    clinic: ApiClient, thread: str
) -> None:
    own_id = draft(clinic, thread)
    found = "/Communication?identifier=https://ids.example.org%7C7"
    assert BOB.patch(found, SENT).status == 404
    assert BOB.delete(found).status == 204
    assert ADMIN.get(f"/Communication/{own_id}").version == "1"
    created = BOB.post(
        "/Communication", care.message(thread), If_None_Exist=found.partition("?")[2]
    )
    assert created.status == 201


@pytest.mark.parametrize("element", ["inResponseTo", "partOf"])
def test_a_reference_to_the_draft_of_another_sender_is_refused_as_dangling(
    clinic: ApiClient, thread: str, element: str
) -> None:
    plan = care.header(id="plan", status="preparation", sender=ALICE)
    assert clinic.put("/Communication/plan", plan).status == 201
    assert clinic.post("/Communication", care.message("plan")).status == 201
    for name in ("plan", draft(clinic, thread)):
        refused = [
            without_id(
                BOB.post(
                    "/Communication",
                    care.header(**{element: [care.reference(f"Communication/{one}")]}),
                ),
                one,
            )
            for one in (name, "nowhere")
        ]
        assert refused[0] == refused[1]
        assert refused[0][0] == 422


def test_the_id_of_a_draft_is_in_use(clinic: ApiClient, thread: str) -> None:
    body = care.message(thread, id="mine", status="preparation", sender=ALICE)
    assert clinic.put("/Communication/mine", body).status == 201
    theirs = body | {"sender": care.reference(BOB.fhir_user)}
    assert BOB.put("/Communication/mine", theirs).status == 404
    assert BOB.put("/Communication/mine", theirs, If_Match='W/"1"').status == 412
    assert ADMIN.get("/Communication/mine").version == "1"


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_bundles_contain_no_drafts_of_others(clinic: ApiClient, thread: str, kind: str) -> None:
    own_id = draft(clinic, thread)
    answers = []
    for name in (own_id, "nowhere"):
        entry = {"request": {"method": "GET", "url": f"Communication/{name}"}}
        bundle = {"resourceType": "Bundle", "type": kind, "entry": [entry]}
        answers.append(without_id(BOB.post("/", bundle), name))
    assert answers[0] == answers[1]
