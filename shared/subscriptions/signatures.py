"""The signature of a notification: HMAC-SHA256 of its time and body, by a shared secret."""

import hmac
from hashlib import sha256


def sign(secret: str, seconds: int, body: bytes) -> str:
    """Return the signature of a body that is sent at a time, in seconds since 1970."""
    digest = hmac.new(secret.encode(), b"%d.%b" % (seconds, body), sha256).hexdigest()
    return f"t={seconds},v1={digest}"
