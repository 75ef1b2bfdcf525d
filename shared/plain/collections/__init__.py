"""The collections of the plain-JSON API: a module each, imported when it is first asked for.

Reading, writing, searching, OpenAPI and the pointers in problem documents follow from their models.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module

from shared.catalog import interactions
from shared.plain.collection import Collection

_SHARED_MODULES = {"threads": "communications", "messages": "communications"}


class _Collections(Mapping[str, Collection]):
    """The collections by name."""

    def __getitem__(self, name: str) -> Collection:
        if name not in interactions.COLLECTIONS:
            raise KeyError(name)
        module = import_module(f"{__name__}.{_SHARED_MODULES.get(name, name)}")
        collection: Collection = getattr(module, name.upper())
        return collection

    def __iter__(self) -> Iterator[str]:
        return iter(interactions.COLLECTIONS)

    def __len__(self) -> int:
        return len(interactions.COLLECTIONS)


COLLECTIONS = _Collections()
