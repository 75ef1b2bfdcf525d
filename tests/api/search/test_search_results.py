"""The Bundle of a search: its links, its total and partial resources."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support import care, refusals
from tests.support.api_client import BASE, ApiClient

pytestmark = pytest.mark.usefixtures("moto")


def test_links_are_absolute_and_keep_everything_in_the_query(clinic: ApiClient) -> None:
    for _ in range(3):
        clinic.post("/Encounter", care.session())
    url = "/Encounter?patient=Patient/homer-simpson&_sort=-date&_summary=true&_total=accurate"
    answer = clinic.get(f"{url}&_count=1&_pretty=true")
    links = {link["relation"]: link["url"] for link in answer.body["link"]}
    assert links.keys() == {"self", "first", "next", "last"}
    assert answer.body["total"] == 3
    for link in links.values():
        assert link.startswith(f"{BASE}/Encounter?")
        kept = dict(parse_qsl(urlsplit(link).query))
        assert kept.items() >= {"patient": "Patient/homer-simpson", "_summary": "true"}.items()
    page = clinic.get(links["next"])
    assert page.body["total"] == 3
    assert "participant" in page.resources[0]
    assert page.resources[0]["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert clinic.get(links["last"]).ids == clinic.get(f"{url}&_offset=2").ids


def test_the_self_link_states_the_applied_parameters(clinic: ApiClient) -> None:
    answer = clinic.get("/Encounter?_count=5000&colour=blue", prefer="handling=lenient")
    (link,) = answer.body["link"]
    assert link["url"] == f"{BASE}/Encounter?_count=1000"


def test_a_count_only_search_returns_a_bundle_with_a_total(clinic: ApiClient) -> None:
    clinic.post("/Encounter", care.session())
    answer = clinic.get("/Encounter?_summary=count")
    assert answer.body["total"] == 1
    assert "entry" not in answer.body
    form = "application/x-www-form-urlencoded"
    posted = clinic.call("POST", "/Encounter/_search?class=VR", "_count=0", content_type=form)
    assert posted.body["total"] == 1
    twice = clinic.call("POST", "/Encounter/_search?_count=1", "_count=0", content_type=form)
    refusals.check(twice, 400, "invalid", "_count")


def test_the_previous_link_beyond_the_end_leads_to_the_last_page(clinic: ApiClient) -> None:
    for _ in range(3):
        clinic.post("/Encounter", care.session())
    offsets = {"_offset=50&_count=2": "2", "_offset=2&_count=2": "0", "_offset=50&_count=0": None}
    for query, offset in offsets.items():
        answer = clinic.get(f"/Encounter?{query}")
        links = {link["relation"]: link["url"] for link in answer.body["link"]}
        previous = dict(parse_qsl(urlsplit(links.get("previous", "")).query))
        assert previous.get("_offset") == offset
        assert answer.body["total"] == 3


@pytest.mark.parametrize("total", [True, -2, 2001, 10**12])
def test_a_cursor_with_a_forged_total_is_refused(clinic: ApiClient, total: Any) -> None:
    for _ in range(2):
        clinic.post("/Encounter", care.session())
    answer = clinic.get("/Encounter?_count=1&_total=accurate")
    links = {link["relation"]: link["url"] for link in answer.body["link"]}
    url, _, cursor = links["next"].partition("_cursor=")
    content = json.loads(urlsafe_b64decode(cursor + "=="))
    assert content[2] == 2
    content[2] = total
    made = urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
    refusals.check(clinic.get(f"{url}_cursor={made}"), 400, "invalid", "_cursor")
