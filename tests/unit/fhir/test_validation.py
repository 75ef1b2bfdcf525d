import copy
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.fhir import fhirjson
from shared.fhir.empties import strip
from shared.fhir.validation import schema
from shared.fhir.validation.invariants import CONTAINED_INVARIANTS, INVARIANTS
from shared.fhir.validation.primitives import PRIMITIVES
from shared.fhir.validation.validation import issues, validate

EXAMPLES = sorted(Path(__file__).parents[2].glob("fixtures/r4-examples/*.json"))
VR = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR"}
UCUM = "http://unitsofmeasure.org"
X = "https://example.org/x"
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'
# A primitive with only an extension, whose value is unknown.
UNKNOWN = {"extension": [{"url": X, "valueCode": "unknown"}]}


def encounter(**elements: Any) -> dict[str, Any]:
    elements = {"status": "planned", "class": VR, **elements}
    return {"resourceType": "Encounter", **{k: v for k, v in elements.items() if v is not ...}}


def communication(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Communication", "status": "completed", **elements}


def extended(**value: Any) -> dict[str, Any]:
    return encounter(extension=[{"url": X, **value}])


def narrated(inner: str) -> dict[str, Any]:
    return encounter(text={"status": "generated", "div": DIV.format(inner)})


def numbers(text: str) -> Any:
    return fhirjson.loads(text)


def problems_of(resource: dict[str, Any]) -> list[tuple[str, str]]:
    kind = resource["resourceType"]
    return [(issue.code, issue.expression) for issue in issues(resource, kind)]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_specifications_own_examples_are_valid(path: Path) -> None:
    resource = fhirjson.loads(path.read_bytes())
    assert strip(resource).resource == resource
    assert problems_of(resource) == []


def test_examples_exist() -> None:
    assert len(EXAMPLES) >= 14


PATIENT = {"resourceType": "Patient", "id": "p"}
ME = {"reference": "#p"}
TIMING = {"repeat": {"duration": 1, "durationUnit": "h", "when": ["PCM"], "offset": 5}}
TRIGGER = {"type": "data-added", "data": [{"type": "Encounter"}]}
STATUSES = schema.value_set_codes("encounter-status")

LEGAL = [
    *[encounter(status=status) for status in STATUSES],
    *[communication(status=status) for status in schema.value_set_codes("event-status")],
    *[communication(priority=priority) for priority in schema.value_set_codes("request-priority")],
    encounter(**{"class": {"display": "no code"}}),
    encounter(**{"class": UNKNOWN}),
    encounter(status=..., _status=UNKNOWN),
    encounter(_status={"id": "a"}),
    encounter(id="A-1.b"),
    encounter(id="a" * 64),
    encounter(language="de-CH", implicitRules="https://example.org/rules"),
    encounter(identifier=[{"system": "urn:oid:1.2.3", "value": "x", "use": "old"}]),
    encounter(identifier=[{"system": "urn:uuid:x"}]),
    *[
        encounter(period={"start": start})
        for start in (
            "2021",
            "2021-06",
            "2021-06-15",
            "2024-02-29",
            "2021-06-15T20:56:01Z",
            "2021-06-15T20:56:01.419149+00:00",
            "2021-06-15T23:59:60-14:00",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
        )
    ],
    encounter(period={"start": "2013-03-11T10:00:00Z", "end": "2013-03-11"}),
    encounter(period={"start": "2013-03", "end": "2013"}),
    encounter(period={"start": "2013-03-11T10:00:00.9Z", "end": "2013-03-11T10:00:00Z"}),
    encounter(period={"_start": UNKNOWN, "end": "2013"}),
    encounter(period=UNKNOWN),
    encounter(length={"value": 5}),
    encounter(length={"value": 5, "system": UCUM, "code": "min", "comparator": "<"}),
    encounter(length=numbers('{"value":1.50,"unit":"min"}')),
    encounter(length=numbers('{"value":-1E-400}')),
    encounter(length=numbers('{"value":123456789012345678901234567890}')),
    encounter(subject={"identifier": {"value": "x"}}),
    encounter(subject={"display": "Homer"}),
    encounter(subject={"reference": "https://other.example/fhir/Practitioner/1"}),
    encounter(subject={"reference": "urn:uuid:2b3c1e0a-0000-4000-8000-000000000000"}),
    encounter(subject={"reference": "Patient?identifier=a|b"}),
    encounter(subject={"reference": "Patient/1/_history/2", "type": "Patient"}),
    encounter(partOf={"reference": "Encounter/x"}),
    encounter(contained=[PATIENT], subject=ME),
    encounter(contained=[{**PATIENT, "link": [{"type": "seealso", "other": {"reference": "#"}}]}]),
    encounter(contained=[PATIENT], extension=[{"url": X, "valueUri": "#p"}]),
    encounter(contained=[{**PATIENT, "birthDate": "1956", "gender": "male"}], subject=ME),
    encounter(
        contained=[{"resourceType": "Binary", "id": "p", "contentType": "a/b"}],
        extension=[{"url": X, "valueReference": ME}],
    ),
    encounter(modifierExtension=[{"url": X, "valueBoolean": False}]),
    extended(extension=[{"url": "inner", "valueString": "x"}]),
    extended(valueString=" \t\r\n"),
    extended(valueString="nbsp\u00a0 zero-width\u200b emoji\U0001f600"),
    extended(_valueString=UNKNOWN),
    extended(valueMarkdown="# *x*\n"),
    extended(valueBase64Binary="YW Jj\nZGVm\n"),
    extended(valueBase64Binary="YQ=="),
    extended(valueBoolean=False),
    extended(valueInteger=-(2**31)),
    extended(valueInteger=0),
    extended(valueUnsignedInt=0),
    extended(valuePositiveInt=2**31 - 1),
    extended(valueDecimal=0),
    extended(valueOid="urn:oid:2.16.840"),
    extended(valueUuid="urn:uuid:c757873d-ec9a-4326-a141-556f43239520"),
    extended(valueTime="23:59:60.1"),
    extended(valueDate="2021-06"),
    extended(valueInstant="2021-06-15T20:56:01Z"),
    extended(valueCode="two words"),
    extended(valueCanonical="https://example.org/p|1.0"),
    extended(valueAge={"value": 5, "system": UCUM, "code": "a"}),
    extended(valueCount={"value": 5, "code": "1", "system": UCUM}),
    extended(valueDistance={"value": 5, "code": "m", "system": UCUM}),
    extended(valueQuantity={"value": 5, "comparator": ">="}),
    extended(valueRange={"low": {"value": 1}, "high": {"value": 1}}),
    extended(valueRange={"low": {"value": 2, "unit": "m"}, "high": {"value": 1, "unit": "km"}}),
    extended(valueRange={"low": {"value": 2}}),
    extended(
        valueRange={
            "low": {"value": 2, "unit": "m", "system": UCUM, "code": "m"},
            "high": {"value": 1, "unit": "m", "system": UCUM, "code": "km"},
        }
    ),
    extended(
        valueRange={
            "low": {"value": 2, "system": UCUM, "code": "m"},
            "high": {"value": 1, "system": "urn:x", "code": "m"},
        }
    ),
    extended(valueRange={"low": {"value": 2, "system": UCUM, "code": "m"}, "high": {"value": 1}}),
    extended(valueRatio={"numerator": {"value": 1}, "denominator": {"value": 2}}),
    extended(valueRatio=UNKNOWN),
    extended(valueMoney={"value": 1, "currency": "CHF"}),
    extended(valueTiming=TIMING),
    extended(valueTiming={"repeat": {"timeOfDay": ["08:00:00"], "boundsPeriod": {"end": "2021"}}}),
    extended(valueTriggerDefinition=TRIGGER),
    extended(valueTriggerDefinition={"type": "periodic", "timingDate": "2021"}),
    extended(valueExpression={"language": "text/cql", "expression": "true"}),
    extended(valueDataRequirement={"type": "Encounter", "codeFilter": [{"path": "type"}]}),
    extended(valueHumanName={"given": ["A", None], "_given": [None, UNKNOWN]}),
    extended(valueHumanName={"given": ["A", "B"], "_given": [{"id": "x"}, None]}),
    extended(valueHumanName={"_given": [UNKNOWN]}),
    extended(valueContactPoint={"system": "phone", "value": "1"}),
    extended(valueMeta={"tag": [{"code": "x"}]}),
    extended(valueSampledData={"origin": {"value": 1}, "period": 1, "dimensions": 1, "data": "E"}),
    extended(
        valueSignature={"type": [VR], "when": "2021-06-15T20:56:01Z", "who": {"display": "x"}}
    ),
    extended(
        valueDosage={"doseAndRate": [{"doseQuantity": {"value": 1}}], "asNeededBoolean": True}
    ),
    communication(
        payload=[{"contentString": "hi"}, {"contentReference": {"reference": "Media/1"}}]
    ),
    communication(payload=[{"contentAttachment": {"contentType": "text/plain; charset=utf-8"}}]),
    communication(payload=[{"contentAttachment": {"data": "YQ==", "_contentType": UNKNOWN}}]),
    communication(payload=[{"_contentString": UNKNOWN}]),
    communication(instantiatesUri=["https://example.org/x"], _instantiatesUri=[{"id": "a"}]),
    communication(recipient=[{"reference": f"{name}/1"} for name in ("CareTeam", "Device")]),
    communication(partOf=[{"reference": "Basic/1"}], about=[{"reference": "Task/1"}]),
    communication(
        note=[{"text": "x", "authorReference": {"reference": "Patient/1"}, "time": "2020"}]
    ),
    narrated("<p style='color: red'>a <b>b</b><br/>&#160;&lt;</p><img src='#a' alt=''/>"),
    narrated("<a href='https://example.org' xml:lang='de'>x</a>"),
    narrated("<img src='data:image/png;base64,AAAA' alt='x'/>"),
]


@pytest.mark.parametrize("resource", LEGAL)
def test_a_resource_that_r4_allows_is_accepted_and_kept(resource: dict[str, Any]) -> None:
    assert problems_of(resource) == []
    assert strip(resource).resource == resource


V = "Encounter.extension[0].value"
REFUSED = [
    # structure
    (encounter(foo=1), "structure", "Encounter.foo"),
    (encounter(**{"The patient said": 1}), "structure", "Encounter"),
    (encounter(_class={"id": "x"}), "structure", "Encounter._class"),
    (encounter(fhir_comments=["x"]), "structure", "Encounter"),
    (encounter(participant=[{"who": {}}]), "structure", "Encounter.participant[0].who"),
    (encounter(subject={"resourceType": "Patient"}), "structure", "Encounter.subject.resourceType"),
    (encounter(subject="Patient/1"), "structure", "Encounter.subject"),
    (encounter(subject=[{"display": "x"}]), "structure", "Encounter.subject"),
    (encounter(type={"text": "x"}), "structure", "Encounter.type"),
    (encounter(type=[["x"]]), "structure", "Encounter.type[0]"),
    (encounter(**{"class": []}), "structure", "Encounter.class"),
    (encounter(meta={"project": "x"}), "structure", "Encounter.meta.project"),
    (communication(instantiatesUri="urn:x"), "structure", "Communication.instantiatesUri"),
    (communication(_instantiatesUri={}), "structure", "Communication.instantiatesUri"),
    (
        communication(payload=[{"contentString": "x"}, {"contentString": "x", "contentUrl": "y"}]),
        "structure",
        "Communication.payload[1].contentUrl",
    ),
    (
        communication(payload=[{"contentString": "x", "contentReference": {"display": "y"}}]),
        "structure",
        "Communication.payload[0].contentReference",
    ),
    (extended(valueString="x", _valueBoolean=UNKNOWN), "structure", f"{V}Boolean"),
    (encounter(contained=[{"language": "de"}]), "structure", "Encounter.contained[0]"),
    (encounter(contained=[{"resourceType": "Person2"}]), "structure", "Encounter.contained[0]"),
    (encounter(contained=[{"resourceType": "HumanName"}]), "structure", "Encounter.contained[0]"),
    (encounter(contained=[{"resourceType": []}]), "structure", "Encounter.contained[0]"),
    (
        encounter(contained=[{**PATIENT, "nam": 1}], subject=ME),
        "structure",
        "Encounter.contained[0].nam",
    ),
    # types without extensions
    (encounter(id="a", _id=UNKNOWN), "structure", "Encounter._id"),
    (encounter(_id={"id": "x"}), "structure", "Encounter._id"),
    (extended(_url=UNKNOWN, valueString="x"), "structure", "Encounter.extension[0]._url"),
    (
        encounter(subject={"id": "s", "_id": UNKNOWN, "display": "x"}),
        "structure",
        "Encounter.subject._id",
    ),
    (
        encounter(text={"status": "generated", "div": DIV.format("x"), "_div": UNKNOWN}),
        "structure",
        "Encounter.text._div",
    ),
    (
        encounter(contained=[{**PATIENT, "_id": UNKNOWN}], subject=ME),
        "structure",
        "Encounter.contained[0]._id",
    ),
    # required
    (encounter(status=...), "required", "Encounter.status"),
    (encounter(**{"class": ...}), "required", "Encounter.class"),
    (encounter(text={"status": "empty"}), "required", "Encounter.text.div"),
    (encounter(text={"div": DIV.format("x")}), "required", "Encounter.text.status"),
    (encounter(location=[{"status": "active"}]), "required", "Encounter.location[0].location"),
    (
        encounter(statusHistory=[{"status": "planned"}]),
        "required",
        "Encounter.statusHistory[0].period",
    ),
    (
        encounter(modifierExtension=[{"valueString": "x"}]),
        "required",
        "Encounter.modifierExtension[0].url",
    ),
    (
        encounter(_status={"extension": [{"valueString": "x"}]}),
        "required",
        "Encounter.status.extension[0].url",
    ),
    (communication(payload=[UNKNOWN]), "required", "Communication.payload[0].content"),
    (
        encounter(
            contained=[{"resourceType": "Basic", "id": "p"}],
            extension=[{"url": X, "valueReference": ME}],
        ),
        "required",
        "Encounter.contained[0].code",
    ),
    # required bindings
    (encounter(status="bogus"), "code-invalid", "Encounter.status"),
    (communication(status="planned"), "code-invalid", "Communication.status"),
    (communication(priority="high"), "code-invalid", "Communication.priority"),
    (
        encounter(text={"status": "x", "div": DIV.format("x")}),
        "code-invalid",
        "Encounter.text.status",
    ),
    (encounter(identifier=[{"use": "x"}]), "code-invalid", "Encounter.identifier[0].use"),
    (
        encounter(statusHistory=[{"status": "x", "period": {"start": "2021"}}]),
        "code-invalid",
        "Encounter.statusHistory[0].status",
    ),
    (
        encounter(location=[{"location": {"display": "x"}, "status": "x"}]),
        "code-invalid",
        "Encounter.location[0].status",
    ),
    (
        encounter(length={"value": 1, "comparator": "="}),
        "code-invalid",
        "Encounter.length.comparator",
    ),
    (
        communication(payload=[{"contentAttachment": {"contentType": "pdf"}}]),
        "code-invalid",
        "Communication.payload[0].contentAttachment.contentType",
    ),
    (extended(valueMoney={"currency": "francs"}), "code-invalid", f"{V}Money.currency"),
    (extended(valueHumanName={"use": "x"}), "code-invalid", f"{V}HumanName.use"),
    (extended(valueContactPoint={"use": "x"}), "code-invalid", f"{V}ContactPoint.use"),
    (extended(valueContactPoint={"system": "x"}), "code-invalid", f"{V}ContactPoint.system"),
    (extended(valueAddress={"use": "x"}), "code-invalid", f"{V}Address.use"),
    (extended(valueAddress={"type": "x"}), "code-invalid", f"{V}Address.type"),
    (
        extended(valueTiming={"repeat": {"dayOfWeek": ["mon", "Mon"]}}),
        "code-invalid",
        f"{V}Timing.repeat.dayOfWeek[1]",
    ),
    (
        encounter(contained=[{**PATIENT, "gender": "m"}], subject=ME),
        "code-invalid",
        "Encounter.contained[0].gender",
    ),
    # references to types that are not allowed
    (encounter(subject={"reference": "Device/1"}), "value", "Encounter.subject.reference"),
    (
        encounter(participant=[{"individual": {"reference": "Patient?name=x"}}]),
        "value",
        "Encounter.participant[0].individual.reference",
    ),
    (encounter(subject={"reference": 5}), "value", "Encounter.subject.reference"),
    # primitives
    *[
        (resource, "value", expression)
        for resource, expression in (
            (encounter(id="a b"), "Encounter.id"),
            (encounter(id="a" * 65), "Encounter.id"),
            (encounter(id=7), "Encounter.id"),
            (encounter(id="é"), "Encounter.id"),
            (encounter(language=" de"), "Encounter.language"),
            (encounter(implicitRules="a b"), "Encounter.implicitRules"),
            (encounter(status=True), "Encounter.status"),
            (encounter(status={"code": "planned"}), "Encounter.status"),
            (encounter(identifier=[{"system": "a b"}]), "Encounter.identifier[0].system"),
            (encounter(identifier=[{"value": 5}]), "Encounter.identifier[0].value"),
            (encounter(length={"value": "5"}), "Encounter.length.value"),
            (encounter(length={"value": True}), "Encounter.length.value"),
            (encounter(meta={"lastUpdated": "2021"}), "Encounter.meta.lastUpdated"),
            (communication(sent="yesterday"), "Communication.sent"),
            (
                communication(payload=[{"contentString": 5}]),
                "Communication.payload[0].contentString",
            ),
        )
    ],
    *[
        (encounter(period={"start": start}), "value", "Encounter.period.start")
        for start in (
            "0000",
            "21",
            "2021-6",
            "2021-13",
            "2021-00",
            "2021-06-00",
            "2021-06-31",
            "2023-02-29",
            "2021-06-15T10",
            "2021-06-15T10:00",
            "2021-06-15T10:00Z",
            "2021-06-15T10:00:00",
            "2021-06-15T24:00:00Z",
            "2021-06-15T10:00:61Z",
            "2021-06-15T10:00:00.Z",
            "2021-06-15T10:00:00+15:00",
            "2021-06-15T10:00:00+14:30",
            "2021-06-15T10:00:00z",
            "2021-06-15 10:00:00Z",
            "2021-06-15T10:00:00Z ",
            "٢٠٢١",
            2021,
        )
    ],
    *[
        (extended(**{f"value{kind}": value}), "value", f"{V}{kind}")
        for kind, value in (
            ("Base64Binary", "YQ="),
            ("Base64Binary", "Y-__"),
            ("Boolean", "true"),
            ("Boolean", 1),
            ("Canonical", "a b"),
            ("Code", "two  spaces"),
            ("Code", "tab\tted"),
            ("Date", "2021-06-15T10:00:00Z"),
            ("Instant", "2021-06-15"),
            ("Integer", 2**31),
            ("Integer", numbers("1.0")),
            ("Integer", numbers("1" * 30)),
            ("Markdown", "\x00"),
            ("Oid", "1.2.3"),
            ("PositiveInt", 0),
            ("String", "bell\x07"),
            ("String", "x" * (1024 * 1024 + 1)),
            ("Time", "10:00"),
            ("UnsignedInt", -1),
            ("Url", "a b"),
            ("Uuid", "c757873d-ec9a-4326-a141-556f43239520"),
        )
    ],
    # invariants
    (encounter(subject={}), "invariant", "Encounter.subject"),
    (encounter(subject={"id": "x"}), "invariant", "Encounter.subject"),
    (encounter(subject={"display": ""}), "invariant", "Encounter.subject.display"),
    (encounter(subject={"display": None}), "invariant", "Encounter.subject.display"),
    (encounter(type=[]), "invariant", "Encounter.type"),
    (encounter(type=[{"text": "x"}, {}]), "invariant", "Encounter.type[1]"),
    (encounter(status=..., _status={"id": "x"}), "invariant", "Encounter.status"),
    (extended(valueHumanName={"given": [None]}), "invariant", f"{V}HumanName.given[0]"),
    (
        extended(valueHumanName={"given": [None], "_given": [None]}),
        "invariant",
        f"{V}HumanName.given[0]",
    ),
    (
        encounter(contained=[{**PATIENT, "contained": [{**PATIENT, "id": "q"}]}], subject=ME),
        "invariant",
        "Encounter.contained[0]",
    ),
    (encounter(contained=[PATIENT]), "invariant", "Encounter.contained[0]"),
    (
        encounter(contained=[PATIENT], subject={"display": "#p"}),
        "invariant",
        "Encounter.contained[0]",
    ),
    (
        encounter(contained=[{**PATIENT, "meta": {"versionId": "1"}}], subject=ME),
        "invariant",
        "Encounter.contained[0]",
    ),
    (
        encounter(contained=[{**PATIENT, "meta": {"security": [VR]}}], subject=ME),
        "invariant",
        "Encounter.contained[0]",
    ),
    (extended(), "invariant", "Encounter.extension[0]"),
    (extended(valueString="x", extension=[{"url": X, "valueCode": "y"}]), "invariant", V[:-6]),
    (encounter(subject=ME), "invariant", "Encounter.subject"),
    (encounter(subject={"reference": "#"}), "invariant", "Encounter.subject"),
    (
        encounter(period={"start": "2021-06-15T10:00:01Z", "end": "2021-06-15T10:00:00Z"}),
        "invariant",
        "Encounter.period",
    ),
    (encounter(period={"start": "2021", "end": "2020-12"}), "invariant", "Encounter.period"),
    (encounter(length={"code": "min", "system": UCUM}), "invariant", "Encounter.length"),
    (
        encounter(length={"value": 1, "code": "min", "system": "urn:x"}),
        "invariant",
        "Encounter.length",
    ),
    (
        communication(payload=[{"contentAttachment": {"data": "YQ=="}}]),
        "invariant",
        "Communication.payload[0].contentAttachment",
    ),
    *[
        (extended(**{f"value{kind}": value}), "invariant", f"{V}{kind}{where}")
        for kind, where, value in (
            ("Age", "", {"value": 0, "code": "a", "system": UCUM}),
            ("Age", "", {"value": 5}),
            ("ContactPoint", "", {"value": "1"}),
            ("Count", "", numbers('{"value":1.0,"code":"1","system":"http://unitsofmeasure.org"}')),
            ("Count", "", {"value": 1, "code": "m", "system": UCUM}),
            (
                "DataRequirement",
                ".codeFilter[0]",
                {"type": "Task", "codeFilter": [{"valueSet": "x"}]},
            ),
            (
                "DataRequirement",
                ".dateFilter[0]",
                {"type": "Task", "dateFilter": [{"path": "x", "searchParam": "y"}]},
            ),
            ("Distance", "", {"value": 1, "code": "m", "system": "urn:x"}),
            (
                "Dosage",
                ".doseAndRate[0].doseQuantity",
                {"doseAndRate": [{"doseQuantity": {"comparator": "<"}}]},
            ),
            ("Expression", "", {"language": "text/cql"}),
            ("Quantity", "", {"code": "m"}),
            ("Range", "", {"low": {"value": 2}, "high": {"value": 1}}),
            ("Range", "", {"low": {"value": 2, "unit": "m"}, "high": {"value": 1, "unit": "m"}}),
            (
                "Range",
                "",
                {
                    "low": {"value": 2, "unit": "metre", "system": UCUM, "code": "m"},
                    "high": {"value": 1, "unit": "m", "system": UCUM, "code": "m"},
                },
            ),
            ("Ratio", "", {"numerator": {"value": 2}}),
            ("Ratio", "", {"id": "x", "denominator": {"value": 2}}),
            ("Timing", ".repeat", {"repeat": {"duration": 1}}),
            ("Timing", ".repeat", {"repeat": {"period": 1}}),
            ("Timing", ".repeat", {"repeat": {"duration": -1, "durationUnit": "h"}}),
            ("Timing", ".repeat", {"repeat": {"period": -1, "periodUnit": "h"}}),
            ("Timing", ".repeat", {"repeat": {"periodMax": 1}}),
            ("Timing", ".repeat", {"repeat": {"durationMax": 1}}),
            ("Timing", ".repeat", {"repeat": {"countMax": 1}}),
            ("Timing", ".repeat", {"repeat": {"offset": 1}}),
            ("Timing", ".repeat", {"repeat": {"offset": 1, "when": ["C"]}}),
            ("Timing", ".repeat", {"repeat": {"when": ["HS"], "timeOfDay": ["10:00:00"]}}),
            ("TriggerDefinition", "", {**TRIGGER, "timingDate": "2021"}),
            (
                "TriggerDefinition",
                "",
                {
                    "type": "periodic",
                    "timingDate": "2021",
                    "condition": {"language": "a/b", "expression": "x"},
                },
            ),
            ("TriggerDefinition", "", {"type": "named-event"}),
            ("TriggerDefinition", "", {"type": "periodic"}),
            ("TriggerDefinition", "", {"type": "data-added"}),
        )
    ],
    *[
        (narrated(inner), "invariant", "Encounter.text")
        for inner in (
            "",
            " <p> </p> ",
            "<script>alert(1)</script>x",
            "<p onclick='x()'>x</p>",
            "<a href=' java\tscript:x()'>x</a>",
            "<img src='data:text/html,x'/>",
            "<p style='background: url(https://example.org)'>x</p>",
            "<form>x</form>",
            "<p>x",
            "&nbsp;x",
            "<?php x ?>x",
            "<x:p xmlns:x='urn:x'>x</x:p>",
        )
    ],
    (
        encounter(text={"status": "generated", "div": "<div>x</div>"}),
        "invariant",
        "Encounter.text",
    ),
    (
        encounter(
            text={"status": "generated", "div": '<p xmlns="http://www.w3.org/1999/xhtml">x</p>'}
        ),
        "invariant",
        "Encounter.text",
    ),
]


@pytest.mark.parametrize(("resource", "code", "expression"), REFUSED)
def test_a_violation_of_r4_is_refused_at_its_element(
    resource: dict[str, Any], code: str, expression: str
) -> None:
    assert problems_of(resource) == [(code, expression)]


def keys_refused() -> set[str]:
    texts = [issue.text for body, *_ in REFUSED for issue in issues(body, body["resourceType"])]
    return {text.partition(":")[0] for text in texts}


def test_every_invariant_of_r4_is_checked_and_tested() -> None:
    named = set(schema._file("core")["invariants"])
    assert named == set(INVARIANTS) | set(CONTAINED_INVARIANTS)
    assert named <= keys_refused()


def test_every_primitive_type_is_tried_on_both_sides() -> None:
    texts = [issue.text for body, *_ in REFUSED for issue in issues(body, body["resourceType"])]
    refused = {text.split()[3].rstrip(":") for text in texts if text.startswith("Not a valid")}
    assert set(PRIMITIVES) - refused == {"xhtml"}


def test_every_type_of_r4_can_be_read() -> None:
    for name in (*schema._file("core")["types"], *schema._file("contained")["types"]):
        for element in schema.type_named(name).elements.values():
            assert (
                element.primitive or element.type == "Resource" or schema.type_named(element.type)
            )
            assert not element.value_set or schema.code_predicate(element.value_set)("?") in (
                False,
                None,
            )


def test_all_issues_are_reported_at_once() -> None:
    body = encounter(
        status="x", foo=1, participant=[{"period": {"start": "x"}}], length={"value": 1, "code": 5}
    )
    assert problems_of(body) == [
        ("code-invalid", "Encounter.status"),
        ("structure", "Encounter.foo"),
        ("value", "Encounter.participant[0].period.start"),
        ("value", "Encounter.length.code"),
        ("invariant", "Encounter.length"),  # qty-3
        ("invariant", "Encounter.length"),  # drt-1
    ]


def test_every_issue_states_the_problem_and_the_rule_of_r4_but_quotes_no_content() -> None:
    for body, *_ in REFUSED:
        for issue in issues(body, body["resourceType"]):
            assert issue.text
            assert issue.diagnostics
            assert "The patient said" not in repr(issue)
    secret = encounter(status="s3cret", id="s3cret!", subject="s3cret", length={"value": "s3cret"})
    assert "s3cret" not in repr(issues(secret, "Encounter"))


def test_issue_locations_refer_to_the_body_as_sent() -> None:
    stripped = strip(encounter(participant=[{}, {"type": [{"text": ""}, {"text": 5}]}]))
    with pytest.raises(Invalid) as refused:
        validate(stripped.resource, "Encounter", original_path=stripped.original_path)
    assert refused.value.issues[0].expression == "Encounter.participant[1].type[1].text"


def test_a_date_is_read_in_the_zone_given() -> None:
    body = encounter(period={"start": "2021-06-15T03:00:00Z", "end": "2021-06-14"})
    validate(body, "Encounter", zone=ZoneInfo("America/New_York"))
    with pytest.raises(Invalid):
        validate(body, "Encounter", zone=ZoneInfo("Europe/Zurich"))


@pytest.mark.parametrize("body", [{}, {"resourceType": "Encounter"}, [], None, "x", 5])
def test_a_resource_other_than_the_urls_is_refused(body: Any) -> None:
    assert [issue.expression.split(".")[0] for issue in issues(body, "Communication")] == [
        "Communication"
    ]


JSON = st.recursive(
    st.sampled_from([None, "", "#p", "x", "planned", True, 0, -1, 5, "2021-01-01"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["value", "code", "reference", "url", "id", "start", "resourceType"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
NAMES = [
    *schema.type_named("Encounter").elements,
    "_status",
    "resourceType",
    "valueTiming",
    "given",
    "_given",
]


@settings(max_examples=500, deadline=None)
@given(
    st.dictionaries(st.sampled_from(NAMES), JSON, max_size=5), st.sampled_from(EXAMPLES), st.data()
)
def test_a_body_of_any_shape_is_at_most_invalid(
    elements: dict[str, Any], path: Path, data: st.DataObject
) -> None:
    resource = fhirjson.loads(path.read_bytes())
    body = copy.deepcopy(resource) | elements
    target: Any = body
    while isinstance(target, dict | list) and target and data.draw(st.booleans()):
        keys = list(target) if isinstance(target, dict) else list(range(len(target)))
        key = data.draw(st.sampled_from(keys))
        if data.draw(st.booleans()):
            target[key] = data.draw(JSON)
        target = target[key]
    for issue in issues(strip(body).resource, resource["resourceType"]):
        assert issue.expression.startswith(resource["resourceType"])
    issues(body, resource["resourceType"])
