"""A mother of two children: her rights follow her links, and end with them."""

from typing import Any

import pytest

from tests.support import care, refusals
from tests.support.api_client import ApiClient
from tests.support.bundles import bundle, entry
from tests.support.family import (
    ALICE,
    BART,
    LISA,
    MAGGIE,
    MILHOUSE,
    OF_BART,
    OF_LISA,
    Resource,
    as_mother,
    ended_period,
    link_records,
    open_session_for,
    participant_roles,
    session_patients,
    store,
    store_relative,
)
from tests.support.plain_client import PlainClient
from tests.support.practice import Practice

pytestmark = pytest.mark.usefixtures("practice")


def observation(patient: str, **more: Any) -> Resource:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "Temperature"},
        "subject": care.reference(patient),
        **more,
    }


def visible_charts(caller: ApiClient) -> set[str]:
    """Return whose charts a caller sees, by reading, searching and beginning threads."""
    everybody = (BART, LISA, MAGGIE, MILHOUSE)
    read = {person for person in everybody if caller.get(f"/{person}").status == 200}
    found = {f"Patient/{own_id}" for own_id in caller.get("/Patient").ids} & {*everybody}
    assert read == found
    for person in everybody:
        thread = care.header(
            subject=care.reference(person),
            sender=care.reference(caller.fhir_user),
            recipient=[ALICE],
        )
        assert caller.post("/Communication", thread).status == (201 if person in read else 403)
        opened = caller.post("/Encounter/$open-session", care.parameters(("patient", person)))
        assert opened.status == (201 if person in read else 403), opened.text
    return read


@pytest.mark.parametrize("person", [OF_BART, OF_LISA])
def test_a_mother_sees_the_charts_of_both_children(family: ApiClient, person: str) -> None:
    assert visible_charts(as_mother(person)) == {BART, LISA}
    for patient in (BART, LISA, MILHOUSE):
        family.post("/Observation", observation(patient))
    matches = as_mother(person).get("/Observation").resources
    assert {match["subject"]["reference"] for match in matches} == {BART, LISA}


def test_without_a_link_of_her_own_record_she_is_the_relative_of_one(family: ApiClient) -> None:
    for link in ({}, {"kind": "refer"}, {"active": False}):
        link_records(family, OF_BART, OF_LISA, **link) if link else link_records(family, OF_BART)
        assert visible_charts(as_mother()) == {BART}
    link_records(family, OF_BART, OF_LISA)
    assert visible_charts(as_mother()) == {BART, LISA}
    family.administrator.delete("/Patient/marge-simpson")
    assert visible_charts(as_mother()) == {BART}
    # The records of her child's other relatives do not concern her.
    store_relative(family, "RelatedPerson/homer", LISA)
    links = [
        {"other": care.reference("RelatedPerson/homer"), "type": "seealso"},
        {"other": care.reference(OF_LISA), "type": "seealso"},
    ]
    store(family, "Patient/homer-simpson", link=links)
    assert visible_charts(as_mother()) == {BART}


ENDS: dict[str, Resource] = {
    "over": ended_period("2026-03-01"),
    "not begun": {"period": {"start": "2026-03-03"}},
    "of another": {"patient": care.reference(MAGGIE)},
}


@pytest.mark.parametrize("change", ENDS.values(), ids=ENDS)
def test_the_end_of_a_link_ends_access_from_the_next_request_on(
    family: ApiClient, change: Resource
) -> None:
    record = family.post("/Observation", observation(BART)).id
    mother = as_mother()
    assert mother.get(f"/Observation/{record}").status == 200
    store(family, OF_BART, **{"patient": care.reference(BART), **change})
    moved = {MAGGIE} if "patient" in change else set()
    assert visible_charts(mother) == {LISA} | moved
    for path in (f"Observation/{record}", f"Observation/{record}/_history", BART):
        assert mother.get(f"/{path}").status == 404
    assert mother.get("/Observation").ids == []


def test_an_inactive_record_gives_no_access(family: ApiClient) -> None:
    store_relative(family, OF_BART, BART, active=False)
    assert visible_charts(as_mother()) == set()
    assert visible_charts(as_mother(OF_LISA)) == {LISA}
    store_relative(family, OF_BART, BART, active=True)
    assert visible_charts(as_mother()) == {BART, LISA}
    family.administrator.delete(f"/{OF_BART}")
    assert visible_charts(as_mother()) == set()
    assert visible_charts(as_mother(patient="bart-simpson")) == set()


def test_a_link_ends_with_its_period(family: ApiClient, practice: Practice) -> None:
    store_relative(family, OF_BART, BART, period={"start": "2026-03-01", "end": "2026-03-05"})
    assert visible_charts(as_mother()) == {BART, LISA}
    practice.advance_to("2026-03-05 23:59")
    assert visible_charts(as_mother()) == {BART, LISA}
    practice.advance_to("2026-03-06 01:00")
    assert visible_charts(as_mother()) == {LISA}


def test_resources_that_name_her_stay_visible_after_the_link_has_ended(family: ApiClient) -> None:
    mother = as_mother()
    about_bart: Resource = {"subject": care.reference(BART), "sender": care.reference(OF_BART)}
    hers = mother.post("/Communication", care.header(**about_bart, recipient=[ALICE])).id
    message_id = mother.post("/Communication", care.message(hers, **about_bart)).id
    with_her: Resource = {"subject": care.reference(BART), "sender": ALICE}
    to_bart = family.post(
        "/Communication", care.header(**with_her, recipient=[care.reference(BART)])
    ).id
    assert sorted(mother.get("/Communication?part-of:missing=true").ids) == sorted([to_bart, hers])
    store_relative(family, OF_BART, BART, **ended_period("2026-03-01"))
    assert mother.get("/Communication?part-of:missing=true").ids == [hers]
    assert mother.get(f"/Communication/{message_id}").status == 200
    assert mother.get(f"/Communication/{to_bart}").status == 404
    begun = mother.post("/Communication", care.header(**about_bart, recipient=[ALICE]))
    refusals.check(begun, 403, "forbidden", "Communication.subject")


def test_the_plain_api_follows_links_too(family: ApiClient) -> None:
    for patient in (BART, LISA, MILHOUSE):
        family.post("/Observation", observation(patient))
    mother = PlainClient(as_mother())

    def whose() -> set[str]:
        return {f"Patient/{item['patientId']}" for item in mother.get("/observations").body["data"]}

    assert whose() == {BART, LISA}
    store_relative(family, OF_BART, BART, **ended_period("2026-03-01"))
    assert whose() == {LISA}
    made = {"status": "final", "code": {"text": "Temperature"}, "patientId": LISA[8:]}
    assert mother.post("/observations", made).status == 403


def test_only_versions_of_a_record_about_their_patients_are_visible(
    family: ApiClient,
) -> None:
    made = {
        person: family.post("/Observation", observation(person)).id for person in (BART, MILHOUSE)
    }
    for one, other in ((BART, MILHOUSE), (MILHOUSE, BART)):
        moved = observation(other, id=made[one])
        assert family.put(f"/Observation/{made[one]}", moved).version == "2"
    bart = ApiClient(role="patient", fhir_user=BART)
    for caller in (as_mother(), bart):
        was, now = (f"/Observation/{made[person]}" for person in (BART, MILHOUSE))
        for path in (was, f"{was}/_history", f"{was}/_history/1", f"{now}/_history/1"):
            assert caller.get(path).status == 404
        history = caller.get(f"{now}/_history").body
        assert [entry["resource"]["meta"]["versionId"] for entry in history["entry"]] == ["2"]
        assert history["total"] == 1
    family.administrator.delete(f"/Observation/{made[MILHOUSE]}")
    assert bart.get(now).status == 410
    store_relative(family, OF_BART, BART, **ended_period("2026-03-01"))
    assert as_mother().get(now).status == 404


@pytest.mark.usefixtures("family")
def test_a_caller_who_reads_by_another_role_writes_only_where_linked() -> None:
    both = ApiClient(role="related-person auditor", fhir_user=OF_BART)
    assert both.get(f"/{MILHOUSE}").status == 200
    thread = care.header(sender=care.reference(OF_LISA), recipient=[ALICE])
    for patient, status in ((LISA, 201), (MILHOUSE, 403)):
        about = thread | {"subject": care.reference(patient)}
        assert both.post("/Communication", about).status == status


def test_a_patients_scopes_are_for_one_chart_of_one_type(family: ApiClient) -> None:
    for patient in (BART, LISA):
        family.post("/Observation", observation(patient))
        family.post("/Condition", care.example("Condition", subject=care.reference(patient)))
    claims = {"scope": "patient/Observation.rs", "patient": "bart-simpson"}
    for caller in (ApiClient(claims=claims), as_mother(**claims)):
        (only,) = caller.get("/Observation").resources
        assert only["subject"] == care.reference(BART)
        assert caller.get(f"/Observation?subject={LISA}").ids == []
        refusals.check(caller.get("/Condition"), 403, "forbidden")
        refusals.check(caller.get("/Practitioner"), 403, "forbidden")


# Hostile tokens, and tokens of people who are not in the directory.


def test_a_claim_counts_if_the_directory_has_never_had_the_person(family: ApiClient) -> None:
    stranger = "RelatedPerson/kirk"
    assert visible_charts(as_mother(stranger, patient="milhouse-van-houten")) == {MILHOUSE}
    assert visible_charts(as_mother(stranger)) == set()
    store_relative(family, stranger, MILHOUSE)
    assert visible_charts(as_mother(stranger)) == {MILHOUSE}
    family.administrator.delete(f"/{stranger}")
    assert visible_charts(as_mother(stranger, patient="milhouse-van-houten")) == set()


@pytest.mark.parametrize("claim", ["milhouse-van-houten", MILHOUSE, "bart-simpson", "a/b", "x y"])
def test_a_claim_adds_nothing_to_links(family: ApiClient, claim: str) -> None:
    assert visible_charts(as_mother(patient=claim)) == {BART, LISA}
    scoped = as_mother(patient=claim, scope="patient/*.cruds")
    seen = {f"Patient/{own_id}" for own_id in scoped.get("/Patient").ids}
    assert seen == ({BART} if claim == "bart-simpson" else set())
    assert family.get(f"/{MILHOUSE}").status == 200


@pytest.mark.parametrize(
    "person", ["", BART, care.ALICE, "RelatedPerson", "RelatedPerson/", "Group/1", "urn:x"]
)
def test_a_caller_without_an_identity_is_refused(family: ApiClient, person: str) -> None:
    caller = ApiClient(role="related-person", fhir_user=person, claims={"patient": "bart-simpson"})
    for url in ("/Patient", f"/{BART}", "/Observation", "/Practitioner"):
        refusals.check(caller.get(url), 403, "forbidden")
    assert family.get("/Patient").status == 200


def test_a_claim_does_not_make_a_patient_a_relative(family: ApiClient) -> None:
    claims = {"patient": "bart-simpson"}
    for role in ("patient", "patient related-person"):
        caller = ApiClient(role=role, fhir_user=MILHOUSE, claims=claims)
        assert visible_charts(caller) == {MILHOUSE}
    assert family.get(f"/{BART}").status == 200


@pytest.mark.parametrize("role", ["related-person", "related-person auditor"])
def test_in_a_transaction_another_role_neither_adds_to_links_nor_takes_from_them(
    family: ApiClient, role: str
) -> None:
    store_relative(family, OF_BART, BART, **ended_period("2026-03-01"))
    caller = ApiClient(role=role, fhir_user=OF_BART, claims={"patient": "bart-simpson"})
    for patient, status in ((BART, 403), (LISA, 200)):
        about: Resource = {"subject": care.reference(patient), "sender": care.reference(OF_BART)}
        thread = care.header(**about, recipient=[ALICE])
        sent = bundle("transaction", entry("POST", "Communication", thread))
        assert caller.post("/", sent).status == status


def test_an_absolute_name_of_this_server_is_the_same(family: ApiClient) -> None:
    base = family.get("/Patient").body["link"][0]["url"].partition("/Patient")[0]
    mother = ApiClient(role="related-person", fhir_user=f"{base}/{OF_BART}")
    assert {f"Patient/{own_id}" for own_id in mother.get("/Patient").ids} >= {BART, LISA}
    other = ApiClient(role="related-person", fhir_user=f"https://elsewhere.example/{OF_BART}")
    assert other.get("/Patient").ids == []


def test_two_tenants_have_families_of_their_own(family: ApiClient, practice: Practice) -> None:
    practice.configure(TENANT_CLAIM="tenant")
    assert family.get("/Patient").status == 403
    clinic = ApiClient(claims={"tenant": "south"})
    store(clinic, MILHOUSE)
    store_relative(clinic, OF_BART, MILHOUSE)
    assert as_mother(tenant="south").get("/Patient").ids == [MILHOUSE.partition("/")[2]]
    assert as_mother(tenant="north").get("/Patient").ids == []


# Sessions of families.


@pytest.mark.parametrize("person", [OF_BART, OF_LISA])
def test_a_related_person_stands_for_her_patients_and_takes_part(
    family: ApiClient, person: str
) -> None:
    for caller in (family, as_mother(person)):
        session = open_session_for(caller, person)
        assert session_patients(family, session) == {BART, LISA}
        assert participant_roles(session) == {person: "PART"}
    both = open_session_for(family, person, MAGGIE, practitioner=care.ALICE)
    assert session_patients(family, both) == {BART, LISA, MAGGIE}
    assert participant_roles(both) == {care.ALICE: "ATND", person: "PART"}


def test_people_in_the_threads_become_participants_beside_her(family: ApiClient) -> None:
    sender = care.reference(OF_LISA)
    about: Resource = {"subject": care.reference(LISA), "sender": sender, "recipient": [ALICE]}
    thread = as_mother().post("/Communication", care.header(**about)).id
    session = open_session_for(as_mother(), OF_BART, thread=f"Communication/{thread}")
    assert session_patients(family, session) == {BART, LISA}
    assert participant_roles(session) == {OF_LISA: "PART", care.ALICE: "ATND", OF_BART: "PART"}


def test_a_related_person_of_one_patient_opens_a_session_of_one(family: ApiClient) -> None:
    store_relative(family, OF_BART, BART, **ended_period("2026-03-01"))
    session = open_session_for(family, OF_BART)
    assert session_patients(family, session) == {LISA}
    assert session.body["subject"] == care.reference(LISA)


def test_a_related_person_without_patients_is_refused(family: ApiClient) -> None:
    for person in ("RelatedPerson/nobody", "Group/nobody"):
        refusals.check(open_session_for(family, person), 422, "business-rule", "patient")
    store_relative(family, OF_BART, BART, active=False)
    refusals.check(open_session_for(family, OF_BART), 422, "business-rule", "patient")
    store_relative(family, OF_LISA, LISA, **ended_period("2026-03-01"))
    refusals.check(open_session_for(family, OF_LISA), 422, "business-rule", "patient")
    family.administrator.delete(f"/{OF_LISA}")
    refusals.check(open_session_for(family, OF_LISA), 422, "business-rule", "patient")


def test_a_related_person_cannot_name_other_patients(family: ApiClient) -> None:
    store_relative(family, "RelatedPerson/homer", BART)
    refusals.check(
        open_session_for(as_mother(), "RelatedPerson/homer"), 403, "forbidden", "patient"
    )
    bart = ApiClient(role="patient", fhir_user=BART)
    refusals.check(open_session_for(bart, OF_BART), 403, "forbidden", "patient")
    refusals.check(open_session_for(as_mother(), MAGGIE), 403, "forbidden", "patient")
    refusals.check(open_session_for(as_mother(), OF_BART, MAGGIE), 403, "forbidden", "patient")
    # The refusal reveals nothing about people she does not see.
    store_relative(family, "RelatedPerson/kirk", MILHOUSE)
    unseen, absent = (
        open_session_for(as_mother(), f"RelatedPerson/{own_id}") for own_id in ("kirk", "none")
    )
    refusals.check(unseen, 422, "business-rule", "patient")
    assert unseen.text.replace("kirk", "none") == absent.text


def group(clinic: ApiClient, *members: Resource, own_id: str = "simpsons", **more: Any) -> str:
    content: Resource = {"type": "person", "actual": True, "member": list(members)} | more
    store(
        clinic, f"Group/{own_id}", **{name: value for name, value in content.items() if value != []}
    )
    return f"Group/{own_id}"


def member(entity: str, **more: Any) -> Resource:
    return {"entity": care.reference(entity), **more}


def test_a_group_stands_for_its_active_members(family: ApiClient) -> None:
    named = group(
        family,
        member(BART),
        member(LISA, inactive=False, period={"start": "2020"}),
        member(LISA),
        member(MAGGIE, inactive=True),
        member(MILHOUSE, period={"end": "2026-03-01"}),
        member(care.ALICE),
        type="person",
    )
    assert session_patients(family, open_session_for(family, named)) == {BART, LISA}
    assert session_patients(family, open_session_for(family, named, MAGGIE, BART)) == {
        BART,
        LISA,
        MAGGIE,
    }
    # Her own patients are members, and give her access to the Group.
    assert session_patients(family, open_session_for(as_mother(), named)) == {BART, LISA}


WRONG: dict[str, Resource] = {
    "not active": {"active": False},
    "empty": {"member": []},
    "a description": {"actual": False, "member": []},
    "of others": {"member": [member(care.ALICE)]},
    "over": {"member": [member(BART, inactive=True)]},
    "of groups": {"member": [member(BART), member("Group/others")]},
    "of strangers": {"member": [member(BART), member("https://elsewhere.example/Patient/1")]},
    "of identifiers": {"member": [{"entity": {"identifier": {"value": "1"}}}]},
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
def test_a_group_that_stands_for_nobody_is_refused(family: ApiClient, content: Resource) -> None:
    named = group(family, member(BART), **content)
    answer = open_session_for(family, named)
    refusals.check(answer, 422, "business-rule", "patient")
    assert named in answer.text


def test_a_related_person_cannot_use_a_group_with_other_patients(family: ApiClient) -> None:
    named = group(family, member(BART), member(MILHOUSE))
    refusals.check(open_session_for(as_mother(), named), 403, "forbidden", "patient")
    unseen = group(family, member(MILHOUSE), own_id="van-houtens")
    refusals.check(open_session_for(as_mother(), unseen), 422, "business-rule", "patient")


def test_a_large_group_is_refused_whole(family: ApiClient) -> None:
    """A Group of a hundred would not be found by its members, so it is not stored."""
    for number in (11, 38):
        named = group(family, *(member(f"Patient/{index}") for index in range(number)))
        refusals.check(open_session_for(family, named), 422, "business-rule", "patient")
    assert family.get("/Encounter").ids == []
    hundred = [member(f"Patient/{number}") for number in range(100)]
    crowd = {"resourceType": "Group", "type": "person", "actual": True, "member": hundred}
    refusals.check(family.post("/Group", crowd), 422, "business-rule", "Group.member.entity")
    several = [
        group(
            family,
            *(member(f"Patient/{index}-{number}") for index in range(38)),
            own_id=f"g{number}",
        )
        for number in range(5)
    ]
    refusals.check(open_session_for(family, *several), 422, "business-rule", "patient")
    ten = group(family, *(member(f"Patient/{number}") for number in range(10)))
    assert len(session_patients(family, open_session_for(family, ten))) == 10


def test_a_thread_about_a_group_opens_a_session_of_its_members(family: ApiClient) -> None:
    named = group(family, member(BART), member(LISA))
    about: Resource = {"subject": care.reference(named), "sender": ALICE, "recipient": [ALICE]}
    thread = family.post("/Communication", care.header(**about)).id
    assert session_patients(family, open_session_for(family, thread=f"Communication/{thread}")) == {
        BART,
        LISA,
    }


@pytest.mark.parametrize("one", ["Practitioner/1", "Device/1", "https://x.example/1"])
def test_a_reference_that_stands_for_no_patients_is_refused(family: ApiClient, one: str) -> None:
    refusals.check(open_session_for(family, one), 400, "invalid", "patient")
    session = open_session_for(family, BART).id
    add = care.parameters(("patient", OF_BART))
    answer = family.post(f"/Encounter/{session}/$add-patient", add)
    refusals.check(answer, 400, "invalid", "patient")
