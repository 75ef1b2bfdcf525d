"""The interactions: status codes, headers and effects."""

from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from shared.catalog.types import STORED_TYPES
from shared.fhir import fhirjson
from shared.fhir.validation.validation import issues
from tests.support import care, refusals
from tests.support.api_client import BASE, Answer, ApiClient
from tests.support.consistency import stored_items

pytestmark = pytest.mark.usefixtures("moto")

ENTITY_TAGS = ['W/"1"', '"1"', "1"]
KINDS = ["session", "header", "message"]


def body_of(clinic: ApiClient, kind: str) -> dict[str, Any]:
    if kind == "session":
        return care.session()
    if kind == "header":
        return care.header()
    header_id = clinic.post("/Communication", care.header()).id
    return care.message(header_id, "2026-11-20T09:00:00Z")


@pytest.fixture(params=KINDS)
def created(clinic: ApiClient, request: pytest.FixtureRequest) -> Answer:
    """Create one of each kind of resource and return the answer."""
    body = body_of(clinic, request.param)
    return clinic.post(f"/{body['resourceType']}", body)


def url(created: Answer) -> str:
    return f"/{created.body['resourceType']}/{created.id}"


def changed(created: Answer, status: str = "unknown") -> dict[str, Any]:
    body: dict[str, Any] = created.body
    return body | {"status": status}


def status_patch(value: str = "unknown") -> list[dict[str, str]]:
    return [{"op": "replace", "path": "/status", "value": value}]


def last_modified(answer: Answer) -> datetime:
    return parsedate_to_datetime(answer.headers["Last-Modified"])


def updated(answer: Answer) -> datetime:
    moment = datetime.fromisoformat(answer.body["meta"]["lastUpdated"])
    return moment.replace(microsecond=0)


def test_a_create_returns_the_location_and_version(created: Answer) -> None:
    assert created.status == 201
    assert created.headers["Location"] == f"{BASE}{url(created)}/_history/1"
    assert created.headers["ETag"] == 'W/"1"'
    assert last_modified(created) == updated(created)
    assert created.headers["Content-Type"] == "application/fhir+json; charset=utf-8"
    assert created.version == "1"


def test_a_create_ignores_the_bodys_id_whatever_it_is(clinic: ApiClient) -> None:
    for own in ("mine", "no id at all!", 5, "x" * 65):
        answer = clinic.post("/Encounter", care.session(id=own))
        assert answer.status == 201, answer.text
        assert answer.id != own
    assert clinic.get("/Encounter/mine").status == 404


def test_equal_creates_make_two_resources(clinic: ApiClient, created: Answer) -> None:
    again = clinic.post(f"/{created.body['resourceType']}", created.body)
    assert again.status == 201
    assert again.id != created.id


def test_a_read_returns_what_the_create_returned(clinic: ApiClient, created: Answer) -> None:
    answer = clinic.get(url(created))
    assert answer.status == 200
    assert answer.text == created.text
    for name in ("ETag", "Last-Modified", "Content-Type"):
        assert answer.headers[name] == created.headers[name]
    assert "Location" not in answer.headers


def test_head_has_the_headers_of_get_and_no_body(clinic: ApiClient, created: Answer) -> None:
    for path in (url(created), f"{url(created)}/_history/1", "/metadata"):
        get, head = clinic.get(path), clinic.call("HEAD", path)
        assert (head.status, head.headers, head.text) == (200, get.headers, "")


def test_head_of_a_missing_resource_is_refused_without_a_body(clinic: ApiClient) -> None:
    answer = clinic.call("HEAD", "/Encounter/nowhere")
    assert (answer.status, answer.text) == (404, "")


@pytest.mark.parametrize("tag", ENTITY_TAGS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_resource_the_caller_already_has_is_not_sent_again(
    clinic: ApiClient, method: str, tag: str
) -> None:
    created = clinic.post("/Encounter", care.session())
    answer = clinic.call(method, url(created), if_none_match=tag)
    assert (answer.status, answer.text) == (304, "")
    assert answer.headers["ETag"] == 'W/"1"'
    assert answer.headers["Last-Modified"] == created.headers["Last-Modified"]
    clinic.put(url(created), changed(created))
    assert clinic.call(method, url(created), if_none_match=tag).status == 200


def test_a_named_version_is_not_sent_again_either(clinic: ApiClient) -> None:
    created = clinic.post("/Encounter", care.session())
    clinic.put(url(created), changed(created))
    path = f"{url(created)}/_history/1"
    assert clinic.get(path, if_none_match='W/"1"').status == 304
    assert clinic.get(path, if_none_match='W/"2"').status == 200


def test_an_update_makes_the_next_version(clinic: ApiClient, created: Answer) -> None:
    answer = clinic.put(url(created), changed(created))
    assert answer.status == 200
    assert (answer.version, answer.headers["ETag"]) == ("2", 'W/"2"')
    assert last_modified(answer) == updated(answer)
    assert answer.body["meta"]["lastUpdated"] > created.body["meta"]["lastUpdated"]
    assert "Location" not in answer.headers
    assert clinic.get(url(created)).text == answer.text


@pytest.mark.parametrize("kind", KINDS)
def test_a_put_creates_under_the_clients_own_id(clinic: ApiClient, kind: str) -> None:
    body = body_of(clinic, kind) | {"id": "Own-1.of.a-client"}
    path = f"/{body['resourceType']}/Own-1.of.a-client"
    answer = clinic.put(path, body)
    assert answer.status == 201
    assert answer.headers["Location"] == f"{BASE}{path}/_history/1"
    assert answer.headers["ETag"] == 'W/"1"'
    assert clinic.get(path).text == answer.text
    assert clinic.put(path, changed(answer)).version == "2"
    assert clinic.get(f"{path}/_history/1").text == answer.text


@pytest.mark.parametrize("own", [{}, {"id": "another"}])
def test_a_put_needs_the_id_of_its_url(clinic: ApiClient, own: dict[str, str]) -> None:
    answer = clinic.put("/Encounter/this", care.session(**own))
    refusals.check(answer, 400, "invalid", "Encounter.id")
    assert clinic.get("/Encounter/this").status == 404
    assert clinic.get("/Encounter/another").status == 404


@pytest.mark.parametrize("tag", ENTITY_TAGS)
def test_a_write_succeeds_if_the_version_matches(clinic: ApiClient, tag: str) -> None:
    put, patched, deleted = (clinic.post("/Encounter", care.session()) for _ in range(3))
    assert clinic.put(url(put), changed(put), if_match=tag).status == 200
    assert clinic.patch(url(patched), status_patch(), if_match=tag).status == 200
    assert clinic.administrator.delete(url(deleted), if_match=tag).status == 204


@pytest.mark.parametrize("tag", ['W/"1"', '"1"', "1", 'W/"3"', "x", 'W/"1", W/"3"'])
def test_a_write_is_refused_if_the_version_differs(
    clinic: ApiClient, created: Answer, tag: str
) -> None:
    now = clinic.put(url(created), changed(created))
    before = stored_items()
    for answer in (
        clinic.put(url(created), changed(created, "entered-in-error"), if_match=tag),
        clinic.patch(url(created), status_patch("entered-in-error"), if_match=tag),
        clinic.administrator.delete(url(created), if_match=tag),
    ):
        refusals.check(answer, 412, "conflict")
    assert stored_items() == before
    assert clinic.get(url(created)).text == now.text


@pytest.mark.parametrize("tags", ["*", 'W/"1"', '"7", "1"'])
def test_a_write_is_refused_if_if_none_match_matches(
    clinic: ApiClient, created: Answer, tags: str
) -> None:
    before = stored_items()
    for answer in (
        clinic.put(url(created), changed(created), if_none_match=tags),
        clinic.patch(url(created), status_patch(), if_none_match=tags),
        clinic.administrator.delete(url(created), if_none_match=tags),
    ):
        refusals.check(answer, 412, "conflict")
    assert stored_items() == before
    body = care.session(id="new")
    assert clinic.put("/Encounter/new", body, if_none_match=tags).status == 201
    assert clinic.put("/Encounter/new", body, if_none_match='W/"2"').status == 200


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("tag", ["", " ", '"', 'W/""', ",", "W/"])
def test_a_condition_that_names_no_version_is_refused(
    clinic: ApiClient, created: Answer, header: str, tag: str
) -> None:
    before = stored_items()
    given = {header.lower().replace("-", "_"): tag}
    for answer in (
        clinic.put(url(created), changed(created), **given),
        clinic.patch(url(created), status_patch(), **given),
        clinic.administrator.delete(url(created), **given),
    ):
        refusals.check(answer, 400, "invalid", header)
    assert stored_items() == before


@pytest.mark.parametrize("query", ["_cascade=delete", "identifier=urn:x|1", "_summary=true"])
def test_a_write_of_one_resource_takes_no_query(
    clinic: ApiClient, created: Answer, query: str
) -> None:
    before = stored_items()
    asked = f"{url(created)}?{query}"
    for answer in (
        clinic.put(asked, changed(created)),
        clinic.patch(asked, status_patch()),
        clinic.administrator.delete(asked),
    ):
        refusals.check(answer, 400, "invalid", query.partition("=")[0])
    assert stored_items() == before
    assert clinic.administrator.delete(f"{url(created)}?_format=json").status == 204


def test_if_match_on_a_missing_or_deleted_resource_is_refused(
    clinic: ApiClient, created: Answer
) -> None:
    answer = clinic.put("/Encounter/new", care.session(id="new"), if_match='W/"1"')
    refusals.check(answer, 412, "conflict")
    assert clinic.get("/Encounter/new").status == 404
    clinic.administrator.delete(url(created))
    for tag in ('W/"1"', 'W/"2"'):
        refusals.check(clinic.put(url(created), created.body, if_match=tag), 412, "conflict")
    assert clinic.get(url(created)).status == 410


def test_a_put_that_changes_nothing_writes_nothing(clinic: ApiClient, created: Answer) -> None:
    before = stored_items()
    reordered = dict(reversed(created.body.items()))
    for body in (created.body, reordered, created.body | {"meta": {}, "note": []}):
        answer = clinic.put(url(created), body)
        assert (answer.status, answer.text) == (200, created.text)
        assert answer.headers["ETag"] == 'W/"1"'
    assert stored_items() == before
    clinic.put(url(created), changed(created))
    assert stored_items() != before


def test_a_patch_that_changes_nothing_writes_nothing(clinic: ApiClient, created: Answer) -> None:
    before, status = stored_items(), created.body["status"]
    operations = [{"op": "test", "path": "/status", "value": status}, *status_patch(status)]
    for body in (operations, []):
        answer = clinic.patch(url(created), body)
        assert (answer.status, answer.text) == (200, created.text)
    merge = {"content_type": "application/merge-patch+json"}
    assert clinic.call("PATCH", url(created), {}, **merge).text == created.text
    assert stored_items() == before


def test_a_patch_makes_the_next_version(clinic: ApiClient, created: Answer) -> None:
    operations = [{"op": "test", "path": "/meta/versionId", "value": "1"}, *status_patch()]
    answer = clinic.patch(url(created), operations)
    assert (answer.status, answer.version) == (200, "2")
    assert answer.headers["ETag"] == 'W/"2"'
    assert last_modified(answer) == updated(answer)
    assert answer.body["status"] == "unknown"
    assert clinic.get(url(created)).text == answer.text


def test_a_patch_whose_test_fails_changes_nothing(clinic: ApiClient, created: Answer) -> None:
    operations = [*status_patch(), {"op": "test", "path": "/meta/versionId", "value": "2"}]
    before = stored_items()
    answer = clinic.patch(url(created), operations)
    expression = f"{created.body['resourceType']}.meta.versionId"
    refusals.check(answer, 400, "invalid", expression)
    assert stored_items() == before


@pytest.mark.parametrize("name", ["id", "resourceType"])
def test_a_patch_cannot_make_another_resource(clinic: ApiClient, name: str) -> None:
    created = clinic.post("/Encounter", care.session())
    value = "Communication" if name == "resourceType" else "another"
    operations = [{"op": "replace", "path": f"/{name}", "value": value}]
    refusals.check(clinic.patch(url(created), operations), 400, "invalid", f"Encounter.{name}")
    merge = clinic.call("PATCH", url(created), {name: value}, content_type="application/json")
    refusals.check(merge, 400, "invalid", f"Encounter.{name}")
    assert clinic.get(url(created)).text == created.text


def test_the_result_of_a_patch_is_validated(clinic: ApiClient) -> None:
    created = clinic.post("/Encounter", care.session())
    answer = clinic.patch(url(created), [{"op": "remove", "path": "/class"}])
    refusals.check(answer, 400, "required", "Encounter.class")
    assert clinic.get(url(created)).text == created.text


def test_a_patch_needs_something_to_change(clinic: ApiClient) -> None:
    refusals.check(clinic.patch("/Encounter/nowhere", status_patch()), 404, "not-found")
    created = clinic.post("/Encounter", care.session())
    clinic.administrator.delete(url(created))
    refusals.check(clinic.patch(url(created), status_patch()), 410, "deleted")


@pytest.mark.parametrize(
    "content_type",
    ["application/merge-patch+json", "application/json", "application/json; charset=utf-8"],
)
def test_a_merge_patch_changes_sets_and_removes(clinic: ApiClient, content_type: str) -> None:
    created = clinic.post("/Encounter", care.session(period={"start": "2026-11-20"}))
    merge = {"status": "onleave", "subject": None, "period": {"end": "2026-11-21"}}
    answer = clinic.call("PATCH", url(created), merge, content_type=content_type)
    assert (answer.status, answer.version) == (200, "2")
    assert answer.body["status"] == "onleave"
    assert "subject" not in answer.body
    assert answer.body["period"] == {"start": "2026-11-20", "end": "2026-11-21"}
    assert answer.body["participant"] == created.body["participant"]


def test_a_deleted_resource_is_gone_but_its_versions_remain(
    clinic: ApiClient, created: Answer
) -> None:
    answer = clinic.administrator.delete(url(created))
    assert (answer.status, answer.text) == (204, "")
    refusals.check(clinic.get(url(created)), 410, "deleted")
    refusals.check(clinic.get(f"{url(created)}/_history/2"), 410, "deleted")
    assert clinic.call("HEAD", url(created)).status == 410
    assert clinic.get(f"{url(created)}/_history/1").text == created.text
    assert clinic.get(f"{url(created)}/_history").body["total"] == 2
    resource_type, own_id = url(created).split("/")[1:]
    assert clinic.get(f"/{resource_type}?_id={own_id}").ids == []


def test_deleting_a_deleted_or_missing_resource_writes_nothing(
    clinic: ApiClient, created: Answer
) -> None:
    clinic.administrator.delete(url(created))
    before = stored_items()
    for path in (url(created), "/Encounter/nowhere", "/Communication/nowhere"):
        answer = clinic.administrator.delete(path)
        assert (answer.status, answer.text) == (204, "")
    assert stored_items() == before
    assert clinic.get("/Encounter/nowhere").status == 404


def test_put_brings_a_deleted_resource_back(clinic: ApiClient, created: Answer) -> None:
    clinic.administrator.delete(url(created))
    answer = clinic.put(url(created), created.body)
    assert answer.status == 201
    assert answer.headers["Location"] == f"{BASE}{url(created)}/_history/3"
    assert (answer.version, answer.headers["ETag"]) == ("3", 'W/"3"')
    assert clinic.get(url(created)).text == answer.text
    assert clinic.get(f"{url(created)}/_history/2").status == 410
    resource_type, own_id = url(created).split("/")[1:]
    assert clinic.get(f"/{resource_type}?_id={own_id}").ids == [own_id]


def test_deletion_keeps_resources_that_refer_to_the_deleted_one(clinic: ApiClient) -> None:
    session = clinic.post("/Encounter", care.session())
    child = clinic.post("/Encounter", care.medical_encounter(session.id, care.HOMER))
    encounter = care.reference(f"Encounter/{session.id}")
    header = clinic.post("/Communication", care.header(encounter=encounter))
    clinic.administrator.delete(url(session))
    assert clinic.get(url(child)).text == child.text
    assert clinic.get(url(header)).text == header.text


def test_every_version_can_be_read(clinic: ApiClient, created: Answer) -> None:
    second = clinic.put(url(created), changed(created))
    third = clinic.patch(url(created), status_patch("entered-in-error"))
    for number, written in enumerate((created, second, third), start=1):
        answer = clinic.get(f"{url(created)}/_history/{number}")
        assert (answer.status, answer.text) == (200, written.text)
        assert answer.headers["ETag"] == f'W/"{number}"'
        assert answer.headers["Last-Modified"] == written.headers["Last-Modified"]


@pytest.mark.parametrize("version", ["0", "2", "01", "x", "1.0", "9" * 60])
def test_a_version_that_never_existed_is_not_found(clinic: ApiClient, version: str) -> None:
    created = clinic.post("/Encounter", care.session())
    answer = clinic.get(f"{url(created)}/_history/{version}")
    refusals.check(answer, 404, "not-found")
    assert created.version == "1"


def test_a_resource_that_never_existed_is_not_found(clinic: ApiClient) -> None:
    for path in ("Encounter/nowhere", "Communication/nowhere", "Encounter/nowhere/_history/1"):
        refusals.check(clinic.get(f"/{path}"), 404, "not-found")
    session = clinic.post("/Encounter", care.session())
    refusals.check(clinic.get(f"/Communication/{session.id}"), 404, "not-found")


def test_a_write_honours_the_return_preference(clinic: ApiClient) -> None:
    minimal = clinic.post("/Encounter", care.session(), prefer="return=minimal")
    assert (minimal.status, minimal.text) == (201, "")
    path = minimal.headers["Location"].removeprefix(BASE).removesuffix("/_history/1")
    stored = clinic.get(path)
    outcome = clinic.put(path, changed(stored), prefer="return=OperationOutcome")
    assert outcome.status == 200
    assert outcome.body["issue"][0]["severity"] == "information"
    whole = clinic.patch(path, status_patch("onleave"), prefer="return=representation")
    assert whole.body["status"] == "onleave"


def test_metadata_is_public() -> None:
    answer = ApiClient(role="nobody").get("/metadata")
    assert answer.status == 200
    assert issues(fhirjson.loads(answer.text), "CapabilityStatement") == []
    assert answer.body["fhirVersion"] == "4.0.1"
    (rest,) = answer.body["rest"]
    *written, files, read = rest["resource"]
    assert [resource["type"] for resource in written] == [*STORED_TYPES]
    assert files["type"] == "Binary"
    assert read["type"] == "AuditEvent"
    for resource in written:
        assert {row["code"] for row in resource["interaction"]} == {
            "create",
            "read",
            "vread",
            "update",
            "patch",
            "delete",
            "history-instance",
            "search-type",
        }
        assert resource["updateCreate"] is True
