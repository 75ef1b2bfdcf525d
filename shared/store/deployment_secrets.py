"""Secrets of the deployment, which AWS Secrets Manager keeps.

Imported by what reads one only: the utility behind it takes longer to import than most functions.
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
"""

from functools import cache

from aws_lambda_powertools.utilities.parameters import GetParameterError, SecretsProvider
from botocore.exceptions import ClientError

from shared.errors import Transient
from shared.store import dynamodb

# A secret that was rotated is noticed as late as that, or when the old one is refused.
MAX_AGE_SECONDS = 300


class Unreadable(Transient):
    """A secret cannot be read, or is not what it should be; says nothing of what is in it."""


@cache
def _provider() -> SecretsProvider:
    client = dynamodb.session().create_client("secretsmanager", config=dynamodb.CONFIG)
    return SecretsProvider(boto3_client=client)


def header_value(arn: str) -> str:
    """Return a secret that is an HTTP header's value. Raises Unreadable."""
    value = text(arn).strip()
    if not (value and value.isascii() and value.isprintable()):
        raise unreadable("It is not the text of a header")
    return value


def text(arn: str) -> str:
    """Return a secret that is text, such as JSON. Raises Unreadable."""
    try:
        value = dynamodb.call_aws(get_secret_value, arn=arn)
    except Exception as error:  # noqa: BLE001 - the provider lets anything be the reason
        raise unreadable(_code(error)) from None
    if not isinstance(value, str):
        raise unreadable("It is not text")
    return value


def get_secret_value(arn: str) -> object:
    """Return a secret. Raises the error of the call, whose text the provider puts into its own."""
    try:
        return _provider().get(arn, max_age=MAX_AGE_SECONDS)
    except GetParameterError as error:
        raise error.__context__ or error from None


def clear_cache() -> None:
    """Read every secret anew when it is next asked for."""
    _provider().store.clear()


def _code(cause: Exception) -> str:
    """Return what AWS calls the error; its text may name what is nobody's concern."""
    if isinstance(cause, ClientError):
        return str(cause.response["Error"]["Code"])
    return type(cause).__name__


def unreadable(reason: str) -> Unreadable:
    """Return the error of a secret, with a reason that says nothing of what is in it."""
    return Unreadable("Credentials that are needed for this cannot be read", diagnostics=reason)
