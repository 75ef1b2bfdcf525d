"""Subscriptions as clients send them, and the notifications that they lead to."""

from typing import Any

from tests.support import care

ENDPOINT = "https://chat.example.com/fhir"
SECRET_URL = "https://fhir.example.org/fhir/R4/StructureDefinition/subscription-secret"
SECRET = "a-secret-of-the-chat-application"
TOKEN = "Bearer of-the-chat-application"


def channel(**more: Any) -> dict[str, Any]:
    return {**care.example("Subscription")["channel"], "endpoint": ENDPOINT, **more}


def subscription(criteria: str = "Communication?", **more: Any) -> dict[str, Any]:
    return care.example("Subscription", criteria=criteria, **more)


def secret(value: str = SECRET, url: str = SECRET_URL) -> list[dict[str, str]]:
    return [{"url": url, "valueString": value}]


def replaced(path: str, value: Any) -> list[dict[str, Any]]:
    """Return a JSON Patch that replaces an element."""
    return [{"op": "replace", "path": path, "value": value}]
