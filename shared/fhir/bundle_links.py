"""Replacing references and URLs in a resource, such as links between the entries of a Bundle.

A resource is validated before its links are replaced. Afterwards it need not be validated as a
whole if nothing but the texts of References has changed, which is by far the most frequent case.

https://hl7.org/fhir/R4/http.html#trules
"""

import re
from collections.abc import Callable, Collection
from html import escape, unescape
from typing import Any

from shared.errors import Malformed
from shared.fhir import reference_elements
from shared.fhir.validation.schema import Element, Type, resource_types, type_named

# Returns the replacement of a URL, or None if it stays as it is.
type Replace = Callable[[str], str | None]

# Elements whose links are judged with what is beside them: claimed profiles, contained resources.
_JUDGED_AS_A_WHOLE = frozenset({"Meta", "Resource"})
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


def has_valid_links(
    valid: dict[str, Any], linked: dict[str, Any], r4_id_types: Collection[str]
) -> bool:
    """Return whether a valid resource is certainly still valid with its links replaced.

    It is if only the texts of References differ, and each names a type that R4 allows there. No
    invariant of R4 reads more of such a text than whether it names a contained resource. A resource
    that claims a profile, or of which anything else has changed, must be validated again.
    `r4_id_types` are those of `validate`.
    """
    if "profile" in linked.get("meta", ()):
        return False
    kind = type_named(linked["resourceType"])
    return _are_valid(valid, linked, kind, r4_id_types)


def _are_valid(before: Any, after: Any, kind: Type, r4_id_types: Collection[str]) -> bool:
    return all(
        _is_valid(before[name], content, kind.elements.get(name), r4_id_types)
        for name, content in after.items()
    )


def _is_valid(
    before: Any, after: Any, element: Element | None, r4_id_types: Collection[str]
) -> bool:
    if before == after:
        return True
    if element is None or element.primitive or element.type in _JUDGED_AS_A_WHOLE:
        return False
    if isinstance(after, list):
        pairs = zip(before, after, strict=True)
        return all(_is_valid(*pair, element, r4_id_types) for pair in pairs)
    if element.type != "Reference":
        return _are_valid(before, after, type_named(element.type), r4_id_types)
    differs_in_text = before | {"reference": after.get("reference")} == after
    if not differs_in_text or before["reference"].startswith("#"):
        return False
    return not any(reference_elements.problems(after, element.targets, {}, r4_id_types))
