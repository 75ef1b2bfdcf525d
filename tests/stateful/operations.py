"""Rules about operations: sessions opened, closed and read whole."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.stateful.fates import fates
from tests.stateful.machine import Machine, which
from tests.support import care
from tests.support.memory_database import CallHooks

MOST_OPENED = 12
_PEOPLE = (care.HOMER, "Patient/bart-simpson", "Patient/lisa-simpson")


class Operations(Machine):
    """The operations on a session that clients call."""

    @precondition(lambda self: len(self.snapshot.encounters) < MOST_OPENED)
    @rule(
        threads=st.lists(which, max_size=2),
        patients=st.lists(st.sampled_from(_PEOPLE), max_size=2),
        given=st.sampled_from(("", "", "in-progress", "planned")),
        fate=fates,
    )
    def session_opened(
        self, threads: list[int], patients: list[str], given: str, fate: CallHooks
    ) -> None:
        thread_ids = self.threads()
        ids = {thread_ids[number % len(thread_ids)] for number in threads if thread_ids}
        operands: list[tuple[str, Any]] = [
            ("thread", f"Communication/{value}") for value in sorted(ids)
        ]
        operands += [("patient", value) for value in patients]
        if given:
            operands.append(("encounter", care.session(given)))
        self.place.call("POST", "/Encounter/$open-session", care.parameters(*operands), fate)

    @precondition(lambda self: self.snapshot.encounters)
    @rule(encounter=which, patient=st.sampled_from(_PEOPLE), fate=fates)
    def patient_added(self, encounter: int, patient: str, fate: CallHooks) -> None:
        url = f"/Encounter/{self.encounter_id(encounter)}/$add-patient"
        self.place.call("POST", url, care.parameters(("patient", patient)), fate)

    @precondition(lambda self: self.snapshot.encounters)
    @rule(encounter=which, fate=fates)
    def session_closed(self, encounter: int, fate: CallHooks) -> None:
        url = f"/Encounter/{self.encounter_id(encounter)}/$close-session"
        self.place.call("POST", url, None, fate)

    @precondition(lambda self: self.snapshot.encounters)
    @rule(encounter=which)
    def session_read_whole(self, encounter: int) -> None:
        self.place.call("GET", f"/Encounter/{self.encounter_id(encounter)}/$everything")
