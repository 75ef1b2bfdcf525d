"""The documents show what the catalogue and the template say, and their links lead somewhere."""

import re
from pathlib import Path

import pytest

from shared.catalog.access_patterns import ACCESS_PATTERNS
from shared.local import template
from shared.packaging.build import ROOT
from tests.tools import readme

DOCUMENTS = readme.documents()
DOCUMENT = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS]
)
# The longest README of all is for somebody who decides in ten minutes; a room's is read at once.
MOST_LINES, MOST_LINES_OF_A_ROOM = 300, 270
LONGEST_CELL = 500


@DOCUMENT
def test_tables_are_up_to_date(document: Path) -> None:
    # If not: uv run python -m tests.tools.readme
    assert readme.regenerated_text(document) == document.read_text()


def test_each_table_stands_in_one_document() -> None:
    text = "".join(document.read_text() for document in DOCUMENTS)
    names = {make.__name__ for make in readme.TABLES}
    found = {name: text.count(f"<!-- {name} -->\n") for name in names}
    assert {name for name, times in found.items() if times != 1} == set()


def test_every_access_pattern_has_a_place_where_its_keys_are_made() -> None:
    assert set(readme.MADE_BY) == set(ACCESS_PATTERNS)


def headings(document: Path) -> set[str]:
    text = re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    lines = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line).lower().replace(" ", "-") for line in lines}


@DOCUMENT
def test_links_lead_to_files_and_headings_that_are_there(document: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", document.read_text()):
        path, _, heading = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not heading or heading in headings(target), link


@DOCUMENT
def test_a_document_is_short_and_so_are_its_cells(document: Path) -> None:
    lines = document.read_text().splitlines()
    most = MOST_LINES if document.parent == ROOT else MOST_LINES_OF_A_ROOM
    assert len(lines) <= most
    for line in lines:
        cells = re.split(r"(?<!\\)\|", line) if line.startswith("|") else []
        assert all(len(cell) <= LONGEST_CELL for cell in cells), line


def test_the_parameters_that_matter_most_have_the_templates_defaults() -> None:
    text = (ROOT / "README.md").read_text()
    deploy = text.split("\n## Deploy\n")[1].split("\n## ")[0]
    shown = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", deploy, re.MULTILINE))
    known = template.load()["Parameters"]
    assert len(shown) == 8
    for name, default in shown.items():
        assert default.strip(" `") == known[name]["Default"]


def test_the_two_commands_are_named() -> None:
    text = (ROOT / "README.md").read_text()
    for command in ("pip install uv && uv run async-encounters demo", "uv run pytest"):
        assert command in text
