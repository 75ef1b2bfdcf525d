"""A resource type is added by rows of the catalogue: these are all that Flag needs.

They are added to a copy of the code, in which `flag_checks.py` then runs.
"""

import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from shared.packaging.build import ROOT

CATALOG = "shared/catalog"
# By file: a line, and the rows that are added before it.
ROWS = {
    f"{CATALOG}/types.py": ('    "Task",\n', '    "Flag",\n'),
    f"{CATALOG}/sort_orders.py": (
        '        "Task": ',
        '        "Flag": SortOrder("date", DateSpan.PERIOD),\n',
    ),
    f"{CATALOG}/compartments.py": (
        '    Member(PATIENT, "ChargeItem"',
        '    Member(PATIENT, "Flag", "patient", "subject"),\n',
    ),
    f"{CATALOG}/examples.py": (
        '    "Task": ',
        '    "Flag": {"status": "active", "code": {"text": "Falls"}, "subject": _HOMER},\n',
    ),
}
PARAMETERS = '''"""The search parameters of Flag."""

from functools import partial

from shared.catalog.parameters import CODE_SYSTEM_BASE, SPREAD, Index, common_params, param, row

_flag = partial(param, "Flag")

ROWS = (
    *common_params("Flag"),
    _flag("author", "reference", "author", "Patient", "Practitioner", **row()),
    _flag("date", "date", "period", index=Index.LISTING, spread=SPREAD),
    _flag(
        "encounter",
        "reference",
        "encounter",
        "Encounter",
        **row(keyed_target="Encounter", resources_per_value=10),
    ),
    _flag("identifier", "token", "identifier", element="Identifier", **row(resources_per_value=1)),
    _flag(
        "patient",
        "reference",
        "subject.where(resolve() is Patient)",
        "Patient",
        **row(resources_per_value=1_000),
    ),
    _flag("subject", "reference", "subject", **row(partition="patient", resources_per_value=1_000)),
)
'''


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the code and of the tests' helpers, without Flag."""
    unneeded = ignore_patterns("__pycache__", "clients", "e2e", "explorer", "benchmarks", "test_*")
    for name in ("functions", "shared"):
        copytree(ROOT / name, tmp_path / name, ignore=ignore_patterns("__pycache__"))
    copytree(ROOT / "tests", tmp_path / "tests", ignore=unneeded)
    for name in ("pyproject.toml", "template.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def add(copied: Path, *names: str) -> None:
    """Add the rows of some files."""
    for name in names:
        anchor, rows = ROWS[name]
        path = copied / name
        before, found, after = path.read_text().partition(anchor)
        assert found, f"{name} has no line {anchor!r}"
        path.write_text(before + rows + anchor + after)


def python(copied: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=copied, capture_output=True, text=True, check=False)


def test_a_type_is_added_by_rows_alone(copied: Path) -> None:
    add(copied, *ROWS)
    (copied / CATALOG / "parameters/flag.py").write_text(PARAMETERS)
    options = ("-q", "-n0", "-p", "no:cacheprovider")
    done = python(copied, "-m", "pytest", *options, "tests/adding/flag_checks.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout


@pytest.mark.parametrize(
    ("left_out", "table"),
    [
        ("sort_orders", "SORT_ORDERS"),
        ("compartments", "MEMBERS, SEEN_BY_ALL or OUTSIDE_COMPARTMENTS"),
        ("examples", "EXAMPLES"),
    ],
)
def test_a_type_without_a_row_fails_at_import(copied: Path, left_out: str, table: str) -> None:
    missing = f"{CATALOG}/{left_out}.py"
    add(copied, *(ROWS.keys() - {missing}))
    done = python(copied, "-c", f"import shared.catalog.{left_out}")
    assert f"ValueError: {table} has no row for Flag" in done.stderr
