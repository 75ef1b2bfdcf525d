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
