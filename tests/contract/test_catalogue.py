"""Facts of the catalogue and the settings are not repeated elsewhere with other values."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from functions import operations
from shared import settings
from shared.catalog import channels
from shared.catalog.operations import OPERATIONS
from shared.catalog.roles import ROLES, USER_ROLES
from shared.http.statuses import MEANINGS, STATUS_BY_ERROR
from shared.local import template
from shared.packaging.build import ROOT

TEMPLATE = template.load()
TABLES = [name for name in TEMPLATE["Resources"] if name.endswith("Table")]
# Resources of the stack, whose names no default has.
OF_THE_STACK = {"audit_archive", "closing_queue_url", "metrics_namespace"}
LIMITS = re.compile(r"_?(LARGEST|LONGEST|MOST)(_\w+)?")
NOT_DEPLOYED = ("local", "packaging")
EXPLORER = ROOT / "shared/http/explorer/files"


def test_every_operation_is_implemented() -> None:
    # If not: functions/operations.py answers 501 to it.
    assert operations.ANSWERS.keys() == {row.code for row in OPERATIONS}


def test_no_two_operations_of_a_type_have_one_name() -> None:
    names = [(kind, row.code) for row in OPERATIONS for kind in row.types]
    assert len(names) == len({*names})


def test_every_status_has_its_meaning() -> None:
    assert MEANINGS.keys() == {*STATUS_BY_ERROR.values()}


def test_each_role_of_people_is_a_group_of_the_user_pool() -> None:
    groups = template.resources(TEMPLATE, "AWS::Cognito::UserPoolGroup").values()
    assert {group["Properties"]["GroupName"] for group in groups} == {*USER_ROLES}


def test_the_service_client_has_a_role() -> None:
    named = re.findall(r"\$\{ServiceClient\}=([a-z-]+)", template.PATH.read_text())
    assert named
    assert {*named} <= ROLES.keys()


def test_the_explorer_offers_closing_to_the_roles_that_may_close() -> None:
    text = (EXPLORER / "closing.js").read_text()
    closers = re.findall(r"CLOSERS = \[(.*)\]", text)[0]
    (row,) = (row for row in OPERATIONS if row.code == "close-session")
    assert {*re.findall(r"'([a-z-]+)'", closers)} == row.roles


def test_the_explorer_knows_threads_of_channels_by_their_identifiers() -> None:
    text = (EXPLORER / "channel.js").read_text()
    assert f"SYSTEM = '{channels.IDENTIFIER_SYSTEM}'" in text
    assert f"OPT_OUT = '{channels.OPT_OUT_PATH}'" in text


def test_defaults_of_settings_are_those_of_the_template() -> None:
    tables = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper(): name for name in TABLES}
    said = template.function_environment(TEMPLATE, {name: name for name in TABLES})
    alone, deployed = (settings.from_environment(one) for one in (tables, said))
    for field in fields(settings.Settings):
        if field.name not in OF_THE_STACK:
            assert getattr(alone, field.name) == getattr(deployed, field.name), field.name


def assigned(path: Path) -> Iterator[tuple[str, str]]:
    """Each name that a module gives a value, and the value's source."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign):
            for name, value in paired(node.targets[0], node.value):
                yield ast.unparse(name), ast.unparse(value)


def paired(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    """The names of an assignment, each with its own value, as in `A, B = 1, 2`."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return [*zip(target.elts, value.elts, strict=True)]
    return [(target, value)]


def test_the_name_of_a_limit_has_one_value() -> None:
    values = defaultdict[str, dict[str, str]](dict)
    for folder in ("functions", "shared"):
        for path in (ROOT / folder).rglob("*.py"):
            for name, value in assigned(path):
                if LIMITS.fullmatch(name):
                    values[name][value] = str(path.relative_to(ROOT))
    assert {name: places for name, places in values.items() if len(places) > 1} == {}


@pytest.mark.parametrize(
    "literal",
    [
        "http://terminology.hl7.org/CodeSystem/v3-ActCode",
        "http://unitsofmeasure.org",
        "https://medplum.com/fhir/CodeSystem/encounter-type",
        "application/x-www-form-urlencoded",
        "frozenset({'versionId', 'lastUpdated'})",
        "GET', 'HEAD",
        "'finished'",
        "'preparation'",
    ],
)
def test_a_constant_is_said_in_one_module(literal: str) -> None:
    named = [path for path, source in deployed_sources().items() if literal in source]
    assert len(named) == 1, named


@cache
def deployed_sources() -> dict[str, str]:
    """The source of each deployed module, in one style and without comments."""
    folders = [path for path in (ROOT / "shared").iterdir() if path.name not in NOT_DEPLOYED]
    paths = [path for folder in folders for path in (folder, *folder.rglob("*.py"))]
    return {
        str(path.relative_to(ROOT)): ast.unparse(ast.parse(path.read_text()))
        for path in (*paths, *(ROOT / "functions").glob("*.py"))
        if path.suffix == ".py"
    }
