"""The elements of a resource: those at a path, its References, and its Attachments."""

from collections.abc import Iterator
from typing import Any

from shared.fhir import references

# Their `url` says what they mean. That of an Attachment says where the file is.
_EXTENSIONS = ("extension", "modifierExtension")


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


def attachment_elements(
    value: Any, path: str, *, is_extension: bool = False
) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each Attachment of a Binary on this server, and the FHIRPath of its `url`.

    Contained resources are left out.
    """
    if isinstance(value, dict):
        if not is_extension and references.attached_binary(value):
            yield value, f"{path}.url"
        for name, member in value.items():
            if name != "contained":
                below = f"{path}.{name.removeprefix('_')}"
                yield from attachment_elements(member, below, is_extension=name in _EXTENSIONS)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from attachment_elements(item, f"{path}[{index}]", is_extension=is_extension)
