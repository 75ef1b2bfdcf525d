"""The parser of responses: botocore's own, except for its steps for JSON and for items.

botocore looks up each attribute of each item in the service's model, which took most of the CPU of
a page. The ten types of a value are DynamoDB's, so that only binary values need a step here.
"""

from binascii import a2b_base64
from typing import Any

import orjson
from botocore import parsers

# Types whose content is in JSON as it is in Python. Numbers are strings.
_PLAIN = frozenset({"S", "N", "BOOL", "NULL", "SS", "NS"})


class Factory(parsers.ResponseParserFactory):
    """botocore's component that makes parsers."""

    def create_parser(self, protocol_name: str) -> Any:
        """Return the parser of a protocol."""
        return Parser() if protocol_name == "json" else super().create_parser(protocol_name)


class Parser(parsers.JSONParser):
    """A parser of the protocol that DynamoDB speaks. Errors and metadata are left to botocore."""

    def _parse_body_as_json(self, body_contents: bytes) -> Any:
        try:
            return orjson.loads(body_contents)
        except orjson.JSONDecodeError:
            return super()._parse_body_as_json(body_contents)  # type: ignore[misc]

    def _handle_map(self, shape: Any, value: Any) -> Any:
        if shape.value.name != "AttributeValue":
            return super()._handle_map(shape, value)  # type: ignore[misc]
        return _decode_item(value)


def _decode_item(item: dict[str, Any]) -> dict[str, Any]:
    """Decode the binary values of an item or map, in place."""
    for name, value in item.items():
        [kind] = value
        if kind not in _PLAIN:
            item[name] = _decoded(kind, value[kind])
    return item


def _decoded(kind: str, content: Any) -> dict[str, Any]:
    """Return a value with its binary content as bytes."""
    match kind:
        case "B":
            content = a2b_base64(content)
        case "BS":
            content = [a2b_base64(binary) for binary in content]
        case "M":
            content = _decode_item(content)
        case "L":
            content = [_decoded(*member) for value in content for member in value.items()]
    return {kind: content}
