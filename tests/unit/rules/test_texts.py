"""The meaning of texts: keywords, and names of patients."""

import pytest

from shared.rules import texts
from shared.rules.texts import Keyword

NAMES = {
    "Patient/bart": ["Bartholomew", "Bart"],
    "Patient/lisa": ["Lisa Marie", "Lisa", "Marie"],
    "Patient/rene": ["René"],
    "Patient/dangelo": ["D'Angelo"],
    "Patient/none": ["", " "],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("STOP", Keyword.STOP),
        (" Stop. ", Keyword.STOP),
        ("stopall", Keyword.STOP),
        ("Stop all", Keyword.STOP),
        ("UNSUBSCRIBE", Keyword.STOP),
        ("cancel", Keyword.STOP),
        ("End", Keyword.STOP),
        ("QUIT!!", Keyword.STOP),
        ("ARRÊT", Keyword.STOP),
        ("alto", Keyword.STOP),
        ("START", Keyword.START),
        ("unstop", Keyword.START),
        ("yes", Keyword.START),
        ("HELP", Keyword.HELP),
        ("Info?", Keyword.HELP),
        ("Hilfe", Keyword.HELP),
        ("Please stop", None),
        ("Stop it hurts", None),
        ("HELP ME", None),
        ("stopp it", None),
        ("", None),
        ("🛑", None),
        ("S T O P", None),
        ("STOP\nSTOP", None),
    ],
)
def test_a_keyword_is_all_that_a_text_says(text: str, expected: Keyword | None) -> None:
    assert texts.keyword(text, {}, is_opted_out=True) is expected


def test_yes_is_one_only_of_who_has_opted_out() -> None:
    assert texts.keyword("Yes", {}, is_opted_out=False) is None
    assert texts.keyword("Start", {}, is_opted_out=False) is Keyword.START


def test_an_account_adds_words() -> None:
    own = {Keyword.STOP: ["Détener"], Keyword.HELP: ["¿Qué?"]}
    assert texts.keyword("detener", own, is_opted_out=False) is Keyword.STOP
    assert texts.keyword("que", own, is_opted_out=False) is Keyword.HELP
    assert texts.keyword("stop", own, is_opted_out=False) is Keyword.STOP
    assert texts.keyword("", {Keyword.STOP: [""]}, is_opted_out=False) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Bart has a rash", "Patient/bart"),
        ("a rash (BART)", "Patient/bart"),
        ("It is about Bartholomew", "Patient/bart"),
        ("Bart, only Bart", "Patient/bart"),
        ("Lisa's rash", "Patient/lisa"),
        ("Marie!", "Patient/lisa"),
        ("rene is ill", "Patient/rene"),
        ("D'Angelo is ill", "Patient/dangelo"),
        ("D’Angelo’s ear", "Patient/dangelo"),  # noqa: RUF001 - as people type it
        ("Bart and Lisa", ""),
        ("Barty", ""),
        ("She", ""),
        ("", ""),
    ],
)
def test_a_text_is_about_the_one_whom_it_names(text: str, expected: str) -> None:
    assert texts.named_patient(text, NAMES) == expected


def test_two_of_one_name_are_not_told_apart() -> None:
    assert texts.named_patient("Bart", {"Patient/1": ["Bart"], "Patient/2": ["bart"]}) == ""


def test_what_a_resource_cannot_have_is_a_space() -> None:
    assert texts.storable("a\x00b\ud83dc\td\n") == "a b c\td\n"
