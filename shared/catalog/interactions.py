"""The API's routes, with what routing, roles, audit, CapabilityStatement and OpenAPI need of each.

Codes: https://hl7.org/fhir/R4/valueset-restful-interaction.html

Paths of resources begin with the variable `{type}`. If two routes match a request, one then has a
static segment where the other has a variable, and the gateway takes that one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.catalog.roles import (
    ADMIN,
    AUDITOR,
    COMPARTMENT_ROLES,
    DELETERS,
    NOBODY,
    READERS,
    WRITERS,
    roles_text,
)
from shared.catalog.types import AUDIT_EVENT, BINARY

# Patients and related persons start care, too: access.patient_writes says what they may write.
ALL_WRITERS = WRITERS | COMPARTMENT_ROLES
ALL_READERS = READERS | COMPARTMENT_ROLES

# The methods of requests that change nothing.
READ_METHODS = ("GET", "HEAD")

# The letter of SMART scopes that each interaction requires.
SCOPE_LETTERS = {
    "create": "c",
    "read": "r",
    "vread": "r",
    "history-instance": "r",
    "update": "u",
    "patch": "u",
    "delete": "d",
    "search-type": "s",
}

# The plain-JSON API: its collections, and the resource type of each.
PLAIN_PATH = "/v1"
COLLECTIONS = {
    "encounters": "Encounter",
    "observations": "Observation",
    "notes": "DocumentReference",
    "prescriptions": "MedicationRequest",
    "assessments": "ClinicalImpression",
    "threads": "Communication",
    "messages": "Communication",
}
# The webhooks that the providers of text messages call.
CHANNELS_PATH = "/channels"
MESSAGE_WEBHOOK, STATUS_WEBHOOK = "channel-message", "channel-status"
# The roles that may see the audit trail's resources.
AUDIT_READERS = frozenset({ADMIN, AUDITOR})
# Types of the public definitions that are made from the catalogue.
DEFINITIONS = ("OperationDefinition", "SearchParameter", "StructureDefinition")


@dataclass(frozen=True, slots=True)
class Interaction:
    """A route: the interaction's code, its method, path, function, roles and AuditEvent action.

    `path` is relative to the FHIR base, or to the API's root if `is_at_root`. `function` is the
    name of its module. A `public` interaction has no authorizer and no caller, and therefore no
    AuditEvent; a webhook is signed instead. A `conditional` one takes a query that selects the
    resource. `scope_override` are the letters of SMART scopes that it requires, if they are not
    those of its code. `resource_type` is the type that it is about, if the path does not begin
    with it.
    """

    code: str
    method: str
    path: str
    function: str
    roles: frozenset[str]
    audit_action: str
    public: bool = False
    conditional: bool = False
    scope_override: str = ""
    is_at_root: bool = False
    resource_type: str = ""

    @property
    def scope_letters(self) -> str:
        """The letters of SMART scopes that the caller needs, all of them."""
        return self.scope_override or SCOPE_LETTERS.get(self.code, "")

    @property
    def roles_text(self) -> str:
        """The permitted roles, as documents list them."""
        return roles_text(self.roles, self.code)

    @property
    def type(self) -> str:
        """The resource type, or the first segment of a path that is about none."""
        return self.resource_type or self.path.lstrip("/").partition("/")[0]

    @property
    def is_plain(self) -> bool:
        """Whether the interaction belongs to the plain-JSON API."""
        return self.is_at_root and self.path.startswith(f"{PLAIN_PATH}/")

    @property
    def is_whole_system(self) -> bool:
        """Whether it is a whole-system interaction: one with the base itself, not with a type."""
        return not self.public and not self.path.strip("/")

    @property
    def is_of_files(self) -> bool:
        """Whether the body of the request or the response may be a file of any content type."""
        return self.type == BINARY and self.code != "history-instance" and not self.is_plain

    @property
    def route(self) -> str:
        """The gateway's RouteKey, without the base path."""
        return f"{self.method} {self.path}"

    def matches(self, path: str) -> bool:
        """Return whether a path, with or without a trailing slash, matches this route.

        A segment that begins with `_`, such as `_search`, matches no variable.
        """
        template, requested = self.path.removesuffix("/"), path.removesuffix("/")
        if template.count("/") != requested.count("/"):
            return False
        pairs = [*zip(template.split("/"), requested.split("/"), strict=True)]
        if not all(
            part == segment or (part.startswith("{") and segment[:1] not in ("", "_"))
            for part, segment in pairs
        ):
            return False
        variables = {part[1:-1]: segment for part, segment in pairs if part.startswith("{")}
        return self.accepts_variables(variables)

    def accepts_variables(self, variables: Mapping[str, str]) -> bool:
        """Return whether the route accepts the values of its path's variables.

        A collection must exist, and an operation, but nothing else, begins with `$`.
        """
        return variables.get("collection", "encounters") in COLLECTIONS and all(
            value.startswith("$") is (name == "operation") for name, value in variables.items()
        )


INTERACTIONS = (
    Interaction("create", "POST", "/{type}", "create", ALL_WRITERS, "C", conditional=True),
    Interaction("read", "GET", "/{type}/{id}", "read", ALL_READERS, "R"),
    Interaction("read", "HEAD", "/{type}/{id}", "read", ALL_READERS, "R"),
    Interaction("vread", "GET", "/{type}/{id}/_history/{vid}", "read", ALL_READERS, "R"),
    Interaction("vread", "HEAD", "/{type}/{id}/_history/{vid}", "read", ALL_READERS, "R"),
    Interaction("update", "PUT", "/{type}/{id}", "update", WRITERS, "U"),
    Interaction("update", "PUT", "/{type}", "update", WRITERS, "U", conditional=True),
    Interaction("patch", "PATCH", "/{type}/{id}", "patch", ALL_WRITERS, "U"),
    Interaction("patch", "PATCH", "/{type}", "patch", ALL_WRITERS, "U", conditional=True),
    Interaction("delete", "DELETE", "/{type}/{id}", "delete", DELETERS, "D"),
    Interaction("delete", "DELETE", "/{type}", "delete", DELETERS, "D", conditional=True),
    Interaction("history-instance", "GET", "/{type}/{id}/_history", "history", ALL_READERS, "R"),
    Interaction("history-instance", "HEAD", "/{type}/{id}/_history", "history", ALL_READERS, "R"),
    Interaction("search-type", "GET", "/{type}", "search", ALL_READERS, "E"),
    Interaction("search-type", "HEAD", "/{type}", "search", ALL_READERS, "E"),
    Interaction("search-type", "POST", "/{type}/_search", "search", ALL_READERS, "E"),
    # The roles of each operation are in its own row.
    Interaction(
        "operation", "POST", "/{type}/{operation}", "operations", ALL_READERS | WRITERS, "E"
    ),
    Interaction("operation", "GET", "/{type}/{id}/{operation}", "operations", ALL_READERS, "E"),
    Interaction(
        "operation", "POST", "/{type}/{id}/{operation}", "operations", ALL_READERS | WRITERS, "E"
    ),
    *(
        Interaction(code, method, path, "audit_events", AUDIT_READERS, action)
        for code, method, path, action in (
            ("read", "GET", f"/{AUDIT_EVENT}/{{id}}", "R"),
            ("read", "HEAD", f"/{AUDIT_EVENT}/{{id}}", "R"),
            ("search-type", "GET", f"/{AUDIT_EVENT}", "E"),
            ("search-type", "HEAD", f"/{AUDIT_EVENT}", "E"),
            ("search-type", "POST", f"/{AUDIT_EVENT}/_search", "E"),
        )
    ),
    # Binaries have no search, no patch and no conditional writes, and a function of their own: it
    # alone keeps their bytes.
    *(
        Interaction(code, method, f"/{BINARY}{path}", "binaries", roles, action)
        for code, methods, path, roles, action in (
            ("create", ("POST",), "", ALL_WRITERS, "C"),
            ("read", READ_METHODS, "/{id}", ALL_READERS, "R"),
            ("vread", READ_METHODS, "/{id}/_history/{vid}", ALL_READERS, "R"),
            ("update", ("PUT",), "/{id}", WRITERS, "U"),
            ("delete", ("DELETE",), "/{id}", DELETERS, "D"),
            ("history-instance", READ_METHODS, "/{id}/_history", ALL_READERS, "R"),
        )
        for method in methods
    ),
    # Both paths take both types of Bundle. The entries are authorised one by one.
    Interaction("transaction", "POST", "", "bundle", ALL_READERS | WRITERS, "E"),
    Interaction("batch", "POST", "/", "bundle", ALL_READERS | WRITERS, "E"),
    Interaction("capabilities", "GET", "/metadata", "capabilities", NOBODY, "", public=True),
    Interaction("capabilities", "HEAD", "/metadata", "capabilities", NOBODY, "", public=True),
    *(
        Interaction(
            "definition", method, f"/{kind}/{{id}}", "capabilities", NOBODY, "", public=True
        )
        for kind in DEFINITIONS
        for method in READ_METHODS
    ),
    *(
        Interaction(
            "smart-configuration",
            method,
            "/.well-known/smart-configuration",
            "capabilities",
            NOBODY,
            "",
            public=True,
        )
        for method in READ_METHODS
    ),
    *(
        Interaction(
            "event-schema", method, "/events/{event}", "capabilities", NOBODY, "", public=True
        )
        for method in READ_METHODS
    ),
    Interaction("openapi", "GET", "/openapi.json", "capabilities", NOBODY, "", public=True),
    Interaction("docs", "GET", "/docs", "capabilities", NOBODY, "", public=True),
    Interaction("docs", "GET", "/docs/{file}", "capabilities", NOBODY, "", public=True),
    # For every path, including the base's own, because the route `$default` requires a token.
    *(
        Interaction("preflight", "OPTIONS", path, "capabilities", NOBODY, "", public=True)
        for path in ("", "/", "/{proxy+}")
    ),
    *(
        Interaction("explore", method, path, "explore", NOBODY, "", public=True, is_at_root=True)
        for path in ("/explore", "/explore/{file}")
        for method in READ_METHODS
    ),
    *(
        Interaction(code, method, f"{PLAIN_PATH}/{path}", "plain", roles, action, is_at_root=True)
        for code, method, path, roles, action in (
            ("create", "POST", "{collection}", ALL_WRITERS, "C"),
            ("search-type", "GET", "{collection}", ALL_READERS, "E"),
            ("read", "GET", "{collection}/{id}", ALL_READERS, "R"),
            ("update", "PUT", "{collection}/{id}", WRITERS, "U"),
            ("patch", "PATCH", "{collection}/{id}", ALL_WRITERS, "U"),
            ("delete", "DELETE", "{collection}/{id}", DELETERS, "D"),
        )
    ),
    # An upload of a file that is too large for a request, and its end.
    *(
        Interaction(
            "create",
            "POST",
            f"{PLAIN_PATH}/attachments{path}",
            "binaries",
            ALL_WRITERS,
            "C",
            is_at_root=True,
            resource_type=BINARY,
        )
        for path in ("", "/{id}")
    ),
    *(
        Interaction(
            code,
            "POST",
            f"{CHANNELS_PATH}/sms/{{account}}{path}",
            "channel_webhook",
            NOBODY,
            "",
            public=True,
            is_at_root=True,
        )
        for code, path in ((MESSAGE_WEBHOOK, ""), (STATUS_WEBHOOK, "/status"))
    ),
    Interaction(
        "preflight",
        "OPTIONS",
        f"{PLAIN_PATH}/{{proxy+}}",
        "capabilities",
        NOBODY,
        "",
        public=True,
        is_at_root=True,
    ),
)

# Interactions whose response is not a resource.
NON_RESOURCE_CODES = frozenset({"smart-configuration", "event-schema", "openapi", "docs"})
# Documents about the server, which are served with an ETag.
SERVER_DOCUMENTS = ("capabilities", "definition", "event-schema", "openapi", "smart-configuration")
# Pages for people, and the files that they load.
PAGES = frozenset({"docs", "explore"})
WEBHOOKS = frozenset({MESSAGE_WEBHOOK, STATUS_WEBHOOK})
# The format of these is not negotiated.
OTHER_FORMATS = PAGES | WEBHOOKS
BELOW_BASE = tuple(row for row in INTERACTIONS if not row.is_at_root)
BY_ROUTE = {row.route: row for row in BELOW_BASE}
ROOT_ROUTES = {row.route: row for row in INTERACTIONS if row.is_at_root}
# The AuditEvent action of each interaction that is audited.
AUDIT_ACTIONS = {row.code: row.audit_action for row in INTERACTIONS if row.audit_action}
