"""What a log line says of an exception: its class and its places in the code, never its text."""

import traceback
from typing import Any


def described(error: Exception) -> dict[str, Any]:
    """Describe an exception; its text could hold content of resources."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno}" for frame in frames]
    return {"error": type(error).__name__, "places": places}
