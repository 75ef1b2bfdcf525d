"""The rules of where notifications may be sent: URLs, and the addresses that names resolve to.

An endpoint comes from a client, so a request to it must not reach what only this service can reach.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, quote, unquote, urlsplit

HTTPS, HTTP = "https", "http"
_PORTS = {HTTPS: 443, HTTP: 80}
LONGEST_URL, LONGEST_HOST = 2048, 253
# Names of this machine itself, which no public server has.
_LOCAL_NAMES = ("localhost", "localdomain", "local", "internal")
# A label of a host name, https://www.rfc-editor.org/rfc/rfc1123#section-2.1; some names in use have
# an underscore.
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# Blocks that Python counts as global, but that lead elsewhere than they say or to no one server:
# relays and transitional addresses that contain another address, site-local and old documentation.
_INDIRECT = tuple(
    map(
        ip_network,
        (
            *("192.88.99.0/24", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64"),
            *("2001::/23", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10"),
        ),
    )
)


class Unsuitable(ValueError):
    """An endpoint that may not be called; the text says why."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URL that may be called: its host (without brackets), port, path and query."""

    host: str
    port: int
    path: str = ""
    query: str = ""
    is_tls: bool = True

    def target(self, *below: str) -> str:
        """Return the target of a request to the URL, or to a path below it."""
        path = "/".join((self.path.rstrip("/"), *map(_encoded, below))) if below else self.path
        return f"{path or '/'}{'?' if self.query else ''}{self.query}"


def _encoded(segment: str) -> str:
    return quote(segment, safe="")


def parse(url: str, *, allows_local: bool = False) -> Endpoint:
    """Return the parts of an endpoint. Raises Unsuitable.

    `allows_local` also permits plain http and this machine, for tests and local runs.
    """
    parts = _split(url)
    if parts.scheme.lower() != HTTPS and not (allows_local and parts.scheme.lower() == HTTP):
        raise Unsuitable("must be an https URL")
    if parts.username is not None or parts.password is not None:
        raise Unsuitable("must not have credentials: put them into channel.header")
    if parts.fragment or "#" in url:
        raise Unsuitable("must not have a fragment")
    host = _host(parts)
    if not allows_local:
        _check_host(host)
    scheme = parts.scheme.lower()
    port = parts.port or _PORTS[scheme]
    return Endpoint(host, port, parts.path, parts.query, is_tls=scheme == HTTPS)


def _split(url: str) -> SplitResult:
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise Unsuitable(f"must be a URL of at most {LONGEST_URL} ASCII characters without spaces")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise Unsuitable("is not a valid URL") from None
    if "\\" in url or not parts.hostname or parts.port == 0:
        raise Unsuitable("must name a host")
    return parts


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".").lower()
    if "%" in host:
        raise Unsuitable("must name a host, without a zone or escapes")
    return host


def _check_host(host: str) -> None:
    """Raise Unsuitable if a host cannot be a public server's."""
    if address := _literal(host):
        if not is_public(address):
            raise Unsuitable("must not be a private, local or otherwise reserved address")
        return
    labels = host.split(".")
    if len(host) > LONGEST_HOST or not all(map(_LABEL.fullmatch, labels)):
        raise Unsuitable("must name a host by labels of letters, digits and hyphens")
    if len(labels) == 1 or labels[-1] in _LOCAL_NAMES or labels[-1].isdecimal():
        # Some resolvers read `127.1` and `0x7f000001` as addresses.
        raise Unsuitable("must name a public host")


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address is that of one server on the public internet.

    Private, loopback, link-local, shared (CGNAT), multicast and reserved ones are not. Of an IPv6
    address that contains an IPv4 address, none is: it leads to that one.
    """
    if isinstance(address, IPv6Address) and (address.ipv4_mapped or address.scope_id):
        return False
    if any(address.version == block.version and address in block for block in _INDIRECT):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def is_at_or_below(old: str, new: str) -> bool:
    """Return whether a URL has the scheme, host and port of an old one, and its path or one below.

    A path may lead to another application of the same host, whose owner is another.
    """
    try:
        at, to = (parse(url, allows_local=True) for url in (old, new))
    except Unsuitable:
        return False
    if (at.is_tls, at.host, at.port) != (to.is_tls, to.host, to.port):
        return False
    if {".", ".."} & {*re.split(r"[/\\]", unquote(to.path))}:
        return False
    base = at.path.rstrip("/")
    return to.path.rstrip("/") == base or to.path.startswith(f"{base}/")
