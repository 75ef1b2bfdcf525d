"""With `ReferenceChecks=remote`, a limited caller's write does not reveal who exists elsewhere."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import care, refusals
from tests.support.api_client import Answer, ApiClient
from tests.support.bundles import entry
from tests.support.other_server import OtherServer, run_server
from tests.support.practice import Practice

BART, NED, NOBODY = "Patient/bart-simpson", "Patient/ned-flanders", "Patient/nobody"
DOCTOR = "Practitioner/nick-riviera"
HOMER = ApiClient(role="patient", fhir_user=care.HOMER)
MARGE = ApiClient(
    role="related-person",
    fhir_user="RelatedPerson/marge-simpson",
    claims={"patient": "homer-simpson"},
)
CONTEXT = ApiClient(
    claims={"scope": "patient/*.cruds user/Practitioner.rs", "patient": "homer-simpson"}
)
STRANGERS = ("Patient/{}", "RelatedPerson/{}", "Group/{}", "Device/{}", "CareTeam/{}")


@pytest.fixture
def other(practice: Practice) -> Iterator[OtherServer]:
    with run_server() as place:
        place.resources |= {
            care.HOMER,
            care.ALICE,
            BART,
            NED,
            DOCTOR,
            "RelatedPerson/marge-simpson",
        }
        place.resources |= {kind.format("known") for kind in STRANGERS}
        practice.configure(REFERENCE_CHECKS="remote", REFERENCE_BASE_URL=place.base)
        about_both = care.header(id="t", recipient=[care.reference(BART)])
        assert practice.clinic.put("/Communication/t", about_both).status == 201
        message = care.message("t", id="m", sender=care.reference(NED), subject=None)
        assert practice.clinic.put("/Communication/m", message).status == 201
        place.requests.clear()
        yield place


def thread_naming(named: str, place: str) -> dict[str, Any]:
    """Return a thread of Homer's that names somebody."""
    somebody = care.reference(named)
    more: dict[str, Any] = {
        "recipient": [somebody],
        "note": [{"authorReference": somebody, "text": "Hello"}],
        "extension": [{"url": "https://e.example/who", "valueReference": somebody}],
        "payload": [{"contentReference": somebody}],
    }
    return {place: more[place]}


@pytest.mark.parametrize("place", ["recipient", "note", "extension", "payload"])
@pytest.mark.parametrize("caller", [HOMER, CONTEXT], ids=["patient", "context"])
@pytest.mark.parametrize("kind", ["Patient/{}", "https", "RelatedPerson/{}", "Device/{}"])
def test_a_limited_caller_gets_the_same_answer_whether_or_not_a_person_exists(
    other: OtherServer, caller: ApiClient, kind: str, place: str
) -> None:
    kind = f"{other.base}/Patient/{{}}" if kind == "https" else kind
    answers: list[list[tuple[int, str]]] = []
    for own_id in ("known", "nobody"):
        body = care.header(**thread_naming(kind.format(own_id), place))
        bundle = [entry("POST", "Communication", body)]
        said = [
            caller.post("/Communication", body),
            caller.post(
                "/Communication", care.message("t") | thread_naming(kind.format(own_id), place)
            ),
            caller.post("/Communication/$validate?mode=create", body),
            *(
                caller.post("/", {"resourceType": "Bundle", "type": kind, "entry": bundle})
                for kind in ("batch", "transaction")
            ),
        ]
        answers.append([(answer.status, answer.text.replace(own_id, "x")) for answer in said])
    assert answers[0] == answers[1]
    assert {status for status, _ in answers[0][:2]} <= {400, 403, 422}
    assert other.requests == []


@pytest.mark.parametrize("caller", [HOMER, MARGE, CONTEXT])
def test_a_limited_caller_may_name_their_own_people_thread_members_and_staff(
    other: OtherServer, caller: ApiClient
) -> None:
    own = caller.fhir_user if caller is MARGE else care.HOMER
    sender = care.reference(own)
    for named in (care.HOMER, BART, NED, care.ALICE, DOCTOR):
        body = care.message("t", sender=sender, **thread_naming(named, "extension"))
        answer = caller.post("/Communication", body)
        assert answer.status == 201, answer.text
    nobody = care.message("t", sender=sender, recipient=[care.reference("Practitioner/nobody")])
    assert caller.post("/Communication", nobody).status == 422
    assert other.requests


def test_a_caller_who_sees_everybody_learns_who_exists(
    practice: Practice, other: OtherServer
) -> None:
    def said(named: str) -> Answer:
        return practice.clinic.post(
            "/Communication", care.header(**thread_naming(named, "recipient"))
        )

    assert said("Patient/known").status == 201
    answer = said(NOBODY)
    refusals.check(answer, 422, "business-rule", "Communication.recipient[0].reference")
    assert len(other.requests) > 1
