"""The query parameters of a search, and the models of queries."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import pydantic

from shared.catalog.controls import LARGEST_COUNT
from shared.catalog.types import SESSION_TYPES
from shared.fhir import references
from shared.fhir.references import External, Local
from shared.fhir.validation.primitives import PRIMITIVES
from shared.fhir.validation.schema import code_predicate, value_set_codes
from shared.http.openapi import schemas
from shared.plain.checks import Checked, Rule
from shared.plain.validation import Model

type Json = dict[str, Any]

SORT, COUNT, CURSOR = "sort", "count", "cursor"
_SORTS = ("date", "-date")
_COUNT = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)
_FOREIGN_ID = r"^[A-Za-z0-9._-]{1,64}$"
_REFERENCE = r"^[A-Z][a-z]+/[A-Za-z0-9.-]{1,64}$"
_DATE = r"^[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|1[0-9]|2[0-8]))?)?$"


@dataclass(frozen=True)
class Param(Checked):
    """A query parameter; `code` is the FHIR search parameter that it stands for.

    The value is a time if there is a `prefix`. It is an id or a reference to a `target`, or with
    `is_reference` a reference with its type. Otherwise it is a list of codes: of a value set, of
    `codes` in a `system`, or any. A `control` has a rule of its own.
    """

    name: str
    code: str
    about: str
    target: str = ""
    is_reference: bool = False
    value_set: str = ""
    codes: tuple[str, ...] = ()
    system: str = ""
    prefix: str = ""
    control: Rule | None = None

    def rule(self) -> Rule:
        """Return the rule for values."""
        if self.control:
            return self.control
        if self.prefix:
            holds, form = PRIMITIVES["dateTime"]
            return Rule(holds, form, _strings(_DATE))
        if self.is_reference:
            return Rule(_is_reference, "a reference (Type/id)", _strings(_REFERENCE))
        if self.target:
            # The ids of people and places may come from another system.
            schema = _strings(schemas.ID if self.target in SESSION_TYPES else _FOREIGN_ID)
            return Rule(self._accepts_id, "an id or a reference (Type/id)", schema)
        codes = value_set_codes(self.value_set) if self.value_set else [*self.codes]
        schema = {"type": "string", "enum": codes} if codes else _strings(_FOREIGN_ID)
        several = "or several with commas" if self.value_set or not codes else "or system|code"
        expected = f"one of {', '.join(codes)}, {several}" if codes else f"a code, {several}"
        return Rule(self._accepts_codes, expected, schema)

    def _accepts_id(self, text: str) -> bool:
        return references.is_id(text, self.target) or _is_reference(text)

    def _accepts_codes(self, text: str) -> bool:
        return all(map(self._accepts_code, text.split(",")))

    def _accepts_code(self, code: str) -> bool:
        if self.value_set:
            return bool(code_predicate(self.value_set)(code))
        if self.codes and "|" not in code:
            return code in self.codes
        return bool(code.strip("|"))


def _is_reference(text: str) -> bool:
    return isinstance(references.parse(text), Local | External) and "," not in text


def _strings(pattern: str) -> Json:
    return {"type": "string", "pattern": pattern}


def _is_count(text: str) -> bool:
    return _COUNT.fullmatch(text) is not None and int(text) <= LARGEST_COUNT


_CONTROLS = (
    Param(
        SORT,
        "_sort",
        "Order by time; -date sorts the latest first",
        control=Rule(_SORTS.__contains__, f"one of {', '.join(_SORTS)}", {"enum": [*_SORTS]}),
    ),
    Param(
        COUNT,
        "_count",
        "Page size, 20 by default",
        control=Rule(
            _is_count,
            f"a number from 1 to {LARGEST_COUNT}",
            {"type": "integer", "minimum": 1, "maximum": LARGEST_COUNT},
        ),
    ),
    Param(
        CURSOR,
        "_cursor",
        "`next` of the previous page; repeat its other parameters",
        control=Rule(lambda _: True, "a cursor", schemas.TEXT),
    ),
)


class Query(Model):
    """The query of a search."""

    unknown = ("invalid", "parameter")


def query_model(params: Iterable[Param]) -> type[Query]:
    """Return the model of the queries with some parameters."""
    members: Any = {
        param.name: (Annotated[str, param], pydantic.Field(None, description=param.about))
        for param in (*params, *_CONTROLS)
    }
    return pydantic.create_model("Query", __base__=Query, **members)
