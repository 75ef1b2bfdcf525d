"""Rules about Encounters and their children: opened, ended by hand, reopened, deleted."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from shared.fhir import instants
from shared.rules import classification
from tests.stateful.fates import fates
from tests.stateful.machine import Machine, which
from tests.support import care
from tests.support.memory_database import CallHooks

MOST_ENCOUNTERS = 9
_PERIODS = st.sampled_from(("", "", "", "start", "end", "both", "ahead", "now"))
_PATIENTS = st.sampled_from((care.HOMER, "Patient/bart-simpson", "Patient/maggie-simpson"))


class Encounters(Machine):
    """The rules of clients that change sessions, their own and the server's."""

    def _period(self, kind: str) -> dict[str, Any]:
        hour = timedelta(hours=1)
        bounds = {"start": self.place.utc - 2 * hour, "end": self.place.utc - hour}
        if kind == "ahead":
            bounds = {"start": self.place.utc + 24 * hour}
        elif kind == "now":
            bounds = {"end": self.place.utc}
        elif kind != "both":
            bounds = {name: bound for name, bound in bounds.items() if name == kind}
        period = {name: instants.to_text(bound) for name, bound in bounds.items()}
        return {"period": period} if period else {}

    def _has_room(self) -> bool:
        return len(self.snapshot.encounters) < MOST_ENCOUNTERS

    @precondition(_has_room)
    @rule(
        status=st.sampled_from(("in-progress", "in-progress", "planned", "finished")),
        period=_PERIODS,
        is_visit=st.integers(0, 4),
        fate=fates,
    )
    def encounter_opened(self, status: str, period: str, is_visit: int, fate: CallHooks) -> None:
        make = care.visit if is_visit == 0 else care.session
        body = make(status=status, **self._period(period))
        if period:
            del body["participant"]
        self.place.call("POST", "/Encounter", body, fate)

    @precondition(lambda self: self._has_room() and self.snapshot.encounters)
    @rule(
        encounter=which,
        patient=_PATIENTS,
        status=st.sampled_from(("in-progress", "in-progress", "finished")),
        fate=fates,
    )
    def encounter_has_a_child(
        self, encounter: int, patient: str, status: str, fate: CallHooks
    ) -> None:
        body = care.medical_encounter(self.encounter_id(encounter), patient, status=status)
        self.place.call("POST", "/Encounter", body, fate)

    @precondition(lambda self: self._has_room() and self.snapshot.encounters)
    @rule(encounter=which, fate=fates)
    def encounter_has_many_children(self, encounter: int, fate: CallHooks) -> None:
        """The Encounter gets too many children to end in one transaction; then it ends."""
        encounter_id = self.encounter_id(encounter)
        for number in range(5):
            child = care.medical_encounter(encounter_id, f"Patient/child-{number}")
            self.place.call("POST", "/Encounter", child)
        change = [{"op": "replace", "path": "/status", "value": "finished"}]
        self.patch(f"/Encounter/{encounter_id}", change, fate)

    @precondition(lambda self: self.snapshot.encounters)
    @rule(
        encounter=which,
        status=st.sampled_from(
            ("finished", "finished", "finished", "cancelled", "entered-in-error")
        ),
        period=_PERIODS,
        fate=fates,
    )
    def encounter_ended(self, encounter: int, status: str, period: str, fate: CallHooks) -> None:
        encounter_id = self.encounter_id(encounter)
        body = self.read(f"/Encounter/{encounter_id}")
        if body is None:
            return
        if status != "finished":
            self.by_hand.add(encounter_id)
        new_period = body.get("period", {}) | self._period(period).get("period", {})
        if "end" in new_period and new_period.get("start", "") > new_period["end"]:
            new_period = {"end": new_period["end"]}
        body |= {"status": status} | ({"period": new_period} if new_period else {})
        self.place.call("PUT", f"/Encounter/{encounter_id}", body, fate)

    @precondition(lambda self: self.snapshot.encounters)
    @rule(encounter=which, status=st.sampled_from(("in-progress", "finished")), fate=fates)
    def encounter_patched(self, encounter: int, status: str, fate: CallHooks) -> None:
        change = [{"op": "replace", "path": "/status", "value": status}]
        self.patch(f"/Encounter/{self.encounter_id(encounter)}", change, fate)

    @precondition(lambda self: self.snapshot.encounters)
    @rule(encounter=which, period=_PERIODS, fate=fates)
    def encounter_gets_a_period(self, encounter: int, period: str, fate: CallHooks) -> None:
        """A client writes its own bounds and leaves out what it did not write."""
        url = f"/Encounter/{self.encounter_id(encounter)}"
        if body := self.read(url):
            own_elements = {
                name: value for name, value in body.items() if name not in ("period", "length")
            }
            self.place.call("PUT", url, own_elements | self._period(period), fate)

    @precondition(lambda self: self._ended())
    @rule(encounter=which, fate=fates)
    def encounter_reopened(self, encounter: int, fate: CallHooks) -> None:
        ended = self._ended()
        url = f"/Encounter/{ended[encounter % len(ended)]}"
        if body := self.read(url):
            self.place.call("PUT", url, body | {"status": "in-progress"}, fate)

    @precondition(lambda self: self.snapshot.encounters)
    @rule(encounter=which, number=which, fate=fates)
    def encounter_written_back(self, encounter: int, number: int, fate: CallHooks) -> None:
        """A client puts an old read back, perhaps of a deleted resource."""
        url = f"/Encounter/{self.encounter_id(encounter)}"
        if old_bodies := self.bodies.get(url):
            body = old_bodies[number % len(old_bodies)] | {
                "reasonCode": [{"text": f"Number {number}"}]
            }
            if body["status"] in classification.VOID_STATUSES:
                self.by_hand.add(self.encounter_id(encounter))
            self.place.call("PUT", url, body, fate)

    @precondition(lambda self: self.snapshot.encounters)
    @rule(encounter=which, sure=st.booleans(), fate=fates)
    def encounter_deleted(self, encounter: int, sure: bool, fate: CallHooks) -> None:
        if sure:
            url = f"/Encounter/{self.encounter_id(encounter)}"
            self.read(url)
            self.place.call("DELETE", url, None, fate)

    @precondition(lambda self: self.snapshot.encounters)
    @rule(encounter=which, status=st.sampled_from(("in-progress", "finished")), fate=fates)
    def encounter_deleted_and_brought_back(
        self, encounter: int, status: str, fate: CallHooks
    ) -> None:
        url = f"/Encounter/{self.encounter_id(encounter)}"
        if body := self.read(url):
            self.place.call("DELETE", url)
            self.place.call("PUT", url, body | {"status": status}, fate)

    def _ended(self) -> list[str]:
        return [
            encounter_id
            for encounter_id in self.encounters()
            if self.snapshot.encounters[encounter_id].resource.get("status") == "finished"
        ]
