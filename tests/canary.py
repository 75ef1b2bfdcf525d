"""A text in every free element and identifier of a resource, which nothing else may show."""

from typing import Any, cast


def strings(value: Any, canary: str) -> Any:
    """Put a canary into every free text of a resource."""
    if isinstance(value, dict):
        free = {"text", "display", "contentString", "value", "div", "valueString", "data"}
        return {
            name: mark(each, canary) if name in free else strings(each, canary)
            for name, each in value.items()
        }
    return [strings(each, canary) for each in value] if isinstance(value, list) else value


def mark(value: Any, canary: str) -> Any:
    if not isinstance(value, str):
        return strings(value, canary)
    return value.replace("CANARY", canary)


CANARY = "Kanarienvogel"
SECRET = {
    "identifier": [{"system": "https://clinic.example", "value": "CANARY"}],
    "text": {
        "status": "generated",
        "div": '<div xmlns="http://www.w3.org/1999/xhtml">CANARY</div>',
    },
    "reasonCode": [{"text": "CANARY", "coding": [{"display": "CANARY"}]}],
    "extension": [{"url": "https://clinic.example/note", "valueString": "CANARY"}],
    "subject": {"reference": "Patient/homer-simpson", "display": "CANARY"},
}


def secret(body: dict[str, Any], **more: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", strings(body | SECRET | more, CANARY))
