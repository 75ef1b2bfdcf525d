"""Random searches over random resources, against a matcher that shares no code with ours."""

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.catalog import access_patterns as patterns
from shared.index import long
from shared.index.rows import rows
from shared.search import Result, search
from shared.store import codec, dynamodb
from tests.memory import Memory

type Resource = dict[str, Any]
type Pairs = list[tuple[str, str]]

SEED, QUERIES = 20261121, 300
START = datetime(2025, 1, 1, tzinfo=UTC)
ENCOUNTER_STATUS = ["planned", "in-progress", "onleave", "finished", "cancelled"]
COMMUNICATION_STATUS = [
    "preparation",
    "in-progress",
    "not-done",
    "on-hold",
    "stopped",
    "completed",
    "entered-in-error",
    "unknown",
]
CREATED = "2026-01-01T00:00:00.000Z"


@pytest.fixture(scope="module", autouse=True)
def tables() -> Iterator[Memory]:
    """Tables that only this module fills."""
    memory = Memory()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dynamodb, "client", lambda: memory)
        patch.setattr(dynamodb, "table_name", str)
        patch.setattr(long, "hours", lambda: 24)
        yield memory


def store(memory: Memory, resource: Resource) -> None:
    """Write what a resource leaves for searches to find: its rows, and a message its item."""
    packed = {"resource": {"B": codec.pack(json.dumps(resource).encode())}}
    is_encounter = resource["resourceType"] == "Encounter"
    is_long = is_encounter and long.is_long(resource, datetime.now(UTC), UTC)
    found = rows(resource, CREATED, zone=UTC, is_long=is_long)
    places = [(patterns.SEARCH, *row) for row in found]
    parents = resource.get("partOf", []) if resource["resourceType"] == "Communication" else []
    for parent in (one.get("reference", "") for one in parents):
        if parent.startswith("Communication/"):
            sort = "m#" + resource["id"].rpartition(".")[2]
            places.append((patterns.THREAD, "-#" + parent.removeprefix("Communication/"), sort))
    for table, pk, sk in places:
        memory.put_item(TableName=table, Item={"pk": {"S": pk}, "sk": {"S": sk}} | packed)


def instant(dice: random.Random) -> datetime:
    return START + timedelta(minutes=dice.randrange(500 * 24 * 60))


def written(dice: random.Random, moment: datetime) -> str:
    forms = ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.250+00:00", "%Y-%m-%d", "%Y-%m", "%Y"]
    return moment.strftime(dice.choices(forms, (60, 20, 12, 5, 3))[0])


def meta(dice: random.Random) -> Resource:
    updated = instant(dice).strftime("%Y-%m-%dT%H:%M:%S.") + f"{dice.randrange(1000):03}Z"
    return {"versionId": "1", "lastUpdated": updated}


def refer(dice: random.Random, *types: str) -> Resource:
    return {"reference": f"{dice.choice(types)}/{dice.randrange(6)}"}


def encounter(dice: random.Random, number: int) -> Resource:
    made: Resource = {
        "resourceType": "Encounter",
        "id": f"e{number}",
        "meta": meta(dice),
        "status": dice.choice(ENCOUNTER_STATUS),
        "class": {"system": "urn:classes", "code": dice.choice(["VR", "AMB", "HH"])},
    }
    if dice.random() < 0.85:
        made["subject"] = refer(dice, "Patient", "Patient", "Group")
    if dice.random() < 0.8:
        made["participant"] = [
            {"individual": refer(dice, "Practitioner", "RelatedPerson")}
            for _ in range(dice.randrange(1, 4))
        ]
    start = instant(dice)
    period = {}
    if dice.random() < 0.85:
        period["start"] = written(dice, start)
    if dice.random() < 0.7:
        period["end"] = written(dice, start + timedelta(minutes=dice.choice([5, 500, 50_000])))
    if period:
        made["period"] = period
    if dice.random() < 0.4:
        system = {"system": dice.choice(["urn:a", "urn:b"])} if dice.random() < 0.8 else {}
        made["identifier"] = [{**system, "value": str(dice.randrange(20))}]
    if dice.random() < 0.3:
        made["partOf"] = {"reference": f"Encounter/e{dice.randrange(10)}"}
    if dice.random() < 0.5:
        made["type"] = [{"coding": [{"system": "urn:types", "code": dice.choice("xyz")}]}]
    return made


def communication(dice: random.Random, number: int) -> Resource:
    made: Resource = {
        "resourceType": "Communication",
        "id": f"c{number}",
        "meta": meta(dice),
        "status": dice.choice(COMMUNICATION_STATUS),
    }
    moment = instant(dice)
    if dice.random() < 0.7:
        made["sent"] = written(dice, moment)
    kind = dice.random()
    if kind < 0.6:
        thread = f"t{dice.randrange(5)}"
        made["partOf"] = [{"reference": f"Communication/{thread}"}]
        made["id"] = f"{thread}.{ulid(made, number)}"
    elif kind < 0.7:
        made["partOf"] = [refer(dice, "Procedure", "ServiceRequest")]
    elif kind < 0.75:
        made["partOf"] = [{"display": "somewhere"}]
    if dice.random() < 0.9:
        made["subject"] = refer(dice, "Patient", "Group")
    if dice.random() < 0.9:
        made["sender"] = refer(dice, "Patient", "Practitioner")
    made["recipient"] = [
        refer(dice, "Patient", "Practitioner") for _ in range(dice.randrange(1, 4))
    ]
    if dice.random() < 0.3:
        made["encounter"] = {"reference": f"Encounter/e{dice.randrange(10)}"}
    return made


def ulid(message: Resource, number: int) -> str:
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    low, _ = stretch(message["sent"]) if "sent" in message else (1 << 47, 0)
    since = int(low * 1000) if "sent" in message else (1 << 47) + number
    return (
        "".join(alphabet[since >> 5 * place & 31] for place in range(9, -1, -1)) + f"{number:016}"
    )


# The matcher: times in seconds, None for a side that is open.


def stretch(text: str) -> tuple[float, float]:
    if "T" in text:
        low = datetime.fromisoformat(text).timestamp()
        return low, low + (0.001 if "." in text else 1)
    year, month, day = (int(part) for part in (text + "-0-0").split("-")[:3])
    first = datetime(year, month or 1, day or 1, tzinfo=UTC)
    if day:
        after = first + timedelta(days=1)
    elif month:
        after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    else:
        after = datetime(year + 1, 1, 1, tzinfo=UTC)
    return first.timestamp(), after.timestamp()


INFINITE = float("inf")


def times(resource: Resource, name: str) -> list[tuple[float, float]]:
    if name == "_lastUpdated":
        return [stretch(resource["meta"]["lastUpdated"])]
    if name == "sent":
        return [stretch(resource["sent"])] if "sent" in resource else []
    period = resource.get("period")
    if not period:
        return []
    low = stretch(period["start"])[0] if "start" in period else -INFINITE
    high = stretch(period["end"])[1] if "end" in period else INFINITE
    return [(low, high)]


def compare(prefix: str, value: tuple[float, float], asked: tuple[float, float]) -> bool:
    equal = asked[0] <= value[0] and value[1] <= asked[1]
    return {
        "eq": equal,
        "ne": not equal,
        "gt": value[1] > asked[1],
        "ge": value[1] > asked[1] or equal,
        "lt": value[0] < asked[0],
        "le": value[0] < asked[0] or equal,
        "sa": value[0] >= asked[1],
        "eb": value[1] <= asked[0],
    }[prefix]


def codes(resource: Resource, name: str) -> list[tuple[str, str]]:
    if name == "status":
        system = {"Encounter": "encounter-status", "Communication": "event-status"}
        return [(f"http://hl7.org/fhir/{system[resource['resourceType']]}", resource["status"])]
    if name == "class":
        return [(resource["class"]["system"], resource["class"]["code"])]
    if name == "_id":
        return [("", resource["id"])]
    if name == "type":
        return [
            (coding["system"], coding["code"])
            for concept in resource.get("type", [])
            for coding in concept["coding"]
        ]
    return [(one.get("system", ""), one["value"]) for one in resource.get("identifier", [])]


def pointed(resource: Resource, name: str) -> list[str]:
    one: dict[str, Callable[[], list[Resource]]] = {
        "patient": lambda: [resource.get("subject", {})],
        "subject": lambda: [resource.get("subject", {})],
        "participant": lambda: [each["individual"] for each in resource.get("participant", [])],
        "practitioner": lambda: [each["individual"] for each in resource.get("participant", [])],
        "part-of": lambda: (
            resource.get("partOf", [])
            if resource["resourceType"] == "Communication"
            else [resource.get("partOf", {})]
        ),
        "sender": lambda: [resource.get("sender", {})],
        "recipient": lambda: resource.get("recipient", []),
        "encounter": lambda: [resource.get("encounter", {})],
    }
    only = {"patient": "Patient/", "practitioner": "Practitioner/"}.get(name, "")
    found = [each.get("reference", "") for each in one[name]()]
    return [each for each in found if each and each.startswith(only)]


DATES, TOKENS = {"_lastUpdated", "sent", "date"}, {"status", "class", "_id", "type", "identifier"}


def has(resource: Resource, name: str, value: str) -> bool:
    if name in DATES:
        match = re.fullmatch("([a-z]{2})?(.*)", value)
        assert match
        asked = stretch(match[2])
        return any(compare(match[1] or "eq", one, asked) for one in times(resource, name))
    if name in TOKENS:
        system, bar, code = value.rpartition("|")
        return any(
            (not bar or system == one[0]) and (not code or code == one[1])
            for one in codes(resource, name)
        )
    return any(one == value or one.partition("/")[2] == value for one in pointed(resource, name))


def expected(resource: Resource, name: str, value: str) -> bool:
    code, _, modifier = name.partition(":")
    if modifier == "missing":
        read = times if code in DATES else codes if code in TOKENS else pointed
        return (not read(resource, code)) == (value == "true")
    if modifier == "not":
        return not any(has(resource, code, one) for one in value.split(","))
    prefix = f"{modifier}/" if modifier else ""
    return any(has(resource, code, prefix + one) for one in value.split(","))


def some(dice: random.Random, choices: list[str]) -> str:
    return ",".join(dice.choice(choices) for _ in range(dice.choice([1, 1, 1, 2, 3])))


def date(dice: random.Random) -> str:
    prefixes = ["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"]
    return dice.choice(prefixes) + written(dice, instant(dice))


def criterion(dice: random.Random, resource_type: str) -> tuple[str, str]:
    numbers = [str(number) for number in range(6)]
    people = [f"{kind}/{number}" for kind in ("Patient", "Practitioner") for number in numbers]
    status = ENCOUNTER_STATUS if resource_type == "Encounter" else COMMUNICATION_STATUS
    shared: list[Callable[[], tuple[str, str]]] = [
        lambda: ("status", some(dice, status)),
        lambda: ("status:not", some(dice, status)),
        lambda: ("patient", some(dice, people[:6] + numbers)),
        lambda: ("subject", some(dice, [*people[:6], "Group/1", *numbers])),
        lambda: ("subject:Patient", some(dice, numbers)),
        lambda: ("_lastUpdated", some(dice, [date(dice)])),
    ]
    own: list[Callable[[], tuple[str, str]]] = [
        lambda: ("class", some(dice, ["VR", "urn:classes|AMB", "urn:classes|", "|VR"])),
        lambda: ("date", some(dice, [date(dice), date(dice)])),
        lambda: ("date:missing", dice.choice(["true", "false"])),
        lambda: ("identifier", some(dice, ["urn:a|1", "2", "|3", "urn:b|4", "urn:a|"])),
        lambda: ("identifier:not", some(dice, ["urn:a|1", "2", "3"])),
        lambda: ("part-of", some(dice, ["Encounter/e1", "e2", "Encounter/e3"])),
        lambda: ("part-of:missing", dice.choice(["true", "false"])),
        lambda: ("participant", some(dice, [*people[6:], "RelatedPerson/1", *numbers])),
        lambda: ("practitioner", some(dice, [*people[6:], *numbers])),
        lambda: ("type", some(dice, ["x", "urn:types|y", "|z"])),
    ]
    if resource_type == "Communication":
        own = [
            lambda: ("part-of", some(dice, ["Communication/t1", "t2", "Procedure/1", "3"])),
            lambda: ("part-of:missing", dice.choice(["true", "false"])),
            lambda: ("part-of:missing", "true"),
            lambda: ("sender", some(dice, people + numbers)),
            lambda: ("recipient", some(dice, people + numbers)),
            lambda: ("encounter", some(dice, ["Encounter/e1", "e2"])),
            lambda: ("sent", some(dice, [date(dice), date(dice)])),
            lambda: ("sent:missing", dice.choice(["true", "false"])),
        ]
    return dice.choice(dice.choice([shared, own, own]))()


def order_of(resource: Resource, name: str) -> float:
    if name == "status":
        return float(sorted(set(ENCOUNTER_STATUS + COMMUNICATION_STATUS)).index(resource["status"]))
    found = times(resource, name)
    return round(found[0][0] * 1000) if found and found[0][0] != -INFINITE else INFINITE


def ask(resource_type: str, pairs: Pairs) -> Result:
    return search(resource_type, pairs, tenant="-", caller="me", base="https://here.test", zone=UTC)


def all_pages(resource_type: str, pairs: Pairs) -> tuple[list[Resource], int]:
    found, pages = [], 0
    following: Pairs | None = pairs
    while following is not None:
        page = ask(resource_type, following)
        found += [json.loads(one) for one in page.resources]
        following = list(page.next) if page.next else None
        pages += 1
        assert pages < 200
    return found, pages


@pytest.fixture(scope="module")
def resources(tables: Memory) -> dict[str, list[Resource]]:
    dice = random.Random(SEED)  # noqa: S311 - not a secret, but the same each time
    made = {
        "Encounter": [encounter(dice, number) for number in range(250)],
        "Communication": [communication(dice, number) for number in range(350)],
    }
    for one in (*made["Encounter"], *made["Communication"]):
        store(tables, one)
    return made


def test_every_search_finds_what_a_plain_matcher_finds_in_the_order_asked_for(
    resources: dict[str, list[Resource]],
) -> None:
    dice = random.Random(SEED + 1)  # noqa: S311 - as above
    seen: Counter[str] = Counter()
    for _ in range(QUERIES):
        resource_type = dice.choice(["Encounter", "Communication"])
        criteria = [criterion(dice, resource_type) for _ in range(dice.choice([1, 1, 2, 2, 3]))]
        dated = "date" if resource_type == "Encounter" else "sent"
        sort = dice.choice(["", "", dated, "-" + dated, "_lastUpdated", "-_lastUpdated", "-status"])
        query = [*criteria, ("_count", str(dice.choice([3, 7, 20, 400])))]
        query += [("_sort", sort)] if sort else []
        found, pages = all_pages(resource_type, query)
        wanted = {
            one["id"]
            for one in resources[resource_type]
            if all(expected(one, name, value) for name, value in criteria)
        }
        ids = [one["id"] for one in found]
        assert sorted(ids) == sorted(wanted), query
        keys = [order_of(one, sort.removeprefix("-")) for one in found] if sort else []
        nulls = [key for key in keys if key == INFINITE]
        valued = [key for key in keys if key != INFINITE]
        assert keys == sorted(valued, reverse=sort.startswith("-")) + nulls, query
        seen.update(matching=bool(wanted), paged=pages > 1)
    assert seen["matching"] >= 0.6 * QUERIES, seen
    assert seen["paged"] >= 0.3 * QUERIES, seen
