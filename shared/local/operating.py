"""The commands of operators, on a stack on AWS or on what `serve` runs."""

import argparse
from collections.abc import Iterable

from shared.fhir import instants
from shared.local import (
    adopting,
    audit_sources,
    deployments,
    redriving,
    reindexing,
    restoring,
    standstill,
    verifying,
)
from shared.local.client import UnexpectedResponse
from shared.local.deployments import Deployment
from shared.local.emulator import Emulator
from shared.local.stack import BUCKET

_TIME = "as 2026-11-28T09:30:00Z"


def reindex(arguments: argparse.Namespace) -> None:
    """Reindex everything while the service runs, and print what was repaired."""
    reindexing.run(_deployment(arguments), arguments.parts)


def audit(arguments: argparse.Namespace) -> None:
    """Walk the chains of the audit trail; name the events that were altered or are missing."""
    scope = verifying.Scope(arguments.since or "", arguments.until or "", arguments.resource)
    number, problems = verifying.verify(*audit_sources.of_deployment(_deployment(arguments)), scope)
    _print(map(str, problems))
    if problems:
        raise UnexpectedResponse(f"{len(problems)} events or versions were altered or are missing")
    print(f"the chains of {number} resources hold")


def redrive(arguments: argparse.Namespace) -> None:
    """Replay the dead letters of the audit trail, of events and of closing sessions."""
    counts = redriving.redrive(_deployment(arguments), dry=arguments.dry_run)
    _print(f"{number:8} {kind}" for kind, number in counts.items())
    if counts[redriving.FAILED] or counts[redriving.UNKNOWN]:
        raise UnexpectedResponse("some dead letters are left")


def restore(arguments: argparse.Namespace) -> None:
    """Restore the tables to an instant: README has the steps, of which this does one."""
    deployment, at = _deployment(arguments), arguments.at
    if arguments.do in ("tables", "adopt") and not at:
        raise UnexpectedResponse("--at says to which instant")
    match arguments.do:
        case "close":
            _print(standstill.stop_functions(deployment))
        case "tables":
            _print(restoring.restore(deployment, at).values())
        case "adopt":
            _print(adopting.adopt(deployment, at, arguments.bucket).values())
        case "open":
            _print(standstill.resume_functions(deployment))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _deployment(arguments: argparse.Namespace) -> Deployment:
    if arguments.stack:
        return deployments.on_aws(arguments.stack)
    return deployments.on_emulator(Emulator(arguments.port))


def add_port(command: argparse.ArgumentParser) -> None:
    """Add the option that says where the service on this machine listens."""
    command.add_argument("--port", type=int, default=8080, help="where it listens (default 8080)")


def _stack(command: argparse.ArgumentParser) -> None:
    command.add_argument("--stack", help="a deployment on AWS, instead of what `serve` runs")
    add_port(command)


def _reindex(command: argparse.ArgumentParser) -> None:
    _stack(command)
    command.add_argument("--parts", type=int, default=4, help="worked on at once (default 4)")


def _audit(command: argparse.ArgumentParser) -> None:
    command.add_argument("do", choices=("verify",), help="walk the chains")
    _stack(command)
    for bound in ("since", "until"):
        command.add_argument(f"--{bound}", type=_instant, metavar="TIME", help=_TIME)
    command.add_argument(
        "--resource", metavar="REF", default="", help="only events about it, as Encounter/1"
    )


def _redrive(command: argparse.ArgumentParser) -> None:
    _stack(command)
    command.add_argument("--dry-run", action="store_true", help="only count them")


def _restore(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "do",
        choices=("close", "tables", "adopt", "open"),
        help="let no function run; make the tables; have the stack take them; let functions run",
    )
    _stack(command)
    command.add_argument("--at", type=_instant, metavar="TIME", help=_TIME)
    command.add_argument("--bucket", default=BUCKET, help="where templates may be put")


def _instant(text: str) -> str:
    try:
        moment = instants.from_text(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not an instant with a time zone")
    return instants.to_text(moment)


COMMANDS = ((reindex, _reindex), (audit, _audit), (redrive, _redrive), (restore, _restore))
