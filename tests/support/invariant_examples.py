"""For each R4 invariant evaluated as FHIRPath: an element that keeps it, and one that does not.

An element is of the type that has the rule and has only what the rule reads. `WITHIN` has the
enclosing resource for the rules that read it as well.
"""

from typing import Any

from tests.support.variants import UCUM

type Json = dict[str, Any]

ERROR = {"coding": [{"code": "entered-in-error"}]}
TEXT = {"text": "x"}
HL7 = "http://terminology.hl7.org/CodeSystem/"


def _coded(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}


_ALLERGY_ERROR = _coded(f"{HL7}allergyintolerance-verification", "entered-in-error")
_CONDITION_ERROR = _coded(f"{HL7}condition-ver-status", "entered-in-error")
_RESOLVED = _coded(f"{HL7}condition-clinical", "resolved")
_ACTIVE = _coded(f"{HL7}condition-clinical", "active")
_RESEARCH = _coded("something", "research")
_PERCENT = {"value": 5, "code": "%", "system": UCUM}
_REQUEST = {"request": {"method": "GET", "url": "Patient"}}
_FIRST = {"resource": {"resourceType": "Patient"}}
_ACTION = {"operation": {"url": "x"}}
_BOTH = {"operation": {"url": "x"}, "assert": {"response": "okay"}}
_ROOT, _INNER = {"id": "a", "path": "Patient"}, {"id": "b", "path": "Patient.name"}
_NUMBERED = {"sourceId": "a"}
_AT_ONCE = {"targetId": "a", "url": "b"}
_TWO = {"response": "okay", "resource": "Patient"}
_COMPARED = {"compareToSourceId": "a", "compareToSourcePath": "b"}
_UNCOMPARED = {"compareToSourceId": "a"}
_SOFTWARE = {"software": {"name": "x"}}
_IMPLEMENTED = {"implementation": {"description": "x"}}

EXAMPLES: dict[str, tuple[Json, Json]] = {
    "ait-1": ({"verificationStatus": _ALLERGY_ERROR}, {"code": TEXT}),
    "ait-2": (
        {"clinicalStatus": TEXT},
        {"clinicalStatus": TEXT, "verificationStatus": _ALLERGY_ERROR},
    ),
    "app-1": ({"type": [TEXT]}, {"status": "accepted"}),
    "app-2": ({"start": "2026", "end": "2026"}, {"end": "2026"}),
    "app-3": ({"status": "waitlist"}, {"status": "booked"}),
    "app-4": (
        {"status": "noshow", "cancelationReason": TEXT},
        {"status": "booked", "cancelationReason": TEXT},
    ),
    "apr-1": ({"actor": {"display": "x"}}, {"comment": "x"}),
    "sev-1": ({"name": "x"}, {"name": "x", "query": "y"}),
    "bdl-1": ({"type": "history", "total": 1}, {"type": "batch", "total": 1}),
    "bdl-2": (
        {"type": "searchset", "entry": [{"search": {"mode": "match"}}]},
        {"type": "batch", "entry": [{"search": {"mode": "match"}}]},
    ),
    "bdl-3": (
        {"type": "batch", "entry": [_REQUEST]},
        {"type": "batch", "entry": [_REQUEST, _FIRST]},
    ),
    "bdl-4": (
        {"type": "batch-response", "entry": [{"response": {"status": "200"}}]},
        {"type": "collection", "entry": [{"response": {"status": "200"}}]},
    ),
    "bdl-5": (_FIRST, {"fullUrl": "urn:x"}),
    "bdl-7": (
        {"type": "collection", "entry": [{"fullUrl": "urn:x"}, {"fullUrl": "urn:y"}]},
        {"type": "collection", "entry": [{"fullUrl": "urn:x"}, {"fullUrl": "urn:x"}]},
    ),
    "bdl-8": ({"fullUrl": "urn:x"}, {"fullUrl": "http://x/Patient/1/_history/1"}),
    "bdl-9": (
        {"type": "document", "identifier": {"system": "urn:x", "value": "y"}},
        {"type": "document", "identifier": {"value": "y"}},
    ),
    "bdl-10": (
        {"type": "document", "timestamp": "2026-01-01T00:00:00Z"},
        {"type": "document", "entry": [_FIRST]},
    ),
    "bdl-11": (
        {"type": "document", "entry": [{"resource": {"resourceType": "Composition"}}]},
        {"type": "document", "entry": [_FIRST]},
    ),
    "bdl-12": (
        {"type": "message", "entry": [{"resource": {"resourceType": "MessageHeader"}}]},
        {"type": "message", "entry": [_FIRST]},
    ),
    "cpb-1": ({"rest": [{"mode": "server"}]}, {"kind": "instance"}),
    "cpb-2": ({"description": "x"}, {"kind": "instance"}),
    "cpb-3": (
        {"kind": "instance", "messaging": [{"endpoint": [{"address": "x"}]}]},
        {"kind": "capability", "messaging": [{"endpoint": [{"address": "x"}]}]},
    ),
    "cpb-7": (
        {"document": [{"mode": "producer", "profile": "x"}, {"mode": "consumer", "profile": "x"}]},
        {"document": [{"mode": "producer", "profile": "x"}, {"mode": "producer", "profile": "x"}]},
    ),
    "cpb-9": (
        {"resource": [{"type": "Patient"}, {"type": "Group"}]},
        {"resource": [{"type": "Patient"}, {"type": "Patient"}]},
    ),
    "cpb-12": (
        {"searchParam": [{"name": "a"}, {"name": "b"}]},
        {"searchParam": [{"name": "a"}, {"name": "a"}]},
    ),
    "cpb-14": ({"kind": "instance", **_IMPLEMENTED}, {"kind": "instance"}),
    "cpb-15": ({"kind": "capability", **_SOFTWARE}, {"kind": "capability"}),
    "cpb-16": ({"kind": "requirements"}, {"kind": "requirements", **_SOFTWARE}),
    "cpl-3": ({"detail": TEXT}, {"detail": TEXT, "reference": {"display": "x"}}),
    "ctm-1": (
        {"onBehalfOf": {"display": "x"}, "member": {"reference": "#doctor"}},
        {"onBehalfOf": {"display": "x"}, "member": {"reference": "#patient"}},
    ),
    "csd-1": (
        {"concept": [{"code": "a", "concept": [{"code": "b"}]}]},
        {"concept": [{"code": "a", "concept": [{"code": "b"}, {"code": "b"}]}]},
    ),
    "cmp-1": ({"text": {"status": "empty"}}, {"title": "x"}),
    "cmp-2": ({"emptyReason": TEXT}, {"emptyReason": TEXT, "entry": [{"display": "x"}]}),
    "cmd-1": ({"equivalence": "equal"}, {"equivalence": "inexact"}),
    "cmd-2": ({"mode": "fixed", "code": "x"}, {"mode": "fixed"}),
    "cmd-3": ({"mode": "other-map", "url": "x"}, {"mode": "other-map"}),
    "con-1": ({"summary": TEXT}, {"type": TEXT}),
    "con-2": ({"code": [TEXT]}, {"extension": []}),
    "con-4": (
        {"abatementString": "x", "clinicalStatus": _RESOLVED},
        {"abatementString": "x", "clinicalStatus": _ACTIVE},
    ),
    "con-5": (
        {"verificationStatus": _CONDITION_ERROR},
        {"verificationStatus": _CONDITION_ERROR, "clinicalStatus": _ACTIVE},
    ),
    "ppc-1": ({"policyRule": TEXT}, {"scope": TEXT}),
    **{
        key: (
            {"scope": _coded("something", code), "patient": {"display": "x"}},
            {"scope": _coded("something", code)},
        )
        for key, code in {
            "ppc-2": "patient-privacy",
            "ppc-3": "research",
            "ppc-4": "adr",
            "ppc-5": "treatment",
        }.items()
    },
    "ces-1": ({"category": TEXT}, {"category": TEXT, "productOrService": TEXT}),
    "eld-1": ({"description": "x"}, {"rules": "open"}),
    "eld-2": ({"min": 1, "max": "1"}, {"min": 2, "max": "1"}),
    "eld-3": ({"max": "*"}, {"max": "-1"}),
    "eld-4": (
        {"code": "Reference", "aggregation": ["bundled"]},
        {"code": "string", "aggregation": ["bundled"]},
    ),
    "eld-5": ({"contentReference": "#x"}, {"contentReference": "#x", "maxValueDate": "2026"}),
    "eld-6": (
        {"fixedString": "x", "type": [{"code": "string"}]},
        {"fixedString": "x", "type": [{"code": "string"}, {"code": "code"}]},
    ),
    "eld-7": (
        {"patternString": "x", "type": [{"code": "string"}]},
        {"patternString": "x", "type": [{"code": "string"}, {"code": "code"}]},
    ),
    "eld-8": ({"patternString": "x"}, {"patternString": "x", "fixedString": "x"}),
    "eld-12": ({"valueSet": "http://x"}, {"valueSet": "x"}),
    "eld-13": (
        {"type": [{"code": "string"}, {"code": "code"}]},
        {"type": [{"code": "code"}, {"code": "code"}]},
    ),
    "eld-14": ({"constraint": [{"key": "a"}, {"key": "b"}]}, {"constraint": [{"key": "a"}] * 2}),
    "eld-15": ({"meaningWhenMissing": "x"}, {"meaningWhenMissing": "x", "defaultValueCode": "y"}),
    "eld-16": ({"sliceName": "a/b-1"}, {"sliceName": "a b"}),
    "eld-17": (
        {"code": "canonical", "targetProfile": ["x"]},
        {"code": "string", "targetProfile": ["x"]},
    ),
    "eld-18": (
        {"isModifier": True, "isModifierReason": "x"},
        {"isModifier": True},
    ),
    "eld-19": ({"path": "Observation.value[x]:string"}, {"path": "Observation.a b"}),
    "eld-22": (
        {"sliceIsConstraining": True, "sliceName": "x"},
        {"sliceIsConstraining": True},
    ),
    "fhs-1": ({"ageString": "x"}, {"ageString": "x", "bornDate": "2026"}),
    "fhs-2": ({"ageString": "x", "estimatedAge": True}, {"estimatedAge": True}),
    "gol-1": ({"measure": TEXT, "detailString": "x"}, {"detailString": "x"}),
    "grp-1": (
        {"actual": True, "member": [{"entity": {"display": "x"}}]},
        {"actual": False, "member": [{"entity": {"display": "x"}}]},
    ),
    "imm-1": ({"documentType": "x"}, {"publicationDate": "2026"}),
    "imr-1": ({"targetDisease": TEXT}, {"doseNumberString": "1"}),
    "ig-1": (
        {"grouping": [{"id": "a"}], "resource": [{"groupingId": "a"}]},
        {"grouping": [{"id": "a"}], "resource": [{"groupingId": "b"}]},
    ),
    "ig-2": (
        {"fhirVersion": ["4.0.1"], "definition": {"resource": [{"fhirVersion": ["4.0.1"]}]}},
        {"fhirVersion": ["4.0.1"], "definition": {"resource": [{"fhirVersion": ["4.0.0"]}]}},
    ),
    "ipn-1": ({"name": "x"}, {"alias": ["x"]}),
    "lnk-1": (
        {"item": [{"type": "source"}, {"type": "alternate"}]},
        {"item": [{"type": "source"}]},
    ),
    "lst-1": ({"emptyReason": TEXT}, {"emptyReason": TEXT, "entry": [{"item": {"display": "x"}}]}),
    "lst-2": (
        {"mode": "changes", "entry": [{"deleted": True}]},
        {"mode": "working", "entry": [{"deleted": True}]},
    ),
    "lst-3": (
        {"mode": "working", "entry": [{"date": "2026"}]},
        {"mode": "changes", "entry": [{"date": "2026"}]},
    ),
    "mea-1": (
        {"group": [{"stratifier": [{"description": "x"}]}]},
        {"group": [{"stratifier": [{"description": "x", "component": [{"code": TEXT}]}]}]},
    ),
    "mrp-1": ({"type": "data-collection"}, {"type": "data-collection", "group": [{"code": TEXT}]}),
    "mrp-2": (
        {"group": [{"stratifier": [{"stratum": [{"value": TEXT}]}]}]},
        {"group": [{"stratifier": [{"stratum": [{"extension": []}]}]}]},
    ),
    "mad-1": ({"rateQuantity": {"value": 1}}, {"text": "x"}),
    "mdd-1": (
        {"whenHandedOver": "2026-01-02", "whenPrepared": "2026-01-01"},
        {"whenHandedOver": "2026-01-01", "whenPrepared": "2026-01-02"},
    ),
    "md-1": ({"max": "1"}, {"max": "0"}),
    "msq-3": ({"coordinateSystem": 0}, {"coordinateSystem": 2}),
    "msq-5": ({"chromosome": TEXT, "genomeBuild": "x"}, {"chromosome": TEXT}),
    "msq-6": ({"genomeBuild": "x"}, {"genomeBuild": "x", "referenceSeqString": "y"}),
    "nsd-1": (
        {"kind": "root", "uniqueId": [{"type": "oid"}]},
        {"kind": "root", "uniqueId": [{"type": "oid"}, {"type": "uuid"}]},
    ),
    "nsd-2": (
        {"uniqueId": [{"type": "oid", "preferred": True}, {"type": "oid"}]},
        {"uniqueId": [{"type": "oid", "preferred": True}, {"type": "oid", "preferred": True}]},
    ),
    "obs-3": ({"high": {"value": 1}}, {"type": TEXT}),
    "obs-6": ({"dataAbsentReason": TEXT}, {"dataAbsentReason": TEXT, "valueBoolean": False}),
    "obs-7": (
        {"code": _ACTIVE, "valueString": "x", "component": [{"code": _RESOLVED}]},
        {"code": _ACTIVE, "valueString": "x", "component": [{"code": _ACTIVE}]},
    ),
    "opd-1": ({"part": [{"name": "x"}]}, {"name": "x"}),
    "opd-2": (
        {"type": "string", "searchType": "token"},
        {"type": "code", "searchType": "token"},
    ),
    "opd-3": (
        {"type": "Reference", "targetProfile": ["x"]},
        {"type": "code", "targetProfile": ["x"]},
    ),
    "org-1": ({"identifier": [{"value": "x"}]}, {"active": True}),
    "org-2": ({"address": [{"use": "work"}]}, {"address": [{"use": "work"}, {"use": "home"}]}),
    "org-3": ({"telecom": [{"use": "work"}]}, {"telecom": [{"use": "work"}, {"use": "home"}]}),
    "inv-1": ({"valueString": "x"}, {"valueString": "x", "part": [{"name": "y"}]}),
    "pat-1": ({"organization": {"display": "x"}}, {"gender": "male"}),
    "que-1": (
        {"type": "group", "item": [{"linkId": "2"}]},
        {"type": "display", "item": [{"linkId": "2"}]},
    ),
    "que-2": (
        {"item": [{"linkId": "1", "item": [{"linkId": "2"}]}]},
        {"item": [{"linkId": "1", "item": [{"linkId": "1"}]}]},
    ),
    "que-3": ({"type": "string", "code": [{"code": "x"}]}, {"type": "display", "code": [{}]}),
    "que-4": ({"answerValueSet": "x"}, {"answerValueSet": "x", "answerOption": [{}]}),
    "que-5": (
        {"type": "choice", "answerOption": [{"valueString": "x"}]},
        {"type": "boolean", "answerOption": [{"valueString": "x"}]},
    ),
    "que-6": ({"type": "string", "required": True}, {"type": "display", "required": True}),
    "que-7": (
        {"operator": "exists", "answerBoolean": True},
        {"operator": "exists", "answerString": "x"},
    ),
    "que-8": (
        {"type": "string", "initial": [{"valueString": "x"}]},
        {"type": "group", "initial": [{"valueString": "x"}]},
    ),
    "que-9": ({"type": "string", "readOnly": True}, {"type": "display", "readOnly": True}),
    "que-10": ({"type": "text", "maxLength": 5}, {"type": "date", "maxLength": 5}),
    "que-11": ({"answerOption": [{}]}, {"answerOption": [{}], "initial": [{}]}),
    "que-12": (
        {"enableWhen": [{"question": "1"}] * 3, "enableBehavior": "all"},
        {"enableWhen": [{"question": "1"}] * 3},
    ),
    "que-13": (
        {"repeats": True, "initial": [{"valueInteger": 1}, {"valueInteger": 2}]},
        {"repeats": False, "initial": [{"valueInteger": 1}, {"valueInteger": 2}]},
    ),
    "qrs-1": ({"answer": [{}]}, {"answer": [{}], "item": [{}]}),
    "rqg-1": ({"resource": {"display": "x"}}, {"title": "x"}),
    "ras-1": (
        {"probabilityRange": {"low": _PERCENT, "high": _PERCENT}},
        {"probabilityRange": {"low": _PERCENT, "high": {"value": 6}}},
    ),
    "ras-2": ({"probabilityDecimal": 100}, {"probabilityDecimal": 101}),
    "spd-1": ({"xpath": "x", "xpathUsage": "normal"}, {"xpath": "x"}),
    "spd-2": ({"chain": ["x"], "type": "reference"}, {"chain": ["x"], "type": "token"}),
    "prr-1": ({"orderDetail": [TEXT], "code": TEXT}, {"orderDetail": [TEXT]}),
    "sdf-1": (
        {"derivation": "specialization", "snapshot": {"element": [_ROOT, _INNER]}},
        {"derivation": "specialization", "snapshot": {"element": [_ROOT, _ROOT]}},
    ),
    "sdf-2": ({"uri": "x"}, {"comment": "x"}),
    "sdf-3": (
        {"element": [{"definition": "x", "min": 0, "max": "1"}]},
        {"element": [{"definition": "x", "min": 0}]},
    ),
    "sdf-4": ({"abstract": False, "baseDefinition": "x"}, {"abstract": False}),
    "sdf-5": (
        {"type": "Extension", "derivation": "constraint", "context": [{"type": "element"}]},
        {"type": "Extension", "derivation": "constraint"},
    ),
    "sdf-6": ({"snapshot": {"element": [_ROOT]}}, {"kind": "resource"}),
    "sdf-8": ({"element": [_ROOT, _INNER]}, {"element": [_ROOT, {"path": "Group.name"}]}),
    "sdf-8a": ({"element": [_ROOT, _INNER]}, {"element": [_ROOT, {"path": "Group.name"}]}),
    "sdf-8b": ({"element": [{"base": {"path": "x"}}]}, {"element": [_ROOT]}),
    "sdf-9": (
        {"snapshot": {"element": [_ROOT, _INNER | {"label": "x"}]}},
        {"snapshot": {"element": [_ROOT | {"label": "x"}]}},
    ),
    "sdf-10": (
        {"element": [{"binding": {"description": "x"}}]},
        {"element": [{"binding": {"strength": "required"}}]},
    ),
    "sdf-11": (
        {"kind": "resource", "type": "Patient", "snapshot": {"element": [_ROOT]}},
        {"kind": "resource", "type": "Group", "snapshot": {"element": [_ROOT]}},
    ),
    "sdf-14": ({"snapshot": {"element": [_ROOT]}}, {"snapshot": {"element": [{"path": "x"}]}}),
    "sdf-15": (
        {"kind": "resource", "snapshot": {"element": [_ROOT]}},
        {"kind": "resource", "snapshot": {"element": [_ROOT | {"type": [{"code": "x"}]}]}},
    ),
    "sdf-15a": (
        {"kind": "resource", "differential": {"element": [_ROOT]}},
        {"kind": "resource", "differential": {"element": [_ROOT | {"type": [{"code": "x"}]}]}},
    ),
    "sdf-16": (
        {"snapshot": {"element": [_ROOT, _INNER]}},
        {"snapshot": {"element": [_ROOT, _ROOT]}},
    ),
    "sdf-17": (
        {"differential": {"element": [_ROOT, _INNER]}},
        {"differential": {"element": [_ROOT, _ROOT]}},
    ),
    "sdf-18": (
        {"type": "Extension", "contextInvariant": ["x"]},
        {"type": "Patient", "contextInvariant": ["x"]},
    ),
    "sdf-19": (
        {
            "url": "http://hl7.org/fhir/StructureDefinition/x",
            "differential": {"element": [{"type": [{"code": "string"}]}]},
        },
        {
            "url": "http://hl7.org/fhir/StructureDefinition/x",
            "differential": {"element": [{"type": [{"code": "a-b"}]}]},
        },
    ),
    "sdf-20": (
        {"element": [_ROOT, _INNER | {"slicing": {"rules": "open"}}]},
        {"element": [_ROOT | {"slicing": {"rules": "open"}}]},
    ),
    "sdf-21": (
        {
            "derivation": "specialization",
            "differential": {"element": [{"defaultValueString": "x"}]},
        },
        {"derivation": "constraint", "differential": {"element": [{"defaultValueString": "x"}]}},
    ),
    "sdf-22": (
        {"url": "http://x", "snapshot": {"element": [{"defaultValueString": "x"}]}},
        {
            "url": "http://hl7.org/fhir/StructureDefinition/x",
            "snapshot": {"element": [{"defaultValueString": "x"}]},
        },
    ),
    "sdf-23": (
        {"snapshot": {"element": [_ROOT, _INNER | {"sliceName": "x"}]}},
        {"differential": {"element": [_ROOT | {"sliceName": "x"}]}},
    ),
    "smp-1": ({"element": "x", "context": "y"}, {"element": "x"}),
    "smp-2": ({"context": "x", "contextType": "variable"}, {"context": "x"}),
    "inv-1@Task": (
        {"lastModified": "2026-01-02", "authoredOn": "2026-01-01"},
        {"lastModified": "2026-01-01", "authoredOn": "2026-01-02"},
    ),
    "tcp-1": ({"version": [{"code": "a"}, {"code": "b"}]}, {"version": [{"code": "a"}, {}]}),
    "tcp-2": ({"description": "x"}, {"kind": "instance"}),
    "tcp-3": ({"kind": "instance", **_IMPLEMENTED}, {"kind": "instance"}),
    "tcp-4": ({"kind": "capability", **_SOFTWARE}, {"kind": "capability"}),
    "tcp-5": ({"kind": "requirements"}, {"kind": "requirements", **_SOFTWARE}),
    "inv-1@TestReport.setup.action": (_ACTION, _BOTH),
    "inv-2": (_ACTION, _BOTH),
    "tst-1": (_ACTION, _BOTH),
    "tst-2": (_ACTION, _BOTH),
    "tst-3": (
        {"path": "x", "headerField": "y"},
        {"path": "x", "headerField": "y", "expression": "z"},
    ),
    "tst-4": ({"capability": [{"required": True}]}, {"capability": [{"description": "x"}]}),
    "tst-5": ({"responseCode": "200"}, _TWO),
    "tst-6": ({"assert": {"responseCode": "200"}}, {"assert": _TWO}),
    "tst-7": (_NUMBERED, _AT_ONCE),
    "tst-8": ({"operation": _NUMBERED}, {"operation": _AT_ONCE}),
    "tst-9": ({"operation": _NUMBERED}, {"operation": _AT_ONCE}),
    "tst-10": (_COMPARED, _UNCOMPARED),
    "tst-11": ({"assert": _COMPARED}, {"assert": _UNCOMPARED}),
    "tst-12": ({"direction": "request"}, {"direction": "request", "responseCode": "200"}),
    "tst-13": (
        {"assert": {"direction": "request"}},
        {"assert": {"direction": "request", "response": "okay"}},
    ),
    "vsd-1": ({"system": "x"}, {"version": "x"}),
    "vsd-2": ({"system": "x", "filter": [{"property": "y"}]}, {"filter": [{"property": "y"}]}),
    "vsd-3": ({"concept": [{"code": "x"}]}, {"concept": [{"code": "x"}], "filter": [{}]}),
    "vsd-6": ({"display": "x"}, {"version": "x"}),
    "vsd-9": ({"display": "x", "abstract": True}, {"display": "x"}),
    "vsd-10": ({"code": "x", "system": "y"}, {"code": "x"}),
}
# As written, this rule can never be broken: its expression has a result for every type's code.
NEVER_BROKEN: dict[str, Json] = {
    "eld-11": {"binding": {"strength": "required"}, "type": [{"code": "Period"}]}
}
# The enclosing resource of an element, for the rules that read it.
_STRUCTURE = {"resourceType": "StructureDefinition", "type": "Patient", "kind": "resource"}
WITHIN: dict[str, Json] = {
    "ctm-1": {
        "contained": [
            {"resourceType": "Practitioner", "id": "doctor"},
            {"resourceType": "Patient", "id": "patient"},
        ]
    },
    "sdf-8": _STRUCTURE | {"snapshot": {"element": [_ROOT]}},
    "sdf-8a": _STRUCTURE | {"differential": {"element": [_ROOT]}},
}
