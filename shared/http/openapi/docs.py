"""The API reference as an HTML page, generated from OpenAPI, without scripts or other files."""

from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from html import escape
from typing import Any

import orjson

from shared.http.openapi.document import AdditionalApi, openapi_document
from shared.http.openapi.schemas import Json

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{font-family:ui-monospace,monospace;font-size:.875em}"
    "pre{background:#f4f4f6;padding:.75rem;overflow-x:auto}"
    "summary{cursor:pointer;padding:.25rem 0}"
    "table{border-collapse:collapse}td,th{text-align:left;padding:.125rem .75rem .125rem 0;"
    "vertical-align:top}"
)
POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@cache
def page(base: str, addition: AdditionalApi) -> bytes:
    """Return the HTML page about the API at `base` and the one beside it."""
    api = openapi_document(base, addition)
    title = escape(api["info"]["title"])
    body = "\n".join(_sections(api))
    links = f'<a href="{escape(base)}/openapi.json">OpenAPI</a>'
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n'
        f"<body><h1>{title}</h1><p>{escape(api['info']['summary'])}. {links},"
        f' <a href="{escape(base)}/metadata">CapabilityStatement</a>.'
        f" Base: <code>{escape(base)}</code></p>\n{body}\n</body></html>\n"
    ).encode()


def _sections(api: Json) -> Iterator[str]:
    for tag in api["tags"]:
        yield f"<h2>{escape(tag['name'])}</h2>"
        for path, methods in api["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation["tags"] and method != "head":
                    yield _operation(method.upper(), path, operation)
    yield "<h2>Schemas</h2>"
    for name, schema in api["components"]["schemas"].items():
        shown = _pre(schema)
        yield f'<details id="{escape(name)}"><summary>{escape(name)}</summary>{shown}</details>'


def _operation(method: str, path: str, operation: Json) -> str:
    parts = [f"<p>{escape(operation['description'])}</p>"]
    parts += _parameters(operation.get("parameters", ()))
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<p>Body: <code>{escape(media)}</code> {_schema(content)}</p>")
        if "example" in content:
            parts.append(_pre(content["example"]))
    parts.append(_table("Answer", [*_answers(operation["responses"])]))
    head = f"<code>{method} {escape(path)}</code> {escape(operation['summary'])}"
    return f"<details><summary>{head}</summary>{''.join(parts)}</details>"


def _parameters(rows: Any) -> Iterator[str]:
    if rows:
        yield _table(
            "Parameter",
            [
                (
                    f"<code>{escape(row['name'])}</code> ({row['in']})",
                    escape(row.get("description", "")),
                    f"<code>{escape(str(row.get('example', '')))}</code>",
                )
                for row in rows
            ],
        )


def _answers(responses: Json) -> Iterator[tuple[str, ...]]:
    for status, answer in responses.items():
        contents = [_schema(content) for content in answer.get("content", {}).values()]
        refusal = _refusal(answer["$ref"]) if "$ref" in answer else ""
        yield status, escape(answer.get("description", refusal)), " ".join(contents)


def _refusal(reference: str) -> str:
    document = "a problem document" if reference.endswith("/Problem") else "an OperationOutcome"
    return f"Refused with {document}"


def _schema(content: Json) -> str:
    """Return links to the schemas of a body."""
    schema = content.get("schema", {})
    alternatives = schema.get("anyOf", [schema])
    references = [schema["$ref"] for schema in alternatives if "$ref" in schema]
    names = (escape(reference.rpartition("/")[2]) for reference in references)
    return " or ".join(f'<a href="#{name}">{name}</a>' for name in names)


def _table(head: str, rows: list[tuple[str, ...]]) -> str:
    cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr><th>{head}</th></tr>{cells}</table>"


def _pre(value: Any) -> str:
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return f"<pre>{escape(text)}</pre>"
