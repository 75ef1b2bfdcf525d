"""The pictures of a message: fetched from the provider within bounds, stored once, never lost."""

from base64 import b64encode
from typing import Any

import pytest

from shared.channels.inbound import media
from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.family import store
from tests.support.receiver import Handler, Receiver
from tests.support.text_channel import PNG, SID, TOKEN, TextChannel, form, said

HOMER = "+15551230001"


@pytest.fixture(autouse=True)
def homer(pictures: TextChannel) -> None:
    telecom = [{"system": "sms", "value": HOMER}]
    store(pictures.clinic, care.HOMER, telecom=telecom)


def picture(provider: Receiver, text: str = "", number: int = 1, **more: str) -> dict[str, str]:
    """Return the form of a message with pictures."""
    urls = {f"MediaUrl{index}": f"{provider.url}/Media/ME{index}" for index in range(number)}
    types = {f"MediaContentType{index}": "image/png" for index in range(number)}
    return form(text, HOMER, NumMedia=str(number), **urls, **types, **more)


def attachments(channel: TextChannel) -> list[dict[str, Any]]:
    (message,) = channel.messages()
    parts = message.get("payload", ())
    return [part["contentAttachment"] for part in parts if "contentAttachment" in part]


def test_pictures_are_binaries_of_the_message(pictures: TextChannel, provider: Receiver) -> None:
    fields = picture(provider, "My rash", 2)
    for _ in range(3):
        pictures.deliver(fields)
    (message,) = pictures.messages()
    assert said(message) == "My rash"
    urls = [attachment["url"] for attachment in attachments(pictures)]
    assert len(set(urls)) == 2
    as_homer = ApiClient(role="patient", fhir_user=care.HOMER)
    for url in urls:
        binary = as_homer.get(f"/{url}", accept="image/png")
        assert (binary.status, binary.content) == (200, PNG)
        assert (
            ApiClient(role="patient", fhir_user="Patient/bart-simpson").get(f"/{url}").status == 404
        )
    requests = provider.taken()
    assert [request.path for request in requests] == ["/fhir/Media/ME0", "/fhir/Media/ME1"]
    credentials = b64encode(f"{SID}:{TOKEN}".encode()).decode()
    assert {request.headers["authorization"] for request in requests} == {f"Basic {credentials}"}


def test_a_picture_without_a_text_is_enough(pictures: TextChannel, provider: Receiver) -> None:
    pictures.deliver(picture(provider))
    (message,) = pictures.messages()
    assert said(message) == ""
    assert len(attachments(pictures)) == 1


def test_what_cannot_be_fetched_is_tried_again_and_then_named(
    pictures: TextChannel, provider: Receiver
) -> None:
    provider.answer = lambda request: request.send(404)
    pictures.deliver(picture(provider, "My rash"))
    for _ in range(3):
        assert pictures.threads() == []
        pictures.practice.advance(3600)
        pictures.process()
    pictures.practice.advance(3600)
    pictures.process()
    (message,) = pictures.messages()
    assert said(message) == "My rash\n[A file could not be fetched: image/png]"
    assert pictures.queue.bodies == {}


def test_what_is_there_later_is_not_lost(pictures: TextChannel, provider: Receiver) -> None:
    def fails_for_the_second(request: Handler) -> None:
        request.send(*((503,) if request.path.endswith("1") else (200, PNG)))

    provider.answer = fails_for_the_second
    pictures.deliver(picture(provider, "My rash", 2))
    assert pictures.threads() == []
    provider.answer = lambda request: request.send(200, PNG)
    pictures.practice.advance(60)
    pictures.process()
    assert len(attachments(pictures)) == 2
    paths = [request.path for request in provider.taken()]
    assert paths == [f"/fhir/Media/ME{number}" for number in (0, 1, 1)]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/Media/ME0",
        "http://127.0.0.1:1/Media/ME0",
        "file:///etc/passwd",
        "https://api.twilio.com@evil.example/",
        "not a url",
    ],
)
def test_nothing_is_fetched_from_elsewhere(pictures: TextChannel, url: str) -> None:
    fields = form("Look", HOMER, NumMedia="1", MediaUrl0=url, MediaContentType0="image/png")
    pictures.deliver(fields)
    (message,) = pictures.messages()
    assert said(message) == "Look\n[A file could not be fetched: image/png]"


def test_credentials_do_not_follow_a_redirection(pictures: TextChannel, provider: Receiver) -> None:
    def redirects(request: Handler) -> None:
        if "authorization" in {name.lower() for name in request.headers}:
            request.send(307, Location="/fhir/stored")
        else:
            request.send(200, PNG)

    provider.answer = redirects
    pictures.deliver(picture(provider))
    assert len(attachments(pictures)) == 1
    assert [request.path for request in provider.taken()] == ["/fhir/Media/ME0", "/fhir/stored"]


@pytest.mark.parametrize("place", ["https://evil.example/x", "http://127.0.0.1:1/x", "//evil/x"])
def test_a_redirection_elsewhere_is_not_followed(
    pictures: TextChannel, provider: Receiver, place: str
) -> None:
    provider.answer = lambda request: request.send(302, Location=place)
    pictures.deliver(picture(provider, "Look"))
    (message,) = pictures.messages()
    assert "could not be fetched" in said(message)


def test_a_file_that_is_too_large_is_not_kept(
    pictures: TextChannel, provider: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "LARGEST_FILE", 1000)
    provider.answer = lambda request: request.send(200, b"0" * 1001)
    pictures.deliver(picture(provider, "Look"))
    (message,) = pictures.messages()
    assert "could not be fetched" in said(message)


def test_redirections_without_end_are_given_up(pictures: TextChannel, provider: Receiver) -> None:
    provider.answer = lambda request: request.send(302, Location="/fhir/again")
    pictures.deliver(picture(provider, "Look"))
    assert len(provider.taken()) == 4


def test_a_content_type_that_is_none_is_unknown(pictures: TextChannel, provider: Receiver) -> None:
    pictures.deliver(picture(provider) | {"MediaContentType0": "a picture"})
    (attachment,) = attachments(pictures)
    assert attachment["contentType"] == "application/octet-stream"


def test_a_keyword_with_a_picture_is_none(pictures: TextChannel, provider: Receiver) -> None:
    pictures.deliver(picture(provider, "STOP"))
    assert len(pictures.messages()) == 1
