"""The tables in moto's DynamoDB, which are copied much faster than they are created."""

from copy import deepcopy
from typing import Any

from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.core.models import DEFAULT_ACCOUNT_ID

type MotoTables = dict[str, Any]


def _stored_tables() -> MotoTables:
    tables: MotoTables = get_backend("dynamodb")[DEFAULT_ACCOUNT_ID]["us-east-1"].tables
    return tables


def copy_tables() -> MotoTables:
    """Return a copy of all tables."""
    return deepcopy(_stored_tables())


def restore_tables(tables: MotoTables) -> None:
    """Empty everything that moto imitates, and store a copy of these tables."""
    BackendDict.reset()
    _stored_tables().update(deepcopy(tables))
