"""Resources that a caller does not see change none of their answers."""

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from shared.store import dynamodb, transactions
from tests.support import care
from tests.support.api_client import Answer, ApiClient
from tests.support.memory_database import Database
from tests.support.plain_client import V1
from tests.support.practice import Practice

BART = "Patient/bart-simpson"
RASH = {"coding": [{"system": "https://codes.example.org", "code": "rash"}]}
COUGH = {"coding": [{"system": "https://codes.example.org", "code": "cough"}]}
NUMBER = {"system": "https://clinic.example", "value": "7"}
RANDOM = re.compile(r"urn:uuid:[0-9a-f-]{36}|[0-9A-HJKMNP-TV-Z]{26}|Wy[\w-]{20,}")
HOMER = ApiClient(role="patient", fhir_user=care.HOMER)
MARGE = ApiClient(
    role="related-person",
    fhir_user="RelatedPerson/marge-simpson",
    claims={"patient": "homer-simpson"},
)
CONTEXT = ApiClient(claims={"scope": "patient/*.cruds", "patient": "homer-simpson"})
CALLERS = {
    "a patient": HOMER,
    "a related person": MARGE,
    "a patient's context": CONTEXT,
    "a constraint": ApiClient(
        claims={
            "scope": "user/Communication.cruds?category=https://codes.example.org|rash "
            "user/Encounter.cruds?patient=Patient/homer-simpson"
        }
    ),
}


def store_changed_sessions(clinic: ApiClient, patient: str, **more: Any) -> None:
    """Store sessions to which Homer was added later, to one of them by mistake."""
    for own_id in ("changed", "erred"):
        body = care.session(id=own_id, subject=care.reference(patient), **more)
        assert clinic.put(f"/Encounter/{own_id}", body).status == 201
    added = care.parameters(("patient", care.HOMER))
    assert clinic.post("/Encounter/changed/$add-patient", added).status == 200
    part = care.medical_encounter("erred", care.HOMER, id="part")
    assert clinic.put("/Encounter/part", part).status == 201
    assert clinic.put("/Encounter/erred", care.session(id="erred", subject=None)).status == 200
    wrong = part | {"status": "entered-in-error"}
    assert clinic.put("/Encounter/part", wrong).status == 200
    before = care.reference("Encounter/changed/_history/1")
    known = chart_resource("Observation", care.HOMER, id="before", encounter=before)
    assert clinic.put("/Observation/before", known).status == 201


def store_own(clinic: ApiClient) -> None:
    made = [
        ("Encounter", care.session(id="own")),
        ("Encounter", care.session(id="over", status="finished")),
        ("Communication", care.header(id="t", category=[RASH])),
        ("Communication", care.message("t", "2026-03-01T10:00:00Z", id="m", category=[RASH])),
    ]
    made += [(kind, chart_resource(kind, care.HOMER, id=f"own-{kind}")) for kind in CHARTS]
    for kind, body in made:
        assert clinic.put(f"/{kind}/{body['id']}", body).status == 201


def chart_resource(kind: str, patient: str, **more: Any) -> dict[str, Any]:
    """Return a resource of the directory or a chart about a patient."""
    element = {"Group": "member", "Patient": "link", "RelatedPerson": "patient"}.get(
        kind, "subject"
    )
    named: Any = care.reference(patient)
    if kind == "Group":
        named = [{"entity": named}]
    elif kind == "Patient":
        named = [{"other": named, "type": "refer"}]
    return care.example(kind, **{element: named}, **more)


def alone(clinic: ApiClient) -> None:
    store_changed_sessions(clinic, "Patient/nobody")
    store_own(clinic)


def among_others(clinic: ApiClient) -> None:
    mood: Any = [{"url": "https://e.example/mood", "valueString": "Ashamed"}]
    reason: Any = [{"text": "Truancy"}]
    store_changed_sessions(clinic, BART, identifier=[NUMBER], reasonCode=reason, extension=mood)
    store_own(clinic)
    store_others(clinic)


def store_others(clinic: ApiClient) -> None:
    of_bart: dict[str, Any] = {
        "subject": care.reference(BART),
        "sender": care.reference(BART),
        "recipient": [care.reference(care.ALICE)],
        "category": [COUGH],
        "identifier": [NUMBER],
    }
    linked = {"encounter": care.reference("Encounter/own")}
    bart: dict[str, Any] = {"subject": care.reference(BART), "identifier": [NUMBER]}
    made = [
        ("Encounter", care.session(id="x", **bart)),
        ("Encounter", care.session(id="x2", **bart)),
        ("Encounter", care.medical_encounter("own", BART, id="xc", identifier=[NUMBER])),
        ("Communication", care.header(id="x", **of_bart)),
        (
            "Communication",
            care.header(id="x2", **of_bart, **linked),
        ),
        ("Communication", care.message("x", "2026-03-01T09:00:00Z", id="xm") | of_bart),
        ("Communication", care.message("x2", "2026-03-01T11:00:00Z", id="xm2") | of_bart),
        ("Communication", care.header(id="gone", **of_bart)),
    ]
    number: dict[str, Any] = {"identifier": [NUMBER]}
    made += [(kind, chart_resource(kind, BART, id="x", **number)) for kind in CHARTS]
    during = {"encounter": care.reference("Encounter/own")}
    made += [
        ("Observation", chart_resource("Observation", BART, id="x2", **during)),
        # About the caller's patient, but in nobody's compartment.
        ("Task", care.example("Task", id="x", **{"for": care.reference(care.HOMER)}, **during)),
        # An earlier version was about Homer.
        ("Condition", chart_resource("Condition", care.HOMER, id="xm", **number)),
    ]
    for kind, body in made:
        answer = clinic.put(f"/{kind}/{body['id']}", body)
        assert answer.status == 201, answer.text
    moved = chart_resource("Condition", BART, id="xm", **number)
    assert clinic.put("/Condition/xm", moved).status == 200
    assert clinic.administrator.delete("/Communication/gone").status == 204


QUERIES = [
    "Encounter?_total=accurate",
    "Encounter?_summary=count",
    "Encounter?_count=1&_sort=-date",
    "Encounter?identifier=https://clinic.example|7",
    "Encounter?_id=x,own",
    "Encounter?part-of=Encounter/own",
    "Encounter?_has:Communication:encounter:status=in-progress",
    "Encounter?_has:Communication:encounter:sender=Patient/bart-simpson",
    "Encounter?_revinclude=Encounter:part-of&_revinclude=Communication:encounter",
    "Encounter?_revinclude:iterate=Communication:part-of&_revinclude=Communication:encounter",
    "Communication?_total=accurate",
    "Communication?_count=1&_sort=sent",
    "Communication?part-of:missing=true",
    "Communication?part-of=Communication/x",
    "Communication?session=Encounter/own",
    "Communication?session=Encounter/x",
    "Communication?encounter:Encounter.patient=Patient/bart-simpson",
    "Communication?encounter=Encounter/own",
    "Communication?part-of:Communication.sender=Patient/bart-simpson",
    "Communication?sender=Patient/bart-simpson",
    "Communication?_include=Communication:part-of&_include:iterate=Communication:encounter",
    "Communication?identifier=https://clinic.example|7&_elements=id",
    "Communication?_summary=count&category=cough",
    "Patient?_id=x,own-Patient&_revinclude=Observation:subject",
    "Patient?link=Patient/bart-simpson",
    "RelatedPerson?patient=Patient/bart-simpson&_total=accurate",
    "RelatedPerson?patient:Patient.link=Patient/bart-simpson",
    "Group?member=Patient/bart-simpson",
    "Observation?_id=before&_include=Observation:encounter",
    "Observation?encounter:Encounter.reason-code=truancy",
    "Encounter?reason-code=truancy&_total=accurate",
    "Encounter?_has:Observation:encounter:_id=before",
    "Observation?subject=Patient/bart-simpson",
    "Observation?encounter=Encounter/own&_total=accurate",
    "Observation?identifier=https://clinic.example|7",
    "Condition?_total=accurate&_revinclude=Encounter:diagnosis",
    "Condition?_id=xm,own-Condition",
    "Task?patient=Patient/homer-simpson&_total=accurate",
    "Encounter?_has:Observation:encounter:subject=Patient/bart-simpson",
    "Encounter?_revinclude=Observation:encounter&_revinclude=Task:encounter",
    "Practitioner?_revinclude=Communication:recipient&_revinclude=Encounter:practitioner",
    "Practitioner?_has:Communication:recipient:subject=Patient/bart-simpson",
]


PATCH: Any = {"content_type": "application/json-patch+json"}
PATCHES: list[list[dict[str, Any]]] = [
    [{"op": "test", "path": "/status", "value": "in-progress"}],
    [{"op": "test", "path": "/status", "value": "no"}],
    [{"op": "remove", "path": "/nothing"}],
]
UNSEEN = [
    *(f"Encounter/{own_id}" for own_id in ("x", "xc", "erred")),
    *(f"Communication/{own_id}" for own_id in ("x", "xm", "gone")),
    *(f"{kind}/x" for kind in ("Observation", "Patient", "RelatedPerson", "Group", "Task")),
    "Condition/xm",
]
# One for each way to be in a compartment.
CHARTS = ("Patient", "RelatedPerson", "Group", "Observation", "Condition")
LOOKS = ("", "/_history", "/_history/1", "/_history/2", "/$validate", "?_summary=true")
BY_NUMBER = "identifier=https://clinic.example|7"


class Asking:
    """Makes every request that could reveal whether something exists."""

    def __init__(self, caller: ApiClient) -> None:
        self.caller = caller

    def said(self, method: str, url: str, body: Any = None, **more: Any) -> tuple[str, Answer]:
        return f"{method} {url} {body} {more}", self.caller.call(method, url, body, **more)

    def looks(self) -> Iterator[tuple[str, Answer]]:
        for query in QUERIES:
            yield self.said("GET", f"/{query}")
        for path in (*UNSEEN, "Encounter/changed", "Encounter/part"):
            for more in LOOKS:
                yield self.said("GET", f"/{path}{more}")
            yield self.said("GET", f"/{path}", if_none_match="1")
        for count in (1, 2, 100):
            url = f"/Encounter/own/$everything?_count={count}"
            while url:
                asked, answer = self.said("GET", url)
                yield asked, answer
                links = (answer.body or {}).get("link", ())
                url = next((link["url"] for link in links if link["relation"] == "next"), "")

    def writes(self) -> Iterator[tuple[str, Answer]]:
        for path in UNSEEN:
            for operations in PATCHES:
                yield self.said("PATCH", f"/{path}", operations, **PATCH)
                yield self.said("PATCH", f"/{path}", operations, **PATCH, if_match="1")
            kind, _, own_id = path.partition("/")
            body = (BODIES.get(kind) or care.example(kind)) | {"id": own_id}
            yield self.said("PUT", f"/{path}", body)
            yield self.said("PUT", f"/{path}", body, if_match="1")
            yield self.said("POST", f"/{path}/$validate?mode=update", body)
            yield self.said("POST", f"/{path}/$validate?mode=delete")
        yield self.said("POST", "/Encounter", care.medical_encounter("x", care.HOMER))
        for thread in ("x", "xm", "gone", f"?{BY_NUMBER}"):
            part = [care.reference(f"Communication/{thread}".replace("/?", "?"))]
            for own in (care.message("t", partOf=part), care.header(inResponseTo=part)):
                yield self.said("POST", "/Communication", own | {"category": [RASH]})
        linked = {"encounter": care.reference("Encounter/x")}
        yield self.said("POST", "/Communication", BODIES["Communication"] | linked)

    def operations(self) -> Iterator[tuple[str, Answer]]:
        homer = ("patient", care.HOMER)
        yield self.said("POST", "/Encounter/x/$close-session")
        yield self.said("POST", "/Encounter/x/$everything")
        yield self.said("POST", "/Encounter/x/$add-patient", care.parameters(homer))
        for thread in ("x", "xm", "gone"):
            body = care.parameters(homer, ("thread", f"Communication/{thread}"))
            yield self.said("POST", "/Encounter/$open-session", body)
        for person in ("RelatedPerson/x", "Group/x"):
            body = care.parameters(("patient", person))
            yield self.said("POST", "/Encounter/$open-session", body)

    def conditions(self) -> Iterator[tuple[str, Answer]]:
        for query in (BY_NUMBER, "_id=x"):
            for kind, body in BODIES.items():
                yield self.said("PATCH", f"/{kind}?{query}", [], **PATCH)
                yield self.said("DELETE", f"/{kind}?{query}")
                yield self.said("PUT", f"/{kind}?{query}", body | {"id": "x"})
                yield self.said("POST", f"/{kind}", body, if_none_exist=query)
                yield self.said("PUT", f"/{kind}?{query}&status=planned", body)
            for kind in ("Observation", "Patient"):
                yield self.said("PATCH", f"/{kind}?{query}", [], **PATCH)
                yield self.said("DELETE", f"/{kind}?{query}")
                yield self.said("POST", f"/{kind}", care.example(kind), if_none_exist=query)
            linked = {"encounter": care.reference(f"Encounter?{query}")}
            body = BODIES["Communication"] | linked
            yield self.said("POST", "/Communication/$validate?mode=create", body)

    def bundles(self) -> Iterator[tuple[str, Answer]]:
        header, message = BODIES["Communication"], care.message("x", category=[RASH])
        entries = [
            ({"method": "GET", "url": "Encounter/x"}, {}),
            ({"method": "DELETE", "url": "Communication/x"}, {}),
            ({"method": "PUT", "url": "Encounter/x"}, BODIES["Encounter"] | {"id": "x"}),
            ({"method": "POST", "url": "Communication", "ifNoneExist": BY_NUMBER}, header),
            ({"method": "POST", "url": "Communication"}, message),
            ({"method": "GET", "url": "Observation/x"}, {}),
            ({"method": "DELETE", "url": "Condition/xm"}, {}),
        ]
        for kind in ("batch", "transaction"):
            for request, resource in entries:
                entry = {"request": request} | ({"resource": resource} if resource else {})
                bundle = {"resourceType": "Bundle", "type": kind, "entry": [entry]}
                yield self.said("POST", "/", bundle)

    def plainly(self) -> Iterator[tuple[str, Answer]]:
        """Make requests through the plain-JSON API."""
        json: Any = {"content_type": "application/json"}
        bodies: list[dict[str, Any]] = [
            {"status": "in-progress"},
            {"status": "no"},
            {"class": "VR"},
        ]
        for path in UNSEEN:
            kind, _, own_id = path.partition("/")
            collections = ("encounters",) if kind == "Encounter" else ("threads", "messages")
            for own in (f"{V1}/{collection}/{own_id}" for collection in collections):
                yield self.said("GET", own)
                yield self.said("GET", own, if_none_match="1")
                for body in bodies:
                    yield self.said("PATCH", own, body, **json)
                    yield self.said("PUT", own, body, **json, if_match="1")
                    yield self.said("PUT", own, {"threadId": "x"} | body, **json)
        for query in (
            "encounters",
            "encounters?sort=-date&count=1",
            "encounters?partOfId=own",
            "threads?encounterId=own",
            "threads?senderId=Patient/bart-simpson",
            "messages",
            "messages?threadId=x",
            "messages?encounterId=x",
            "messages?encounterId=own&count=1",
        ):
            yield self.said("GET", f"{V1}/{query}")
        for thread in ("x", "xm", "gone"):
            yield self.said("POST", f"{V1}/messages", {"threadId": thread}, **json)
        yield self.said("POST", f"{V1}/threads", {"encounterId": "x"}, **json)
        for collection, own_id in (("encounters", "xc"), ("threads", "xm"), ("messages", "x")):
            yield self.said("DELETE", f"{V1}/{collection}/{own_id}", **json)

    def deletes(self) -> Iterator[tuple[str, Answer]]:
        for path in UNSEEN:
            yield self.said("DELETE", f"/{path}")
            yield self.said("DELETE", f"/{path}", if_match="*")


BODIES: dict[str, dict[str, Any]] = {
    "Encounter": care.session(),
    "Communication": care.header(category=[RASH]),
}


def questions(caller: ApiClient) -> Iterator[tuple[str, Answer]]:
    asking = Asking(caller)
    yield from asking.looks()
    yield from asking.writes()
    yield from asking.operations()
    yield from asking.conditions()
    yield from asking.bundles()
    yield from asking.plainly()
    yield from asking.deletes()


def deterministic(asked: str, answer: Answer) -> tuple[str, int, str, dict[str, str]]:
    """Return an answer without random parts; a cursor depends on the order of new ids."""
    headers = {name: RANDOM.sub("*", text) for name, text in answer.headers.items()}
    return RANDOM.sub("*", asked), answer.status, RANDOM.sub("*", answer.text), headers


@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
def test_invisible_resources_do_not_change_any_answer(
    clinic: ApiClient, practice: Practice, caller: ApiClient
) -> None:
    told, begun = [], practice.now
    for fill in (alone, among_others):
        practice.now = begun
        practice.monkeypatch.setattr(dynamodb, "client", cache(Database))
        practice.monkeypatch.setattr(transactions, "client", dynamodb.client)
        fill(clinic)
        # Ids made at the same moment have no defined order.
        practice.now += timedelta(minutes=1)
        told.append([deterministic(*question) for question in questions(caller)])
    first, second = told
    assert len(first) == len(second) > 150
    for one, other in zip(first, second, strict=True):
        assert one == other


HIDDEN = ["Encounter/x", "Encounter/x2", "Encounter/xc", "Encounter/erred"]
HIDDEN += ["Communication/x", "Communication/xm", "Communication/gone"]
HIDDEN += ["Observation/x", "Condition/xm", "Patient/x", "Group/x", "Task/x"]


@pytest.mark.parametrize("caller", [HOMER, MARGE, CONTEXT], ids=["patient", "relative", "context"])
@pytest.mark.usefixtures("practice")
@pytest.mark.parametrize("hidden", HIDDEN)
def test_hidden_resources_cost_as_many_reads_as_missing_ones(
    clinic: ApiClient, hidden: str, caller: ApiClient
) -> None:
    among_others(clinic)
    kind = hidden.partition("/")[0]
    body = (BODIES.get(kind) or care.example(kind)) | {"id": hidden.partition("/")[2]}
    database: Any = dynamodb.client()

    def cost(path: str, method: str, more: str = "") -> tuple[int, int]:
        sent = [] if method == "PATCH" else body | {"id": path.partition("/")[2]}
        asked: Any = {"body": sent, **(PATCH if method == "PATCH" else {})}
        before = database.made
        answer = caller.call(method, f"/{path}{more}", **({} if method == "GET" else asked))
        return answer.status, database.made - before

    for method, more in (
        ("GET", ""),
        ("GET", "/_history"),
        ("GET", "/_history/1"),
        ("PATCH", ""),
        ("PUT", ""),
    ):
        assert cost(hidden, method, more) == cost(f"{kind}/none", method, more)
