"""The messages of the delivery queue: which Subscription to tell of which version of a resource."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Self

import orjson

from shared.fhir.references import Literal, parse_literal


@dataclass(frozen=True, slots=True)
class Notification:
    """A version of a resource that a Subscription is to be told of, by ids alone.

    Without a resource it is the handshake with the endpoint of that version of the Subscription.
    """

    tenant: str
    subscription: str
    version: int
    resource: Literal | None = None

    @property
    def id(self) -> str:
        """The id by which a receiver knows the repetitions of a notification."""
        name = f"{self.tenant}#{self.subscription}#{self.resource or ''}#{self.version}"
        return sha256(name.encode()).hexdigest()[:32]

    def dumps(self) -> str:
        """Return the message's body."""
        content = [self.tenant, self.subscription, self.version]
        return orjson.dumps([*content, str(self.resource or "")]).decode()

    @classmethod
    def loads(cls, body: str) -> Self:
        """Return the notification that a message's body is."""
        tenant, subscription, version, resource = orjson.loads(body)
        return cls(tenant, subscription, version, parse_literal(resource))
