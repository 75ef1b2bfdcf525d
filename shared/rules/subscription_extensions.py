"""The extensions of a Subscription that mean something here: its owner and its signing secret."""

from collections.abc import Iterator
from typing import Any

from shared.catalog.subscriptions import OWNER_PATH, SECRET_PATH
from shared.fhir import references
from shared.fhir.fhirjson import Resource


def is_owner(extension: Any) -> bool:
    """Return whether an extension names the owner."""
    return _is_of(extension, OWNER_PATH)


def is_secret(extension: Any) -> bool:
    """Return whether an extension has the signing secret."""
    return _is_of(extension, SECRET_PATH)


def _is_of(extension: Any, path: str) -> bool:
    return isinstance(extension, dict) and str(extension.get("url", "")).endswith(path)


def owner(subscription: Resource) -> str:
    """Return the patient or related person who made a Subscription, empty if it was staff."""
    owners = filter(is_owner, subscription.get("extension", ()))
    named = (references.comparable_reference(each.get("valueReference")) for each in owners)
    return next(named, "")


def with_owner(subscription: Resource, base: str, owner: str) -> Resource:
    """Return a Subscription with an extension that names its owner, and none that a client sent.

    `owner` is a reference, empty if a member of staff or a service made it.
    """
    extensions = [each for each in subscription.get("extension", ()) if not is_owner(each)]
    if owner:
        extensions.append({"url": f"{base}{OWNER_PATH}", "valueReference": {"reference": owner}})
    rest = {name: value for name, value in subscription.items() if name != "extension"}
    return rest | ({"extension": extensions} if extensions else {})


def secrets(subscription: Resource) -> list[str]:
    """Return the signing secrets of a Subscription, as they are sent or shown."""
    return [
        extension.get("valueString", "")
        for extension in subscription.get("extension", ())
        if is_secret(extension)
    ]


def misplaced_secrets(subscription: Resource) -> Iterator[str]:
    """Yield the FHIRPath of each secret that is not an extension of the Subscription itself."""
    for name, member in subscription.items():
        if name != "extension":
            yield from _secrets_in(member, f"Subscription.{name.removeprefix('_')}")
    for index, extension in enumerate(subscription.get("extension", ())):
        for name, member in extension.items():
            yield from _secrets_in(member, f"Subscription.extension[{index}].{name}")


def _secrets_in(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for index, member in enumerate(value):
            yield from _secrets_in(member, f"{path}[{index}]")
    elif isinstance(value, dict):
        if is_secret(value):
            yield path
        for name, member in value.items():
            yield from _secrets_in(member, f"{path}.{name.removeprefix('_')}")
