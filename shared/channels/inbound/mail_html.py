"""The text of a mail that is HTML, rendered by inscriptis.

Tables, styles and indents would take as much space as a stranger says, so only their text is kept.
What a mail program marks as quoted gets the marks of plain text.
"""

import re
from html import unescape

from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.html_engine import Inscriptis
from inscriptis.model.config import ParserConfig
from lxml import etree, html

# Mails with years of history are smaller. What is beyond is in the mail itself.
LONGEST_PAGE = 1_000_000
# Each level of a list is indented and each of a quote marked, which takes space by the square.
_DEEPEST_LIST, _DEEPEST_QUOTE = 8, 5
_DROPPED = ("head", "script", "style", "title", "template", "noscript", "svg", "math")
_LISTS = ("ul", "ol")
_ROWS = frozenset({"table", "tbody", "thead", "tfoot", "tr"})
_CELLS = frozenset({"td", "th"})
_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all", re.IGNORECASE)
_QUOTED_STYLE = re.compile(r"border-left\s*:", re.IGNORECASE)
_XML_DECLARATION = re.compile(r"\s*<\?xml[^>]*>")
_TAG = re.compile(r"<[^<>]*>")


def text(content: str) -> str:
    """Return the text of an HTML page or fragment as a reader sees it."""
    content = content[:LONGEST_PAGE].replace("\x00", "")
    if declaration := _XML_DECLARATION.match(content):
        content = content[declaration.end() :]
    try:
        tree = html.document_fromstring(content)
    except (etree.ParserError, ValueError):
        return ""
    _simplify(tree)
    rendered = _rendered(tree)
    # The parser stops at elements that are nested too deep for it.
    return rendered if rendered.strip() else unescape(_TAG.sub(" ", content))


def _simplify(tree: html.HtmlElement) -> None:
    etree.strip_tags(tree, etree.Comment, etree.ProcessingInstruction)
    etree.strip_elements(tree, *_DROPPED, with_tail=False)
    for element in list(tree.iter()):
        if _HIDDEN.search(element.get("style", "")) and element.getparent() is not None:
            element.drop_tree()
    # From the inside out, a quote in a quote has the marks of both.
    for quote in reversed(list(tree.iter("blockquote"))):
        if _is_quoted(quote) and _depth(quote, "blockquote") < _DEEPEST_QUOTE:
            _mark(quote)
    for element in tree.iter():
        element.attrib.clear()
        if element.tag in _ROWS or (
            element.tag in _LISTS and _depth(element, *_LISTS) >= _DEEPEST_LIST
        ):
            element.tag = "div"
        elif element.tag in _CELLS:
            element.tag = "span"
            element.tail = f" {element.tail or ''}"


def _is_quoted(element: html.HtmlElement) -> bool:
    is_cited = element.get("type") == "cite" or "quote" in element.get("class", "")
    return is_cited or _QUOTED_STYLE.search(element.get("style", "")) is not None


def _mark(quote: html.HtmlElement) -> None:
    """Make a quote preformatted text whose lines begin with `> `."""
    tail, quote.tail = quote.tail, None
    lines = _rendered(quote).strip("\n").split("\n")
    quote.clear()
    quote.tag, quote.tail = "pre", tail
    quote.text = "\n".join(f"> {line}".rstrip() for line in lines)


def _depth(element: html.HtmlElement, *tags: str) -> int:
    return sum(1 for _ in element.iterancestors(*tags))


def _rendered(tree: html.HtmlElement) -> str:
    text: str = Inscriptis(tree, ParserConfig(css=CSS_PROFILES["strict"])).get_text()
    return text
