"""Each function's role has exactly the table permissions that the function uses."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from hashlib import sha256
from itertools import product
from typing import Any

import pytest

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.channels import MATCH_SENDER, TASK_SYSTEM
from shared.catalog.interactions import INTERACTIONS
from shared.catalog.policies import POLICIES
from shared.fhir import instants
from shared.rules import channels
from shared.sessions import closing, due_encounters
from shared.store import dynamodb, s3, transactions
from shared.store.index import readiness
from tests.contract.test_template import ALLOWED, FUNCTIONS, module
from tests.support import audit_pipeline, care
from tests.support.api_client import Answer, ApiClient
from tests.support.memory_database import Database
from tests.support.memory_objects import MemoryS3
from tests.support.other_server import Handler, run_server
from tests.support.plain_client import PlainClient
from tests.support.practice import Practice

BART, MARGE = "Patient/bart-simpson", "RelatedPerson/marge-simpson"
DOES = {"system": "https://clinic.example", "value": "does"}
LATER = [{"op": "replace", "path": "/sent", "value": "2026-03-01T11:00:00Z"}]
LATEST = [{"op": "replace", "path": "/sent", "value": "2026-03-01T12:00:00Z"}]
HIGH = [{"op": "add", "path": "/priority", "value": {"text": "high"}}]
MALE = [{"op": "add", "path": "/gender", "value": "male"}]
_ITEMS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
type Right = tuple[str, str, str]


@dataclass
class Notes:
    """Records which request of a function first used which permission."""

    function: str = ""
    request: str = ""
    taken: dict[Right, str] = field(default_factory=dict)

    def take(self, table: str, action: str) -> None:
        if self.function:
            self.taken.setdefault((self.function, table, action), self.request)


class Noting(Database):
    """A database that records the permissions its calls need."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self.notes = notes

    def get_item(self, **request: Any) -> dict[str, Any]:
        self.notes.take(request["TableName"], "GetItem")
        return super().get_item(**request)

    def query(self, **request: Any) -> dict[str, Any]:
        self.notes.take(request["TableName"], "Query")
        return super().query(**request)

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        for table in request["RequestItems"]:
            self.notes.take(table, "BatchGetItem")
        return super().batch_get_item(**request)

    def transact_write_items(self, **request: Any) -> None:
        for operation in request["TransactItems"]:
            ((kind, body),) = operation.items()
            self.notes.take(body["TableName"], _ITEMS[kind])
        super().transact_write_items(**request)


@dataclass(frozen=True)
class Caller(ApiClient):
    """A client whose permissions are recorded; `clinic` makes the preparations."""

    notes: Notes = field(default_factory=Notes)

    def call(self, method: str, url: str, body: Any = None, **more: Any) -> Answer:
        handler, _ = self.handler_and_event(method, url, body)
        self.notes.function = handler.__module__.rpartition(".")[2]
        self.notes.request = f"{method} {url}"
        answer = super().call(method, url, body, **more)
        self.notes.function = ""
        assert answer.status < 500, answer.text
        return answer


@dataclass(frozen=True)
class Scene:
    """Creates the resources that the requests need."""

    clinic: ApiClient

    def encounter(self, **more: Any) -> str:
        return f"/Encounter/{self.clinic.post('/Encounter', care.session(**more)).id}"

    def family(self, **child: Any) -> str:
        """Create a session without a subject, with a medical encounter of Homer's."""
        session = self.encounter(subject=None)
        part = care.medical_encounter(session[11:], care.HOMER, **child)
        assert self.clinic.post("/Encounter", part).status == 201
        return session

    def thread(self, session: str = "", **more: Any) -> str:
        linked = {"encounter": care.reference(session[1:])} if session else {}
        return (
            f"/Communication/{self.clinic.post('/Communication', care.header(**linked, **more)).id}"
        )

    def message(self, thread: str, sent: str | None = "2026-03-01T10:00:00Z", **more: Any) -> str:
        created = self.clinic.post("/Communication", care.message(thread[15:], sent, **more))
        return f"/Communication/{created.id}"

    def draft(self) -> str:
        by_alice: dict[str, Any] = {"status": "preparation", "sender": care.reference(care.ALICE)}
        return self.message(self.thread(), **by_alice)

    def half_closed(self) -> str:
        """Create a session whose stepwise closing was interrupted."""
        return self.begin_closing(self.family())

    def half_cancelled_day(self) -> str:
        """Create a day's session whose stepwise cancellation was interrupted."""
        thread = self.thread(extension=care.policy(policy={"valueCode": "daily"}))
        self.message(thread, None)
        header = self.clinic.get(thread).body
        return self.begin_closing(f"/{header['encounter']['reference']}", status="cancelled")

    def begin_closing(self, session: str, status: str = "finished") -> str:
        work = AuditedUnitOfWork(due_encounters.scheduler_caller("-"), instants.now())
        work.may_span_transactions = True
        stored = work.encounter(session[11:])
        assert stored
        closing.close(work, stored, stored.resource | {"status": status})
        work.commit("close")
        return session

    def patient(self) -> str:
        return f"/Patient/{self.clinic.post('/Patient', care.example('Patient')).id}"

    def marge(self) -> None:
        """Store a related person with a Person record that links to her."""
        relative = care.example("RelatedPerson", id=MARGE[14:])
        assert self.clinic.put(f"/{MARGE}", relative).status == 201
        link = [{"other": care.reference(MARGE), "type": "seealso"}]
        assert self.clinic.post("/Patient", care.example("Patient", link=link)).status == 201

    def finished(self) -> tuple[str, str]:
        """Create a finished session and its only message."""
        session = self.encounter()
        message = self.message(self.thread(session))
        assert self.clinic.post(f"{session}/$close-session", None).status == 200
        return session, message


def conditions(at: Scene) -> Iterator[tuple[str, str]]:
    """Return types and queries for each way to resolve a condition."""
    session = at.encounter()
    thread = at.thread(session)
    at.message(thread)
    yield "Encounter", f"_id={session[11:]}"
    yield "Communication", f"_id={thread[15:]}"
    yield "Communication", f"session={session[1:]}&status=in-progress"
    yield "Encounter", "identifier=https://clinic.example|new"
    yield "Patient", f"_id={at.patient()[9:]}"


def creates(ask: Caller, at: Scene) -> None:
    session = at.encounter()
    ask.post("/Encounter", care.session(identifier=[DOES]))
    thread = ask.post("/Communication", care.header(encounter=care.reference(session[1:]))).id
    ask.post("/Communication", care.message(thread))
    ask.post("/Communication", care.message(thread, status="preparation"))
    for kind, query in conditions(at):
        ask.post(f"/{kind}", care.example(kind, language="en"), if_none_exist=query)
    ask.post("/Patient", care.example("Patient"))
    ask.post("/Encounter", care.medical_encounter(at.half_closed()[11:], BART))


def updates(ask: Caller, at: Scene) -> None:
    session = at.encounter(identifier=[DOES])
    body = at.clinic.get(session).body
    ask.put(session, body | {"identifier": [DOES | {"value": "other"}]})
    message = at.message(at.thread(at.encounter()))
    for hour in (11, 12):
        body = at.clinic.get(message).body
        ask.put(message, body | {"sent": f"2026-03-01T{hour}:00:00Z"})
    draft = at.draft()
    ask.put(draft, at.clinic.get(draft).body | {"payload": [{"contentString": "Better"}]})
    ask.put(draft, at.clinic.get(draft).body | {"status": "in-progress"})
    for kind, query in conditions(at):
        ask.put(f"/{kind}?{query}", care.example(kind, language="en"))
    half = at.half_closed()
    ask.put(half, care.session(id=half[11:]))


def patches(ask: Caller, at: Scene) -> None:
    session = at.encounter(identifier=[DOES])
    at.encounter(identifier=[DOES])
    ask.patch(session, [{"op": "remove", "path": "/identifier"}])
    message = at.message(at.thread(at.encounter()))
    ask.patch(message, LATER)
    ask.patch(message, LATEST)
    draft = at.draft()
    ask.patch(draft, [{"op": "remove", "path": "/payload"}])
    ask.patch(draft, [{"op": "replace", "path": "/status", "value": "in-progress"}])
    for kind, query in conditions(at):
        ask.patch(f"/{kind}?{query}", [])
    ask.patch(at.patient(), MALE)
    ask.patch(at.half_closed(), HIGH)


def deletes(ask: Caller, at: Scene) -> None:
    session = at.encounter(identifier=[DOES])
    at.encounter(identifier=[DOES])
    ask.administrator.delete(session)
    ask.administrator.delete(at.message(at.thread(at.encounter())))
    ask.administrator.delete(at.finished()[1])
    ask.delete(at.draft())
    for kind, query in conditions(at):
        ask.administrator.delete(f"/{kind}?{query}")
    ask.administrator.delete(at.half_closed())
    at.marge()
    hers: Any = {"status": "preparation", "sender": care.reference(MARGE)}
    as_marge(ask).delete(at.message(at.thread(recipient=[care.reference(MARGE)]), **hers))


def as_marge(ask: Caller) -> Caller:
    """Make requests as somebody whose rights derive from stored links."""
    return replace(ask, role="related-person", fhir_user=MARGE)


def operates(ask: Caller, at: Scene) -> None:
    at.marge()
    marge = care.parameters(("patient", MARGE))
    ask.post("/Encounter/$open-session", marge)
    template = care.session(identifier=[DOES])
    thread = ("thread", at.thread()[1:])
    ask.post("/Encounter/$open-session", care.parameters(thread, ("encounter", template)))
    ask.post(f"{at.encounter()}/$add-patient", care.parameters(("patient", BART)))
    ask.post(f"{at.half_closed()}/$close-session", None)
    session = at.family(text=LONG)
    at.message(at.thread(session))
    at.clinic.post(
        "/Observation",
        care.example("Observation", text=LONG, encounter=care.reference(session[1:])),
    )
    ask.get(f"{session}/$everything")
    match_sender(ask, at)


def match_sender(ask: Caller, at: Scene) -> None:
    """Say who has written text messages and e-mails, whose Tasks are then completed."""
    contact = channels.contact_reference(NUMBER)
    person = care.parameters(("person", at.patient()[1:]))
    for policy, status in product(POLICIES, ("in-progress", "on-hold")):
        name = f"{policy}-{status}"
        header = care.header(
            subject=None,
            sender=contact,
            identifier=[channels.identifier(name, NUMBER)],
            extension=care.policy(policy={"valueCode": policy}),
        )
        thread = at.clinic.post("/Communication", header).id
        own = {"identifier": [channels.identifier(name, "SM1")], "status": status}
        message = care.message(thread) | {"subject": None, "sender": contact} | own
        at.clinic.post("/Communication", message)
        asked = [{"system": TASK_SYSTEM, "value": f"{thread}/{MATCH_SENDER.code}"}]
        task = care.example("Task", text=LONG, identifier=asked, status="requested")
        assert at.clinic.post("/Task", task).status == 201
        ask.post(f"/Communication/{thread}/$match-sender", person)


def creates_checked(ask: Caller, at: Scene) -> None:
    ask.post("/Condition", about(at.patient()))


def updates_checked(ask: Caller, at: Scene) -> None:
    path = f"/Condition/{at.clinic.post('/Condition', about(at.patient())).id}"
    ask.put(path, about(at.patient(), id=path[11:]))


def patches_checked(ask: Caller, at: Scene) -> None:
    path = f"/Condition/{at.clinic.post('/Condition', about(at.patient())).id}"
    ask.patch(path, [{"op": "add", "path": "/recorder", "value": about(at.patient())["subject"]}])


def plains_checked(ask: Caller, at: Scene) -> None:
    face, patient = PlainClient(ask), at.patient()[9:]
    seen = {"status": "final", "code": "Heart rate", "patientId": patient}
    face.post("/observations", seen)
    face.put("/observations/checked", seen)
    face.patch("/observations/checked", {"patientId": at.patient()[9:]})


def operates_checked(ask: Caller, at: Scene) -> None:
    patient = about(at.patient())["subject"]
    thread = at.thread(subject=patient, sender=patient, recipient=[patient])
    answered = {"url": "https://e.example/answers", "valueReference": about(thread)["subject"]}
    template = ("encounter", care.session(subject=None, participant=None, extension=[answered]))
    for person in (patient["reference"], "Patient/nobody"):
        ask.post("/Encounter/$open-session", care.parameters(template, ("patient", person)))


def about(path: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "subject": care.reference(path[1:]), **more}


def reads(ask: Caller, at: Scene) -> None:
    homer = replace(ask, role="patient", fhir_user=care.HOMER)
    ask.get(at.encounter())
    ask.get(at.thread())
    homer.get(at.family())
    ask.get(at.patient())


def looks_back(ask: Caller, at: Scene) -> None:
    homer = replace(ask, role="patient", fhir_user=care.HOMER)
    message = at.message(at.thread(at.encounter()))
    at.clinic.patch(message, LATER)
    ask.get(f"{message}/_history")
    session = at.encounter()
    at.clinic.patch(session, HIGH)
    ask.get(f"{session}/_history")
    homer.get(f"{at.family()}/_history")
    patient = at.patient()
    at.clinic.patch(patient, MALE)
    ask.get(f"{patient}/_history")


def searches(ask: Caller, at: Scene) -> None:
    homer = replace(ask, role="patient", fhir_user=care.HOMER)
    at.marge()
    as_marge(ask).get("/Practitioner")
    for kind, query in conditions(at):
        ask.get(f"/{kind}?{query}")
    thread = at.thread(at.encounter())
    message = at.message(thread)
    homer.get(f"/Communication?_id={message[15:]}")
    homer.get(f"/Communication?part-of={thread[1:]}")
    homer.get(f"/Encounter?_id={at.family()[11:]}")
    homer.get(f"/Communication?session={at.encounter()[1:]}")
    ask.get("/Communication?part-of=Communication/nothing")


def oversees(ask: Caller, at: Scene) -> None:
    auditor = replace(ask, role="auditor", fhir_user="")
    at.patient()
    audit_pipeline.journal_writes()
    ids = auditor.get("/AuditEvent").ids
    auditor.get(f"/AuditEvent/{ids[0]}")


def plains(ask: Caller, at: Scene) -> None:
    """Make the requests of the interactions through the plain-JSON API."""
    face, homer = PlainClient(ask), replace(ask, role="patient", fhir_user=care.HOMER)
    session = at.encounter(identifier=[DOES])
    at.encounter(identifier=[DOES])
    visit = {"status": "in-progress", "class": "AMB"}
    face.post("/encounters", visit | {"identifiers": [DOES]})
    face.put("/encounters/own", visit | {"identifiers": [DOES]})
    face.put("/encounters/own", visit)
    thread = at.thread(at.encounter())
    message = f"/messages/{at.message(thread)[15:]}"
    face.post("/messages", {"threadId": thread[15:], "text": "Since yesterday"})
    for hour in (11, 12):
        face.patch(message, {"sent": f"2026-03-01T{hour}:00:00Z"})
    face.get(message)
    at.marge()
    hers = at.thread(recipient=[care.reference(MARGE)])[15:]
    said = {"threadId": hers, "senderId": MARGE, "text": "Mine"}
    PlainClient(as_marge(ask)).post("/messages", said)
    face.administrator.delete(message)
    face.administrator.delete(f"/messages/{at.finished()[1][15:]}")
    draft = f"/messages/{at.draft()[15:]}"
    face.patch(draft, {"text": "Better"})
    face.patch(draft, {"status": "in-progress"})
    face.get(f"/messages?encounterId={session[11:]}")
    heart = {"status": "final", "code": "Heart rate", "encounterId": session[11:]}
    face.put("/observations/heart", heart)
    face.patch("/observations/heart", {"valueInteger": 72})
    seen = {"resourceType": "Observation", "status": "final", "code": {"text": WIDE}, "text": LONG}
    assert at.clinic.post("/Observation", seen).status == 201
    face.get("/observations?status=final")
    face.administrator.delete("/observations/heart")
    at.encounter(text=LONG)
    at.thread(text=LONG)
    face.get("/threads?patientId=homer-simpson")
    for query in ("patientId=homer-simpson", "status=in-progress", "class=VR", "sort=-date"):
        face.get(f"/encounters?{query}")
    for query in (f"threadId={thread[15:]}", "patientId=homer-simpson"):
        face.get(f"/messages?{query}")
    face.get(f"/encounters{session[10:]}")
    PlainClient(homer).get("/encounters")
    PlainClient(homer).get(f"/encounters{at.family()[10:]}")
    face.patch(f"/encounters{at.half_closed()[10:]}", {"priority": "high"})
    face.administrator.delete(f"/encounters{session[10:]}")
    note = {"patientId": "homer-simpson", "title": "Note", "content": WIDE * 3}
    own = face.post("/notes", note).body["data"]["id"]
    face.patch(f"/notes/{own}", {"title": "Better"})
    face.get("/notes?patientId=homer-simpson")


def handles_files(ask: Caller, at: Scene) -> None:
    """Make the requests of Binaries, in the context of whatever a file may belong to."""

    def send(who: ApiClient, method: str, path: str, context: str, content: bytes) -> Answer:
        headers = {"x_security_context": context} if context else {}
        return who.call(method, path, content, content_type="text/plain", **headers)

    homer = replace(ask, role="patient", fhir_user=care.HOMER)
    thread = at.thread()
    contexts = ["", thread, at.message(thread), at.family()]
    contexts += [at.half_closed(), at.half_cancelled_day()]
    observed = at.clinic.post("/Observation", care.example("Observation"))
    for context in (*contexts, f"/Observation/{observed.id}", f"/{care.HOMER}"):
        for who in (ask, homer):
            created = send(who, "POST", "/Binary", context[1:], b"It itches")
            if created.status == 201:
                who.get(f"/Binary/{created.id}")
                send(ask, "PUT", f"/Binary/{created.id}", context[1:], b"It burns")
                ask.get(f"/Binary/{created.id}/_history")
                ask.get(f"/Binary/{created.id}/_history/1")
                ask.administrator.delete(f"/Binary/{created.id}")
    at.marge()
    hers = at.thread(recipient=[care.reference(MARGE)])
    send(as_marge(ask), "POST", "/Binary", hers[1:], b"Mine")
    for kind, query in conditions(at):
        body = {"resourceType": "Binary", "contentType": "text/plain", "data": "YQ=="}
        ask.post("/Binary", body | {"securityContext": care.reference(f"{kind}?{query}")})


def handles_files_checked(ask: Caller, at: Scene) -> None:
    ask.call(
        "POST", "/Binary", b"Hm", content_type="text/plain", x_security_context=at.patient()[1:]
    )


NUMBER = "+15551230007"
# Larger than an index row, even compressed.
WIDE = " ".join(sha256(str(number).encode()).hexdigest() for number in range(60))
LONG = {
    "status": "additional",
    "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{WIDE}</div>',
}
SCRIPTS: dict[str, Callable[[Caller, Scene], None]] = {
    "create": creates,
    "update": updates,
    "patch": patches,
    "delete": deletes,
    "operations": operates,
    "plain": plains,
    "binaries": handles_files,
    "read": reads,
    "history": looks_back,
    "search": searches,
    "audit_events": oversees,
}
# Requests with reference checks enabled.
CHECKED: dict[str, Callable[[Caller, Scene], None]] = {
    "create": creates_checked,
    "update": updates_checked,
    "patch": patches_checked,
    "operations": operates_checked,
    "plain": plains_checked,
    "binaries": handles_files_checked,
}
# The interactions whose writes may add references.
REFERRING = {"create", "update", "patch", "operation"}
# The requests that each function serves, through either API.
SERVED: dict[str, set[str]] = {}
for row in INTERACTIONS:
    if not row.public:
        SERVED.setdefault(row.function, set()).add(row.code)
# Its entries are processed like the interactions' own functions.
DELEGATING = {"bundle"}


def test_every_function_with_callers_is_exercised_here() -> None:
    assert SCRIPTS.keys() == SERVED.keys() - DELEGATING


def test_every_function_that_writes_references_is_exercised_with_checks() -> None:
    writing = {function for function, codes in SERVED.items() if codes & REFERRING}
    assert CHECKED.keys() == writing - DELEGATING


@pytest.fixture
def notes(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> Notes:  # noqa: ARG001 - must be set up first
    noted = Notes()
    database = Noting(noted)
    for caller in (dynamodb, transactions):
        monkeypatch.setattr(caller, "client", cache(lambda: database))
    # Every search checks whether the rows of a later release's parameter are ready.
    monkeypatch.setattr(readiness, "is_ready", lambda _: bool(readiness.ready_names()) or True)
    monkeypatch.setattr(readiness, "_reads_what_others_read", lambda _: False)
    readiness.ready_names.cache_clear()
    objects = MemoryS3()
    monkeypatch.setattr(s3, "client", cache(lambda: objects))
    return noted


def everybody_is_there(handler: Handler) -> None:
    _, _, kind, asked = handler.path.partition("?")[0].split("/")
    handler.send(200, {"resourceType": kind, "id": asked})


@pytest.mark.parametrize("function", CHECKED)
def test_a_function_that_calls_another_server_can_read_its_credentials(
    clinic: ApiClient, notes: Notes, practice: Practice, function: str
) -> None:
    variables = {
        module(function): function["Properties"].get("Environment", {}).get("Variables", {})
        for function in FUNCTIONS.values()
    }
    at = Scene(clinic)
    with run_server() as other:
        other.answer = everybody_is_there
        practice.configure(REFERENCE_CHECKS="remote", REFERENCE_BASE_URL=other.base)
        other.requests.clear()
        CHECKED[function](Caller(notes=notes), at)
    assert other.requests
    assert "REFERENCE_AUTHORIZATION_SECRET_ARN" in variables[function]


@pytest.mark.parametrize("function", SCRIPTS)
def test_a_function_uses_every_permission_it_has_and_no_other(
    clinic: ApiClient, notes: Notes, practice: Practice, function: str
) -> None:
    SCRIPTS[function](Caller(notes=notes), Scene(clinic))
    if function in CHECKED:
        practice.configure(REFERENCE_CHECKS="local")
        CHECKED[function](Caller(notes=notes), Scene(clinic))
    taken: dict[str, set[str]] = {}
    for by, table, action in notes.taken:
        assert by == function
        taken.setdefault(table, set()).add(action)
    assert taken == ALLOWED[function]


def test_the_worker_uses_every_permission_it_has_and_no_other(
    clinic: ApiClient, notes: Notes, practice: Practice
) -> None:
    practice.configure(SESSION_POLICY="thread", SESSION_IDLE_MINUTES="60")
    at = Scene(clinic)
    half = at.half_closed()
    session = at.family()
    gone = at.message(at.thread(session))
    at.message(at.thread(session))
    at.clinic.administrator.delete(gone)
    notes.function = "closing_worker"
    for one in (half, session):
        due_encounters.close_or_postpone("-", one[11:], practice.now + timedelta(days=3))
    notes.function = ""
    taken: dict[str, set[str]] = {}
    for _, table, action in notes.taken:
        taken.setdefault(table, set()).add(action)
    allowed = {table: ALLOWED["closing_worker"][table] for table in taken}
    assert taken == allowed
    assert len(taken) == 4
