"""The search parameters of DocumentReference."""

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

_document_reference = partial(param, "DocumentReference")

ROWS = (
    *common_params("DocumentReference"),
    _document_reference(
        "authenticator",
        "reference",
        "authenticator",
        "Organization",
        "Practitioner",
        "PractitionerRole",
    ),
    _document_reference(
        "author", "reference", "author", *ACTORS, **row(resources_per_value=10_000)
    ),
    _document_reference("category", "token", "category", element="CodeableConcept"),
    _document_reference(
        "contenttype",
        "token",
        "content.attachment.contentType",
        element="code",
        system="urn:ietf:bcp:13",
    ),
    _document_reference("custodian", "reference", "custodian", "Organization"),
    _document_reference(
        "date", "date", "date", element="instant", index=Index.LISTING, spread=SPREAD
    ),
    _document_reference("description", "string", "description"),
    _document_reference(
        "encounter",
        "reference",
        "context.encounter",
        "Encounter",
        "EpisodeOfCare",
        definition=f"{HL7}clinical-encounter",
        **row(keyed_target="Encounter", resources_per_value=10),
    ),
    _document_reference("event", "token", "context.event", element="CodeableConcept"),
    _document_reference("facility", "token", "context.facilityType", element="CodeableConcept"),
    _document_reference("format", "token", "content.format", element="Coding"),
    _document_reference(
        "identifier",
        "token",
        "masterIdentifier | DocumentReference.identifier",
        element="Identifier",
        definition=f"{HL7}clinical-identifier",
        **row(resources_per_value=1),
    ),
    _document_reference(
        "language", "token", "content.attachment.language", element="code", system="urn:ietf:bcp:47"
    ),
    _document_reference("location", "uri", "content.attachment.url"),
    _document_reference(
        "patient",
        "reference",
        "subject.where(resolve() is Patient)",
        "Patient",
        definition=f"{HL7}clinical-patient",
        **row(resources_per_value=1_000),
    ),
    _document_reference("period", "date", "context.period"),
    _document_reference("related", "reference", "context.related", **row(resources_per_value=10)),
    _document_reference(
        "relatesto",
        "reference",
        "relatesTo.target",
        "DocumentReference",
        **row(resources_per_value=10),
    ),
    _document_reference(
        "relation",
        "token",
        "relatesTo.code",
        element="code",
        system=f"{CODE_SYSTEM_BASE}/document-relationship-type",
    ),
    _document_reference("security-label", "token", "securityLabel", element="CodeableConcept"),
    _document_reference("setting", "token", "context.practiceSetting", element="CodeableConcept"),
    _document_reference(
        "status",
        "token",
        "status",
        element="code",
        system=f"{CODE_SYSTEM_BASE}/document-reference-status",
    ),
    _document_reference(
        "subject",
        "reference",
        "subject",
        "Device",
        "Group",
        "Patient",
        "Practitioner",
        **row(partition="patient", resources_per_value=1_000),
    ),
    _document_reference(
        "type", "token", "type", element="CodeableConcept", definition=f"{HL7}clinical-type"
    ),
)
