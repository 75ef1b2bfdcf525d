"""Effects of a client's link on a thread; rows as in the table Headers and links."""

from typing import Any

import pytest

from shared.catalog.policies import DAILY, EXPLICIT, POLICIES, THREAD
from shared.errors import BusinessRule
from shared.rules import linking
from shared.rules.classification import NamedEncounter
from shared.rules.linking import MAX_ATTACHED_SLOTS, LinkEffect
from shared.rules.policies import Policy
from shared.rules.state import Slot, SlotKey

TODAY, YESTERDAY = "2026-03-02", "2026-03-01"
STATE = Slot(key=SlotKey("thread"))
DAY = Slot(key=SlotKey("thread", f"day#{TODAY}"))


def encounter(status: str = "in-progress", **facts: Any) -> NamedEncounter:
    return NamedEncounter(id="s", status=status, **facts)


def decide(
    policy: str,
    target: NamedEncounter | None,
    state: Slot = STATE,
    day: Slot = DAY,
    *,
    is_taken: bool = False,
) -> LinkEffect:
    met = day if policy == DAILY else state
    return linking.decide(target, state, Policy(policy), met, is_taken=is_taken)


@pytest.mark.parametrize(
    ("policy", "target", "link"),
    [
        pytest.param(EXPLICIT, encounter(), LinkEffect.ATTACH, id="explicit, open: attaches"),
        pytest.param(THREAD, encounter(), LinkEffect.ATTACH, id="thread, open: attaches"),
        pytest.param(DAILY, encounter(), LinkEffect.ATTACH_DAY, id="daily, open: attaches the day"),
        pytest.param(EXPLICIT, encounter("planned"), LinkEffect.ATTACH, id="planned: attaches"),
        pytest.param(
            EXPLICIT, encounter("finished"), LinkEffect.ADOPT, id="explicit, finished: adopts only"
        ),
        *[
            pytest.param(
                policy,
                encounter(status, is_session=False),
                LinkEffect.UNLINK,
                id=f"{policy}, plain record, {status}: stored as written",
            )
            for policy in POLICIES
            for status in ("in-progress", "finished", "cancelled")
        ],
        *[
            pytest.param(policy, None, LinkEffect.UNLINK, id=f"{policy}, removed: no session")
            for policy in POLICIES
        ],
        pytest.param(
            DAILY,
            encounter(day=TODAY),
            LinkEffect.ATTACH_DAY,
            id="daily, of today: attaches the day",
        ),
        pytest.param(
            EXPLICIT, encounter(day=YESTERDAY), LinkEffect.ATTACH, id="explicit, of a day: attaches"
        ),
    ],
)
def test_a_link(policy: str, target: NamedEncounter | None, link: LinkEffect) -> None:
    assert decide(policy, target) is link


@pytest.mark.parametrize("policy", POLICIES)
def test_a_link_to_the_attached_session_changes_nothing(policy: str) -> None:
    state = Slot(key=STATE.key, session="s", open=True)
    assert decide(policy, encounter(), state) is LinkEffect.STAY


@pytest.mark.parametrize("policy", [EXPLICIT, THREAD])
def test_a_thread_is_linked_to_another_session(policy: str) -> None:
    assert decide(policy, encounter(), Slot(key=STATE.key, session="other", open=True))


def test_a_thread_joins_the_session_of_its_day() -> None:
    day = Slot(key=DAY.key, session="s", open=True)
    assert decide(DAILY, encounter(), day=day) is LinkEffect.ADD_THREAD_TO_DAY


@pytest.mark.parametrize(
    ("policy", "target", "is_taken", "text"),
    [
        *[
            pytest.param(
                policy,
                encounter(status),
                False,
                f"Encounter/s is {status}",
                id=f"{policy}, {status}",
            )
            for policy in POLICIES
            for status in ("cancelled", "entered-in-error")
        ],
        *[
            pytest.param(
                policy,
                encounter(is_session=False, parent_session="its-session"),
                False,
                "not to a medical encounter",
                id=f"{policy}, medical encounter",
            )
            for policy in POLICIES
        ],
        pytest.param(
            THREAD, encounter("finished"), False, "Encounter/s is finished", id="thread, finished"
        ),
        pytest.param(
            DAILY, encounter("finished"), False, "Encounter/s is finished", id="daily, finished"
        ),
        pytest.param(DAILY, encounter(), True, "2026-03-02 has", id="daily, the day has another"),
        pytest.param(
            DAILY,
            encounter(day=YESTERDAY),
            False,
            "Encounter/s is that of 2026-03-01",
            id="daily, of another day",
        ),
        *[
            pytest.param(
                policy, encounter(has_room=False), False, "has 20 threads", id=f"{policy}, no room"
            )
            for policy in POLICIES
        ],
    ],
)
def test_a_link_that_is_refused(
    policy: str, target: NamedEncounter, text: str, *, is_taken: bool
) -> None:
    with pytest.raises(BusinessRule, match=text) as refused:
        decide(policy, target, is_taken=is_taken)
    assert [issue.expression for issue in refused.value.issues] == ["Communication.encounter"]


def test_a_medical_encounters_session_is_named() -> None:
    with pytest.raises(BusinessRule) as refused:
        decide(EXPLICIT, encounter(parent_session="its-session"))
    assert refused.value.issues[0].diagnostics == "The session is Encounter/its-session"


@pytest.mark.parametrize(
    ("number", "slot", "has_room"),
    [
        pytest.param(MAX_ATTACHED_SLOTS - 1, "one more", True, id="one fewer than the most"),
        pytest.param(MAX_ATTACHED_SLOTS, "one more", False, id="the most"),
        pytest.param(MAX_ATTACHED_SLOTS, "slot 0", True, id="attached already"),
        pytest.param(MAX_ATTACHED_SLOTS, "home", True, id="its own day"),
    ],
)
def test_how_many_threads_a_session_has(number: int, slot: str, *, has_room: bool) -> None:
    slots = frozenset(f"slot {place}" for place in range(number))
    assert linking.has_room(slots, "home", slot) is has_room


@pytest.mark.parametrize(
    ("policy", "stored", "written", "keeps"),
    [
        pytest.param(EXPLICIT, "s", None, False, id="explicit, omitted: detaches"),
        pytest.param(THREAD, "s", None, True, id="thread, omitted: kept"),
        pytest.param(DAILY, "s", None, True, id="daily, omitted: kept"),
        pytest.param(EXPLICIT, "s", "before", False, id="explicit, one it had: re-links"),
        pytest.param(THREAD, "s", "before", True, id="thread, one it had: kept"),
        pytest.param(DAILY, "s", "before", True, id="daily, one it had: kept"),
        pytest.param(THREAD, "s", "new", False, id="thread, one it never had: re-links"),
        pytest.param(DAILY, "s", "new", False, id="daily, one it never had: re-links"),
        pytest.param(THREAD, "s", "s", False, id="the same"),
        pytest.param(THREAD, "", None, False, id="none yet"),
        pytest.param(THREAD, "", "before", False, id="none yet, one it had"),
    ],
)
def test_a_header_keeps_its_link(
    policy: str, stored: str, written: str | None, *, keeps: bool
) -> None:
    kept = linking.keeps_link(
        Policy(policy),
        stored,
        written or "",
        is_omitted=written is None,
        had_session={"before", "s"}.__contains__,
    )
    assert kept is keeps


@pytest.mark.parametrize(
    ("policy", "status", "by_server", "is_completed", "ends"),
    [
        pytest.param(THREAD, "in-progress", True, False, True, id="re-link, the server's: closes"),
        pytest.param(THREAD, "in-progress", False, False, False, id="re-link, a client's: stays"),
        pytest.param(THREAD, "in-progress", False, True, True, id="completed, thread: closes"),
        pytest.param(THREAD, "planned", False, True, False, id="completed, planned: yet to come"),
        pytest.param(EXPLICIT, "in-progress", False, True, False, id="completed, explicit: stays"),
        pytest.param(DAILY, "in-progress", False, True, False, id="completed, daily: stays"),
        pytest.param(THREAD, "in-progress", False, False, False, id="deleted, a client's: stays"),
    ],
)
def test_a_session_without_threads(
    policy: str, status: str, *, by_server: bool, is_completed: bool, ends: bool
) -> None:
    found = linking.ends_without_threads(
        policy, status, by_server=by_server, is_completed=is_completed
    )
    assert found is ends


@pytest.mark.parametrize(
    ("policy", "before", "after", "is_ended"),
    [
        pytest.param(THREAD, "in-progress", "completed", True, id="completed, thread: detaches"),
        pytest.param(THREAD, "on-hold", "stopped", True, id="stopped, thread: detaches"),
        pytest.param(
            EXPLICIT, "in-progress", "completed", False, id="completed, explicit: nothing"
        ),
        pytest.param(DAILY, "in-progress", "completed", False, id="completed, daily: nothing"),
        pytest.param(THREAD, "completed", "in-progress", False, id="reopened: nothing"),
        pytest.param(THREAD, "completed", "completed", False, id="stays completed: nothing"),
        pytest.param(THREAD, "", "completed", False, id="created completed: nothing"),
    ],
)
def test_a_header_that_is_completed(
    policy: str, before: str, after: str, *, is_ended: bool
) -> None:
    assert linking.is_thread_ended(Policy(policy), before, after) is is_ended


LINK, OTHER_LINK = ({"encounter": {"reference": f"Encounter/{name}"}} for name in ("s", "other"))


@pytest.mark.parametrize(
    ("message", "session", "linked"),
    [
        pytest.param({}, "s", LINK, id="first counts: written"),
        pytest.param(OTHER_LINK, "s", OTHER_LINK, id="names one itself: stays"),
        pytest.param({}, "", {}, id="waits for a link: none, also when it is adopted"),
    ],
)
def test_under_message_linking_a_message_gets_its_link(
    message: dict[str, Any], session: str, linked: dict[str, Any]
) -> None:
    assert linking.with_session_link(message, session) == linked


@pytest.mark.parametrize(
    ("stored", "written", "linked"),
    [
        pytest.param(LINK, {}, LINK, id="omitted: restored"),
        pytest.param(LINK, OTHER_LINK, OTHER_LINK, id="another: as written"),
        pytest.param({}, {}, {}, id="none yet"),
    ],
)
def test_under_message_linking_a_message_keeps_its_link(
    stored: dict[str, Any], written: dict[str, Any], linked: dict[str, Any]
) -> None:
    assert linking.with_restored_link(stored, written) == linked
