"""`async-encounters demo` as a newcomer runs it. Its last session closes by itself."""

import subprocess
import sys
from pathlib import Path

from shared.events.models import (
    MessageJoinedSession,
    SessionClosed,
    SessionOpened,
    ThreadLinked,
)


def test_demo_plays_every_step_and_a_session_closes_by_itself() -> None:
    command = Path(sys.executable).with_name("async-encounters")
    played = subprocess.run(
        [command, "demo"], capture_output=True, check=False, text=True, timeout=300
    )
    assert played.returncode == 0, played.stdout + played.stderr
    assert "the schedule runs, and is told that it is " in played.stdout
    printed = [
        line.split()[1:3] for line in played.stdout.splitlines() if line.startswith("event ")
    ]
    ended = [SessionClosed.__name__, printed[-1][1]]
    opened = [SessionOpened.__name__, ended[1].replace("/_history/2", "/_history/1")]
    assert printed[-1] == ended
    assert printed.count(opened) == 1
    assert printed.index(opened) < printed.index(ended)
    assert {name for name, _ in printed} == {
        model.__name__
        for model in (SessionOpened, SessionClosed, ThreadLinked, MessageJoinedSession)
    }
    assert played.stdout.endswith("every step as it should be\n")
