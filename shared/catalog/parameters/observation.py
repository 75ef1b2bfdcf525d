"""The search parameters of Observation."""

from functools import partial

from shared.catalog.parameters import (
    CODE_SYSTEM_BASE,
    HL7,
    PEOPLE,
    SPREAD,
    Index,
    common_params,
    param,
    row,
)

_observation = partial(param, "Observation")

ROWS = (
    *common_params("Observation"),
    _observation(
        "based-on",
        "reference",
        "basedOn",
        "CarePlan",
        "DeviceRequest",
        "ImmunizationRecommendation",
        "MedicationRequest",
        "NutritionOrder",
        "ServiceRequest",
        **row(resources_per_value=10),
    ),
    _observation("category", "token", "category", element="CodeableConcept"),
    _observation(
        "code", "token", "code", element="CodeableConcept", definition=f"{HL7}clinical-code"
    ),
    _observation(
        "combo-code", "token", "code | Observation.component.code", element="CodeableConcept"
    ),
    _observation(
        "combo-data-absent-reason",
        "token",
        "dataAbsentReason | Observation.component.dataAbsentReason",
        element="CodeableConcept",
    ),
    _observation(
        "combo-value-concept",
        "token",
        "(Observation.value.ofType(CodeableConcept)) | "
        "(Observation.component.value.ofType(CodeableConcept))",
        element="CodeableConcept",
    ),
    _observation(
        "combo-value-quantity",
        "quantity",
        "(Observation.value.ofType(Quantity)) | "
        "(Observation.value.ofType(SampledData)) | "
        "(Observation.component.value.ofType(Quantity)) | "
        "(Observation.component.value.ofType(SampledData))",
    ),
    _observation("component-code", "token", "component.code", element="CodeableConcept"),
    _observation(
        "component-data-absent-reason",
        "token",
        "component.dataAbsentReason",
        element="CodeableConcept",
    ),
    _observation(
        "component-value-concept",
        "token",
        "(Observation.component.value.ofType(CodeableConcept))",
        element="CodeableConcept",
    ),
    _observation(
        "component-value-quantity",
        "quantity",
        "(Observation.component.value.ofType(Quantity)) | "
        "(Observation.component.value.ofType(SampledData))",
    ),
    _observation("data-absent-reason", "token", "dataAbsentReason", element="CodeableConcept"),
    _observation(
        "date",
        "date",
        "effective",
        definition=f"{HL7}clinical-date",
        index=Index.LISTING,
        spread=SPREAD,
    ),
    _observation(
        "derived-from",
        "reference",
        "derivedFrom",
        "DocumentReference",
        "ImagingStudy",
        "Media",
        "MolecularSequence",
        "Observation",
        "QuestionnaireResponse",
        **row(resources_per_value=10),
    ),
    _observation("device", "reference", "device", "Device", "DeviceMetric"),
    _observation(
        "encounter",
        "reference",
        "encounter",
        "Encounter",
        "EpisodeOfCare",
        definition=f"{HL7}clinical-encounter",
        **row(keyed_target="Encounter", resources_per_value=10),
    ),
    _observation("focus", "reference", "focus", **row(resources_per_value=10)),
    _observation(
        "has-member",
        "reference",
        "hasMember",
        "MolecularSequence",
        "Observation",
        "QuestionnaireResponse",
        **row(resources_per_value=10),
    ),
    _observation(
        "identifier",
        "token",
        "identifier",
        element="Identifier",
        definition=f"{HL7}clinical-identifier",
        **row(resources_per_value=1),
    ),
    _observation("method", "token", "method", element="CodeableConcept"),
    _observation(
        "part-of",
        "reference",
        "partOf",
        "ImagingStudy",
        "Immunization",
        "MedicationAdministration",
        "MedicationDispense",
        "MedicationStatement",
        "Procedure",
        **row(resources_per_value=10),
    ),
    _observation(
        "patient",
        "reference",
        "subject.where(resolve() is Patient)",
        "Patient",
        definition=f"{HL7}clinical-patient",
        **row(resources_per_value=1_000),
    ),
    _observation(
        "performer",
        "reference",
        "performer",
        *PEOPLE,
        "CareTeam",
        "Organization",
        **row(resources_per_value=10_000),
    ),
    _observation("specimen", "reference", "specimen", "Specimen"),
    _observation(
        "status", "token", "status", element="code", system=f"{CODE_SYSTEM_BASE}/observation-status"
    ),
    _observation(
        "subject",
        "reference",
        "subject",
        "Device",
        "Group",
        "Location",
        "Patient",
        **row(partition="patient", resources_per_value=1_000),
    ),
    _observation(
        "value-concept",
        "token",
        "(Observation.value.ofType(CodeableConcept))",
        element="CodeableConcept",
    ),
    _observation(
        "value-date",
        "date",
        "(Observation.value.ofType(dateTime)) | (Observation.value.ofType(Period))",
    ),
    _observation(
        "value-quantity",
        "quantity",
        "(Observation.value.ofType(Quantity)) | (Observation.value.ofType(SampledData))",
    ),
    _observation(
        "value-string",
        "string",
        "(Observation.value.ofType(string)) | (Observation.value.ofType(CodeableConcept)).text",
    ),
)
