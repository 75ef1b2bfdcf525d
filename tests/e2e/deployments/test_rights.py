"""The rights of the functions' roles, on a stack of its own: each is needed, and none is exceeded.

tests/api/access/test_rights.py checks that no function has a right that it never uses.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from shared.catalog import access_patterns as patterns
from shared.local.artefact import artefact
from shared.local.client import client
from shared.local.emulator import REGION, Emulator, emulator
from shared.local.environment import environment
from shared.local.stack import deploy, physical_id
from shared.packaging.build import ROOT
from tests.support import care

ENCOUNTER, THREAD = patterns.ENCOUNTER, patterns.THREAD
RESOURCE, SEARCH, AUDIT = patterns.RESOURCE, patterns.SEARCH, patterns.AUDIT
PATCH = {"Content-Type": "application/json-patch+json"}
_PARTS = count(2)
HIGH = {"op": "add", "path": "/priority", "value": {"text": "high"}}


@dataclass(frozen=True)
class Place:
    """A running stack, callers, and the paths of existing resources."""

    emulator: Emulator
    admin: httpx.Client
    clinic: httpx.Client
    homer: httpx.Client
    auditor: httpx.Client
    session: str
    family: str
    thread: str
    patient: str

    def patch(self, path: str, *operations: dict[str, Any]) -> httpx.Response:
        return self.clinic.patch(path, content=json.dumps(operations), headers=PATCH)

    def says(self) -> httpx.Response:
        thread = self.thread.rpartition("/")[2]
        return self.clinic.post("/Communication", json=care.message(thread))

    def run(self, function: str, event: Any) -> httpx.Response:
        """Invoke a function that has no route. An error of the function is a 500 here."""
        name = physical_id(self.emulator, f"{function}Function")
        answer = self.emulator.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
        return httpx.Response(500 if "FunctionError" in answer else 200)

    def example(self, function: str, file: str) -> httpx.Response:
        return self.run(function, json.loads((ROOT / f"events/{file}.json").read_text()))

    def reindexed(self) -> httpx.Response:
        """Reindex everything. A new number of parts makes it start from the beginning."""
        return self.run("Reindex", {"part": 0, "parts": next(_PARTS)})

    def created(self) -> str:
        answer = self.clinic.post("/Encounter", json=care.session())
        return f"/Encounter/{answer.json()['id']}"

    def admits(self) -> httpx.Response:
        return self.clinic.post("/Patient", json=care.example("Patient"))

    def leaves(self) -> httpx.Response:
        """Write an Encounter in a transaction that leaves a Patient unchanged."""
        patient = self.clinic.get(self.patient).json()
        entries = [
            {"request": {"method": "PUT", "url": self.patient[1:]}, "resource": patient},
            {"request": {"method": "POST", "url": "Encounter"}, "resource": care.session()},
        ]
        return self._bundle(entries)

    def transacts(self, method: str, url: str, resource: Any) -> httpx.Response:
        entry = {"request": {"method": method, "url": url}, "resource": resource}
        return self._bundle([entry])

    def _bundle(self, entries: list[dict[str, Any]]) -> httpx.Response:
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        return self.clinic.post("/", json=bundle)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with ExitStack() as stack:
        running = stack.enter_context(emulator())
        values = environment(running, deploy(running, artefact()))
        admin, clinic, homer, auditor = (
            stack.enter_context(client(values["FHIR_BASE"], values[f"TOKEN_{role}"]))
            for role in ("ADMIN", "PRACTITIONER", "PATIENT", "AUDITOR")
        )

        def made(kind: str, body: dict[str, Any]) -> str:
            answer = clinic.post(f"/{kind}", json=body)
            assert answer.status_code == 201, answer.text
            return f"/{kind}/{answer.json()['id']}"

        session = made("Encounter", care.session())
        family = made(
            "Encounter", {key: value for key, value in care.session().items() if key != "subject"}
        )
        child = care.medical_encounter(family.rpartition("/")[2], care.HOMER)
        made("Encounter", child)
        linked = {"encounter": care.reference(session[1:])}
        thread = made("Communication", care.header(**linked))
        patient = made("Patient", care.example("Patient"))
        at = Place(running, admin, clinic, homer, auditor, session, family, thread, patient)
        assert at.patch(session, HIGH).is_success
        yield at


class Right(NamedTuple):
    """An action of a function on a table."""

    function: str
    action: str
    table: str

    @property
    def role(self) -> str:
        return f"{self.function}FunctionRole"


NEEDED: dict[Right, Callable[[Place], httpx.Response]] = {
    Right("Create", "GetItem", ENCOUNTER): lambda at: at.clinic.post(
        "/Communication", json=care.header(encounter=care.reference(at.session[1:]))
    ),
    Right("Create", "PutItem", ENCOUNTER): lambda at: at.clinic.post(
        "/Encounter", json=care.session()
    ),
    Right("Create", "PutItem", SEARCH): lambda at: at.clinic.post(
        "/Encounter", json=care.session()
    ),
    Right("Create", "PutItem", AUDIT): lambda at: at.clinic.post("/Encounter", json=care.session()),
    Right("Create", "GetItem", THREAD): Place.says,
    Right("Create", "PutItem", THREAD): Place.says,
    Right("Create", "UpdateItem", THREAD): Place.says,
    Right("Create", "BatchGetItem", ENCOUNTER): lambda at: at.clinic.post(
        "/Encounter", json=care.session(), headers={"If-None-Exist": f"_id={at.session[11:]}"}
    ),
    Right("Update", "PutItem", AUDIT): lambda at: at.clinic.put(
        (path := at.created()), json=care.session(id=path[11:], priority={"text": "high"})
    ),
    Right("Patch", "DeleteItem", SEARCH): lambda at: at.patch(
        at.created(), {"op": "remove", "path": "/participant"}
    ),
    Right("Delete", "PutItem", ENCOUNTER): lambda at: at.admin.delete(at.created()),
    Right("Operations", "Query", ENCOUNTER): lambda at: at.clinic.get(f"{at.session}/$everything"),
    Right("Read", "GetItem", ENCOUNTER): lambda at: at.clinic.get(at.session),
    Right("Read", "GetItem", THREAD): lambda at: at.clinic.get(at.thread),
    Right("Read", "Query", SEARCH): lambda at: at.homer.get(at.family),
    Right("History", "Query", ENCOUNTER): lambda at: at.clinic.get(f"{at.session}/_history"),
    Right("History", "GetItem", THREAD): lambda at: at.clinic.get(f"{at.thread}/_history"),
    Right("Search", "Query", SEARCH): lambda at: at.clinic.get("/Encounter?status=finished"),
    Right("Search", "BatchGetItem", ENCOUNTER): lambda at: at.clinic.get(
        f"/Encounter?_id={at.session[11:]}"
    ),
    Right("AuditEvents", "Query", AUDIT): lambda at: at.auditor.get("/AuditEvent?date=gt2020"),
    Right("AuditLog", "BatchWriteItem", AUDIT): lambda at: at.example("AuditLog", "audit_log"),
    Right("AuditIndex", "BatchWriteItem", AUDIT): lambda at: at.example(
        "AuditIndex", "audit_index"
    ),
    Right("ClosingScheduler", "Query", SEARCH): lambda at: at.example(
        "ClosingScheduler", "closing_scheduler"
    ),
    Right("Reindex", "Scan", ENCOUNTER): Place.reindexed,
    Right("Reindex", "Scan", THREAD): Place.reindexed,
    Right("Reindex", "Scan", SEARCH): Place.reindexed,
    Right("Reindex", "GetItem", SEARCH): Place.reindexed,
    Right("Reindex", "PutItem", SEARCH): Place.reindexed,
    Right("Bundle", "PutItem", AUDIT): lambda at: at.transacts("POST", "Encounter", care.session()),
    Right("Bundle", "PutItem", RESOURCE): lambda at: at.transacts(
        "POST", "Patient", care.example("Patient")
    ),
    Right("Bundle", "ConditionCheckItem", RESOURCE): Place.leaves,
    Right("Create", "PutItem", RESOURCE): Place.admits,
    Right("Create", "BatchGetItem", RESOURCE): lambda at: at.clinic.post(
        "/Patient",
        json=care.example("Patient"),
        headers={"If-None-Exist": f"_id={at.patient[9:]}"},
    ),
    Right("Update", "GetItem", RESOURCE): lambda at: at.clinic.put(
        at.patient, json=care.example("Patient", id=at.patient[9:])
    ),
    Right("Patch", "GetItem", RESOURCE): lambda at: at.patch(
        at.patient, {"op": "test", "path": "/resourceType", "value": "Patient"}
    ),
    Right("Delete", "PutItem", RESOURCE): lambda at: at.admin.delete(
        f"/Patient/{at.admits().json()['id']}"
    ),
    Right("Read", "GetItem", RESOURCE): lambda at: at.clinic.get(at.patient),
    Right("History", "GetItem", RESOURCE): lambda at: at.clinic.get(f"{at.patient}/_history"),
    Right("Search", "BatchGetItem", RESOURCE): lambda at: at.clinic.get(
        f"/Patient?_id={at.patient[9:]}"
    ),
    Right("Reindex", "Scan", RESOURCE): Place.reindexed,
}


@contextmanager
def without(place: Place, right: Right) -> Iterator[None]:
    """Remove a right from a function's role, and restore it afterwards."""
    iam, role = place.emulator.client("iam"), physical_id(place.emulator, right.role)
    name, action = physical_id(place.emulator, right.table), f"dynamodb:{right.action}"
    changed = {}
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        statements = [
            part for statement in document["Statement"] for part in _less(statement, action, name)
        ]
        if statements != document["Statement"]:
            changed[policy] = document
            _put(iam, role, policy, document | {"Statement": statements})
    assert changed, "the role does not have the right"
    yield
    for policy, document in changed.items():
        _put(iam, role, policy, document)


def _put(iam: Any, role: str, policy: str, document: dict[str, Any]) -> None:
    if document["Statement"]:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))
    else:
        iam.delete_role_policy(RoleName=role, PolicyName=policy)


def _less(statement: dict[str, Any], action: str, table: str) -> Iterator[dict[str, Any]]:
    """Yield a statement for each table of a statement, without the action for one of them."""
    actions, tables = (_list(statement[name]) for name in ("Action", "Resource"))
    if action not in actions or not any(arn.endswith(f"/{table}") for arn in tables):
        yield statement
        return
    for arn in tables:
        is_table = arn.endswith(f"/{table}")
        remaining = [
            other_action for other_action in actions if not (is_table and other_action == action)
        ]
        if remaining:
            yield statement | {"Action": remaining, "Resource": arn}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("right", NEEDED, ids=" ".join)
def test_a_request_needs_each_right_of_its_function(place: Place, right: Right) -> None:
    ask = NEEDED[right]
    assert ask(place).is_success, ask(place).text
    with without(place, right):
        assert ask(place).status_code == 500
    assert ask(place).is_success


@pytest.mark.parametrize("function", ["Read", "History", "Search"])
@pytest.mark.parametrize("table", [ENCOUNTER, THREAD, RESOURCE, SEARCH, AUDIT])
def test_the_role_of_a_reading_function_cannot_write(
    place: Place, function: str, table: str
) -> None:
    role = physical_id(place.emulator, f"{function}FunctionRole")
    arn = place.emulator.client("iam").get_role(RoleName=role)["Role"]["Arn"]
    session = place.emulator.client("sts").assume_role(RoleArn=arn, RoleSessionName="tried")
    database = boto3.client(
        "dynamodb",
        endpoint_url=place.emulator.url,
        region_name=REGION,
        aws_access_key_id=session["Credentials"]["AccessKeyId"],
        aws_secret_access_key=session["Credentials"]["SecretAccessKey"],
        aws_session_token=session["Credentials"]["SessionToken"],
    )
    name = physical_id(place.emulator, table)
    key = {"pk": {"S": "-#1"}, "sk": {"S": "current"}}
    put = {"Put": {"TableName": name, "Item": key}}
    if table == ENCOUNTER and function != "Search":
        assert "Item" not in database.get_item(TableName=name, Key=key)
    tries: tuple[Callable[[], Any], ...] = (
        lambda: database.put_item(TableName=name, Item=key),
        lambda: database.delete_item(TableName=name, Key=key),
        lambda: database.update_item(TableName=name, Key=key),
        lambda: database.transact_write_items(TransactItems=[put]),
        lambda: database.batch_write_item(RequestItems={name: [{"PutRequest": {"Item": key}}]}),
    )
    for write in tries:
        with pytest.raises(ClientError, match="AccessDenied"):
            write()
