"""Gzip compression of responses: a page of messages shrinks to a quarter or less.

https://www.rfc-editor.org/rfc/rfc9110#field.accept-encoding
"""

import gzip
import re
from base64 import b64encode
from typing import Any

# A smaller body fits into one network packet, so compressing it gains nothing.
LEAST_BYTES = 1400
# The output is hardly larger than at the best level, and takes less than half of the time.
_LEVEL = 4
_CODING = re.compile(r"(?:^|,)\s*(?:x-)?gzip\s*(?:;\s*q=(?P<weight>[01](?:\.\d{0,3})?)\s*)?(?:,|$)")


def gzip_if_accepted(payload: dict[str, Any], accepted: str) -> dict[str, Any]:
    """Return a payload with its body in gzip, if the client accepts that and it is large enough."""
    body = payload["body"].encode()
    match = _CODING.search(accepted.lower())
    if len(body) < LEAST_BYTES or match is None or float(match["weight"] or 1) == 0:
        return payload
    headers = payload["headers"]
    vary = ", ".join(filter(None, (headers.get("Vary"), "Accept-Encoding")))
    return payload | {
        "headers": headers | {"Content-Encoding": "gzip", "Vary": vary},
        "body": b64encode(gzip.compress(body, _LEVEL, mtime=0)).decode(),
        "isBase64Encoded": True,
    }
