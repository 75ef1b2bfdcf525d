"""The project's commands: run the service on this machine, build it, and operate it."""

import argparse
import os
import signal
import subprocess
import sys
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NoReturn
from zoneinfo import ZoneInfoNotFoundError

from shared.catalog.policies import POLICIES, SLOT_SCOPES, THREAD
from shared.catalog.roles import USER_ROLES
from shared.fhir import instants
from shared.local import (
    channels,
    environment,
    listening,
    mailing,
    operating,
    pool,
    schedule,
    service,
    texting,
)
from shared.local.artefact import artefact
from shared.local.client import UnexpectedResponse, client
from shared.local.emulator import Emulator, StartError
from shared.local.listening import Listener
from shared.local.stack import outputs
from shared.packaging.build import ROOT
from shared.settings import REMOTE

# The template's parameter that each option of `serve` sets.
PARAMETERS = {
    "policy": "SessionPolicy",
    "session_scope": "SessionScope",
    "time_zone": "SessionTimeZone",
    "idle_minutes": "SessionIdleMinutes",
    "tenant_claim": "TenantClaim",
    "reference_base_url": "ReferenceBaseUrl",
}
# The tenant of the tokens that `serve --tenants` prints.
TENANT = "practice"


def main() -> None:
    """Run the command that the arguments name."""
    parser = _parser()
    arguments, bench_options = parser.parse_known_args()
    if bench_options and arguments.run is not bench:
        parser.error(f"unrecognized arguments: {' '.join(bench_options)}")
    try:
        arguments.run(arguments, *bench_options)
    except (StartError, UnexpectedResponse) as problem:
        sys.exit(f"FAILED: {problem}")
    except KeyboardInterrupt:
        sys.exit()


def demo(_arguments: argparse.Namespace) -> None:
    """Start an empty service and play the walkthrough."""
    # The models of fhir.resources take half a second to import.
    from shared.local import family_texts, walkthrough  # noqa: PLC0415
    from shared.local.conversation import Conversation  # noqa: PLC0415

    with service.run({"SessionPolicy": THREAD}, publishes=True, carries=True) as started:
        running, values = started.emulator, started.values
        print(f"running at {values['FHIR_BASE']}")
        listener = Listener.begin(running)
        with client(values["FHIR_BASE"], values["TOKEN_PRACTITIONER"]) as http:
            talk = Conversation(http)
            walkthrough.play(talk, others=False)
            closed = walkthrough.play_automatic_closing(
                talk, lambda moment: _run_schedule(running, moment)
            )
            print("the events of sessions and threads, as they are published:")
            for event in listening.events_until_closing(listener, f"Encounter/{closed.id}"):
                print(listening.line(event))
            family_texts.play(talk, channels.SMS, partial(_text, running), started.texts)
    print("every step as it should be")


def _text(running: Emulator, sender: str, text: str) -> None:
    print(f"text from {sender}: {text}")
    texting.send(running, sender, text)


def _run_schedule(running: Emulator, moment: datetime) -> None:
    print(f"the schedule runs, and is told that it is {moment:%Y-%m-%d %H:%M} UTC")
    schedule.run(running, moment)


def serve(arguments: argparse.Namespace) -> None:
    """Run the service until it is stopped."""
    parameters = {
        parameter: str(value)
        for option, parameter in PARAMETERS.items()
        if (value := getattr(arguments, option)) is not None
    }
    if arguments.reference_base_url:
        parameters["ReferenceChecks"] = REMOTE
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    tenant = TENANT if arguments.tenant_claim else ""
    with service.run(
        parameters,
        arguments.port,
        arguments.data,
        tenant=tenant,
        publishes=arguments.events,
        carries=arguments.channels,
    ) as started:
        running, values = started.emulator, started.values
        for name, value in values.items():
            print(f"{name}='{value}'")
        if arguments.env_file:
            environment.write(arguments.env_file, values)
        print("further tokens: async-encounters token --help")
        print("running until Ctrl-C", flush=True)
        if arguments.events:
            _print_events(Listener.begin(running))
        signal.pause()


def _print_events(listener: Listener) -> NoReturn:
    """Print the events that come, for ever."""
    while True:
        for event in listener.receive():
            print(listening.line(event), flush=True)


def token(arguments: argparse.Namespace) -> None:
    """Print an access token for the service that `serve` runs."""
    running = Emulator(arguments.port)
    user = pool.User(
        arguments.role, arguments.fhir_user, arguments.patient, arguments.tenant, arguments.scope
    )
    print(pool.access_token(running.client("cognito-idp"), outputs(running), user))


def build(_arguments: argparse.Namespace) -> None:
    """Build what would be deployed, and print its directories."""
    built = artefact()
    print(f"code   {built.code}\nlayer  {built.layer}")


def bench(_arguments: argparse.Namespace, *options: str) -> None:
    """Measure the service on this machine; `--help` names the options."""
    command = [sys.executable, "-m", "tests.benchmarks", *options]
    # The benchmarks import `tests`, which is not installed.
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    sys.exit(subprocess.run(command, env=environ, check=False).returncode)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="async-encounters", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for run, add_options in (
        (demo, None),
        (serve, _add_serve_options),
        (token, _add_token_options),
        (texting.text, texting.add_options),
        (mailing.mail, mailing.add_options),
        *operating.COMMANDS,
        (build, None),
    ):
        command = commands.add_parser(run.__name__, help=run.__doc__)
        command.set_defaults(run=run)
        if add_options:
            add_options(command)
    commands.add_parser("bench", help=bench.__doc__, add_help=False).set_defaults(run=bench)
    return parser


def _add_token_options(command: argparse.ArgumentParser) -> None:
    operating.add_port(command)
    command.add_argument("--role", choices=USER_ROLES, required=True, help="the user's group")
    command.add_argument(
        "--fhir-user", metavar="REF", default="", help="the user, such as Patient/homer-simpson"
    )
    command.add_argument(
        "--patient",
        metavar="REF",
        default="",
        help="the patient in context, such as Patient/bart-simpson",
    )
    command.add_argument(
        "--scope",
        metavar="SCOPES",
        default="",
        help="SMART scopes, such as 'patient/*.rs user/Patient.r'",
    )
    command.add_argument(
        "--tenant", metavar="NAME", default="", help="the tenant, if `serve --tenants` is running"
    )


def _add_serve_options(command: argparse.ArgumentParser) -> None:
    operating.add_port(command)
    command.add_argument("--data", type=Path, metavar="DIR", help="keep the data in this directory")
    command.add_argument(
        "--env-file", type=Path, metavar="PATH", help="also write the NAME='value' lines to a file"
    )
    command.add_argument("--events", action="store_true", help="print the events that it publishes")
    command.add_argument(
        "--channels",
        action="store_true",
        help="carry text messages and e-mail: `text` and `mail` have them come in",
    )
    command.add_argument("--policy", choices=POLICIES, help="when sessions open and close")
    command.add_argument(
        "--session-scope",
        choices=SLOT_SCOPES,
        help="whether a daily session is a thread's or a patient's",
    )
    command.add_argument(
        "--time-zone", type=_zone, metavar="ZONE", help="IANA time zone of the care setting"
    )
    command.add_argument(
        "--idle-minutes",
        type=_minutes,
        metavar="N",
        help="close a session after so many minutes without a message",
    )
    command.add_argument(
        "--reference-base-url",
        metavar="URL",
        help="check references on that FHIR server, with the header in REFERENCE_AUTHORIZATION",
    )
    command.add_argument(
        "--tenants",
        dest="tenant_claim",
        action="store_const",
        const="tenant",
        help=f"enable tenants: printed tokens are of {TENANT}, `token --tenant` makes others",
    )


def _zone(name: str) -> str:
    try:
        instants.zone(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise argparse.ArgumentTypeError(f"{name!r} is not an IANA time zone") from None
    return name


def _minutes(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes")
    return int(text)
