"""The resource types that are stored here, and all types of R4."""

from collections.abc import Iterable, Mapping

# Sessions and threads. They are written together: a write of one may change others.
SESSION_TYPES = ("Encounter", "Communication")
# People, organizations, places and appointments.
DIRECTORY_TYPES = (
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "RelatedPerson",
    "Organization",
    "Location",
    "Group",
    "CareTeam",
    "Appointment",
)
# Records made during an encounter.
RECORD_TYPES = (
    "Condition",
    "Observation",
    "Procedure",
    "DocumentReference",
    "ClinicalImpression",
    "MedicationRequest",
    "ServiceRequest",
    "QuestionnaireResponse",
    "Task",
    "ChargeItem",
)
# Types of the service itself, which are about nobody: what clients ask it to do.
SUBSCRIPTION = "Subscription"
SERVICE_TYPES = (SUBSCRIPTION,)
STORED_TYPES = (*SESSION_TYPES, *DIRECTORY_TYPES, *RECORD_TYPES, *SERVICE_TYPES)
# Files. They have routes of their own, their bytes are in a bucket, and no search finds them.
BINARY = "Binary"
# All types whose resources clients write here.
KEPT_TYPES = (*STORED_TYPES, BINARY)
# The type of the audit trail's resources. They are read and searched, but nobody writes them.
AUDIT_EVENT = "AuditEvent"


def complete_table[Row](
    table: str, rows: Mapping[str, Row], types: Iterable[str] = STORED_TYPES
) -> dict[str, Row]:
    """Return the rows of a table by type. Raises ValueError naming the types that have none."""
    if missing := [name for name in types if name not in rows]:
        raise ValueError(f"{table} has no row for {', '.join(missing)}")
    return dict(rows)


# The element that marks a resource as void or out of use, for those who may not delete it. R4 has
# the status entered-in-error for records, but only `active` for most types of the directory.
_ERROR = "entered-in-error"
WITHDRAWAL_MARKS = {
    **dict.fromkeys(STORED_TYPES, f"status: {_ERROR}"),
    **dict.fromkeys(
        ("Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Organization", "Group"),
        "active: false",
    ),
    "Location": "status: inactive",
    "Condition": f"verificationStatus: {_ERROR}",
    # R4 gives it no status.
    BINARY: f"status: {_ERROR}, in what names it",
    SUBSCRIPTION: "status: off",
}

# All resource types of R4, which references may name. They are repeated here because most requests
# do not load the definitions; a test compares the two.
RESOURCE_TYPES = frozenset(
    """
    Account ActivityDefinition AdverseEvent AllergyIntolerance Appointment AppointmentResponse
    AuditEvent Basic Binary BiologicallyDerivedProduct BodyStructure Bundle CapabilityStatement
    CarePlan CareTeam CatalogEntry ChargeItem ChargeItemDefinition Claim ClaimResponse
    ClinicalImpression CodeSystem Communication CommunicationRequest CompartmentDefinition
    Composition ConceptMap Condition Consent Contract Coverage CoverageEligibilityRequest
    CoverageEligibilityResponse DetectedIssue Device DeviceDefinition DeviceMetric DeviceRequest
    DeviceUseStatement DiagnosticReport DocumentManifest DocumentReference
    EffectEvidenceSynthesis Encounter Endpoint EnrollmentRequest EnrollmentResponse
    EpisodeOfCare EventDefinition Evidence EvidenceVariable ExampleScenario ExplanationOfBenefit
    FamilyMemberHistory Flag Goal GraphDefinition Group GuidanceResponse HealthcareService
    ImagingStudy Immunization ImmunizationEvaluation ImmunizationRecommendation
    ImplementationGuide InsurancePlan Invoice Library Linkage List Location Measure
    MeasureReport Media Medication MedicationAdministration MedicationDispense
    MedicationKnowledge MedicationRequest MedicationStatement MedicinalProduct
    MedicinalProductAuthorization MedicinalProductContraindication MedicinalProductIndication
    MedicinalProductIngredient MedicinalProductInteraction MedicinalProductManufactured
    MedicinalProductPackaged MedicinalProductPharmaceutical MedicinalProductUndesirableEffect
    MessageDefinition MessageHeader MolecularSequence NamingSystem NutritionOrder Observation
    ObservationDefinition OperationDefinition OperationOutcome Organization
    OrganizationAffiliation Parameters Patient PaymentNotice PaymentReconciliation Person
    PlanDefinition Practitioner PractitionerRole Procedure Provenance Questionnaire
    QuestionnaireResponse RelatedPerson RequestGroup ResearchDefinition
    ResearchElementDefinition ResearchStudy ResearchSubject RiskAssessment RiskEvidenceSynthesis
    Schedule SearchParameter ServiceRequest Slot Specimen SpecimenDefinition StructureDefinition
    StructureMap Subscription Substance SubstanceNucleicAcid SubstancePolymer SubstanceProtein
    SubstanceReferenceInformation SubstanceSourceMaterial SubstanceSpecification SupplyDelivery
    SupplyRequest Task TerminologyCapabilities TestReport TestScript ValueSet VerificationResult
    VisionPrescription
    """.split()  # noqa: SIM905 - a list would take a line for each
)
