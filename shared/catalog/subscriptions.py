"""The codes, extensions and limits of Subscriptions.

https://hl7.org/fhir/R4/subscription.html
"""

REQUESTED, ACTIVE, ERROR, OFF = STATUSES = ("requested", "active", "error", "off")
REST_HOOK = "rest-hook"
# The only content of a notification; without a payload it is an empty request.
PAYLOAD = "application/fhir+json"
# The ends of the URLs of extensions, which the server's base precedes. Medplum's extension of the
# secret has the same end, and means the same.
SECRET_PATH = "/StructureDefinition/subscription-secret"  # noqa: S105 - it is no secret
OWNER_PATH = "/StructureDefinition/subscription-owner"
SIGNATURE_HEADER, ID_HEADER = "X-Subscription-Signature", "X-Subscription-Notification"
