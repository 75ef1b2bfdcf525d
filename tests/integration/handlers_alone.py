"""Play events through handlers that can import only the artefact and the standard library.

Run isolated, as `python -I -S handlers_alone.py CODE LAYER`, with a JSON object of events by
function (and, after a slash, what tells it from others), in order, on standard input. Prints a JSON
object with their responses and the modules that were loaded from elsewhere.
"""

import json
import sys
import sysconfig
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def context(name: str) -> Any:
    return SimpleNamespace(
        function_name=name,
        function_version="$LATEST",
        memory_limit_in_mb=1024,
        invoked_function_arn=f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
        aws_request_id="11111111-2222-4333-8444-555555555555",
        get_remaining_time_in_millis=lambda: 28_000,
    )


def play(events: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        name: import_module(f"functions.{name.partition('/')[0]}").handler(event, context(name))
        for name, event in events.items()
    }


def elsewhere(roots: list[Path]) -> list[str]:
    files = [module.__dict__.get("__file__") for module in list(sys.modules.values())]
    return [
        file
        for file in files
        if file and file != __file__ and not any(Path(file).is_relative_to(r) for r in roots)
    ]


if __name__ == "__main__":
    code, layer = Path(sys.argv[1]), Path(sys.argv[2])
    sys.path[:0] = [str(code), str(layer / "python")]
    given, answered = json.load(sys.stdin), sys.stdout
    sys.stdout = sys.stderr  # handlers log to standard output
    responses = play(given)
    allowed = [code, layer, Path(sysconfig.get_path("stdlib"))]
    json.dump({"responses": responses, "elsewhere": elsewhere(allowed)}, answered)
