"""The collections of the plain-JSON API, with their fields and query parameters.

Reading, writing, searching, OpenAPI and the pointers in problem documents follow from these rows.
"""

from shared.plain.collections.assessments import ASSESSMENTS
from shared.plain.collections.communications import MESSAGES, THREADS
from shared.plain.collections.encounters import ENCOUNTERS
from shared.plain.collections.notes import NOTES
from shared.plain.collections.observations import OBSERVATIONS
from shared.plain.collections.prescriptions import PRESCRIPTIONS
from shared.plain.collections.rows import CONTROLS

COLLECTIONS = {
    collection.name: collection
    for collection in (
        ENCOUNTERS,
        OBSERVATIONS,
        NOTES,
        PRESCRIPTIONS,
        ASSESSMENTS,
        THREADS,
        MESSAGES,
    )
}
# The parameter names that may appear in the log; any other could contain personal data.
EVERY_PARAM = {param.name for collection in COLLECTIONS.values() for param in collection.params} | {
    *CONTROLS
}
