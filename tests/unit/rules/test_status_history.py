"""The former statuses of an Encounter."""

from typing import Any

from shared.rules.status_history import with_status_history

ENTERED, EARLIER = "2026-03-02T08:01:00.000Z", "2026-03-02T08:00:30.000Z"


def test_a_status_ends_not_before_it_was_entered_whatever_the_clocks_say() -> None:
    """The client has added the former status itself, without its end."""
    period = {"start": "2026-03-02T08:00:00.000Z"}
    after: dict[str, Any] = {
        "status": "onleave",
        "statusHistory": [{"status": "in-progress", "period": period}],
    }
    written = with_status_history(
        {"status": "in-progress"}, after, ENTERED, EARLIER, keep_omitted=False
    )
    assert written["statusHistory"] == [
        {"status": "in-progress", "period": period | {"end": ENTERED}}
    ]
