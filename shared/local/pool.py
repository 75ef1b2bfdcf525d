"""Invented people in the user pool, and their tokens."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class User:
    """A person with a role; `fhir_user` is who they are in the records.

    Their token is about `patient`, and is of `tenant` and for the scopes `scope`, if it says so.
    """

    role: str
    fhir_user: str = ""
    patient: str = ""
    tenant: str = ""
    scope: str = ""


ROLES = ("admin", "practitioner", "auditor", "patient", "related-person")
USERS = {
    "TOKEN_ADMIN": User("admin"),
    "TOKEN_PRACTITIONER": User("practitioner", "Practitioner/doctor-alice-smith"),
    "TOKEN_AUDITOR": User("auditor"),
    "TOKEN_PATIENT": User("patient", "Patient/homer-simpson"),
}


def access_token(cognito: Any, outputs: Mapping[str, str], user: User) -> str:
    """Sign a user in, who is made if they are not there yet."""
    pool = outputs["UserPoolId"]
    name = f"{user.role}-{user.fhir_user.replace('/', '-')}".rstrip("-")
    password = f"{secrets.token_urlsafe(24)}aA1!"
    _make(cognito, pool, name, user)
    cognito.admin_set_user_password(
        UserPoolId=pool, Username=name, Password=password, Permanent=True
    )
    signed_in = cognito.admin_initiate_auth(
        UserPoolId=pool,
        ClientId=outputs["UserClientId"],
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": name, "PASSWORD": password},
    )
    token: str = signed_in["AuthenticationResult"]["AccessToken"]
    return token


def service_client(cognito: Any, outputs: Mapping[str, str]) -> tuple[str, str]:
    """Give the service client's id and secret."""
    client_id = outputs["ServiceClientId"]
    found = cognito.describe_user_pool_client(UserPoolId=outputs["UserPoolId"], ClientId=client_id)
    return client_id, found["UserPoolClient"]["ClientSecret"]


def _make(cognito: Any, pool: str, name: str, user: User) -> None:
    said = {
        "fhirUser": user.fhir_user,
        "patient": user.patient,
        "tenant": user.tenant,
        "scope": user.scope,
    }
    # What an earlier token said is emptied.
    attributes = [{"Name": f"custom:{key}", "Value": value} for key, value in said.items()]
    try:
        cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
    except cognito.exceptions.UsernameExistsException:
        pass  # kept from an earlier run
    else:
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=user.role)
    cognito.admin_update_user_attributes(UserPoolId=pool, Username=name, UserAttributes=attributes)
