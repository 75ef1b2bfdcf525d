"""The resources that a Binary may belong to, and who changes that."""

from typing import Any

import pytest

from shared.errors import BusinessRule, FhirError, Forbidden
from shared.fhir.references import Literal
from shared.rules.security_contexts import named_context, with_kept_context
from tests.support.care import reference

THREAD, OTHER = "Communication/rash", "Communication/other"


def binary(context: str) -> dict[str, Any]:
    return {"contentType": "a/b"} | ({"securityContext": reference(context)} if context else {})


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [("", "", ""), ("", THREAD, THREAD), (THREAD, "", THREAD), (THREAD, THREAD, THREAD)],
)
@pytest.mark.parametrize("may_change", [False, True])
def test_a_context_is_kept_once_there_is_one(
    before: str, after: str, kept: str, may_change: bool
) -> None:
    new = with_kept_context(binary(before), binary(after), may_change=may_change)
    assert new == binary(kept)


def test_only_who_may_change_a_context_names_another() -> None:
    assert with_kept_context(binary(THREAD), binary(OTHER), may_change=True) == binary(OTHER)
    for other in (OTHER, "https://elsewhere.example/x"):
        with pytest.raises(BusinessRule, match="stays as it is"):
            with_kept_context(binary(THREAD), binary(other), may_change=False)


def test_a_context_with_another_text_is_the_same() -> None:
    versioned = f"{THREAD}/_history/1"
    new = with_kept_context(binary(THREAD), binary(versioned), may_change=False)
    assert new == binary(versioned)


@pytest.mark.parametrize(
    ("context", "of_patient", "of_staff"),
    [
        ("", None, None),
        (THREAD, Literal("Communication", "rash"), Literal("Communication", "rash")),
        ("Practitioner/alice", Forbidden, Literal("Practitioner", "alice")),
        ("Binary/1", BusinessRule, BusinessRule),
        ("https://elsewhere.example/Patient/1", BusinessRule, BusinessRule),
    ],
)
def test_a_context_is_a_resource_here_and_of_patients_not_what_everybody_sees(
    context: str, of_patient: Any, of_staff: Any
) -> None:
    for is_patient, expected in ((True, of_patient), (False, of_staff)):
        try:
            found: Any = named_context(binary(context), is_patient_or_relative=is_patient)
        except FhirError as error:
            found = type(error)
        assert found == expected
