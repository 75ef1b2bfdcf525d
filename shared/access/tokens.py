"""A token's claims as it has them: the gateway's authorizer, who verified it, flattens lists.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from shared.errors import Forbidden, Login

# By these the token of the header is the one that the authorizer verified.
_TELLING = ("iss", "sub", "jti")
# What only an ID token has: https://openid.net/specs/openid-connect-core-1_0.html#IDToken
_OF_ID_TOKENS = ("nonce", "at_hash", "c_hash", "s_hash")
# What an issuer calls an access token: https://www.rfc-editor.org/rfc/rfc9068#section-2.1
_ACCESS = frozenset({"access", "at+jwt", "application/at+jwt", "bearer", "jwt"})
_PART = r"[A-Za-z0-9_-]+=*"
_TOKEN = re.compile(rf"(?:(?i:bearer) +)?({_PART})\.({_PART})\.{_PART}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; `is_whole` where its claims are as it has them, not as the gateway tells."""

    claims: Mapping[str, Any]
    is_whole: bool

    def text(self, name: str) -> str:
        """Return a claim that is a text; nothing where it is something else, or not there."""
        value = self.claims.get(name)
        return value if isinstance(value, str) else ""

    @property
    def scopes(self) -> list[str]:
        """The scopes: those of a list are whole, those of a text stand between spaces."""
        name = "scope" if self.claims.get("scope") else "scp"
        given = self._listed(name)
        return self.text(name).split() if given is None else given

    def groups(self, name: str, known: Container[str]) -> list[str]:
        """Return the groups of a claim, each a whole value.

        Of a list that the gateway has flattened to `[a b]` several words are groups only where all
        are known: else they may be one group's name.
        """
        given = self._listed(name)
        if given is None or (not self.is_whole and not _are_sure(given, known)):
            return [text] if (text := self.text(name)) else []
        return given

    def _listed(self, name: str) -> list[str] | None:
        """Return the texts of a claim that is a list, None of one that is none."""
        value = self.claims.get(name)
        if isinstance(value, list):
            return [member for member in value if isinstance(member, str)]
        return None if self.is_whole else _flattened(self.text(name))


def read(claims: Mapping[str, Any], authorization: str) -> Token:
    """Return the access token that a request came with.

    Where its header cannot be read, its claims are as the authorizer tells them. Raises Login for
    what is another token than the one that was verified, or no access token.
    """
    head, payload = _parts(authorization)
    is_another = any(name in claims and payload.get(name) != claims[name] for name in _TELLING)
    if payload and is_another:
        raise _refused("It is not the token that was verified")
    known = {**claims, **payload}
    if known.get("token_use", "access") != "access" or not known.keys().isdisjoint(_OF_ID_TOKENS):
        raise _refused()
    named = [part["typ"] for part in (head, known) if "typ" in part]
    if not all(str(name).lower() in _ACCESS for name in named):
        raise _refused()
    return Token(known, is_whole=bool(payload))


def check_scope(token: Token, scope: str) -> None:
    """Raise Forbidden unless a token has a scope that the deployment asks of each."""
    if scope and scope not in token.scopes:
        raise Forbidden("The token lacks a scope", diagnostics=f"Each token needs {scope}")


def _are_sure(words: list[str], known: Container[str]) -> bool:
    return len(words) <= 1 or all(word in known for word in words)


def _flattened(text: str) -> list[str] | None:
    """Return the words of a list that the gateway has flattened, None of what is no such."""
    return text[1:-1].split() if text[:1] == "[" and text[-1:] == "]" else None


def _parts(authorization: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the header and the payload of a token, empty where they cannot be read."""
    # Of two tokens in one header nobody can tell which was verified.
    token = _TOKEN.fullmatch(authorization.strip())
    if token is None:
        return {}, {}
    try:
        head, payload = map(_json, token.groups())
    except ValueError:
        return {}, {}
    return head, payload


def _json(part: str) -> dict[str, Any]:
    bare = part.rstrip("=")
    found = orjson.loads(urlsafe_b64decode(bare + "=" * (-len(bare) % 4)))
    if not isinstance(found, dict):
        raise ValueError  # noqa: TRY004 - as what cannot be read
    return found


def _refused(diagnostics: str = "") -> Login:
    return Login("The token is not an access token", diagnostics=diagnostics)
