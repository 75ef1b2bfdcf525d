"""Answers in gzip, for who takes them so: a page of messages shrinks to a quarter or less.

https://www.rfc-editor.org/rfc/rfc9110#field.accept-encoding
"""

import gzip
import re
from base64 import b64encode
from typing import Any

# What fits into a packet gains nothing.
LEAST_BYTES = 1400
# Hardly larger than at the best level, and made in less than half of its time.
_LEVEL = 4
_CODING = re.compile(r"(?:^|,)\s*(?:x-)?gzip\s*(?:;\s*q=(?P<weight>[01](?:\.\d{0,3})?)\s*)?(?:,|$)")


def coded(payload: dict[str, Any], accepted: str) -> dict[str, Any]:
    """Return a payload with its body in gzip, where that is accepted and worth it."""
    body = payload["body"].encode()
    if len(body) < LEAST_BYTES or not takes_gzip(accepted):
        return payload
    headers = payload["headers"]
    vary = ", ".join(filter(None, (headers.get("Vary"), "Accept-Encoding")))
    return payload | {
        "headers": headers | {"Content-Encoding": "gzip", "Vary": vary},
        "body": b64encode(gzip.compress(body, _LEVEL, mtime=0)).decode(),
        "isBase64Encoded": True,
    }


def takes_gzip(accepted: str) -> bool:
    """Return whether a header Accept-Encoding names gzip, with a weight that is not zero."""
    named = _CODING.search(accepted.lower())
    return named is not None and float(named["weight"] or 1) > 0
