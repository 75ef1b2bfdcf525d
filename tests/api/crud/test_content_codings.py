"""Bodies that are compressed or begin with a byte order mark.

https://www.rfc-editor.org/rfc/rfc9110#field.content-encoding
"""

import gzip
import json
from base64 import b64decode
from typing import Any

import pytest

from tests.support import care, refusals
from tests.support.api_client import Answer, ApiClient
from tests.support.consistency import stored_items
from tests.support.plain_client import PlainClient

FORM = "application/x-www-form-urlencoded"
MARK = b"\xef\xbb\xbf"
LONG = {
    "status": "additional",
    "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{"A long story. " * 200}</div>',
}
ENCOUNTER = {"patientId": "homer-simpson", "status": "planned", "class": "VR"}


def compressed(body: Any) -> bytes:
    plain = body if isinstance(body, bytes) else json.dumps(body).encode()
    return gzip.compress(plain, mtime=0)


def send(clinic: ApiClient, body: bytes, coding: str = "gzip") -> Answer:
    return clinic.post("/Encounter", body, content_encoding=coding)


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", " gzip ", "gzip, identity"])
def test_a_body_in_gzip_is_unpacked(clinic: ApiClient, coding: str) -> None:
    answer = send(clinic, compressed(care.session(language="de")), coding)
    assert answer.status == 201, answer.text
    assert answer.body["language"] == "de"


def test_every_member_of_a_gzip_body_is_unpacked_in_every_coding(clinic: ApiClient) -> None:
    text = json.dumps(care.session()).encode()
    assert send(clinic, compressed(text[:20]) + compressed(text[20:])).status == 201
    assert send(clinic, compressed(compressed(text)), "gzip, gzip").status == 201


def test_each_kind_of_body_may_be_in_gzip(clinic: ApiClient) -> None:
    own = f"/Encounter/{clinic.post('/Encounter', care.session()).id}"
    update = compressed(clinic.get(own).body | {"language": "en"})
    assert clinic.put(own, update, content_encoding="gzip").version == "2"
    patch = compressed([{"op": "remove", "path": "/language"}])
    assert clinic.patch(own, patch, content_encoding="gzip").version == "3"
    form = clinic.call(
        "POST",
        "/Encounter/_search",
        compressed(b"status=in-progress"),
        content_type=FORM,
        content_encoding="gzip",
    )
    assert form.ids == [own[11:]]
    entry = {"request": {"method": "GET", "url": own[1:]}}
    bundle = compressed({"resourceType": "Bundle", "type": "batch", "entry": [entry]})
    answer = clinic.post("", bundle, content_encoding="gzip")
    assert answer.body["entry"][0]["response"]["status"] == "200"
    validated = clinic.post(
        "/Encounter/$validate", compressed(care.session()), content_encoding="gzip"
    )
    assert validated.status == 200


def test_the_plain_api_unpacks_a_body(clinic: ApiClient) -> None:
    plain = PlainClient(clinic)
    created = plain.post("/encounters", compressed(ENCOUNTER), content_encoding="gzip")
    assert created.status == 201
    path = f"/encounters/{created.body['data']['id']}"
    assert (
        plain.patch(path, compressed({"priority": "high"}), content_encoding="gzip").status == 200
    )
    assert plain.put(path, MARK + json.dumps(ENCOUNTER).encode()).status == 200


@pytest.mark.parametrize("coding", ["br", "deflate", "compress", "zstd", "gzip, br", "*", "x"])
def test_another_coding_is_refused_and_the_refusal_names_the_accepted_one(
    clinic: ApiClient, coding: str
) -> None:
    before = stored_items()
    answer = send(clinic, compressed(care.session()), coding)
    refusals.check(answer, 415, "not-supported", "Content-Encoding")
    assert answer.headers["Accept-Encoding"] == "gzip"
    plain = PlainClient(clinic).post("/encounters", compressed(ENCOUNTER), content_encoding=coding)
    assert (plain.status, plain.headers["Accept-Encoding"]) == (415, "gzip")
    assert plain.body["errors"][0]["header"] == "Content-Encoding"
    assert stored_items() == before


@pytest.mark.parametrize(
    "body",
    [
        compressed(care.session())[:-9],
        compressed(care.session())[:-1],
        compressed(care.session())[:20],
        compressed(care.session())[:-8] + bytes(8),
        compressed(care.session()) + b"more",
        json.dumps(care.session()).encode(),
        b"\x1f\x8b",
    ],
)
def test_an_incomplete_or_damaged_gzip_body_is_refused(clinic: ApiClient, body: bytes) -> None:
    refusals.check(send(clinic, body), 400, "structure", "Content-Encoding")


def test_a_body_of_more_than_10_mb_unpacked_is_refused(clinic: ApiClient) -> None:
    spaces = json.dumps(care.session()).encode()
    fitting = spaces + b" " * (10_000_000 - len(spaces))
    assert send(clinic, compressed(fitting)).status == 201
    for bomb in (
        compressed(fitting + b" "),
        compressed(fitting) * 20,
        compressed(bytes(100_000_000)),
    ):
        refusals.check(send(clinic, bomb), 413, "too-long", "Content-Encoding")


def test_an_empty_coding_is_ignored(clinic: ApiClient) -> None:
    assert clinic.get("/metadata", content_encoding="br").status == 200
    assert clinic.get("/Encounter", content_encoding="gzip").status == 200
    body = json.dumps(care.session()).encode()
    for coding in ("identity", "Identity", ""):
        assert send(clinic, body, coding).status == 201


def test_a_caller_who_may_not_write_is_refused_before_the_body_is_unpacked() -> None:
    assert send(ApiClient("auditor"), b"no gzip").status == 403


def test_a_byte_order_mark_is_skipped(clinic: ApiClient) -> None:
    text = json.dumps(care.session())
    for body in (MARK + text.encode(), f"\ufeff{text}"):
        assert clinic.post("/Encounter", body).status == 201
    assert send(clinic, compressed(MARK + text.encode())).status == 201
    form = MARK + b"status=in-progress"
    answer = clinic.call("POST", "/Encounter/_search", form, content_type=FORM)
    assert len(answer.ids) == 3


@pytest.mark.parametrize("body", [MARK + MARK + b"{}", b" " + MARK + b"{}", MARK])
def test_only_one_leading_byte_order_mark_is_accepted(clinic: ApiClient, body: bytes) -> None:
    assert clinic.post("/Encounter", body).status == 400


# Values of Accept-Encoding, and whether each accepts gzip.
ACCEPTED = {
    "gzip, deflate, br": True,
    "deflate, GZIP;q=0.5": True,
    "br ; q=1, gzip ; q=0.001": True,
    "x-gzip": True,
    "gzip;q=0, identity": False,
    "gzip;q=0.000": False,
    "identity": False,
    "notgzip": False,
    "": False,
}


@pytest.mark.parametrize(("accepted", "is_packed"), ACCEPTED.items())
def test_a_long_answer_is_compressed_for_clients_that_accept_gzip(
    clinic: ApiClient, accepted: str, *, is_packed: bool
) -> None:
    own = f"/Encounter/{clinic.post('/Encounter', care.session(text=LONG)).id}"
    handler, event = clinic.handler_and_event("GET", own, accept_encoding=accepted)
    plain, answer = clinic.get(own), handler(event, None)
    assert answer.get("isBase64Encoded", False) is is_packed
    assert ("Content-Encoding" in answer["headers"]) is is_packed
    if is_packed:
        assert answer["headers"]["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in answer["headers"]["Vary"]
        assert len(answer["body"]) < len(plain.text)
        assert gzip.decompress(b64decode(answer["body"])).decode() == plain.text
    else:
        assert answer["body"] == plain.text


def test_a_short_answer_is_not_packed(clinic: ApiClient) -> None:
    handler, event = clinic.handler_and_event("GET", "/Encounter/nowhere", accept_encoding="gzip")
    answer = handler(event, None)
    assert "Content-Encoding" not in answer["headers"]
    assert json.loads(answer["body"])["resourceType"] == "OperationOutcome"


def test_an_answer_without_a_body_is_not_packed(clinic: ApiClient) -> None:
    own = f"/Encounter/{clinic.post('/Encounter', care.session(text=LONG)).id}"
    handler, event = clinic.handler_and_event("HEAD", own, accept_encoding="gzip")
    answer = handler(event, None)
    assert (answer["body"], "Content-Encoding" in answer["headers"]) == ("", False)
