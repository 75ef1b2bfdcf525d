"""Validation of objects of primitives, the long form of values that are mostly shown as text.

Issues name a member by its JSON Pointer: https://www.rfc-editor.org/rfc/rfc6901
"""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.errors import Issue
from shared.plain.kinds import Primitive

type Json = dict[str, Any]


def parts_wrong(plain: Json, forms: Mapping[str, str], pointer: str) -> Iterator[Issue]:
    """Yield what is wrong with an object of primitives. A member may be null."""
    for name, value in plain.items():
        here = f"{pointer}/{escaped(name)}"
        if name not in forms:
            text = f"There is no such field: the fields are {', '.join(forms)}"
            yield Issue("structure", text, here)
        elif value is not None:
            yield from Primitive(forms[name]).wrong(value, here)
    if not any(name in plain for name in forms):
        yield Issue("value", f"Must have at least one of {', '.join(forms)}", pointer)


def escaped(name: str) -> str:
    """Return a name as a token of a JSON Pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def picked(plain: Json, *names: str) -> Json:
    """Return the named members of an object that have a value."""
    return {name: plain[name] for name in names if plain.get(name) is not None}


def shape(forms: Mapping[str, str]) -> str:
    """Return the members that an object may have, for an error text."""
    return f"{{{', '.join(forms)}}}"
