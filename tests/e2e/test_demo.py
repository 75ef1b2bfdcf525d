"""`async-encounters demo` as a newcomer runs it. Its last session closes by itself."""

import subprocess
import sys
from pathlib import Path


def test_demo_plays_every_step_and_a_session_closes_by_itself() -> None:
    command = Path(sys.executable).with_name("async-encounters")
    played = subprocess.run(
        [command, "demo"], capture_output=True, check=False, text=True, timeout=300
    )
    assert played.returncode == 0, played.stdout + played.stderr
    assert "the schedule runs, and is told that it is " in played.stdout
    assert played.stdout.endswith("every step as it should be\n")
