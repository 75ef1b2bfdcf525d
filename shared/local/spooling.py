"""Records on disk in parts, of which one at a time is held in memory."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from zlib import crc32

import orjson

type Record = list[Any]

PARTS = 256


class Spool:
    """Records by their keys: all of one key are in one part."""

    def __init__(self, directory: Path, files: ExitStack, parts: int = PARTS) -> None:
        """Create an empty spool. `files` closes its parts, whose files are created when needed."""
        self._directory, self._open, self._number = directory, files, parts
        self._files: dict[int, BinaryIO] = {}

    def add(self, key: tuple[str, str], record: Record) -> None:
        """Put a record after the others of its part."""
        part = crc32("#".join(key).encode()) % self._number
        if part not in self._files:
            file = (self._directory / str(part)).open("w+b")
            self._files[part] = self._open.enter_context(file)
        self._files[part].write(orjson.dumps([*key, *record]) + b"\n")

    def parts(self) -> Iterator[Iterator[Record]]:
        """Read part by part; a record begins with its key."""
        for _, file in sorted(self._files.items()):
            file.seek(0)
            yield map(orjson.loads, file)


@contextmanager
def spool() -> Iterator[Spool]:
    """Make an empty spool in a temporary directory."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as files:
        yield Spool(Path(directory), files)
