"""Telephone numbers, compared by a library however they are written."""

import phonenumbers

from shared.fhir.search_values import phone_ending


def is_same(written: str, number: str, own_number: str) -> bool:
    """Return whether a text is a way to write a number (E.164).

    One without a country is of the country of `own_number`.
    """
    parsed = _parsed(written, _region(own_number))
    return parsed is not None and _formatted(parsed, "E164") == number


def endings(number: str) -> set[str]:
    """Return the endings of a number in all forms: where numbers are short, they differ."""
    texts = [number]
    if parsed := _parsed(number, ""):
        texts += [_formatted(parsed, "NATIONAL"), phonenumbers.national_significant_number(parsed)]
    return {phone_ending(text) for text in texts} - {""}


def _region(number: str) -> str:
    """Return the country of a number; one that shares its code with others is as good as they."""
    parsed = _parsed(number, "")
    code = parsed.country_code if parsed else None
    return str(phonenumbers.region_code_for_country_code(code)) if code else ""


def _parsed(number: str, region: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(number, region or None)
    except phonenumbers.NumberParseException:
        return None


def _formatted(number: phonenumbers.PhoneNumber, form: str) -> str:
    kind: int = getattr(phonenumbers.PhoneNumberFormat, form)
    return phonenumbers.format_number(number, kind)
