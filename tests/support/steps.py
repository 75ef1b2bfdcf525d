"""Common steps of a clinic. A step that the service refuses fails the test."""

from datetime import datetime
from typing import Any

from shared.fhir import instants
from shared.store import due_rows
from shared.store.operations import DUE_SHARDS
from tests.support import care
from tests.support.api_client import ApiClient


def thread(clinic: ApiClient, *sent: str, **more: Any) -> tuple[str, list[str]]:
    """Post a header and its messages, and return their ids."""
    header_id = clinic.post("/Communication", care.header(**more)).id
    return header_id, [post(clinic, header_id, at) for at in sent]


def post(clinic: ApiClient, header_id: str, sent: str | None = None, **more: Any) -> str:
    answer = clinic.post("/Communication", care.message(header_id, sent, **more))
    assert answer.status == 201, answer.text
    return answer.id


def open_session(clinic: ApiClient, **more: Any) -> str:
    answer = clinic.post("/Encounter", care.session(**more))
    assert answer.status == 201, answer.text
    return answer.id


def link(clinic: ApiClient, header_id: str, session_id: str) -> int:
    return clinic.patch(f"/Communication/{header_id}", care.link(session_id)).status


def messages_of(clinic: ApiClient, session_id: str) -> list[str]:
    return clinic.get(f"/Communication?session=Encounter/{session_id}&_sort=sent").ids


def end(clinic: ApiClient, session_id: str, status: str = "finished") -> None:
    body = clinic.get(f"/Encounter/{session_id}").body | {"status": status}
    answer = clinic.put(f"/Encounter/{session_id}", body)
    assert answer.status == 200, answer.text


def due_until(moment: datetime) -> list[tuple[str, str]]:
    """Return the Encounters that are due by a moment, each as a tenant and an id."""
    until = instants.to_text(moment)
    rows = [row for shard in range(DUE_SHARDS) for row in due_rows.due_rows(shard, until)]
    return [(row.tenant, row.encounter) for row in rows]
