"""A collection of the plain-JSON API, and the base of its members' models."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from shared.plain.fields import Field
from shared.plain.kinds import Primitive
from shared.plain.models import Mapped, element
from shared.plain.parameters import Param, Query, query_model

type Json = dict[str, Any]


class Member(Mapped):
    """The fields that the members of all collections have."""

    id: Annotated[str, Primitive("id")] = element(
        "id", "Its id within the collection", read_only=True
    )
    version: Annotated[str, Primitive("id")] = element(
        "meta.versionId", "Its version, as in the ETag header", read_only=True
    )
    updated: Annotated[str, Primitive("instant")] = element(
        "meta.lastUpdated", "When it was last changed", read_only=True
    )


type MemberModel = type[Member]
type QueryModel = type[Query]


@dataclass(frozen=True)
class Collection:
    """A collection: the resources of a FHIR type for which `holds` returns true.

    `date` is the search parameter that it is sorted by. `all` is the search that selects the whole
    collection. It is left out of a query with one of the parameters in `narrowing`, which select
    members only.
    """

    name: str
    type: str
    model: MemberModel
    params: tuple[Param, ...]
    date: str
    holds: Callable[[Json], bool] = lambda _: True
    all: tuple[tuple[str, str], ...] = ()
    narrowing: frozenset[str] = frozenset()

    @property
    def every_field(self) -> tuple[Field, ...]:
        """The fields that all collections have, followed by its own."""
        return self.model.fields

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """Its own fields, which a client may change."""
        return tuple(field for field in self.every_field if not field.read_only)

    @property
    def example(self) -> Json:
        """An example of what a client sends."""
        schema: Any = self.model.model_config["json_schema_extra"]
        return dict(schema["examples"][0])

    @cached_property
    def query(self) -> QueryModel:
        """The model of its queries."""
        return query_model(self.params)
