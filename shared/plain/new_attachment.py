"""The model of a file that is going to be uploaded."""

import re
from collections.abc import Callable
from typing import Annotated, Any

from shared.http.openapi.schemas import ID
from shared.plain.checks import Checked, Rule
from shared.plain.models import example
from shared.plain.validation import Model
from shared.rules import files
from shared.store.binary_objects import LARGEST_UPLOAD

type Json = dict[str, Any]

REQUIRED = ("contentType", "size", "sha256")
_SHA256 = "[0-9A-Fa-f]{64}"


class _By(Checked):
    """A value that a function accepts."""

    def __init__(self, accepts: Callable[[Any], object], expected: str, schema: Json) -> None:
        self._rule = Rule(accepts, expected, schema)

    def rule(self) -> Rule:
        return self._rule


def _matches(pattern: str) -> Callable[[Any], object]:
    matches = re.compile(pattern, re.ASCII).fullmatch
    return lambda plain: isinstance(plain, str) and matches(plain)


_TEXT: Json = {"type": "string"}
_Size = Annotated[
    int,
    _By(
        lambda plain: type(plain) is int and 0 < plain <= LARGEST_UPLOAD,
        f"a whole number of bytes, from 1 to {LARGEST_UPLOAD}",
        {"type": "integer", "minimum": 1, "maximum": LARGEST_UPLOAD},
    ),
]
_ContentType = Annotated[
    str,
    _By(
        files.is_content_type,
        "a media type, such as image/jpeg or text/plain; charset=utf-8, of at most "
        f"{files.LONGEST_CONTENT_TYPE} characters",
        _TEXT | {"pattern": f"^{files.CONTENT_TYPE}$", "maxLength": files.LONGEST_CONTENT_TYPE},
    ),
]
_Sha256 = Annotated[
    str, _By(_matches(_SHA256), "64 hexadecimal digits", _TEXT | {"pattern": f"^{_SHA256}$"})
]
_Name = Annotated[
    str,
    _By(
        lambda plain: isinstance(plain, str) and files.is_name(plain),
        f"a printable text of at most {files.LONGEST_NAME} characters, which are at most "
        f"{files.LONGEST_ENCODED_NAME} when percent-encoded",
        _TEXT | {"maxLength": files.LONGEST_NAME},
    ),
]
_Id = Annotated[str, _By(_matches(ID), "an id", _TEXT | {"pattern": ID})]


EXAMPLE: Json = {
    "contentType": "image/jpeg",
    "size": 7340032,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "name": "rash.jpg",
    "threadId": "example",
}


class NewAttachment(Model):
    """A file that is going to be sent.

    It is seen by who sees the thread or session that is named, or else the message that attaches
    it.
    """

    model_config = example(EXAMPLE)

    content_type: _ContentType | None = None
    size: _Size | None = None
    sha256: _Sha256 | None = None
    name: _Name | None = None
    thread_id: _Id | None = None
    encounter_id: _Id | None = None
