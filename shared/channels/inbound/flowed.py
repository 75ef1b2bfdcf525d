"""Text that is `format=flowed`: a line that ends with a space goes on in the next.

https://www.rfc-editor.org/rfc/rfc3676#section-4
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

_SIGNATURE = "-- "


def unflowed(text: str, *, deletes_space: bool) -> str:
    """Return a text in which a paragraph is a line, after the marks of its quote.

    With `deletes_space`, the space at a line's end only says that it goes on.
    """
    lines: list[str] = []
    for depth, quoted in groupby(text.split("\n"), _depth):
        marks = f"{'>' * depth} " if depth else ""
        contents = (line[depth:].removeprefix(" ") for line in quoted)
        lines += (f"{marks}{paragraph}" for paragraph in _paragraphs(contents, deletes_space))
    return "\n".join(lines)


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(">"))


def _paragraphs(lines: Iterable[str], deletes_space: bool) -> Iterator[str]:  # noqa: FBT001
    flowing: list[str] = []
    for line in lines:
        if line.endswith(" ") and line != _SIGNATURE:
            flowing.append(line[:-1] if deletes_space else line)
            continue
        if line == _SIGNATURE and flowing:
            yield "".join(flowing)
            flowing = []
        yield "".join([*flowing, line])
        flowing = []
    if flowing:
        yield "".join(flowing)
