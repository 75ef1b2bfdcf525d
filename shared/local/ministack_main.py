"""Runs the emulator until its standard input is closed.

It thus saves its state and exits however its parent process ends. It is run by its path with the
emulator's own interpreter. On AWS a greedy path variable also matches an empty rest of the path
(https://github.com/storacha/w3infra/pull/166), and SES's id of an e-mail has no domain, which only
its Message-ID has; the emulator is patched to do the same.
"""

import os
import signal
import sys
import threading
from typing import Any

from ministack.app import main
from ministack.services import apigateway, ses_v2

_path_variables = apigateway._extract_path_params  # noqa: SLF001 - it has no public name


def _path_variables_with_empty_rest(route: str, path: str) -> dict[str, str] | None:
    """Return the variables of a path, None if it does not match the route.

    A greedy variable may be empty.
    """
    variables: dict[str, str] | None = _path_variables(route, path)
    if variables is None and route.endswith("+}") and path.endswith("/"):
        variables = _path_variables(route, f"{path}-")
        if variables is not None:
            variables[route.rpartition("{")[2][:-2]] = ""
    return variables


apigateway._extract_path_params = _path_variables_with_empty_rest  # noqa: SLF001 - as above


_answer_of_ses = ses_v2.handle_request


async def _answer_without_domain(
    method: str, path: str, headers: Any, body: bytes, query: Any
) -> tuple[int, Any, bytes]:
    """Return SES's answer, with the id of an e-mail that was sent without a domain."""
    status, own_headers, content = await _answer_of_ses(method, path, headers, body, query)
    if path.rstrip("/").endswith("/outbound-emails"):
        content = content.replace(b"@email.amazonses.com", b"")
    return status, own_headers, content


ses_v2.handle_request = _answer_without_domain


def _stop_with_parent() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=_stop_with_parent, daemon=True).start()
main()
