"""A chat application that subscribes: its receiver, and the way of notifications to it."""

from dataclasses import dataclass
from typing import Any

from tests.support.api_client import ApiClient
from tests.support.practice import Practice
from tests.support.receiver import Received, Receiver
from tests.support.subscription_pipeline import SubscriptionPipeline
from tests.support.subscriptions import channel, subscription

HANDSHAKE = ("POST", "/fhir")


@dataclass
class Chat:
    """A chat application that subscribes to what happens in a practice."""

    clinic: ApiClient
    practice: Practice
    receiver: Receiver
    pipeline: SubscriptionPipeline

    def subscribe(self, criteria: str, client: ApiClient | None = None, **more: Any) -> str:
        """Make a Subscription, by default as the clinic, and return its id once it is active."""
        subscriber = client or self.clinic
        body = subscription(criteria, **{"channel": channel(endpoint=self.receiver.url), **more})
        created = subscriber.post("/Subscription", body)
        assert created.status == 201, created.text
        self.pipeline.deliver()
        assert self.status(created.id) == "active"
        assert self.receiver.told()[-1:] == [HANDSHAKE]
        return created.id

    def status(self, subscription_id: str) -> str:
        return str(self.clinic.get(f"/Subscription/{subscription_id}").body["status"])

    def requests(self) -> list[Received]:
        """Deliver what can be delivered now, and return the requests since the last call."""
        self.pipeline.deliver()
        return self.receiver.taken()

    def told(self) -> list[tuple[str, str]]:
        """Return the method and path of these requests."""
        return [(request.method, request.path) for request in self.requests()]
