"""What a Subscription withholds: the values of its headers and its signing secret.

A client writes them, and nobody reads them. The resource shows `Authorization: (withheld since
version 3)` in their place. A write that has the same text keeps the value, so that what was read
can be changed and written back; a write without it removes the value.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.catalog.subscriptions import ID_HEADER, OWNER_PATH, SECRET_PATH, SIGNATURE_HEADER
from shared.errors import BusinessRule, Issue
from shared.rules import endpoints

type Resource = dict[str, Any]

MOST_HEADERS, LONGEST_HEADER = 20, 4096
SHORTEST_SECRET, LONGEST_SECRET = 16, 256
_HEADER = re.compile(r"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(?P<value>[!-~][ -~\t]*)")
_SECRET = re.compile(rf"[!-~]{{{SHORTEST_SECRET},{LONGEST_SECRET}}}")
_SHOWN = re.compile(r"\(withheld since version [0-9]+\)")
# Headers of the request itself, which its sender decides.
_RESERVED = frozenset(
    {
        *("host", "connection", "content-length", "content-type", "transfer-encoding", "te"),
        *("trailer", "upgrade", "expect", "keep-alive", "content-encoding"),
        *("proxy-authorization", "proxy-connection", SIGNATURE_HEADER.lower(), ID_HEADER.lower()),
    }
)
_KEPT_ELSEWHERE = (
    "This text stands for a value that the server does not have for this channel",
    "Send the value itself. A value is kept for the endpoint that had it, and for paths below it",
)


@dataclass(frozen=True, slots=True)
class Secrets:
    """The withheld values: those of headers, each with the name, and the signing secret."""

    headers: tuple[tuple[str, str], ...] = ()
    signing: str = ""


def withhold(
    before: Resource, after: Resource, stored: Secrets, version: int
) -> tuple[Resource, Secrets]:
    """Return the resource as it is shown, and the values that it withholds.

    `stored` are those of `before`, the resource as it is shown now, `{}` for none. `version` is
    that of the write. Raises BusinessRule naming everything that is wrong.
    """
    writing = _Writing(before, after, stored, version)
    channel = after.get("channel", {})
    shown_headers = [
        writing.header(text, f"Subscription.channel.header[{index}]")
        for index, text in enumerate(channel.get("header", ()))
    ]
    shown = {**after}
    if shown_headers:
        shown["channel"] = {**channel, "header": shown_headers}
    if "extension" in after:
        shown["extension"] = [
            writing.extension(extension, f"Subscription.extension[{index}]")
            for index, extension in enumerate(after["extension"])
        ]
    writing.check()
    return shown, Secrets(tuple(writing.headers.values()), writing.signing)


class _Writing:
    """The headers and the secret of a write, with the issues found so far."""

    def __init__(self, before: Resource, after: Resource, stored: Secrets, version: int) -> None:
        self._after, self._stored = after, stored
        self._mark = f"(withheld since version {version})"
        old, new = (each.get("channel", {}) for each in (before, after))
        keeps = endpoints.is_at_or_below(old.get("endpoint", ""), new.get("endpoint", ""))
        self._shown_headers = {*old.get("header", ())} if keeps else set[Any]()
        self._shown_secret = next(secrets(before), "") if keeps else ""
        self._old = {name.lower(): value for name, value in stored.headers}
        self._shown_by_name = {
            str(text).partition(":")[0].lower(): text for text in self._shown_headers
        }
        self.headers: dict[str, tuple[str, str]] = {}
        self.signing = ""
        self._issues: list[Issue] = []

    def header(self, text: object, path: str) -> str:
        """Keep a header, and return it as it is shown."""
        match = _HEADER.fullmatch(text) if isinstance(text, str) else None
        if match is None or len(match[0]) > LONGEST_HEADER:
            self._refuse(
                f"A header is `Name: value`, of at most {LONGEST_HEADER} ASCII characters", path
            )
            return ""
        name, value = match["name"], match["value"].rstrip()
        if name.lower() in _RESERVED:
            self._refuse(f"{name} is set by the server", path, "Leave it out")
        if name.lower() in self.headers:
            self._refuse(f"{name} is given twice", path)
        shown = f"{name}: {self._mark}"
        if _SHOWN.fullmatch(value):
            if text not in self._shown_headers:
                self._refuse(_KEPT_ELSEWHERE[0], path, _KEPT_ELSEWHERE[1])
            shown, value = str(text), self._old.get(name.lower(), "")
        elif self._old.get(name.lower()) == value and name.lower() in self._shown_by_name:
            shown = self._shown_by_name[name.lower()]
        self.headers[name.lower()] = (name, value)
        return shown

    def extension(self, extension: Resource, path: str) -> Resource:
        """Keep the secret if an extension has it, and return the extension as it is shown."""
        if not is_of(extension, SECRET_PATH):
            return extension
        value = extension.get("valueString")
        if extension.keys() != {"url", "valueString"} or not isinstance(value, str):
            self._refuse("The secret is a valueString, and has nothing beside it", path)
            return {}
        if self.signing:
            self._refuse("A Subscription has one secret", path)
        shown = self._mark
        if _SHOWN.fullmatch(value):
            if value != self._shown_secret:
                self._refuse(_KEPT_ELSEWHERE[0], path, _KEPT_ELSEWHERE[1])
            shown, self.signing = value, self._stored.signing
        elif not _SECRET.fullmatch(value):
            self._refuse(
                f"A secret has {SHORTEST_SECRET} to {LONGEST_SECRET} ASCII characters, no spaces",
                f"{path}.value",
            )
        else:
            self.signing = value
            if value == self._stored.signing and self._shown_secret:
                shown = self._shown_secret
        return {**extension, "valueString": shown}

    def check(self) -> None:
        """Raise BusinessRule if anything is wrong."""
        if len(self.headers) > MOST_HEADERS:
            self._refuse(
                f"A channel has at most {MOST_HEADERS} headers", "Subscription.channel.header"
            )
        for path in _misplaced(self._after):
            self._refuse("The secret is an extension of the Subscription itself", path)
        if self._issues:
            raise BusinessRule(issues=self._issues)

    def _refuse(self, text: str, path: str, diagnostics: str = "") -> None:
        self._issues.append(Issue(BusinessRule.code, text, path, diagnostics))


def is_of(extension: Any, path: str) -> bool:
    """Return whether an extension's URL has an end that says what it is."""
    return isinstance(extension, dict) and str(extension.get("url", "")).endswith(path)


def secrets(resource: Resource) -> Iterator[str]:
    """Yield the signing secrets of a Subscription, as they are sent or shown."""
    for extension in resource.get("extension", ()):
        if is_of(extension, SECRET_PATH):
            yield extension.get("valueString", "")


def _misplaced(resource: Resource) -> Iterator[str]:
    """Yield the FHIRPath of each secret that is not where secrets are withheld."""
    for name, member in resource.items():
        if name != "extension":
            yield from _extensions(member, f"Subscription.{name.removeprefix('_')}")
    for index, extension in enumerate(resource.get("extension", ())):
        for name, member in extension.items():
            yield from _extensions(member, f"Subscription.extension[{index}].{name}")


def _extensions(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for index, member in enumerate(value):
            yield from _extensions(member, f"{path}[{index}]")
    elif isinstance(value, dict):
        if is_of(value, SECRET_PATH):
            yield path
        for name, member in value.items():
            yield from _extensions(member, f"{path}.{name.removeprefix('_')}")


def with_owner(resource: Resource, base: str, owner: str) -> Resource:
    """Return a Subscription with an extension that names its owner, and none that a client sent.

    `owner` is a reference, empty if a member of staff or a service made it.
    """
    extensions = [
        extension for extension in resource.get("extension", ()) if not is_of(extension, OWNER_PATH)
    ]
    if owner:
        extensions.append({"url": f"{base}{OWNER_PATH}", "valueReference": {"reference": owner}})
    rest = {name: value for name, value in resource.items() if name != "extension"}
    return rest | ({"extension": extensions} if extensions else {})
