"""Uploads of large files: begun under /v1/attachments, sent to S3, completed, then a Binary."""

from base64 import b64encode
from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError

from shared.store import binary_objects, dynamodb, s3
from shared.store.binary_objects import LARGEST_UPLOAD, Upload
from shared.store.records import StoredFile
from tests.api.binaries.test_binaries import NO_CONTENT_TYPES, PNG
from tests.api.binaries.test_binary_rights import ADMIN, BART, HOMER, NICK, sees
from tests.support import care
from tests.support.api_client import Answer, ApiClient
from tests.support.memory_objects import MemoryS3
from tests.support.plain_client import PlainClient

WANTED = {
    "contentType": "image/png",
    "size": len(PNG),
    "sha256": sha256(PNG).hexdigest(),
    "name": "rash.png",
}


def begin(who: ApiClient, **more: Any) -> Answer:
    return PlainClient(who).post("/attachments", WANTED | more)


def complete(who: ApiClient, binary_id: str) -> Answer:
    return PlainClient(who).post(f"/attachments/{binary_id}", None)


def send(objects: MemoryS3, content: bytes = PNG) -> None:
    """Send a file as S3 would take it: with the headers and parameters that were signed."""
    signed = objects.presigned
    digest = b64encode(sha256(content).digest()).decode()
    assert signed["ContentLength"] == len(content)
    assert signed["ChecksumSHA256"] == digest
    objects.put_object(
        Key=signed["Key"],
        Body=content,
        Tagging=signed["Tagging"],
        ContentType=signed["ContentType"],
        ChecksumSHA256=digest,
        Metadata=signed["Metadata"],
    )


def test_a_file_is_uploaded_and_completed_and_then_a_binary(
    clinic: ApiClient, objects: MemoryS3
) -> None:
    begun = begin(HOMER)
    assert begun.status == 200, begun.text
    data = begun.body["data"]
    binary_id = data["id"]
    assert data["url"] == f"Binary/{binary_id}"
    assert data["upload"]["method"] == "PUT"
    assert data["upload"]["headers"]["Content-Type"] == "image/png"
    assert HOMER.get(f"/Binary/{binary_id}").status == 404
    assert complete(HOMER, binary_id).status == 404
    send(objects)
    assert HOMER.get(f"/Binary/{binary_id}").status == 404
    assert objects.tags
    completed = complete(HOMER, binary_id)
    assert completed.status == 201, completed.text
    assert completed.body["data"] == {
        "id": binary_id,
        "url": f"Binary/{binary_id}",
        "contentType": "image/png",
        "size": len(PNG),
        "title": "rash.png",
    }
    assert objects.tags == {}
    read = HOMER.get(f"/Binary/{binary_id}")
    assert (read.status, read.content) == (200, PNG)
    assert read.headers["Content-Disposition"] == 'inline; filename="rash.png"'
    assert not sees(clinic, binary_id)


def test_completing_an_upload_again_changes_nothing(objects: MemoryS3) -> None:
    binary_id = begin(HOMER).body["data"]["id"]
    send(objects)
    assert complete(HOMER, binary_id).status == 201
    assert complete(HOMER, binary_id).status == 200
    assert HOMER.get(f"/Binary/{binary_id}?_summary=true").version == "1"


def test_an_upload_whose_binary_was_deleted_is_gone(objects: MemoryS3) -> None:
    binary_id = begin(HOMER).body["data"]["id"]
    send(objects)
    assert complete(HOMER, binary_id).status == 201
    assert HOMER.delete(f"/Binary/{binary_id}").status == 204
    assert complete(HOMER, binary_id).status == 410
    assert complete(BART, binary_id).status == 404


def test_an_upload_is_complete_though_its_bytes_were_replaced(objects: MemoryS3) -> None:
    binary_id = begin(HOMER).body["data"]["id"]
    send(objects)
    assert complete(HOMER, binary_id).status == 201
    ADMIN.call("PUT", f"/Binary/{binary_id}", b"GIF89a..", content_type="image/gif")
    again = complete(HOMER, binary_id)
    assert (again.status, again.body["data"]["contentType"]) == (200, "image/gif")


@pytest.mark.parametrize("lost", ["thread", "scope"])
def test_who_sees_a_file_no_more_is_not_told_that_its_upload_is_complete(
    clinic: ApiClient, thread: str, objects: MemoryS3, lost: str
) -> None:
    binary_id = begin(HOMER, threadId=thread).body["data"]["id"]
    send(objects)
    assert complete(HOMER, binary_id).status == 201
    homer = HOMER
    if lost == "thread":
        leave(clinic, thread)
    else:
        scope = "patient/Binary.cr patient/Observation.rs"
        homer = replace(HOMER, claims={"scope": scope, "patient": "homer-simpson"})
    assert complete(homer, binary_id).status == 404


def leave(clinic: ApiClient, thread: str) -> None:
    """Let Homer leave a thread."""
    header = clinic.get(f"/Communication/{thread}").body
    people = {"sender": care.reference(care.ALICE)}
    others = {"subject": care.reference("Patient/lisa-simpson"), "recipient": []}
    assert clinic.put(f"/Communication/{thread}", header | people | others).status == 200


@pytest.mark.parametrize("name", ["threadId", "encounterId"])
def test_an_upload_may_belong_to_a_thread_or_a_session(
    clinic: ApiClient, thread: str, objects: MemoryS3, name: str
) -> None:
    session = clinic.post("/Encounter", care.session()).id
    binary_id = begin(HOMER, **{name: thread if name == "threadId" else session}).body["data"]["id"]
    send(objects)
    assert complete(HOMER, binary_id).status == 201
    assert sees(clinic, binary_id)
    assert not sees(BART, binary_id)


def test_only_who_began_an_upload_completes_it(clinic: ApiClient, objects: MemoryS3) -> None:
    binary_id = begin(HOMER).body["data"]["id"]
    send(objects)
    for other in (clinic, NICK, BART, ADMIN):
        assert complete(other, binary_id).status == 404
    assert complete(HOMER, binary_id).status == 201
    assert complete(NICK, binary_id).status == 404


def test_nobody_uploads_to_a_thread_that_they_do_not_see(thread: str, objects: MemoryS3) -> None:
    refused, absent = begin(BART, threadId=thread), begin(BART, threadId="absent")
    assert refused.status == absent.status == 422
    assert refused.text.replace(thread, "absent") == absent.text
    assert objects.presigned == {}


def test_a_right_that_ended_since_the_upload_began_is_gone(
    clinic: ApiClient, thread: str, objects: MemoryS3
) -> None:
    binary_id = begin(HOMER, threadId=thread).body["data"]["id"]
    send(objects)
    leave(clinic, thread)
    assert complete(HOMER, binary_id).status == 422
    assert HOMER.get(f"/Binary/{binary_id}").status == 404


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"size": 0}, "#/size"),
        ({"size": LARGEST_UPLOAD + 1}, "#/size"),
        ({"size": "5"}, "#/size"),
        ({"size": True}, "#/size"),
        ({"size": None}, "#/size"),
        ({"sha256": "abc"}, "#/sha256"),
        ({"contentType": "picture"}, "#/contentType"),
        *(({"contentType": kind}, "#/contentType") for kind in NO_CONTENT_TYPES),
        ({"name": "a\r\nb"}, "#/name"),
        ({"name": "\u3042" * 171}, "#/name"),
        ({"threadId": "a/b"}, "#/threadId"),
        ({"threadId": "a", "encounterId": "b"}, "#/encounterId"),
        ({"url": "x"}, "#/url"),
    ],
)
def test_what_is_wrong_with_an_upload_is_named(
    wrong: dict[str, Any], pointer: str, objects: MemoryS3
) -> None:
    answer = begin(HOMER, **wrong)
    assert answer.status == (422 if len(wrong) > 1 else 400), answer.text
    assert [error["pointer"] for error in answer.body["errors"]] == [pointer]
    assert objects.presigned == {}


def test_missing_rights_on_the_bucket_are_an_error_of_the_server(
    objects: MemoryS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "403"}}, "HeadObject")

    binary_id = begin(HOMER).body["data"]["id"]
    send(objects)
    monkeypatch.setattr(objects, "head_object", denied)
    assert complete(HOMER, binary_id).status == 500


@pytest.mark.parametrize("name", ["\u3042" * 170, "\U0001f98b" * 128, "a" * 255])
def test_the_longest_names_fit_into_the_metadata_that_s3_takes(
    objects: MemoryS3, name: str
) -> None:
    assert begin(HOMER, name=name, threadId="a" * 64).status == 422
    session = ADMIN.put(f"/Encounter/{'a' * 64}", care.session() | {"id": "a" * 64})
    assert session.status == 201
    binary_id = begin(HOMER, name=name, encounterId="a" * 64).body["data"]["id"]
    metadata = objects.presigned["Metadata"]
    assert sum(len(key) + len(value) for key, value in metadata.items()) <= 2048
    send(objects)
    assert complete(HOMER, binary_id).body["data"]["title"] == name


def test_auditors_and_tokens_without_a_subject_upload_nothing(objects: MemoryS3) -> None:
    assert begin(ApiClient("auditor")).status == 403
    assert begin(replace(HOMER, claims={"sub": ""})).status == 403
    assert objects.presigned == {}


def test_s3_takes_only_the_file_that_was_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign with the real client: every header that matters is part of the signature."""
    client = dynamodb.session().create_client("s3", config=s3._CONFIG)
    monkeypatch.setattr(s3, "client", cache(lambda: client))
    upload = Upload("m\u00e4ker", "image/png", 7, sha256(PNG).hexdigest(), "rash.png", "")
    url, headers = binary_objects.upload_url("-", "binary-1", upload)
    query = parse_qs(urlsplit(url).query)
    signed = set(query["X-Amz-SignedHeaders"][0].split(";"))
    assert {name.lower() for name in headers} | {"content-length", "host"} <= signed
    assert query["X-Amz-Expires"] == ["900"]
    assert urlsplit(url).path.endswith("/-/binary-1")
    file = StoredFile("", "-/binary-1", "v1", 7, "")
    download = binary_objects.download_url(file, "image/png", "inline")
    query = parse_qs(urlsplit(download).query)
    assert query["X-Amz-Expires"] == ["60"]
    assert query["versionId"] == ["v1"]
    assert query["response-content-type"] == ["image/png"]
    assert query["response-content-disposition"] == ["inline"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
