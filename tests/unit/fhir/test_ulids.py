from itertools import pairwise

import pytest

from shared.fhir import ulids

NOON = 1_795_867_200_000


def test_an_id_tells_nothing_of_the_next_one_of_its_millisecond() -> None:
    numbers = [int.from_bytes(ulids.new(NOON).encode()[10:20]) for _ in range(100)]
    assert len(set(numbers)) == len(numbers)
    assert any(later < earlier for earlier, later in pairwise(numbers))


@pytest.mark.parametrize(
    ("time", "written"),
    [(-(10**15), 0), (-1, 0), (0, 0), (NOON, NOON), (2**48 - 1, 2**48 - 1), (2**60, 2**48 - 1)],
)
def test_a_time_that_a_ulid_cannot_have_counts_as_the_nearest_one(time: int, written: int) -> None:
    assert ulids.milliseconds(ulids.new(time)) == written
    assert ulids.new(time).startswith(ulids.prefix(time))


def test_what_has_no_time_sorts_after_all_that_has_one() -> None:
    dated = [ulids.new(time) for time in (0, NOON, ulids.UNDATED - 1)]
    undated = [ulids.new(ulids.UNDATED + time) for time in (0, NOON, NOON + 1)]
    assert sorted(undated + dated) == dated + undated


def test_a_derived_id_has_the_time_of_its_source_and_is_always_the_same() -> None:
    source = ulids.new(NOON)
    first, second = ulids.derived(source, 1), ulids.derived(source, 2)
    assert first == ulids.derived(source, 1)
    assert len({source, first, second}) == 3
    assert {ulids.milliseconds(ulid) for ulid in (first, second)} == {NOON}
    assert ulids.PATTERN.fullmatch(first)


def test_ids_that_were_derived_before_stay_the_same() -> None:
    assert ulids.derived("01M7YZ0TYTZMWDJ4B6Z5MXHB70", 1) == "01M7YZ0TYT0EMNC8F170ABVREA"
