"""Random trees of the parts of mails, most of them broken in some way."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

types = st.sampled_from(
    [
        *("text/plain", "text/html", "text/calendar", "image/png", "application/octet-stream"),
        *("message/rfc822", "message/delivery-status", "message/partial", "application/ms-tnef"),
        *("multipart/mixed", "multipart/alternative", "multipart/related", "multipart/signed"),
        *(
            "multipart/digest",
            "multipart",
            "/",
            "text/plain; charset=x",
            "text/plain; format=flowed",
        ),
    ]
)
dispositions = st.sampled_from(
    [
        *("", "inline", "attachment", "attachment; filename=a.txt", "attachment; filename*0*=x"),
        *("inline; filename*=utf-8''%2e%2e%2fa", 'attachment; filename="=?utf-8?q?=0A?="', ";;="),
    ]
)
encodings = st.sampled_from(["", "7bit", "8bit", "base64", "quoted-printable", "x-uuencode", "=?"])
contents = st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode))


@st.composite
def leaves(draw: Callable[..., Any]) -> bytes:
    return _part(draw, draw(contents))


def _part(draw: Callable[..., Any], content: bytes, boundary: str = "") -> bytes:
    parameter = f"; boundary={boundary}" if boundary else ""
    head = (
        f"Content-Type: {draw(types)}{parameter}\n"
        f"Content-Disposition: {draw(dispositions)}\n"
        f"Content-Transfer-Encoding: {draw(encodings)}\n\n"
    )
    return head.encode() + content


@st.composite
def multiparts(draw: Callable[..., Any], inner: st.SearchStrategy[bytes]) -> bytes:
    boundary = draw(st.sampled_from(["a", "b", "a b", "=_x", '"q"']))
    parts = draw(st.lists(inner, max_size=4))
    delimited = b"".join(f"\n--{boundary}\n".encode() + part for part in parts)
    end = draw(st.sampled_from([f"\n--{boundary}--\n", "\n", ""])).encode()
    return _part(draw, delimited + end, boundary)


trees = st.recursive(leaves(), multiparts, max_leaves=12)
