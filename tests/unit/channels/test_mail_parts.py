"""The texts and files of trees of parts, well-formed or not."""

import base64
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.channels.inbound import mail, mail_parts
from shared.rules import files
from tests.support.mime_trees import trees


@given(raw=trees)
def test_every_tree_of_parts_has_a_text_and_files_that_can_be_stored(raw: bytes) -> None:
    content = mail.content(b"From: homer@plant.example\n" + raw, "", ["en"])
    content.text.encode()
    assert content.text.strip()
    assert all(file.content for file in content.files)
    for file in content.files:
        assert files.is_content_type(file.content_type)
        assert files.is_name(file.name)
        assert "/" not in file.name
        assert not file.name.startswith(".")


@given(raw=st.binary(max_size=300))
def test_bytes_that_are_no_mail_have_a_text_and_are_kept(raw: bytes) -> None:
    content = mail.content(b"x" + raw, "", ["en"])
    assert content.text.strip()
    assert content.files[-1].content == b"x" + raw


def with_files(number: int) -> EmailMessage:
    message = EmailMessage()
    message.set_content("Look:")
    for index in range(number):
        message.add_attachment(b"x", "image", "png", filename=f"{index}.png")
    return message


def test_files_beyond_the_bound_are_said_to_be_in_the_mail() -> None:
    content = mail.content(with_files(mail_parts.MOST_FILES + 3).as_bytes(), "", ["en"])
    assert len(content.files) == mail_parts.MOST_FILES + 1
    assert content.text == "Look:\n\n[3 more of its files are in the mail itself.]"


def test_an_empty_file_is_left_out() -> None:
    message = with_files(1)
    message.add_attachment(b"", "image", "png", filename="empty.png")
    names = [file.name for file in mail.content(message.as_bytes(), "", ["en"]).files]
    assert names == ["0.png", "mail.eml"]


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\homer\\back.png", "back.png"),
        (".htaccess", "htaccess"),
        ("a\x7fb\x85.png", "ab.png"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe", "gnp.exe"),
        ("x" * 300 + ".jpeg", "x" * 115 + ".jpeg"),
        ("x" * 300, "x" * 120),
        ("腰痛.pdf", "腰痛.pdf"),
        ("/", "attachment-1.png"),
    ],
)
def test_a_file_has_a_name_that_is_safe_on_a_disk(given_name: str, name: str) -> None:
    message = EmailMessage()
    message.set_content("Look:")
    message.add_attachment(b"x", "image", "png", filename=given_name)
    assert mail_parts.read(message.as_bytes()).files[0].name == name


@pytest.mark.parametrize(
    "body",
    [
        # Deeper than the standard library can follow, or wider than memory is.
        b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(900)
        ),
        b"Content-Type: message/rfc822\n\n" * 2_000,
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 20_000,
        b"a:b\n" * 800_000 + b"\nx",
    ],
    ids=["deep", "mails in mails", "wide", "many headers"],
)
def test_a_mail_that_would_need_all_memory_is_kept_and_said_to_be_unread(body: bytes) -> None:
    content = mail.content(body, "My back", ["en"])
    assert content.text == f"My back\n\n{mail.NOT_READ}"
    assert [file.name for file in content.files] == ["mail.eml"]


@pytest.mark.parametrize("name", ["Content-Type", "Content-Disposition", "Content-ID"])
@pytest.mark.parametrize("value", ["a/b; (a)", "a/b;;", 'a/b; "', "a/b; x*0=", "=?utf-8?q?a?= ,"])
def test_headers_without_end_take_no_time_without_end(name: str, value: str) -> None:
    # The standard library alone would be at it for an hour.
    raw = f"{name}: {value * 200_000}\n\nx".encode()
    assert mail.content(raw, "My back", ["en"]).files[-1].content == raw


def test_many_texts_are_read_up_to_a_bound() -> None:
    page = b"--b\nContent-Type: text/html\n\n<p>" + b"x" * 2_000 + b"\n"
    parts = mail_parts.read(b"Content-Type: multipart/mixed; boundary=b\n\n" + page * 2_000)
    assert not parts.is_complete
    assert len(parts.text) < 2_000_000


def test_a_picture_that_is_named_as_text_is_a_file() -> None:
    message = EmailMessage()
    message.set_content("See the list.")
    message.add_attachment("milk\neggs", filename="list.txt", disposition="inline")
    parts = mail_parts.read(message.as_bytes())
    assert parts.text == "See the list."
    assert [(file.name, file.content) for file in parts.files] == [("list.txt", b"milk\neggs\n")]


def test_bytes_of_a_file_are_those_that_were_sent() -> None:
    sent = bytes(range(256)) * 100
    encoded = base64.encodebytes(sent)
    raw = b"Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n" + encoded
    assert mail_parts.read(raw).files[0].content == sent
