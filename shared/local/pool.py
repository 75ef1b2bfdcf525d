"""Invented people in the user pool, and their tokens."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class User:
    """A person with a role; `fhir_user` is who they are in the records."""

    role: str
    fhir_user: str = ""


ROLES = ("admin", "practitioner", "auditor", "patient", "related-person")
USERS = {
    "TOKEN_ADMIN": User("admin"),
    "TOKEN_PRACTITIONER": User("practitioner", "Practitioner/doctor-alice-smith"),
    "TOKEN_AUDITOR": User("auditor"),
    "TOKEN_PATIENT": User("patient", "Patient/homer-simpson"),
}


def access_token(cognito: Any, outputs: Mapping[str, str], user: User) -> str:
    """Sign a user in, making them where they are not there yet."""
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
    attributes = [{"Name": "custom:fhirUser", "Value": user.fhir_user}] if user.fhir_user else []
    try:
        cognito.admin_create_user(
            UserPoolId=pool, Username=name, UserAttributes=attributes, MessageAction="SUPPRESS"
        )
    except cognito.exceptions.UsernameExistsException:
        return  # kept from an earlier run
    cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=user.role)
