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
