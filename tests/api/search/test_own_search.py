"""Searches of patients and related persons reveal nothing but their own resources."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Any

import pytest

from shared.catalog import access_patterns as patterns
from shared.catalog.compartments import ITSELF, MEMBERS, SEEN_BY_ALL, Member
from shared.catalog.parameters import SEARCH_PARAMS, SearchParam
from shared.catalog.types import SESSION_TYPES, STORED_TYPES
from shared.fhir.instants import Range
from shared.fhir.search_values import Quantity, Reference, Token, values
from shared.store import dynamodb
from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.consistency import scan
from tests.support.memory_database import Database

BART, LISA, MARGE = "Patient/bart", "Patient/lisa", "RelatedPerson/marge"
HOMER = ApiClient(role="patient", fhir_user=care.HOMER)
MARGES = ApiClient(role="related-person", fhir_user=MARGE, claims={"patient": "homer-simpson"})
pytestmark = pytest.mark.usefixtures("practice")
CALLERS = (HOMER, MARGES)
CLINICIAN = ApiClient()
ADMIN = ApiClient(role="admin")
CODE = {"coding": [{"system": "https://codes.example.org", "code": "rash", "display": "Rash"}]}
Resource = dict[str, Any]


def people(subject: str, sender: str, *recipients: str) -> Resource:
    named = [care.reference(recipient) for recipient in recipients]
    return {
        "subject": care.reference(subject),
        "sender": care.reference(sender),
        "recipient": named,
    }


def put(clinic: ApiClient, resource: Resource, own_id: str) -> str:
    kind = resource["resourceType"]
    body = {"status": "in-progress", **resource, "id": own_id}
    body |= {"identifier": [{"system": "https://ids.example.org", "value": own_id[-1]}]}
    answer = clinic.put(f"/{kind}/{own_id}", body)
    assert answer.status == 201, answer.text
    return f"{kind}/{own_id}"


def thread(clinic: ApiClient, name: str, who: Resource, **more: Any) -> None:
    """Create a thread with messages, one of them read and one a draft of the clinician's."""
    put(clinic, care.header(**who, category=[CODE], sent="2026-11-01", **more), name)
    for number, status in enumerate(("in-progress", "completed", "preparation")):
        said = who | {"sender": care.reference(care.ALICE)}
        sent = f"2026-11-0{number + 1}T10:{len(name):02}:00Z"
        put(clinic, care.message(name, sent, status=status, **said), f"{name}-{number}")


def store_homers(clinic: ApiClient) -> None:
    thread(clinic, "to-homer", people(care.HOMER, care.ALICE, care.HOMER))
    thread(clinic, "with-homer", people(BART, care.ALICE, care.HOMER, BART), status="completed")
    homers = care.message("to-homer", "2026-11-05T10:00:00Z", status="preparation")
    put(clinic, homers, "homers-draft")
    put(clinic, care.header(**people(care.HOMER, care.HOMER), status="preparation"), "homers-plan")
    for day in (1, 2, 3):
        period = {"start": f"2026-10-0{day}T10:00:00Z", "end": f"2026-10-0{day}T11:00:00Z"}
        visit = care.visit(period=period, type=[CODE], reasonCode=[CODE])
        put(clinic, visit | {"status": "finished"}, f"homers-visit-{day}")
    family(clinic, "family", "2026-10-02T10:30:00Z")
    put(clinic, care.medical_encounter("family", care.HOMER), "homers-part")
    link = care.link("family")
    assert clinic.patch("/Communication/to-homer", link).status == 200
    store_charts(clinic, {"Patient": care.HOMER, "RelatedPerson": MARGE}, "own", "homers-part")
    for kind in sorted(SEEN_BY_ALL):
        own_id = care.ALICE[13:] if kind == "Practitioner" else "own"
        made = care.example(kind, id=own_id)
        assert clinic.put(f"/{kind}/{own_id}", made).status == 201


def family(clinic: ApiClient, name: str, start: str) -> None:
    session = {**care.session(period={"start": start}), "participant": []}
    del session["subject"]
    put(clinic, session, name)


def named_by(row: Member, person: str, bystander: str) -> Resource:
    """Return a resource that names a person in one element and is otherwise about somebody else."""
    made = care.example(row.type)
    if row.element == ITSELF:
        return made | {"id": person.partition("/")[2]}
    made |= {name: care.reference(bystander) for name in ("subject", "patient") if name in made}
    first, *rest = row.element.split(".")
    value: Any = care.reference(person)
    for name in reversed(rest):
        value = {name: value}
    if row.type in ("Appointment", "Patient"):
        value |= {"status": "accepted"} if row.type == "Appointment" else {"type": "seealso"}
    is_single = first in made and not isinstance(made[first], list)
    lists = row.type in LISTS.get(first, ())
    return made | {first: value if is_single or not lists else [value]}


# Compartment elements that repeat, and the level that repeats.
LISTS = {
    "link": ("Patient",),
    "member": ("Group",),
    "participant": ("CareTeam", "Appointment"),
    "performer": ("Observation", "Procedure", "ServiceRequest", "ChargeItem"),
    "author": ("DocumentReference",),
}


def store_charts(clinic: ApiClient, people: dict[str, str], prefix: str, during: str) -> None:
    """Store a resource for each person and each element that adds it to their compartment."""
    for number, row in enumerate(MEMBERS):
        # Who makes a Subscription is its owner: see tests/api/subscriptions.
        if row.type in SESSION_TYPES or row.type == "Subscription":
            continue
        body = named_by(row, people[row.owner], "Patient/bystander")
        if row.element == ITSELF and row.type == "RelatedPerson":
            body |= {"patient": care.reference(people["Patient"])}
        if row.type == "Observation":
            body |= {"encounter": care.reference(f"Encounter/{during}")}
        body = {"id": f"{prefix}-{number}"} | body
        answer = clinic.put(f"/{row.type}/{body['id']}", body)
        assert answer.status == 201, answer.text


def store_others(clinic: ApiClient) -> None:
    """Store the same for others, with values and dates before, between and after Homer's."""
    for prefix in ("a", "z"):
        others = {"Patient": f"Patient/{prefix}-bart", "RelatedPerson": f"RelatedPerson/{prefix}"}
        store_charts(clinic, others, prefix, "family")
        task = care.example("Task", id=f"{prefix}-task", **{"for": care.reference(care.HOMER)})
        task |= {"encounter": care.reference("Encounter/family"), "owner": care.reference(MARGE)}
        assert clinic.put(f"/Task/{prefix}-task", task).status == 201
    thread(clinic, "a-to-bart", people(BART, care.ALICE, BART, care.ALICE))
    thread(clinic, "z-to-bart", people(BART, care.ALICE, BART), status="completed")
    # An unsent message in a thread of Homer's, and threads that are not open yet.
    for number in range(3):
        draft = care.message("to-homer", f"2026-11-02T1{number}:00:00Z", status="preparation")
        put(clinic, draft | {"sender": care.reference(care.ALICE)}, f"b-draft-{number}")
        planned = care.header(status="preparation", sender=care.reference(care.ALICE))
        put(clinic, planned, f"plan-{number}")
    for day in range(1, 6):
        period = {"start": f"2026-10-0{day}T09:00:00Z", "end": f"2026-10-0{day}T12:00:00Z"}
        visit = care.visit(period=period, type=[CODE], subject=care.reference(BART))
        put(clinic, visit | {"status": "finished"}, f"barts-visit-{day}")
    family(clinic, "z-other-family", "2026-10-02T10:45:00Z")
    put(clinic, care.medical_encounter("z-other-family", BART), "barts-own-part")
    put(clinic, care.medical_encounter("family", BART), "barts-part")
    assert clinic.patch("/Communication/a-to-bart", care.link("family")).status == 200


def store_a_colleagues(clinic: ApiClient) -> None:
    """Store drafts before, between and after the sent messages, and threads not open yet."""
    bob = {"status": "preparation", "sender": care.reference("Practitioner/bob")}
    for number, hour in enumerate(("00:00", "10:05", "23:00")):
        about = people(care.HOMER, "Practitioner/bob", care.ALICE, care.HOMER) | bob
        sent = f"2026-11-0{number + 1}T{hour}:00Z"
        put(clinic, care.message("a-to-bart", sent, **about), f"c-draft-{number}")
        plan = care.header(**about, sent=sent, category=[CODE], **linked_to("family"))
        put(clinic, plan, f"{'amz'[number]}-plan")


def linked_to(encounter_id: str) -> Resource:
    return {"encounter": care.reference(f"Encounter/{encounter_id}")}


def text(value: Any) -> str:
    match value:
        case Token():
            return f"{value.system}|{value.code}" if value.system else value.code
        case Reference():
            return value.text
        case Quantity():
            return str(value.value)
        case Range():
            return ""
    return str(value)


MORE = (
    "Encounter?date=ge2026-10-02&date=lt2026-10-03&_sort=-date&_count=1",
    "Communication?session=Encounter/family&_sort=sent",
    "Communication?session=Encounter/z-other-family",
    "Communication?part-of=Communication/to-homer&_sort=-sent&_count=2",
    "Communication?part-of=Communication/a-to-bart",
    "Communication?part-of:missing=true&_sort=-_lastUpdated",
    f"Communication?recipient={care.HOMER}&part-of:missing=false&_sort=-sent",
    "Communication?part-of:missing=true&status:not=completed,entered-in-error,stopped,unknown",
    "Communication?part-of:missing=true&_revinclude=Communication:part-of",
    "Encounter?_id=family,z-other-family&_revinclude=Communication:encounter",
    "Communication?_include=Communication:encounter&_include=Communication:part-of",
    "Communication?part-of:Communication.category=rash&_sort=sent&_count=2",
    f"Communication?part-of:Communication.recipient={care.ALICE}",
    f"Encounter?_has:Encounter:part-of:patient={BART}",
    f"Encounter?_has:Communication:encounter:recipient={BART}&_total=accurate",
    "Communication?_has:Communication:part-of:status=preparation&_count=1",
    f"Communication?encounter:Encounter._has:Encounter:part-of:subject={BART}",
    "Encounter?_revinclude=Encounter:part-of&_include=Encounter:part-of",
    "Communication?_id=to-homer,a-to-bart,b-draft-1,homers-draft,nowhere",
    "Practitioner?_revinclude=Communication:sender&_revinclude=Encounter:practitioner",
    "Practitioner?_revinclude=Observation:performer&_revinclude=CareTeam:participant",
    f"Practitioner?_has:Communication:sender:recipient={BART}",
    f"Practitioner?_has:Encounter:practitioner:patient={care.HOMER}",
    "Practitioner?_has:CareTeam:participant:patient=Patient/z-bart",
    "Patient?_revinclude=Observation:subject&_revinclude=Task:patient&_count=1",
    "Patient?_revinclude=RelatedPerson:patient&_revinclude=Group:member&_include=Patient:link",
    f"Patient?_has:Task:subject:owner={MARGE}",
    "Patient?_has:Observation:performer:status=final&_total=accurate",
    "RelatedPerson?_revinclude=Patient:link&_revinclude=Communication:sender",
    "RelatedPerson?_include=RelatedPerson:patient&_count=5",
    "RelatedPerson?patient:Patient.name=simpson",
    "Encounter?_revinclude=Observation:encounter&_revinclude=Task:encounter",
    "Encounter?_has:Observation:encounter:performer=Patient/a-bart",
    "Observation?encounter=Encounter/family",
    "Observation?encounter=Encounter/homers-part&_include=Observation:performer&_count=5",
    "Observation?subject:Patient.name=simpson&_count=1",
    "Group?_include=Group:member&_count=1",
    "Task?patient=homer-simpson",
    "Patient?_id=homer-simpson,own-7,a-bart,a-8,nowhere&_sort=name",
)


def queries(resources: list[Resource]) -> Iterator[str]:
    """Yield a query for every parameter and stored value, and for every way to page."""
    asked: dict[str, None] = {}
    for kind in STORED_TYPES:
        asked |= dict.fromkeys([kind, f"{kind}?_count=2", f"{kind}?_total=accurate&_count=1"])
        asked |= dict.fromkeys([f"{kind}?_summary=count", f"{kind}?_offset=1&_count=2"])
        for param in SEARCH_PARAMS.of(kind).values():
            if param.expression:
                sorts = (f"{kind}?_sort={sign}{param.code}&_count=3" for sign in ("", "-"))
                asked |= dict.fromkeys([*sorts, f"{kind}?{param.code}:missing=true"])
            asked |= dict.fromkeys(of_param(kind, param, resources))
    yield from (*asked, *MORE)


def of_param(kind: str, param: SearchParam, resources: list[Resource]) -> Iterator[str]:
    found = (
        text(value)
        for resource in resources
        if resource["resourceType"] == kind
        for value in values(resource, param, UTC)
    )
    for value in sorted({match for match in found if match}):
        yield f"{kind}?{param.code}={value}&_total=accurate"
        if param.type == "token" and param.code != "_id":
            yield f"{kind}?{param.code}:not={value}"


def pages(caller: ApiClient, query: str) -> Iterator[str]:
    url: str | None = f"/{query}"
    while url:
        answer = caller.get(url)
        yield f"{answer.status} {answer.text}"
        links = answer.body.get("link", ())
        url = next((link["url"] for link in links if link["relation"] == "next"), None)


def everything(clinic: ApiClient) -> list[Resource]:
    return [
        match for kind in STORED_TYPES for match in clinic.get(f"/{kind}?_count=1000").resources
    ]


class Kept(Database):
    """A snapshot of the database that can be read repeatedly."""

    @contextmanager
    def with_hooks(self, call: str) -> Iterator[None]:
        """Count from zero, as the database limits the number of calls."""
        self.made = 0
        with super().with_hooks(call):
            yield


@pytest.fixture(scope="module")
def kept() -> dict[str, Kept]:
    """Hold snapshots with Homer's resources alone and with those of others; `worlds` fills them."""
    return {}


def snapshot() -> Kept:
    memory = Kept()
    for table in (patterns.ENCOUNTER, patterns.THREAD, patterns.RESOURCE, patterns.SEARCH):
        for item in scan(table):
            memory.put_item(TableName=dynamodb.table_name(table), Item=item)
    return memory


@pytest.fixture
def worlds(clinic: ApiClient, kept: dict[str, Kept]) -> dict[str, Kept]:
    """Return the snapshots, made once."""
    if not kept:
        store_homers(clinic)
        kept["own"] = snapshot()
        store_others(clinic)
        kept["all"] = snapshot()
        store_a_colleagues(clinic)
        kept["drafts"] = snapshot()
    return kept


@pytest.fixture
def turn_to(worlds: dict[str, Kept]) -> Iterator[Callable[[str], None]]:
    with pytest.MonkeyPatch.context() as patched:

        def turn(to: str) -> None:
            patched.setattr(dynamodb, "client", lambda: worlds[to])

        yield turn


@pytest.mark.parametrize("caller", CALLERS)
def test_other_peoples_resources_do_not_change_any_answer(
    turn_to: Callable[[str], None], caller: ApiClient
) -> None:
    """Every answer is byte for byte the same as without the resources of others."""
    turn_to("drafts")
    asked = list(queries(everything(ADMIN)))
    answers = {query: list(pages(caller, query)) for query in asked}
    turn_to("own")
    for query in asked:
        assert list(pages(caller, query)) == answers[query], query


def test_drafts_of_others_do_not_change_any_answer(turn_to: Callable[[str], None]) -> None:
    """Not even for callers who see everything else."""
    turn_to("drafts")
    asked = [
        query
        for query in queries(everything(ADMIN))
        if query.startswith(SESSION_TYPES) or query in MORE
    ]
    answers = {query: list(pages(CLINICIAN, query)) for query in asked}
    turn_to("all")
    for query in asked:
        assert list(pages(CLINICIAN, query)) == answers[query], query


@pytest.mark.parametrize("caller", [*CALLERS, CLINICIAN])
def test_searches_find_exactly_what_can_be_read(
    turn_to: Callable[[str], None], caller: ApiClient
) -> None:
    turn_to("drafts")
    stored = everything(ADMIN)
    paths = {resource["id"]: f"/{resource['resourceType']}/{resource['id']}" for resource in stored}
    seen = {own_id for own_id, path in paths.items() if caller.get(path).status == 200}
    assert 0 < len(seen) < len(stored)
    for query in queries(stored):
        if any(name in query for name in ("_count", "_revinclude", "_has:")):
            continue
        url = f"/{query}{'&' if '?' in query else '?'}_count=1000"
        whole, own = ADMIN.get(url), caller.get(url)
        assert own.status == whole.status == 200, query
        found = [own_id for own_id in whole.ids if own_id in seen]
        assert sorted(own.ids) == sorted(found), query
        # All of them were updated at the same instant.
        if "_sort" in query and "_lastUpdated" not in query:
            assert own.ids == found, query
        if "_total" in query:
            assert own.body["total"] == len(found)


def test_an_invisible_session_cannot_be_searched_by(turn_to: Callable[[str], None]) -> None:
    turn_to("all")
    assert HOMER.get("/Communication?session=Encounter/family").ids
    assert not HOMER.get("/Communication?session=Encounter/z-other-family").ids


def test_the_cost_of_a_patients_page_depends_on_their_own_partitions_only(
    turn_to: Callable[[str], None], worlds: dict[str, Kept]
) -> None:
    units = {}
    for world in ("own", "all"):
        turn_to(world)
        worlds[world].clear()
        HOMER.get("/Encounter?_sort=-date")
        HOMER.get("/Communication?part-of:missing=true")
        HOMER.get("/Communication?part-of=Communication/to-homer&_sort=sent")
        units[world] = worlds[world].units
    assert units["own"] == units["all"]


def test_references_to_people_are_searched_in_the_callers_own_partitions(
    turn_to: Callable[[str], None], worlds: dict[str, Kept]
) -> None:
    """Everybody refers to a practitioner: neither rows nor limits reveal how often."""
    rows = {}
    for world in ("own", "all"):
        turn_to(world)
        worlds[world].clear()
        for query in (
            "Practitioner?_revinclude=Observation:performer&_count=1",
            "Practitioner?_has:CareTeam:participant:status=active",
            "Patient?_revinclude=Task:subject&_revinclude=Observation:subject",
        ):
            assert HOMER.get(f"/{query}").status == 200
        rows[world] = worlds[world].rows
    assert rows["own"] == rows["all"]


@pytest.mark.parametrize("caller", CALLERS)
def test_a_search_by_author_finds_all_resources_of_the_callers_own(
    turn_to: Callable[[str], None], caller: ApiClient
) -> None:
    turn_to("drafts")
    included: set[str] = set()
    for rule in ("Communication:sender", "Encounter:practitioner", "CareTeam:participant"):
        query = f"/Practitioner?_id={care.ALICE[13:]}&_revinclude={rule}"
        whole, own = ADMIN.get(query), caller.get(query)
        names = [f"{match['resourceType']}/{match['id']}" for match in whole.resources]
        seen = {name for name in names if caller.get(f"/{name}").status == 200}
        found = [f"{match['resourceType']}/{match['id']}" for match in own.resources]
        assert sorted(found) == sorted(seen)
        assert len(seen) < len(names)
        included |= seen
    assert {resource.partition("/")[0] for resource in included} > {"Communication", "Encounter"}
