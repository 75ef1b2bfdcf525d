"""Telephone numbers by their ending, by which all ways to write one are found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.fhir.search_values import phone_ending


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("+15551230001", "1230001"),
        ("(555) 123-0001", "1230001"),
        ("555.123.0001 ext. 12", "1230001"),
        ("5551230001x12", "1230001"),
        ("5551230001;ext=12", "1230001"),
        ("5551230001,,12", "1230001"),
        ("Mobile: 555 123 0001", "1230001"),
        ("٥٥٥١٢٣٠٠٠١", "1230001"),
        ("112", "112"),
        ("not known", ""),
        ("", ""),
    ],
)
def test_an_ending_is_seven_digits(text: str, ending: str) -> None:
    assert phone_ending(text) == ending


@given(st.text(max_size=60))
def test_any_text_has_an_ending_of_digits_or_none(text: str) -> None:
    ending = phone_ending(text)
    assert len(ending) <= 7
    assert ending.isascii()
    assert not ending or ending.isdecimal()
