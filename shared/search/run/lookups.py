"""Reading what resources refer to, for chains, `_has` and includes.

Everything that a search looks at beside its own rows is read here and in `referrers`, and only what
the caller may see is returned: the rest is as if it did not exist.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import tzinfo
from typing import TYPE_CHECKING

import orjson

from shared.access.visibility import Visibility
from shared.catalog.parameters import SearchParam
from shared.catalog.types import STORED_TYPES
from shared.fhir import fhirjson, references
from shared.fhir.fhirjson import Resource
from shared.fhir.references import Local
from shared.fhir.search_values import reference_values
from shared.search.run.budget import Budget
from shared.store import reading
from shared.store.reading import VersionKey, json_by_id
from shared.store.records import VersionedRecord

if TYPE_CHECKING:
    from shared.search.plan.plans import Source

# A version counts as two rows: the current resource, by which its versions are found, and itself.
_VERSION_ROWS = 2


def loads_rounded(json: bytes) -> Resource:
    """Parse JSON much faster, with rounded decimals: only quantities need exact ones."""
    try:
        resource: Resource = orjson.loads(json)
    except orjson.JSONDecodeError:
        # A number is too large for a float.
        resource = fhirjson.loads(json)
    return resource


class Lookups:
    """The resources that one request reads beside its rows, within its budget of rows.

    `own_sources` are the sources of what the caller's compartments hold of a type, once chosen.
    """

    def __init__(
        self,
        visibility: Visibility,
        zone: tzinfo,
        loads: Callable[[bytes], Resource] = loads_rounded,
    ) -> None:
        """Begin the lookups of a request."""
        self.visibility, self.zone, self.loads = visibility, zone, loads
        self.tenant, self.budget = visibility.tenant, Budget()
        self.missing_versions: set[str] = set()
        self.own_sources: dict[str, Source] = {}
        self._json_by_name: dict[str, bytes | None] = {}
        self._answers: dict[tuple[object, str], bool] = {}
        self._complete_answers: dict[object, frozenset[str]] = {}

    def cached_answer(self, question: object, name: str, answer: Callable[[], bool]) -> bool:
        """Return the answer to a question about a resource, which is computed once."""
        if question in self._complete_answers:
            return name in self._complete_answers[question]
        key = (question, name)
        if key not in self._answers:
            self._answers[key] = answer()
        return self._answers[key]

    def set_answers(self, question: object, names: Iterable[str]) -> None:
        """Store for which resources the answer to a question is yes; for all others it is no."""
        self._complete_answers[question] = frozenset(names)

    def is_answered(self, question: object) -> bool:
        """Return whether the answer to a question is known for every resource."""
        return question in self._complete_answers

    def get(self, name: str) -> bytes | None:
        """Return the JSON of a resource by `Type/id`, or None if the caller sees no such resource.

        By `Type/id/_history/version` return that version. If there is none, return the current
        version and add the name to `missing_versions`.
        """
        self.prefetch([name])
        return self._json_by_name[name]

    def name_of(self, name: str) -> str:
        """Return the name of a resource or version, without the version if it is current."""
        current_name, _ = references.split_version(name)
        return current_name if self.get(name) is self._json_by_name[current_name] else name

    def prefetch(self, names: Iterable[str]) -> None:
        """Read together the resources that will be asked for. Raises OutOfRows."""
        wanted = dict.fromkeys(names)
        current_names = dict.fromkeys(references.split_version(name)[0] for name in wanted)
        unknown = [name for name in current_names if name not in self._json_by_name]
        for resource_type in STORED_TYPES:
            prefix = f"{resource_type}/"
            ids = [name.removeprefix(prefix) for name in unknown if name.startswith(prefix)]
            if not ids:
                continue
            self.budget.spend(len(ids))
            by_id = json_by_id(resource_type, ids, self.tenant)
            for resource_id in ids:
                self._json_by_name[prefix + resource_id] = self._if_seen(
                    resource_type, by_id.get(resource_id)
                )
        self._fetch_versions([name for name in wanted if name not in self._json_by_name])

    def _if_seen(self, resource_type: str, json: bytes | None) -> bytes | None:
        if json and (
            self.visibility.sees_without_reading(resource_type, json)
            or self.visibility.sees(self.loads(json))
        ):
            return json
        return None

    def _fetch_versions(self, names: Iterable[str]) -> None:
        """Read versions of resources whose current versions have been read."""
        current, older = dict[str, bytes | None](), dict[str, VersionKey]()
        for name in names:
            current_name, version = references.split_version(name)
            current[name] = json = self._json_by_name[current_name]
            if json is None or loads_rounded(json)["meta"]["versionId"] != version:
                resource_type, _, resource_id = current_name.partition("/")
                number = int(version) if version.isdecimal() else 0
                older[name] = VersionKey(resource_type, resource_id, number)
        self.budget.spend(_VERSION_ROWS * len(older))
        versions = reading.read_versions(self.tenant, older.values()) if older else {}
        for name, json in current.items():
            past = self._past(json, versions.get(older[name])) if name in older else json
            self._json_by_name[name] = past or json
            self.missing_versions |= {name} if json and not past else set()

    def _past(
        self, current: bytes | None, versions: tuple[VersionedRecord, VersionedRecord] | None
    ) -> bytes | None:
        """Return a past version if the caller sees it and its resource, which may be deleted."""
        if versions is None:
            return None
        record, past = versions
        is_seen = current is not None or (record.deleted and self.visibility.sees_record(record))
        return past.json if is_seen and self.visibility.sees_record(past, is_past=True) else None

    def targets(self, resource: Resource, param: SearchParam) -> list[str]:
        """Return what a resource refers to by a parameter, of the types stored here."""
        local = self._local_references(resource, param, STORED_TYPES)
        return list(dict.fromkeys(str(reference.target) for reference in local))

    def versioned_targets(
        self, resource: Resource, param: SearchParam, target_type: str
    ) -> list[str]:
        """Return what a resource refers to by a parameter, of one type or of all stored here.

        Each has the version that the reference names, if any.
        """
        types = (target_type,) if target_type else STORED_TYPES
        return list(dict.fromkeys(map(str, self._local_references(resource, param, types))))

    def _local_references(
        self, resource: Resource, param: SearchParam, types: tuple[str, ...]
    ) -> Iterator[Local]:
        for reference in reference_values(resource, param, self.zone):
            target = references.parse_literal(reference.text)
            if target and target.type in types:
                yield Local(target, reference.version)
