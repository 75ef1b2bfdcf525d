"""Two transactions of clients, one of which sleeps during the other: they are serialized."""

import pytest

from tests.stateful.place import Place
from tests.stateful.practice import local
from tests.stateful.requests import Sleeping
from tests.support import care
from tests.support.bundles import bundle, entry


@pytest.mark.parametrize("number", range(1, 6))
def test_resources_that_a_transaction_leaves_unchanged_stay_so_until_it_commits(
    number: int,
) -> None:
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
        languages = {place.answer("GET", f"/{path}").body["language"] for path in paths}
        assert len(languages) == 1
        place.check()
    finally:
        place.close()
