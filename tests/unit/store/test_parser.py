"""Responses are parsed as botocore itself parses them."""

import json
from base64 import b64encode
from typing import Any

import botocore.session
import pytest
from botocore import parsers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.store import dynamodb
from shared.store.parser import Factory, Parser

MODEL = botocore.session.Session().get_service_model("dynamodb")
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


def test_other_protocols_have_the_parsers_of_botocore() -> None:
    assert type(Factory().create_parser("rest-xml")) is parsers.RestXMLParser


def test_the_session_of_the_store_makes_these_parsers() -> None:
    factory = dynamodb.session().get_component("response_parser_factory")
    assert type(factory.create_parser("json")) is Parser
