"""Runs the emulator until standard input ends: however its parent ends, it saves its state.

Run by path with the emulator's own interpreter.
"""

import os
import signal
import sys
import threading

from ministack.app import main


def _stop_with_parent() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=_stop_with_parent, daemon=True).start()
main()
