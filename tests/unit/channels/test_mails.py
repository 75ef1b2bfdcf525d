"""Whole mails are read: those of fixtures/mails, and CPython's own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.channels.inbound import mail, mail_automatic, mail_headers
from shared.channels.inbound.mail import Content

MAILS = Path(__file__).parents[2] / "fixtures/mails"
WRITTEN = sorted(path.stem for path in MAILS.glob("*.txt"))
# Debian's packages leave them out.
PYTHONS = Path(os.__file__).parent / "test/test_email/data"
# An Outlook of Germany and a Thunderbird there wrote two of them.
LANGUAGES = ("en", "de")

FILES = {
    "winmail": [("winmail.dat", "application/ms-tnef")],
    "inline-image": [("rash.png", "image/png")],
    "apple-text-image-text": [("toe gnp.png", "image/png")],
    "invitation-accepted": [
        ("attachment-1.ics", "text/calendar"),
        ("invite.ics", "application/ics"),
    ],
    "forwarded-as-attachment": [("attachment-1.eml", "message/rfc822")],
}
AUTOMATIC = {
    "automatic-exchange": mail_automatic.AUTOMATIC,
    "automatic-gmail": mail_automatic.AUTOMATIC,
    "bounce": mail_automatic.REPORT,
    "read-receipt": mail_automatic.REPORT,
    "list": mail_automatic.LIST,
}
# The newest text of CPython's mails, as far as it is not empty or the subject.
OF_PYTHON = {
    "msg_01": "Hi,\n\nDo you like this message?\n\n-Me",
    "msg_07": "Hi there,\n\nThis is the dingus fish.",
    "msg_10": (
        "This is a 7bit encoded message.\n\n¡This is a Quoted Printable encoded message!\n\n"
        "This is a Base64 encoded message.\n\nThis is a Base64 encoded message.\n\n"
        "This has no Content-Transfer-Encoding: header."
    ),
    "msg_15": "Some removed test.\n\nSome removed text.",
    "msg_21": "One\n\nTwo",
    "msg_22": "Text text text.\n\nText text text.",
    "msg_26": "Simple email with attachment.",
    "msg_33": "part 1\n\npart 2",
    "msg_45": "This is the signed contents.",
}


def read(name: str) -> Content:
    raw = (MAILS / f"{name}.eml").read_bytes()
    return mail.content(raw, mail_headers.subject(mail_headers.read(raw)), LANGUAGES)


@pytest.mark.parametrize("name", WRITTEN)
def test_the_newest_part_of_a_mail_is_its_text(name: str) -> None:
    assert read(name).text == (MAILS / f"{name}.txt").read_text().strip("\n")


@pytest.mark.parametrize("name", WRITTEN)
def test_the_whole_mail_comes_last_after_the_files_in_it(name: str) -> None:
    *inner, whole = read(name).files
    assert [(file.name, file.content_type) for file in inner] == FILES.get(name, [])
    assert whole.content == (MAILS / f"{name}.eml").read_bytes()
    assert (whole.name, whole.content_type) == ("mail.eml", "message/rfc822")


def test_a_forwarded_mail_is_kept_with_its_own_files() -> None:
    forwarded = read("forwarded-as-attachment").files[0].content
    inner = mail.content(forwarded, "", LANGUAGES)
    assert inner.text == "He has lice."
    assert inner.files[0].name == "lice.pdf"
    assert inner.files[0].content.startswith(b"%PDF-1.4")


@pytest.mark.parametrize("path", sorted(MAILS.glob("*.eml")), ids=lambda path: path.stem)
def test_only_what_no_person_wrote_is_automatic(path: Path) -> None:
    headers = mail_headers.read(path.read_bytes())
    assert mail_automatic.reason(headers, "somebody@plant.example") == AUTOMATIC.get(path.stem, "")


def pythons() -> Iterator[Path]:
    yield from sorted(PYTHONS.glob("msg_*.txt"))


@pytest.mark.skipif(not PYTHONS.is_dir(), reason="this Python has no tests of its own")
def test_each_of_cpythons_mails_has_a_text_and_is_kept_whole() -> None:
    assert len(list(pythons())) > 40
    for path in pythons():
        raw = path.read_bytes()
        content = mail.content(raw, mail_headers.subject(mail_headers.read(raw)), ["en"])
        assert content.text == OF_PYTHON.get(path.stem, content.text), path.stem
        assert content.text.strip()
        assert content.files[-1].content == raw


def test_a_virus_is_said_and_nothing_of_it_is_kept() -> None:
    raw = (MAILS / "winmail.eml").read_bytes()
    assert mail.content(raw, "", ["en"], is_infected=True) == (f"Excellent.\n\n{mail.INFECTED}", ())


def test_a_mail_that_is_gone_leaves_its_subject() -> None:
    assert mail.content(b"", "My back", ["en"]) == (f"My back\n\n{mail.GONE}", ())
