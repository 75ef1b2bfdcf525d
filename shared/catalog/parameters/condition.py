"""The search parameters of Condition."""

from functools import partial

from shared.catalog.parameters import HL7, PEOPLE, SPREAD, Index, common_params, param, row

_condition = partial(param, "Condition")

ROWS = (
    *common_params("Condition"),
    _condition(
        "abatement-age", "quantity", "abatement.ofType(Age) | Condition.abatement.ofType(Range)"
    ),
    _condition(
        "abatement-date", "date", "abatement.ofType(dateTime) | Condition.abatement.ofType(Period)"
    ),
    _condition("abatement-string", "string", "abatement.ofType(string)"),
    _condition("asserter", "reference", "asserter", *PEOPLE, **row(resources_per_value=10_000)),
    _condition("body-site", "token", "bodySite", element="CodeableConcept"),
    _condition("category", "token", "category", element="CodeableConcept"),
    _condition("clinical-status", "token", "clinicalStatus", element="CodeableConcept"),
    _condition(
        "code", "token", "code", element="CodeableConcept", definition=f"{HL7}clinical-code"
    ),
    _condition(
        "encounter",
        "reference",
        "encounter",
        "Encounter",
        **row(keyed_target="Encounter", resources_per_value=10),
    ),
    _condition("evidence", "token", "evidence.code", element="CodeableConcept"),
    _condition("evidence-detail", "reference", "evidence.detail", **row(resources_per_value=10)),
    _condition(
        "identifier",
        "token",
        "identifier",
        element="Identifier",
        definition=f"{HL7}clinical-identifier",
        **row(resources_per_value=1),
    ),
    _condition("onset-age", "quantity", "onset.ofType(Age) | Condition.onset.ofType(Range)"),
    _condition("onset-date", "date", "onset.ofType(dateTime) | Condition.onset.ofType(Period)"),
    _condition("onset-info", "string", "onset.ofType(string)"),
    _condition(
        "patient",
        "reference",
        "subject.where(resolve() is Patient)",
        "Patient",
        definition=f"{HL7}clinical-patient",
        **row(resources_per_value=1_000),
    ),
    _condition("recorded-date", "date", "recordedDate", index=Index.LISTING, spread=SPREAD),
    _condition("severity", "token", "severity", element="CodeableConcept"),
    _condition("stage", "token", "stage.summary", element="CodeableConcept"),
    _condition(
        "subject",
        "reference",
        "subject",
        "Group",
        "Patient",
        **row(partition="patient", resources_per_value=1_000),
    ),
    _condition("verification-status", "token", "verificationStatus", element="CodeableConcept"),
)
