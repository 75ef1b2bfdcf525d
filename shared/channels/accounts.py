"""The accounts of channels, which the deployment's secret holds.

A function imports pydantic and the models of accounts when it first reads the secret, not at its
start. So the models are only imported for annotations elsewhere, and `provider` tells the kinds of
accounts apart.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

from cachetools import TTLCache, cached

from shared.errors import NotFound
from shared.settings import settings

if TYPE_CHECKING:
    from shared.channels.account_models import Account

# How often what is refused lets the secret be read anew, which may have been rotated.
_RENEWAL_SECONDS = 60


def all_accounts() -> "dict[str, Account]":
    """Return the accounts by name, none where no secret is set. Raises Unreadable."""
    arn = settings().channels_secret
    return of_secret(arn) if arn else {}


def of_secret(arn: str) -> "dict[str, Account]":
    """Return the accounts in a secret by name. Raises Unreadable."""
    from shared.store import deployment_secrets  # noqa: PLC0415 - it imports boto3

    return of_text(deployment_secrets.text(arn))


def account(name: str) -> "Account":
    """Return an account. Raises NotFound and Unreadable."""
    found = all_accounts().get(name)
    if found is None:
        raise NotFound("There is no such account")
    return found


@cached(TTLCache(maxsize=1, ttl=_RENEWAL_SECONDS))
def renew() -> None:
    """Let the accounts be read anew, unless that was done a moment ago."""
    from shared.store import deployment_secrets  # noqa: PLC0415 - as above

    deployment_secrets.clear_cache()


@lru_cache(maxsize=1)
def of_text(text: str) -> "dict[str, Account]":
    """Return the accounts in a secret's text by name. Raises Unreadable."""
    from pydantic import ValidationError  # noqa: PLC0415 - only with the secret

    from shared.channels.account_models import Accounts  # noqa: PLC0415 - only with the secret

    try:
        parsed = Accounts.model_validate_json(text).accounts
    except ValidationError as error:
        # The message of a validation error quotes what is secret.
        place = ".".join(map(str, error.errors()[0]["loc"])) or "Its JSON"
        from shared.store import deployment_secrets  # noqa: PLC0415 - as above

        raise deployment_secrets.unreadable(f"{place} is not as it should be") from None
    return {name: found.model_copy(update={"name": name}) for name, found in parsed.items()}
