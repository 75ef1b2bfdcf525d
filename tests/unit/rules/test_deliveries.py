"""The state of a message does not depend on the order in which its receipts come."""

from collections.abc import Callable
from functools import partial
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.rules import deliveries
from shared.rules.deliveries import SYSTEM_ERROR, UNAVAILABLE, Failure

type Message = dict[str, Any]
type Step = Callable[[Message], Message]

MESSAGE: Message = {"resourceType": "Communication", "status": "in-progress"}
FIRST, SECOND = "2026-03-02T08:01:00.000Z", "2026-03-02T08:02:00.000Z"
KNOWN = partial(deliveries.with_provider_id, account="text", provider_id="SM1")
STEPS: dict[str, Callable[[bool], Step]] = {
    "known": lambda _: KNOWN,
    "delivered": lambda is_mail: partial(deliveries.delivered, at=FIRST, is_mail=is_mail),
    "delivered later": lambda is_mail: partial(deliveries.delivered, at=SECOND, is_mail=is_mail),
    "failed": lambda is_mail: partial(
        deliveries.failed, failure=Failure(UNAVAILABLE, "Off", "codes", "1"), is_mail=is_mail
    ),
    "not known": lambda _: partial(deliveries.not_known, text="Nobody knows"),
}


def after(names: list[str], *, is_mail: bool, message: Message = MESSAGE) -> Message:
    """Return a message after some steps. Receipts have the provider's id, as the server's do."""
    for name in names:
        step = STEPS[name](is_mail)
        message = step(message if name == "not known" else KNOWN(message))
    return message


@given(names=st.lists(st.sampled_from([*STEPS]), max_size=8), is_mail=st.booleans())
def test_any_order_ends_the_same(names: list[str], is_mail: bool) -> None:
    ended = after(names, is_mail=is_mail)
    for other in (sorted(names), list(reversed(names)), names + names):
        assert after(other, is_mail=is_mail) == ended


@pytest.mark.parametrize(
    ("names", "is_mail", "status", "received"),
    [
        (["known"], False, "in-progress", None),
        (["delivered", "delivered later"], False, "completed", FIRST),
        (["failed"], False, "not-done", None),
        (["failed", "delivered"], False, "completed", FIRST),
        (["failed", "delivered"], True, "not-done", None),
        (["not known"], False, "unknown", None),
        (["not known", "known"], True, "in-progress", None),
        (["not known", "delivered"], False, "completed", FIRST),
        (["not known", "failed"], False, "not-done", None),
    ],
)
def test_the_strongest_word_is_the_last(
    names: list[str], is_mail: bool, status: str, received: str | None
) -> None:
    for order in permutations(names):
        ended = after([*order], is_mail=is_mail)
        assert (ended["status"], ended.get("received")) == (status, received)
        assert ("statusReason" in ended) is (status in ("not-done", "unknown"))


def test_the_first_failure_is_kept() -> None:
    first = after(["failed"], is_mail=False)
    again = deliveries.failed(first, Failure(SYSTEM_ERROR, "Filtered"), is_mail=False)
    assert again["statusReason"]["text"] == "Off"


@pytest.mark.parametrize("status", ["entered-in-error", "preparation", "stopped", "on-hold"])
@pytest.mark.parametrize("name", ["delivered", "failed", "not known"])
def test_what_staff_have_recalled_keeps_its_status(status: str, name: str) -> None:
    ended = after([name], is_mail=False, message=MESSAGE | {"status": status})
    assert ended["status"] == status
    assert "statusReason" not in ended


def test_a_message_that_was_read_but_not_delivered_can_fail() -> None:
    ended = after(["failed"], is_mail=False, message=MESSAGE | {"status": "completed"})
    assert ended["status"] == "not-done"


def test_an_earlier_receipt_of_staff_stays() -> None:
    received = MESSAGE | {"received": "2026-03-02"}
    ended = after(["delivered"], is_mail=False, message=received)
    assert ended["received"] == "2026-03-02"
