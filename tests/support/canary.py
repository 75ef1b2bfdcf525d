"""Resources with a canary text in every free element and identifier, to detect leaks."""

from typing import Any, cast

from tests.support import care


def strings(value: Any, canary: str) -> Any:
    """Put a canary into every free text of a resource."""
    if isinstance(value, dict):
        free = {"text", "display", "contentString", "value", "div", "valueString", "data"}
        return {
            name: mark(child, canary) if name in free else strings(child, canary)
            for name, child in value.items()
        }
    return [strings(child, canary) for child in value] if isinstance(value, list) else value


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


def with_canary(body: dict[str, Any], **more: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", strings(body | SECRET | more, CANARY))


def person(**more: Any) -> dict[str, Any]:
    """Return a Patient with the canary in its name, telephone, address and photo."""
    return care.example(
        "Patient",
        **{
            "name": [{"family": CANARY, "given": [CANARY], "text": CANARY}],
            "telecom": [{"system": "phone", "value": CANARY}],
            "address": [{"line": [CANARY], "city": CANARY}],
            "identifier": [{"system": "https://clinic.example", "value": CANARY}],
            **more,
        },
    )


def secret_note(encounter: str) -> dict[str, Any]:
    """Return a note with the canary in its title, description and text."""
    return care.example(
        "DocumentReference",
        description=CANARY,
        content=[
            {
                "attachment": {
                    "contentType": "text/plain",
                    "title": CANARY,
                    "data": "S2FuYXJpZW52b2dlbA==",
                }
            }
        ],
        context={"encounter": [care.reference(f"Encounter/{encounter}")]},
    )
