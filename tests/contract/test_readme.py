"""README says what the catalogue and the template say, and leads nowhere that is not there."""

import re

from shared.catalog.access_patterns import ACCESS_PATTERNS
from shared.packaging.build import ROOT
from tests.contract import readme

TEXT = readme.PATH.read_text()
LINKS = re.findall(r"\]\((?!https?:)([^)]+)\)", TEXT)


def test_tables_are_up_to_date() -> None:
    # If not: uv run python -m tests.contract.readme
    assert readme.rewritten(TEXT) == TEXT


def test_every_access_pattern_has_a_place_where_its_keys_are_made() -> None:
    assert set(readme.MADE_BY) == set(ACCESS_PATTERNS)


def test_links_lead_to_files_and_headings_that_are_there() -> None:
    lines = re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    headings = {re.sub(r"[^\w -]", "", line).lower().replace(" ", "-") for line in lines}
    for link in LINKS:
        path, _, heading = link.partition("#")
        assert (ROOT / path).exists(), link
        assert heading in headings or not heading, link


def test_the_two_commands_are_named() -> None:
    for command in ("pip install uv && uv run async-encounters demo", "uv run pytest"):
        assert command in TEXT
