"""Checks of a Narrative's XHTML.

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
# URLs that may run code, and may therefore not be the target of a link or the source of an image.
_IMAGES = "image/(?:png|gif|jpe?g|bmp)"
_ACTIVE_LINK = re.compile(rf"(?:javascript|vbscript|data(?!:{_IMAGES}))\s*:")
_ACTIVE_IMAGE = re.compile(r"(?:javascript|vbscript|data(?!:image/))\s*:")
_ADDRESSES = {
    **dict.fromkeys(("cite", "href", "longdesc", "usemap"), _ACTIVE_LINK),
    "src": _ACTIVE_IMAGE,
}
_BLANKS = re.compile(r"[\s\x00-\x1f]+")


def has_content(div: str) -> bool:
    """Return whether a div shows text or an image. A div that is not valid XML passes."""
    reader = _read(div)
    return not reader.is_xml or reader.has_content


def is_plain(div: str) -> bool:
    """Return whether a div is XHTML with nothing but formatting.

    Scripts, forms, event handlers and document types, and with them entities, are not allowed.
    """
    reader = _read(div)
    return reader.is_xml and reader.is_plain


class _Reader:
    """The handler of the XML parser's events."""

    def __init__(self) -> None:
        self.is_xml = self.is_plain = True
        self.has_content = False
        self._is_root = True

    def start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, tag = name.rpartition(" ")
        is_allowed = namespace == XHTML and tag in ELEMENTS and (tag == "div" or not self._is_root)
        self._is_root = False
        self.is_plain &= is_allowed and all(map(_is_plain, attributes, attributes.values()))
        self.has_content |= tag == "img"

    def text(self, text: str) -> None:
        """Record whether there is text, which may stand in a CDATA section, too."""
        self.has_content = self.has_content or bool(text.strip())

    def refuse(self, *_: object) -> None:
        raise ValueError("document types and processing instructions are not allowed")


def _read(div: str) -> _Reader:
    from xml.parsers import expat  # noqa: PLC0415 - few resources have a narrative

    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.ProcessingInstructionHandler = reader.refuse
    try:
        parser.Parse(div, True)  # noqa: FBT003 - expat takes no keyword arguments
    except (expat.ExpatError, ValueError):
        reader.is_xml = False
    return reader


def _is_plain(name: str, value: str) -> bool:
    """Return whether an attribute is allowed and cannot run code by itself."""
    if name.startswith(_XML):
        return True
    if name == "style":
        from shared.fhir.validation import styles  # noqa: PLC0415 - few narratives have one

        return styles.is_plain(value)
    active = _ADDRESSES.get(name)
    if active and active.match(_BLANKS.sub("", value).lower()):
        return False
    return name in ATTRIBUTES
