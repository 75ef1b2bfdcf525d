"""The search parameters of Subscription."""

from functools import partial

from shared.catalog.parameters import (
    CODE_SYSTEM_BASE,
    OWN_DEFINITION_PATH,
    common_params,
    param,
    row,
)

_subscription = partial(param, "Subscription")

ROWS = (
    *common_params("Subscription"),
    _subscription("contact", "token", "contact", element="ContactPoint"),
    _subscription("criteria", "string", "criteria"),
    # No other extension may be a Reference: see shared.rules.subscriptions.
    _subscription(
        "owner",
        "reference",
        "extension.valueReference",
        "Patient",
        "RelatedPerson",
        definition=f"{OWN_DEFINITION_PATH}Subscription-owner",
        description="The patient or related person who made it, and alone of them sees it",
        **row(resources_per_value=10),
    ),
    _subscription("payload", "token", "channel.payload", element="code", system="urn:ietf:bcp:13"),
    _subscription(
        "status",
        "token",
        "status",
        element="code",
        system=f"{CODE_SYSTEM_BASE}/subscription-status",
    ),
    _subscription(
        "type",
        "token",
        "channel.type",
        element="code",
        system=f"{CODE_SYSTEM_BASE}/subscription-channel-type",
    ),
    _subscription("url", "uri", "channel.endpoint"),
)
