"""The search parameters of QuestionnaireResponse."""

from functools import partial

from shared.catalog.parameters import (
    ACTORS,
    CODE_SYSTEM,
    PEOPLE,
    SPREAD,
    Index,
    of_every_type,
    param,
    row,
    spread,
)

_questionnaire_response = partial(param, "QuestionnaireResponse")

ROWS = (
    *of_every_type("QuestionnaireResponse"),
    _questionnaire_response("author", "reference", "author", *ACTORS, **row(common=10_000)),
    _questionnaire_response("authored", "date", "authored", index=Index.LISTING, spread=SPREAD),
    _questionnaire_response(
        "based-on", "reference", "basedOn", "CarePlan", "ServiceRequest", **row(common=10)
    ),
    _questionnaire_response(
        "encounter", "reference", "encounter", "Encounter", **row(keyed="Encounter", common=10)
    ),
    _questionnaire_response(
        "identifier", "token", "identifier", element="Identifier", **row(common=1)
    ),
    _questionnaire_response(
        "part-of", "reference", "partOf", "Observation", "Procedure", **row(common=10)
    ),
    _questionnaire_response(
        "patient",
        "reference",
        "subject.where(resolve() is Patient)",
        "Patient",
        **row(common=1_000),
    ),
    _questionnaire_response(
        "questionnaire", "reference", "questionnaire", "Questionnaire", **spread(common=100_000)
    ),
    _questionnaire_response("source", "reference", "source", *PEOPLE, **row(common=1_000)),
    _questionnaire_response(
        "status",
        "token",
        "status",
        element="code",
        system=f"{CODE_SYSTEM}/questionnaire-answers-status",
    ),
    _questionnaire_response(
        "subject", "reference", "subject", **row(partition="patient", common=1_000)
    ),
)
