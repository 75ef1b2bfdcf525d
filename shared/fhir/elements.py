"""The elements of a resource: those at a path, and its References."""

from typing import Any


def elements_at(resource: Any, names: tuple[str, ...]) -> list[Any]:
    """Return the elements at a path, going through arrays at every step."""
    elements = _children(resource, names[0])
    for name in names[1:]:
        elements = [child for parent in elements for child in _children(parent, name)]
    return elements


def _children(parent: Any, name: str) -> list[Any]:
    element = parent.get(name) if isinstance(parent, dict) else None
    if element is None:
        return []
    return element if isinstance(element, list) else [element]


def reference_elements(
    value: Any, path: str, *, with_contained: bool = True
) -> list[tuple[dict[str, Any], str]]:
    """Return each element that has a `reference`, and the FHIRPath of that, at any depth.

    The extensions of a primitive, in `_name`, are below the primitive.
    """
    found: list[tuple[dict[str, Any], str]] = []
    _collect(value, path, found, with_contained=with_contained)
    return found


def _collect(
    value: Any, path: str, found: list[tuple[dict[str, Any], str]], *, with_contained: bool
) -> None:
    if isinstance(value, dict):
        if "reference" in value:
            found.append((value, f"{path}.reference"))
        for name, member in value.items():
            if isinstance(member, (dict, list)) and (with_contained or name != "contained"):
                below = f"{path}.{name.removeprefix('_')}"
                _collect(member, below, found, with_contained=with_contained)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _collect(item, f"{path}[{index}]", found, with_contained=with_contained)
