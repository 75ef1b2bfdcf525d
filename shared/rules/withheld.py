"""The parts that a Subscription withholds: the values of its headers and its signing secret.

A client writes them, and nobody reads them. The resource shows `Authorization: (withheld since
version 3)` in their place. A write that has the same text keeps the value, so that what was read
can be changed and written back; a write without it removes the value.
"""

import re
from collections.abc import Iterator, Mapping

from shared.catalog.subscriptions import ID_HEADER, SIGNATURE_HEADER
from shared.errors import BusinessRule, Issue
from shared.fhir.fhirjson import Resource
from shared.rules import endpoints, subscription_extensions
from shared.rules.subscription_state import Secrets

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
_HEADERS_PATH = "Subscription.channel.header"


def withhold(
    before: Resource, after: Resource, stored: Secrets, version: int
) -> tuple[Resource, Secrets]:
    """Return the resource as it is shown, and the values that it withholds.

    `stored` are those of `before`, the resource as it is shown now, `{}` for none. `version` is
    that of the write. Raises BusinessRule naming everything that is wrong.
    """
    old, new = (each.get("channel", {}).get("endpoint", "") for each in (before, after))
    # A text stands for a value at the endpoint that had it, and below.
    known = before if endpoints.is_at_or_below(old, new) else {}
    if issues := [*_issues(known, after)]:
        raise BusinessRule(issues=issues)
    mark = f"(withheld since version {version})"
    headers = _headers(_header_texts(after), _shown_headers(known), stored, mark)
    text, secret = _secret(_secret_of(after), _secret_of(known), stored, mark)
    return _shown(after, [*headers], text), Secrets(tuple(headers.values()), secret)


def _header_texts(subscription: Resource) -> list[str]:
    texts: list[str] = subscription.get("channel", {}).get("header", [])
    return texts


def _shown_headers(known: Resource) -> dict[str, str]:
    """Return the headers as they are shown, by their names in lower case."""
    return {text.partition(":")[0].lower(): text for text in _header_texts(known)}


def _secret_of(subscription: Resource) -> str:
    return next(iter(subscription_extensions.secrets(subscription)), "")


def _headers(
    sent: list[str], known: Mapping[str, str], stored: Secrets, mark: str
) -> dict[str, tuple[str, str]]:
    """Return the name and value of each header that was sent, by the text in its place."""
    kept = {name.lower(): value for name, value in stored.headers}
    headers = {}
    for text in sent:
        name, value = _parts(text)
        shown, old = known.get(name.lower(), ""), kept.get(name.lower(), "")
        if shown and (text == shown or value == old):
            headers[shown] = shown.partition(":")[0], old
        else:
            headers[f"{name}: {mark}"] = name, value
    return headers


def _secret(sent: str, known: str, stored: Secrets, mark: str) -> tuple[str, str]:
    """Return the text in place of the secret that was sent, and the secret; both may be empty."""
    if known and sent in (known, stored.signing):
        return known, stored.signing
    return (mark, sent) if sent else ("", "")


def _shown(after: Resource, headers: list[str], secret: str) -> Resource:
    """Return a Subscription with these texts in place of its headers and of its secret."""
    shown = {**after}
    if headers:
        shown["channel"] = {**after["channel"], "header": headers}
    if secret:
        shown["extension"] = [
            {**each, "valueString": secret} if subscription_extensions.is_secret(each) else each
            for each in after["extension"]
        ]
    return shown


def _parts(header: object) -> tuple[str, str]:
    """Return the name and the value of a header, both empty if it is none."""
    match = _HEADER.fullmatch(header) if isinstance(header, str) else None
    if match is None or len(match[0]) > LONGEST_HEADER:
        return "", ""
    return match["name"], match["value"].rstrip()


def _issues(known: Resource, after: Resource) -> Iterator[Issue]:
    """Yield everything that is wrong with what a write withholds."""
    names: set[str] = set()
    for index, text in enumerate(_header_texts(after)):
        path = f"{_HEADERS_PATH}[{index}]"
        yield from _header_issues(text, path, names, _header_texts(known))
        names.add(_parts(text)[0].lower())
    yield from _secret_issues(after, _secret_of(known))
    if len(names - {""}) > MOST_HEADERS:
        yield _issue(f"A channel has at most {MOST_HEADERS} headers", _HEADERS_PATH)
    for path in subscription_extensions.misplaced_secrets(after):
        yield _issue("The secret is an extension of the Subscription itself", path)


def _header_issues(text: str, path: str, others: set[str], known: list[str]) -> Iterator[Issue]:
    name, value = _parts(text)
    if not name:
        yield _issue(
            f"A header is `Name: value`, of at most {LONGEST_HEADER} ASCII characters", path
        )
    if name.lower() in _RESERVED:
        yield _issue(f"{name} is set by the server", path, "Leave it out")
    if name and name.lower() in others:
        yield _issue(f"{name} is given twice", path)
    if _SHOWN.fullmatch(value) and text not in known:
        yield _kept_elsewhere(path)


def _secret_issues(after: Resource, known: str) -> Iterator[Issue]:
    is_given = False
    for index, extension in enumerate(after.get("extension", ())):
        path = f"Subscription.extension[{index}]"
        if not subscription_extensions.is_secret(extension):
            continue
        value = extension.get("valueString")
        if extension.keys() != {"url", "valueString"} or not isinstance(value, str):
            yield _issue("The secret is a valueString, and has nothing beside it", path)
            continue
        if is_given:
            yield _issue("A Subscription has one secret", path)
        is_given = True
        if _SHOWN.fullmatch(value):
            if value != known:
                yield _kept_elsewhere(path)
        elif not _SECRET.fullmatch(value):
            yield _issue(
                f"A secret has {SHORTEST_SECRET} to {LONGEST_SECRET} ASCII characters, no spaces",
                f"{path}.value",
            )


def _kept_elsewhere(path: str) -> Issue:
    return _issue(
        "This text stands for a value that the server does not have for this channel",
        path,
        "Send the value itself. A value is kept for the endpoint that had it, and for paths below "
        "it",
    )


def _issue(text: str, path: str, diagnostics: str = "") -> Issue:
    return Issue(BusinessRule.code, text, path, diagnostics)
