"""The fixtures of the tests of handlers."""

from tests.api.conftest import clinic, tables

__all__ = ["clinic", "tables"]
