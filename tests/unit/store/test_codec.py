import zlib

import pytest

from shared.store import codec

LARGE_WINDOW, DICTIONARY = -15, codec._dictionary(codec.CURRENT)
# What a small window of 8 KB has room for, beside the dictionary and what zlib keeps free.
MOST_IN_SMALL_WINDOW = 8192 - len(DICTIONARY) - 262
FARTHEST = DICTIONARY[:60]


def message(size: int) -> bytes:
    """Return text of a size that ends as the dictionary begins, so that its end refers to that."""
    text = "".join(f"Donut {number}, please. " for number in range(size)).encode()
    return text[: size - len(FARTHEST)] + FARTHEST


def in_large_window(content: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, LARGE_WINDOW, 6, zdict=DICTIONARY)
    return packer.compress(content) + packer.flush()


@pytest.mark.parametrize("size", [200, MOST_IN_SMALL_WINDOW, MOST_IN_SMALL_WINDOW + 100, 40_000])
def test_the_window_has_no_effect_on_what_is_stored(size: int) -> None:
    content = message(size)
    assert len(content) == size
    packed = codec.pack(content)
    assert packed[1:] == in_large_window(content)
    assert codec.unpack(packed) == (content, b"")


def test_a_second_value_counts_for_the_window() -> None:
    json, rows = message(MOST_IN_SMALL_WINDOW - 100), message(200)
    packed = codec.pack(json, rows)
    assert packed[1:] == in_large_window(json + b"\0" + rows)
    assert codec.unpack(packed) == (json, rows)


def test_what_is_packed_does_not_depend_on_what_was_packed_before() -> None:
    first = codec.pack(message(500))
    codec.pack(message(900))
    assert codec.pack(message(500)) == first
