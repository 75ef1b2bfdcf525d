"""The search parameters of CareTeam."""

from functools import partial

from shared.catalog.parameters import CODE_SYSTEM_BASE, HL7, PEOPLE, common_params, param, row

_care_team = partial(param, "CareTeam")

ROWS = (
    *common_params("CareTeam"),
    _care_team("category", "token", "category", element="CodeableConcept"),
    _care_team("date", "date", "period", definition=f"{HL7}clinical-date"),
    _care_team(
        "encounter",
        "reference",
        "encounter",
        "Encounter",
        **row(keyed_target="Encounter", resources_per_value=10),
    ),
    _care_team(
        "identifier",
        "token",
        "identifier",
        element="Identifier",
        definition=f"{HL7}clinical-identifier",
        **row(resources_per_value=1),
    ),
    _care_team(
        "participant",
        "reference",
        "participant.member",
        *PEOPLE,
        "CareTeam",
        "Organization",
        **row(resources_per_value=1_000),
    ),
    _care_team(
        "patient",
        "reference",
        "subject.where(resolve() is Patient)",
        "Patient",
        definition=f"{HL7}clinical-patient",
        **row(resources_per_value=10),
    ),
    _care_team(
        "status", "token", "status", element="code", system=f"{CODE_SYSTEM_BASE}/care-team-status"
    ),
    _care_team(
        "subject",
        "reference",
        "subject",
        "Group",
        "Patient",
        **row(partition="patient", resources_per_value=10),
    ),
)
