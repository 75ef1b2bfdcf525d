"""Transactions of clients, one of which sleeps while another is made: they have one order."""

import pytest

from tests import care
from tests.bundles import bundle, entry
from tests.stateful.place import Place
from tests.stateful.practice import local
from tests.stateful.requests import Sleeping


@pytest.mark.parametrize("number", range(1, 6))
def test_what_a_transaction_leaves_as_it_is_stays_so_until_it_is_made(number: int) -> None:
    place = Place(local("2026-03-02 12:00"))
    try:
        paths = [f"Encounter/{key}" for key in ("one", "other")]

        def both(language: str) -> object:
            return bundle(
                "transaction",
                *(
                    entry("PUT", path, care.session(id=path.partition("/")[2], language=language))
                    for path in paths
                ),
            )

        place.answer("POST", "/", both("en"))
        place.call("POST", "/", both("en"), Sleeping(number))
        place.answer("POST", "/", both("de"))
        while place.asleep:
            place.wake(0)
        found = {place.answer("GET", f"/{path}").body["language"] for path in paths}
        assert len(found) == 1
        place.check()
    finally:
        place.close()
