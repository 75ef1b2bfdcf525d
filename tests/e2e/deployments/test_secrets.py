"""Tokens that are refused, and contents that appear only in answers, on a stack of its own."""

import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from shared.catalog import access_patterns as patterns
from shared.local.artefact import artefact
from shared.local.client import client
from shared.local.emulator import Emulator, emulator
from shared.local.environment import environment
from shared.local.stack import deploy, physical_id
from shared.store import codec
from tests.support import care
from tests.support.canary import CANARY, person, secret_note, with_canary

type Json = dict[str, Any]

HOUR = 3600


@dataclass(frozen=True)
class OwnStack:
    """A running stack, its variables for clients, and the key with which its user pool signs."""

    emulator: Emulator
    values: Mapping[str, str]
    key: RSAPrivateKey


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnStack]:
    data = tmp_path_factory.mktemp("data")
    with emulator(data=data) as running:
        values = environment(running, deploy(running, artefact()))
        (pem,) = Path(data, "cognito-pool-keys").glob("*-access.pem")
        key = serialization.load_pem_private_key(pem.read_bytes(), password=None)
        assert isinstance(key, RSAPrivateKey)
        yield OwnStack(running, values, key)


def part(value: bytes | Json) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).decode().rstrip("=")


def read(text: str) -> Json:
    content: Json = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return content


def signed(stack: OwnStack, header: Json | None = None, **claims: Any) -> str:
    """Return an administrator's token signed by the pool. A claim of None is removed."""
    head, payload, _ = stack.values["TOKEN_ADMIN"].split(".")
    changed = {name: claim for name, claim in (read(payload) | claims).items() if claim is not None}
    text = f"{part(read(head) | (header or {}))}.{part(changed)}"
    return f"{text}.{part(stack.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def without_signature(stack: OwnStack) -> str:
    return signed(stack, {"alg": "none"}).rpartition(".")[0] + "."


def by_public_key(stack: OwnStack) -> str:
    """Return a token signed by HMAC with the public key as the secret."""
    public = stack.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    text = signed(stack, {"alg": "HS256"}).rpartition(".")[0]
    return f"{text}.{part(hmac.digest(public, text.encode(), 'sha256'))}"


def with_another_payload(stack: OwnStack) -> str:
    head, payload, signature = stack.values["TOKEN_AUDITOR"].split(".")
    return f"{head}.{part(read(payload) | {'cognito:groups': ['admin']})}.{signature}"


TOKENS: dict[str, Callable[[OwnStack], str]] = {
    "garbage": lambda _: "garbage",
    "of three parts of garbage": lambda _: "a.b.c",
    "a signature short": lambda stack: signed(stack).rpartition(".")[0],
    "expired": lambda stack: signed(stack, exp=int(time.time()) - HOUR),
    "not yet valid": lambda stack: signed(stack, nbf=int(time.time()) + HOUR),
    "of another issuer": lambda stack: signed(stack, iss="https://issuer.example"),
    "for another audience": lambda stack: signed(stack, client_id="another"),
    "for no audience": lambda stack: signed(stack, client_id=None),
    "an id token": lambda stack: signed(stack, token_use="id"),
    "of alg none": without_signature,
    "of HS256 with the public key": by_public_key,
    "of an unknown kid": lambda stack: signed(stack, {"kid": "unknown"}),
    "with another payload": with_another_payload,
}


def test_a_token_signed_by_the_pool_is_accepted(stack: OwnStack) -> None:
    headers = {"Authorization": f"Bearer {signed(stack)}"}
    answer = httpx.get(f"{stack.values['FHIR_BASE']}/Encounter", headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text


def test_a_request_without_a_token_is_unauthorized(stack: OwnStack) -> None:
    assert httpx.get(f"{stack.values['FHIR_BASE']}/Encounter", timeout=30).status_code == 401


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
def test_an_invalid_token_is_unauthorized(
    stack: OwnStack, token: Callable[[OwnStack], str]
) -> None:
    headers = {"Authorization": f"Bearer {token(stack)}"}
    answer = httpx.get(f"{stack.values['FHIR_BASE']}/Encounter", headers=headers, timeout=30)
    assert answer.status_code == 401


NAMED = f"identifier=https://clinic.example|{CANARY}&status=in-progress"


def bundle(kind: str) -> Json:
    """Return a Bundle that writes, finds and searches the canary."""
    named = {"method": "POST", "url": "Encounter", "ifNoneExist": f"{NAMED}&class=VR&_id=none"}
    entries = [
        {"request": named, "resource": with_canary(care.session())},
        {"request": {"method": "GET", "url": f"Encounter?{NAMED}"}},
    ]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def of_people(http: httpx.Client, encounter: str) -> Iterator[httpx.Response]:
    """Write people and records, and search for their secrets, in both APIs."""
    patient = http.post("/Patient", json=person())
    yield patient
    own_id = patient.json()["id"]
    yield http.put(f"/Patient/{own_id}", json=person(id=own_id, gender="female"))
    yield http.get("/Patient", params={"family": CANARY, "phone": CANARY})
    yield http.post("/DocumentReference", json=secret_note(encounter))
    yield http.get(f"/Encounter/{encounter}/$everything", params={"_type": "DocumentReference"})
    plain = str(http.base_url).removesuffix("fhir/R4/") + "v1"
    note = {"title": CANARY, "content": CANARY, "encounterId": encounter, "patientId": own_id}
    yield http.post(f"{plain}/notes", json=note)
    yield http.get(f"{plain}/notes", params={"encounterId": encounter})


def conversation(http: httpx.Client) -> list[httpx.Response]:
    """Write, read and search resources with the canary, and be refused in every way."""
    session = http.post("/Encounter", json=with_canary(care.session()))
    note = {"payload": [{"contentString": CANARY}], "topic": {"text": CANARY}}
    header = http.post("/Communication", json=with_canary(care.header(), **note))
    assert CANARY in session.text
    assert CANARY in header.text
    thread, path = header.json()["id"], f"/Encounter/{session.json()['id']}"
    patch = {"Content-Type": "application/json-patch+json"}
    link = json.dumps(care.link(session.json()["id"]))
    for answer in (
        http.patch(f"/Communication/{thread}", content=link, headers=patch),
        http.post("/Communication", json=with_canary(care.message(thread), **note)),
        http.get(path),
        http.get(f"{path}/_history"),
        http.get(f"{path}/$everything"),
        http.get("/Encounter", params={"identifier": f"https://clinic.example|{CANARY}"}),
        http.post("/Encounter/$validate?mode=create", json=with_canary(care.session())),
        http.post("/Encounter", json=with_canary(care.session()), headers={"If-None-Exist": NAMED}),
        http.put(
            f"/Encounter?{NAMED}&_id={path[11:]}", json=with_canary(care.session(), language="en")
        ),
        http.post("/", json=bundle("batch")),
        http.post("/", json=bundle("transaction")),
        http.get("/openapi.json"),
        *of_people(http, path[11:]),
        http.post(f"{path}/$close-session", json={"resourceType": "Parameters"}),
    ):
        assert answer.is_success, answer.text
    test = json.dumps([{"op": "test", "path": "/subject/display", "value": CANARY * 2}])
    wrong = json.dumps([{"op": "replace", "path": "/status", "value": CANARY}])
    return [
        http.post("/Encounter", json=with_canary(care.session("bogus"))),
        http.post("/Encounter", content=f'{{"text":"{CANARY}"'),
        http.post("/Communication", json=with_canary(care.message("nowhere"), **note)),
        http.patch(path, content=test, headers=patch),
        http.patch(path, content=wrong, headers=patch),
        http.put(path, json=with_canary(care.session(), priority={"text": [CANARY]})),
        http.delete(f"/Encounter?{NAMED}"),
        http.post("/Patient", json=person(gender="unheard", photo=[{"title": [CANARY]}])),
        http.post("/DocumentReference", json=secret_note("nowhere")),
        http.post("/", json=bundle(CANARY)),
        http.post("/", json={**bundle("batch"), "entry": [{"fullUrl": CANARY}, CANARY]}),
        http.get(f"/AuditEvent?entity={CANARY}"),
    ]


def logged(running: Emulator) -> str:
    logs = running.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    pages = (
        page
        for group in groups
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group)
    )
    return "\n".join(event["message"] for page in pages for event in page["events"])


def audited(running: Emulator) -> str:
    """Return every row of the audit trail, with its compressed parts unpacked."""
    table = physical_id(running, patterns.AUDIT)
    pages = running.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    rows = []
    for item in (item for page in pages for item in page["Items"]):
        rows.append(str(item))
        packed = [
            bytes(item[name]["B"]) for name in ("event", "events", "resource") if name in item
        ]
        rows.extend(codec.unpack(content)[0].decode() for content in packed)
    return "\n".join(rows)


def reindex(running: Emulator) -> None:
    function = physical_id(running, "ReindexFunction")
    for payload in ({"part": 0, "parts": 1}, {"finish": 1}):
        answer = running.client("lambda").invoke(
            FunctionName=function, Payload=json.dumps(payload).encode()
        )
        text = answer["Payload"].read().decode()
        assert "FunctionError" not in answer, text
        assert CANARY not in text


def dead_letters(running: Emulator) -> str:
    sqs = running.client("sqs")
    queues = [physical_id(running, f"{name}DeadLetters") for name in ("Audit", "Closing", "Event")]
    return str([sqs.receive_message(QueueUrl=queue).get("Messages", []) for queue in queues])


def test_written_contents_appear_only_in_answers(stack: OwnStack) -> None:
    with client(stack.values["FHIR_BASE"], stack.values["TOKEN_PRACTITIONER"]) as http:
        refusals = conversation(http)
    reindex(stack.emulator)
    assert {answer.status_code for answer in refusals} <= {200, 400, 403, 409, 412, 422}
    deadline = time.monotonic() + 60
    while "$everything" not in audited(stack.emulator) and time.monotonic() < deadline:
        time.sleep(0.5)
    trail, lines = audited(stack.emulator), logged(stack.emulator)
    assert "Patient/homer-simpson" in trail
    assert "$everything" in trail, "no event of a read has arrived"
    assert '"message":"request"' in lines
    for answer in refusals:
        assert CANARY not in answer.text
    metrics = str(stack.emulator.client("cloudwatch").list_metrics()["Metrics"])
    for text in (trail, lines, metrics, dead_letters(stack.emulator)):
        assert CANARY not in text
