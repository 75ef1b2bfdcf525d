"""Content types, names and ranges of files."""

import pytest

from shared.rules import files

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("bytes=0-0", (0, 0)),
        ("bytes=2-4", (2, 4)),
        ("bytes = 2 - 4", (2, 4)),
        ("bytes=2-", (2, 9)),
        ("bytes=2-99", (2, 9)),
        ("bytes=9-", (9, 9)),
        # Beyond the end.
        ("bytes=10-", (10, 9)),
        ("bytes=-0", (10, 10)),
        # The last ones.
        ("bytes=-3", (7, 9)),
        ("bytes=-99", (0, 9)),
        # No ranges.
        ("bytes=4-2", None),
        ("bytes=-", None),
        ("bytes=1-2,4-5", None),
        ("bytes=a-b", None),
        ("lines=1-2", None),
        (f"bytes=0-{'9' * 16}", None),
    ],
)
def test_a_range_is_of_bytes_and_ends_with_the_file(
    header: str, found: tuple[int, int] | None
) -> None:
    assert files.byte_range(header, 10) == found


@pytest.mark.parametrize(
    ("declared", "head", "agrees"),
    [
        ("image/png", PNG, True),
        ("Image/PNG; a=b", PNG, True),
        ("image/jpeg", PNG, False),
        ("image/jpg", b"\xff\xd8\xff\xe0", True),
        ("image/png", b"", False),
        ("application/pdf", b"<script>", False),
        ("text/plain", b"It itches.", True),
        ("text/plain", PNG, False),
        ("application/octet-stream", PNG, True),
        ("audio/mp4", b"\x00\x00\x00\x18ftypmp42", True),
        ("image/svg+xml", b"<svg/>", True),
        ("image/svg+xml", PNG, True),
    ],
)
def test_bytes_agree_with_a_type_that_browsers_show_and_contradict_no_other(
    declared: str, head: bytes, agrees: bool
) -> None:
    assert files.is_as_declared(declared, head) is agrees


def test_only_what_agrees_with_its_type_has_it() -> None:
    assert files.served_type("image/jpg; a=b", as_declared=True) == "image/jpeg"
    assert files.served_type("text/plain; charset=utf-8", as_declared=True) == (
        "text/plain; charset=utf-8"
    )
    assert files.served_type("image/png", as_declared=False) == files.UNKNOWN_TYPE


@pytest.mark.parametrize(
    ("served", "name", "header"),
    [
        ("image/png", "", "inline"),
        ("text/html", "", "attachment"),
        ("image/svg+xml", "a.svg", 'attachment; filename="a.svg"'),
        ("image/png", 'a"\\b', "inline; filename=\"a__b\"; filename*=UTF-8''a%22%5Cb"),
        ("text/plain", "\u00e4/b", "attachment; filename=\"__b\"; filename*=UTF-8''%C3%A4%2Fb"),
    ],
)
def test_a_disposition_quotes_plain_names_and_encodes_all_others(
    served: str, name: str, header: str
) -> None:
    assert files.disposition(served, name) == header


def test_a_name_is_printable_and_fits_into_the_metadata_of_s3() -> None:
    assert all(map(files.is_name, ("a", "a" * 255, "\u3042" * 170)))
    assert not any(map(files.is_name, ("", "a" * 256, "\u3042" * 171, "a\nb")))
    assert files.printable_name("..\\a/\r\nb\u00e4") == "..ab\u00e4"
    assert files.printable_name("a" * 300) == "a" * 255
