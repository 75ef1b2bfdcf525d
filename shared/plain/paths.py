"""Paths of elements, such as `subject`, `context.encounter` and `content[0].attachment`."""

from typing import Any

type Json = dict[str, Any]

_FIRST = "[0]"


def get(value: Any, path: str) -> Any:
    """Return the value at a path, or None if there is none."""
    for step in path.split(".") if path else ():
        value = (value or {}).get(step.removesuffix(_FIRST))
        if step.endswith(_FIRST):
            value = value[0] if value else None
    return value


def is_there(value: Any, path: str) -> bool:
    """Return whether a path has a value, or an extension in place of one."""
    parent, dot, name = path.rpartition(".")
    return any(get(value, f"{parent}{dot}{key}") is not None for key in (name, f"_{name}"))


def put(value: Json, path: str, content: Any) -> None:
    """Store a value at a path, creating the objects around it; an empty value removes it.

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
        items = [item for item in items if item is not None]
    if items is None or items in ({}, []):
        value.pop(name, None)
        value.pop(f"_{name}", None)
    else:
        value[name] = items


def ancestors(path: str) -> list[str]:
    """Return the ancestors of a path, the nearest first: `content[0]`, then `content`."""
    found = []
    while path:
        is_first = path.endswith(_FIRST)
        path = path.removesuffix(_FIRST) if is_first else path.rpartition(".")[0]
        found.append(path)
    return [ancestor for ancestor in found if ancestor]
