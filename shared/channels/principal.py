"""The caller that writes for an account: it reaches the threads of its account, nothing else."""

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

from shared.access.caller import Caller, Predicate
from shared.access.scopes import Scope
from shared.catalog.channels import TASK_SYSTEM
from shared.catalog.roles import CHANNEL
from shared.catalog.types import BINARY
from shared.fhir.fhirjson import Resource
from shared.rules import channels, classification
from shared.store import reading

if TYPE_CHECKING:  # see accounts.py
    from shared.channels.account_models import Account

# By type, the letters of SMART scopes of what it does. It looks people up, but changes none, and
# those whom it addresses must exist where references are checked.
_LETTERS = {
    "Communication": "crus",
    "Task": "crus",
    BINARY: "cru",
    "Patient": "rs",
    "RelatedPerson": "rs",
    **dict.fromkeys(("Organization", "CareTeam", "PractitionerRole", "Practitioner"), "r"),
}


def principal(account: "Account") -> Caller:
    """Return the caller for what an account receives and sends."""
    return named_principal(account.tenant, account.name)


def named_principal(tenant: str, account: str) -> Caller:
    """Return the caller for the threads of an account, which there may be no longer."""
    constraints = {
        "Communication": (("identifier", f"{channels.system(account)}|"),),
        "Task": (("identifier", f"{TASK_SYSTEM}|"),),
    }
    scopes = tuple(
        Scope("system", name, letters, constraints.get(name, ()))
        for name, letters in _LETTERS.items()
    )
    return Caller(
        subject=f"channel/{account}",
        client=f"channel/{account}",
        roles=frozenset({CHANNEL}),
        tenant=tenant,
        scopes=scopes,
        constraint_predicate=partial(_constraint, tenant, account),
    )


def _constraint(tenant: str, account: str, resource_type: str, _scope: Scope) -> Predicate:
    return _asks_staff if resource_type == "Task" else _is_of_account(tenant, account)


def _asks_staff(task: Resource) -> bool:
    return any(one.get("system") == TASK_SYSTEM for one in task.get("identifier", ()))


def _is_of_account(tenant: str, account: str) -> Predicate:
    """Return what tells an account's threads and messages, those that staff write included."""

    def has_identifier(resource: Resource) -> bool:
        return any(name == account for name, _ in channels.account_identifiers(resource))

    header_is_own = cache(partial(_header_has, tenant, has_identifier))

    def is_own(resource: Resource) -> bool:
        if has_identifier(resource):
            return True
        header_id = classification.header_id(resource)
        return bool(header_id) and header_is_own(header_id)

    return is_own


def _header_has(tenant: str, condition: Callable[[Resource], bool], header_id: str) -> bool:
    header = reading.communication(tenant, header_id)
    return header is not None and not header.deleted and condition(header.resource)
