"""Objects that say in parts what is mostly said by a text: names of primitives, and what is wrong.

A part is named by a JSON Pointer: https://www.rfc-editor.org/rfc/rfc6901
"""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.errors import Issue
from shared.plain.kinds import Primitive

type Json = dict[str, Any]


def parts_wrong(plain: Json, forms: Mapping[str, str], pointer: str) -> Iterator[Issue]:
    """List what is wrong with an object of primitives; null is as good as nothing."""
    for name, value in plain.items():
        here = f"{pointer}/{escaped(name)}"
        if name not in forms:
            text = f"There is no such field; there are {', '.join(forms)}"
            yield Issue("structure", text, here)
        elif value is not None:
            yield from Primitive(forms[name]).wrong(value, here)
    if not any(name in plain for name in forms):
        yield Issue("value", f"One of {', '.join(forms)} is expected here", pointer)


def escaped(name: str) -> str:
    """Write a name as a token of a JSON Pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def picked(plain: Json, *names: str) -> Json:
    """Give the members of an object that are named and there."""
    return {name: plain[name] for name in names if plain.get(name) is not None}


def shape(forms: Mapping[str, str]) -> str:
    """Write what an object may say."""
    return f"{{{', '.join(forms)}}}"
