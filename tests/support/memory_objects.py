"""In-memory objects of S3, as far as the archive and Binaries use them."""

from io import BytesIO
from itertools import count
from typing import Any

from botocore.exceptions import ClientError


class MemoryS3:
    """A client of one bucket with versions."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.versions: dict[tuple[str, str], bytes] = {}
        self.puts = 0
        self.presigned: dict[str, Any] = {}
        self.heads: dict[str, dict[str, Any]] = {}
        self.tags: dict[tuple[str, str], str] = {}
        self._numbers = count(1)

    def put_object(
        self, *, Key: str, Body: bytes, Tagging: str = "", **more: Any
    ) -> dict[str, Any]:
        version = f"version-{next(self._numbers)}"
        self.bodies[Key] = self.versions[Key, version] = Body
        self.heads[Key] = {"VersionId": version, "ContentLength": len(Body), **more}
        if Tagging:
            self.tags[Key, version] = Tagging
        self.puts += 1
        return {"VersionId": version}

    def head_object(self, *, Key: str, **_: Any) -> dict[str, Any]:
        if Key not in self.heads:
            raise ClientError({"Error": {"Code": "404"}}, "HeadObject")
        return self.heads[Key]

    def get_object_tagging(self, *, Key: str, VersionId: str, **_: Any) -> dict[str, Any]:
        pairs = (tag.split("=") for tag in self.tags.get((Key, VersionId), "").split("&") if tag)
        return {"TagSet": [{"Key": name, "Value": value} for name, value in pairs]}

    def put_object_tagging(
        self, *, Key: str, VersionId: str, Tagging: dict[str, Any], **_: Any
    ) -> dict[str, Any]:
        tags = (f"{tag['Key']}={tag['Value']}" for tag in Tagging["TagSet"])
        self.tags[Key, VersionId] = "&".join(tags)
        return {}

    def delete_object_tagging(self, *, Key: str, VersionId: str, **_: Any) -> dict[str, Any]:
        self.tags.pop((Key, VersionId), None)
        return {}

    def get_object(
        self, *, Key: str, Range: str = "", VersionId: str = "", **_: Any
    ) -> dict[str, Any]:
        body = self.versions.get((Key, VersionId)) if VersionId else self.bodies.get(Key)
        if body is None:
            code = "NoSuchVersion" if Key in self.bodies else "NoSuchKey"
            raise ClientError({"Error": {"Code": code}}, "GetObject")
        if not Range:
            return {"Body": BytesIO(body)}
        first, _mark, last = Range.removeprefix("bytes=").partition("-")
        return {"Body": BytesIO(body[int(first) : int(last) + 1])}

    def delete_object(self, *, Key: str, VersionId: str, **_: Any) -> dict[str, Any]:
        del self.versions[Key, VersionId]
        return {}

    def generate_presigned_url(
        self, *, ClientMethod: str, Params: dict[str, Any], ExpiresIn: int
    ) -> str:
        self.presigned = Params
        version = Params.get("VersionId", "")
        return f"https://objects.example/{Params['Key']}?{ClientMethod}&{version}&{ExpiresIn}"
