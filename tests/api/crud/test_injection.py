"""No input escapes its segment of a key, whatever it contains."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import cycle, islice, product
from typing import Any
from urllib.parse import quote

import pytest

from shared.catalog import access_patterns as patterns
from shared.catalog.access_patterns import encode_segment
from shared.catalog.parameters import SEARCH_PARAMS
from shared.catalog.types import SESSION_TYPES
from shared.store import dynamodb, transactions
from tests.support import care
from tests.support.api_client import Answer, ApiClient
from tests.support.memory_database import Database
from tests.support.practice import Practice
from tests.support.sampling import OTHERS

TABLES = patterns.TABLES
NORTH, SOUTH = "north", "south"
# Each tries to end its segment, to begin another's key, or to imitate other characters.
HOSTILE = (
    "#",
    "##",
    "x#current",
    "x#header",
    "#north#Encounter?patient=Patient/homer-simpson",
    "north#own",
    "../north#own",
    "own#m#",
    "?",
    "own?",
    "|",
    "a|b|c",
    "own|",
    "Patient/x#1/4",
    "Encounter?patient=Patient/homer-simpson",
    "%23north%23own",
    "own%00",
    "\x00",
    "own\x00north",
    "own\n",
    "own\x7f",
    "~",
    "оwn",  # noqa: RUF001 - a Cyrillic o
    "own＃current",  # noqa: RUF001 - a full-width number sign
    "own⁄current",  # noqa: RUF001 - a fraction slash
    "own\u200b",
    "own\u202e",
    "\ud7ff\U0010ffff",
    "a" * 65_536,
    "#" * 65_536,
)
# API Gateway takes 10,240 bytes of request line and headers, and each character may become three.
LONGEST_IN_URL = 3_000


class Watched(Database):
    """A database that records the partition of every call."""

    def __init__(self) -> None:
        super().__init__()
        self.partitions: set[str] = set()

    @contextmanager
    def with_hooks(self, call: str) -> Iterator[None]:
        self.made = 0
        with super().with_hooks(call):
            yield

    def get_item(self, *, Key: Any, **request: Any) -> dict[str, Any]:
        self.partitions.add(Key["pk"]["S"])
        return super().get_item(Key=Key, **request)

    def query(self, **request: Any) -> dict[str, Any]:
        self.partitions.add(request["ExpressionAttributeValues"][":pk"]["S"])
        return super().query(**request)

    def batch_get_item(self, *, RequestItems: Any) -> dict[str, Any]:
        self.partitions |= {
            key["pk"]["S"] for requestitem in RequestItems.values() for key in requestitem["Keys"]
        }
        return super().batch_get_item(RequestItems=RequestItems)


@pytest.fixture
def watch(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Store resources of the tenant north, then record which partitions are requested."""
    practice.configure(TENANT_CLAIM="tenant")
    north = caller(NORTH)
    assert north.put("/Encounter/own", care.session(id="own")).status == 201
    assert north.put("/Communication/own", care.header(id="own")).status == 201
    stored = dynamodb.client()
    assert isinstance(stored, Database)
    seen = Watched()
    seen.items, seen.order = stored.items, stored.order
    client = cache(lambda: seen)
    monkeypatch.setattr(dynamodb, "client", client)
    monkeypatch.setattr(transactions, "client", client)
    return seen


def caller(tenant: str, role: str = "admin", **claims: str) -> ApiClient:
    fhir_user = claims.pop("fhirUser", "")
    return ApiClient(role=role, fhir_user=fhir_user, claims={"tenant": tenant, **claims})


# Which parameters all stored resources have been indexed by, whoever's they are.
SHARED = {"reindex"}
# The tenant, one segment and, for a spread listing, the number of the partition.
PARTITION = re.compile(r"south#[^#\x00-\x1f\x7f-\U0010ffff]*(#\d/\d)?")


def check(watch: Watched, answers: list[Answer]) -> None:
    """Check that only the caller's tenant was read, and that no answer has another's content."""
    assert watch.partitions
    for partition in watch.partitions:
        assert PARTITION.fullmatch(partition) or partition in SHARED, partition[:200]
        assert len(partition) <= 2048
    for answer in answers:
        assert answer.status < 500, answer.text[:500]
        assert "doctor-alice-smith" not in answer.text
    stored = {item["pk"]["S"] for table in TABLES for item in watch.all_items(table)}
    written = {key for key in stored if not key.startswith(("north#", "due#"))}
    assert all(map(PARTITION.fullmatch, written))


def in_url(value: str) -> str:
    """Return a value escaped for a URL."""
    return quote(value[:LONGEST_IN_URL], safe="")


def each(*urls: str) -> Iterator[str]:
    for value, url in product(HOSTILE, urls):
        yield url.format(in_url(value))


def some(*urls: str) -> Iterator[str]:
    """Return the next few values, so that successive requests use different ones."""
    for number, url in enumerate(urls):
        for value in islice(cycle(HOSTILE), 3 * number, 3 * number + 3):
            yield url.format(in_url(value))


def test_ids_in_paths(watch: Watched) -> None:
    south = caller(SOUTH)
    south.get("/Encounter/own")
    ids = each(
        *(
            "/Encounter/{}",
            "/Communication/{}",
            "/Encounter/{}/_history",
            "/Encounter/{}/_history/1",
        ),
        *("/Patient/{}", "/Task/{}", "/Patient/{}/_history", "/Patient/own/_history/{}"),
    )
    versions = each("/Encounter/own/_history/{}", "/Encounter/{}/$everything")
    answers = [south.get(url) for url in (*ids, *versions)]
    answers += [south.delete(url) for url in each("/Encounter/{}", "/Communication/{}")]
    assert {answer.status for answer in answers} <= {204, 400, 404}
    check(watch, answers)


def test_values_of_queries(watch: Watched) -> None:
    south = caller(SOUTH)
    urls = [f"/{kind}?{name}={{}}" for kind in SESSION_TYPES for name in SEARCH_PARAMS.of(kind)]
    urls += ["/Encounter?_sort={}", "/Encounter?_has:Communication:encounter:sender={}"]
    urls += ["/Communication?part-of:Communication.recipient={}", "/Encounter?{}=1"]
    others = [f"/{kind}?{name}={{}}" for kind in OTHERS for name in SEARCH_PARAMS.of(kind)]
    answers = [south.get(url) for url in (*each(*urls), *some(*others))]
    assert all(not answer.ids for answer in answers if answer.status == 200)
    check(watch, answers)


def test_cursors(watch: Watched) -> None:
    north, south = caller(NORTH), caller(SOUTH)
    north.put("/Encounter/other", care.session(id="other"))
    (url,) = (
        link["url"]
        for link in north.get("/Encounter?_count=1").body["link"]
        if link["relation"] == "next"
    )
    watch.partitions.clear()
    for number in range(2):
        body = {"resourceType": "Encounter", "status": "finished", "class": {"code": "VR"}}
        south.put(f"/Encounter/{number}", body | {"id": str(number)})
    _, _, cursor = url.partition("_cursor=")
    seal, *_ = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    places = [[seal, number, f"{value}#x"] for value in HOSTILE for number in (0, -1, 9)]
    forged = [urlsafe_b64encode(json.dumps(place).encode()).decode() for place in places]
    answers = [south.get(f"/Encounter?_count=1&_cursor={value}") for value in (cursor, *forged)]
    answers += [south.get(url) for url in each("/Encounter?_count=1&_cursor={}")]
    assert {answer.status for answer in answers} == {400}
    check(watch, answers)


def test_references_and_identifiers_that_are_written(watch: Watched) -> None:
    south, answers = caller(SOUTH), []
    plain = {"resourceType": "Communication", "status": "in-progress"}
    session = {"resourceType": "Encounter", "status": "in-progress", "class": {"code": "VR"}}
    for value in HOSTILE:
        for text in (value, f"Patient/{value}", f"Encounter/{value}", f"Communication/{value}"):
            named = care.reference(text)
            answers += [
                south.post("/Communication", plain | {"subject": named}),
                south.post("/Communication", plain | {"encounter": named}),
                south.post("/Communication", plain | {"partOf": [named]}),
                south.post("/Communication", plain | {"basedOn": [named]}),
                south.post("/Communication", plain | {"recipient": [named]}),
                south.post("/Encounter", session | {"partOf": named, "subject": named}),
            ]
        identifier = [{"system": value, "value": value}]
        answers.append(south.post("/Encounter", session | {"identifier": identifier}))
        body = plain | {"id": value[:LONGEST_IN_URL]}
        answers.append(south.put(f"/Communication/{in_url(value)}", body))
        condition = f"identifier={in_url(value[:1_500])}|{in_url(value[:1_500])}"
        answers.append(south.post("/Communication", plain, if_none_exist=condition))
    check(watch, answers)


def test_claims(watch: Watched) -> None:
    answers = []
    for value in HOSTILE:
        for claims in ({"fhirUser": f"Patient/{value}"}, {"fhirUser": value}, {"patient": value}):
            patient = caller(SOUTH, role="patient", **claims)
            answers += [patient.get("/Encounter"), patient.get("/Communication?sender=x")]
            answers += [
                patient.get("/Communication/own"),
                patient.post("/Communication", care.header()),
            ]
        scope = f"user/*.rs?identifier={value}"
        answers.append(caller(SOUTH, scope=scope).get("/Encounter"))
        assert caller(f"north{value}").get("/Encounter").status == 403
    check(watch, [answer for answer in answers if answer.status != 403])


@pytest.mark.parametrize("value", HOSTILE)
def test_a_segment_is_one_of_its_own(value: str) -> None:
    encoded = encode_segment(value)
    assert PARTITION.fullmatch(f"south#{encoded}")
    assert all(encode_segment(other) != encoded for other in HOSTILE if other != value)
