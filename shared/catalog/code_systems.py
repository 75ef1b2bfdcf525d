"""URLs of the code systems that more than one room names."""

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
UCUM = "http://unitsofmeasure.org"
# Of the codes `session` and `medical-encounter`, unless a deployment sets another.
ENCOUNTER_TYPE = "https://medplum.com/fhir/CodeSystem/encounter-type"
# Of the category of messages that the service writes by itself.
MESSAGE_CATEGORY = "urn:async-encounters:message-category"
# Of their identifiers, which patients must not set: the account, and the message that is answered.
ANSWER_SYSTEM = "urn:async-encounters:channel-answer"
