"""In-memory objects of S3, as far as the archive uses them."""

from io import BytesIO
from typing import Any


class MemoryS3:
    """A client of one bucket."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.puts = 0

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> dict[str, Any]:
        self.bodies[Key] = Body
        self.puts += 1
        return {}

    def get_object(self, *, Key: str, Range: str, **_: Any) -> dict[str, Any]:
        first, _mark, last = Range.removeprefix("bytes=").partition("-")
        return {"Body": BytesIO(self.bodies[Key][int(first) : int(last) + 1])}
