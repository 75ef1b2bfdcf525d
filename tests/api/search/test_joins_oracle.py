"""Random chains, `_has` and includes over random resources, compared with a full scan."""

import json
import random
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

from shared.access.caller import Caller
from shared.access.visibility import Visibility
from shared.errors import TooCostly
from shared.search.run.search import Result
from shared.store import dynamodb
from tests.support import care
from tests.support.memory_reads import Memory
from tests.support.search_page import search_page
from tests.support.stored_clinic import StoredClinic, instant_at

if TYPE_CHECKING:
    from collections.abc import Callable


type Resource = dict[str, Any]


# A plain matcher that scans all resources.


def reference(resource: Resource, param: str) -> list[str]:
    element = resource.get({"part-of": "partOf"}.get(param, param), [])
    found = element if isinstance(element, list) else [element]
    return [match["reference"] for match in found if "reference" in match]


def name_of(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


class Everything:
    """All resources, matched by looking at each."""

    def __init__(self, resources: list[Resource]) -> None:
        self.by_name = {name_of(resource): resource for resource in resources}

    def of(self, resource_type: str) -> list[Resource]:
        return [
            resource
            for resource in self.by_name.values()
            if resource["resourceType"] == resource_type
        ]

    def holds(self, resource: Resource, name: str, value: str) -> bool:
        if name.startswith("_has:"):
            _, source, param, rest = name.split(":", 3)
            return any(
                name_of(resource) in reference(one, param) and self.holds(one, rest, value)
                for one in self.of(source)
            )
        head, dot, rest = name.partition(".")
        if dot:
            param, _, of = head.partition(":")
            targets = [self.by_name.get(target) for target in reference(resource, param)]
            return any(
                self.holds(target, rest, value)
                for target in targets
                if target and (not of or target["resourceType"] == of)
            )
        return matches_plainly(resource, name, value)


def matches_plainly(resource: Resource, name: str, value: str) -> bool:
    if name == "_id:not":
        return bool(resource["id"] != value)
    if name.startswith("status"):
        return (resource["status"] == value) is (name == "status")
    if name == "class":
        return bool(resource.get("class", {}).get("code") == value)
    if name == "part-of:missing":
        return (not resource.get("partOf")) is (value == "true")
    if name == "identifier":
        return value in [identifier["value"] for identifier in resource.get("identifier", [])]
    return value in reference(resource, name)


STATUS = ["preparation", "in-progress", "not-done", "completed"]
PEOPLE = [f"Patient/{number}" for number in range(4)]


def fill(archive: StoredClinic, dice: random.Random) -> Everything:
    """Store sessions with parts, threads with messages, and headers that are part of others."""
    for number in range(40):
        more: Resource = {"class": {"code": dice.choice(["VR", "AMB"])}}
        if dice.random() < 0.5:
            more["partOf"] = care.reference(f"Encounter/e{dice.randrange(40)}")
        if dice.random() < 0.1:
            more["partOf"] = care.reference("Encounter/gone")
        more["status"] = dice.choice(["in-progress", "finished"])
        more["subject"] = care.reference(dice.choice(PEOPLE))
        archive.encounter(f"e{number}", dice.randrange(5000), **more)
    for number in range(60):
        more = {"status": dice.choice(STATUS), "subject": care.reference(dice.choice(PEOPLE))}
        more["sender"] = care.reference(dice.choice(PEOPLE))
        if dice.random() < 0.6:
            more["encounter"] = care.reference(f"Encounter/e{dice.randrange(40)}")
        if dice.random() < 0.3:
            more["identifier"] = [{"value": str(dice.randrange(8))}]
        if dice.random() < 0.2:
            parts = ["Procedure/1", f"Encounter/e{dice.randrange(40)}"]
            more["partOf"] = [care.reference(dice.choice(parts))]
        archive.header(f"h{number}", dice.randrange(5000), **more)
        for minutes in dice.sample(range(5000), dice.choice([0, 1, 5, 15])):
            sent: Resource = {"status": dice.choice(STATUS)}
            sent["sender"] = care.reference(dice.choice(PEOPLE))
            if dice.random() < 0.1:
                sent["encounter"] = care.reference(f"Encounter/e{dice.randrange(40)}")
            archive.message(f"h{number}", minutes, **sent)
    return Everything(archive.resources)


def condition(dice: random.Random, resource_type: str, depth: int) -> tuple[str, str]:
    """Return a random parameter and value; about half are chains or `_has`."""
    own: list[Callable[[], tuple[str, str]]] = [
        lambda: ("status", dice.choice(["in-progress", "completed", "finished"])),
        lambda: ("status:not", "in-progress"),
        lambda: ("part-of:missing", dice.choice(["true", "false"])),
        lambda: ("subject", dice.choice(PEOPLE)),
        lambda: ("_id:not", "null"),
    ]
    if resource_type == "Encounter":
        own.append(lambda: ("class", dice.choice(["VR", "AMB"])))
    else:
        own.append(lambda: ("sender", dice.choice(PEOPLE)))
        own.append(lambda: ("identifier", str(dice.randrange(8))))
    if depth == 0 or dice.random() < 0.4:
        return dice.choice(own)()
    heads = {
        "Encounter": [
            ("part-of.", "Encounter"),
            ("part-of:Encounter.", "Encounter"),
            ("_has:Encounter:part-of:", "Encounter"),
            ("_has:Communication:encounter:", "Communication"),
            ("_has:Communication:part-of:", "Communication"),
        ],
        "Communication": [
            ("part-of:Communication.", "Communication"),
            ("part-of:Encounter.", "Encounter"),
            ("encounter.", "Encounter"),
            ("_has:Communication:part-of:", "Communication"),
        ],
    }
    head, target = dice.choice(heads[resource_type])
    rest, value = condition(dice, target, depth - 1)
    return head + rest, value


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch) -> Memory:
    memory = Memory()
    monkeypatch.setattr(dynamodb, "client", lambda: memory)
    monkeypatch.setattr(dynamodb, "table_name", str)
    return memory


def ask(
    resource_type: str, pairs: list[tuple[str, str]], visibility: Visibility | None = None
) -> Result:
    return search_page(resource_type, pairs, visibility)


def pages(
    resource_type: str, pairs: list[tuple[str, str]], visibility: Visibility | None = None
) -> list[Result]:
    found = [ask(resource_type, pairs, visibility)]
    while found[-1].next:
        found.append(ask(resource_type, list(found[-1].next), visibility))
        assert len(found) < 300
    return found


def names(jsons: list[bytes]) -> list[str]:
    return [name_of(json.loads(text)) for text in jsons]


def test_random_joins_find_the_same_as_a_full_scan(tables: Memory) -> None:
    dice = random.Random(20261121)
    everything = fill(StoredClinic(tables), dice)
    seen: Counter[str] = Counter()
    for _ in range(150):
        resource_type = dice.choice(["Encounter", "Communication"])
        asked = [condition(dice, resource_type, 3) for _ in range(dice.choice([1, 1, 2, 3]))]
        more = dice.choice([[], [("_sort", "_lastUpdated")], [("_sort", "status")]])
        answers = pages(resource_type, [*asked, *more, ("_count", dice.choice(["2", "7", "50"]))])
        found = [name for page in answers for name in names(page.resources)]
        wanted = [
            name_of(resource)
            for resource in everything.of(resource_type)
            if all(everything.holds(resource, name, value) for name, value in asked)
        ]
        assert sorted(found) == sorted(wanted), asked
        joined = any("." in name or "_has" in name for name, _ in asked)
        seen.update(
            matching=bool(wanted) and joined,
            paged=len(answers) > 1 and joined,
            first=answers[0].plan["reads"] in ("_id", "part-of", "encounter"),
        )
    assert seen["matching"] > 40, seen
    assert seen["paged"] > 20, seen
    assert seen["first"] > 15, seen


def test_random_includes_are_the_same_as_a_plain_walk_finds(tables: Memory) -> None:
    dice = random.Random(7)
    everything = fill(StoredClinic(tables), dice)
    rules = [
        ("_include", "Communication:encounter"),
        ("_include", "Communication:part-of"),
        ("_include", "Encounter:part-of"),
        ("_revinclude", "Communication:part-of"),
        ("_revinclude", "Communication:encounter"),
        ("_revinclude", "Encounter:part-of"),
    ]
    reached = 0
    for _ in range(120):
        resource_type = dice.choice(["Encounter", "Communication"])
        chosen = [
            (f"{name}{dice.choice(['', ':iterate'])}", value)
            for name, value in dice.sample(rules, dice.choice([1, 2, 3]))
        ]
        own = [("status", dice.choice(["in-progress", "completed", "finished"]))]
        for page in pages(resource_type, [*own, *chosen, ("_count", "9")]):
            found = names(page.included)
            matched = names(page.resources)
            assert len(found) == len(set(found))
            assert sorted(found) == sorted(
                reached_by_includes(everything, matched, chosen) - {*matched}
            )
            reached += len(found)
    assert reached > 1000


def reached_by_includes(
    everything: Everything, matched: list[str], rules: list[tuple[str, str]]
) -> set[str]:
    """Return what include rules reach from a page's matches, by repeated full scans."""
    found: set[str] = set()
    while True:
        more = set(found)
        for name, value in rules:
            source, param = value.split(":")
            begin = {*matched, *found} if ":" in name else {*matched}
            for resource in everything.of(source):
                for target in reference(resource, param):
                    if name.startswith("_include"):
                        if name_of(resource) in begin and target in everything.by_name:
                            more.add(target)
                    elif target in begin:
                        more.add(name_of(resource))
        if more == found:
            return found
        found = more


def test_resources_invisible_to_the_caller_are_treated_as_missing(tables: Memory) -> None:
    """Includes, chains and `_has` all leave them out."""
    dice = random.Random(8)
    everything = fill(StoredClinic(tables), dice)

    def visible(resource: Resource) -> bool:
        return bool(resource["subject"]["reference"] in PEOPLE[:2])

    class PartialVisibility(Visibility):
        """Shows the resources of two people, and says that it does not show all."""

        def is_partial(self, *_: object) -> bool:
            return True

        def compartment_owners(self, _resource_type: str) -> None:
            return None

        def sees(self, resource: Resource, **_: object) -> bool:
            return visible(resource)

    visibility = PartialVisibility(Caller("me", tenant="-"))
    seen = Everything([resource for resource in everything.by_name.values() if visible(resource)])
    matching = 0
    for _ in range(80):
        resource_type = dice.choice(["Encounter", "Communication"])
        asked = [condition(dice, resource_type, 2)]
        rules = [("_include:iterate", "*"), ("_revinclude:iterate", "*")]
        for page in (answers := pages(resource_type, [*asked, *rules], visibility)):
            assert {*names(page.included), *names(page.resources)} <= set(seen.by_name)
        found = [name for page in answers for name in names(page.resources)]
        wanted = [
            name_of(resource)
            for resource in seen.of(resource_type)
            if seen.holds(resource, *asked[0])
        ]
        assert sorted(found) == sorted(wanted), asked
        matching += bool(wanted)
    assert matching > 30


def test_a_join_from_a_resource_with_too_many_referrers_is_refused(tables: Memory) -> None:
    archive = StoredClinic(tables)
    archive.header("h", 1)
    for minutes in range(2100):
        archive.message("h", minutes)
    query = "Communication?part-of:missing=true&_has:Communication:part-of:sender=Patient/none"
    resource_type, _, text = query.partition("?")
    with pytest.raises(TooCostly) as refused:
        ask(resource_type, parse_qsl(text))
    assert refused.value.issues[0].expression == "_has:Communication:part-of:sender"


@pytest.mark.parametrize("scale", [30, 300])
def test_messages_of_open_threads_are_read_from_the_threads_partitions(
    tables: Memory, scale: int
) -> None:
    """One partition each and the listing of open threads are read, however many messages exist."""
    archive = StoredClinic(tables)
    for number in range(20):
        archive.header(f"open{number}", number)
        archive.message(f"open{number}", number)
    for number in range(scale):
        archive.header(f"closed{number}", number, status="completed")
        archive.message(f"closed{number}", 10**4 + number)
    tables.clear()
    chain = ("part-of:Communication.status", "in-progress")
    page = ask("Communication", [("sent", f"lt{instant_at(10**6)}"), chain])
    assert len(page.resources) == 20
    # One of the reads looks for references to a contained resource.
    assert tables.units <= 9 + 20


def test_the_join_plan_of_the_first_page_is_kept_on_the_next(tables: Memory) -> None:
    """Even if so many threads have been opened since that another plan would be chosen."""
    archive = StoredClinic(tables)
    for number in range(30):
        archive.header(f"open{number}", number)
        archive.message(f"open{number}", number)
    pairs = [("part-of:Communication.status", "in-progress"), ("_count", "10")]
    page = ask("Communication", pairs)
    found = names(page.resources)
    for number in range(30, 150):
        archive.header(f"open{number}", number)
    while page.next:
        page = ask("Communication", list(page.next))
        found += names(page.resources)
    assert len(found) == len(set(found)) == 30


def test_chains_with_too_many_targets_leave_read_budget_for_the_rest(tables: Memory) -> None:
    """Each target is tried first, in vain; the matches are still found."""
    archive = StoredClinic(tables)
    for number in range(150):
        archive.header(f"open{number}", number)
        archive.message(f"open{number}", number)
    chains = [("part-of:Communication.status", "in-progress,on-hold")] * 20
    found = pages("Communication", [*chains, ("_count", "100")])
    assert sum(len(page.resources) for page in found) == 150
