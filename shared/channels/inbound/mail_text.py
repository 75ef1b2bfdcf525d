"""The newest part of a mail's text: what its sender wrote now, without the history below it.

mail-parser-reply knows how mail programs introduce what they quote. Nothing is cut that may be new:
the answers in between quotes keep them, and what is forwarded is the message.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from mailparser_reply.parser import EmailMessage

# A longer newest part is cut. The whole mail is kept beside it.
LONGEST_NEWEST = 50_000
CUT = "[The rest is in the mail itself.]"
# Regular expressions may take time by more than the square of a line's length.
_LONGEST_LINE = 200
_SEARCHED_LINES = 1_000
_FORWARDED = re.compile(
    r"--- ?(forwarded message|weitergeleitete nachricht|message transféré|mensaje reenviado"
    r"|doorgestuurd bericht|messaggio inoltrato)|begin forwarded message",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"-----.*-----|[-_*=]{5,}")
_TIME_OR_ADDRESS = re.compile(r"@|\d[:.]\d\d")
# In which a quote is introduced in any language, such as "02.04.2012 14:20, <a@b.example>:".
_TIME_AND_ADDRESS = re.compile(r"\d[:.]\d\d.*[@\"<]")
_MOST_INTRODUCTION_LINES = 3
_SIGNATURE = "--"


def newest(text: str, languages: Collection[str]) -> str:
    """Return the newest part of a text; all of it if nothing else is left."""
    lines = [line.rstrip() for line in text.splitlines()]
    kept = _newest_lines(lines, languages)
    found = "\n".join(kept if any(kept) else lines).strip("\n")
    if len(found) > LONGEST_NEWEST:
        found = f"{found[:LONGEST_NEWEST].rstrip()}\n{CUT}"
    return found


def _newest_lines(lines: list[str], languages: Collection[str]) -> list[str]:
    begin, end = _introduction(lines, languages)
    above, below = lines[:begin], lines[end:]
    if _is_forwarded(above, lines[begin:end]):
        return lines
    first_answer = _answer_below(below)
    if first_answer is None:
        return _without_quote_at_end(above)
    answers = below[first_answer:]
    is_among_quotes = any(map(_is_quoted, answers))
    return [*above, *(below if is_among_quotes else answers)]


def _introduction(lines: list[str], languages: Collection[str]) -> tuple[int, int]:
    """Return the first line that introduces quoted history, and the line after it.

    They are the end of the text if nothing is introduced.
    """
    searched = "\n".join(map(_short, lines[:_SEARCHED_LINES]))
    for match in _headers(tuple(sorted(languages))).finditer(searched):
        first = match.start() + len(match[0]) - len(match[0].lstrip())
        begin = searched.count("\n", 0, first)
        end = begin + match[0].strip().count("\n") + 1
        if _introduces(match[0].strip(), lines[end:]):
            return begin, end
    return len(lines), len(lines)


@lru_cache(maxsize=8)
def _headers(languages: tuple[str, ...]) -> re.Pattern[str]:
    headers: re.Pattern[str] = EmailMessage(text="", languages=list(languages)).HEADER_REGEX
    return headers


def _introduces(header: str, below: Sequence[str]) -> bool:
    """Return whether a header is more than a sentence such as "On Monday my doctor wrote:"."""
    if _SEPARATOR.fullmatch(header):
        return True
    is_whole = "\n" in header or header.endswith((":", "\uff1a", ">"))
    return is_whole and (_is_quoted(_first(below)) or _TIME_OR_ADDRESS.search(header) is not None)


def _is_forwarded(above: Sequence[str], header: Sequence[str]) -> bool:
    near = (_first(reversed(above)), *header)
    return any(_FORWARDED.search(_short(line)) for line in near)


def _answer_below(below: Sequence[str]) -> int | None:
    """Return the first line that is written below quoted ones, None if there is none.

    Programs that do not mark what they quote put the answer above it.
    """
    if not _is_quoted(_first(below)):
        return None
    for number, line in enumerate(below):
        if line.strip() == _SIGNATURE:
            return None
        if line.strip() and not _is_quoted(line):
            return number
    return None


def _without_quote_at_end(lines: list[str]) -> list[str]:
    end = len(lines)
    while end and (not lines[end - 1].strip() or _is_ending(lines[end - 1])):
        end -= 1
    has_quote = any(map(_is_quoted, lines[end:]))
    return lines[: _introduction_before(lines, end) if has_quote else end]


def _is_ending(line: str) -> bool:
    return _is_quoted(line) or _SEPARATOR.fullmatch(_short(line)) is not None


def _introduction_before(lines: list[str], end: int) -> int:
    """Return the beginning of the lines that introduce a quote in whatever language, else `end`."""
    begin = end
    while begin and lines[begin - 1].strip() and end - begin < _MOST_INTRODUCTION_LINES:
        begin -= 1
        text = " ".join(map(_short, lines[begin:end]))
        if text.endswith((":", "\uff1a")) and _TIME_AND_ADDRESS.search(text):
            return begin
    return end


def _is_quoted(line: str) -> bool:
    return line.lstrip().startswith(">")


def _short(line: str) -> str:
    """Return a line, or nothing for one that is too long to be more than text."""
    return line.strip() if len(line) <= _LONGEST_LINE else ""


def _first(lines: Iterable[str]) -> str:
    """Return the first line that is not blank."""
    return next((line for line in lines if line.strip()), "")
