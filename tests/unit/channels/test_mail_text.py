"""The newest part of a text, flowed text, and the text of HTML and of bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.channels.inbound import mail_charsets, mail_html, mail_text
from shared.channels.inbound.flowed import unflowed

WROTE = "On Fri, Nov 20, 2026 at 9:12 AM Clinic <care@clinic.example> wrote:"
OUTLOOK = "From: Clinic\nSent: Friday, November 20, 2026 11:00 AM\nTo: Homer\nSubject: x"


@pytest.mark.parametrize(
    ("text", "newest"),
    [
        ("", ""),
        ("  \n", ""),
        ("Doh!\n", "Doh!"),
        (f"Doh!\n\n{WROTE}\n\n> How are you?", "Doh!"),
        # Wherever a mail program breaks the line.
        (
            "Doh!\nOn Fri, Nov 20, 2026 at 9:12 AM Clinic\n<care@clinic.example> wrote:\n> Hi",
            "Doh!",
        ),
        (f"Doh!\r\n\r\n{WROTE}\r\n> Hi\r\n", "Doh!"),
        # Without marks, everything below is quoted.
        (f"Doh!\n{WROTE}\nHow are you?\n> Fine.", "Doh!"),
        (f"Doh!\n\n{OUTLOOK}\n\nHow are you?", "Doh!"),
        (f"Doh!\n\n-----Original Message-----\n{OUTLOOK}\n\nHow are you?", "Doh!"),
        (f"Doh!\n________________________________\n{OUTLOOK}\n\nHow?", "Doh!"),
        # Marks without a line that introduces them.
        ("Doh!\n\n> How are you?\n>\n> Clinic\n", "Doh!"),
        # An answer below what it answers, or in between.
        (f"{WROTE}\n> How are you?\n\nFine.", "Fine."),
        (f"Hi.\n{WROTE}\n> Fever?\nNo.\n> Cough?\nYes.", "Hi.\n> Fever?\nNo.\n> Cough?\nYes."),
        (f"{WROTE}\n> How are you?\n-- \nHomer", f"{WROTE}\n> How are you?\n--\nHomer"),
        # Nothing is new, or what is new is not what is quoted.
        (f"{WROTE}\n> How are you?", f"{WROTE}\n> How are you?"),
        ("> How are you?", "> How are you?"),
        (
            f"See:\n---------- Forwarded message ---------\n{OUTLOOK}\n\nIt itches.",
            f"See:\n---------- Forwarded message ---------\n{OUTLOOK}\n\nIt itches.",
        ),
        (
            f"Begin forwarded message:\n\n{OUTLOOK}\n\nHm",
            f"Begin forwarded message:\n\n{OUTLOOK}\n\nHm",
        ),
        # Sentences that only look like it.
        ("On Monday my doctor wrote:\nrest. True?", "On Monday my doctor wrote:\nrest. True?"),
        ("On and on she wrote:\n> rest\nWhy?", "Why?"),
        ("It is > 38.\n> 39 even", "It is > 38."),
    ],
)
def test_the_newest_part_is_what_its_sender_wrote_now(text: str, newest: str) -> None:
    assert mail_text.newest(text, ["en"]) == newest


def test_history_is_known_in_the_languages_of_the_account_and_in_english() -> None:
    german = "Au!\n\nVon: Praxis\nGesendet: 20. November 2026 11:00\nAn: Homer\n\nWas ist?"
    assert mail_text.newest(german, ["en"]) == german
    assert mail_text.newest(german, ["de"]) == "Au!"
    assert mail_text.newest(f"Au!\n{WROTE}\n> Was?", ["de"]) == "Au!"


def test_a_newest_part_that_is_too_long_is_cut() -> None:
    newest = mail_text.newest("Doh!\n" * 20_000, ["en"])
    assert newest.endswith(f"Doh!\n{mail_text.CUT}")
    assert len(newest) <= mail_text.LONGEST_NEWEST + len(mail_text.CUT) + 1


lines = st.one_of(
    st.sampled_from(["> Hi", ">> Ho", WROTE, "", *OUTLOOK.split("\n"), "-- ", "_" * 40]),
    st.text(max_size=30),
)


@given(text=st.lists(lines, max_size=20).map("\n".join))
def test_every_text_has_a_newest_part_of_its_own_lines(text: str) -> None:
    newest = mail_text.newest(text, ["en", "de", "pl"])
    assert bool(newest.strip()) == bool(text.strip())
    own = [line.rstrip() for line in text.splitlines()]
    assert all(line in own for line in newest.split("\n") if line)


@pytest.mark.parametrize("depth", [1, 30])
@pytest.mark.parametrize("begin", ["On a ", "From: ", "> ", "Le ", "* "])
def test_lines_that_look_like_history_without_end_are_kept(begin: str, depth: int) -> None:
    text = "\n".join([f"{begin * depth}{'a ' * 100}wrote"] * 200)
    assert mail_text.newest(text, ["en", "fr", "de"])


@pytest.mark.parametrize("letters", ["-", "- ", "1:11 ", "> ", "_", "=", "On ", "\t"])
def test_a_line_without_end_is_text(letters: str) -> None:
    long_line = f"{letters * 200_000}x"
    for text in (long_line, f"Doh!\n{long_line}\n> Hi", f"{WROTE}\n> Hi\n{long_line}"):
        assert mail_text.newest(text, ["en"])


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("One \ntwo\nthree", "One two\nthree"),
        ("> One \n> two\n>> three\nfour", "> One two\n>> three\nfour"),
        # A quote ends a paragraph.
        ("One \n> two", "One \n> two"),
        # A line that begins with a mark or a space is stuffed with one.
        (" > 38", "> 38"),
        ("-- \nHomer", "-- \nHomer"),
        ("One \n-- \nHomer", "One \n-- \nHomer"),
        ("One ", "One "),
        ("", ""),
    ],
)
def test_flowed_text_has_a_line_for_each_paragraph(text: str, joined: str) -> None:
    assert unflowed(text, deletes_space=False) == joined


def test_flowed_text_may_have_spaces_that_only_mark_the_ends_of_lines() -> None:
    assert unflowed("すみま \nせん", deletes_space=True) == "すみません"


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>One</p><p>two<br>three", "One\n\ntwo\nthree"),
        ("no <b>tags</b> at all", "no tags at all"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<script>x()</script><style>p{}</style>shown<!-- not -->", "shown"),
        ('<p style="DISPLAY : none">hidden</p>shown', "shown"),
        (
            '<blockquote type="cite">a<blockquote type="cite">b</blockquote></blockquote>c',
            "> a\n> > b\nc",
        ),
        ("<blockquote>indented</blockquote>", "indented"),
        ("&lt;b&gt; &amp; &#128540; &nbsp;x", "<b> & 😜 x"),
        ('<?xml version="1.0" encoding="latin-1"?><html>ü</html>', "ü"),
        ('<meta charset="latin-1">ü', "ü"),
        ("<body></body>", ""),
        ("", ""),
        ("\x00", ""),
    ],
)
def test_a_page_has_the_text_that_a_reader_sees(page: str, text: str) -> None:
    assert mail_html.text(page).strip() == text


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 100_000 + "It itches",
        "<ul><li>" * 100 + "It itches" + "<li>x" * 20_000,
        '<div style="padding-left:99999em">It itches</div>' * 20_000,
        f"<table><tr><td>{'x' * 100_000}</td></tr>{'<tr><td>It itches</td></tr>' * 10_000}</table>",
        '<blockquote type="cite">It itches' * 200 + "<p>x</p>" * 20_000,
        "<p>It itches, and it itches.</p>" * 40_000,
    ],
)
def test_a_page_takes_not_much_more_space_as_text(page: str) -> None:
    text = mail_html.text(page)
    assert "It itches" in text
    assert len(text) < 10 * len(page)


@given(page=st.text(max_size=200) | st.text("<>/=\"' ptdbri!-[&;", max_size=200))
def test_no_page_is_too_broken_to_have_a_text(page: str) -> None:
    assert isinstance(mail_html.text(mail_charsets.plain(page)), str)


@pytest.mark.parametrize(
    ("content", "charset", "text"),
    [
        ("Crème".encode(), "", "Crème"),
        ("Crème".encode(), "us-ascii", "Crème"),
        ("Crème".encode(), "iso-8859-1", "Crème"),
        ("Crème".encode("latin-1"), "", "Crème"),
        ("Crème \u2013 €".encode("cp1252"), "ISO-8859-1", "Crème \u2013 €"),
        ("Crème".encode("latin-1"), "utf-8", "Crème"),
        ("Crème".encode() + b"\xff", "utf-8", "Crème�"),
        ("Спина".encode("koi8-r"), "KOI8-R", "Спина"),
        ("Спина".encode("cp1251"), "windows-1251", "Спина"),
        ("ปวด".encode("cp874"), "windows-874", "ปวด"),
        ("腰痛①".encode("cp932"), "Shift_JIS", "腰痛①"),
        ("腰痛".encode("cp932"), "x-sjis", "腰痛"),
        ("עברית".encode("iso-8859-8"), "iso-8859-8-i", "עברית"),
        ("镕".encode("gb18030"), "gb2312", "镕"),
        ("Rücken".encode("utf-16"), "utf-16", "Rücken"),
        ("Rücken".encode(), "x-martian", "Rücken"),
        ("Rücken".encode(), "base64", "Rücken"),
        (b"\\x41", "unicode-escape", "\\x41"),
        (b"a\x00b\x07c\rd\r\ne", "utf-8", "abc\nd\ne"),
        (b"", "utf-8", ""),
    ],
)
def test_bytes_are_read_as_what_they_are(content: bytes, charset: str, text: str) -> None:
    assert mail_charsets.text(content, charset) == text


@given(content=st.binary(max_size=100), charset=st.text(max_size=20))
def test_whatever_charset_is_named_there_is_a_text_that_fhir_takes(
    content: bytes, charset: str
) -> None:
    text = mail_charsets.text(content, charset)
    assert all(letter in "\t\n" or letter >= " " for letter in text)
    text.encode()
