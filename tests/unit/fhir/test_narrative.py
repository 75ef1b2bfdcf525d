"""The XHTML and styles that a Narrative may contain."""

import pytest

from shared.fhir.validation import narrative, styles

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'

NEAR = [
    "color: red",
    "",
    # Written by the IG Publisher: from HL7's own pages and US Core's examples.
    "background-image: url(tbl_bck1.png)",
    "padding:0px; background-image: url(data:image/png;base64,iVBORw0KGgo=)",
    "background: url(data: image/png;base64,iVB+/w==)",
    "background: url(../images/a.png?x=1#y), red",
    "background: url(/a.png)",
    "background: url(#gradient)",
    "background: url(?size=1)",
    "background: url()",
    "background: url( 'tbl_bck1.png' )",
    'background: URL("a b.png")',
    "background: url(\n tbl_bck1.png\n)",
    "background: url(DATA:IMAGE/GIF;base64,R0lGODlh)",
    "background: url(data:image/svg+xml;utf8,%3Csvg%3E)",
    "background: u\\72l(x.png)",
    "background: \\75 rl(x.png)",
    "background: url(a\\ b\\28 1\\29 .png)",
    "background: url(icon@2x.png)",
    "background: linear-gradient(red, blue), url(x.png)",
    "background: image-set('a.png' 1x, url(b.png) 2x)",
    "background: url(tbl_bck1.png",
    "font-family: 'a\\27 b', \"http://x\"",
    "/* http://x */ color: red",
    "scroll-behavior: smooth; width: calc(100% - (2px + 1px)); filter: alpha(opacity=50)",
    "quotes: '«' '»'",
]
FAR = [
    "background: url(http://x.example/y.png)",
    "background: url(https://x.example)",
    "background: url(//x.example/y.png)",
    "background: url(\\\\\\\\x.example)",
    "background: url('/\\\\x.example')",
    'background: url( "HTTP://x.example" )',
    "BACKGROUND: URL(HTTPS://X.EXAMPLE)",
    "background: url(ht\ttp://x.example)",
    "background: url(\x0chttp://x.example)",
    "background: u\\72l(http://x.example)",
    "background: \\75 rl(http://x.example)",
    "background: \\000075\r\nrl(http://x.example)",
    "background: url(\\68ttp://x.example)",
    "background: url('\\68 ttp://x.example')",
    "background: url(h\\74tp\\3a//x.example)",
    "background: url( 'https://x.example",
    "background: url(a.png), url(http://x.example)",
    "background: image-set('http://x.example' 1x)",
    "background: -webkit-image-set(url(http://x.example) 1x)",
    'background: image("//x.example")',
    "background: ur/**/l(http://x.example)",
    "background: url(/*x*/http://y)",
    "background:/*/url(x*/url(http://y)",
    'content: "\nbackground: url(http://x.example)"',
    "content: '\\\n'; background: url(//x.example)",
    "a: ')'; background: url(http://x.example)",
    "--image: url(//x.example)",
    "background: url(ftp://x.example)",
    "background: url(file:///x)",
    "background: url(blob:x)",
    "background: url(javascript:alert(1))",
    "background: url('java\\\nscript:alert(1)')",
    "background: url(j\\61vascript:alert(1))",
    "background: url(vbscript:x)",
    "background: url(data:text/html,x)",
    "background: javascript:alert(1)",
    "width: expression(alert(1))",
    "width: EXPR\\45SSION(alert(1))",
    "width: exp/**/ression(alert(1))",
    "behavior: url(x.htc)",
    "-moz-binding: url(x.xml#y)",
    "@import 'x.css'",
]


@pytest.mark.parametrize("style", NEAR)
def test_a_style_may_show_embedded_images(style: str) -> None:
    assert styles.is_plain(style)


@pytest.mark.parametrize("style", FAR)
def test_a_style_fetches_nothing_from_elsewhere_and_runs_nothing(style: str) -> None:
    assert not styles.is_plain(style)


@pytest.mark.parametrize(
    "inner",
    [
        "<p style='background-image: url(tbl_bck1.png)'>x</p>",
        '<td style="background: url(&quot;a.png&quot;)">x</td>',
        "<a href='https://example.org'>x</a>",
        "<a href='#x' name='y'>x</a>",
        "<a href='Patient/1'>x</a>",
        "<a href='mailto:x@example.org'>x</a>",
        "<a href='data.html'>x</a>",
        "<img src='#image' alt='x'/>",
        "<img src='images/a.png' alt='x'/>",
        "<img src='data:image/svg+xml;base64,AA==' alt='x'/>",
        "<img src=' data: image/png;base64,AA==' alt='x'/>",
        "<![CDATA[<script>x</script> & more]]>",
        "<!-- a comment --><p>x</p>",
    ],
)
def test_xhtml_that_only_formats_is_accepted(inner: str) -> None:
    assert narrative.is_plain(DIV.format(inner))
    assert narrative.has_content(DIV.format(inner))


@pytest.mark.parametrize(
    "inner",
    [
        "<p style='background-image: url(https://x.example/a.png)'>x</p>",
        "<p style='background: url(&#104;ttp://x.example)'>x</p>",
        "<a href='javascript:x()'>x</a>",
        "<a href='&#1;javascript:x()'>x</a>",
        "<a href='JaVa&#10;Script:x()'>x</a>",
        "<a href='vbscript:x'>x</a>",
        "<a href='data:image/svg+xml,x'>x</a>",
        "<img src='javascript:x()' alt='x'/>",
        "<img src='data:text/html,x' alt='x'/>",
        "<img src='x' onerror='x()' alt='x'/>",
        "<p STYLE='color: red'>x</p>",
        "<svg>x</svg>",
        "<div><![CDATA[x</div>",
    ],
)
def test_unsafe_or_malformed_xhtml_is_refused(inner: str) -> None:
    assert not narrative.is_plain(DIV.format(inner))


@pytest.mark.parametrize(
    ("inner", "shown"),
    [
        ("<![CDATA[x]]>", True),
        ("<![CDATA[<b>]]>", True),
        ("<![CDATA[ ]]>", False),
        ("<p><![CDATA[]]></p>", False),
        ("<!-- x > y -->", False),
        ("<p title='x > y'> </p>", False),
        ("<p>&#160;</p>", False),
        ("&gt;", True),
        ("<img src='#a' alt=''/>", True),
        ("&lt;img", True),
        ("<p>x", True),  # Malformed XHTML, which is reported separately.
    ],
)
def test_content_is_text_or_an_image(inner: str, *, shown: bool) -> None:
    assert narrative.has_content(DIV.format(inner)) is shown


MANY = 100_000
LONG = [
    "/*", "(", "url(", '"\\', "'", "\\", "a\\ ", "url( ", "\\1", '\n"', "url('", "*/", " ", "é",
    "url(\\", ")", "@", "--",
]  # fmt: skip


@pytest.mark.parametrize("piece", LONG)
def test_a_long_style_is_read_to_its_end(piece: str) -> None:
    """Quadratic reading would take minutes."""
    assert isinstance(styles.is_plain(f"a: {piece * MANY}"), bool)


@pytest.mark.parametrize("piece", ["<", "<div>", "<!--", "<![CDATA[", "<p title='>"])
def test_a_long_div_without_an_end_is_read_to_its_end(piece: str) -> None:
    assert not narrative.is_plain(piece * MANY)
    assert narrative.has_content(piece * MANY)
