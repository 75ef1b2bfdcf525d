"""Where an element stands: `subject`, `context.encounter`, `content[0].attachment`."""

import re
from typing import Any

type Json = dict[str, Any]

_FIRST = "[0]"


def get(value: Any, path: str) -> Any:
    """Give what stands at a path, None where nothing does."""
    for step in path.split(".") if path else ():
        value = (value or {}).get(step.removesuffix(_FIRST))
        if step.endswith(_FIRST):
            value = value[0] if value else None
    return value


def is_there(value: Any, path: str) -> bool:
    """Tell whether a path has something: a value, or an extension that says why there is none."""
    above, dot, name = path.rpartition(".")
    return any(get(value, f"{above}{dot}{each}") is not None for each in (name, f"_{name}"))


def put(value: Json, path: str, content: Any) -> None:
    """Put something at a path, with all that it stands in; nothing takes away what is there.

    An empty path is the object itself.
    """
    if not path:
        value.clear()
        value.update(content or {})
        return
    step, _, rest = path.partition(".")
    name = step.removesuffix(_FIRST)
    inner = content
    if rest:
        inner = get(value, step) or {}
        put(inner, rest, content)
    items = [inner or None, *value.get(name, [])[1:]] if step.endswith(_FIRST) else inner
    if isinstance(items, list):
        items = [each for each in items if each is not None]
    if items is None or items in ({}, []):
        value.pop(name, None)
        value.pop(f"_{name}", None)
    else:
        value[name] = items


def above(path: str) -> list[str]:
    """Give what a path stands in, the nearest first, with the arrays by themselves."""
    found = []
    while path:
        is_first = path.endswith(_FIRST)
        path = path.removesuffix(_FIRST) if is_first else path.rpartition(".")[0]
        found.append(path)
    return [each for each in found if each]


def is_within(expression: str, path: str) -> bool:
    """Tell whether a FHIRPath is that of a path, or of something in it."""
    return re.match(rf"{re.escape(path)}($|[.\[])", expression) is not None
