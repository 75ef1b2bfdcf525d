"""Environment variables that tell a client of a running stack its URLs and tokens."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from shared.local import pool
from shared.local.emulator import Emulator
from shared.local.stack import Stack


def environment(emulator: Emulator, stack: Stack, *, tenant: str = "") -> dict[str, str]:
    """Return the stack's URLs, a token for each user, and the credentials of the service client."""
    cognito = emulator.client("cognito-idp")
    client_id, client_secret = pool.service_client(cognito, stack.outputs)
    tokens = {
        name: pool.access_token(cognito, stack.outputs, replace(user, tenant=tenant))
        for name, user in pool.USERS.items()
    }
    return {
        "FHIR_BASE": stack.base_url,
        "EXPLORE_URL": stack.explore_url,
        **tokens,
        "TOKEN_URL": stack.token_url,
        "CLIENT_ID": client_id,
        "CLIENT_SECRET": client_secret,
    }


def write(path: Path, values: Mapping[str, str]) -> None:
    """Write NAME='value' lines to a file that only its owner may read, atomically."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{name}='{value}'\n" for name, value in values.items())
    unfinished.replace(path)
