"""Binaries: files are stored and read as they are, or as FHIR resources."""

import gzip
from base64 import b64decode, b64encode
from typing import Any

import pytest

from shared.http.binary_requests import LARGEST_FILE_IN_REQUEST
from shared.http.payloads import LARGEST_FILE_IN_RESPONSE
from tests.support import care, refusals
from tests.support.api_client import ApiClient
from tests.support.memory_objects import MemoryS3

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 2
FHIR = "application/fhir+json"


def upload(clinic: ApiClient, content: bytes = PNG, kind: str = "image/png", **more: str) -> str:
    answer = clinic.call("POST", "/Binary", content, content_type=kind, **more)
    assert answer.status == 201, answer.text
    return answer.id


def as_json(content: bytes = PNG, kind: str = "image/png", **more: Any) -> dict[str, Any]:
    data = b64encode(content).decode()
    return {"resourceType": "Binary", "contentType": kind, "data": data, **more}


def test_a_file_is_read_as_it_was_sent(clinic: ApiClient) -> None:
    created = clinic.call("POST", "/Binary", PNG, content_type="image/png")
    assert created.status == 201
    assert created.body == {
        "resourceType": "Binary",
        "id": created.id,
        "meta": created.body["meta"],
        "contentType": "image/png",
    }
    assert created.headers["Location"].endswith(f"/Binary/{created.id}/_history/1")
    answer = clinic.get(f"/Binary/{created.id}")
    assert (answer.status, answer.content) == (200, PNG)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["ETag"] == 'W/"1"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("accept", ["*/*", "image/*, */*;q=0.8", "application/json", ""])
def test_a_file_is_sent_unless_the_client_names_a_format_of_fhir(
    clinic: ApiClient, accept: str
) -> None:
    url = f"/Binary/{upload(clinic)}"
    assert clinic.get(url, accept=accept).content == PNG


@pytest.mark.parametrize(
    ("query", "accept"),
    [("", FHIR), ("", f"{FHIR}, */*; q=0.1"), ("?_format=json", "*/*"), ("?_format=json", "")],
)
def test_a_binary_is_sent_with_its_data_if_the_client_asks_for_fhir(
    clinic: ApiClient, query: str, accept: str
) -> None:
    answer = clinic.get(f"/Binary/{upload(clinic)}{query}", accept=accept)
    assert answer.headers["Content-Type"].startswith(FHIR)
    assert b64decode(answer.body["data"]) == PNG
    assert answer.body["contentType"] == "image/png"


def test_the_metadata_of_a_binary_can_be_read_alone(clinic: ApiClient) -> None:
    answer = clinic.get(f"/Binary/{upload(clinic)}?_summary=true")
    assert "data" not in answer.body
    assert answer.body["contentType"] == "image/png"


def test_xml_is_not_offered(clinic: ApiClient) -> None:
    answer = clinic.get(f"/Binary/{upload(clinic)}", accept="application/fhir+xml")
    assert answer.status == 406


def test_a_binary_can_be_sent_as_a_resource(clinic: ApiClient) -> None:
    created = clinic.post("/Binary", as_json())
    assert created.status == 201
    assert "data" not in created.body
    assert clinic.get(f"/Binary/{created.id}").content == PNG


@pytest.mark.parametrize("kind", [FHIR, "application/json"])
def test_json_that_is_no_binary_is_a_file(clinic: ApiClient, kind: str) -> None:
    content = b'\xef\xbb\xbf{"resourceType": "Patient"}'
    answer = clinic.get(f"/Binary/{upload(clinic, content, kind)}")
    assert (answer.content, answer.headers["Content-Type"]) == (content, kind)


@pytest.mark.parametrize("content", [b'{"resourceType": "Binary", ', b"\xff", b'{"a": 1, "a": 2}'])
def test_what_is_declared_as_fhir_must_be_json(
    clinic: ApiClient, objects: MemoryS3, content: bytes
) -> None:
    for kind in (FHIR, f"{FHIR}; charset=utf-8"):
        assert clinic.call("POST", "/Binary", content, content_type=kind).status == 400
    assert objects.puts == 0
    url = f"/Binary/{upload(clinic, content, 'application/json')}"
    assert clinic.get(url).content == content
    assert clinic.call("PUT", url, content, content_type=FHIR).status == 400


def test_text_keeps_its_bytes(clinic: ApiClient) -> None:
    text = "\ufeffEs juckt."
    answer = clinic.call("POST", "/Binary", text, content_type="text/plain; charset=utf-8")
    read = clinic.get(f"/Binary/{answer.id}")
    assert read.content == text.encode()
    assert read.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert read.headers["Content-Disposition"] == "attachment"


def test_a_body_that_the_gateway_has_altered_is_refused(clinic: ApiClient) -> None:
    answer = clinic.call(
        "POST", "/Binary", "gr\ufffdn", content_type="text/plain", content_length="4"
    )
    refusals.check(answer, 400, "invalid", "Binary")


def test_a_compressed_file_is_stored_uncompressed(clinic: ApiClient) -> None:
    sent = clinic.call(
        "POST",
        "/Binary",
        gzip.compress(PNG),
        content_type="image/png",
        content_encoding="gzip",
        content_length="3",
    )
    assert clinic.get(f"/Binary/{sent.id}").content == PNG


@pytest.mark.parametrize(
    ("kind", "content", "served", "disposition"),
    [
        ("image/png", PNG, "image/png", "inline"),
        ("application/pdf", b"%PDF-1.7 ...", "application/pdf", "inline"),
        ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>", None, "attachment"),
        ("text/html", b"<script>alert(1)</script>", None, "attachment"),
        ("application/zip", b"PK\x03\x04" + bytes(60), None, "attachment"),
        # What contradicts its type is not served as that.
        ("image/png", b"<script>alert(1)</script>", "application/octet-stream", "attachment"),
        ("image/jpeg", PNG, "application/octet-stream", "attachment"),
        ("text/plain", PNG, "application/octet-stream", "attachment"),
    ],
)
def test_only_pictures_and_pdfs_that_are_such_are_shown_by_browsers(
    clinic: ApiClient, kind: str, content: bytes, served: str | None, disposition: str
) -> None:
    url = f"/Binary/{upload(clinic, content, kind)}"
    answer = clinic.get(url)
    assert answer.headers["Content-Type"] == (served or kind)
    assert answer.headers["Content-Disposition"] == disposition
    assert clinic.get(url, accept=FHIR).body["contentType"] == kind


def test_a_file_has_the_name_with_which_it_was_sent(clinic: ApiClient) -> None:
    sent = "%2e%2e%2frash%0d%0a%20%22%c3%a4%22.png"
    answer = clinic.call("POST", f"/Binary?_filename={sent}", PNG, content_type="image/png")
    shown = clinic.get(f"/Binary/{answer.id}").headers["Content-Disposition"]
    plain, encoded = "..rash ___.png", "..rash%20%22%C3%A4%22.png"
    assert shown == f"inline; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


@pytest.mark.parametrize(
    ("header", "content", "place"),
    [
        ("bytes=0-7", PNG[:8], f"bytes 0-7/{len(PNG)}"),
        ("bytes=500-", PNG[500:], f"bytes 500-{len(PNG) - 1}/{len(PNG)}"),
        ("bytes=-4", PNG[-4:], f"bytes {len(PNG) - 4}-{len(PNG) - 1}/{len(PNG)}"),
        ("bytes=8-99999", PNG[8:], f"bytes 8-{len(PNG) - 1}/{len(PNG)}"),
    ],
)
def test_a_part_of_a_file_can_be_read(
    clinic: ApiClient, header: str, content: bytes, place: str
) -> None:
    answer = clinic.get(f"/Binary/{upload(clinic)}", range=header)
    assert (answer.status, answer.content) == (206, content)
    assert answer.headers["Content-Range"] == place


@pytest.mark.parametrize("header", ["bytes=9-2", "lines=1-2", "bytes=0-1,4-5", "bytes=-"])
def test_what_is_no_range_is_ignored(clinic: ApiClient, header: str) -> None:
    assert clinic.get(f"/Binary/{upload(clinic)}", range=header).status == 200


def test_a_part_is_read_from_a_store_that_ignores_ranges(
    clinic: ApiClient, objects: MemoryS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, ranged = f"/Binary/{upload(clinic)}", objects.get_object
    monkeypatch.setattr(objects, "get_object", lambda **of: ranged(**of | {"Range": ""}))
    assert clinic.get(url, range="bytes=1-3").content == PNG[1:4]
    assert clinic.get(url).content == PNG


def test_a_range_beyond_the_end_is_416(clinic: ApiClient) -> None:
    answer = clinic.get(f"/Binary/{upload(clinic)}", range="bytes=9999-")
    refusals.check(answer, 416, "value", "Range")
    assert answer.headers["Content-Range"] == f"bytes */{len(PNG)}"


def test_a_range_of_another_version_is_ignored(clinic: ApiClient) -> None:
    url = f"/Binary/{upload(clinic)}"
    assert clinic.get(url, range="bytes=0-1", if_range='W/"1"').status == 206
    assert clinic.get(url, range="bytes=0-1", if_range='W/"2"').status == 200


def test_a_client_that_has_the_version_gets_304(clinic: ApiClient) -> None:
    url = f"/Binary/{upload(clinic)}"
    assert clinic.get(url, if_none_match='W/"1"').status == 304
    assert clinic.get(url, if_none_match='W/"1"', accept=FHIR).status == 304


def test_head_has_the_headers_without_reading_the_file(
    clinic: ApiClient, objects: MemoryS3
) -> None:
    url = f"/Binary/{upload(clinic)}"
    objects.versions.clear()
    answer = clinic.call("HEAD", url)
    assert (answer.status, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == "image/png"


def test_a_file_that_does_not_fit_into_a_response_has_a_url_for_a_minute(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.http.binary_responses.LARGEST_FILE_IN_RESPONSE", 100)
    url = f"/Binary/{upload(clinic)}"
    answer = clinic.get(url)
    assert answer.status == 307
    assert answer.headers["Location"].endswith("&60")
    assert clinic.call("HEAD", url).status == 200
    assert clinic.get(url, range="bytes=0-7").content == PNG[:8]
    refusals.check(clinic.get(url, accept=FHIR), 413, "too-long", "Binary.data")
    assert clinic.get(f"{url}?_summary=true").status == 200


def test_the_largest_file_that_can_be_sent_can_be_read() -> None:
    assert LARGEST_FILE_IN_REQUEST <= LARGEST_FILE_IN_RESPONSE


@pytest.mark.parametrize("is_json", [False, True])
def test_a_file_that_is_too_large_is_413_and_says_where_to_send_it(
    clinic: ApiClient, is_json: bool, objects: MemoryS3
) -> None:
    content = bytes(LARGEST_FILE_IN_REQUEST + 1)
    body = as_json(content, "application/octet-stream") if is_json else content
    kind = FHIR if is_json else "application/octet-stream"
    answer = clinic.call("POST", "/Binary", body, content_type=kind)
    refusals.check(answer, 413, "too-long", "Binary")
    assert "/v1/attachments" in answer.text
    assert objects.puts == 0


NO_CONTENT_TYPES = (
    *("text/plain, text/html", "text/plain; x", "text/plain;charset", 'text/plain; a="b', "a/b;"),
    *("text/plain; a=b\u00e9", 'text/plain; a="\u00e9"', "text/plain; a=" + "b" * 250, "a/b/c"),
)


@pytest.mark.parametrize("kind", NO_CONTENT_TYPES)
def test_a_content_type_fits_into_a_header(clinic: ApiClient, kind: str, objects: MemoryS3) -> None:
    for answer in (
        clinic.call("POST", "/Binary", PNG, content_type=kind),
        clinic.post("/Binary", as_json(kind=kind)),
        clinic.administrator.put("/Binary/logo", as_json(kind=kind, id="logo")),
    ):
        refusals.check(answer, 400, answer.body["issue"][0]["code"], "Binary.contentType")
    assert objects.puts == 0


def test_a_content_type_without_a_value_is_refused(clinic: ApiClient) -> None:
    unknown = {"extension": [{"url": "http://example.org/unknown", "valueCode": "unknown"}]}
    answer = clinic.post("/Binary", as_json(contentType=None, _contentType=unknown))
    assert (answer.status, answer.expressions) == (400, ["Binary.contentType"])


@pytest.mark.parametrize(
    "kind", ["text/plain;charset=utf-8", 'text/x; a="b, \\"c\\""; d=e', "application/vnd.a+json"]
)
def test_a_content_type_keeps_its_parameters(clinic: ApiClient, kind: str) -> None:
    assert clinic.get(f"/Binary/{upload(clinic, b'x', kind)}").headers["Content-Type"] == kind


def test_what_browsers_show_has_no_parameters_and_is_in_a_sandbox(clinic: ApiClient) -> None:
    answer = clinic.get(f"/Binary/{upload(clinic, PNG, 'Image/PNG; a=b')}")
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize("body", ["", {"resourceType": "Binary", "contentType": "a/b"}])
def test_a_binary_needs_content(clinic: ApiClient, body: object) -> None:
    assert clinic.post("/Binary", body).status == 400


@pytest.mark.parametrize(
    "wrong",
    [{"contentType": "no type"}, {"data": "%%"}, {"unknown": 1}, {"contentType": None}],
)
def test_what_r4_forbids_is_refused_and_stores_nothing(
    clinic: ApiClient, wrong: dict[str, Any], objects: MemoryS3
) -> None:
    answer = clinic.post("/Binary", as_json(**wrong))
    assert answer.status == 400, answer.text
    assert objects.puts == 0


def test_a_new_version_has_its_own_bytes(clinic: ApiClient) -> None:
    url = f"/Binary/{upload(clinic)}"
    changed = clinic.call("PUT", url, b"GIF89a..", content_type="image/gif", if_match='W/"1"')
    assert (changed.status, changed.version) == (200, "2")
    assert clinic.get(url).content == b"GIF89a.."
    assert clinic.get(f"{url}/_history/1").content == PNG
    assert clinic.get(f"{url}/_history/1").headers["Content-Type"] == "image/png"
    assert clinic.get(f"{url}/_history/2").content == b"GIF89a.."
    history = clinic.get(f"{url}/_history")
    assert [entry["resource"]["contentType"] for entry in history.body["entry"]] == [
        "image/gif",
        "image/png",
    ]


def test_the_same_bytes_and_type_make_no_new_version(clinic: ApiClient, objects: MemoryS3) -> None:
    url = f"/Binary/{upload(clinic)}"
    again = clinic.call("PUT", url, PNG, content_type="image/png")
    assert (again.status, again.version, objects.puts) == (200, "1", 1)


def test_metadata_can_be_changed_without_sending_the_bytes(
    clinic: ApiClient, objects: MemoryS3
) -> None:
    binary_id = upload(clinic)
    thread = clinic.post("/Communication", care.header()).id
    context = care.reference(f"Communication/{thread}")
    body = {"resourceType": "Binary", "contentType": "image/png", "securityContext": context}
    changed = clinic.put(f"/Binary/{binary_id}", body | {"id": binary_id})
    assert (changed.status, changed.version, objects.puts) == (200, "2", 1)
    assert clinic.get(f"/Binary/{binary_id}").content == PNG


def test_a_raw_put_keeps_the_security_context(clinic: ApiClient) -> None:
    thread = clinic.post("/Communication", care.header()).id
    binary_id = upload(clinic, x_security_context=f"Communication/{thread}")
    changed = clinic.call("PUT", f"/Binary/{binary_id}", b"new", content_type="text/plain")
    assert changed.body["securityContext"] == care.reference(f"Communication/{thread}")


def test_a_body_with_another_id_is_refused(clinic: ApiClient) -> None:
    refusals.check(
        clinic.put(f"/Binary/{upload(clinic)}", as_json(id="x")), 400, "invalid", "Binary.id"
    )


def test_a_lost_race_is_412_and_its_bytes_are_deleted(clinic: ApiClient, objects: MemoryS3) -> None:
    url = f"/Binary/{upload(clinic)}"
    answer = clinic.call("PUT", url, b"new", content_type="text/plain", if_match='W/"7"')
    assert answer.status == 412
    assert len(objects.versions) == 1


def test_a_deleted_binary_is_gone_and_its_versions_stay(clinic: ApiClient) -> None:
    url = f"/Binary/{upload(clinic)}"
    assert clinic.delete(url).status == 204
    assert clinic.get(url).status == 410
    assert clinic.get(f"{url}/_history/1").content == PNG
    assert clinic.call("PUT", url, PNG, content_type="image/png").status == 201
    assert clinic.get(url).content == PNG


def test_a_binary_is_neither_searched_nor_patched(clinic: ApiClient) -> None:
    assert clinic.get("/Binary").status == 405
    url = f"/Binary/{upload(clinic)}"
    assert clinic.patch(url, [{"op": "remove", "path": "/contentType"}]).status == 405
    assert clinic.put("/Binary?_id=1", as_json()).status == 405


@pytest.mark.parametrize("has_other_versions", [False, True])
def test_a_file_whose_bytes_are_erased_is_gone(
    clinic: ApiClient, objects: MemoryS3, has_other_versions: bool
) -> None:
    url = f"/Binary/{upload(clinic)}"
    objects.versions.clear()
    if not has_other_versions:
        objects.bodies.clear()
    for accept in ("", FHIR):
        refusals.check(clinic.get(url, accept=accept), 410, "deleted")
        refusals.check(clinic.get(f"{url}/_history/1", accept=accept), 410, "deleted")
    assert clinic.get(f"{url}?_summary=true").status == 200
    assert clinic.call("PUT", url, b"new", content_type="text/plain").status == 200
    assert clinic.get(url).content == b"new"


@pytest.mark.parametrize("body", [PNG, as_json()])
def test_a_binary_is_not_created_conditionally(
    clinic: ApiClient, objects: MemoryS3, body: object
) -> None:
    kind = "image/png" if body == PNG else FHIR
    headers = clinic.call("POST", "/Binary", body, content_type=kind, if_none_exist="_id=1")
    refusals.check(headers, 400, "not-supported", "If-None-Exist")
    query = clinic.call("POST", "/Binary?identifier=1&_format=json", body, content_type=kind)
    refusals.check(query, 400, "not-supported", "identifier")
    assert objects.puts == 0


def test_absent_binaries_are_404(clinic: ApiClient) -> None:
    for url in ("/Binary/absent", "/Binary/absent/_history", "/Binary/absent/_history/1"):
        refusals.check(clinic.get(url), 404, "not-found")
    assert clinic.call("PUT", "/Binary/absent", PNG, content_type="image/png").status == 404


def test_an_administrator_creates_a_binary_under_an_id(clinic: ApiClient) -> None:
    answer = clinic.administrator.call("PUT", "/Binary/logo", PNG, content_type="image/png")
    assert (answer.status, answer.id) == (201, "logo")
