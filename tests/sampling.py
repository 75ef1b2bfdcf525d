"""A few types at each route, where all of them would say the same many times over."""

from typing import Any

from shared.catalog.types import CARE, TYPES

type Json = dict[str, Any]
OTHERS = tuple(kind for kind in TYPES if kind not in CARE)


def sampled(api: Json, most: int) -> Json:
    """Give an API with so many types at each route beside the two that have rules of their own.

    Others at each route: what there is of the document does not grow with the number of types.
    """
    turns: dict[tuple[str, str], int] = {}

    def is_asked(method: str, kind: str, rest: str) -> bool:
        turn = turns.setdefault((method, rest), len(turns)) * most
        return kind not in OTHERS or (OTHERS.index(kind) - turn) % len(OTHERS) < most

    paths: Json = {}
    for path, methods in api["paths"].items():
        kind, _, rest = path.removeprefix("/").partition("/")
        paths[path] = {one: each for one, each in methods.items() if is_asked(one, kind, rest)}
    return api | {"paths": paths}
