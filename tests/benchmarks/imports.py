"""The cold start of each function from the built artefact, beside boto3 and a client alone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from shared.local import template
from shared.local.artefact import Artefact, artefact
from tests.benchmarks.figures import Figure
from tests.benchmarks.practice import CREDENTIALS

BEST_OF, QUICK_BEST_OF = 7, 3
READS, WRITES = 1.4, 1.9
# The functions that write or publish. The others only read, or do neither.
WRITERS = frozenset(
    {
        "binaries",
        "bundle",
        "channel_receiver",
        "channel_sender",
        "channel_webhook",
        "closing_worker",
        "create",
        "delete",
        "event_publisher",
        "operations",
        "patch",
        "plain",
        "subscription_deliverer",
        "update",
    }
)
MS, MB = 1000, 1_000_000
KB_PER_MB = 1000

_TIMED = """
import time
begun = time.process_time()
{imports}
print(time.process_time() - begun)
# What getrusage says would be the parent's, before it became this.
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
_FLOOR = "import boto3; boto3.client('dynamodb')"


def figures(*, quick: bool) -> Iterator[Figure]:
    """Import every function in fresh processes, and measure the size of the artefact."""
    built = artefact()
    names = sorted(path.stem for path in (built.code / "functions").glob("[a-z]*.py"))
    programs = {"": _FLOOR} | {name: f"import functions.{name}" for name in names}
    times: dict[str, list[float]] = {name: [] for name in programs}
    memory: dict[str, float] = {}
    for _ in range(QUICK_BEST_OF if quick else BEST_OF):
        for name, program in programs.items():
            seconds, kilobytes = map(float, run(built, _TIMED.format(imports=program)))
            times[name].append(MS * seconds)
            memory[name] = kilobytes / KB_PER_MB
    floor = min(times.pop(""))
    for name, milliseconds in times.items():
        bound = WRITES if name in WRITERS else READS
        yield Figure(f"import.{name}", "ms", min(milliseconds), floor, bound)
        yield Figure(f"memory.{name}", "MB after import", memory[name], memory[""])
    yield from _sizes(built)


def run(built: Artefact, program: str, sent: str = "") -> list[str]:
    """Run a program as a function starts, with only the artefact. Return its output, split.

    `sent` is its standard input.
    """
    paths = [str(built.code), str(built.layer / "python")]
    loaded = template.load()
    names = {name: name for name in template.table_requests(loaded)}
    start = {"PATH": os.environ["PATH"], "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}
    completed = subprocess.run(
        # The base interpreter of the virtual environment, without the environment's packages.
        [sys._base_executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {paths}\n{program}"],  # type: ignore[attr-defined]
        env=start | CREDENTIALS | template.function_environment(loaded, names),
        capture_output=True,
        input=sent,
        check=True,
        text=True,
    )
    return str(completed.stdout).split()


def modules(built: Artefact, name: str) -> set[str]:
    """Return the modules of the artefact that a function imports at its start.

    Empty packages are left out.
    """
    program = (
        f"import functions.{name}\nimport os\n"
        "files = {name: getattr(one, '__file__', None) for name, one in sys.modules.items()}\n"
        "print(*(name for name, file in files.items()"
        " if file and file.startswith(tuple(sys.path[:2])) and os.path.getsize(file)))"
    )
    return {module for module in run(built, program) if not module.startswith("functions")}


def _sizes(built: Artefact) -> Iterator[Figure]:
    files = [path for root in (built.code, built.layer) for path in root.rglob("*")]
    size = sum(path.stat().st_size for path in files if path.is_file())
    yield Figure("size.unzipped_mb", "MB", size / MB, bound=90)
    yield Figure("size.zipped_mb", "MB", _zipped(built) / MB)


def _zipped(built: Artefact) -> int:

    size = 0
    for root in (built.code, built.layer):
        packed = BytesIO()
        with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
            for path in sorted(Path(root).rglob("*")):
                archive.write(path, path.relative_to(root))
        size += packed.tell()
    return size
