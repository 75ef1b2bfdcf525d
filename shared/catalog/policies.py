"""The names of session policies, and their defaults.

What each policy does is the table in `shared.rules.policies`.
"""

from datetime import timedelta

# The first of each is the default.
EXPLICIT, THREAD, DAILY = POLICIES = ("explicit", "thread", "daily")
# As documents list them.
POLICIES_TEXT = f"{', '.join(POLICIES[:-1])} or {POLICIES[-1]}"
BY_THREAD, BY_PATIENT = SLOT_SCOPES = ("thread", "patient")
# A session of a policy with a limit closes so long after it was opened, and an Encounter that stays
# open longer gets a second index row.
MAX_HOURS = 168
# How long an Encounter may be without its second index rows after it has become long.
LONG_ENCOUNTER_GRACE = timedelta(hours=12)
# The end of the URL of the extension by which a header sets its thread's policy. The server's base
# is before it.
EXTENSION_PATH = "/StructureDefinition/session-policy"
