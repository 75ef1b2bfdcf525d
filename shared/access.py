"""Who is calling: a token's claims as an actor with roles."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.catalog.interactions import Interaction
from shared.errors import Forbidden, Login
from shared.settings import Settings

DEFAULT_TENANT = "-"


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller of a request: token subject, client, the person it stands for, and roles."""

    subject: str
    client: str = ""
    fhir_user: str = ""
    roles: frozenset[str] = field(default_factory=frozenset)
    tenant: str = DEFAULT_TENANT

    @property
    def who(self) -> dict[str, str]:
        """What the audit trail keeps of the caller."""
        known = {
            "subject": self.subject,
            "client": self.client,
            "fhirUser": self.fhir_user,
            "roles": " ".join(sorted(self.roles)),
        }
        return {name: value for name, value in known.items() if value}


ANONYMOUS = Actor(subject="anonymous")


def actor(claims: Mapping[str, str], settings: Settings) -> Actor:
    """Read the claims of an access token as the gateway's authorizer hands them on.

    Raises Login for a token that says it is something else than an access token.
    """
    if claims.get("token_use", "access") != "access":
        raise Login("The token is not an access token")
    # The authorizer flattens a list claim to the text `[admin practitioner]`.
    groups = claims.get(settings.groups_claim, "").strip("[]").replace(",", " ").split()
    client = claims.get("client_id") or claims.get("cid") or ""
    subject = claims.get("sub", client)
    # Only a client that stands for itself: a user without groups has no role, whatever the client.
    itself = not groups and subject in (client, f"{client}@clients")
    of_client = settings.client_roles.get(client) if itself else None
    by_client = {of_client} if of_client else set()
    return Actor(
        subject=subject,
        client=client,
        fhir_user=claims.get("fhirUser", ""),
        roles=frozenset(groups) | by_client,
    )


def authorise(caller: Actor, interaction: Interaction) -> None:
    """Raise Forbidden where no role of the caller may do this."""
    if not interaction.public and not caller.roles & interaction.roles:
        raise Forbidden(
            f"{interaction.code} needs one of the roles {', '.join(sorted(interaction.roles))}"
        )
