"""An in-memory Secrets Manager with a secret."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from moto import mock_aws


@contextmanager
def secrets_manager() -> Iterator[Any]:
    """Yield a client of a Secrets Manager without secrets."""
    with mock_aws():
        yield boto3.client("secretsmanager", region_name="us-east-1")


def store_secret(client: Any, value: str | bytes, **options: Any) -> str:
    """Store a secret and return its ARN."""
    content = {"SecretBinary" if isinstance(value, bytes) else "SecretString": value}
    arn: str = client.create_secret(Name="directory/read", **content, **options)["ARN"]
    return arn
