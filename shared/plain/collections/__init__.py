"""What the plain-JSON face shows: its collections, their fields and the parameters of searches.

Reading, writing, searching, OpenAPI and the naming of what is wrong follow from these rows.
"""

from shared.plain.collections.assessments import ASSESSMENTS
from shared.plain.collections.communications import MESSAGES, THREADS
from shared.plain.collections.encounters import ENCOUNTERS
from shared.plain.collections.notes import NOTES
from shared.plain.collections.observations import OBSERVATIONS
from shared.plain.collections.prescriptions import PRESCRIPTIONS
from shared.plain.collections.rows import CONTROLS

COLLECTIONS = {
    each.name: each
    for each in (
        ENCOUNTERS,
        OBSERVATIONS,
        NOTES,
        PRESCRIPTIONS,
        ASSESSMENTS,
        THREADS,
        MESSAGES,
    )
}
# What the log may name of a query.
EVERY_PARAM = {param.name for each in COLLECTIONS.values() for param in each.params} | {*CONTROLS}
