"""Files on a deployed service: through the gateway, S3 and presigned URLs."""

from collections.abc import Mapping
from hashlib import sha256
from os import urandom
from urllib.parse import parse_qs, urlsplit

import httpx

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def caller(service: Mapping[str, str], token: str) -> httpx.Client:
    return httpx.Client(headers={"Authorization": f"Bearer {service[token]}"}, timeout=60)


def test_a_file_goes_through_the_gateway_byte_by_byte(service: Mapping[str, str]) -> None:
    base = service["FHIR_BASE"]
    with caller(service, "TOKEN_PRACTITIONER") as alice:
        for content, kind in ((PNG, "image/png"), ("Es juckt. äöü".encode(), "text/plain")):
            created = alice.post(f"{base}/Binary", content=content, headers={"Content-Type": kind})
            assert created.status_code == 201, created.text
            url = f"{base}/Binary/{created.json()['id']}"
            read = alice.get(url)
            assert (read.status_code, read.content) == (200, content)
            assert read.headers["Content-Type"] == kind
            part = alice.get(url, headers={"Range": "bytes=1-3"})
            assert (part.status_code, part.content) == (206, content[1:4])


def test_the_largest_file_of_a_request_is_sent_and_read(service: Mapping[str, str]) -> None:
    content, base = urandom(4 * 1024 * 1024), service["FHIR_BASE"]
    with caller(service, "TOKEN_PRACTITIONER") as alice:
        kind = {"Content-Type": "application/octet-stream"}
        created = alice.post(f"{base}/Binary", content=content, headers=kind)
        assert alice.get(f"{base}/Binary/{created.json()['id']}").content == content


def test_a_large_file_is_uploaded_and_read_at_presigned_urls(service: Mapping[str, str]) -> None:
    base = service["FHIR_BASE"]
    root, content = base.removesuffix("/fhir/R4"), urandom(6_000_000)
    wanted = {
        "contentType": "application/octet-stream",
        "size": len(content),
        "sha256": sha256(content).hexdigest(),
        "name": "scan.bin",
    }
    with caller(service, "TOKEN_PATIENT") as homer:
        begun = homer.post(f"{root}/v1/attachments", json=wanted).json()["data"]
        target, completion = begun["upload"], f"{root}/v1/attachments/{begun['id']}"
        other = bytes([content[0] ^ 1]) + content[1:]
        refused = httpx.put(target["url"], content=other, headers=target["headers"])
        assert refused.status_code == 400
        assert homer.post(completion).status_code == 404
        sent = httpx.put(target["url"], content=content, headers=target["headers"], timeout=60)
        assert sent.status_code == 200, sent.text
        assert homer.post(completion).status_code == 201
        read = homer.get(f"{base}/Binary/{begun['id']}")
        assert read.status_code == 307
        given = httpx.get(read.headers["Location"], timeout=60)
        assert given.content == content
        # The emulator's S3 ignores the headers that a URL asks for.
        asked = parse_qs(urlsplit(read.headers["Location"]).query)
        assert asked["response-content-disposition"] == ['attachment; filename="scan.bin"']
    with caller(service, "TOKEN_PRACTITIONER") as alice:
        assert alice.get(f"{base}/Binary/{begun['id']}").status_code == 404
