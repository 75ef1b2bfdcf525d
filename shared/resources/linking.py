"""Following what points from one entry of a Bundle to another.

https://hl7.org/fhir/R4/http.html#trules
"""

import re
from collections.abc import Callable
from html import escape, unescape
from typing import Any

from shared.errors import Malformed
from shared.resources.schema import Element, Type, resource_types, type_named

# Gives what a URL is replaced by, None where it stays.
type Replace = Callable[[str], str | None]

_ADDRESSES = frozenset({"uri", "url", "oid", "uuid"})
_REFERENCE = ("Reference", "reference")
_IN_NARRATIVE = re.compile(r"""(\s(?:href|src)\s*=\s*)(["'])(.*?)\2""", re.DOTALL)


def linked(resource: dict[str, Any], replace: Replace) -> dict[str, Any]:
    """Give a resource with its references, URLs and the links of its narratives replaced.

    Canonicals name what is elsewhere too and stay. What is not of R4's shape stays as it is.
    Raises Malformed where it is nested too deeply.
    """
    try:
        return _resource(resource, replace)
    except RecursionError:
        raise Malformed("The resource is nested too deeply") from None


def _resource(resource: dict[str, Any], replace: Replace) -> dict[str, Any]:
    name = resource.get("resourceType")
    if not isinstance(name, str) or name not in resource_types():
        return resource
    return _object(resource, type_named(name), replace)


def _object(value: dict[str, Any], kind: Type, replace: Replace) -> dict[str, Any]:
    return {
        name: _property(content, kind, name, replace)
        if (name in kind.elements or name[:1] == "_")
        else content
        for name, content in value.items()
    }


def _property(content: Any, kind: Type, name: str, replace: Replace) -> Any:
    if isinstance(content, list):
        return [_property(each, kind, name, replace) for each in content]
    element = kind.elements.get(name)
    if isinstance(content, dict):
        return _complex(content, element, replace)
    if not isinstance(content, str) or element is None:
        return content
    if element.type == "xhtml":
        return _narrative(content, replace)
    is_address = element.type in _ADDRESSES or (kind.name, name) == _REFERENCE
    return (replace(content) or content) if is_address else content


def _complex(value: dict[str, Any], element: Element | None, replace: Replace) -> dict[str, Any]:
    if element is None or element.primitive:
        # The `_name` beside a primitive.
        return _object(value, type_named("Element"), replace)
    if element.type == "Resource":
        return _resource(value, replace)
    return _object(value, type_named(element.type), replace)


def _narrative(div: str, replace: Replace) -> str:
    def link(match: "re.Match[str]") -> str:
        found = replace(unescape(match[3]))
        return f"{match[1]}{match[2]}{escape(found)}{match[2]}" if found else match[0]

    return _IN_NARRATIVE.sub(link, div)
