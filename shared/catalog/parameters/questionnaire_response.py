"""The search parameters of QuestionnaireResponse."""

from functools import partial

from shared.catalog.parameters import (
    ACTORS,
    CODE_SYSTEM_BASE,
    PEOPLE,
    SPREAD,
    Index,
    common_params,
    param,
    row,
    spread,
)

_questionnaire_response = partial(param, "QuestionnaireResponse")

ROWS = (
    *common_params("QuestionnaireResponse"),
    _questionnaire_response(
        "author", "reference", "author", *ACTORS, **row(resources_per_value=10_000)
    ),
    _questionnaire_response("authored", "date", "authored", index=Index.LISTING, spread=SPREAD),
    _questionnaire_response(
        "based-on",
        "reference",
        "basedOn",
        "CarePlan",
        "ServiceRequest",
        **row(resources_per_value=10),
    ),
    _questionnaire_response(
        "encounter",
        "reference",
        "encounter",
        "Encounter",
        **row(keyed_target="Encounter", resources_per_value=10),
    ),
    _questionnaire_response(
        "identifier", "token", "identifier", element="Identifier", **row(resources_per_value=1)
    ),
    _questionnaire_response(
        "part-of", "reference", "partOf", "Observation", "Procedure", **row(resources_per_value=10)
    ),
    _questionnaire_response(
        "patient",
        "reference",
        "subject.where(resolve() is Patient)",
        "Patient",
        **row(resources_per_value=1_000),
    ),
    _questionnaire_response(
        "questionnaire",
        "reference",
        "questionnaire",
        "Questionnaire",
        **spread(resources_per_value=100_000),
    ),
    _questionnaire_response(
        "source", "reference", "source", *PEOPLE, **row(resources_per_value=1_000)
    ),
    _questionnaire_response(
        "status",
        "token",
        "status",
        element="code",
        system=f"{CODE_SYSTEM_BASE}/questionnaire-answers-status",
    ),
    _questionnaire_response(
        "subject", "reference", "subject", **row(partition="patient", resources_per_value=1_000)
    ),
)
