"""Calls of DynamoDB are written, signed and parsed as botocore itself does it."""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import botocore.session
import pytest
from botocore import auth, parsers
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.store import dynamodb, protocol
from shared.store.protocol import Parser

SESSION = botocore.session.Session()
MODEL = SESSION.get_service_model("dynamodb")
BINARY = st.binary().map(lambda content: b64encode(content).decode())
# DynamoDB sends texts as UTF-8, which has no lone surrogates.
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBER = st.decimals(allow_nan=False, allow_infinity=False).map(str)


def of_kind(kind: str, content: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return content.map(lambda value: {kind: value})


SCALARS = st.one_of(
    of_kind("S", TEXT),
    of_kind("N", NUMBER),
    of_kind("B", BINARY),
    of_kind("BOOL", st.booleans()),
    of_kind("NULL", st.just(value=True)),
    of_kind("SS", st.lists(TEXT, min_size=1, unique=True)),
    of_kind("NS", st.lists(NUMBER, min_size=1, unique=True)),
    of_kind("BS", st.lists(BINARY, min_size=1, unique=True)),
)
VALUES = st.recursive(
    SCALARS,
    lambda values: st.one_of(
        of_kind("L", st.lists(values)), of_kind("M", st.dictionaries(TEXT, values))
    ),
    max_leaves=4,
)
ITEMS = st.dictionaries(TEXT, VALUES, max_size=4)
NAME = st.sampled_from(["encounters", "threads"])
CAPACITY = {"TableName": "t", "CapacityUnits": 0.5, "Unknown": 1, "Table": None}
RESPONSES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "GetItem": st.fixed_dictionaries(
        {"ConsumedCapacity": st.just(CAPACITY)}, optional={"Item": ITEMS}
    ),
    "Query": st.fixed_dictionaries(
        {"Items": st.lists(ITEMS, max_size=3), "Count": st.integers(0, 2**40)},
        optional={"LastEvaluatedKey": ITEMS},
    ),
    "Scan": st.fixed_dictionaries(
        {"Items": st.lists(ITEMS, max_size=3), "ScannedCount": st.integers(0, 9)}
    ),
    "BatchGetItem": st.fixed_dictionaries(
        {
            "Responses": st.dictionaries(NAME, st.lists(ITEMS, max_size=3)),
            "UnprocessedKeys": st.dictionaries(
                NAME,
                st.fixed_dictionaries(
                    {"Keys": st.lists(ITEMS, max_size=3), "ConsistentRead": st.booleans()}
                ),
            ),
            "ConsumedCapacity": st.just([CAPACITY]),
        }
    ),
    "BatchWriteItem": st.fixed_dictionaries(
        {
            "UnprocessedItems": st.dictionaries(
                NAME,
                st.lists(
                    st.fixed_dictionaries({"PutRequest": st.fixed_dictionaries({"Item": ITEMS})})
                ),
            )
        }
    ),
    "TransactWriteItems": st.just({"ConsumedCapacity": [CAPACITY]}),
    "UpdateItem": st.fixed_dictionaries({"Attributes": ITEMS}),
}


def parsed_by(parser: Any, operation: str, body: bytes, status: int = 200) -> str:
    """Return what a parser makes of a response, as text, so that the order of keys counts."""
    headers = {"x-amzn-RequestId": "r", "x-amzn-requestid": "r", "Content-Type": "application/json"}
    response = {"status_code": status, "headers": headers, "body": body, "context": {}}
    return repr(parser.parse(response, MODEL.operation_model(operation).output_shape))


def assert_parsed_alike(operation: str, body: bytes, status: int = 200) -> None:
    ours = parsed_by(Parser(), operation, body, status)
    assert ours == parsed_by(parsers.JSONParser(), operation, body, status)


@pytest.mark.parametrize("operation", RESPONSES)
@settings(max_examples=25, deadline=None, suppress_health_check=HealthCheck)
@given(data=st.data())
def test_a_response_is_parsed_as_botocore_parses_it(operation: str, data: st.DataObject) -> None:
    answer = data.draw(RESPONSES[operation])
    assert_parsed_alike(operation, json.dumps(answer).encode())
    assert_parsed_alike(operation, json.dumps(answer, ensure_ascii=False).encode())


REASONS = [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": {"d": {"B": "AAE="}}}]
CANCELLED = {
    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "Message": "Transaction cancelled [None, ConditionalCheckFailed]",
    "CancellationReasons": REASONS,
}
ERRORS = {
    "cancelled": (400, json.dumps(CANCELLED).encode()),
    "throttled": (400, b'{"__type":"a#ThrottlingException","message":"Slow down"}'),
    "failed": (500, b'{"__type":"InternalServerError"}'),
    "html": (503, b"<html><body>Service Unavailable</body></html>"),
    "empty": (500, b""),
    "no JSON": (400, b"Bad Request"),
}


@pytest.mark.parametrize(("status", "body"), ERRORS.values(), ids=ERRORS)
def test_an_error_is_parsed_as_botocore_parses_it(status: int, body: bytes) -> None:
    assert_parsed_alike("TransactWriteItems", body, status)


def test_the_items_of_a_cancelled_transaction_are_parsed_as_botocore_parses_them() -> None:
    shape = MODEL.shape_for("TransactionCanceledException")
    response = {"status_code": 400, "headers": {}, "body": ERRORS["cancelled"][1], "context": {}}
    ours = Parser().parse(response, shape)
    assert ours == parsers.JSONParser().parse(response, shape)
    assert ours["CancellationReasons"][1]["Item"] == {"d": {"B": b"\x00\x01"}}


@pytest.mark.parametrize("body", [b"", b"{}", b'{"Item":{}}', b'{"Item":null}', b"not JSON"])
def test_a_response_without_an_item_is_parsed_as_botocore_parses_it(body: bytes) -> None:
    assert_parsed_alike("GetItem", body)


@pytest.mark.parametrize("text", [rb"\ud800", "Zürich 🏥".encode(), rb"\u0000\/"])
def test_a_text_is_parsed_as_botocore_parses_it(text: bytes) -> None:
    assert_parsed_alike("GetItem", b'{"Item":{"a":{"S":"%s"},"b":{"B":"AA=="}}}' % text)


# ---- Requests ----------------------------------------------------------------------------------


def unpacked(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item as a client's method takes it, with its binary values as bytes."""
    body = json.dumps({"Item": item}).encode()
    content = protocol.parse(MODEL.operation_model("GetItem"), answered(body))
    return dict(content["Item"])


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"):
        monkeypatch.setenv(f"AWS_{name}", name.lower())


def client(session: Any = None, **options: Any) -> Any:
    session = session or botocore.session.Session()
    # It keeps what it has parsed.
    session.register_component("data_loader", SESSION.get_component("data_loader"))
    protocol.use(session)
    options = {"region_name": "eu-central-1"} | options
    return session.create_client("dynamodb", config=dynamodb.CONFIG, **options)


def sent(speaker: Any, call: Callable[[Any], Any]) -> Any:
    """Return the request that a client sends for a call."""
    requests = []

    def answer(request: Any, **_: Any) -> AWSResponse:
        requests.append(request)
        return answered(b"{}")

    speaker.meta.events.register("before-send.dynamodb", answer)
    call(speaker)
    return requests[0]


class _Body:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def stream(self) -> Iterator[bytes]:
        yield self.content


def answered(body: bytes, status: int = 200) -> AWSResponse:
    return AWSResponse("https://x", status, HTTPHeaders(), _Body(body))


@pytest.mark.usefixtures("credentials")
@settings(max_examples=50, deadline=None, suppress_health_check=HealthCheck)
@given(item=ITEMS)
def test_a_request_has_the_content_that_botocore_gives_it(item: dict[str, Any]) -> None:
    item = unpacked(item)
    put = {"TableName": "t", "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    parameters = {"TransactItems": [{"Put": put}], "ClientRequestToken": "1"}
    ours = sent(client(), lambda speaker: speaker.transact_write_items(**parameters))
    model = MODEL.operation_model("TransactWriteItems")
    theirs = create_serializer("json", include_validation=False).serialize_to_request(
        parameters, model
    )
    assert json.loads(ours.body) == json.loads(theirs["body"])
    headers = {name.lower(): value for name, value in theirs["headers"].items()}
    assert headers.items() <= ours.headers.items()
    assert ours.headers["user-agent"] == "async-encounters"


ENDPOINTS = ["https://dynamodb.eu-central-1.amazonaws.com/", "http://127.0.0.1:4566/"]


@pytest.mark.parametrize("token", [None, "FwoGZXIvYXdzEBYa//////////"])
@pytest.mark.parametrize("url", ENDPOINTS)
def test_a_request_has_the_signature_that_botocore_gives_it(url: str, token: str | None) -> None:
    credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token)
    headers, body = {"content-type": "a", "x-amz-target": "b.C", "user-agent": "d"}, b'{"A":"\xc3"}'
    protocol.sign(url, headers, body, credentials.get_frozen_credentials(), "eu-central-1")
    given = {name: headers[name] for name in ("content-type", "x-amz-target", "user-agent")}
    request = AWSRequest("POST", url, given, body)
    signer = auth.SigV4Auth(credentials, "dynamodb", "eu-central-1")
    request.context["timestamp"] = headers["x-amz-date"]
    if token:
        request.headers["X-Amz-Security-Token"] = token
    request.headers["X-Amz-Date"] = headers["x-amz-date"]
    text = signer.string_to_sign(request, signer.canonical_request(request))
    assert headers["authorization"].endswith(f"Signature={signer.signature(text, request)}")
    assert f"Credential={signer.scope(request)}, " in headers["authorization"]
    signed = signer.signed_headers(signer.headers_to_sign(request))
    assert f"SignedHeaders={signed}, " in headers["authorization"]
    assert headers.get("x-amz-security-token") == token


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(
    ("region", "variant"),
    [
        *((region, {}) for region in ("us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1")),
        ("us-east-1", {"AWS_USE_FIPS_ENDPOINT": "true"}),
        ("us-east-1", {"AWS_USE_DUALSTACK_ENDPOINT": "true"}),
        ("us-east-1", {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}),
        ("us-east-1", {"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:4566/"}),
    ],
)
def test_a_request_goes_where_botocore_sends_it(
    region: str, variant: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variant.items():
        monkeypatch.setenv(name, value)
    theirs = botocore.session.Session().create_client("dynamodb", region)
    urls = [
        sent(speaker, lambda speaker: speaker.list_tables()).url
        for speaker in (client(region_name=region), theirs)
    ]
    assert urls[0] == urls[1]


@pytest.mark.usefixtures("credentials")
def test_credentials_that_change_are_used_by_the_next_call() -> None:
    session: Any = botocore.session.Session()
    speaker = client(session)
    before = sent(speaker, lambda speaker: speaker.list_tables()).headers["authorization"]
    session.get_credentials().access_key = "RENEWED"
    after = sent(speaker, lambda speaker: speaker.list_tables()).headers["authorization"]
    assert re.findall("Credential=([a-zA-Z_]+)/", before + after) == ["access_key_id", "RENEWED"]


def test_a_call_without_credentials_is_refused_before_it_is_sent() -> None:
    session = botocore.session.Session()
    session.get_component("credential_provider").providers.clear()
    with pytest.raises(NoCredentialsError):
        client(session).list_tables()


@pytest.mark.usefixtures("credentials")
def test_an_error_has_the_class_and_the_fields_that_botocore_gives_it() -> None:
    speaker = client()
    speaker.meta.events.register(
        "before-send.dynamodb", lambda **_: answered(ERRORS["cancelled"][1], 400)
    )
    with pytest.raises(speaker.exceptions.TransactionCanceledException) as raised:
        speaker.transact_write_items(TransactItems=[])
    error = raised.value
    assert isinstance(error, ClientError)
    assert error.operation_name == "TransactWriteItems"
    assert error.response["Error"]["Code"] == "TransactionCanceledException"
    assert error.response["CancellationReasons"][1]["Item"] == {"d": {"B": b"\x00\x01"}}


@contextmanager
def server(status: int, body: bytes) -> Iterator[tuple[str, list[Any]]]:
    """Answer one request. Yield the URL and the requests that came."""
    came: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            came.append((self.path, dict(self.headers), self.rfile.read(length)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        Thread(target=listening.handle_request, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}", came


@pytest.mark.usefixtures("credentials")
def test_a_call_goes_over_http_with_each_header_once() -> None:
    with server(200, b'{"Item":{"a":{"B":"AAE="}}}') as (url, came):
        answer = client(endpoint_url=url).get_item(TableName="t", Key={"pk": {"S": "é"}})
    assert answer["Item"] == {"a": {"B": b"\x00\x01"}}
    ((path, headers, body),) = came
    assert (path, json.loads(body)) == ("/", {"TableName": "t", "Key": {"pk": {"S": "é"}}})
    assert headers["host"] == url.removeprefix("http://")
    assert sorted(map(str.lower, headers)) == [
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-target",
    ]


@pytest.mark.usefixtures("credentials")
def test_a_call_is_made_once_and_its_caller_learns_of_the_failure() -> None:
    with server(503, b"<html>") as (url, came), pytest.raises(ClientError) as raised:
        client(endpoint_url=url).get_item(TableName="t", Key={"pk": {"S": "1"}})
    assert len(came) == 1
    assert raised.value.response["Error"]["Code"] in dynamodb.UNKNOWN_OUTCOME_CODES


def test_the_session_of_the_store_makes_such_clients() -> None:
    made = dynamodb.session().create_client("dynamodb", "eu-central-1")
    assert isinstance(made, protocol.Calls)
