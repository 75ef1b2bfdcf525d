"""Custom resource that checks the settings of a deployment before its tables are created."""

from typing import Any

from shared import cloudformation, settings
from shared.errors import Transient

# The tables do not exist yet, so their names are set to a placeholder.
_TABLES = ("ENCOUNTER_TABLE", "THREAD_TABLE", "RESOURCE_TABLE", "SEARCH_TABLE", "AUDIT_TABLE")


def handler(event: dict[str, Any], _context: object) -> None:
    """Fail the deployment if the functions could not start with its settings."""
    is_deleted = event["RequestType"] == "Delete"
    cloudformation.answer(event, "" if is_deleted else _problem(event["ResourceProperties"]))


def _problem(properties: dict[str, Any]) -> str:
    """Return what is wrong with the settings, empty if they are valid."""
    try:
        given = settings.from_environment(dict.fromkeys(_TABLES, "-") | properties["Settings"])
    except SystemExit as problem:
        return str(problem)
    return _unreadable(given.reference_authorization_secret)


def _unreadable(secret: str) -> str:
    """Return why a secret that a deployment names cannot be used, empty if it can."""
    if not secret:
        return ""
    from shared.store import deployment_secrets  # noqa: PLC0415 - few deployments name one

    try:
        deployment_secrets.header_value(secret)
    except Transient as problem:
        return f"REFERENCE_AUTHORIZATION_SECRET_ARN: {secret!r}: {problem.issues[0].diagnostics}"
    return ""
