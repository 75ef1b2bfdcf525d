"""The JSON Schemas of the events that are published.

https://json-schema.org/draft/2020-12/schema
"""

import orjson

from shared.errors import NotFound
from shared.events.models import EVENTS, schema


def event_schema(base: str, name: str) -> bytes:
    """Return the JSON Schema of an event. Raises NotFound naming the events that exist."""
    if name not in EVENTS:
        raise NotFound(
            "There is no event of this name", diagnostics=f"These exist: {', '.join(EVENTS)}"
        )
    return orjson.dumps(schema(name, f"{base}/events/{name}"))
