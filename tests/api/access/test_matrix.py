"""Every interaction of the catalogue, requested by every kind of caller.

The rights are decided here a second time: a new row of the catalogue fails without a decision.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import pytest

from shared.catalog import access_patterns as patterns
from shared.catalog.interactions import INTERACTIONS, SCOPE_LETTERS
from shared.catalog.operations import OPERATIONS
from shared.catalog.roles import ROLES
from shared.catalog.types import DIRECTORY_TYPES, RECORD_TYPES
from shared.store import dynamodb, s3, transactions
from tests.support import care, refusals
from tests.support.api_client import ORIGIN, Answer, ApiClient
from tests.support.consistency import scan
from tests.support.memory_database import Database
from tests.support.memory_objects import MemoryS3
from tests.support.practice import Practice

BART, MARGE = "Patient/bart-simpson", "RelatedPerson/marge-simpson"
DONE, REFUSED, ABSENT = "done", "refused", "absent"
OWN, OTHER = "own", "other"

# Roles with rights in their whole tenant, and roles limited to their compartment.
CLINIC, OVERSEERS = {"admin", "practitioner"}, {"admin", "auditor"}
READERS = CLINIC | OVERSEERS
CARED_FOR = {"patient", "related-person"}
NOBODY: set[str] = set()


# The readable types: care, directory and charts.
KINDS = ("Encounter", "Communication", "Patient", "Observation")


class Decision(NamedTuple):
    """The permitted roles, the needed scope letters, and the result without them."""

    everywhere: set[str]
    own: set[str]
    letters: str = ""
    without: str = REFUSED


DECISIONS = {
    "create": Decision(CLINIC, CARED_FOR, "c"),
    "read": Decision(READERS, CARED_FOR, "r"),
    "vread": Decision(READERS, CARED_FOR, "r"),
    "history-instance": Decision(READERS, CARED_FOR, "r"),
    "search-type": Decision(READERS, CARED_FOR, "s"),
    "update": Decision(CLINIC, NOBODY, "u"),
    "patch": Decision(CLINIC, CARED_FOR, "u"),
    # Drafts are visible to their sender only.
    "delete": Decision({"admin"}, {"practitioner"} | CARED_FOR, "d"),
    "$open-session": Decision(CLINIC, CARED_FOR, "cu"),
    "$add-patient": Decision(CLINIC, NOBODY, "cu"),
    "$close-session": Decision(CLINIC, NOBODY, "u"),
    "$match-sender": Decision(CLINIC, NOBODY, "u"),
    "$closing": Decision(READERS, CARED_FOR, "r"),
    "$everything": Decision(READERS, CARED_FOR, "r"),
    "$validate": Decision(READERS, CARED_FOR, "r", without=ABSENT),
    # The entries of these Bundles are reads.
    "batch": Decision(READERS, CARED_FOR, "r"),
    "transaction": Decision(READERS, CARED_FOR, "r"),
    "AuditEvent read": Decision(OVERSEERS, NOBODY, "r"),
    "AuditEvent search-type": Decision(OVERSEERS, NOBODY, "s"),
}
# The plain-JSON API has the same rights as FHIR.
_PLAIN = ("create", "read", "search-type", "update", "patch", "delete")
DECISIONS |= {f"plain {code}": DECISIONS[code] for code in _PLAIN}
# Files are as what they belong to. A file that belongs to nothing yet is its maker's, as a draft.
_OF_FILES = ("create", "read", "vread", "history-instance", "update", "delete")
DECISIONS |= {f"Binary {code}": DECISIONS[code] for code in _OF_FILES}
DECISIONS["upload create"] = DECISIONS["create"]


class Asked(NamedTuple):
    """A row of the catalogue, or one way to call an operation."""

    name: str
    method: str
    path: str


def rows() -> Iterator[Asked]:
    for row in INTERACTIONS:
        if row.public:
            continue
        if row.code != "operation":
            face = "AuditEvent " if row.path.startswith("/AuditEvent") else ""
            face = "Binary " if row.path.startswith("/Binary") else face
            face = "plain " if row.is_plain else face
            face = "upload " if row.path.startswith("/v1/attachments") else face
            yield Asked(f"{face}{row.code}", row.method, row.path)
            continue
        for operation in OPERATIONS:
            level = "instance" if "{id}" in row.path else "type"
            if level in operation.levels and row.method in operation.methods:
                path = row.path.replace("{operation}", operation.name)
                yield Asked(operation.name, row.method, path)


ROWS = list(dict.fromkeys(rows()))


def test_every_row_has_a_decision() -> None:
    assert {row.name for row in ROWS} == DECISIONS.keys()
    rest = {row.code for row in INTERACTIONS if not row.public} - SCOPE_LETTERS.keys()
    assert rest == {"operation", "batch", "transaction"}


def caller(role: str, tenant: str = "north", scope: str | None = None) -> ApiClient:
    claims = {"tenant": tenant} | ({} if scope is None else {"scope": scope})
    person = {"patient": care.HOMER, "related-person": MARGE}.get(role, care.ALICE)
    if role == "related-person":
        claims["patient"] = "homer-simpson"
    return ApiClient(role=role, fhir_user=person, claims=claims)


@pytest.fixture(scope="module")
def snapshot() -> list[Database]:
    return []


@pytest.fixture(scope="module")
def kept_objects() -> MemoryS3:
    return MemoryS3()


@pytest.fixture
def restore(
    practice: Practice,
    snapshot: list[Database],
    kept_objects: MemoryS3,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[], None]:
    """Return a function that restores the stored items."""
    monkeypatch.setattr(s3, "client", cache(lambda: kept_objects))
    practice.configure(TENANT_CLAIM="tenant", SESSION_POLICY="explicit")
    if not snapshot:
        fill()
        database = dynamodb.client()
        assert isinstance(database, Database)
        snapshot.append(database)
    stored = snapshot[0]

    def again() -> None:
        copied = Database()
        copied.copy_items(stored)
        client = cache(lambda: copied)
        monkeypatch.setattr(dynamodb, "client", client)
        monkeypatch.setattr(transactions, "client", client)

    again()
    return again


def fill() -> None:
    """Store Homer's resources in the tenant north, and the same of Bart, an unrelated patient."""
    clinic = caller("practitioner")
    for whose, patient in ((OWN, care.HOMER), (OTHER, BART)):
        person = care.reference(patient)
        clinic.put(f"/Encounter/{whose}", care.session(id=whose, subject=person))
        charted = care.example("Observation", id=whose, subject=person)
        clinic.put(f"/Observation/{whose}", charted)
        link = [{"other": person, "type": "refer"}]
        clinic.put(f"/Patient/{whose}", care.example("Patient", id=whose, link=link))
        people: dict[str, Any] = {"subject": person, "sender": person}
        header = care.header(id=whose, **people, recipient=[care.reference(care.ALICE)])
        clinic.put(f"/Communication/{whose}", header)
        own = [{"system": "urn:async-encounters:channel:sms", "value": f"+1555123{len(whose):04}"}]
        texts = {"id": f"{whose}-texts", "identifier": own}
        assert clinic.put(f"/Communication/{whose}-texts", header | texts).status == 201
        to_them = {**people, "sender": care.reference(care.ALICE), "recipient": [person]}
        clinic.put(f"/Communication/{whose}-to", care.message(whose, **to_them, id=f"{whose}-to"))
        for role, sender in (("patient", patient), ("related-person", MARGE)):
            sent: dict[str, Any] = people | {
                "sender": care.reference(sender if whose == OWN else patient)
            }
            own_id = f"{whose}-{role}"
            clinic.put(f"/Communication/{own_id}", care.message(whose, **sent, id=own_id))
        for role in ("practitioner", "patient", "related-person"):
            sender = caller(role).fhir_user if whose == OWN else "Practitioner/doctor-nick"
            own_id = draft_of(whose, role)
            not_sent: dict[str, Any] = {
                "subject": person,
                "status": "preparation",
                "sender": care.reference(sender),
            }
            draft = care.message(whose, **not_sent, id=own_id)
            assert clinic.put(f"/Communication/{own_id}", draft).status == 201
            # An administrator who is the same user as the maker may choose an id.
            maker = f"user-{role}" if whose == OWN else "user-nick"
            admin = ApiClient("admin", claims={"tenant": "north", "sub": maker})
            assert send_file(admin, "PUT", f"/Binary/{own_id}", b"Later").status == 201
        context = f"Communication/{whose}"
        file = send_file(caller("admin"), "PUT", f"/Binary/{whose}", b"It itches", context)
        assert file.status == 201


def draft_of(whose: str, role: str) -> str:
    """Return the id of the draft that a role deletes; administrators delete a practitioner's."""
    return f"{whose}-draft-{role if role in CARED_FOR else 'practitioner'}"


def call(asked: Asked, who: ApiClient, whose: str) -> str:
    """Request the caller's own or another's resource, and return the result."""
    answer, reached = ASK[asked.name](asked, who, whose)
    if answer.status == 403:
        return REFUSED
    assert answer.status < 500, answer.text
    return DONE if reached else ABSENT


type Came = tuple[Answer, bool]


def url(asked: Asked, kind: str, own_id: str) -> str:
    path = asked.path.replace("{type}", kind).replace("{id}", own_id).replace("{vid}", "1")
    return path if "{id}" in asked.path else f"{path}?_id={own_id}"


def read(asked: Asked, who: ApiClient, whose: str) -> Came:
    answers = [who.call(asked.method, url(asked, kind, whose)) for kind in KINDS]
    assert len({answer.status for answer in answers}) == 1
    return answers[0], answers[0].status == 200


def search(asked: Asked, who: ApiClient, whose: str) -> Came:
    came = []
    for kind in KINDS:
        path = asked.path.replace("{type}", kind)
        answer = who.call(asked.method, f"{path}?_id={whose}")
        if asked.method == "HEAD" and answer.status == 200:
            answer = who.get(f"/{kind}?_id={whose}")
        came.append((answer, answer.status == 200 and answer.ids == [whose]))
    assert len({(answer.status, reached) for answer, reached in came}) == 1
    return came[0]


def create(asked: Asked, who: ApiClient, whose: str) -> Came:
    sender = care.reference(who.fhir_user)
    answer = who.call(asked.method, "/Communication", care.message(whose, sender=sender))
    return answer, answer.status == 201


def update(asked: Asked, who: ApiClient, whose: str) -> Came:
    body = care.session(id=whose, length={"value": 1})
    answer = who.call(asked.method, url(asked, "Encounter", whose), body)
    return answer, answer.status == 200


def patch(asked: Asked, who: ApiClient, whose: str) -> Came:
    read_it = [{"op": "replace", "path": "/status", "value": "completed"}]
    answer = who.patch(url(asked, "Communication", f"{whose}-to"), read_it)
    return answer, answer.status == 200


def delete(asked: Asked, who: ApiClient, whose: str) -> Came:
    own_id = draft_of(whose, who.role)
    answer = who.delete(url(asked, "Communication", own_id))
    return answer, caller("admin").get(f"/Communication/{own_id}").status == 410


def operation(asked: Asked, who: ApiClient, whose: str) -> Came:
    names: dict[str, tuple[str, str]] = {
        "$open-session": ("thread", f"Communication/{whose}"),
        "$add-patient": ("patient", "Patient/lisa-simpson"),
        "$match-sender": ("person", "Patient/lisa-simpson"),
    }
    body: Any = None
    if asked.name in names:
        name, value = names[asked.name]
        part = {"name": name, "valueReference": care.reference(value)}
        body = {"resourceType": "Parameters", "parameter": [part]}
    kind, own_id = "Encounter", whose
    if asked.name == "$match-sender":
        kind, own_id = "Communication", f"{whose}-texts"
    path = asked.path.replace("{type}", kind).replace("{id}", own_id)
    answer = who.call(asked.method, path, body)
    return answer, answer.status in (200, 201)


def validate(asked: Asked, who: ApiClient, whose: str) -> Came:
    """Validate; without an id, nothing stored is read."""
    on_instance = asked.path.replace("{type}/$", "{type}/{id}/$")
    path = on_instance.replace("{type}", "Encounter").replace("{id}", whose)
    body = None if "{id}" in asked.path else care.session()
    asking = path if "{id}" in asked.path else "/Encounter/$validate"
    answer = who.call(asked.method, asking, body)
    if "{id}" not in asked.path and answer.status == 200:
        answer = who.get(path)
    return answer, answer.status == 200


def bundle(asked: Asked, who: ApiClient, whose: str) -> Came:
    entry = {"request": {"method": "GET", "url": f"Encounter/{whose}"}}
    body = {"resourceType": "Bundle", "type": asked.name, "entry": [entry]}
    answer = who.call(asked.method, asked.path, body)
    if answer.status != 200:
        return answer, False
    status = int(answer.body["entry"][0]["response"]["status"][:3])
    return Answer(status, {}, ""), status == 200


def audit_read(asked: Asked, who: ApiClient, _whose: str) -> Came:
    stored = [item for item in scan(patterns.AUDIT) if item["sk"]["S"] == "event"]
    event_id = str(stored[0]["pk"]["S"].partition("#")[2])
    answer = who.call(asked.method, f"/AuditEvent/{event_id}")
    return answer, answer.status == 200


def audit_search(asked: Asked, who: ApiClient, _whose: str) -> Came:
    answer = who.call(asked.method, asked.path)
    return answer, answer.status == 200 and who.claims["tenant"] == "north"


def plain(asked: Asked, who: ApiClient, whose: str) -> Came:
    """Make the same request through the plain-JSON API."""
    code = asked.name.removeprefix("plain ")
    collection, own_id, body = {
        "create": ("messages", "", {"threadId": whose, "senderId": who.fhir_user}),
        "read": ("encounters", whose, None),
        "search-type": ("messages", "", None),
        "update": ("encounters", whose, {"status": "in-progress", "class": "VR"}),
        "patch": ("messages", f"{whose}-to", {"status": "completed"}),
        "delete": ("messages", draft_of(whose, who.role), None),
    }[code]
    path = asked.path.replace("{collection}", collection).replace("{id}", own_id)
    query = f"?threadId={whose}" if code == "search-type" else ""
    answer = who.call(asked.method, f"{ORIGIN}{path}{query}", body, content_type="application/json")
    if code == "delete":
        gone = caller("admin").get(f"/Communication/{own_id}").status == 410
        return answer, gone
    reached = answer.status == (201 if code == "create" else 200)
    return answer, reached and bool(answer.body["data"])


def send_file(who: ApiClient, method: str, path: str, content: bytes, context: str = "") -> Answer:
    headers = {"x_security_context": context} if context else {}
    return who.call(method, path, content, content_type="text/plain", **headers)


def file_create(asked: Asked, who: ApiClient, whose: str) -> Came:
    answer = send_file(who, asked.method, asked.path, b"It itches", f"Communication/{whose}")
    return answer, answer.status == 201


def upload(asked: Asked, who: ApiClient, whose: str) -> Came:
    """Begin an upload, or complete one that has been sent to S3."""
    wanted = {"contentType": "text/plain", "size": 2, "sha256": "0" * 64, "threadId": whose}
    begun = who.call("POST", f"{ORIGIN}/v1/attachments", wanted, content_type="application/json")
    if "{id}" not in asked.path:
        return begun, begun.status == 200
    objects = s3.client()
    own_id = "absent"
    if begun.status == 200:
        own_id = begun.body["data"]["id"]
        signed = {name: objects.presigned[name] for name in ("ContentType", "Metadata", "Key")}
        objects.put_object(Body=b"Hm", **signed)
    answer = who.call("POST", f"{ORIGIN}/v1/attachments/{own_id}")
    return answer, answer.status == 201


def file_read(asked: Asked, who: ApiClient, whose: str) -> Came:
    answer = who.call(asked.method, url(asked, "Binary", whose))
    return answer, answer.status == 200


def file_update(asked: Asked, who: ApiClient, whose: str) -> Came:
    answer = send_file(who, asked.method, url(asked, "Binary", whose), b"It burns")
    return answer, answer.status == 200


def file_delete(asked: Asked, who: ApiClient, whose: str) -> Came:
    own_id = draft_of(whose, who.role)
    answer = who.delete(url(asked, "Binary", own_id))
    return answer, caller("admin").get(f"/Binary/{own_id}").status == 410


ASK: dict[str, Callable[[Asked, ApiClient, str], Came]] = {
    "create": create,
    "read": read,
    "vread": read,
    "history-instance": read,
    "search-type": search,
    "update": update,
    "patch": patch,
    "delete": delete,
    "$open-session": operation,
    "$add-patient": operation,
    "$close-session": operation,
    "$match-sender": operation,
    "$closing": operation,
    "$everything": operation,
    "$validate": validate,
    "batch": bundle,
    "transaction": bundle,
    "Binary create": file_create,
    "upload create": upload,
    **dict.fromkeys(("Binary read", "Binary vread", "Binary history-instance"), file_read),
    "Binary update": file_update,
    "Binary delete": file_delete,
    "AuditEvent read": audit_read,
    "AuditEvent search-type": audit_search,
    **{f"plain {code}": plain for code in _PLAIN},
}


def expected(name: str, role: str, scope: str, whose: str, tenant: str) -> str:
    decision = DECISIONS[name]
    if role not in decision.everywhere | decision.own:
        return REFUSED
    if scope == "without":
        return decision.without
    if tenant == "south" or (whose == OTHER and role in decision.own):
        return ABSENT
    return DONE


@pytest.mark.parametrize("asked", ROWS, ids=lambda row: f"{row.method} {row.path} {row.name}")
def test_every_caller_may_do_exactly_what_the_table_decides(
    asked: Asked, restore: Callable[[], None]
) -> None:
    letters = DECISIONS[asked.name].letters
    scopes = {
        "none": None,
        "with": "user/*.cruds",
        "without": "user/*." + "".join(letter for letter in "cruds" if letter not in letters),
    }
    for role, scope, whose, tenant in product(ROLES, scopes, (OWN, OTHER), ("north", "south")):
        came = call(asked, caller(role, tenant, scopes[scope]), whose)
        assert came == expected(asked.name, role, scope, whose, tenant), (
            role,
            scope,
            whose,
            tenant,
        )
        restore()


@pytest.mark.parametrize("kind", [*DIRECTORY_TYPES, *RECORD_TYPES])
def test_only_the_clinic_writes_the_directory_and_records(
    kind: str, restore: Callable[[], None]
) -> None:
    restore()
    about = {"RelatedPerson": {"patient": care.reference(care.HOMER)}}.get(kind, {})
    body = care.example(kind, **about)
    patch = [{"op": "add", "path": "/language", "value": "en"}]
    for role in sorted(READERS | CARED_FOR):
        own_id, who = caller("admin").post(f"/{kind}", body).id, caller(role)
        path = f"/{kind}/{own_id}"
        seen = who.get(path).status == 200
        answers = [
            who.post(f"/{kind}", body),
            who.put(path, body | {"id": own_id}),
            who.patch(path, patch),
            who.delete(path),
        ]
        if role in CLINIC:
            deleted = 204 if role == "admin" else 403
            assert [answer.status for answer in answers] == [201, 200, 200, deleted]
            continue
        unseen = [403, 403, 404, 204]
        assert [answer.status for answer in answers] == ([403] * 4 if seen else unseen), role
        if role in CARED_FOR:
            assert "write threads and messages" in answers[0].text
        assert caller("admin").get(path).version == "1"


@pytest.mark.parametrize("role", ["patient", "related-person"])
def test_people_who_write_to_a_patient_are_visible_to_all(
    role: str, restore: Callable[[], None]
) -> None:
    restore()
    for kind in DIRECTORY_TYPES:
        caller("admin").put(
            f"/{kind}/anybody", care.example(kind, id="anybody", **NOBODYS.get(kind, {}))
        )
        seen = kind in {"Practitioner", "PractitionerRole", "Organization", "Location"}
        for scope, is_granted in (
            (None, True),
            ("patient/*.rs", True),
            (f"user/{kind}.rs", True),
            ("patient/Observation.rs", False),
        ):
            who = caller(role, scope=scope)
            who = replace(who, claims={**who.claims, "patient": "homer-simpson"})
            status = 403 if not is_granted else 200 if seen else 404
            assert who.get(f"/{kind}/anybody").status == status
            answer = who.get(f"/{kind}?_id=anybody")
            assert answer.status == (200 if is_granted else 403)
            assert not is_granted or answer.ids == (["anybody"] if seen else [])
        assert caller(role, "south").get(f"/{kind}/anybody").status == 404


# Examples that are about none of the callers.
NOBODYS: dict[str, dict[str, Any]] = {
    "Group": {"member": [{"entity": care.reference(BART)}]},
    "CareTeam": {"subject": care.reference(BART)},
    "Appointment": {"participant": [{"actor": care.reference(BART), "status": "accepted"}]},
}


def test_a_patient_scope_never_allows_writing_a_resource_without_patient(
    restore: Callable[[], None],
) -> None:
    restore()
    claims = {"tenant": "north", "scope": "patient/*.cruds", "patient": "homer-simpson"}
    clinic = ApiClient(claims=claims)
    assert clinic.get("/Practitioner").status == 200
    refused = clinic.post("/Practitioner", care.example("Practitioner"))
    refusals.check(refused, 403, "forbidden", "Practitioner")
    created = clinic.post("/Observation", care.example("Observation"))
    assert created.status == 201
    assert clinic.get("/Observation?_summary=count").body["total"] == 2
    assert clinic.administrator.delete(f"/Observation/{created.id}").status == 204
    others = care.example("Observation", subject=care.reference(BART))
    refusals.check(clinic.post("/Observation", others), 403, "forbidden", "Observation")
