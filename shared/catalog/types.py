"""Which resource types are stored here."""

# Sessions and threads: what is done to one of these is done to others too.
CARE = ("Encounter", "Communication")
# Who takes part, and where.
DIRECTORY = (
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
# What is recorded during an encounter.
RECORDS = (
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
TYPES = (*CARE, *DIRECTORY, *RECORDS)

# What marks a resource as void or out of use, where it is not to be deleted: R4 has a status of
# entered-in-error for records, and for most of the directory only `active`.
_ERROR = "entered-in-error"
WITHDRAWN = {
    **dict.fromkeys(TYPES, f"status: {_ERROR}"),
    **dict.fromkeys(
        ("Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Organization", "Group"),
        "active: false",
    ),
    "Location": "status: inactive",
    "Condition": f"verificationStatus: {_ERROR}",
}

# All of R4's, which references may name. A test compares them with the definitions, which are not
# read here: most requests do without them.
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
    """.split()  # noqa: SIM905 - as a list it takes a line for each
)
