"""Update: new content for a resource, also under a client's own id.

https://hl7.org/fhir/R4/http.html#update
"""

from typing import Any

from shared.access import Actor
from shared.errors import Invalid, Malformed
from shared.interactions.accepted import accepted
from shared.interactions.write import Outcome, Write, write
from shared.resources.status import with_status_history
