"""A request, read from the event of an HTTP API (payload 2.0).

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from shared import access, fhirjson, references
from shared.access import ANONYMOUS, Actor
from shared.catalog.interactions import Interaction
from shared.catalog.operations import Operation
from shared.errors import (
    Invalid,
    Issue,
    Malformed,
    NotAcceptable,
    UnsupportedMedia,
)
from shared.http import routing
from shared.settings import Settings, settings

type Event = dict[str, Any]

JSON_TYPES = frozenset({"application/fhir+json", "application/json", "text/json"})
PATCH_TYPES = frozenset(
    {"application/json-patch+json", "application/merge-patch+json", "application/json"}
)
FORM = "application/x-www-form-urlencoded"
_ANY_JSON = frozenset({*JSON_TYPES, "json", "*/*", "application/*"})
FHIR_VERSION = "4.0"
FHIR_VERSIONS = frozenset({FHIR_VERSION, "4.0.1"})


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller asks; header names in lower case, the query decoded but not interpreted."""

    interaction: Interaction
    path: Mapping[str, str]
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes
    actor: Actor
    base: str

    @property
    def type(self) -> str:
        """The resource type of the path."""
        return self.path["type"]

    @property
    def id(self) -> str:
        """The resource id of the path."""
        return self.path["id"]

    @property
    def operation(self) -> Operation:
        """The operation that the path names."""
        return routing.operation(self.path)

    @property
    def if_match(self) -> str:
        """The version that If-Match asks for: `W/"1"`, `"1"` and `1` are the same."""
        return entity_tag(self.headers.get("if-match", ""))

    @property
    def if_none_match(self) -> str:
        """The version that If-None-Match knows already."""
        return entity_tag(self.headers.get("if-none-match", ""))

    def prefers(self, preference: str) -> bool:
        """Tell whether Prefer says so, as `handling=lenient`."""
        given = self.headers.get("prefer", "").replace(";", ",").split(",")
        return preference in (one.strip() for one in given)

    def media_type(self, accepted: frozenset[str]) -> str:
        """Give the body's media type. Raises UnsupportedMedia where it is none of the accepted."""
        name, *parameters = self.headers.get("content-type", "").lower().split(";")
        pairs = (part.strip().partition("=") for part in parameters)
        given = {parameter: value.strip('"') for parameter, _, value in pairs}
        version = given.get("fhirversion", FHIR_VERSION)
        if (name and name.strip() not in accepted) or version not in FHIR_VERSIONS:
            raise UnsupportedMedia(
                "The body's media type is not supported",
                diagnostics=f"Supported: {', '.join(sorted(accepted))}; fhirVersion {FHIR_VERSION}",
            )
        return name.strip()

    def resource(self) -> Any:
        """Read the body of a create or update as JSON. Raises UnsupportedMedia and Malformed."""
        self.media_type(JSON_TYPES)
        return fhirjson.loads(self.body)

    def refuse_conditions(self) -> None:
        """Refuse a conditional create: to ignore its condition would make a resource twice."""
        asked = [name for name, _ in self.query if name not in ("_format", "_pretty")]
        if "if-none-exist" in self.headers or asked:
            raise Invalid(issues=[Issue("not-supported", "Conditional create is not supported")])

    def form(self) -> list[tuple[str, str]]:
        """Read the body of a search by POST."""
        self.media_type(frozenset({FORM}))
        try:
            return parse_qsl(self.body.decode(), keep_blank_values=True, errors="strict")
        except ValueError:
            raise Malformed("The form is not UTF-8") from None


def entity_tag(text: str) -> str:
    """Read an entity tag as a version id."""
    return text.strip().removeprefix("W/").strip('"')


def read(event: Event) -> Request:
    """Read an event, and say no to whoever may not do what it asks.

    Raises Login, Forbidden, NotFound, NotSupported, NotAcceptable and Invalid.
    """
    known, context = settings(), event["requestContext"]
    base = _base(known, context)
    references.BASE.set(base)
    interaction = routing.interaction(event, known)
    caller = ANONYMOUS
    if not interaction.public:
        claims = context.get("authorizer", {}).get("jwt", {}).get("claims") or {}
        caller = access.caller(claims, known)
        access.authorise(caller, interaction)
    path = event.get("pathParameters") or {}
    _check_path(path)
    headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
    query = _query(event.get("rawQueryString", ""))
    _check_accept(headers.get("accept", ""), dict(query).get("_format", ""))
    body = event.get("body") or ""
    content = (
        b64decode(body) if event.get("isBase64Encoded") else body.encode(errors="surrogatepass")
    )
    return Request(interaction, path, query, headers, content, caller, base)


def _base(known: Settings, context: Mapping[str, Any]) -> str:
    if known.public_base_url:
        return known.public_base_url
    stage = "" if context["stage"] == "$default" else f"/{context['stage']}"
    return f"https://{context['domainName']}{stage}{known.base_path}"


def _check_path(path: Mapping[str, str]) -> None:
    if "id" in path and not references.ID.fullmatch(path["id"]):
        raise Invalid(
            "An id has 1 to 64 letters, digits, dashes and dots",
            expression=f"{path.get('type', 'Resource')}.id",
        )


def _query(raw: str) -> list[tuple[str, str]]:
    """Read a raw query; a plus sign is itself (time zones, telephone numbers), a space is %20."""
    pairs = (part.partition("=") for part in raw.split("&") if part)
    try:
        return [
            (unquote(name, errors="strict"), unquote(value, errors="strict"))
            for name, _, value in pairs
        ]
    except UnicodeDecodeError:
        raise Invalid("The query is not UTF-8") from None


def _check_accept(accept: str, format_parameter: str) -> None:
    wanted = format_parameter or accept
    offered = {part.partition(";")[0].strip().lower() for part in wanted.split(",")}
    if wanted and not offered & _ANY_JSON:
        raise NotAcceptable("Answers are application/fhir+json")
