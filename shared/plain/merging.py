"""Application of a JSON Merge Patch to a plain object: https://www.rfc-editor.org/rfc/rfc7396 ."""

from typing import Any

from shared.fhir.json_values import deep_copy
from shared.fhir.patch.patching import merge
from shared.plain.fields import Fields
from shared.plain.kinds import says_nothing

type Json = dict[str, Any]


def merged(fields: Fields, shown: Json, patch: Json) -> Json:
    """Return the plain object that results from applying a patch to the one shown.

    A value that is shown as text is patched as the object that it stands for. If the patch names
    only one of a field and its plural, the other one is adapted to it.
    """
    after: Json = merge(_with_objects(fields, shown, patch), patch)
    for name, change in patch.items():
        if after.get(name) == {} and says_nothing(change):
            after[name] = deep_copy(change)  # keep the nulls that emptied the object
    for field in fields:
        patched_names = [name for name in field.names if name in patch]
        if field.plural and len(patched_names) == 1:
            after.pop(field.name if patched_names == [field.plural] else field.plural, None)
        if field.plural in shown and patched_names == [field.name] and field.name in after:
            after[field.plural] = [after[field.name], *shown[field.plural][1:]]
    return after


def _with_objects(fields: Fields, shown: Json, patch: Json) -> Json:
    """Return the object shown, with each text that is changed in part expanded to an object."""
    kinds = {field.name: field.kind for field in fields if not field.many}
    partial = {name for name, change in patch.items() if change and isinstance(change, dict)}
    return shown | {
        name: kinds[name].expanded(shown[name]) for name in partial & shown.keys() & {*kinds}
    }
