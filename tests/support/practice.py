"""A clinic whose clock the test sets: requests and closings happen when the test says."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared import settings
from shared.fhir import instants, references
from shared.sessions import due_encounters
from tests.support import care, consistency, steps
from tests.support.api_client import Answer, ApiClient

BERLIN = instants.zone("Europe/Berlin")


@dataclass
class Practice:
    """A clinic whose clock the test sets."""

    clinic: ApiClient
    monkeypatch: pytest.MonkeyPatch
    now: datetime = field(default_factory=lambda: local("2026-03-02 09:00"))

    def configure(self, **environment: str) -> None:
        for name, value in environment.items():
            self.monkeypatch.setenv(name, value)
        settings.settings.cache_clear()

    def advance_to(self, moment: str) -> None:
        """Set the clock to a local time in Berlin, and process what is due by then."""
        self.now = local(moment)
        references.BASE.set("")  # a job has no request that would set the base URL
        for tenant, encounter_id in steps.due_until(self.now):
            due_encounters.close_or_postpone(tenant, encounter_id, self.now)
        consistency.check()

    def advance(self, seconds: int) -> None:
        """Let so many seconds pass."""
        self.now += timedelta(seconds=seconds)

    def post_header(self, **more: Any) -> str:
        return self.clinic.post("/Communication", care.header(**more)).id

    def post_message(self, header_id: str, moment: str, **more: Any) -> Answer:
        """Post a message sent at a local time. If that is later than now, the clock moves there."""
        sent = local(moment)
        self.now = max(self.now, sent)
        answer = self.clinic.post(
            "/Communication", care.message(header_id, instant_text(sent), **more)
        )
        assert answer.status == 201, answer.text
        return answer

    def sessions(self, status: str = "") -> list[dict[str, Any]]:
        encounters: list[dict[str, Any]] = self.clinic.get(
            "/Encounter?_sort=date&_count=100"
        ).resources
        return [
            encounter
            for encounter in encounters
            if "partOf" not in encounter and status in ("", encounter["status"])
        ]

    def session(self) -> dict[str, Any]:
        """Return the only session."""
        (session,) = self.sessions()
        return session

    def encounter(self, encounter_id: str) -> dict[str, Any]:
        body: dict[str, Any] = self.clinic.get(f"/Encounter/{encounter_id}").body
        return body

    def open_session(self, **more: Any) -> str:
        """Open a session as a client does."""
        return self.clinic.post("/Encounter", care.session(**more)).id

    def sessions_table(self) -> list[tuple[str, str, str]]:
        """Return the status, start and end of every session, in local time."""
        return [
            (
                session["status"],
                local_clock_time(session, "start"),
                local_clock_time(session, "end"),
            )
            for session in self.sessions()
        ]

    def messages(self, session: dict[str, Any]) -> list[str]:
        return self.clinic.get(f"/Communication?session=Encounter/{session['id']}&_sort=sent").ids

    def linked_session(self, header_id: str) -> str:
        body = self.clinic.get(f"/Communication/{header_id}").body
        return str(body.get("encounter", {}).get("reference", ""))

    def put_changes(self, url: str, **values: Any) -> Answer:
        body = self.clinic.get(url).body | values
        return self.clinic.put(url, body)

    def patients(self, session: dict[str, Any]) -> list[str]:
        """Return the subjects of a session's medical encounters."""
        children = self.clinic.get(f"/Encounter?part-of=Encounter/{session['id']}").resources
        return sorted(child["subject"]["reference"] for child in children)


def participants(session: dict[str, Any]) -> list[str]:
    """Return the participants of a session."""
    return [
        participant["individual"]["reference"] for participant in session.get("participant", ())
    ]


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def instant_text(moment: datetime) -> str:
    return instants.to_text(moment)


def local_clock_time(session: dict[str, Any], bound: str) -> str:
    text = session.get("period", {}).get(bound)
    return instants.from_text(text).astimezone(BERLIN).strftime("%d %H:%M") if text else ""
