"""One walk over a resource beside the tables of R4, noting what does not fit.

https://hl7.org/fhir/R4/json.html
"""

import re
from datetime import tzinfo
from typing import Any

from shared.catalog.types import TYPES
from shared.errors import Issue
from shared.resources.invariants import CONTAINED_INVARIANTS, INVARIANTS, Context
from shared.resources.schema import (
    Element,
    Type,
    binding,
    invariant_path,
    invariant_text,
    listed,
    resource_types,
    type_named,
)

SPECIFICATION = "https://hl7.org/fhir/R4/"
_NAME = re.compile(r"_?[A-Za-z][A-Za-z0-9]{0,63}", re.ASCII)
_TARGET = re.compile(r"([A-Z][A-Za-z]+)[/?]", re.ASCII)
_FRAGMENT_TYPES = frozenset({"canonical", "uri", "url"})
_FEW = 40


def _contained_ids(resource: dict[str, Any]) -> set[str]:
    contained = resource.get("contained")
    found = contained if isinstance(contained, list) else []
    ids = [each.get("id") for each in found if isinstance(each, dict)]
    return {each for each in ids if isinstance(each, str)}


class Walk:
    """The issues and the fragments met so far."""

    def __init__(self, resource: dict[str, Any], zone: tzinfo) -> None:
        """Start at a resource; `zone` is that of dates in per-1."""
        self.issues: list[Issue] = []
        self.fragments: list[tuple[str, str]] = []
        self.ids = _contained_ids(resource)
        self.context = Context(frozenset(self.ids), zone)
        # The resource, stored or contained, whose own invariants are being looked at.
        self.inner = resource if resource.get("resourceType") in TYPES else None

    def _add(self, code: str, text: str, path: str, diagnostics: str) -> None:
        self.issues.append(Issue(code, text, path, diagnostics))

    def resource(self, value: dict[str, Any], kind: Type, path: str) -> None:
        """Check a resource; its type is already known."""
        content = {name: each for name, each in value.items() if name != "resourceType"}
        self._properties(content, kind, path)

    def contained(self, resource: dict[str, Any], path: str) -> None:
        """Check what R4 asks of contained resources, once all references are known."""
        found = resource.get("contained")
        for index, each in enumerate(found if isinstance(found, list) else []):
            here = f"{path}.contained[{index}]"
            if isinstance(each, dict):
                is_linked = self._is_linked(each.get("id"), here)
                for key, holds in CONTAINED_INVARIANTS.items():
                    if not holds(each, is_linked):
                        self._broken(key, here)

    def _is_linked(self, own: Any, path: str) -> bool:
        """Tell whether a contained resource is referred to, or refers to the one around it."""
        return any(
            text == f"#{own}" or (text == "#" and place.startswith(f"{path}."))
            for place, text in self.fragments
        )

    def _broken(self, key: str, path: str) -> None:
        name = key.partition("@")[0]
        diagnostics = f"Invariant {name}: {SPECIFICATION}conformance-rules.html#constraints"
        self._add("invariant", f"{name}: {invariant_text(key)}", path, diagnostics)

    def _object(self, value: Any, kind: Type, path: str) -> None:
        """Check a complex element."""
        if type(value) is not dict:
            self._add("structure", "An object is expected here", path, f"{kind.name} is an object")
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
        """Check each property of an object, then what the object needs as a whole."""
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
        for key in kind.invariants:
            if key not in CONTAINED_INVARIANTS and not self._holds(key, value):
                self._broken(key, path)

    def _holds(self, key: str, value: dict[str, Any]) -> bool:
        """Check an invariant; those that Encounter and Communication do not reach are FHIRPath."""
        rule = INVARIANTS.get(key)
        if rule:
            return rule(value, self.context)
        if self.inner is None:
            return True
        from shared.resources import fhirpath  # noqa: PLC0415 - only some types need it

        return fhirpath.holds(invariant_path(key), value, self.inner)

    def _choice(self, stem: str, name: str, seen: dict[str, str], path: str) -> None:
        if seen.setdefault(stem, name) != name:
            text = f"Only one type of {stem}[x] may be there"
            self._add("structure", text, f"{path}.{name}", f"{path}.{seen[stem]} is there too")

    def _property(
        self, name: str, content: Any, value: dict[str, Any], element: Element, path: str
    ) -> None:
        """Check one known property: an array where it repeats, else one value."""
        here = f"{path}.{name}"
        check = self._primitive if element.primitive else self._complex
        if not element.many:
            if type(content) is list:
                self._add("structure", "This element does not repeat", here, "An array is not one")
            else:
                check(content, element, here)
            return
        if type(content) is not list:
            self._add("structure", "An array is expected here", here, f"{here} is 0..*")
            return
        if not content:
            self._empty(here)
        partner = value.get(f"_{name}") if element.primitive else None
        for index, item in enumerate(content):
            if item is not None or not _has(partner, index):
                check(item, element, f"{here}[{index}]")

    def _complex(self, value: Any, element: Element, path: str) -> None:
        """Check an element with elements of its own, and a resource inside the resource."""
        if element.type == "Resource":
            self._inner(value, path)
            return
        self._object(value, type_named(element.type), path)
        if type(value) is dict and "reference" in value and element.type == "Reference":
            self._reference(value["reference"], element.targets, path)

    def _inner(self, value: Any, path: str) -> None:
        """Check a resource inside the resource; there `#` is the resource around it."""
        name = value.get("resourceType") if isinstance(value, dict) else None
        if not isinstance(name, str) or name not in resource_types():
            text = "A resource of a type that R4 has is expected here"
            self._add("structure", text, path, "resourceType is missing or not of R4")
            return
        outer, inner = self.context, self.inner
        self.context = Context(frozenset({*self.ids, ""}), outer.zone)
        self.inner = value if ".contained[" in path else None
        self.resource(value, type_named(name), path)
        self.context, self.inner = outer, inner

    def _reference(self, text: Any, targets: frozenset[str], path: str) -> None:
        """Note fragments; refuse a relative reference to a type that may not stand here."""
        if type(text) is not str:
            return
        if text[:1] == "#":
            self.fragments.append((f"{path}.reference", text))
        match = _TARGET.match(text) if targets else None
        if match and match[1] not in targets and match[1] in resource_types():
            diagnostics = f"May refer to {', '.join(sorted(targets))}"
            text = "The reference names a type that may not stand here"
            self._add("value", text, f"{path}.reference", diagnostics)

    def _primitive(self, value: Any, element: Element, path: str) -> None:
        """Check a primitive value, and its code where R4 lists the codes."""
        primitive = element.primitive
        if value is None or value == "":
            self._empty(path)
        elif primitive is None or not primitive.holds(value):
            form = primitive.form if primitive else ""
            url = f"{SPECIFICATION}datatypes.html#{element.type}"
            text = f"Not a valid {element.type}: {form} is expected"
            self._add("value", text, path, f"{element.type}: {url}")
        elif element.value_set and not binding(element.value_set)(value):
            self._unknown_code(element.value_set, path)
        elif element.type in _FRAGMENT_TYPES and value[0] == "#":
            self.fragments.append((path, value))

    def _unknown_code(self, value_set: str, path: str) -> None:
        codes = listed(value_set)
        shown = f": {', '.join(codes)}" if 0 < len(codes) <= _FEW else ""
        url = f"http://hl7.org/fhir/ValueSet/{value_set}"
        text = f"The code is not in the required value set {value_set}{shown}"
        self._add("code-invalid", text, path, f"Required binding to {url}|4.0.1")

    def _other(self, name: str, content: Any, value: dict[str, Any], kind: Type, path: str) -> None:
        """Check a property that is no element: the extensions of a primitive, or nothing of R4."""
        element = kind.elements.get(name[1:]) if name[:1] == "_" else None
        if element and element.primitive:
            self._extensions(name[1:], content, value, element, path)
            return
        here = f"{path}.{name}" if _NAME.fullmatch(name) else path
        text = "An unknown property"
        self._add("structure", text, here, f"R4 has no such element in {kind.name}")

    def _extensions(
        self, name: str, content: Any, value: dict[str, Any], element: Element, path: str
    ) -> None:
        """Check `_name`: an object beside a value or alone; beside an array, an array."""
        here = f"{path}.{name}"
        if not element.many:
            self._padding(content, here, has_value=name in value)
            return
        if type(content) is not list:
            self._add("structure", "An array is expected here", here, f"_{name} is 0..*")
            return
        if not content:
            self._empty(here)
        partner = value.get(name)
        for index, item in enumerate(content):
            has_value = _has(partner, index)
            # A null beside a null was reported with the value's own array.
            if item is not None or not (has_value or _reaches(partner, index)):
                self._padding(item, f"{here}[{index}]", has_value=has_value)

    def _padding(self, value: Any, path: str, *, has_value: bool) -> None:
        """Check the id and extensions of one primitive value; beside a value an id will do."""
        check = self._properties if has_value and type(value) is dict and value else self._object
        check(value, type_named("Element"), path)


def _has(array: Any, index: int) -> bool:
    return _reaches(array, index) and array[index] is not None


def _reaches(array: Any, index: int) -> bool:
    return type(array) is list and index < len(array)
