"""The headers of mails are read, however broken they are."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.channels.inbound import mail_automatic, mail_headers


def headers(*lines: str | bytes) -> mail_headers.Headers:
    block = b"\n".join(line.encode() if isinstance(line, str) else line for line in lines)
    return mail_headers.read(block + b"\n\nSubject: of the body\n")


@pytest.mark.parametrize(
    ("value", "sender"),
    [
        ("Homer <Homer.J@Plant.EXAMPLE>", "homer.j@plant.example"),
        ("homer@plant.example (Homer (J) Simpson)", "homer@plant.example"),
        ('"marge@simpson.example" <homer@plant.example>', "homer@plant.example"),
        # A name that should be quoted.
        ("homer@plant.example <homer@plant.example>", "homer@plant.example"),
        ("Simpson, Homer <homer@plant.example>", "homer@plant.example"),
        ("=?utf-8?q?H=C3=B6mer?= <homer@plant.example>", "homer@plant.example"),
        ("Homer\n <homer@plant.example>", "homer@plant.example"),
        # A name that looks like an address does not hide the real one.
        ('"Marge <marge@simpson.example>" <homer@plant.example>', "homer@plant.example"),
        # Whoever it is, it is not certain.
        ("homer@plant.example, marge@simpson.example", ""),
        ("<homer@plant.example> <marge@simpson.example>", ""),
        ("marge@simpson.example, <homer@plant.example>", ""),
        ("homer@plant.example <>", ""),
        ("undisclosed:;", ""),
        ("Homer", ""),
        ("", ""),
        ("homer@plant@example", ""),
        ("a\tb@plant.example", ""),
        ("x" * 300 + "@plant.example", ""),
    ],
)
def test_a_mail_is_from_one_address_or_from_nobody(value: str, sender: str) -> None:
    assert mail_headers.sender(headers(f"From: {value}")) == sender


def test_a_mail_with_two_senders_headers_is_from_nobody() -> None:
    both = headers("From: homer@plant.example", "from: marge@simpson.example")
    assert mail_headers.sender(both) == ""


@pytest.mark.parametrize(
    ("value", "topic"),
    [
        ("My back", "My back"),
        ("Re: My back", "My back"),
        ("RE: Fwd: AW: re[2]: My back", "My back"),
        ("回复\uff1a我的背", "我的背"),
        ("Reading glasses", "Reading glasses"),
        ("Re:", ""),
        ("=?iso-8859-1?q?R=FCcken?=", "Rücken"),
        ("=?x-unknown?b?////?= back", "��� back"),
        ("My\n very\n\tlong back", "My very long back"),
        ("a" * 300, "a" * 200),
        ("", ""),
    ],
)
def test_a_topic_is_the_subject_without_marks_of_answers(value: str, topic: str) -> None:
    assert mail_headers.subject(headers(f"Subject: {value}")) == topic


def test_headers_that_are_not_ascii_are_read_as_utf_8_or_latin_1() -> None:
    assert mail_headers.subject(headers("Subject: Rücken")) == "Rücken"
    assert mail_headers.subject(headers("Subject: Rücken".encode("latin-1"))) == "Rücken"


def test_ids_lose_their_brackets_and_whatever_folding_has_left_in_them() -> None:
    read = headers(
        "Message-ID: <one\n @plant.example>",
        "In-Reply-To: Your message of <two@plant.example> (Monday)",
        "References: <three@plant.example>\n\t<four@plant.example> <two@plant.example> <>",
    )
    assert mail_headers.message_id(read) == "one@plant.example"
    expected = ("two@plant.example", "four@plant.example", "three@plant.example")
    assert mail_headers.answers(read) == expected
    assert mail_headers.message_id(headers("Message-ID: one@plant.example")) == "one@plant.example"
    assert mail_headers.message_id(headers("Message-ID: ", "Subject: x")) == ""


def test_of_many_ids_the_nearest_are_known() -> None:
    ids = [f"{number}@{'mail' * 20}.example" for number in range(1_000)]
    read = headers("References: " + "\n ".join(f"<{one}>" for one in ids))
    assert mail_headers.answers(read)[:2] == (ids[-1], ids[-2])


def test_an_id_that_is_too_long_for_a_key_is_named_alike_in_its_mail_and_in_answers() -> None:
    long_id = f"{'x' * 400}@plant.example"
    own = mail_headers.message_id(headers(f"Message-ID: <{long_id}>"))
    assert len(own) < 100
    assert mail_headers.answers(headers(f"References: <{long_id}>")) == (own,)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("Fri, 20 Nov 2026 09:41:07 -0800", datetime(2026, 11, 20, 17, 41, 7, tzinfo=UTC)),
        ("20 Nov 2026 09:41 -0000", datetime(2026, 11, 20, 9, 41, tzinfo=UTC)),
        ("Fri, 20 Nov 2026 09:41:07 GMT (x)", datetime(2026, 11, 20, 9, 41, 7, tzinfo=UTC)),
        ("Fri, 32 Nov 2026 09:41:07 GMT", None),
        ("31 Dec 9999 23:59:59 -2300", None),
        ("Fri, 20 Nov 2026 09:41:07 +99999999", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_time_is_read_or_there_is_none(value: str, sent: datetime | None) -> None:
    assert mail_headers.sent(headers(f"Date: {value}")) == sent


@given(raw=st.one_of(st.binary(max_size=400), st.text(max_size=400).map(str.encode)))
def test_no_header_is_too_broken_to_be_read(raw: bytes) -> None:
    names = ("From", "Subject", "Date", "Message-ID", "References", "In-Reply-To")
    block = b"".join(f"{name}: ".encode() + raw.replace(b"\n", b"\n ") + b"\n" for name in names)
    read = mail_headers.read(block)
    mail_headers.message_id(read).encode()
    mail_headers.subject(read).encode()
    assert mail_headers.sent(read) is None or mail_headers.sent(read)
    assert mail_headers.sender(read) == mail_headers.address(mail_headers.sender(read))
    assert all(mail_headers.answers(read))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Auto-Submitted: no", ""),
        ("Auto-Submitted: no (a person)", ""),
        ("Auto-Submitted: auto-replied; owner-email=x", mail_automatic.AUTOMATIC),
        ("X-Autoreply: yes", mail_automatic.AUTOMATIC),
        ("Precedence: first-class", ""),
        ("Precedence: Bulk", mail_automatic.BULK),
        ("List-Id: <x>", mail_automatic.LIST),
        ("Return-Path: < >", mail_automatic.BOUNCE),
        ('Content-Type: Multipart/Report; boundary="x"', mail_automatic.REPORT),
        # Outlook sets it on mails of persons as well.
        ("X-Auto-Response-Suppress: OOF", ""),
        ("Subject: Automatic reply", ""),
    ],
)
def test_a_mail_is_automatic_if_it_says_so(line: str, reason: str) -> None:
    assert mail_automatic.reason(headers(line), "homer@plant.example") == reason


@pytest.mark.parametrize(("source", "reason"), [("", "bounce"), ("<>", "bounce"), (None, "")])
def test_a_mail_without_an_envelope_sender_is_a_bounce(source: str | None, reason: str) -> None:
    assert mail_automatic.reason(headers("Subject: x"), source) == reason
