"""Custom resource that checks the settings of a deployment before its tables are created."""

from collections.abc import Callable
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
    header, accounts = given.reference_authorization_secret, given.channels_secret
    return _unreadable("REFERENCE_AUTHORIZATION_SECRET_ARN", header, _read_header) or _unreadable(
        "CHANNELS_SECRET_ARN", accounts, _read_accounts
    )


def _unreadable(variable: str, secret: str, read: Callable[[str], None]) -> str:
    """Return why the secret that a setting names cannot be used, empty if it can or is none."""
    try:
        if secret:
            read(secret)
    except Transient as problem:
        return f"{variable}: {secret!r}: {problem.issues[0].diagnostics}"
    return ""


def _read_header(secret: str) -> None:
    from shared.store import deployment_secrets  # noqa: PLC0415 - few deployments name one

    deployment_secrets.header_value(secret)


def _read_accounts(secret: str) -> None:
    from shared.channels import accounts  # noqa: PLC0415 - few deployments have any

    accounts.of_secret(secret)
