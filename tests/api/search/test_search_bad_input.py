"""Refusals of searches; no query string causes an internal error."""

import json
import random
from typing import Any
from urllib.parse import quote

import pytest

from shared.catalog.parameters import SEARCH_PARAMS
from shared.store import dynamodb
from tests.oracle.matcher import PREFIXES, STORED
from tests.support import care, refusals
from tests.support.api_client import BASE, ApiClient
from tests.support.practice import Practice
from tests.support.steps import thread

# The query, the parameter named in the refusal, part of the suggested alternative, and the wrong
# part unless that is the value.
BAD = [
    ("Encounter?colour=blue", "colour", "status", "colour"),
    ("Communication?colour:not=blue", "colour:not", "sender", "colour"),
    ("Encounter?class:above=VR", "class:above", ":not", ":above"),
    ("Encounter?date:not=2026", "date:not", ":missing", ":not"),
    ("Encounter?subject:Device=1", "subject:Device", ":Patient", ":Device"),
    ("Encounter?date=xx2026", "date", "ge2025-03-01", ""),
    ("Encounter?date=2026-13-01", "date", "2025-03", ""),
    ("Communication?sent=ge2026-02-30", "sent", "2025-03", ""),
    ("Encounter?length=xx5", "length", "gt10", ""),
    ("Encounter?length=long", "length", "gt10", ""),
    ("Encounter?_sort=colour", "_sort", "date", "colour"),
    ("Encounter?_count=-1", "_count", "0 or more", ""),
    ("Encounter?_offset=-1", "_offset", "0 or more", ""),
    ("Encounter?_include=Encounter:colour", "_include", "Encounter:part-of", ""),
    ("Encounter?_include=Colour:part-of", "_include", "resource type", "Colour"),
    ("Encounter?_revinclude=Communication:status", "_revinclude", "Communication:encounter", ""),
    ("Encounter?_include:once=Encounter:part-of", "_include:once", ":iterate", ":once"),
    ("Encounter?part-of:missing=maybe", "part-of:missing", "true or false", ""),
    ("Encounter?_total=some", "_total", "accurate", ""),
    ("Encounter?_summary=short", "_summary", "count", ""),
    ("Encounter?_cursor=e30", "_cursor", "first page", "cursor"),
]


@pytest.mark.parametrize(("query", "name", "right", "wrong"), BAD, ids=[case[0] for case in BAD])
def test_a_wrong_parameter_is_named_with_its_value_and_a_valid_alternative(
    practice: Practice, query: str, name: str, right: str, wrong: str
) -> None:
    answer = practice.clinic.get(f"/{query}")
    refusals.check(answer, 400, "invalid", name)
    (issue,) = answer.body["issue"]
    text = issue["details"]["text"] + issue.get("diagnostics", "")
    assert right in text
    assert (wrong or query.partition("=")[2]) in text


def test_all_wrong_parameters_are_named_at_once(practice: Practice) -> None:
    queries = [query.partition("?")[2] for query, *_ in BAD if query.startswith("Encounter")]
    once = {query.partition("=")[0]: query for query in queries if "_offset" not in query}
    answer = practice.clinic.get("/Encounter?" + "&".join(once.values()))
    assert answer.status == 400
    assert set(answer.expressions) >= once.keys() - {"_cursor"}


def test_a_cursor_is_bound_to_its_search_and_caller(practice: Practice) -> None:
    for _ in range(3):
        practice.post_header()
    first = practice.clinic.get("/Communication?part-of:missing=true&_count=1")
    (following,) = [link["url"] for link in first.body["link"] if link["relation"] == "next"]
    cursor = following.partition("_cursor=")[2]
    assert practice.clinic.get(following).status == 200
    another = ApiClient(claims={"sub": "another"})
    for answer in (
        another.get(following),
        practice.clinic.get(f"/Communication?part-of:missing=false&_cursor={cursor}"),
        practice.clinic.get(f"/Encounter?part-of:missing=true&_cursor={cursor}"),
        practice.clinic.get(following[:-3]),
    ):
        refusals.check(answer, 400, "invalid", "_cursor")


REQUESTS = 1000
LONGEST, MOST = 10_000, 200
WORDS = [
    *(
        "",
        " ",
        "%",
        "%00",
        "%zz",
        "+",
        "\x00",
        "\ud83d\ude00",
        "ä",
        "é" * 50,
        "'",
        '"',
        "<b>",
        "{}",
        "null",
    ),
    *(
        ",",
        "\\",
        "\\,",
        "|",
        "||",
        "|||",
        "$",
        "#",
        "#1",
        "..",
        "../..",
        "/",
        "//",
        "?",
        "&",
        "=",
        ":",
    ),
    *(
        "0",
        "-0",
        "1e9",
        "1e999999",
        "1E-400",
        "NaN",
        "Infinity",
        "-1",
        "9" * 400,
        "0.0",
        ".5",
        "1.",
    ),
    *("0000", "0001", "9999", "9999-12-31T23:59:59.999999999-14:00", "0001-01-01T00:00:00+14:00"),
    *(
        "2026",
        "2026-02",
        "2026-02-29",
        "2026-11-21T24:00:00Z",
        "2026-11-21T10:00:60Z",
        "2026-11-21T10",
    ),
    *(
        "2026-11-21T10:00:00.1234567890123Z",
        "2026-11-21T10:00:00+99:99",
        "-2026",
        "\uff12\uff10\uff12\uff16",
        "true",
    ),
    *(
        "Patient/1",
        "Patient/",
        "/1",
        "Patient/1/_history/2",
        "urn:uuid:1",
        "http://[",
        "http://a/b|1",
    ),
    *(care.ALICE, care.HOMER, f"{BASE}/{care.HOMER}", "VR", f"{care.ACT_CODE}|VR", "in-progress"),
    *("Encounter:part-of", "Communication:*", "*", "Encounter:part-of:Encounter", "::", "a:b:c:d"),
    *("date,-date", "-", "length,-_id,status", "count", "accurate", "W10", "e30", "bnVsbA"),
]
MODIFIERS = [
    "",
    "",
    "",
    ":not",
    ":missing",
    ":text",
    ":of-type",
    ":identifier",
    ":below",
    ":Patient",
]
MODIFIERS += [
    ":",
    "::",
    ":not:not",
    ":iterate",
    ".",
    ".status",
    ".part-of.status",
    ":Encounter.class",
]
CONTROLLING = [
    "_sort",
    "_count",
    "_offset",
    "_cursor",
    "_total",
    "_summary",
    "_elements",
    "_format",
]
CONTROLLING += [
    "_include",
    "_revinclude",
    "_include:iterate",
    "_has",
    "_has:Communication:part-of:_id",
]


KINDS = (*STORED, "Patient", "Observation")


class Noise:
    """Random query strings, some nearly valid and some far from it."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def query(self, kind: str) -> str:
        number = self.dice.choice([1, 1, 2, 3, 10, MOST])
        parts, left = [], LONGEST
        for _ in range(number):
            part = self.name(kind) + self.dice.choice(["=", "=", "=", "", "=="]) + self.value()
            if len(part) + 1 > left:
                break
            parts.append(part)
            left -= len(part) + 1
        return "&".join(parts)

    def name(self, kind: str) -> str:
        pick = self.dice.random()
        if pick < 0.15:
            return self.dice.choice(CONTROLLING)
        if pick < 0.2:
            return self.raw(self.dice.choice(WORDS))
        if pick < 0.3:
            return f"_has:{self.dice.choice(KINDS)}:{self.name(kind)}"
        return self.dice.choice(list(SEARCH_PARAMS.of(kind))) + self.dice.choice(MODIFIERS)

    def value(self) -> str:
        words = self.dice.choices(WORDS, k=self.dice.choice([1, 1, 1, 2, 5, MOST]))
        joined = self.dice.choice([",", "|", "", "\\,"]).join(words)
        return self.raw(self.dice.choice(["", "", *PREFIXES]) + joined)

    def raw(self, text: str) -> str:
        """Return the text percent-encoded, or raw except for characters that end a query."""
        if self.dice.random() < 0.7:
            return quote(text, errors="replace")
        return text.replace("#", "").replace("&", "")


@pytest.fixture
def stocked(practice: Practice) -> Practice:
    for _ in range(3):
        session = practice.open_session()
        header, _ = thread(practice.clinic, "2026-03-01T09:00:00Z", "2026-03-01T09:05:00Z")
        change: list[dict[str, Any]] = care.link(session)
        assert practice.clinic.patch(f"/Communication/{header}", change).status == 200
    patient = {"resourceType": "Patient", "name": [{"family": "Simpson", "given": ["Homer"]}]}
    assert practice.clinic.post("/Patient", patient).status == 201
    return practice


def test_no_query_string_brings_a_search_down(stocked: Practice) -> None:
    noise, statuses = Noise(20261121), set[int]()
    for number in range(REQUESTS):
        kind = KINDS[number % len(KINDS)]
        query = noise.query(kind)
        database: Any = dynamodb.client()
        database.made = 0
        if number % 5:
            answer = stocked.clinic.get(f"/{kind}?{query}")
        else:
            answer = stocked.clinic.call("POST", f"/{kind}/_search", query, content_type=FORM)
        statuses.add(answer.status)
        assert answer.status in (200, 400, 406), (query, answer.text)
        if answer.status == 400:
            assert all(issue["details"]["text"] for issue in json.loads(answer.text)["issue"])
    assert statuses >= {200, 400}


FORM = "application/x-www-form-urlencoded"
