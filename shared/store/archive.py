"""The objects of the audit archive: store one, read one or a part of it.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from collections.abc import Callable
from typing import Any

from shared.settings import settings
from shared.store import s3


def put(key: str, body: bytes) -> None:
    """Store an object. Raises Busy if S3 throttles or cannot be reached."""
    _call(s3.client().put_object, Key=key, Body=body, ContentType="application/gzip")


def get_range(key: str, offset: int, length: int) -> bytes:
    """Return up to `length` bytes of an object, beginning at `offset`.

    Raises Busy if S3 throttles or cannot be reached.
    """
    return _call(s3.get_object, Key=key, Range=f"bytes={offset}-{offset + length - 1}")


def get_whole(key: str) -> bytes:
    """Return an object. Raises Busy."""
    return _call(s3.get_object, Key=key)


def _call[T](call: Callable[..., T], **request: Any) -> T:
    return s3.call("The audit archive", call, Bucket=settings().audit_archive, **request)
