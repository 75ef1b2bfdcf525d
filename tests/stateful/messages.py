"""Rules about messages: posted, sent later, corrected, taken back."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from shared.fhir import instants
from tests.stateful.fates import fates
from tests.stateful.machine import Machine, which
from tests.support import care
from tests.support.api_client import Answer, ApiClient
from tests.support.memory_database import CallHooks
from tests.support.session_invariants import BY_A_PATIENT

# The minutes between sending and receipt, negative for the future, or the text of `sent`.
sent = st.sampled_from((0, 0, 1, 5, 45, 600, 1500, 3000, 525_600, -30, None, "date", "1970-01-01"))
unset = st.sampled_from(("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1969-12-31", "1970"))
subjects = st.sampled_from(("", "", "", care.HOMER, "Patient/bart-simpson", "Patient/lisa-simpson"))
senders = st.sampled_from((care.HOMER, care.ALICE, "RelatedPerson/marge-simpson"))
_said = st.sampled_from(("in-progress", "completed", "preparation"))
HOMER = ApiClient("patient", care.HOMER)


class Messages(Machine):
    """The rules that post and change messages."""

    def _sent(self, before: int | str | None) -> dict[str, str]:
        if before is None:
            return {}
        if before == "date":
            return {"sent": self.place.now.date().isoformat()}
        if isinstance(before, str):
            return {"sent": before}
        return {"sent": instants.to_text(self.place.utc - timedelta(minutes=before))}

    @precondition(lambda self: self.snapshot.headers)
    @rule(
        thread=which,
        before=sent,
        people=st.tuples(subjects, senders),
        status=st.sampled_from(("in-progress", "completed", "in-progress", "preparation")),
        own=st.sampled_from((-1, -1, -1, -1, 0, 1, 2)),
        named=st.booleans(),
        fate=fates,
    )
    def message_posted(
        self,
        *,
        thread: int,
        before: Any,
        people: tuple[str, str],
        status: str,
        own: int,
        named: bool,
        fate: CallHooks,
    ) -> None:
        about, sender = people
        header_id = self.threads()[thread % len(self.threads())]
        body = care.message(header_id, status=status, **self._sent(before))
        body |= {"sender": care.reference(sender), "subject": care.reference(about or care.HOMER)}
        if not about:
            del body["subject"]
        if own >= 0 and self.snapshot.encounters:
            encounter_id = self.encounters()[own % len(self.encounters())]
            body["encounter"] = care.reference(f"Encounter/{encounter_id}")
        self._post(body, header_id, fate, f"own-{next(self.numbers)}" if named else "")

    @precondition(lambda self: self.snapshot.headers)
    @rule(
        thread=which, befores=st.lists(st.sampled_from((0, 0, 2, 20, 300)), max_size=4), fate=fates
    )
    def messages_said(self, thread: int, befores: list[int], fate: CallHooks) -> None:
        """A conversation, in and out of order. The fate applies to its last message."""
        header_id = self.threads()[thread % len(self.threads())]
        for before in befores:
            self._post(care.message(header_id, **self._sent(before)), header_id, CallHooks(), "")
            self.place.pass_time(minutes=7)
        self._post(care.message(header_id, **self._sent(1)), header_id, fate, "")

    @precondition(lambda self: self.snapshot.headers)
    @rule(thread=which, hours=st.sampled_from((1, 5, 20)), fate=fates)
    def messages_said_until_one_is_due(self, thread: int, hours: int, fate: CallHooks) -> None:
        """The conversation goes on, so that its session is looked at and stays open."""
        header_id = self.threads()[thread % len(self.threads())]
        for pause in (hours, 24 - hours):
            self._post(care.message(header_id, **self._sent(0)), header_id, CallHooks(), "")
            self.place.pass_time(hours=pause)
        for encounter_id in self.place.due():
            self.place.look(encounter_id, fate)
            fate = CallHooks()

    @precondition(lambda self: self.snapshot.headers)
    @rule(
        thread=which, before=st.sampled_from((0, 3)), fates=st.lists(fates, min_size=2, max_size=3)
    )
    def messages_race(self, thread: int, before: int, fates: list[CallHooks]) -> None:
        header_id = self.threads()[thread % len(self.threads())]
        for fate in fates:
            self._post(care.message(header_id, **self._sent(before)), header_id, fate, "")

    @precondition(lambda self: self.snapshot.headers)
    @rule(thread=which, days=st.sampled_from((0, 1, 2)), hours=st.integers(0, 23), fate=fates)
    def message_arrives_late(self, thread: int, days: int, hours: int, fate: CallHooks) -> None:
        header_id = self.threads()[thread % len(self.threads())]
        body = care.message(header_id, **self._sent(days * 1440 + hours * 60))
        self._post(body, header_id, fate, "")

    @precondition(lambda self: self.snapshot.headers)
    @rule(thread=which, before=sent | unset, status=_said, fate=fates)
    def message_said_by_a_patient(
        self, thread: int, before: Any, status: str, fate: CallHooks
    ) -> None:
        """A patient writes with their own token. Their `sent` is believed for a day."""
        header_id = self.threads()[thread % len(self.threads())]
        body = care.message(header_id, status=status, note=BY_A_PATIENT, **self._sent(before))
        self._post(body, header_id, fate, "", by=HOMER)

    @precondition(lambda self: self.snapshot.headers)
    @rule(thread=which, before=sent | unset, noted=sent, fate=fates)
    def message_imported(self, thread: int, before: Any, noted: Any, fate: CallHooks) -> None:
        """A service imports a message, which may say when it was received or sent."""
        header_id = self.threads()[thread % len(self.threads())]
        body = care.message(header_id, **self._sent(before))
        if received := self._sent(noted):
            body["received"] = received["sent"]
        self._post(body, header_id, fate, "")

    @precondition(lambda self: self.snapshot.encounters and self.snapshot.headers)
    @rule(thread=which, encounter=which, before=st.sampled_from((0, 0, 1500)), fate=fates)
    def message_names_a_session(
        self, thread: int, encounter: int, before: int, fate: CallHooks
    ) -> None:
        """A client remembers an id of a session, perhaps of another day, thread or patient."""
        header_id = self.threads()[thread % len(self.threads())]
        ids = sorted(self.snapshot.encounters, reverse=True)
        named = care.reference(f"Encounter/{ids[encounter % len(ids)]}")
        body = care.message(header_id, encounter=named, **self._sent(before))
        self._post(body, header_id, fate, "")

    @precondition(lambda self: self.snapshot.headers)
    @rule(thread=which, before=sent, fate=fates)
    def message_said(self, thread: int, before: Any, fate: CallHooks) -> None:
        header_id = self.threads()[thread % len(self.threads())]
        self._post(care.message(header_id, **self._sent(before)), header_id, fate, "")

    def _post(
        self,
        body: dict[str, Any],
        header_id: str,
        fate: CallHooks,
        own_id: str,
        by: ApiClient | None = None,
    ) -> None:
        may_be_refused = self.place.is_gone(header_id) or "encounter" in body or by is not None

        def posted(answer: Answer) -> None:
            is_stored = answer.status in (200, 201)
            assert is_stored or may_be_refused or self.place.is_gone(header_id), answer.text
            if answer.status == 201:
                self.accepted.add(answer.id)

        if own_id:
            body["id"] = own_id
            self.place.call("PUT", f"/Communication/{own_id}", body, fate, posted)
        else:
            self.place.call("POST", "/Communication", body, fate, posted, by=by)

    @precondition(lambda self: self.snapshot.messages)
    @rule(message=which, fate=fates)
    def message_put_again(self, message: int, fate: CallHooks) -> None:
        """A client without an answer puts the message again: nothing changes, or it is stored."""
        url = self._message_url(message)
        if body := self.read(url):
            before, asleep = self.snapshot, len(self.place.asleep)
            self.place.call("PUT", url, body, fate)
            if self.place.is_concurrent or len(self.place.asleep) > asleep:
                # The message may be taken back before this request goes on, and restores it.
                self._notice_restored(url.rpartition("/")[2], body["status"])
            if not self.place.asleep and before is not self.snapshot:
                assert before.slots == self.snapshot.slots

    @precondition(lambda self: self.snapshot.messages)
    @rule(
        message=which,
        status=st.sampled_from(
            ("entered-in-error", "entered-in-error", "completed", "in-progress", "not-done")
        ),
        fate=fates,
    )
    def message_gets_another_status(self, message: int, status: str, fate: CallHooks) -> None:
        """A draft is sent, or a message is taken back or restored."""
        message_id = self._message_id(message)
        self._notice_restored(message_id, status)
        change = [{"op": "replace", "path": "/status", "value": status}]
        self.patch(f"/Communication/{message_id}", change, fate)

    @precondition(lambda self: self.snapshot.messages)
    @rule(
        message=which,
        turns=st.sampled_from(((), (), ("finished",), ("finished", "in-progress"), ("cancelled",))),
        fate=fates,
    )
    def message_taken_back_and_restored(
        self, message: int, turns: tuple[str, ...], fate: CallHooks
    ) -> None:
        """Its session stays as it is, or ends meanwhile, or is reopened as well."""
        message_id = self._message_id(message)
        session_id = self.snapshot.session(self.snapshot.messages[message_id])
        for status in turns if session_id else ():
            if status == "cancelled":
                self.by_hand.add(session_id)
            change = [{"op": "replace", "path": "/status", "value": status}]
            self.patch(f"/Encounter/{session_id}", change, CallHooks())
        for status in ("entered-in-error", "completed"):
            self._notice_restored(message_id, status)
            change = [{"op": "replace", "path": "/status", "value": status}]
            self.patch(f"/Communication/{message_id}", change, fate)
            fate = CallHooks()

    @precondition(lambda self: self.snapshot.messages)
    @rule(message=which, before=sent, fate=fates)
    def message_corrected(self, message: int, before: Any, fate: CallHooks) -> None:
        """Its `sent` is corrected, or it is marked as read."""
        change = [{"op": "add", "path": "/received", "value": instants.to_text(self.place.utc)}]
        if self._sent(before):
            change = [{"op": "add", "path": "/sent", "value": self._sent(before)["sent"]}]
        self.patch(self._message_url(message), change, fate)

    @precondition(lambda self: self.snapshot.messages)
    @rule(message=which, fate=fates)
    def message_deleted(self, message: int, fate: CallHooks) -> None:
        url = self._message_url(message)
        self.read(url)
        self.place.call("DELETE", url, None, fate)

    @precondition(lambda self: any(self.bodies))
    @rule(number=which, fate=fates)
    def message_written_back(self, number: int, fate: CallHooks) -> None:
        """A client puts an old read back, perhaps of a deleted resource."""
        urls = [url for url in self.bodies if url.rpartition("/")[2] in self.snapshot.messages]
        if urls:
            url = urls[-1 - number % len(urls)]
            body = self.bodies[url][number % len(self.bodies[url])]
            self._notice_restored(url.rpartition("/")[2], body["status"])
            self.place.call("PUT", url, body, fate)

    def _notice_restored(self, message_id: str, status: str) -> None:
        # A message may have counted, and been taken back, since the snapshot was taken.
        has_counted = self.snapshot.messages[message_id].at or self.place.is_concurrent
        if has_counted and status in ("completed", "in-progress"):
            self.restored.add(message_id)

    def _message_id(self, number: int) -> str:
        return self.messages()[number % len(self.messages())]

    def _message_url(self, number: int) -> str:
        return f"/Communication/{self._message_id(number)}"
