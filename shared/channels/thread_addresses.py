"""Addresses that name a thread: `care+TOKEN@example.org`, whose token is a signed id.

A mail program that loses the headers of a thread keeps the address that it answers to. Mail systems
may change the case of an address, so a token has only lower-case letters and digits.
"""

import base64
import binascii
import hmac
import re
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

from shared.fhir import references, ulids

if TYPE_CHECKING:  # see accounts.py
    from shared.channels.account_models import MailAccount

# https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.1
LONGEST_LOCAL_PART = 64
# 80 bits: nobody can try so many addresses.
_SIGNATURE_BYTES = 10
_SIGNATURE_LENGTH = 16
# By its first letter: how a token contains the id of its thread.
_ULID, _UUID, _OTHER = "t", "u", "x"
_TOKEN = re.compile(rf"[{_ULID}{_UUID}{_OTHER}][a-z0-9]+", re.ASCII)


def thread_address(account: "MailAccount", thread_id: str) -> str:
    """Return the address that names a thread, or the account's own if the id is too long for it."""
    local, _, domain = account.address.rpartition("@")
    packed = _packed(thread_id)
    signature = _signature(account.thread_key.get_secret_value(), account, thread_id)
    named = f"{local}+{packed}{signature}"
    return f"{named}@{domain}" if len(named) <= LONGEST_LOCAL_PART else account.address


def is_of(account: "MailAccount", address: str) -> bool:
    """Return whether an address is the account's, with or without a part after a plus."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}" == account.address.lower()


def named_thread(account: "MailAccount", address: str) -> str:
    """Return the id of the thread that an address of the account names; empty if it names none.

    A signature by any of the account's keys is taken.
    """
    token = address.lower().rpartition("@")[0].partition("+")[2]
    if not _TOKEN.fullmatch(token):
        return ""
    thread_id = _unpacked(token[:-_SIGNATURE_LENGTH])
    signature = token[-_SIGNATURE_LENGTH:]
    keys = (account.thread_key, *account.old_thread_keys)
    # Each key is tried, so that the time does not tell which of them made it.
    found = [
        hmac.compare_digest(signature, _signature(key.get_secret_value(), account, thread_id))
        for key in keys
    ]
    return thread_id if thread_id and any(found) else ""


def _signature(key: str, account: "MailAccount", thread_id: str) -> str:
    signed = f"thread\n{account.tenant}\n{account.name}\n{thread_id}"
    return _base32(hmac.new(key.encode(), signed.encode(), sha256).digest()[:_SIGNATURE_BYTES])


def _packed(thread_id: str) -> str:
    if ulids.PATTERN.fullmatch(thread_id):
        return f"{_ULID}{thread_id.lower()}"
    try:
        uuid = UUID(thread_id)
    except ValueError:
        uuid = None
    if uuid and str(uuid) == thread_id:
        return f"{_UUID}{_base32(uuid.bytes)}"
    return f"{_OTHER}{_base32(thread_id.encode())}"


def _unpacked(packed: str) -> str:
    """Return the id that is packed in a token, empty if none is."""
    kind, text = packed[:1], packed[1:]
    if kind == _ULID:
        thread_id = text.upper()
        return thread_id if ulids.PATTERN.fullmatch(thread_id) else ""
    try:
        content = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
        thread_id = str(UUID(bytes=content)) if kind == _UUID else content.decode("ascii")
    except (binascii.Error, ValueError):
        return ""
    return thread_id if references.ID.fullmatch(thread_id) else ""


def _base32(content: bytes) -> str:
    return base64.b32encode(content).decode().rstrip("=").lower()
