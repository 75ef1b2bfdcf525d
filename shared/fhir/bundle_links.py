"""Replacing references and URLs in a resource, such as links between the entries of a Bundle.

https://hl7.org/fhir/R4/http.html#trules
"""

import re
from collections.abc import Callable
from html import escape, unescape
from typing import Any

from shared.errors import Malformed
from shared.fhir.validation.schema import Element, Type, resource_types, type_named

# Returns the replacement of a URL, or None if it stays as it is.
type Replace = Callable[[str], str | None]

_ADDRESSES = frozenset({"uri", "url", "oid", "uuid"})
_REFERENCE = ("Reference", "reference")
_IN_NARRATIVE = re.compile(r"""(\s(?:href|src)\s*=\s*)(["'])(.*?)\2""", re.DOTALL)


def replace_links(resource: dict[str, Any], replace: Replace) -> dict[str, Any]:
    """Return a resource with its references, URLs and narrative links replaced.

    Canonicals stay, since they may name resources on any server. Content that R4 does not define
    stays, too. Raises Malformed if the resource is nested too deeply.
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
        return [_property(item, kind, name, replace) for item in content]
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
        # The id and extensions of a primitive, in `_name` beside it.
        return _object(value, type_named("Element"), replace)
    if element.type == "Resource":
        return _resource(value, replace)
    return _object(value, type_named(element.type), replace)


def _narrative(div: str, replace: Replace) -> str:
    def link(match: "re.Match[str]") -> str:
        url = replace(unescape(match[3]))
        return f"{match[1]}{match[2]}{escape(url)}{match[2]}" if url else match[0]

    return _IN_NARRATIVE.sub(link, div)
