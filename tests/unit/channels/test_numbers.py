"""The endings by which a number is looked up, in whatever form it is written."""

import phonenumbers
import pytest

from shared.channels.inbound import numbers
from shared.fhir.search_values import phone_ending

# A number that is valid in each country, of those that the library has an example of.
EXAMPLES = [
    number
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
    if (number := phonenumbers.example_number_for_type(region, kind))
]
FORMATS = (
    phonenumbers.PhoneNumberFormat.E164,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    phonenumbers.PhoneNumberFormat.NATIONAL,
    phonenumbers.PhoneNumberFormat.RFC3966,
)


@pytest.mark.parametrize("number", EXAMPLES, ids=str)
def test_all_forms_of_a_number_are_found(number: phonenumbers.PhoneNumber) -> None:
    written = {phone_ending(phonenumbers.format_number(number, form)) for form in FORMATS}
    written.add(phone_ending(phonenumbers.national_significant_number(number)))
    assert written <= numbers.endings(phonenumbers.format_number(number, FORMATS[0]))


def test_what_is_no_number_has_none() -> None:
    assert numbers.endings("ABshop") == set()
    assert numbers.endings("22395") == {"22395"}
