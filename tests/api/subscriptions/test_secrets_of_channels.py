"""Values of headers and signing secrets are written, and never read."""

from io import StringIO
from typing import Any

import pytest

from shared.http.endpoint import logger
from shared.store import subscription_reading
from tests.support import consistency, refusals
from tests.support.api_client import ApiClient
from tests.support.subscriptions import (
    ENDPOINT,
    SECRET,
    SECRET_URL,
    TOKEN,
    channel,
    secret,
    subscription,
)

HEADER = f"Authorization: {TOKEN}"
SHOWN = "Authorization: (withheld since version 1)"


def create(clinic: ApiClient, **more: Any) -> Any:
    body = subscription(channel=channel(header=[HEADER]), extension=secret(), **more)
    created = clinic.post("/Subscription", body)
    assert created.status == 201, created.text
    return created.body


def stored(resource: dict[str, Any]) -> tuple[dict[str, str], str]:
    found = subscription_reading.read("-", resource["id"])
    assert found
    return dict(found.registration.secrets.headers), found.registration.secrets.signing


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """Everything that is logged."""
    stream = StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return stream


def test_no_answer_log_or_other_item_has_a_secret(clinic: ApiClient, log: StringIO) -> None:
    created = create(clinic)
    url = f"/Subscription/{created['id']}"
    answers = [
        clinic.put(url, {**created, "reason": "Billing"}),
        clinic.get(url),
        clinic.get(f"{url}/_history"),
        clinic.get(f"{url}/_history/1"),
        clinic.get("/Subscription?criteria=communication"),
        clinic.get(f"/Subscription?url={ENDPOINT}&_elements=channel"),
        clinic.post("/Subscription/$validate?mode=update", {**created}),
    ]
    texts = [*(answer.text for answer in answers), log.getvalue()]
    tables = consistency.stored_items()
    texts += [str(item) for table in tables for item in table if item["sk"]["S"] != "channel"]
    for text in texts:
        assert "of-the-chat-application" not in text
        assert SECRET not in text
    (kept,) = (item for table in tables for item in table if item["sk"]["S"] == "channel")
    assert SECRET in str(kept)


def test_what_was_read_can_be_written_back(clinic: ApiClient) -> None:
    created = create(clinic)
    assert created["channel"]["header"] == [SHOWN]
    assert created["extension"][0]["valueString"] == "(withheld since version 1)"
    url = f"/Subscription/{created['id']}"
    updated = clinic.put(url, {**created, "reason": "Billing"}).body
    assert (updated["channel"], updated["extension"]) == (created["channel"], created["extension"])
    assert stored(created) == ({"Authorization": TOKEN}, SECRET)


def test_the_same_values_are_no_change_and_others_are(clinic: ApiClient) -> None:
    created = create(clinic)
    url = f"/Subscription/{created['id']}"
    items = consistency.stored_items()
    for header in (HEADER, HEADER.replace("A", "a", 1), SHOWN):
        same = {**created, "channel": channel(header=[header]), "extension": secret()}
        assert clinic.put(url, same).version == "1"
    assert consistency.stored_items() == items
    other = {**created, "channel": channel(header=["Authorization: Bearer of-another"])}
    changed = clinic.put(url, other)
    assert changed.version == "2"
    assert changed.body["channel"]["header"] == ["Authorization: (withheld since version 2)"]
    assert stored(created) == ({"Authorization": "Bearer of-another"}, SECRET)


def test_values_that_are_left_out_are_forgotten(clinic: ApiClient) -> None:
    created = create(clinic)
    url = f"/Subscription/{created['id']}"
    rest = {name: value for name, value in created.items() if name != "extension"}
    assert clinic.put(url, {**rest, "channel": channel()}).status == 200
    assert stored(created) == ({}, "")
    again = clinic.put(url, created)
    paths = ["Subscription.channel.header[0]", "Subscription.extension[0]"]
    refusals.check(again, 422, "business-rule", *paths)


def test_a_patch_removes_a_header(clinic: ApiClient) -> None:
    created = create(clinic)
    patch = [{"op": "remove", "path": "/channel/header/0"}]
    assert clinic.patch(f"/Subscription/{created['id']}", patch).status == 200
    assert stored(created) == ({}, SECRET)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://other.example.com/fhir",
        "https://chat.example.com:8443/fhir",
        "https://chat.example.com/elsewhere",
        f"{ENDPOINT}/../elsewhere",
    ],
)
def test_values_go_to_no_other_server_or_path(clinic: ApiClient, endpoint: str) -> None:
    created = create(clinic)
    elsewhere = {**created["channel"], "endpoint": endpoint}
    url = f"/Subscription/{created['id']}"
    refused = clinic.put(url, {**created, "channel": elsewhere})
    paths = ["Subscription.channel.header[0]", "Subscription.extension[0]"]
    refusals.check(refused, 422, "business-rule", *paths)
    nearby = {**created["channel"], "endpoint": f"{ENDPOINT}/below"}
    assert clinic.put(url, {**created, "channel": nearby}).status == 200
    assert stored(created) == ({"Authorization": TOKEN}, SECRET)


def test_a_shown_text_is_no_value_of_a_new_one(clinic: ApiClient) -> None:
    body = subscription(channel=channel(header=[SHOWN]))
    refused = clinic.post("/Subscription", body)
    refusals.check(refused, 422, "business-rule", "Subscription.channel.header[0]")


@pytest.mark.parametrize(
    ("extension", "path"),
    [
        ([{"url": SECRET_URL, "valueCode": SECRET}], "extension[0]"),
        ([{"url": SECRET_URL, "valueString": SECRET, "id": "1"}], "extension[0]"),
        (secret("short"), "extension[0].value"),
        ([*secret(), *secret()], "extension[1]"),
    ],
)
def test_a_secret_is_one_string_of_some_length(
    clinic: ApiClient, extension: list[Any], path: str
) -> None:
    refused = clinic.post("/Subscription", subscription(extension=extension))
    refusals.check(refused, 422, "business-rule", f"Subscription.{path}")


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"channel": channel(extension=secret())}, "channel.extension[0]"),
        ({"_criteria": {"extension": secret()}}, "criteria.extension[0]"),
        (
            {"extension": [{"url": "https://example.com/x", "extension": secret()}]},
            "extension[0].extension[0]",
        ),
    ],
)
def test_a_secret_elsewhere_is_refused_and_not_stored(
    clinic: ApiClient, more: dict[str, Any], path: str
) -> None:
    refused = clinic.post("/Subscription", subscription(**more))
    refusals.check(refused, 422, "business-rule", f"Subscription.{path}")


def test_medplums_extension_is_the_same_secret(clinic: ApiClient) -> None:
    url = "https://www.medplum.com/fhir/StructureDefinition/subscription-secret"
    created = clinic.post("/Subscription", subscription(extension=secret(url=url)))
    assert created.status == 201, created.text
    assert stored(created.body)[1] == SECRET
    assert SECRET not in created.text


def test_a_deleted_one_keeps_no_secret(clinic: ApiClient) -> None:
    created = create(clinic)
    assert clinic.administrator.delete(f"/Subscription/{created['id']}").status == 204
    assert stored(created) == ({}, "")
    assert SECRET not in str(consistency.stored_items())
