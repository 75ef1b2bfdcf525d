"""DynamoDB's protocol: its requests are written, signed and read here instead of by botocore.

botocore serves every service: it looks each attribute up in the service's model, and chooses the
endpoint and the signer anew for each call, which took most of a request's CPU. Here a request is
the JSON of its parameters, sent to the endpoint of the client. A call is made once, because its
callers know which calls may be repeated. All else is botocore's: the client and its configuration,
credentials, connections, errors, and the events before-parameter-build, before-call, before-send
and after-call.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
"""

import time
from binascii import a2b_base64, b2a_base64
from functools import lru_cache
from hashlib import sha256
from hmac import digest
from typing import Any
from urllib.parse import urlsplit

import orjson
from botocore import parsers
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import NoCredentialsError
from botocore.hooks import first_non_none_response

_SIGNED = ("content-type", "host", "x-amz-date", "x-amz-security-token", "x-amz-target")


def use(session: Any) -> None:
    """Make the clients for DynamoDB of a botocore session speak by this module."""

    def extend(base_classes: list[type], class_attributes: dict[str, Any], **_: Any) -> None:
        base_classes.insert(0, Calls)
        class_attributes["credentials"] = session.get_credentials

    session.register("creating-client-class.dynamodb", extend)


class Calls:
    """The base of a botocore client that makes its calls."""

    meta: Any
    exceptions: Any
    credentials: Any
    _endpoint: Any

    def _make_api_call(self, operation_name: str, api_params: dict[str, Any]) -> dict[str, Any]:
        """Make a call, as each method of a client does. Raises ClientError and BotoCoreError."""
        emit, context = self.meta.events.emit, dict[str, Any]()
        model = self.meta.service_model.operation_model(operation_name)
        name, common = f"dynamodb.{operation_name}", {"model": model, "context": context}
        emit(f"before-parameter-build.{name}", params=api_params, **common)
        request = self._request(operation_name, api_params)
        emit(f"before-call.{name}", params={"headers": request.headers}, **common)
        answered = first_non_none_response(emit(f"before-send.{name}", request=request))
        response = answered or self._endpoint.http_session.send(request)
        parsed = parse(model, response)
        emit(f"after-call.{name}", http_response=response, parsed=parsed, **common)
        if "Error" in parsed:
            raise self.exceptions.from_code(parsed["Error"]["Code"])(parsed, operation_name)
        return parsed

    def _request(self, operation: str, parameters: dict[str, Any]) -> AWSPreparedRequest:
        body = orjson.dumps(parameters, default=_base64, option=orjson.OPT_PASSTHROUGH_DATETIME)
        frozen, url = self.credentials(), f"{self.meta.endpoint_url.rstrip('/')}/"
        if frozen is None:
            raise NoCredentialsError
        headers: Any = {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": f"DynamoDB_20120810.{operation}",
            "user-agent": self.meta.config.user_agent,
        }
        sign(url, headers, body, frozen.get_frozen_credentials(), self.meta.region_name)
        return AWSPreparedRequest("POST", url, headers, body, stream_output=False)


def _base64(content: bytes) -> str:
    return b2a_base64(content, newline=False).decode()


def sign(url: str, headers: dict[str, str], body: bytes, credentials: Any, region: str) -> None:
    """Add the headers of a signature of version 4, whose time is now.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    parts, moment = urlsplit(url), time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers |= {"host": parts.netloc, "x-amz-date": moment}
    if credentials.token:
        headers["x-amz-security-token"] = credentials.token
    names = [name for name in _SIGNED if name in headers]
    lines = "".join(f"{name}:{headers[name]}\n" for name in names)
    signed = ";".join(names)
    request = f"POST\n{parts.path}\n\n{lines}\n{signed}\n{sha256(body).hexdigest()}"
    scope = f"{moment[:8]}/{region}/dynamodb/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{sha256(request.encode()).hexdigest()}"
    signature = digest(_key(credentials.secret_key, scope), text.encode(), "sha256").hex()
    credential = f"{credentials.access_key}/{scope}"
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature={signature}"
    )


# The key is the same for a day, unless the credentials change.
@lru_cache(maxsize=1)
def _key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = digest(key, part.encode(), "sha256")
    return key


def parse(model: Any, response: Any) -> dict[str, Any]:
    """Return the content of a response to an operation, or its error."""
    received = {
        "status_code": response.status_code,
        "headers": response.headers,
        "body": response.content,
        "context": {"operation_name": model.name},
    }
    parsed: dict[str, Any] = _PARSER.parse(received, model.output_shape)
    if "Error" in parsed:
        shape = model.service_model.shape_for_error_code(parsed["Error"]["Code"])
        parsed |= _PARSER.parse(received, shape) if shape else {}
    return parsed


class Parser(parsers.JSONParser):
    """A parser of the protocol that DynamoDB speaks. Errors and metadata are left to botocore."""

    def _parse_body_as_json(self, body_contents: bytes) -> Any:
        try:
            return orjson.loads(body_contents)
        except orjson.JSONDecodeError:
            return super()._parse_body_as_json(body_contents)  # type: ignore[misc]

    def _handle_map(self, shape: Any, value: Any) -> Any:
        if not _is_item(shape):
            return super()._handle_map(shape, value)  # type: ignore[misc]
        _decode_item(value)
        return value

    def _handle_list(self, shape: Any, node: Any) -> Any:
        if not _is_item(shape.member):
            return super()._handle_list(shape, node)  # type: ignore[misc]
        for item in node:
            _decode_item(item)
        return node


def _is_item(shape: Any) -> bool:
    return shape.type_name == "map" and bool(shape.value.name == "AttributeValue")


def _decode_item(item: dict[str, dict[str, Any]]) -> None:
    """Decode the binary values of an item, in place. All else is in JSON as it is in Python."""
    for value in item.values():
        _decode(value)


def _decode(value: dict[str, Any]) -> None:
    if "B" in value:
        value["B"] = a2b_base64(value["B"])
    elif "S" in value or "N" in value:
        return
    elif "BS" in value:
        value["BS"] = [a2b_base64(content) for content in value["BS"]]
    elif "M" in value:
        _decode_item(value["M"])
    elif "L" in value:
        for member in value["L"]:
            _decode(member)


_PARSER = Parser()
