"""The state that the service keeps beside a Subscription.

Its status, criteria and endpoint are in the resource; here is what a client must not see, and what
changes of other resources need to find it.
"""

from dataclasses import dataclass, field

# The key of a Subscription that no value finds.
UNSELECTIVE = "*"


@dataclass(frozen=True, slots=True)
class Secrets:
    """The withheld values: those of headers, each with the name, and the signing secret."""

    headers: tuple[tuple[str, str], ...] = ()
    signing: str = ""


@dataclass(frozen=True, slots=True)
class Registration:
    """The part that only the deliverer and the writers of a Subscription read.

    `caller` are the rights of its maker, as `subscriptions.rights` writes them. `entries` are the
    type and key of each of its entries, which have found it `since` an instant. A deleted
    Subscription has an empty registration.
    """

    id: str
    secrets: Secrets = field(default_factory=Secrets, repr=False)
    caller: str = ""
    entries: tuple[tuple[str, str], ...] = ()
    since: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """Since when no notification has been delivered, and why the last one was not; may be empty.

    `trying` is the id of the notification that was tried last; `until` then no other is.
    """

    failing_since: str = ""
    reason: str = ""
    trying: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """An active Subscription as changes of a type find it, by the key of a value or `UNSELECTIVE`.

    `since` is when it became active. `caller` are the rights of a patient or related person who
    made it, as in its registration: most of what changes is not theirs.
    """

    type: str
    key: str
    id: str
    criteria: str = ""
    since: str = ""
    caller: str = ""


@dataclass(frozen=True, slots=True)
class SubscriptionCount:
    """How many Subscriptions of a patient or related person are not off."""

    owner: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class SubscribedParameter:
    """A parameter by which some Subscription to a type is found. It stays once it was written."""

    type: str
    parameter: str


@dataclass(frozen=True, slots=True)
class AnySubscription:
    """The mark that there is, or was, a Subscription in the deployment."""
