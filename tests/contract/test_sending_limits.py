"""The template and the sender of messages agree about times."""

from datetime import timedelta

from shared.channels.outbound.attempts import PATIENCE, PAUSES
from shared.channels.outbound.settling import IN_FLIGHT
from shared.local import template

RESOURCES = template.load()["Resources"]


def test_an_attempt_is_over_before_it_is_taken_for_left() -> None:
    longest = RESOURCES["ChannelSenderFunction"]["Properties"]["Timeout"]
    assert timedelta(seconds=2 * longest) < IN_FLIGHT


def test_the_queue_delivers_a_message_as_often_as_it_is_tried() -> None:
    most = RESOURCES["OutboundQueue"]["Properties"]["RedrivePolicy"]["maxReceiveCount"]
    after_pauses = (PATIENCE - timedelta(seconds=sum(PAUSES))) // timedelta(seconds=PAUSES[-1])
    attempts = len(PAUSES) + after_pauses + 1
    # Each may have to be asked about, the last one nine times, as the pauses double until a day is
    # over; two more for quiet hours, and one for the attempt that is the last.
    assert 2 * attempts + 9 + 2 + 1 <= most
