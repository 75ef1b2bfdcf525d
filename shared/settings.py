"""The settings of a deployment, read once from the environment variables."""

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import cache
from zoneinfo import ZoneInfoNotFoundError

from shared.catalog.code_systems import ENCOUNTER_TYPE
from shared.catalog.policies import MAX_HOURS, POLICIES, SLOT_SCOPES
from shared.catalog.roles import JOB_ROLES, ROLES
from shared.catalog.types import BINARY, KEPT_TYPES, RECORD_TYPES, RESOURCE_TYPES, SESSION_TYPES
from shared.fhir import instants

LINKINGS = ("header", "message")
ALL, STAFF = CONDITION_MATCHES = ("all", "staff")
NONE, LOCAL, REMOTE = REFERENCE_CHECKS = ("none", "local", "remote")
# By ReferenceChecks: the types whose references must name a resource that is stored here.
_KEPT_HERE = {
    NONE: (*SESSION_TYPES, BINARY),
    LOCAL: KEPT_TYPES,
    REMOTE: (*SESSION_TYPES, *RECORD_TYPES, BINARY),
}
# Where audit events of requests that wrote nothing go: into the searchable index and the archive,
# or into the archive only.
INDEX, ARCHIVE = AUDIT_READS = ("index", "archive")

_BASE = re.compile(r"(https://[^/?#@]+|http://(localhost|127\.0\.0\.1)(:[0-9]+)?)(/[^?#]*)?")
# The whole ARN, whose last six characters Secrets Manager adds: policies name no less.
_SECRET = re.compile(
    r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}"
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The template's parameters. Times are in the unit that the field's name ends with.

    `from_environment` has the defaults. A contract test holds the template's to them.
    """

    encounter_table: str
    thread_table: str
    resource_table: str
    search_table: str
    audit_table: str
    base_path: str
    public_base_url: str
    zone: tzinfo
    session_policy: str
    session_scope: str
    session_idle_minutes: int | None
    session_max_hours: int
    sent_tolerance_hours: int
    patient_threads_per_day: int
    condition_matches: str
    message_linking: str
    close_spread_minutes: int
    audit_retention_days: int
    audit_index_days: int
    audit_reads: str
    audit_archive: str
    binary_bucket: str
    malware_scan: bool
    encounter_type_system: str
    closing_queue_url: str
    event_queue_urls: tuple[str, ...]
    event_bus_arn: str
    metrics_namespace: str
    groups_claim: str
    tenant_claim: str
    required_scope: str
    client_roles: Mapping[str, str]
    allowed_origins: frozenset[str]
    authorize_url: str
    token_url: str
    explore_client_id: str
    scopes_supported: tuple[str, ...]
    reference_checks: str
    reference_base_url: str
    reference_authorization_secret: str
    require_subject: bool
    same_subject: bool
    change_queue_url: str
    notification_queue_url: str
    allows_local_endpoints: bool
    channels_secret: str
    inbound_queue_url: str
    channel_change_queue_url: str
    outbound_queue_url: str
    twilio_url: str

    @property
    def locally_checked_types(self) -> tuple[str, ...]:
        """Return the types whose references must name a resource that is stored here."""
        return _KEPT_HERE[self.reference_checks]

    @property
    def r4_id_types(self) -> Collection[str]:
        """Return the types whose references must have ids as R4 defines them.

        The ids of all other types may have been assigned by another system.
        """
        return RESOURCE_TYPES if self.reference_checks == LOCAL else self.locally_checked_types


def _zone(name: str) -> tzinfo:
    try:
        return instants.zone(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise SystemExit(f"SESSION_TIME_ZONE: {name!r} is not an IANA time zone") from None


def _one_of(environment: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """Return one of the choices, the first if the variable is not set."""
    value = environment.get(name) or choices[0]
    if value not in choices:
        raise SystemExit(f"{name}: {value!r} is not one of {', '.join(choices)}")
    return value


def _flag(environment: Mapping[str, str], name: str) -> bool:
    return _one_of(environment, name, ("false", "true")) == "true"


def _reference_base(environment: Mapping[str, str], checks: str) -> str:
    """Return the FHIR base that references are checked on. Only a local one may use plain http."""
    base = environment.get("REFERENCE_BASE_URL", "").rstrip("/")
    if checks == REMOTE and not _BASE.fullmatch(base):
        raise SystemExit(f"REFERENCE_BASE_URL: {base!r} is not the https URL of a FHIR base")
    if checks == REMOTE and environment.get("TENANT_CLAIM") and "{tenant}" not in base:
        raise SystemExit(
            f"REFERENCE_BASE_URL: {base!r} is the same for all tenants: put {{tenant}} into it"
        )
    return base


def _secret(environment: Mapping[str, str], name: str) -> str:
    """Return the ARN of a secret, empty if none is set."""
    arn = environment.get(name, "")
    if arn and not _SECRET.fullmatch(arn):
        raise SystemExit(f"{name}: {arn!r} is not the whole ARN of a secret")
    return arn


def _number[T](environment: Mapping[str, str], name: str, default: T) -> int | T:
    text = environment.get(name) or ""
    if text and not text.isdecimal():
        raise SystemExit(f"{name}: {text!r} is not a number")
    return int(text) if text else default


def _client_roles(text: str) -> dict[str, str]:
    """Return the role of each client. Raise SystemExit if a role does not exist."""
    roles = dict(pair.split("=", 1) for pair in text.split(",") if "=" in pair)
    offered = [name for name in ROLES if name not in JOB_ROLES]
    for role in roles.values():
        if role not in offered:
            raise SystemExit(f"CLIENT_ROLES: {role!r} is not one of {', '.join(offered)}")
    return roles


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings from environment variables.

    Raises KeyError if a table is missing, and SystemExit if a value is not valid: either stops the
    function.
    """
    get = environment.get
    checks = _one_of(environment, "REFERENCE_CHECKS", REFERENCE_CHECKS)
    return Settings(
        encounter_table=environment["ENCOUNTER_TABLE"],
        thread_table=environment["THREAD_TABLE"],
        resource_table=environment["RESOURCE_TABLE"],
        search_table=environment["SEARCH_TABLE"],
        audit_table=environment["AUDIT_TABLE"],
        base_path=get("BASE_PATH", "/fhir/R4").rstrip("/"),
        public_base_url=get("PUBLIC_BASE_URL", "").rstrip("/"),
        zone=_zone(get("SESSION_TIME_ZONE") or "UTC"),
        session_policy=_one_of(environment, "SESSION_POLICY", POLICIES),
        session_scope=_one_of(environment, "SESSION_SCOPE", SLOT_SCOPES),
        session_idle_minutes=_number(environment, "SESSION_IDLE_MINUTES", None),
        session_max_hours=_number(environment, "SESSION_MAX_HOURS", MAX_HOURS),
        sent_tolerance_hours=_number(environment, "SENT_TOLERANCE_HOURS", 24),
        patient_threads_per_day=_number(environment, "PATIENT_THREADS_PER_DAY", 50),
        condition_matches=_one_of(environment, "CONDITION_MATCHES", CONDITION_MATCHES),
        message_linking=_one_of(environment, "MESSAGE_LINKING", LINKINGS),
        close_spread_minutes=_number(environment, "CLOSE_SPREAD_MINUTES", 30),
        audit_retention_days=_number(environment, "AUDIT_RETENTION_DAYS", 2192),
        audit_index_days=_number(environment, "AUDIT_INDEX_DAYS", 366),
        audit_reads=_one_of(environment, "AUDIT_READS", AUDIT_READS),
        audit_archive=get("AUDIT_ARCHIVE", ""),
        binary_bucket=get("BINARY_BUCKET", ""),
        malware_scan=_flag(environment, "MALWARE_SCAN"),
        encounter_type_system=get("ENCOUNTER_TYPE_SYSTEM") or ENCOUNTER_TYPE,
        closing_queue_url=get("CLOSING_QUEUE_URL", ""),
        event_queue_urls=tuple(get("EVENT_QUEUE_URLS", "").split()),
        event_bus_arn=get("EVENT_BUS_ARN", ""),
        metrics_namespace=get("METRICS_NAMESPACE") or "async-encounters",
        groups_claim=get("GROUPS_CLAIM") or "cognito:groups",
        tenant_claim=get("TENANT_CLAIM", ""),
        required_scope=get("REQUIRED_SCOPE", ""),
        client_roles=_client_roles(get("CLIENT_ROLES", "")),
        allowed_origins=frozenset(filter(None, get("ALLOWED_ORIGINS", "").split(","))),
        authorize_url=get("AUTHORIZE_URL", ""),
        token_url=get("TOKEN_URL", ""),
        explore_client_id=get("EXPLORE_CLIENT_ID", ""),
        scopes_supported=tuple(get("SCOPES_SUPPORTED", "").split()),
        reference_checks=checks,
        reference_base_url=_reference_base(environment, checks),
        reference_authorization_secret=_secret(environment, "REFERENCE_AUTHORIZATION_SECRET_ARN"),
        require_subject=_flag(environment, "REQUIRE_SUBJECT"),
        same_subject=_flag(environment, "SAME_SUBJECT") and checks != NONE,
        change_queue_url=get("CHANGE_QUEUE_URL", ""),
        notification_queue_url=get("NOTIFICATION_QUEUE_URL", ""),
        # For tests and local runs: the template does not have it.
        allows_local_endpoints=_flag(environment, "ALLOW_LOCAL_ENDPOINTS"),
        channels_secret=_secret(environment, "CHANNELS_SECRET_ARN"),
        inbound_queue_url=get("INBOUND_QUEUE_URL", ""),
        channel_change_queue_url=get("CHANNEL_CHANGE_QUEUE_URL", ""),
        outbound_queue_url=get("OUTBOUND_QUEUE_URL", ""),
        # For tests and local runs, as ALLOW_LOCAL_ENDPOINTS.
        twilio_url=get("TWILIO_URL", "").rstrip("/") or "https://api.twilio.com",
    )


@cache
def settings() -> Settings:
    """Return the settings of this function."""
    return from_environment(os.environ)
