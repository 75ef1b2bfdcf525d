"""The search parameters of ChargeItem."""

from functools import partial

from shared.catalog.parameters import ACTORS, SPREAD, Index, common_params, param, row

_charge_item = partial(param, "ChargeItem")

ROWS = (
    *common_params("ChargeItem"),
    _charge_item("account", "reference", "account", "Account", **row(resources_per_value=100)),
    _charge_item("code", "token", "code", element="CodeableConcept"),
    _charge_item(
        "context",
        "reference",
        "context",
        "Encounter",
        "EpisodeOfCare",
        **row(keyed_target="Encounter", resources_per_value=10),
    ),
    _charge_item("entered-date", "date", "enteredDate", index=Index.LISTING, spread=SPREAD),
    _charge_item("enterer", "reference", "enterer", *ACTORS, **row(resources_per_value=10_000)),
    _charge_item(
        "identifier", "token", "identifier", element="Identifier", **row(resources_per_value=1)
    ),
    _charge_item("occurrence", "date", "occurrence"),
    _charge_item(
        "patient",
        "reference",
        "subject.where(resolve() is Patient)",
        "Patient",
        **row(resources_per_value=1_000),
    ),
    _charge_item(
        "performer-actor",
        "reference",
        "performer.actor",
        *ACTORS,
        "CareTeam",
        **row(resources_per_value=10_000),
    ),
    _charge_item("performer-function", "token", "performer.function", element="CodeableConcept"),
    _charge_item("performing-organization", "reference", "performingOrganization", "Organization"),
    _charge_item("price-override", "quantity", "priceOverride"),
    _charge_item("quantity", "quantity", "quantity"),
    _charge_item("requesting-organization", "reference", "requestingOrganization", "Organization"),
    _charge_item(
        "service",
        "reference",
        "service",
        "DiagnosticReport",
        "ImagingStudy",
        "Immunization",
        "MedicationAdministration",
        "MedicationDispense",
        "Observation",
        "Procedure",
        "SupplyDelivery",
        **row(resources_per_value=1),
    ),
    _charge_item(
        "subject",
        "reference",
        "subject",
        "Group",
        "Patient",
        **row(partition="patient", resources_per_value=1_000),
    ),
)
