"""An in-memory Secrets Manager with a secret."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto import mock_aws

from shared.store import dynamodb


@contextmanager
def secrets_manager() -> Iterator[Any]:
    """Yield a client of a Secrets Manager without secrets."""
    with mock_aws():
        # The functions' session has parsed the service's model already.
        yield dynamodb.session().create_client("secretsmanager", region_name="us-east-1")


def store_secret(client: Any, value: str | bytes, **options: Any) -> str:
    """Store a secret and return its ARN."""
    content = {"SecretBinary" if isinstance(value, bytes) else "SecretString": value}
    arn: str = client.create_secret(Name="directory/read", **content, **options)["ARN"]
    return arn
