"""The whole service on this machine: the emulator, the stack on it, and what is beside them."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from shared.local import channels, environment, listening, logs, mailing, secret, twilio
from shared.local.artefact import artefact
from shared.local.client import UnexpectedResponse
from shared.local.emulator import Emulator, emulator
from shared.local.stack import deploy


class Service(NamedTuple):
    """A running service: its emulator, the variables for clients, and the texts that it sent."""

    emulator: Emulator
    values: dict[str, str]
    texts: Sequence[dict[str, Any]]


@contextmanager
def run(
    parameters: Mapping[str, str],
    port: int = 0,
    data: Path | None = None,
    *,
    tenant: str = "",
    publishes: bool = False,
    carries: bool = False,
) -> Iterator[Service]:
    """Run the service with parameters of the template.

    It publishes events on the emulator's bus, and carries text messages and e-mails, if that is
    wanted. If an answer is not as it should be, the errors in the functions' logs are printed.
    """
    with emulator(port, data) as running, ExitStack() as beside:
        wanted = {**parameters, **_credentials(running)}
        variables: dict[str, str] = {}
        texts: Sequence[dict[str, Any]] = ()
        if publishes:
            wanted["EventBusArn"] = listening.bus_arn(running)
        if carries:
            wanted |= channels.begin(running)
            provider = beside.enter_context(twilio.run(channels.sms_account(running), _tell))
            variables["TWILIO_URL"], texts = provider.url, provider.messages
        stack = deploy(running, artefact(), wanted, variables)
        if carries:
            beside.enter_context(mailing.telling_of_sent(running, _tell))
        try:
            yield Service(running, environment.environment(running, stack, tenant=tenant), texts)
        except UnexpectedResponse:
            print(*logs.errors(running), sep="\n", file=sys.stderr)
            raise


def _tell(line: str) -> None:
    print(line, flush=True)


def _credentials(running: Emulator) -> dict[str, str]:
    """Return the parameter that names the secret, if this process is given one to keep."""
    header = os.environ.get("REFERENCE_AUTHORIZATION")
    return {"ReferenceAuthorizationSecretArn": secret.store(running, header)} if header else {}
