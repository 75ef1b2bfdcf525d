"""JSON Patch: an array of operations that are applied in order, all or none.

The library jsonpatch applies each operation. Its messages quote the resource, so they are dropped.
https://www.rfc-editor.org/rfc/rfc6902
"""

from typing import Any

from jsonpatch import (
    JsonPatch,
    JsonPatchException,
    JsonPatchTestFailed,
    JsonPointer,
    JsonPointerException,
)

from shared.errors import Invalid, Malformed, TooLong
from shared.fhir.json_values import deep_copy, size
from shared.fhir.patch import pointers
from shared.fhir.validation.pairs import pairs

# Each operation may shift all items that follow in an array, so the time is bounded by the number
# of operations.
MOST_OPERATIONS = 1000
# How much all `copy` operations together may add, in characters and values: repeated copies double
# a resource.
LARGEST_COPY = 1_000_000
_KINDS = ("add", "remove", "replace", "move", "copy", "test")
_WITH_SOURCE = frozenset({"move", "copy"})
_WITH_VALUE = frozenset({"add", "replace", "test"})
Json = dict[str, Any]


class Patch:
    """A copy of a resource, to which operations are applied."""

    def __init__(self, resource: Json) -> None:
        """Copy the resource."""
        self.type = str(resource.get("resourceType"))
        self.document: Any = deep_copy(resource)
        self.pairs = [*pairs(self.document)]
        self.may_copy = LARGEST_COPY

    def apply(self, operations: list[Any]) -> Any:
        """Apply all operations and return the patched document.

        Raises Invalid, Malformed or TooLong if one cannot be applied. The copy is then unusable.
        """
        if len(operations) > MOST_OPERATIONS:
            raise TooLong(f"A patch may have at most {MOST_OPERATIONS} operations")
        for index, operation in enumerate(operations):
            _check(index, operation)
            self._step(index, operation)
        # Extensions follow their values last: operations refer to the indices as they leave them.
        for pair in self.pairs:
            pair.realign()
        return self.document

    def _step(self, index: int, operation: Json) -> None:
        try:
            if operation["op"] == "test":
                self._at(operation["path"])
            elif operation["op"] == "copy":
                self._bound(self._at(operation["from"]))
            self.document = JsonPatch([operation]).apply(self.document, in_place=True)
        except JsonPatchTestFailed:
            raise self._refused(index, operation, "the value is different") from None
        except (JsonPatchException, JsonPointerException):
            reason = "it names a location that does not exist"
            raise self._refused(index, operation, reason) from None

    def _at(self, path: str) -> Any:
        return JsonPointer(path).resolve(self.document)

    def _bound(self, value: Any) -> None:
        """Raise TooLong if copying a value exceeds what all copies may add."""
        self.may_copy -= size(value)
        if self.may_copy < 0:
            raise TooLong("The patch copies more data than a resource can hold")

    def _refused(self, index: int, operation: Json, reason: str) -> Invalid:
        return Invalid(
            f"Operation {index} ({operation['op']}) cannot be applied: {reason}",
            expression=pointers.expression(self.type, JsonPointer(operation["path"]).parts),
            diagnostics="Nothing was changed",
        )


def _check(index: int, operation: Any) -> None:
    """Raise Malformed if an operation could be applied to no resource."""
    kind = operation.get("op") if isinstance(operation, dict) else None
    if kind not in _KINDS:
        raise Malformed(
            f"Operation {index} is not a JSON Patch operation",
            diagnostics=f"op must be one of {', '.join(_KINDS)}",
        )
    try:
        _check_members(kind, operation)
    except ValueError as error:
        text = f"Operation {index} ({kind}) is not valid"
        raise Malformed(text, diagnostics=str(error)) from None


def _check_members(kind: str, operation: Json) -> None:
    path = pointers.parse(operation.get("path"))
    if kind in _WITH_VALUE and "value" not in operation:
        raise ValueError("The operation must have a value")
    if kind in _WITH_SOURCE:
        source = pointers.parse(operation.get("from"))
        if kind == "move" and source != path and source in path:
            raise ValueError("An element cannot be moved into itself")
    if kind == "remove" and not path.parts:
        raise ValueError("The resource itself cannot be removed or moved")
