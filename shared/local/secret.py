"""The secret that a server which references are checked on asks for, in the emulator."""

from botocore.exceptions import ClientError

from shared.local.emulator import Emulator

NAME = "async-encounters/reference-authorization"


def store(running: Emulator, header: str) -> str:
    """Store the header as a secret, in place of one of an earlier start, and return its ARN."""
    client = running.client("secretsmanager")
    try:
        arn: str = client.create_secret(Name=NAME, SecretString=header)["ARN"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceExistsException":
            raise
        arn = client.put_secret_value(SecretId=NAME, SecretString=header)["ARN"]
    return arn
