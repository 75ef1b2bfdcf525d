"""Which interactions there are: routing, roles, audit, CapabilityStatement and OpenAPI follow.

Codes: https://hl7.org/fhir/R4/valueset-restful-interaction.html
"""

from dataclasses import dataclass

ADMIN, PRACTITIONER, AUDITOR = "admin", "practitioner", "auditor"
SERVICE = "service"
READERS = frozenset({ADMIN, PRACTITIONER, AUDITOR})
WRITERS = frozenset({ADMIN, PRACTITIONER})
NOBODY: frozenset[str] = frozenset()

TYPES = ("Encounter", "Communication")


@dataclass(frozen=True, slots=True)
class Interaction:
    """One route: `path` below the base, `function` its module, `audit` the AuditEvent's action.

    A public interaction has no authorizer and no caller.
    """

    code: str
    method: str
    path: str
    function: str
    roles: frozenset[str]
    audit: str
    public: bool = False

    @property
    def route(self) -> str:
        """What the gateway's RouteKey says, without the base path."""
        return f"{self.method} {self.path}"

    def matches(self, path: str) -> bool:
        """Tell whether a path below the base is one of this route; a search is no resource's id."""
        template, asked = self.path.split("/"), path.rstrip("/").split("/")
        return len(template) == len(asked) and all(
            part == given or (part in ("{type}", "{id}", "{vid}") and not given.startswith("_"))
            for part, given in zip(template, asked, strict=True)
        )


INTERACTIONS = (
    Interaction("create", "POST", "/{type}", "create", WRITERS, "C"),
    Interaction("read", "GET", "/{type}/{id}", "read", READERS, "R"),
    Interaction("read", "HEAD", "/{type}/{id}", "read", READERS, "R"),
    Interaction("vread", "GET", "/{type}/{id}/_history/{vid}", "read", READERS, "R"),
    Interaction("vread", "HEAD", "/{type}/{id}/_history/{vid}", "read", READERS, "R"),
    Interaction("update", "PUT", "/{type}/{id}", "update", WRITERS, "U"),
    Interaction("patch", "PATCH", "/{type}/{id}", "patch", WRITERS, "U"),
    Interaction("delete", "DELETE", "/{type}/{id}", "delete", WRITERS, "D"),
    Interaction("history-instance", "GET", "/{type}/{id}/_history", "history", READERS, "R"),
    Interaction("search-type", "GET", "/{type}", "search", READERS, "E"),
    Interaction("search-type", "POST", "/{type}/_search", "search", READERS, "E"),
    Interaction("capabilities", "GET", "/metadata", "capabilities", NOBODY, "R", public=True),
    Interaction("capabilities", "HEAD", "/metadata", "capabilities", NOBODY, "R", public=True),
    Interaction("preflight", "OPTIONS", "/{proxy+}", "capabilities", NOBODY, "", public=True),
)

BY_ROUTE = {row.route: row for row in INTERACTIONS}
