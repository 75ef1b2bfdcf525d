"""Runs the emulator until standard input ends: however its parent ends, it saves its state.

Run by path with the emulator's own interpreter. An HTTP API's greedy variable takes the empty rest
of a path as well (https://github.com/storacha/w3infra/pull/166), which the emulator's does not.
"""

import os
import signal
import sys
import threading

from ministack.app import main
from ministack.services import apigateway

_variables = apigateway._extract_path_params  # noqa: SLF001 - it has no public name


def _variables_and_empty_rest(route: str, path: str) -> dict[str, str] | None:
    """Return the variables of a path, as the emulator does, or with an empty greedy one."""
    found: dict[str, str] | None = _variables(route, path)
    if found is None and route.endswith("+}") and path.endswith("/"):
        found = _variables(route, f"{path}-")
        if found is not None:
            found[route.rpartition("{")[2][:-2]] = ""
    return found


apigateway._extract_path_params = _variables_and_empty_rest  # noqa: SLF001


def _stop_with_parent() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=_stop_with_parent, daemon=True).start()
main()
