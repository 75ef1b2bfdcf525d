"""Which interactions there are: routing, roles, audit, CapabilityStatement and OpenAPI follow.

Codes: https://hl7.org/fhir/R4/valueset-restful-interaction.html

Paths begin with `{type}`, so that of two routes that fit a request one always has a static segment
where the other has a variable: the gateway takes that one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.catalog.roles import (
    ADMIN,
    AUDITOR,
    DELETERS,
    NOBODY,
    OF_COMPARTMENT,
    READERS,
    WRITERS,
    listed,
)

# Those who start care, and what they may write of it: shared.access.own_care.
CARED_FOR = WRITERS | OF_COMPARTMENT
SEERS = READERS | OF_COMPARTMENT

# The letters of SMART's scopes, of which an interaction needs one.
LETTERS = {
    "create": "c",
    "read": "r",
    "vread": "r",
    "history-instance": "r",
    "update": "u",
    "patch": "u",
    "delete": "d",
    "search-type": "s",
}

# The plain-JSON face: its collections, and the types of what is in them.
PLAIN = "/v1"
COLLECTIONS = {
    "encounters": "Encounter",
    "observations": "Observation",
    "notes": "DocumentReference",
    "prescriptions": "MedicationRequest",
    "assessments": "ClinicalImpression",
    "threads": "Communication",
    "messages": "Communication",
}
# What the audit trail is made of, to be seen by those who oversee.
AUDIT_EVENT = "AuditEvent"
OVERSEERS = frozenset({ADMIN, AUDITOR})
# Of these there is what the catalogue says, to be read by anybody.
DEFINITIONS = ("OperationDefinition", "SearchParameter", "StructureDefinition")


@dataclass(frozen=True, slots=True)
class Interaction:
    """One route: `path` below the base, `function` its module, `audit` the AuditEvent's action.

    A public interaction has no authorizer and no caller, and so no AuditEvent either. A conditional
    one takes a query that says which resource is meant. `needs` are letters of SMART's scopes,
    where those are not its code's. A rooted one's path begins beside the base, at the API's root.
    """

    code: str
    method: str
    path: str
    function: str
    roles: frozenset[str]
    audit: str
    public: bool = False
    conditional: bool = False
    needs: str = ""
    rooted: bool = False

    @property
    def letters(self) -> str:
        """The letters of SMART's scopes that it needs, all of them."""
        return self.needs or LETTERS.get(self.code, "")

    @property
    def who(self) -> str:
        """The roles that may, as documents list them."""
        return listed(self.roles, self.code)

    @property
    def type(self) -> str:
        """The type that the path itself names, where it does."""
        return self.path.lstrip("/").partition("/")[0]

    @property
    def is_plain(self) -> bool:
        """Tell whether it is of the plain-JSON face."""
        return self.rooted and self.path.startswith(f"{PLAIN}/")

    @property
    def is_systems(self) -> bool:
        """Return whether it is an interaction with the whole system: of the base, of no type."""
        return not self.public and not self.path.strip("/")

    @property
    def route(self) -> str:
        """What the gateway's RouteKey says, without the base path."""
        return f"{self.method} {self.path}"

    @property
    def slashed(self) -> str:
        """The path of the greedy route that takes this one with a slash at the end."""
        static = self.path.partition("/{")[0]
        return f"{static}/{{proxy+}}"

    def matches(self, path: str) -> bool:
        """Return whether a path, without its slash at the end, is one of this route.

        A search is no resource's id.
        """
        template, asked = (each.removesuffix("/").split("/") for each in (self.path, path))
        if len(template) != len(asked):
            return False
        pairs = [*zip(template, asked, strict=True)]
        variables = {part[1:-1]: given for part, given in pairs if part.startswith("{")}
        return self.takes(variables) and all(
            part == given or (part.startswith("{") and given[:1] not in ("", "_"))
            for part, given in pairs
        )

    def takes(self, variables: Mapping[str, str]) -> bool:
        """Tell whether a path's variables say what they may: only an operation begins with `$`."""
        return variables.get("collection", "encounters") in COLLECTIONS and all(
            given.startswith("$") is (name == "operation") for name, given in variables.items()
        )


INTERACTIONS = (
    Interaction("create", "POST", "/{type}", "create", CARED_FOR, "C", conditional=True),
    Interaction("read", "GET", "/{type}/{id}", "read", SEERS, "R"),
    Interaction("read", "HEAD", "/{type}/{id}", "read", SEERS, "R"),
    Interaction("vread", "GET", "/{type}/{id}/_history/{vid}", "read", SEERS, "R"),
    Interaction("vread", "HEAD", "/{type}/{id}/_history/{vid}", "read", SEERS, "R"),
    Interaction("update", "PUT", "/{type}/{id}", "update", WRITERS, "U"),
    Interaction("update", "PUT", "/{type}", "update", WRITERS, "U", conditional=True),
    Interaction("patch", "PATCH", "/{type}/{id}", "patch", CARED_FOR, "U"),
    Interaction("patch", "PATCH", "/{type}", "patch", CARED_FOR, "U", conditional=True),
    Interaction("delete", "DELETE", "/{type}/{id}", "delete", DELETERS, "D"),
    Interaction("delete", "DELETE", "/{type}", "delete", DELETERS, "D", conditional=True),
    Interaction("history-instance", "GET", "/{type}/{id}/_history", "history", SEERS, "R"),
    Interaction("history-instance", "HEAD", "/{type}/{id}/_history", "history", SEERS, "R"),
    Interaction("search-type", "GET", "/{type}", "search", SEERS, "E"),
    Interaction("search-type", "HEAD", "/{type}", "search", SEERS, "E"),
    Interaction("search-type", "POST", "/{type}/_search", "search", SEERS, "E"),
    # Who may is said by each operation.
    Interaction("operation", "POST", "/{type}/{operation}", "operations", SEERS | WRITERS, "E"),
    Interaction("operation", "GET", "/{type}/{id}/{operation}", "operations", SEERS, "E"),
    Interaction(
        "operation", "POST", "/{type}/{id}/{operation}", "operations", SEERS | WRITERS, "E"
    ),
    *(
        Interaction(code, method, path, "audit_events", OVERSEERS, action)
        for code, method, path, action in (
            ("read", "GET", f"/{AUDIT_EVENT}/{{id}}", "R"),
            ("read", "HEAD", f"/{AUDIT_EVENT}/{{id}}", "R"),
            ("search-type", "GET", f"/{AUDIT_EVENT}", "E"),
            ("search-type", "HEAD", f"/{AUDIT_EVENT}", "E"),
            ("search-type", "POST", f"/{AUDIT_EVENT}/_search", "E"),
        )
    ),
    # Either path takes a Bundle of either type; who may do what its entries ask is said by theirs.
    Interaction("transaction", "POST", "", "bundle", SEERS | WRITERS, "E"),
    Interaction("batch", "POST", "/", "bundle", SEERS | WRITERS, "E"),
    Interaction("capabilities", "GET", "/metadata", "capabilities", NOBODY, "", public=True),
    Interaction("capabilities", "HEAD", "/metadata", "capabilities", NOBODY, "", public=True),
    *(
        Interaction(
            "definition", method, f"/{kind}/{{id}}", "capabilities", NOBODY, "", public=True
        )
        for kind in DEFINITIONS
        for method in ("GET", "HEAD")
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
        for method in ("GET", "HEAD")
    ),
    Interaction("openapi", "GET", "/openapi.json", "capabilities", NOBODY, "", public=True),
    Interaction("docs", "GET", "/docs", "capabilities", NOBODY, "", public=True),
    # Of any path, the base's own among them: `$default` would ask for a token.
    *(
        Interaction("preflight", "OPTIONS", path, "capabilities", NOBODY, "", public=True)
        for path in ("", "/", "/{proxy+}")
    ),
    *(
        Interaction("explore", method, path, "explore", NOBODY, "", public=True, rooted=True)
        for path in ("/explore", "/explore/{file}")
        for method in ("GET", "HEAD")
    ),
    *(
        Interaction(code, method, f"{PLAIN}/{path}", "plain", roles, action, rooted=True)
        for code, method, path, roles, action in (
            ("create", "POST", "{collection}", CARED_FOR, "C"),
            ("search-type", "GET", "{collection}", SEERS, "E"),
            ("read", "GET", "{collection}/{id}", SEERS, "R"),
            ("update", "PUT", "{collection}/{id}", WRITERS, "U"),
            ("patch", "PATCH", "{collection}/{id}", CARED_FOR, "U"),
            ("delete", "DELETE", "{collection}/{id}", DELETERS, "D"),
        )
    ),
    Interaction(
        "preflight",
        "OPTIONS",
        f"{PLAIN}/{{proxy+}}",
        "capabilities",
        NOBODY,
        "",
        public=True,
        rooted=True,
    ),
)

# Of these the answer is no resource.
NO_RESOURCE = frozenset({"smart-configuration", "openapi", "docs"})
# What the server says of itself, with an ETag.
PUBLISHED = ("capabilities", "definition", "openapi", "smart-configuration")
# Pages for people, and what these load: what they are is not negotiated.
PAGES = frozenset({"docs", "explore"})
BELOW_BASE = tuple(row for row in INTERACTIONS if not row.rooted)
BY_ROUTE = {row.route: row for row in BELOW_BASE}
ROOTED = {row.route: row for row in INTERACTIONS if row.rooted}
# A route's key cannot end in a slash, and a path that does comes to `$default`, which asks for a
# token. What needs none has a greedy route as well: that is taken before `$default`, and a greedy
# variable takes what is left of a path, the empty rest as well.
SLASHED = {
    f"{row.method} {row.slashed}": row
    for row in INTERACTIONS
    if row.public and not row.rooted and row.code != "preflight"
}
# Of each interaction that the audit trail knows.
ACTIONS = {row.code: row.audit for row in INTERACTIONS if row.audit}
