"""The fixtures of the tests of handlers."""

from tests.api.conftest import clinic, many_calls, tables

__all__ = ["clinic", "many_calls", "tables"]
