"""Patching a resource with a JSON Patch or JSON Merge Patch document.

https://hl7.org/fhir/R4/http.html#patch
"""

from typing import Any

from shared.errors import Invalid, Malformed, UnsupportedMedia
from shared.fhir.json_values import deep_copy
from shared.fhir.meta import has_same_content
from shared.fhir.validation.pairs import realign_extensions

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
_EITHER = frozenset({"application/json", "application/fhir+json"})
_FIXED = ("resourceType", "id")
_WRITTEN_BY_A_MACHINE = frozenset({"generated", "extensions"})
_WRITING = frozenset({"add", "replace", "move", "copy"})
Json = dict[str, Any]


def patch(resource: Json, body: Any, media_type: str) -> Json:
    """Return a patched copy of a resource.

    Raises Invalid if an operation cannot be applied, Malformed if the body is not a patch,
    UnsupportedMedia for another media type, and TooLong if it has too many operations or copies too
    much.
    """
    media_type = media_type.partition(";")[0].strip().lower()
    try:
        patched = _applied(resource, body, media_type)
    except RecursionError:
        raise Malformed("The patch is nested too deeply") from None
    return _checked(resource, patched)


def _applied(resource: Json, body: Any, media_type: str) -> Any:
    is_either = media_type in _EITHER
    if isinstance(body, list) and (is_either or media_type == JSON_PATCH):
        from shared.fhir.patch.json_patch import Patch  # noqa: PLC0415 - only JSON Patch needs it

        return Patch(resource).apply(body)
    if isinstance(body, dict) and (is_either or media_type == MERGE_PATCH):
        return merge(resource, body)
    if is_either or media_type in (JSON_PATCH, MERGE_PATCH):
        shape = "an object" if media_type == MERGE_PATCH else "an array of operations"
        raise Malformed("The body is not a patch", diagnostics=f"It must be {shape}")
    raise UnsupportedMedia(
        "The media type of the body is not one of a patch",
        diagnostics=f"Use {JSON_PATCH} or {MERGE_PATCH}",
    )


def _checked(before: Json, after: Any) -> Json:
    if not isinstance(after, dict):
        raise Invalid(
            "The patch replaces the resource by something that is not an object",
            expression=before["resourceType"],
        )
    for name in _FIXED:
        if after.get(name) != before.get(name):
            raise Invalid(
                f"A patch cannot change {name}",
                expression=f"{before['resourceType']}.{name}",
                diagnostics="Type and id identify the resource",
            )
    return after


def merge(target: Any, changes: Any) -> Any:
    """Return a value with a merge patch applied.

    https://www.rfc-editor.org/rfc/rfc7396
    """
    if not isinstance(changes, dict):
        return deep_copy(changes)
    merged = deep_copy(target) if isinstance(target, dict) else {}
    for name, change in changes.items():
        if change is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), change)
    _follow(target, merged, changes)
    return merged


def _follow(target: Any, merged: Json, changes: Json) -> None:
    """Realign the extensions of primitive values that changed, unless the patch changes them."""
    if not isinstance(target, dict):
        return
    for name, values in changes.items():
        before, partner = target.get(name), f"_{name}"
        extensions = merged.get(partner)
        if partner in changes or not isinstance(extensions, list):
            continue
        if isinstance(before, list) and isinstance(values, list):
            merged[partner] = realign_extensions(before, values, extensions)


def writes_text(body: Any) -> bool:
    """Return whether a patch writes the narrative, even without changing it."""
    if isinstance(body, dict):
        return "text" in body
    operations = body if isinstance(body, list) else []
    return any(
        operation.get("op") in _WRITING and _is_of_text(operation.get("path"))
        for operation in operations
        if isinstance(operation, dict)
    )


def _is_of_text(path: Any) -> bool:
    return path == "" or (isinstance(path, str) and f"{path}/".startswith("/text/"))


def without_generated_text(before: Json, after: Json) -> Json:
    """Return a changed resource without a narrative that was generated from its old content.

    A narrative that the change itself wrote stays, and so does one with status `additional`.
    https://hl7.org/fhir/R4/narrative.html#status
    """
    text = before.get("text")
    is_generated = isinstance(text, dict) and text.get("status") in _WRITTEN_BY_A_MACHINE
    if not is_generated or after.get("text") != text or has_same_content(before, after):
        return after
    return {name: value for name, value in after.items() if name != "text"}
