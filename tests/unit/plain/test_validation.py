"""What the plain-JSON API says of a value that is wrong: everything at once, and in its order."""

from shared.plain.collections import COLLECTIONS
from shared.plain.validation import issues

MODEL = COLLECTIONS["encounters"].model


def test_issues_are_in_the_order_of_what_was_sent_within_objects_too() -> None:
    wrong = {
        "types": ["Follow-up", 5, ""],
        "none": 1,
        "diagnosis": [{"rank": 0, "none": 1, "condition": 5}, "x", {}],
        "status": "done",
    }
    assert [issue.expression for issue in issues(MODEL, wrong)] == [
        "#/types/1",
        "#/types/2",
        "#/none",
        "#/diagnosis/0/rank",
        "#/diagnosis/0/none",
        "#/diagnosis/0/condition",
        "#/diagnosis/1",
        "#/diagnosis/2",
        "#/status",
    ]


def test_null_is_valid_for_every_field_and_what_the_server_sets_is_ignored() -> None:
    nothing = dict.fromkeys(MODEL.names)
    assert [*issues(MODEL, nothing | {"period": {"start": None}})] == []
    assert [*issues(MODEL, {"id": 5, "version": [], "updated": {}})] == []


def test_no_issue_quotes_what_was_sent() -> None:
    secret = "geheim"
    for wrong in (
        {"status": secret, "class": secret, "patientId": f"{secret} {secret}"},
        {"types": secret, "period": {"start": secret}, "diagnosis": [secret, {"rank": secret}]},
        {"type": {"code": f" {secret}"}, "lengthMinutes": secret, "location": {}},
        secret,
    ):
        found = [*issues(MODEL, wrong)]
        assert found
        assert not any(secret in issue.text for issue in found)
