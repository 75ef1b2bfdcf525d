"""The walk over a resource that compares it with R4's tables and collects the issues.

https://hl7.org/fhir/R4/json.html
"""

import re
from collections.abc import Collection
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.catalog.types import SESSION_TYPES, STORED_TYPES
from shared.errors import Issue
from shared.fhir import reference_elements, references
from shared.fhir.outcome import MOST_ISSUES
from shared.fhir.validation.invariants import CONTAINED_INVARIANTS, INVARIANTS, Context
from shared.fhir.validation.schema import (
    Element,
    Type,
    code_predicate,
    has_coding,
    invariant_path,
    invariant_text,
    resource_types,
    type_named,
    value_set_codes,
)

if TYPE_CHECKING:
    from shared.fhir.validation.fhirpath_budget import StepBudget

SPECIFICATION = "https://hl7.org/fhir/R4/"
_NAME = re.compile(r"_?[A-Za-z][A-Za-z0-9]{0,63}", re.ASCII)
_FRAGMENT_TYPES = frozenset({"canonical", "uri", "url"})
# A value set with more codes is not listed in an error message.
_MOST_CODES_LISTED = 40
_OF_CONTAINED = f"{SPECIFICATION}references.html#contained"


def _contained(resource: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Return the contained resources that are objects, each with its index."""
    contained = resource.get("contained")
    indexed = enumerate(contained if isinstance(contained, list) else [])
    return [(index, inner) for index, inner in indexed if isinstance(inner, dict)]


def _is_typed(resource: dict[str, Any]) -> bool:
    name = resource.get("resourceType")
    return isinstance(name, str) and name in resource_types()


class ManyIssues(Exception):
    """There are more issues than an answer lists, so the walk stops."""


class _Scope(NamedTuple):
    """Where the walk is: in the outermost resource, or in one inside of it.

    `contained_types` are those of the contained resources that a `#fragment` may name, by id.
    `resource` is the resource, stored or contained, whose invariants are checked. `inner_path` is
    that of the resource inside the outermost one, if the walk is in one.
    """

    context: Context
    contained_types: dict[str, str]
    resource: dict[str, Any] | None
    inner_path: str = ""


class Walk:
    """The state of the walk: the issues found so far, and the references within the resource."""

    def __init__(
        self, resource: dict[str, Any], zone: tzinfo, r4_id_types: Collection[str] = SESSION_TYPES
    ) -> None:
        """Start at a resource; `zone` is the time zone of dates without one.

        References to types in `r4_id_types` must have ids as R4 defines them. References to other
        types may also have ids that other systems assign.
        """
        self.issues: list[Issue] = []
        self._outermost, self._zone, self._r4_id_types = resource, zone, r4_id_types
        contained_types = references.contained_types(resource)
        self._scope = _Scope(
            Context(frozenset(contained_types), zone),
            contained_types,
            resource if resource.get("resourceType") in STORED_TYPES else None,
        )
        self._budget: StepBudget | None = None
        # All fragments in references, and the paths of inner resources that refer to the outermost.
        self._fragments: set[str] = set()
        self._linked: set[str] = set()

    def _add(self, code: str, text: str, path: str, diagnostics: str) -> None:
        self.issues.append(Issue(code, text, path, diagnostics))
        if len(self.issues) > MOST_ISSUES:
            raise ManyIssues

    def resource(self, value: dict[str, Any], kind: Type, path: str) -> None:
        """Check a resource whose type is already known."""
        content = {name: member for name, member in value.items() if name != "resourceType"}
        self._elements(content, kind, path)
        self._invariants(value, kind, path)

    def contained(self, resource: dict[str, Any], path: str) -> None:
        """Check R4's rules about contained resources, after the walk has seen all references."""
        seen_ids: set[str] = set()
        for index, inner in _contained(resource):
            here, own_id = f"{path}.contained[{index}]", inner.get("id")
            is_linked = f"#{own_id}" in self._fragments or here in self._linked
            for key, holds in CONTAINED_INVARIANTS.items():
                if not holds(inner, is_linked):
                    self._broken(key, here)
            if "id" not in inner and _is_typed(inner):
                self._add(
                    "invariant",
                    "A contained resource needs an id, so that references can name it",
                    f"{here}.id",
                    _OF_CONTAINED,
                )
            elif isinstance(own_id, str) and own_id in seen_ids:
                self._add(
                    "invariant",
                    "Another contained resource has the same id",
                    f"{here}.id",
                    _OF_CONTAINED,
                )
            elif isinstance(own_id, str):
                seen_ids.add(own_id)

    def _broken(self, key: str, path: str) -> None:
        name = key.partition("@")[0]
        self._add(
            "invariant",
            f"{name}: {invariant_text(key)}",
            path,
            f"Invariant {name}: {SPECIFICATION}conformance-rules.html#constraints",
        )

    def _object(self, value: Any, kind: Type, path: str) -> None:
        """Check a complex element."""
        if type(value) is not dict:
            self._add(
                "structure",
                "An object is expected here",
                path,
                f"A value of type {kind.name} is an object",
            )
        elif not value or (len(value) == 1 and "id" in value):
            self._empty(path)
        else:
            self._properties(value, kind, path)

    def _empty(self, path: str) -> None:
        self._add(
            "invariant",
            "ele-1: All FHIR elements must have a @value or children",
            path,
            "Empty objects, arrays and strings, and null, are not allowed",
        )

    def _properties(self, value: dict[str, Any], kind: Type, path: str) -> None:
        """Check each property of an object, then its invariants."""
        self._elements(value, kind, path)
        self._invariants(value, kind, path)

    def _elements(self, value: dict[str, Any], kind: Type, path: str) -> None:
        """Check each property of an object, and that all required elements exist."""
        elements = kind.elements
        choices: dict[str, str] = {}
        for name, content in value.items():
            element = elements.get(name)
            if element is None:
                self._other(name, content, value, kind, path)
                element = elements.get(name[1:]) if name[:1] == "_" else None
            else:
                self._property(name, content, value, element, path)
            if element and element.choice:
                self._choice(element.choice, name.removeprefix("_"), choices, path)
        for required in kind.required:
            if required.properties.isdisjoint(value):
                here = f"{path}.{required.name}"
                self._add("required", "A required element is missing", here, f"{here} is 1..1")

    def _invariants(self, value: dict[str, Any], kind: Type, path: str) -> None:
        for key in kind.invariants:
            if key not in CONTAINED_INVARIANTS and not self._holds(key, value, kind):
                self._broken(key, path)

    def _holds(self, key: str, value: dict[str, Any], kind: Type) -> bool:
        """Return whether an object satisfies an invariant.

        Invariants that Encounter and Communication do not use are evaluated as FHIRPath.
        """
        rule = INVARIANTS.get(key)
        if rule:
            return rule(value, self._scope.context)
        if self._scope.resource is None:
            return True
        from shared.fhir.validation import fhirpath, fhirpath_budget  # noqa: PLC0415 - few types need it

        self._budget = self._budget or fhirpath_budget.StepBudget(self._outermost)
        return fhirpath.holds(
            invariant_path(key),
            value,
            self._scope.resource,
            kind=kind,
            budget=self._budget,
            zone=self._zone,
        )

    def _choice(self, stem: str, name: str, seen: dict[str, str], path: str) -> None:
        if seen.setdefault(stem, name) != name:
            self._add(
                "structure",
                f"Only one type of {stem}[x] is allowed",
                f"{path}.{name}",
                f"{path}.{seen[stem]} is present, too",
            )

    def _property(
        self, name: str, content: Any, value: dict[str, Any], element: Element, path: str
    ) -> None:
        """Check a known property: an array if the element repeats, otherwise one value."""
        here = f"{path}.{name}"
        check = self._primitive if element.primitive else self._complex
        if not element.is_array:
            if type(content) is list:
                self._add(
                    "structure",
                    "This element does not repeat",
                    here,
                    "Send a single value instead of an array",
                )
            else:
                check(content, element, here)
            return
        partner = value.get(f"_{name}") if element.primitive else None
        for index, item in enumerate(self._items(content, here, here)):
            if item is not None or not _has(partner, index):
                check(item, element, f"{here}[{index}]")

    def _items(self, content: Any, path: str, name: str) -> list[Any]:
        """Return the items of an array; report content that is no array, or an empty one."""
        if type(content) is not list:
            self._add("structure", "An array is expected here", path, f"{name} is 0..*")
            return []
        if not content:
            self._empty(path)
        return content

    def _complex(self, value: Any, element: Element, path: str) -> None:
        """Check an element that has elements of its own, or is a resource inside the resource."""
        if element.type == "Resource":
            self._inner(value, path)
            return
        self._object(value, type_named(element.type), path)
        if type(value) is not dict:
            return
        if element.type == "Reference":
            self._reference(value, element.targets, path)
        elif element.type == "Attachment":
            for name, problem, diagnostics in reference_elements.attachment_problems(value):
                self._add("value", problem, f"{path}.{name}", diagnostics)
        elif element.value_set:
            self._concept(value.get("coding"), element.value_set, path)

    def _inner(self, value: Any, path: str) -> None:
        """Check a resource inside the resource, in which `#` names the resource around it."""
        if not isinstance(value, dict) or not _is_typed(value):
            self._add(
                "structure",
                "A resource is expected here",
                path,
                "resourceType must be a resource type of R4",
            )
            return
        outer = self._scope
        is_contained = ".contained[" in path
        # An entry of a Bundle, or a parameter, has contained resources of its own.
        types = outer.contained_types if is_contained else references.contained_types(value)
        self._scope = _Scope(
            Context(frozenset({*types, ""}), self._zone),
            types,
            value if is_contained else None,
            outer.inner_path or path,
        )
        self.resource(value, type_named(value["resourceType"]), path)
        self._scope = outer

    def _reference(self, value: dict[str, Any], targets: frozenset[str], path: str) -> None:
        """Check a Reference, and record the fragment that it names."""
        text = value.get("reference")
        if type(text) is str and text[:1] == "#":
            self._fragment(text)
        for name, problem, diagnostics in reference_elements.problems(
            value, targets, self._scope.contained_types, self._r4_id_types
        ):
            self._add("value", problem, f"{path}.{name}", diagnostics)

    def _primitive(self, value: Any, element: Element, path: str) -> None:
        """Check a primitive value, and its code if it has a required value set."""
        primitive = element.primitive
        if value is None or value == "":
            self._empty(path)
        elif primitive is None or not primitive.is_valid(value):
            form = primitive.form if primitive else ""
            self._add(
                "value",
                f"Not a valid {element.type}: expected {form}",
                path,
                f"See {SPECIFICATION}datatypes.html#{element.type}",
            )
        elif element.value_set and not code_predicate(element.value_set)(value):
            self._unknown_code(element.value_set, path)
        elif element.type in _FRAGMENT_TYPES and value[0] == "#":
            self._fragment(value)

    def _fragment(self, text: str) -> None:
        """Record a fragment, and that the current inner resource refers to the outer one."""
        self._fragments.add(text)
        if text == "#" and self._scope.inner_path:
            self._linked.add(self._scope.inner_path)

    def _concept(self, codings: Any, value_set: str, path: str) -> None:
        """Check that a concept has a coding of a required value set, if it has codings at all."""
        if type(codings) is not list or not codings:
            return
        if not any(has_coding(value_set, coding) for coding in codings):
            self._unknown_code(value_set, path)

    def _unknown_code(self, value_set: str, path: str) -> None:
        codes = value_set_codes(value_set)
        code_list = f": {', '.join(codes)}" if 0 < len(codes) <= _MOST_CODES_LISTED else ""
        self._add(
            "code-invalid",
            f"The code is not in the required value set {value_set}{code_list}",
            path,
            f"Required binding to http://hl7.org/fhir/ValueSet/{value_set}|4.0.1",
        )

    def _other(self, name: str, content: Any, value: dict[str, Any], kind: Type, path: str) -> None:
        """Check a property that is not an element: extensions of a primitive, or unknown to R4."""
        element = kind.elements.get(name[1:]) if name[:1] == "_" else None
        if element and element.extensible:
            self._extensions(name[1:], content, value, element, path)
            return
        here = f"{path}.{name}" if _NAME.fullmatch(name) else path
        self._add("structure", "Unknown property", here, f"R4 has no such element in {kind.name}")

    def _extensions(
        self, name: str, content: Any, value: dict[str, Any], element: Element, path: str
    ) -> None:
        """Check `_name`, with the ids and extensions of a primitive: an array if that repeats."""
        here = f"{path}.{name}"
        if not element.is_array:
            self._padding(content, here, has_value=name in value)
            return
        partner = value.get(name)
        for index, item in enumerate(self._items(content, here, f"_{name}")):
            has_value = _has(partner, index)
            # If both arrays have null at an index, it has been reported for the array of values.
            if item is not None or not (has_value or _reaches(partner, index)):
                self._padding(item, f"{here}[{index}]", has_value=has_value)

    def _padding(self, value: Any, path: str, *, has_value: bool) -> None:
        """Check the id and extensions of one primitive value. Without a value, an id is not enough.

        An object with nothing but an id is an empty element, unless it accompanies a value.
        """
        check = self._properties if has_value and type(value) is dict and value else self._object
        check(value, type_named("Element"), path)


def _has(array: Any, index: int) -> bool:
    return _reaches(array, index) and array[index] is not None


def _reaches(array: Any, index: int) -> bool:
    return type(array) is list and index < len(array)
