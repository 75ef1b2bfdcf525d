"""JSON Pointers into a resource, and the FHIRPath of what they name.

https://www.rfc-editor.org/rfc/rfc6901
"""

import re
from typing import Any

# Longer than any index that could be meant, and short enough for int().
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_NAME = re.compile(r"_?([A-Za-z][A-Za-z0-9]{0,63})", re.ASCII)
_BAD_ESCAPE = re.compile(r"~(?![01])")
APPEND = "-"


def parse(text: object) -> list[str]:
    """Give the tokens of a pointer. Raises ValueError where it is none."""
    if not isinstance(text, str) or (text and text[0] != "/") or _BAD_ESCAPE.search(text):
        raise ValueError("not a JSON Pointer")
    return [token.replace("~1", "/").replace("~0", "~") for token in text.split("/")[1:]]


def child(container: Any, token: str) -> Any:
    """Give what a token names. Raises LookupError where nothing is there."""
    if isinstance(container, list):
        return container[index(container, token)]
    if isinstance(container, dict):
        return container[token]
    raise LookupError(token)


def index(array: list[Any], token: str) -> int:
    """Read the place of an item that is there. Raises LookupError."""
    if not _INDEX.fullmatch(token) or int(token) >= len(array):
        raise LookupError(token)
    return int(token)


def resolve(document: Any, tokens: list[str]) -> Any:
    """Give what a pointer names. Raises LookupError where nothing is there."""
    for token in tokens:
        document = child(document, token)
    return document


def expression(resource_type: str, tokens: list[str]) -> str:
    """Write a pointer as FHIRPath, as far as its tokens are names and places."""
    path = resource_type
    for token in tokens:
        name = _NAME.fullmatch(token)
        if name:
            path += f".{name[1]}"
        elif _INDEX.fullmatch(token):
            path += f"[{token}]"
        else:
            break
    return path
