"""The search parameters of ServiceRequest."""

from functools import partial

from shared.catalog.parameters import (
    ACTORS,
    CODE_SYSTEM_BASE,
    HL7,
    SPREAD,
    Index,
    common_params,
    param,
    row,
)

_service_request = partial(param, "ServiceRequest")

ROWS = (
    *common_params("ServiceRequest"),
    _service_request("authored", "date", "authoredOn", index=Index.LISTING, spread=SPREAD),
    _service_request(
        "based-on",
        "reference",
        "basedOn",
        "CarePlan",
        "MedicationRequest",
        "ServiceRequest",
        **row(resources_per_value=10),
    ),
    _service_request("body-site", "token", "bodySite", element="CodeableConcept"),
    _service_request("category", "token", "category", element="CodeableConcept"),
    _service_request(
        "code", "token", "code", element="CodeableConcept", definition=f"{HL7}clinical-code"
    ),
    _service_request(
        "encounter",
        "reference",
        "encounter",
        "Encounter",
        "EpisodeOfCare",
        definition=f"{HL7}clinical-encounter",
        **row(keyed_target="Encounter", resources_per_value=10),
    ),
    _service_request(
        "identifier",
        "token",
        "identifier",
        element="Identifier",
        definition=f"{HL7}clinical-identifier",
        **row(resources_per_value=1),
    ),
    _service_request(
        "instantiates-canonical",
        "reference",
        "instantiatesCanonical",
        "ActivityDefinition",
        "PlanDefinition",
    ),
    _service_request("instantiates-uri", "uri", "instantiatesUri"),
    _service_request(
        "intent", "token", "intent", element="code", system=f"{CODE_SYSTEM_BASE}/request-intent"
    ),
    _service_request("occurrence", "date", "occurrence"),
    _service_request("order-detail", "token", "orderDetail.text", element="string"),
    _service_request(
        "patient",
        "reference",
        "subject.where(resolve() is Patient)",
        "Patient",
        definition=f"{HL7}clinical-patient",
        **row(resources_per_value=1_000),
    ),
    _service_request(
        "performer",
        "reference",
        "performer",
        *ACTORS,
        "CareTeam",
        "HealthcareService",
        **row(resources_per_value=10_000),
    ),
    _service_request("performer-type", "token", "performerType", element="CodeableConcept"),
    _service_request(
        "priority",
        "token",
        "priority",
        element="code",
        system=f"{CODE_SYSTEM_BASE}/request-priority",
    ),
    _service_request(
        "replaces", "reference", "replaces", "ServiceRequest", **row(resources_per_value=1)
    ),
    _service_request(
        "requester", "reference", "requester", *ACTORS, **row(resources_per_value=10_000)
    ),
    _service_request(
        "requisition", "token", "requisition", element="Identifier", **row(resources_per_value=10)
    ),
    _service_request("specimen", "reference", "specimen", "Specimen"),
    _service_request(
        "status", "token", "status", element="code", system=f"{CODE_SYSTEM_BASE}/request-status"
    ),
    _service_request(
        "subject",
        "reference",
        "subject",
        "Device",
        "Group",
        "Location",
        "Patient",
        **row(partition="patient", resources_per_value=1_000),
    ),
)
