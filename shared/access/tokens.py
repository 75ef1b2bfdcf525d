"""Access tokens: their claims, read from the Authorization header if possible.

The gateway's authorizer has verified the token and passes its claims on, but flattens lists.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from shared.errors import Forbidden, Unauthenticated

# If these claims agree, the token of the header is the one that the authorizer verified.
_IDENTIFYING = ("iss", "sub", "jti")
# Claims that only an ID token has: https://openid.net/specs/openid-connect-core-1_0.html#IDToken
_OF_ID_TOKENS = ("nonce", "at_hash", "c_hash", "s_hash")
# Values of `typ` for access tokens: https://www.rfc-editor.org/rfc/rfc9068#section-2.1
_ACCESS = frozenset({"access", "at+jwt", "application/at+jwt", "bearer", "jwt"})
_PART = r"[A-Za-z0-9_-]+=*"
_TOKEN = re.compile(rf"(?:(?i:bearer) +)?({_PART})\.({_PART})\.{_PART}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; `is_whole` if its claims were read from itself, not from the gateway."""

    claims: Mapping[str, Any]
    is_whole: bool

    def text(self, name: str) -> str:
        """Return a claim, empty if it is absent or not a string."""
        value = self.claims.get(name)
        return value if isinstance(value, str) else ""

    @property
    def scopes(self) -> list[str]:
        """The token's scopes, from a list or from a string in which spaces separate them."""
        name = "scope" if self.claims.get("scope") else "scp"
        members = self._listed(name)
        return self.text(name).split() if members is None else members

    def groups(self, name: str, known: Container[str]) -> list[str]:
        """Return the groups in a claim. A string is one group, whatever it contains.

        The gateway flattens a list to `[a b]`. Several words are then taken as several groups only
        if all of them are known, because a group's name may contain spaces.
        """
        members = self._listed(name)
        if members is None or not (
            self.is_whole or len(members) <= 1 or all(member in known for member in members)
        ):
            return [text] if (text := self.text(name)) else []
        return members

    def _listed(self, name: str) -> list[str] | None:
        """Return the strings in a claim that is a list, None if it is not a list."""
        value = self.claims.get(name)
        if isinstance(value, list):
            return [member for member in value if isinstance(member, str)]
        return None if self.is_whole else _flattened(self.text(name))


def parse(claims: Mapping[str, Any], authorization: str) -> Token:
    """Return a request's access token.

    `claims` are those that the authorizer verified. They are used alone if the token in the
    Authorization header cannot be parsed. Raises Unauthenticated if that is not the token that was
    verified, or not an access token.
    """
    head, payload = _parts(authorization)
    is_another = any(name in claims and payload.get(name) != claims[name] for name in _IDENTIFYING)
    if payload and is_another:
        raise _refused("The token in the Authorization header is not the one that was verified")
    merged = {**claims, **payload}
    if merged.get("token_use", "access") != "access" or not merged.keys().isdisjoint(_OF_ID_TOKENS):
        raise _refused()
    types = [part["typ"] for part in (head, merged) if "typ" in part]
    if not all(str(name).lower() in _ACCESS for name in types):
        raise _refused()
    return Token(merged, is_whole=bool(payload))


def check_scope(token: Token, scope: str) -> None:
    """Raise Forbidden unless a token has the scope that the deployment requires of all tokens."""
    if scope and scope not in token.scopes:
        raise Forbidden(
            "The token lacks a scope that this server requires of every token",
            diagnostics=f"Request a token with the scope {scope}",
        )


def _flattened(text: str) -> list[str] | None:
    """Return the words of a list that the gateway has flattened, None for any other text."""
    return text[1:-1].split() if text[:1] == "[" and text[-1:] == "]" else None


def _parts(authorization: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the header and the payload of a token, both empty if they cannot be parsed."""
    # Only a single token: of two in one header nobody can tell which was verified.
    token = _TOKEN.fullmatch(authorization.strip())
    if token is None:
        return {}, {}
    try:
        head, payload = map(_json, token.groups())
    except ValueError:
        return {}, {}
    return head, payload


def _json(part: str) -> dict[str, Any]:
    unpadded = part.rstrip("=")
    value = orjson.loads(urlsafe_b64decode(unpadded + "=" * (-len(unpadded) % 4)))
    if not isinstance(value, dict):
        raise ValueError  # noqa: TRY004 - handled like a part that cannot be decoded
    return value


def _refused(diagnostics: str = "") -> Unauthenticated:
    return Unauthenticated("The token is not an access token", diagnostics=diagnostics)
