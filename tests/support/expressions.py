"""DynamoDB's condition and update expressions, as far as this service uses them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

type Value = dict[str, Any]
type Item = dict[str, Value]

_TOKEN = re.compile(r"\s*(<=|>=|[=<>(),]|[#:]?\w+)")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


class Expression:
    """One expression over one item. `used` has the names and values that it mentions."""

    def __init__(
        self, text: str, item: Item, names: Mapping[str, str], values: Mapping[str, Value]
    ) -> None:
        self._tokens = _TOKEN.findall(text)
        assert "".join(self._tokens) == re.sub(r"\s", "", text), f"cannot parse: {text}"
        self._item, self._names, self._values = item, names, values
        self.used = {token for token in self._tokens if token[0] in "#:"}

    def holds(self) -> bool:
        """Return the result of the expression as a condition."""
        result = self._either()
        assert not self._tokens, f"unexpected tokens after a condition: {self._tokens}"
        return result

    def updated_item(self) -> Item:
        """Return the item that the expression makes as an update."""
        result = dict(self._item)
        while self._tokens:
            clause = self._next()
            assert clause in ("SET", "ADD"), clause
            self._clause(clause, result)
        return result

    def _clause(self, clause: str, result: Item) -> None:
        while True:
            name = self._names[self._next()]
            if clause == "SET":
                self._expect("=")
                result[name] = self._assigned()
            else:
                result[name] = _sum(self._item.get(name), self._values[self._next()])
            if not self._accept(","):
                return

    def _assigned(self) -> Value:
        if not self._accept("if_not_exists"):
            return self._values[self._next()]
        self._expect("(")
        name = self._names[self._next()]
        self._expect(",")
        value = self._values[self._next()]
        self._expect(")")
        return self._item.get(name, value)

    def _either(self) -> bool:
        result = self._both()
        while self._accept("OR"):
            result = self._both() or result
        return result

    def _both(self) -> bool:
        result = self._one()
        while self._accept("AND"):
            result = self._one() and result
        return result

    def _one(self) -> bool:
        if self._accept("("):
            result = self._either()
            self._expect(")")
            return result
        if self._tokens[0].startswith("attribute_"):
            wanted = self._next() == "attribute_exists"
            self._expect("(")
            present = self._names[self._next()] in self._item
            self._expect(")")
            return present is wanted
        operand = self._item.get(self._names[self._next()])
        compare = _COMPARISONS[self._next()]
        right = self._values[self._next()]
        return (
            operand is not None
            and operand.keys() == right.keys()
            and compare(_of(operand), _of(right))
        )

    def _next(self) -> str:
        return str(self._tokens.pop(0))

    def _accept(self, token: str) -> bool:
        is_next = bool(self._tokens) and self._tokens[0] == token
        if is_next:
            self._next()
        return is_next

    def _expect(self, token: str) -> None:
        assert self._accept(token), f"{token} expected before {self._tokens}"


def _of(value: Value) -> Any:
    """Return the value as it is compared: a number as a number, a string by its bytes."""
    ((kind, content),) = value.items()
    if kind == "N":
        return int(content)
    return content.encode() if kind == "S" else content


def _sum(value: Value | None, more: Value) -> Value:
    if "N" in more:
        return {"N": str(int(value["N"] if value else 0) + int(more["N"]))}
    return {"SS": sorted({*(value["SS"] if value else ()), *more["SS"]})}
