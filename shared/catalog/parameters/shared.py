"""Search parameters that several types of people and places share."""

from shared.catalog.parameters import (
    CODE_SYSTEM_BASE,
    HL7,
    OWN_DEFINITION_PATH,
    SearchParam,
    param,
    row,
)

# R4 defines the parameters that people have in common once, under this name.
_INDIVIDUAL = "individual"
_PARTS = {
    "address": "address",
    "address-city": "address.city",
    "address-country": "address.country",
    "address-postalcode": "address.postalCode",
    "address-state": "address.state",
}


def contacts(resource: str) -> tuple[SearchParam, ...]:
    """Return the parameters of telephone numbers and e-mail addresses, which share their rows."""
    paths = {
        "email": "telecom.where(system='email')",
        "phone": "telecom.where(system='phone')",
        "telecom": "telecom",
    }
    return tuple(
        param(
            resource,
            code,
            "token",
            path,
            element="ContactPoint",
            definition=f"{HL7}{_INDIVIDUAL}-{code}",
            **row(partition="telecom", resources_per_value=10),
        )
        for code, path in paths.items()
    )


def phone_endings(resource: str) -> SearchParam:
    """Return the parameter by which a number is found however it is written."""
    numbers = f"telecom.where(system='phone') | {resource}.telecom.where(system='sms')"
    return param(
        resource,
        "phone-ending",
        "token",
        numbers,
        element="ContactPoint",
        by_ending=True,
        definition=f"{OWN_DEFINITION_PATH}{resource}-phone-ending",
        description="The last seven digits of a telephone number, however it is written. A longer "
        "number is compared by its ending, too",
        needs_reindexing=True,
        **row(resources_per_value=10),
    )


def addresses(resource: str, defined_by: str = _INDIVIDUAL) -> tuple[SearchParam, ...]:
    """Return the parameters of postal addresses."""
    return (
        *(
            param(resource, code, "string", path, definition=f"{HL7}{defined_by}-{code}")
            for code, path in _PARTS.items()
        ),
        param(
            resource,
            "address-use",
            "token",
            "address.use",
            element="code",
            system=f"{CODE_SYSTEM_BASE}/address-use",
            definition=f"{HL7}{defined_by}-address-use",
        ),
    )
