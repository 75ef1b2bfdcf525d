"""JSON Patch: an array of operations that are applied in order, all or none.

https://www.rfc-editor.org/rfc/rfc6902
"""

from collections.abc import Callable
from typing import Any

from shared.errors import Invalid, Malformed, TooLong
from shared.fhir.json_values import deep_copy, equal, size
from shared.fhir.patch import pointers
from shared.fhir.validation.pairs import pairs

# Each operation may shift all items that follow in an array, so the time is bounded by the number
# of operations.
MOST_OPERATIONS = 1000
# How much all `copy` operations together may add, in characters and values: repeated copies double
# a resource.
LARGEST_COPY = 1_000_000
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
            self._step(index, operation)
        # Extensions follow their values last: operations refer to the indices as they leave them.
        for pair in self.pairs:
            pair.realign()
        return self.document

    def _step(self, index: int, operation: Any) -> None:
        kind = operation.get("op") if isinstance(operation, dict) else None
        step = _STEPS.get(kind) if isinstance(kind, str) else None
        if step is None:
            names = ", ".join(_STEPS)
            raise Malformed(
                f"Operation {index} is not a JSON Patch operation",
                diagnostics=f"op must be one of {names}",
            )
        try:
            path = pointers.parse(operation.get("path"))
            step(self, path, operation)
        except _TestFailed:
            reason = "the value is different"
            raise self._refused(index, kind, reason, path) from None
        except LookupError:
            reason = "it names a location that does not exist"
            raise self._refused(index, kind, reason, path) from None
        except ValueError as error:
            text = f"Operation {index} ({kind}) is not valid"
            raise Malformed(text, diagnostics=str(error)) from None

    def _refused(self, index: int, kind: Any, reason: str, path: list[str]) -> Invalid:
        return Invalid(
            f"Operation {index} ({kind}) cannot be applied: {reason}",
            expression=pointers.expression(self.type, path),
            diagnostics="Nothing was changed",
        )

    def add(self, path: list[str], operation: Json) -> None:
        """Set a property to a value, or insert the value into an array before an index."""
        self._put(path, deep_copy(_value(operation)))

    def remove(self, path: list[str], _: Json) -> None:
        """Remove the value at a path."""
        self._take(path)

    def replace(self, path: list[str], operation: Json) -> None:
        """Replace the value at a path."""
        value = deep_copy(_value(operation))
        if path:
            container = pointers.resolve(self.document, path[:-1])
            pointers.child(container, path[-1])
            is_array = isinstance(container, list)
            container[pointers.index(container, path[-1]) if is_array else path[-1]] = value
        else:
            self.document = value

    def move(self, path: list[str], operation: Json) -> None:
        """Remove a value and add it at another path."""
        source = pointers.parse(operation.get("from"))
        if path != source and path[: len(source)] == source:
            raise ValueError("An element cannot be moved into itself")
        pointers.resolve(self.document, source)
        if path != source:
            self._put(path, self._take(source))

    def copy(self, path: list[str], operation: Json) -> None:
        """Add a copy of a value at another path."""
        value = pointers.resolve(self.document, pointers.parse(operation.get("from")))
        self.may_copy -= size(value)
        if self.may_copy < 0:
            raise TooLong("The patch copies more data than a resource can hold")
        self._put(path, deep_copy(value))

    def test(self, path: list[str], operation: Json) -> None:
        """Raise an error if the value at a path is different from the expected one."""
        expected = _value(operation)
        if not equal(pointers.resolve(self.document, path), expected):
            raise _TestFailed

    def _put(self, path: list[str], value: Any) -> None:
        if not path:
            self.document = value
            return
        container = pointers.resolve(self.document, path[:-1])
        name = path[-1]
        if isinstance(container, list):
            last = len(container)
            is_end = name in (pointers.APPEND, str(last))
            container.insert(last if is_end else pointers.index(container, name), value)
        elif isinstance(container, dict):
            container[name] = value
        else:
            raise LookupError(name)  # noqa: TRY004 - to the caller, the path does not exist

    def _take(self, path: list[str]) -> Any:
        if not path:
            raise ValueError("The resource itself cannot be removed or moved")
        container = pointers.resolve(self.document, path[:-1])
        pointers.child(container, path[-1])
        if isinstance(container, list):
            return container.pop(pointers.index(container, path[-1]))
        return container.pop(path[-1])


class _TestFailed(Exception):
    """The value that a `test` operation names is different."""


def _value(operation: Json) -> Any:
    if "value" not in operation:
        raise ValueError("The operation must have a value")
    return operation["value"]


_STEPS: dict[str, Callable[[Patch, list[str], Json], None]] = {
    "add": Patch.add,
    "remove": Patch.remove,
    "replace": Patch.replace,
    "move": Patch.move,
    "copy": Patch.copy,
    "test": Patch.test,
}
