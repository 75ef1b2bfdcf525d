"""JSON Pointers into a resource, and their translation to FHIRPath.

https://www.rfc-editor.org/rfc/rfc6901
"""

import re
from collections.abc import Sequence
from typing import Any

from jsonpatch import JsonPointer, JsonPointerException

# Nine digits are more than any real index has.
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_NAME = re.compile(r"_?([A-Za-z][A-Za-z0-9]{0,63})", re.ASCII)


def parse(text: Any) -> JsonPointer:
    """Return a pointer. Raises ValueError if the text is not one."""
    try:
        return JsonPointer(text)
    except (JsonPointerException, TypeError):
        raise ValueError("A path must be a JSON Pointer, such as /status or /type/0") from None


def expression(resource_type: str, tokens: Sequence[str]) -> str:
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
