"""Signatures of webhooks, beside Twilio's own library."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from shared.channels.inbound import twilio

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=200)
FIELDS = st.lists(st.tuples(NAMES, TEXTS), max_size=12)
TOKENS = st.text(min_size=1, max_size=40, alphabet="0123456789abcdef")
PATHS = st.lists(st.text(min_size=1, max_size=10), max_size=4).map(
    lambda parts: "".join(f"/{quote(part, safe='')}" for part in parts)
)


class MultiDict(dict[str, list[str]]):
    """Fields of which a name may occur several times, as the library reads them of Django."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


def multi_dict(fields: list[tuple[str, str]]) -> MultiDict:
    grouped = MultiDict()
    for name, value in fields:
        grouped.setdefault(name, []).append(value)
    return grouped


@st.composite
def urls(draw: st.DrawFn) -> str:
    scheme = draw(st.sampled_from(["https", "http"]))
    host = draw(st.sampled_from(["api.example.org", "127.0.0.1", "xn--bcher-kva.example"]))
    port = draw(st.sampled_from(["", ":443", ":80", ":8443", ":4566"]))
    return f"{scheme}://{host}{port}{draw(PATHS)}"


@given(token=TOKENS, url=urls(), fields=FIELDS)
def test_a_signature_is_the_librarys(token: str, url: str, fields: list[tuple[str, str]]) -> None:
    library = RequestValidator(token)
    expected = library.compute_signature(url, multi_dict(fields))
    assert twilio.signature(token, url, fields) == expected
    assert twilio.is_signed(token, url, fields, expected)


@given(token=TOKENS, url=urls(), fields=FIELDS, signed=urls())
def test_it_is_taken_where_the_library_takes_it(
    token: str, url: str, fields: list[tuple[str, str]], signed: str
) -> None:
    library = RequestValidator(token)
    for signature in (library.compute_signature(signed, multi_dict(fields)), "", "é"):
        if signature.isascii():
            expected = library.validate(url, multi_dict(fields), signature)
        else:
            expected = False
        assert twilio.is_signed(token, url, fields, signature) is expected


@given(token=TOKENS, url=urls(), fields=FIELDS, data=st.data())
def test_whatever_changes_the_signature_is_another(
    token: str, url: str, fields: list[tuple[str, str]], data: st.DataObject
) -> None:
    signature = twilio.signature(token, url, fields)
    more = [*fields, ("AnotherField", data.draw(TEXTS.filter(bool)))]
    assert not twilio.is_signed(token, url, more, signature)
    assert not twilio.is_signed(f"{token}0", url, fields, signature)
    assert not twilio.is_signed(token, f"{url}/x", fields, signature)
    assert not twilio.is_signed(token, url, fields, signature[:-1])


def test_the_example_of_the_documentation() -> None:
    # https://www.twilio.com/docs/usage/security#validating-signatures-from-twilio
    fields = [
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675309"),
        ("Digits", "1234"),
        ("From", "+14158675309"),
        ("To", "+18005551212"),
    ]
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    signature = twilio.signature("12345", url, fields)
    assert signature == RequestValidator("12345").compute_signature(url, dict(fields))
    assert signature == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


@pytest.mark.parametrize("port", ["", ":443"])
def test_the_usual_port_makes_no_difference(port: str) -> None:
    signature = twilio.signature("12345", "https://example.org:443/x", [])
    assert twilio.is_signed("12345", f"https://example.org{port}/x", [], signature)
