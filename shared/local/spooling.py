"""Records on disk in parts, of which one at a time is held in memory."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson

type Record = list[Any]

PARTS = 256


class Spool:
    """Records by their keys: all of one key are in one part."""

    def __init__(self, directory: Path, files: ExitStack, parts: int = PARTS) -> None:
        """Open the files of the parts."""
        self._files = [
            files.enter_context((directory / str(number)).open("w+b")) for number in range(parts)
        ]

    def add(self, key: tuple[str, str], record: Record) -> None:
        """Put a record after the others of its part."""
        part = crc32("#".join(key).encode()) % len(self._files)
        self._files[part].write(orjson.dumps([*key, *record]) + b"\n")

    def parts(self) -> Iterator[Iterator[Record]]:
        """Read part by part; a record begins with its key."""
        for file in self._files:
            file.seek(0)
            yield map(orjson.loads, file)


@contextmanager
def spool() -> Iterator[Spool]:
    """Make an empty spool in a temporary directory."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as files:
        yield Spool(Path(directory), files)
