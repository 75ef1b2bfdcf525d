"""The log fields that describe an exception: its class and traceback positions, never its text."""

import traceback
from typing import Any


def log_fields(error: Exception) -> dict[str, Any]:
    """Return log fields for an exception, without its text: that could quote a resource."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno}" for frame in frames]
    return {"error": type(error).__name__, "places": places}
