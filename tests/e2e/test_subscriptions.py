"""Notifications through the whole stack: stream, queues, functions with their own rights."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from shared.local.client import client
from tests.support import care
from tests.support.receiver import Received, Receiver, run_receiver
from tests.support.subscriptions import SECRET, TOKEN, channel, replaced, secret, subscription
from tests.support.waiting import wait_for


def told(receiver: Receiver, path: str) -> Received | None:
    """Return the last request to a path of the receiver."""
    requests = [request for request in receiver.requests if request.path == path]
    return requests[-1] if requests else None


@pytest.fixture
def local(service: Mapping[str, str]) -> Mapping[str, str]:
    """The service, if it is on this machine: a deployment calls no endpoint here."""
    if not httpx.URL(service["FHIR_BASE"]).port:
        pytest.skip("a deployment calls no endpoint on this machine")
    return service


def status(http: httpx.Client, own_id: str) -> dict[str, Any]:
    body: dict[str, Any] = http.get(f"/Subscription/{own_id}").json()
    return body


def test_a_subscription_becomes_active_and_is_told(local: Mapping[str, str]) -> None:
    with run_receiver() as receiver, client(local["FHIR_BASE"], local["TOKEN_PATIENT"]) as homer:
        header = [f"Authorization: {TOKEN}"]
        body = subscription(
            f"Communication?subject={care.HOMER}",
            channel=channel(endpoint=receiver.url, header=header),
            extension=secret(),
        )
        created = homer.post("/Subscription", json=body)
        assert created.status_code == 201, created.text
        assert TOKEN not in created.text
        assert SECRET not in created.text
        own_id = created.json()["id"]
        wait_for(lambda: status(homer, own_id)["status"] == "active")
        handshake = told(receiver, "/fhir")
        assert handshake
        assert (handshake.method, handshake.body) == ("POST", b"")
        thread = homer.post("/Communication", json=care.header())
        assert thread.status_code == 201, thread.text
        path = f"/fhir/Communication/{thread.json()['id']}"
        request = wait_for(lambda: told(receiver, path))
        assert request.method == "PUT"
        assert request.resource == thread.json()
        assert request.headers["authorization"] == TOKEN
        assert request.headers["x-subscription-signature"].startswith("t=")
        off = replaced("/status", "off")
        patched = homer.patch(
            f"/Subscription/{own_id}",
            json=off,
            headers={"Content-Type": "application/json-patch+json"},
        )
        assert patched.json()["status"] == "off"


def test_a_receiver_that_fails_is_asked_again(local: Mapping[str, str]) -> None:
    with run_receiver() as receiver, client(local["FHIR_BASE"], local["TOKEN_ADMIN"]) as admin:
        failures = iter([503])

        def answer(handler: Any) -> None:
            handler.send(next(failures, 200))

        receiver.answer = answer
        body = subscription("Patient?name=smithers", channel=channel(endpoint=receiver.url))
        own_id = admin.post("/Subscription", json=body).json()["id"]
        wait_for(lambda: status(admin, own_id)["status"] == "active")
        assert [request.path for request in receiver.requests] == ["/fhir", "/fhir"]
        patient = {"resourceType": "Patient", "name": [{"family": "Smithers"}]}
        patient_id = admin.post("/Patient", json=patient).json()["id"]
        request = wait_for(lambda: told(receiver, f"/fhir/Patient/{patient_id}"))
        assert request.resource["name"] == patient["name"]
        assert admin.delete(f"/Subscription/{own_id}").status_code in (200, 204)
