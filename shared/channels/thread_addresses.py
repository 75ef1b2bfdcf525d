"""Addresses that name a thread: `care+TOKEN@example.org`, where a token is a signed id."""

import base64
import hmac
from hashlib import sha256

from shared.channels.accounts import MailAccount


def thread_address(account: MailAccount, thread_id: str) -> str:
    """Return the address that names a thread."""
    local, _, domain = account.address.rpartition("@")
    digest = hmac.new(account.thread_key.get_secret_value().encode(), thread_id.encode(), sha256)
    signature = base64.b32encode(digest.digest()[:10]).decode().lower()
    return f"{local}+t{thread_id.lower()}{signature}@{domain}"
