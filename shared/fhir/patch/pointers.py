"""JSON Pointers into a resource, and their translation to FHIRPath.

https://www.rfc-editor.org/rfc/rfc6901
"""

import re
from typing import Any

# Nine digits are more than any real index has, and few enough for int().
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_NAME = re.compile(r"_?([A-Za-z][A-Za-z0-9]{0,63})", re.ASCII)
_BAD_ESCAPE = re.compile(r"~(?![01])")
APPEND = "-"


def parse(text: object) -> list[str]:
    """Return the tokens of a pointer. Raises ValueError if the text is not a pointer."""
    if not isinstance(text, str) or (text and text[0] != "/") or _BAD_ESCAPE.search(text):
        raise ValueError("A path must be a JSON Pointer, such as /status or /type/0")
    return [token.replace("~1", "/").replace("~0", "~") for token in text.split("/")[1:]]


def child(container: Any, token: str) -> Any:
    """Return the value that a token names in a container. Raises LookupError if there is none."""
    if isinstance(container, list):
        return container[index(container, token)]
    if isinstance(container, dict):
        return container[token]
    raise LookupError(token)


def index(array: list[Any], token: str) -> int:
    """Return a token as the index of an item. Raises LookupError if there is no such item."""
    if not _INDEX.fullmatch(token) or int(token) >= len(array):
        raise LookupError(token)
    return int(token)


def resolve(document: Any, tokens: list[str]) -> Any:
    """Return the value that a pointer names. Raises LookupError if there is none."""
    for token in tokens:
        document = child(document, token)
    return document


def expression(resource_type: str, tokens: list[str]) -> str:
    """Return a pointer as FHIRPath, up to the first token that is not a name or index."""
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
