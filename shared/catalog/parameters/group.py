"""The search parameters of Group."""

from functools import partial

from shared.catalog.parameters import CODE_SYSTEM_BASE, PARTICIPANTS, common_params, param, row

_group = partial(param, "Group")

ROWS = (
    *common_params("Group"),
    _group("actual", "token", "actual", element="boolean"),
    _group("characteristic", "token", "characteristic.code", element="CodeableConcept"),
    _group("code", "token", "code", element="CodeableConcept"),
    _group("exclude", "token", "characteristic.exclude", element="boolean"),
    _group("identifier", "token", "identifier", element="Identifier", **row(resources_per_value=1)),
    _group(
        "managing-entity",
        "reference",
        "managingEntity",
        *PARTICIPANTS,
        "Organization",
        **row(resources_per_value=100),
    ),
    _group(
        "member",
        "reference",
        "member.entity",
        "Device",
        "Group",
        "Medication",
        "Patient",
        "Practitioner",
        "PractitionerRole",
        "Substance",
        **row(resources_per_value=10),
    ),
    _group("type", "token", "type", element="code", system=f"{CODE_SYSTEM_BASE}/group-type"),
    _group(
        "value",
        "token",
        "(Group.characteristic.value.ofType(CodeableConcept)) | "
        "(Group.characteristic.value.ofType(boolean))",
        element="CodeableConcept",
    ),
)
