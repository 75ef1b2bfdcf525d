"""Rules about headers: linked, completed, deleted, and written back from an old read."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.stateful.fates import fates
from tests.stateful.machine import Machine, which
from tests.stateful.practice import FINE
from tests.support import care
from tests.support.api_client import PATCH, Answer
from tests.support.memory_database import CallHooks

_ABOUT = (care.HOMER, care.HOMER, "Patient/bart-simpson", "Group/the-simpsons", "")
MOST_THREADS = 6
# The session policies that a header may name. Without one, the deployment's applies.
_POLICIES: tuple[list[dict[str, Any]], ...] = (
    [],
    care.policy(policy={"valueCode": "explicit"}, idleMinutes={"valueUnsignedInt": 60}),
    care.policy(policy={"valueCode": "explicit"}, idleMinutes={"valueUnsignedInt": 0}),
    care.policy(policy={"valueCode": "thread"}),
    care.policy(policy={"valueCode": "thread"}, maxHours={"valuePositiveInt": 20}),
    care.policy(idleMinutes={"valueUnsignedInt": 30}, maxHours={"valuePositiveInt": 48}),
    care.policy(policy={"valueCode": "daily"}),
    care.policy(policy={"valueCode": "daily"}, timeZone={"valueCode": "Pacific/Auckland"}),
    care.policy(timeZone={"valueCode": "America/New_York"}),
)
_policies = st.sampled_from((*[_POLICIES[0]] * 6, *_POLICIES))


class Threads(Machine):
    """The rules that link and end threads."""

    @precondition(lambda self: len(self.snapshot.headers) < MOST_THREADS)
    @rule(
        about=st.sampled_from(_ABOUT),
        linked=st.sampled_from((-1, -1, 0, 1)),
        policy=_policies,
        fate=fates,
    )
    def thread_begun(
        self, about: str, linked: int, policy: list[dict[str, Any]], fate: CallHooks
    ) -> None:
        body = care.header(subject=care.reference(about), extension=policy)
        if not policy:
            del body["extension"]
        if not about:
            del body["subject"]
        if linked >= 0 and self.snapshot.encounters:
            body["encounter"] = care.reference(f"Encounter/{self.encounter_id(linked)}")
        self.place.call("POST", "/Communication", body, fate)

    @precondition(lambda self: self.snapshot.headers and self.snapshot.encounters)
    @rule(thread=which, encounter=which, fate=fates)
    def thread_linked(self, thread: int, encounter: int, fate: CallHooks) -> None:
        url = self._thread(thread)
        self.read(url)
        self.patch(url, care.link(self.encounter_id(encounter)), fate)

    @precondition(lambda self: self.snapshot.headers)
    @rule(
        thread=which,
        encounter=st.sampled_from((care.visit(), care.visit(), care.session("finished"))),
        written=st.sampled_from(("before", "after", "before and taken back")),
        fate=fates,
    )
    def thread_linked_to_what_takes_no_messages(
        self, thread: int, encounter: dict[str, Any], written: str, fate: CallHooks
    ) -> None:
        """Link it to a visit or an ended session, with a message written before or after."""
        url = self._thread(thread)
        message = care.message(url.rpartition("/")[2])
        new = self.place.answer("POST", "/Encounter", encounter).id
        answer = (
            self.place.answer("POST", "/Communication", message) if written != "after" else None
        )
        self.patch(url, care.link(new), fate)
        if written == "after":
            self.place.call("POST", "/Communication", message)
        elif answer and answer.status == 201 and written != "before":
            change = [{"op": "replace", "path": "/status", "value": "entered-in-error"}]
            self.patch(f"/Communication/{answer.id}", change, CallHooks())

    @precondition(lambda self: self.snapshot.headers)
    @rule(thread=which, by_put=st.booleans(), fate=fates)
    def thread_unlinked(self, thread: int, by_put: bool, fate: CallHooks) -> None:
        url = self._thread(thread)
        body = self.read(url)
        if not body or "encounter" not in body:
            return
        if by_put:
            bare = {name: value for name, value in body.items() if name != "encounter"}
            self.place.call("PUT", url, bare | {"priority": "urgent"}, fate)
        else:
            self._remove_link(url, fate)

    def _remove_link(self, url: str, fate: CallHooks) -> None:
        """Remove a link by a patch, which answers 400 if somebody else has removed it already."""

        def removed(answer: Answer) -> None:
            assert answer.status != 400 or "names a location that does not exist" in answer.text, (
                answer.text
            )

        change = [{"op": "remove", "path": "/encounter"}]
        fine = FINE | {400}
        self.place.call("PATCH", url, change, fate, removed, fine=fine, content_type=PATCH)

    @precondition(lambda self: self.snapshot.headers)
    @rule(
        thread=which,
        status=st.sampled_from(("completed", "completed", "in-progress", "stopped")),
        fate=fates,
    )
    def thread_completed_or_reopened(self, thread: int, status: str, fate: CallHooks) -> None:
        change = [{"op": "replace", "path": "/status", "value": status}]
        self.patch(self._thread(thread), change, fate)

    @precondition(lambda self: self.snapshot.headers)
    @rule(thread=which, about=st.sampled_from(_ABOUT), fate=fates)
    def thread_about_somebody_else(self, thread: int, about: str, fate: CallHooks) -> None:
        if about:
            change = [{"op": "add", "path": "/subject", "value": care.reference(about)}]
            self.patch(self._thread(thread), change, fate)

    @precondition(lambda self: self.snapshot.headers)
    @rule(thread=which, policy=st.sampled_from(_POLICIES), fate=fates)
    def thread_gets_another_policy(
        self, thread: int, policy: list[dict[str, Any]], fate: CallHooks
    ) -> None:
        """The new policy applies to the next session."""
        url = self._thread(thread)
        if body := self.read(url):
            bare = {name: value for name, value in body.items() if name != "extension"}
            extension = {"extension": policy} if policy else {}
            self.place.call("PUT", url, bare | extension, fate)

    @precondition(lambda self: self.snapshot.headers)
    @rule(thread=which, number=which, fate=fates)
    def thread_written_back(self, thread: int, number: int, fate: CallHooks) -> None:
        """A client puts an old read back, perhaps of a deleted resource."""
        url = self._thread(thread)
        if old_bodies := self.bodies.get(url):
            body = old_bodies[number % len(old_bodies)] | {"topic": {"text": f"Number {number}"}}
            self.place.call("PUT", url, body, fate)

    @precondition(lambda self: len(self.snapshot.headers) > 1)
    @rule(thread=which, sure=st.integers(0, 2), fate=fates)
    def thread_deleted(self, thread: int, sure: int, fate: CallHooks) -> None:
        if sure == 0:
            url = self._thread(thread)
            self.read(url)
            self.place.call("DELETE", url, None, fate)

    def _thread(self, number: int) -> str:
        return f"/Communication/{self.threads()[number % len(self.threads())]}"
