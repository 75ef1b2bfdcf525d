"""Requests, parsed from the events of an API Gateway HTTP API (payload format 2.0).

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from codecs import BOM_UTF8
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from shared.access.authorization import authorize, caller_from_claims
from shared.access.caller import ANONYMOUS, Caller, Predicate
from shared.access.scopes import Scope
from shared.audit import trail
from shared.catalog.controls import FORMATS
from shared.catalog.interactions import OTHER_FORMATS, Interaction
from shared.catalog.operations import Operation
from shared.errors import (
    Invalid,
    Malformed,
    UnsupportedMedia,
)
from shared.fhir import fhirjson, references
from shared.fhir.bundles import IF_MATCH, IF_NONE_EXIST, IF_NONE_MATCH
from shared.fhir.preconditions import Preconditions
from shared.http import bodies, negotiation, routing
from shared.http.negotiation import CHARSETS, FHIR_VERSION, FHIR_VERSIONS, FORM, JSON_TYPES
from shared.settings import Settings, settings

type Event = dict[str, Any]

PATCH_TYPES = frozenset(
    {"application/json-patch+json", "application/merge-patch+json", "application/json"}
)


@dataclass(frozen=True, slots=True)
class Request:
    """A parsed and authorized request.

    Header names are in lower case. The query is decoded but not interpreted. `context` is the
    `requestContext` of the gateway's event.
    """

    interaction: Interaction
    path_variables: Mapping[str, str]
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes
    caller: Caller
    base: str
    context: Mapping[str, Any]

    @property
    def type(self) -> str:
        """The resource type of the path."""
        return self.path_variables.get("type", self.interaction.type)

    @property
    def id(self) -> str:
        """The resource id of the path."""
        return self.path_variables["id"]

    @property
    def operation(self) -> Operation:
        """The operation that the path names."""
        return routing.operation(self.path_variables)

    @property
    def preconditions(self) -> Preconditions:
        """The conditions of a write in If-Match and If-None-Match. Raises Invalid."""
        return Preconditions(self._versions(IF_MATCH), self._versions(IF_NONE_MATCH))

    def _versions(self, header: str) -> frozenset[str]:
        """Return the versions that a header names. Raises Invalid if the header names none."""
        text = self.headers.get(header.lower())
        versions = frozenset(negotiation.entity_tags(text or "")) - {""}
        if text is not None and not versions:
            raise Invalid(
                f"{header} names no version", expression=header, diagnostics='Send it as W/"1"'
            )
        return versions

    def prefers(self, preference: str) -> bool:
        """Return whether Prefer has a preference, such as `handling=lenient`."""
        return preference in negotiation.preferences(self.headers.get("prefer", ""))

    def media_type(self, accepted: frozenset[str]) -> str:
        """Return the body's media type. Raises UnsupportedMedia unless it is accepted."""
        name, parameters = negotiation.media_type(self.headers.get("content-type", ""))
        version = parameters.get("fhirversion", FHIR_VERSION)
        is_supported = version in FHIR_VERSIONS and parameters.get("charset", "utf-8") in CHARSETS
        if (name and name not in accepted) or not is_supported:
            fhir = "" if self.interaction.is_plain else f", fhirVersion {FHIR_VERSION}"
            raise UnsupportedMedia(
                "The body's media type is not supported",
                diagnostics=f"Supported: {', '.join(sorted(accepted))}, in UTF-8{fhir}",
            )
        return name

    def resource(self) -> Any:
        """Return the JSON of the body. Raises UnsupportedMedia and Malformed."""
        self.media_type(JSON_TYPES)
        return fhirjson.loads(self.body)

    @property
    def is_lenient(self) -> bool:
        """Return whether unknown parameters are ignored rather than refused."""
        return self.prefers("handling=lenient")

    @property
    def conditional_query(self) -> list[tuple[str, str]]:
        """The query of a conditional create, update, patch or delete.

        A create has it in If-None-Exist or in the URL. Raises Invalid if the header is not a query
        of the type.
        """
        formats = {control.name for control in FORMATS}
        query = [pair for pair in self.query if pair[0] not in formats]
        header = self.headers.get(IF_NONE_EXIST.lower())
        if header is not None:
            from shared.fhir import queries  # noqa: PLC0415 - only a few creates are conditional

            query += queries.parse_header_query(header, self.type, header=IF_NONE_EXIST)
        return query

    @property
    def selection(self) -> tuple[str, list[tuple[str, str]]]:
        """The id of the path, or an empty one and the conditional query that selects a resource."""
        resource_id = self.path_variables.get("id", "")
        return resource_id, [] if resource_id else self.conditional_query

    def search_query(self) -> list[tuple[str, str]]:
        """Return the parameters of a search: those of the URL, and of the form in a POST."""
        return self.query + (self._search_form() if self.interaction.method == "POST" else [])

    def _search_form(self) -> list[tuple[str, str]]:
        form = self.form()
        trail.current().form_params = form
        negotiation.check_format(self.headers.get("accept", ""), [*self.query, *form])
        return form

    def form(self) -> list[tuple[str, str]]:
        """Return the fields of a form. Raises UnsupportedMedia and Malformed."""
        self.media_type(frozenset({FORM}))
        try:
            return parse_qsl(self.body.decode(), keep_blank_values=True, errors="strict")
        except ValueError:
            raise Malformed("The form is not valid UTF-8") from None

    @property
    def root_url(self) -> str:
        """The absolute URL of a request beside the base, without its query."""
        path = self.interaction.path
        for name, value in self.path_variables.items():
            path = path.replace(f"{{{name}}}", value)
        return self.base.removesuffix(settings().base_path) + path


def from_event(event: Event) -> Request:
    """Return the request of an event, after checking that the caller may make it.

    Raises Unauthenticated, Forbidden, NotFound, NotSupported, NotAcceptable, UnsupportedMedia,
    TooLong and Invalid.
    """
    configuration, context = settings(), event["requestContext"]
    base = _base(configuration, context)
    references.BASE.set(base)
    claims = context.get("authorizer", {}).get("jwt", {}).get("claims")
    headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
    authorization = headers.get("authorization", "")
    caller = _caller(claims, configuration, authorization) if claims else ANONYMOUS
    audit = trail.current()
    audit.note_caller(caller)
    audit.interaction = interaction = routing.interaction(event)
    path = routing.path_variables(event)
    caller = authorize(caller, interaction, path.get("type") or interaction.type)
    _check_path(path)
    query = references.parse_query(event.get("rawQueryString", ""))
    has_other_format = interaction.code in OTHER_FORMATS or interaction.is_plain
    if not (has_other_format or interaction.is_of_files):
        negotiation.check_format(headers.get("accept", ""), query)
    content = bodies.decode(event, headers)
    if not interaction.is_of_files:
        content = content.removeprefix(BOM_UTF8)
    request = Request(
        interaction, path, query, headers, content, with_linked_patients(caller), base, context
    )
    if not interaction.is_plain:
        negotiation.check_parameters(interaction, query, lenient=request.is_lenient)
    return request


# The last caller, after the claims, settings and header that they were made from.
_last: ContextVar[tuple[Any, Settings, str, Caller] | None] = ContextVar("caller", default=None)


def _caller(claims: Mapping[str, Any], configuration: Settings, authorization: str) -> Caller:
    """Return the caller of a token. It is made once for all entries of a Bundle."""
    last = _last.get()
    if last and last[:3] == (claims, configuration, authorization):
        return last[3]
    caller = caller_from_claims(
        claims, configuration, authorization, constraint_predicate=_constraint_predicate
    )
    _last.set((dict(claims), configuration, authorization, caller))
    return caller


def _constraint_predicate(resource_type: str, scope: Scope) -> Predicate | None:
    from shared.search.query import constraints  # noqa: PLC0415 - few scopes have constraints

    return constraints.predicate(resource_type, scope.constraint, settings().zone)


def with_linked_patients(caller: Caller) -> Caller:
    """Return the caller, a related person with the patients of their links in the directory."""
    if not caller.is_related_person:
        return caller
    from shared.references import families  # noqa: PLC0415 - only related persons have links

    return families.with_patients(caller)


def _base(configuration: Settings, context: Mapping[str, Any]) -> str:
    url = f"https://{context['domainName']}{stage_path(context)}{configuration.base_path}"
    return configuration.public_base_url or url


def stage_path(context: Mapping[str, Any]) -> str:
    """Return the path of the gateway's stage, which comes before the base path."""
    return "" if context["stage"] == "$default" else f"/{context['stage']}"


def _check_path(path: Mapping[str, str]) -> None:
    if "id" in path and not references.ID.fullmatch(path["id"]):
        raise Invalid(
            "The id is not valid in R4: it must be 1 to 64 letters, digits, dashes or dots",
            expression="id" if "collection" in path else f"{path.get('type', 'Resource')}.id",
        )
