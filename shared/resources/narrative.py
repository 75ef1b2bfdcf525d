"""The XHTML a Narrative may hold.

https://hl7.org/fhir/R4/narrative.html#xhtml
"""

import re

XHTML = "http://www.w3.org/1999/xhtml"
_ELEMENTS = (
    "a abbr acronym address area b bdo big blockquote br caption cite code col colgroup dd dfn div"
    " dl dt em h1 h2 h3 h4 h5 h6 hr i img kbd li map ol p pre q samp small span strong sub sup"
    " table tbody td tfoot th thead tr tt u ul var"
)
_ATTRIBUTES = (
    "abbr accesskey align alt axis bgcolor border cellpadding cellspacing char charoff charset"
    " cite class clear color colspan compact coords dir face frame headers height href hreflang"
    " hspace id lang longdesc name nohref noshade nowrap rel rev rowspan rules scope shape size"
    " span src start style summary tabindex title type usemap valign value vspace width"
)
ELEMENTS = frozenset(_ELEMENTS.split())
ATTRIBUTES = frozenset(_ATTRIBUTES.split())
_XML = "http://www.w3.org/XML/1998/namespace "
_ADDRESSES = frozenset({"cite", "href", "longdesc", "src", "usemap"})
_ACTIVE_ADDRESS = re.compile(r"(?:javascript|vbscript|data(?!:image/(?:png|gif|jpe?g|bmp)))\s*:")
_ACTIVE_STYLE = re.compile(r"expression|javascript|vbscript|behavior|-moz-binding|@import|url\(|\\")
_TAG = re.compile(r"<[^>]*>")
_BLANKS = re.compile(r"[\s\x00-\x1f]+")


def has_content(div: str) -> bool:
    """Tell whether a div shows anything: text, or an image."""
    return "<img" in div or bool(_TAG.sub("", div).strip())


def is_plain(div: str) -> bool:
    """Tell whether a div is XHTML with formatting only: no script, form, event or entity."""
    from xml.parsers import expat  # noqa: PLC0415 - few resources have a narrative

    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.ProcessingInstructionHandler = reader.refuse
    try:
        parser.Parse(div, True)  # noqa: FBT003 - expat takes no keyword
    except (expat.ExpatError, ValueError):
        return False
    return reader.is_plain


class _Reader:
    """Look at each tag the parser meets."""

    def __init__(self) -> None:
        self.is_plain = True
        self._is_root = True

    def start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, tag = name.rpartition(" ")
        is_known = namespace == XHTML and tag in ELEMENTS and (tag == "div" or not self._is_root)
        self._is_root = False
        self.is_plain &= is_known and all(map(_is_plain, attributes, attributes.values()))

    def refuse(self, *_: object) -> None:
        raise ValueError("a document type or processing instruction")


def _is_plain(name: str, value: str) -> bool:
    """Tell whether an attribute can do nothing by itself."""
    if name.startswith(_XML):
        return True
    text = _BLANKS.sub("", value).lower()
    if name in _ADDRESSES and _ACTIVE_ADDRESS.match(text):
        return False
    return name in ATTRIBUTES and not (name == "style" and _ACTIVE_STYLE.search(text))
