"""Chains and `_has` between Encounters and Communications."""

import pytest

from tests.support import care, refusals, steps
from tests.support.api_client import ApiClient


@pytest.fixture
def threads(clinic: ApiClient) -> dict[str, str]:
    """Create a session with a thread of two messages, a closed thread and an empty one."""
    session = steps.open_session(clinic)
    header, (first, second) = steps.thread(clinic, "2026-11-20T09:00:00Z", "2026-11-20T09:05:00Z")
    assert steps.link(clinic, header, session) == 200
    closed, (late,) = steps.thread(clinic, "2026-11-20T10:00:00Z", status="completed")
    (empty, _) = steps.thread(clinic, subject=care.reference("Patient/bart"))
    visit = clinic.post("/Encounter", care.visit(partOf=care.reference(f"Encounter/{session}"))).id
    return {
        "session": session,
        "header": header,
        "first": first,
        "second": second,
        "closed": closed,
        "late": late,
        "empty": empty,
        "visit": visit,
    }


FOUND = {
    "Communication?sent=lt2026-12-01&part-of:Communication.status=in-progress": "first second",
    "Communication?part-of:Communication.status=completed": "late",
    "Communication?part-of.status=completed": "late",
    "Communication?part-of.subject=Patient/homer-simpson&_sort=-sent": "late second first",
    "Communication?part-of:Communication.subject=Patient/bart": "",
    "Communication?encounter:Encounter.class=VR": "header",
    "Communication?encounter.class=VR&part-of:missing=true": "header",
    "Communication?encounter.class:not=VR": "",
    "Communication?part-of.encounter.class=VR": "first second",
    "Communication?part-of.encounter.status=finished": "",
    "Communication?part-of.encounter.status=in-progress&_sort=-sent": "second first",
    "Encounter?part-of.class=VR": "visit",
    "Encounter?part-of:Encounter.part-of:missing=true": "visit",
    "Communication?_has:Communication:part-of:_id:not=null": "header closed",
    "Communication?part-of:missing=true&identifier:not=x&_has:Communication:part-of:_id:not=null"
    "&_offset=0&_count=20&_total=accurate": "header closed",
    "Communication?_has:Communication:part-of:sent=ge2026-11-20T09:30:00Z": "closed",
    f"Encounter?_has:Communication:encounter:sender={care.HOMER}": "session",
    f"Encounter?_has:Communication:encounter:sender={care.ALICE}": "",
    "Encounter?_has:Communication:encounter:_has:Communication:part-of:sent=lt2027": "session",
    "Encounter?_has:Encounter:part-of:class=AMB": "session",
    "Encounter?_has:Encounter:part-of:class=AMB&_has:Communication:encounter:status=completed": "",
    "Communication?encounter._has:Encounter:part-of:class=AMB": "header",
    "Communication?_has:Communication:part-of:part-of.status=in-progress": "header",
}


def test_chains_and_has_select_by_the_content_of_other_resources(
    clinic: ApiClient, threads: dict[str, str]
) -> None:
    name = {key: value for value, key in threads.items()}
    for query, wanted in FOUND.items():
        answer = clinic.get(f"/{query}")
        assert answer.status == 200, answer.text
        found = [name[own_id] for own_id in answer.ids]
        ordered = found if "_sort" in query else sorted(found)
        assert ordered == (wanted.split() if "_sort" in query else sorted(wanted.split())), query
    counted = clinic.get(f"/{next(name for name in FOUND if '_total' in name)}")
    assert counted.body["total"] == 2


@pytest.mark.parametrize(
    ("query", "right"),
    [
        ("Communication?part-of:Communication.nonsense=1", "status"),
        ("Communication?part-of.status:above=1", ":missing"),
        ("Communication?instantiates-canonical.name=homer", "encounter, part-of"),
        ("Communication?subject:Device.type=pump", "Patient"),
        ("Communication?encounter:Communication.status=completed", "Encounter"),
        ("Communication?status.code=1", "encounter"),
        ("Communication?part-of.session=Encounter/1", "cannot be searched"),
        ("Communication?encounter.date=yesterday", "2025-03"),
        ("Communication?encounter.=1", "no search parameter"),
        ("Communication?.class=1", "encounter"),
        (
            "Communication?_has:Communication:part-of=1",
            "_has:Type:reference-parameter:search-parameter",
        ),
        ("Communication?_has=1", "_has:Type:reference-parameter:search-parameter"),
        ("Communication?_has:Device:patient:type=1", "Encounter, Communication"),
        ("Communication?_has:Communication:encounter:status=completed", "part-of"),
        ("Communication?_has:Communication:part-of:nonsense=1", "status"),
        ("Communication?" + "part-of." * 6 + "status=completed", "at most 5"),
    ],
)
def test_an_impossible_join_is_refused_with_a_valid_alternative(
    clinic: ApiClient, query: str, right: str
) -> None:
    answer = clinic.get(f"/{query}")
    refusals.check(answer, 400, "invalid", query.partition("?")[2].partition("=")[0])
    assert right in answer.text
