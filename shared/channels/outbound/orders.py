"""The messages of the outbound queue: which message is to be sent, by which account."""

from typing import NamedTuple, Self

import orjson


class Order(NamedTuple):
    """A message that an account is to send, by ids alone."""

    tenant: str
    message: str
    account: str

    def dumps(self) -> str:
        """Return the message's body."""
        return orjson.dumps([*self]).decode()

    @classmethod
    def loads(cls, body: str) -> Self:
        """Return the order that a message's body is."""
        return cls(*orjson.loads(body))
