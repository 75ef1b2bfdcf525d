"""Sending text messages by Twilio's REST API, and asking it what became of them.

https://www.twilio.com/docs/messaging/api/message-resource
"""

import logging
import ssl
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.util import make_headers

from shared.channels import accounts
from shared.channels.outbound.message import Call, NotSent, OutboundMessage, OutcomeUnknown, Refused
from shared.fhir import instants
from shared.rules.deliveries import (
    INVALID_NUMBER,
    OBJECTION,
    SYSTEM_ERROR,
    UNAVAILABLE,
    Failure,
)
from shared.settings import settings
from shared.store import binary_objects, channel_items
from shared.store.channel_items import Attempt

if TYPE_CHECKING:  # see accounts.py
    from shared.channels.account_models import TwilioAccount

CODES = "https://www.twilio.com/docs/api/errors"
OPTED_OUT = "21610"
DELIVERED = frozenset({"delivered", "read"})
FAILED = frozenset({"failed", "undelivered", "canceled"})
# Of the many codes, those whose reason is the number's or its owner's.
_REASONS = {
    OPTED_OUT: (OBJECTION, "The person has opted out of messages from this number"),
    "21211": (INVALID_NUMBER, "The number is not valid"),
    "21408": (SYSTEM_ERROR, "The account may not send messages to that country"),
    "21612": (SYSTEM_ERROR, "The account cannot reach that number"),
    "21614": (INVALID_NUMBER, "The number is not a mobile phone's"),
    "21617": (SYSTEM_ERROR, "The text is too long"),
    "30003": (UNAVAILABLE, "The phone cannot be reached: it may be off or out of coverage"),
    "30004": (OBJECTION, "The phone does not take messages from this number"),
    "30005": (INVALID_NUMBER, "The number is unknown or no longer in use"),
    "30006": (INVALID_NUMBER, "The number is a landline's, or its carrier takes no messages"),
    "30007": (SYSTEM_ERROR, "The carrier has filtered the message"),
    "30008": (UNAVAILABLE, "The carrier does not say why the message did not arrive"),
}
_SECONDS = 10
# Messages of a pair of numbers are listed without dates: one that is still queued has none. A
# thread has seldom more than a page.
_PAGE, _MOST_LISTS = 1000, 10
# A text has at most 1,600 characters, and about 1 KB of JSON beside it.
_LARGEST_ANSWER = 12_000_000
# How far the clocks of two machines may differ.
_TOLERANCE = timedelta(minutes=1)
# A queue of Twilio's may hold a message for some hours before it fetches the file.
_URL_SECONDS = 4 * 3600
_TRIAL = "Sent from your Twilio trial account - "
_FOUND, _CREATED = HTTPStatus.OK, HTTPStatus.CREATED
_RENEWED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_REFUSALS = range(400, 500)
# Its log lines contain URLs, which have numbers.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


def call(message: OutboundMessage, account: "TwilioAccount") -> Call:
    """Return the call that sends a message, and returns its SID."""
    return partial(_send, account, _form(message, account))


def _send(account: "TwilioAccount", form: list[tuple[str, str]]) -> str:
    status, answer = _call("POST", _messages(account), account, form)
    if status == _CREATED and "sid" in answer:
        return str(answer["sid"])
    if status in _BUSY | _RENEWED:
        raise NotSent(f"Twilio answered with status {status}")
    if status not in _REFUSALS:
        raise OutcomeUnknown
    code = str(answer.get("code", ""))
    raise Refused(failure(code), is_opt_out=code == OPTED_OUT)


def failure(code: str) -> Failure:
    """Return why a message did not arrive, by Twilio's code of the error."""
    reason, text = _REASONS.get(code, (SYSTEM_ERROR, "Twilio could not deliver the message"))
    return Failure(reason, text, CODES, code)


def find(attempt: Attempt, account: "TwilioAccount") -> Iterator[str]:
    """Yield the SIDs of what was sent since an attempt began, and looks like what it sends.

    Raises OutcomeUnknown if Twilio does not tell.
    """
    query = urlencode({"To": attempt.contact, "From": account.number, "PageSize": _PAGE})
    path = f"{_messages(account)}?{query}"
    for _ in range(_MOST_LISTS):
        try:
            status, answer = _call("GET", path, account)
        except NotSent:
            raise OutcomeUnknown from None
        if status != _FOUND or "messages" not in answer:
            raise OutcomeUnknown
        yield from (str(one["sid"]) for one in answer["messages"] if _is_of(one, attempt))
        path = str(answer.get("next_page_uri") or "")
        if not path:
            return
    raise OutcomeUnknown


def _is_of(listed: dict[str, Any], attempt: Attempt) -> bool:
    """Return whether a message may be that of an attempt."""
    text = str(listed["body"] or "").removeprefix(_TRIAL)
    is_same = channel_items.digest(text) == attempt.digest
    # Files that are still to be fetched may not be counted yet.
    has_files = bool(attempt.files) or listed["num_media"] == "0"
    created = parsedate_to_datetime(listed["date_created"])
    return is_same and has_files and created >= instants.from_text(attempt.begun) - _TOLERANCE


def _messages(account: "TwilioAccount") -> str:
    return f"/2010-04-01/Accounts/{account.account_sid}/Messages.json"


def _form(message: OutboundMessage, account: "TwilioAccount") -> list[tuple[str, str]]:
    form = [("To", message.contact), ("From", account.number), ("Body", message.text)]
    if url := settings().public_base_url:
        root = url.removesuffix(settings().base_path)
        form.append(("StatusCallback", f"{root}/channels/sms/{account.name}/status"))
    for file in message.files:
        url = binary_objects.download_url(file.stored, file.content_type, "inline", _URL_SECONDS)
        form.append(("MediaUrl", url))
    return form


def _call(
    method: str, path: str, account: "TwilioAccount", form: list[tuple[str, str]] | None = None
) -> tuple[int, dict[str, Any]]:
    """Return the status and the JSON that Twilio answers with, empty if it is none.

    Raises NotSent if Twilio could not be reached, and OutcomeUnknown if it did not answer.
    """
    credentials = f"{account.account_sid}:{account.auth_token.get_secret_value()}"
    body: dict[str, Any] = {"fields": form, "encode_multipart": False} if form else {}
    try:
        response = _pool().request(
            method,
            f"{settings().twilio_url}{path}",
            headers=make_headers(basic_auth=credentials),
            timeout=Timeout(total=_SECONDS),
            retries=False,
            redirect=False,
            preload_content=False,
            **body,
        )
        content = response.read(_LARGEST_ANSWER)
    except (NewConnectionError, ConnectTimeoutError):
        raise NotSent("Twilio cannot be reached") from None
    except (HTTPError, OSError):
        raise OutcomeUnknown from None
    finally:
        # A connection that is kept may be dead by the next call, which would then be unknown.
        _pool().clear()
    if response.status in _RENEWED:
        # The token may have been renewed.
        accounts.renew()
    return response.status, _json(content)


def _json(content: bytes) -> dict[str, Any]:
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}


@cache
def _pool() -> PoolManager:
    return PoolManager(ssl_context=ssl.create_default_context())
