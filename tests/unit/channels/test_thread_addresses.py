"""Addresses that name a thread."""

from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr

from shared.channels import thread_addresses
from shared.channels.account_models import MailAccount
from shared.fhir import ulids

KEY, OLD_KEY = "a key of many letters", "an older key of many letters"
ACCOUNT = MailAccount(
    name="mail",
    provider="ses",
    address="care@clinic.example",
    recipient="Organization/clinic",
    thread_key=SecretStr(KEY),
)
ULID = "01M7Q5CQG0DQ4H6J3XQAD0SW3Z"
ids = st.one_of(
    st.integers(0, 2**47).map(ulids.new),
    st.uuids().map(str),
    st.from_regex(r"[A-Za-z0-9.-]{1,64}", fullmatch=True),
)


def rekeyed(key: str, *old_keys: str) -> MailAccount:
    old = tuple(map(SecretStr, old_keys))
    return ACCOUNT.model_copy(update={"thread_key": SecretStr(key), "old_thread_keys": old})


@given(thread_id=ids)
@example(thread_id=ULID.lower())
@example(thread_id=str(UUID(int=0)).upper())
@example(thread_id="thread-1")
@example(thread_id="x" * 64)
def test_an_address_names_its_thread_whatever_case_it_comes_back_in(thread_id: str) -> None:
    address = thread_addresses.thread_address(ACCOUNT, thread_id)
    assert len(address.rpartition("@")[0]) <= 64
    is_named = address != ACCOUNT.address
    assert is_named or len(thread_id) > 15
    for as_sent in (address, address.upper(), address.lower(), address.title()):
        assert thread_addresses.is_of(ACCOUNT, as_sent)
        named = thread_addresses.named_thread(ACCOUNT, as_sent)
        assert named == (thread_id if is_named else "")


@pytest.mark.parametrize("thread_id", [ULID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"])
def test_ids_that_servers_make_fit_into_an_address(thread_id: str) -> None:
    assert thread_addresses.thread_address(ACCOUNT, thread_id) != ACCOUNT.address


def test_every_letter_of_a_token_counts() -> None:
    address = thread_addresses.thread_address(ACCOUNT, ULID)
    begin, end = len("care+"), address.index("@")
    for place in range(begin, end):
        for other in "t0z":
            altered = f"{address[:place]}{other}{address[place + 1 :]}"
            if altered != address:
                assert not thread_addresses.named_thread(ACCOUNT, altered), place


@given(local=st.text(max_size=80))
@example(local="care+t")
@example(local="care+u" + "a" * 42)
@example(local="care+x" + "a" * 16)
def test_whatever_else_is_written_to_names_no_thread(local: str) -> None:
    assert not thread_addresses.named_thread(ACCOUNT, f"{local}@clinic.example")


def test_a_token_is_of_one_account_of_one_tenant() -> None:
    address = thread_addresses.thread_address(ACCOUNT, ULID)
    for change in ({"name": "other"}, {"tenant": "other"}):
        assert not thread_addresses.named_thread(ACCOUNT.model_copy(update=change), address)


def test_after_a_rotation_both_keys_are_taken_until_the_old_one_is_dropped() -> None:
    before = thread_addresses.thread_address(rekeyed(OLD_KEY), ULID)
    rotated = rekeyed(KEY, OLD_KEY)
    after = thread_addresses.thread_address(rotated, ULID)
    assert after == thread_addresses.thread_address(ACCOUNT, ULID) != before
    assert [thread_addresses.named_thread(rotated, one) for one in (before, after)] == [ULID] * 2
    assert not thread_addresses.named_thread(ACCOUNT, before)


@pytest.mark.parametrize(
    ("address", "is_own"),
    [
        ("care@clinic.example", True),
        ("CARE+anything@Clinic.example", True),
        ("care+@clinic.example", True),
        ("caretaker@clinic.example", False),
        ("care@clinic.example.org", False),
        ("+care@clinic.example", False),
        ("care@other.example", False),
        ("care", False),
        ("", False),
    ],
)
def test_an_account_has_its_address_with_any_part_after_a_plus(address: str, is_own: bool) -> None:
    assert thread_addresses.is_of(ACCOUNT, address) is is_own
