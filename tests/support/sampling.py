"""A sample of the resource types at each route, since all types behave alike there."""

from typing import Any

from shared.catalog.types import SESSION_TYPES, STORED_TYPES

type Json = dict[str, Any]
OTHERS = tuple(kind for kind in STORED_TYPES if kind not in SESSION_TYPES)


def sampled_api(api: Json, most: int) -> Json:
    """Return the API with `most` types at each route, beside the two that have rules of their own.

    Each route gets other types, so that the size of the document does not grow with the number of
    types.
    """
    turns: dict[tuple[str, str], int] = {}

    def is_asked(method: str, kind: str, rest: str) -> bool:
        turn = turns.setdefault((method, rest), len(turns)) * most
        return kind not in OTHERS or (OTHERS.index(kind) - turn) % len(OTHERS) < most

    paths: Json = {}
    for path, methods in api["paths"].items():
        kind, _, rest = path.removeprefix("/").partition("/")
        paths[path] = {
            method: operation
            for method, operation in methods.items()
            if is_asked(method, kind, rest)
        }
    return api | {"paths": paths}
