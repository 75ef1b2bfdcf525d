"""Rights that end between a request's check and its transaction."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.store import dynamodb
from tests.support import care
from tests.support.api_client import Answer, ApiClient
from tests.support.consistency import stored_items
from tests.support.family import (
    BART,
    LISA,
    OF_BART,
    OF_LISA,
    as_mother,
    link_records,
    store,
    store_relative,
)
from tests.support.memory_database import CallHooks

HOMER = ApiClient(role="patient", fhir_user=care.HOMER)
MOTHER = as_mother()
CONTEXT = ApiClient(claims={"scope": "patient/*.cruds", "patient": "homer-simpson"})


class Meanwhile(CallHooks):
    """A hook that runs something else, once, before a transaction."""

    def __init__(self, change: Callable[[], object]) -> None:
        self._change: Callable[[], object] | None = change

    def before(self, call: str) -> None:
        if call == "TransactWriteItems" and self._change:
            change, self._change = self._change, None
            change()


def meanwhile(change: Callable[[], object], request: Callable[[], Answer]) -> Answer:
    """Make a request, with another change just before its transaction."""
    database: Any = dynamodb.client()
    database.hooks = fate = Meanwhile(change)
    try:
        answer = request()
    finally:
        database.hooks = CallHooks()
    assert fate._change is None
    return answer


def check_refused(
    clinic: ApiClient, change: Callable[[ApiClient], object], request: Callable[[], Answer]
) -> Answer:
    """Check that a request whose rights a change ends writes nothing."""
    after: list[Any] = []

    def end() -> None:
        change(clinic)
        after.append(stored_items())

    answer = meanwhile(end, request)
    assert answer.status in (403, 404, 422), answer.text
    assert [stored_items()] == after
    return answer


def threads(clinic: ApiClient, **more: Any) -> None:
    """Create a thread about Bart in which Homer participates."""
    of_bart = care.header(id="t", subject=care.reference(BART), **more)
    assert clinic.put("/Communication/t", of_bart).status in (200, 201)


def without_homer(clinic: ApiClient) -> None:
    threads(clinic, sender=care.reference(care.ALICE), recipient=[care.reference(care.ALICE)])


def says(caller: ApiClient, **more: Any) -> Callable[[], Answer]:
    return lambda: caller.post("/Communication", care.message("t", subject=None, **more))


def read_it(caller: ApiClient) -> Callable[[], Answer]:
    read = [{"op": "replace", "path": "/status", "value": "completed"}]
    return lambda: caller.patch("/Communication/m", read)


@pytest.mark.usefixtures("practice")
@pytest.mark.parametrize(
    "request_",
    [
        says(HOMER),
        says(HOMER, status="preparation"),
        read_it(HOMER),
        lambda: HOMER.post(
            "/",
            {
                "resourceType": "Bundle",
                "type": "transaction",
                "entry": [
                    {
                        "request": {"method": "POST", "url": "Communication"},
                        "resource": care.message("t", subject=None),
                    }
                ],
            },
        ),
        says(CONTEXT),
        read_it(CONTEXT),
    ],
)
def test_a_person_removed_from_a_thread_can_no_longer_write_in_it(
    clinic: ApiClient, request_: Callable[[], Answer]
) -> None:
    threads(clinic)
    from_alice: dict[str, Any] = {"sender": care.reference(care.ALICE), "subject": None}
    to_all = care.message("t", id="m", **from_alice, recipient=None)
    assert clinic.put("/Communication/m", to_all).status == 201
    check_refused(clinic, without_homer, request_)


def inactive(person: str, patient: str) -> Callable[[ApiClient], object]:
    return lambda clinic: store_relative(clinic, person, patient, active=False)


ENDS: dict[str, Callable[[ApiClient], object]] = {
    "the relative is no longer active": inactive(OF_BART, BART),
    "the relative is another patient's": lambda clinic: store_relative(clinic, OF_BART, LISA),
    "the relative's time is over": lambda clinic: store_relative(
        clinic, OF_BART, BART, period={"end": "2026-03-01"}
    ),
    "the relative is deleted": lambda clinic: clinic.administrator.delete(f"/{OF_BART}"),
}
LINKED: dict[str, Callable[[ApiClient], object]] = {
    "the other relative is no longer active": inactive(OF_LISA, LISA),
    "the link is gone": lambda clinic: link_records(clinic, OF_BART),
    "the link is of another kind": lambda clinic: link_records(
        clinic, OF_BART, OF_LISA, kind="refer"
    ),
    "her record is no longer active": lambda clinic: link_records(
        clinic, OF_BART, OF_LISA, active=False
    ),
    "her record is deleted": lambda clinic: clinic.administrator.delete("/Patient/marge-simpson"),
}


def begins(patient: str, sender: str) -> Callable[[], Answer]:
    body = care.header(subject=care.reference(patient), sender=care.reference(sender), recipient=[])
    return lambda: MOTHER.post("/Communication", body)


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_relative_cannot_begin_a_thread_once_the_link_has_ended(
    family: ApiClient, end: Callable[[ApiClient], object]
) -> None:
    assert begins(BART, OF_BART)().status == 201
    check_refused(family, end, begins(BART, OF_BART))
    assert begins(BART, OF_BART)().status == 403


@pytest.mark.parametrize("end", LINKED.values(), ids=LINKED)
def test_a_relative_of_another_patient_cannot_begin_a_thread_once_that_link_has_ended(
    family: ApiClient, end: Callable[[ApiClient], object]
) -> None:
    assert begins(LISA, OF_LISA)().status == 201
    check_refused(family, end, begins(LISA, OF_LISA))


@pytest.mark.parametrize("end", [*ENDS.values(), *LINKED.values()], ids=[*ENDS, *LINKED])
def test_a_relative_cannot_open_a_session_once_the_link_has_ended(
    family: ApiClient, end: Callable[[ApiClient], object]
) -> None:
    patient = BART if end in ENDS.values() else LISA
    body = care.parameters(("patient", patient))
    check_refused(family, end, lambda: MOTHER.post("/Encounter/$open-session", body))


@pytest.mark.usefixtures("practice")
def test_a_claim_of_kinship_counts_only_until_the_directory_has_the_person(
    clinic: ApiClient,
) -> None:
    mother = as_mother(patient="bart-simpson")
    store(clinic, BART)
    body = care.parameters(("patient", BART))
    check_refused(
        clinic, inactive(OF_BART, BART), lambda: mother.post("/Encounter/$open-session", body)
    )


def test_a_concurrent_change_that_ends_no_right_lets_the_write_succeed_once(
    family: ApiClient,
) -> None:
    renamed: dict[str, Any] = {"name": [{"family": "Bouvier"}]}
    answer = meanwhile(
        lambda: store_relative(family, OF_BART, BART, **renamed), begins(BART, OF_BART)
    )
    assert answer.status == 201
    assert len(family.get("/Communication").ids) == 1


@pytest.mark.usefixtures("practice")
def test_a_patient_who_loses_their_medical_encounter_can_no_longer_change_the_session(
    clinic: ApiClient,
) -> None:
    clinic.put("/Encounter/s", care.session(id="s", subject=None))
    clinic.put("/Encounter/c", care.medical_encounter("s", care.HOMER, id="c"))
    wrong = [{"op": "replace", "path": "/status", "value": "entered-in-error"}]
    language = [{"op": "add", "path": "/language", "value": "de"}]
    check_refused(
        clinic,
        lambda clinic: clinic.patch("/Encounter/c", wrong),
        lambda: CONTEXT.patch("/Encounter/s", language),
    )
