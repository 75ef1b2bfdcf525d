"""Random queries, most of them made from the values of some resource, so that they match."""

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from tests.oracle.making import OTHER, WORDS
from tests.oracle.matcher import PREFIXES, Everything
from tests.oracle.values import BASE, SECOND, ZONE, Coded, Link, Measure, Resource

type Pair = tuple[str, str]

TARGETS = {
    "account": ["Account"],
    "appointment": ["Appointment"],
    "diagnosis": ["Condition", "Procedure"],
    "encounter": ["Encounter"],
    "episode-of-care": ["EpisodeOfCare"],
    "instantiates-canonical": ["PlanDefinition", "Questionnaire"],
    "location": ["Location"],
    "participant": ["Practitioner", "RelatedPerson"],
    "patient": ["Patient"],
    "practitioner": ["Practitioner"],
    "reason-reference": ["Condition", "Observation"],
    "recipient": ["Practitioner", "Patient", "Device", "RelatedPerson", "CareTeam"],
    "sender": ["Practitioner", "Patient", "Device", "RelatedPerson"],
    "service-provider": ["Organization"],
    "subject": ["Patient", "Group"],
}
OF_TYPE = {
    ("Encounter", "based-on"): ["ServiceRequest"],
    ("Encounter", "part-of"): ["Encounter"],
    ("Communication", "based-on"): ["ServiceRequest", "Task", "Communication"],
    ("Communication", "part-of"): ["Communication", "Procedure", "Encounter"],
}
# The references between the stored types, which chains, `_has` and includes follow.
BETWEEN = [
    ("Communication", "encounter", "Encounter"),
    ("Communication", "part-of", "Communication"),
    ("Communication", "part-of", "Encounter"),
    ("Encounter", "part-of", "Encounter"),
]
WITHOUT_TEXT = {"_id", "status", "priority"}
FORMS = ["%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f"]
PRECISIONS = ["year", "month", "day", "minute", "second", "fraction"]


@dataclass(frozen=True)
class Asked:
    """A query: its criteria, its sort, and its includes."""

    type: str
    criteria: list[Pair]
    sort: str = ""
    includes: list[Pair] = field(default_factory=list)


class Asker:
    """Makes queries about the stored resources, and counts the features that they use."""

    between: Sequence[tuple[str, str, str]] = BETWEEN

    def __init__(self, seed: str, everything: Everything) -> None:
        self.dice = random.Random(seed)
        self.everything = everything
        self.used: Counter[str] = Counter()

    def query(self) -> Asked:
        dice = self.dice
        kind = dice.choice(self.everything.kinds)
        wanted = dice.choice(self.everything.of[kind])
        number = dice.choices([1, 2, 3], (60, 30, 10))[0]
        criteria = [self.criterion(kind, wanted) for _ in range(number)]
        if dice.random() < 0.08:
            criteria.append(self.again(kind, wanted, criteria[0][0]))
        includes = [self.include() for _ in range(dice.choice([0] * 9 + [1, 2]))]
        return Asked(kind, criteria, self.sort(kind), includes)

    def again(self, kind: str, wanted: Resource, name: str) -> Pair:
        """Return a criterion with the same parameter again."""
        code = name.partition(":")[0]
        if code not in self.everything.readers[kind]:
            return self.criterion(kind, wanted)
        self.used["a parameter repeated"] += 1
        return self.own(kind, wanted, code)

    def sort(self, kind: str) -> str:
        codes = list(self.everything.readers[kind])
        number = self.dice.choices([0, 1, 2, 3], (60, 25, 10, 5))[0]
        chosen = self.dice.sample(codes, number)
        if number == 1 and self.dice.random() < 0.5:
            chosen = [self.dice.choice(["_lastUpdated", self.dated(kind)])]
        self.used[f"sorted by {number}"] += 1
        self.used.update(f"_sort={code}" for code in chosen)
        return ",".join(self.dice.choice(["", "-"]) + code for code in chosen)

    def dated(self, kind: str) -> str:
        """Return the parameter by whose date the rows of a type are sorted."""
        return "date" if kind == "Encounter" else "sent"

    def targets(self, kind: str, code: str) -> list[str]:
        """Return the types that may be used as a modifier."""
        return OF_TYPE.get((kind, code), TARGETS.get(code, []))

    def include(self) -> Pair:
        source, code, target = self.dice.choice(self.between)
        name = self.dice.choice(["_include", "_revinclude"]) + self.dice.choice(["", ":iterate"])
        self.used[name] += 1
        return name, f"{source}:{code}" + self.dice.choice(["", f":{target}"])

    def criterion(self, kind: str, wanted: Resource, depth: int = 0) -> Pair:
        dice = self.dice
        rare = dice.random()
        is_joined = any(kind in (source, target) for source, _, target in self.between)
        if rare < 0.08 and depth < 2 and is_joined:
            return self.join(kind, depth)
        if kind == "Communication" and rare > 0.97 and not depth:
            self.used["session"] += 1
            ids = [str(dice.randrange(20)) for _ in range(dice.choice([1, 1, 2]))]
            return "session", ",".join(f"{dice.choice(['', 'Encounter/'])}e{one}" for one in ids)
        codes = [
            code for code in self.everything.readers[kind] if self.everything.values(wanted, code)
        ]
        code = dice.choice(codes if dice.random() < 0.85 else list(self.everything.readers[kind]))
        if dice.random() < 0.1:
            # The parameter by which keys are sorted: there a search skips most rows, and may lose
            # some.
            code = self.dated(kind)
        return self.own(kind, wanted, code)

    def join(self, kind: str, depth: int) -> Pair:
        """Return a criterion about resources that are referred to, or that refer to this one."""
        heads = [
            (f"{code}{self.dice.choice(['', f':{target}'])}.", target)
            for source, code, target in self.between
            if source == kind
        ]
        heads += [
            (f"_has:{source}:{code}:", source)
            for source, code, target in self.between
            if target == kind
        ]
        head, target = self.dice.choice(heads)
        self.used["_has" if "_has" in head else "chain"] += 1
        far = self.dice.choice(self.everything.of[target])
        if head.startswith("part-of.") and kind == "Communication":
            # Without a type, a chain needs a parameter that both types have.
            name, value = self.own(target, far, self.dice.choice(["status", "subject", "_id"]))
            return head + name, value
        name, value = self.criterion(target, far, depth + 1)
        return head + name, value

    def own(self, kind: str, wanted: Resource, code: str) -> Pair:
        """Return a criterion with values of the wanted resource, as far as it has any."""
        dice = self.dice
        type_of = self.everything.readers[kind][code][0]
        self.used[f"{kind}?{code}"] += 1
        if dice.random() < 0.07:
            self.used["modifier missing"] += 1
            has_value = bool(self.everything.values(wanted, code))
            return f"{code}:missing", str(not has_value).lower()
        modifier = self.modifier(kind, code, type_of)
        own_values = self.everything.values(wanted, code)
        if modifier == "not":
            own_values = []
        other_values = dice.choices([0, 1, 2], (75, 17, 8))[0] + (not own_values)
        texts = [self.text(type_of, code, dice.choice(own_values), modifier)] if own_values else []
        texts += [
            self.text(type_of, code, self.another(kind, code), modifier)
            for _ in range(other_values)
        ]
        texts = [text for text in texts if text] or [self.unknown(type_of, modifier)]
        self.used["several values"] += len(texts) > 1
        dice.shuffle(texts)
        if modifier[:1].isupper():
            self.used["modifier :Type"] += 1
        elif modifier:
            self.used[f"modifier {modifier}"] += 1
        return f"{code}:{modifier}" if modifier else code, ",".join(texts)

    def modifier(self, kind: str, code: str, type_of: str) -> str:
        offered = {
            "token": ["not", "not"] + ([] if code in WITHOUT_TEXT else ["text", "text"]),
            "code": ["not"],
            "contact": ["not"],
            "reference": ["identifier", *self.targets(kind, code)],
            "string": ["exact", "contains", "contains"],
            "uri": ["below"],
        }.get(type_of, [])
        if code == "identifier":
            offered = [*offered, "of-type", "of-type", "of-type"]
        return self.dice.choice(offered) if offered and self.dice.random() < 0.3 else ""

    def another(self, kind: str, code: str) -> Any:
        """Return a value that some resource has."""
        for _ in range(40):
            values = self.everything.values(self.dice.choice(self.everything.of[kind]), code)
            if values:
                return self.dice.choice(values)
        return None

    def unknown(self, type_of: str, modifier: str) -> str:
        if modifier == "of-type":
            return "urn:kinds|MR|none"
        return {"date": "2026-01", "quantity": "7"}.get(type_of, "nothing")

    def text(self, type_of: str, code: str, value: Any, modifier: str) -> str:
        match value:
            case None:
                return ""
            case Coded():
                return self.coded(value, modifier)
            case Link():
                return self.link(value, modifier)
            case Measure():
                return self.measure(value)
            case str():
                of_type = self.string if type_of == "string" else self.uri
                return of_type(value, modifier)
        del code
        return self.date(value)

    def coded(self, value: Coded, modifier: str) -> str:
        if modifier == "text":
            words = value.text or self.dice.choice(WORDS)
            words = words[: self.dice.randint(1, 30)]
            return escaped(self.dice.choice([words, words.upper(), words.lower()]))
        if modifier == "of-type":
            system, code = self.dice.choice(value.kinds or (("urn:kinds", "MR"),))
            return f"{system}|{code}|{escaped(value.code)}"
        if not value.code:
            return ""
        system, code = escaped(value.system), escaped(value.code)
        forms = [code, f"{system}|{code}", f"{system}|{code}"] + ([f"{system}|"] if system else [])
        if self.dice.random() < 0.1:
            forms = [f"urn:other|{code}", f"|{code}"]
        text = self.dice.choice(forms)
        self.used["token " + re.sub("x+", "x", re.sub(r"[^|]", "x", text.replace(r"\|", "x")))] += 1
        return text

    def link(self, value: Link, modifier: str) -> str:
        if modifier == "identifier":
            return self.coded(value.identifier, "") if value.identifier else "a|7"
        identity = value.to.rpartition("/")[2]
        is_own = re.fullmatch(r"[A-Z]\w+/[A-Za-z0-9.-]+", value.to)
        if modifier:
            return identity if is_own else "1"
        forms = [identity, value.to, value.to, f"{BASE}/{value.to}"] if is_own else [value.to]
        if is_own and self.dice.random() < 0.1:
            forms = [f"{OTHER}/{value.to}", f"Group/{identity}"]
        return escaped(self.dice.choice(forms)) if value.to else ""

    def uri(self, value: str, modifier: str) -> str:
        parent = value.rpartition("/")[0]
        is_path = "://" in value and parent.count("/") > 1
        return escaped(parent if modifier and is_path and self.dice.random() < 0.7 else value)

    def string(self, value: str, modifier: str) -> str:
        """Return a part of a text in some case, mostly from the beginning of one of its words."""
        dice = self.dice
        if modifier == "exact":
            return escaped(dice.choice([value, value, value.upper(), value[:-1] or value]))
        words = re.findall(r"\w+", value)
        start = value.index(dice.choice(words))
        if modifier == "contains" and words:
            start += dice.randrange(2)
        part = value[start : start + dice.randint(1, len(value))].strip(" .'\u2019-") or words[0]
        return escaped(dice.choice([part, part.upper(), part.lower(), f" {part}-"]))

    def measure(self, value: Measure) -> str:
        number = float(value.number) + self.dice.choice([0, 0, 0.04, -0.4, 1, 6])
        prefix = self.prefix()
        digits = self.dice.choice([f"{number:.0f}", f"{number:.1f}", f"{number:.2f}"])
        unit = self.dice.choice(["", "", f"|{value.system}|{value.code}", f"||{value.unit}"])
        return prefix + digits + (unit if unit.strip("|") else "")

    def prefix(self) -> str:
        prefix = self.dice.choice(["", *PREFIXES])
        self.used[f"prefix {prefix or 'none'}"] += 1
        return prefix

    def date(self, value: tuple[float, float]) -> str:
        """Return a time near one of the bounds of another, in any precision and zone."""
        bounds = [limit for limit in value if abs(limit) != float("inf")]
        bound = self.dice.choice(bounds)
        moment = datetime.fromtimestamp(bound // SECOND, UTC)
        if self.dice.random() < 0.3:
            moment += timedelta(microseconds=int(bound % SECOND) // 1000)
        shift = self.dice.choice([0, 0, 0, 1, -1, 40, -3000, 90_000, -1_000_000, 9_000_000])
        moment += timedelta(seconds=shift, milliseconds=self.dice.choice([0, 0, 1, 250]))
        number = self.dice.randrange(len(FORMS))
        self.used[f"precision {PRECISIONS[number]}"] += 1
        hours = self.dice.choice([None, 0, 2, -5, 9.5])
        zone = ZONE if hours is None else timezone(timedelta(hours=hours))
        text = moment.astimezone(zone).strftime(FORMS[number])
        if number == 5:
            text = text[: -self.dice.randrange(6) or None] + "0" * self.dice.choice([0, 0, 1, 4])
        if "T" in text and hours is not None:
            text += moment.astimezone(zone).strftime("%:z") if hours else "Z"
            self.used["zone " + ("of its own" if hours else "Z")] += 1
        elif "T" in text:
            self.used["zone of the deployment"] += 1
        return self.prefix() + text


def escaped(text: str) -> str:
    return re.sub(r"([\\,|$])", r"\\\1", text)
