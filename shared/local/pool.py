"""Invented users in the Cognito user pool, and their access tokens."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.catalog.roles import ADMIN, AUDITOR, PATIENT, PRACTITIONER


@dataclass(frozen=True, slots=True)
class User:
    """A user with a role, and the claims of their token.

    `fhir_user` is the reference of the user's own resource, `patient` that of the patient in
    context. `scope` holds SMART scopes separated by spaces. Empty claims are left out.
    """

    role: str
    fhir_user: str = ""
    patient: str = ""
    tenant: str = ""
    scope: str = ""


USERS = {
    "TOKEN_ADMIN": User(ADMIN),
    "TOKEN_PRACTITIONER": User(PRACTITIONER, "Practitioner/doctor-alice-smith"),
    "TOKEN_AUDITOR": User(AUDITOR),
    "TOKEN_PATIENT": User(PATIENT, "Patient/homer-simpson"),
}


def access_token(cognito: Any, outputs: Mapping[str, str], user: User) -> str:
    """Return an access token of a user, who is created if needed."""
    pool = outputs["UserPoolId"]
    name = f"{user.role}-{user.fhir_user.replace('/', '-')}".rstrip("-")
    password = f"{secrets.token_urlsafe(24)}aA1!"
    _create_or_update(cognito, pool, name, user)
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
    """Return the id and the secret of the service client."""
    client_id = outputs["ServiceClientId"]
    described = cognito.describe_user_pool_client(
        UserPoolId=outputs["UserPoolId"], ClientId=client_id
    )
    return client_id, described["UserPoolClient"]["ClientSecret"]


def _create_or_update(cognito: Any, pool: str, name: str, user: User) -> None:
    values = {
        "fhirUser": user.fhir_user,
        "patient": user.patient,
        "tenant": user.tenant,
        "scope": user.scope,
    }
    # Empty values too, because they replace those set for an earlier token.
    attributes = [{"Name": f"custom:{key}", "Value": value} for key, value in values.items()]
    try:
        cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
    except cognito.exceptions.UsernameExistsException:
        pass  # kept since an earlier run
    else:
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=user.role)
    cognito.admin_update_user_attributes(UserPoolId=pool, Username=name, UserAttributes=attributes)
