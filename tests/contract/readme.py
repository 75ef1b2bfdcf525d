"""README's tables, made from what they are about: `uv run python -m tests.contract.readme`."""

import ast
import inspect
import json
import re
from collections.abc import Callable, Iterable, Iterator

from shared.audit import archive_index, journal
from shared.catalog import access_patterns as patterns
from shared.catalog.compartments import ITSELF, PATIENT, RELATED, SEEN_BY_ALL, of_type
from shared.catalog.interactions import AUDIT_EVENT, INTERACTIONS
from shared.catalog.operations import INSTANCE, OPERATIONS, TYPE, Operation
from shared.catalog.parameters import SEARCH_PARAMS, Index
from shared.catalog.roles import ROLES
from shared.catalog.types import TYPES
from shared.local import template
from shared.packaging.build import ROOT
from shared.plain import queries
from shared.plain.collections import COLLECTIONS
from shared.plain.fields import Field
from shared.store import audit_items, keys, operations
from shared.store.index import partitions

PATH = ROOT / "README.md"
CLIENTS = ROOT / "tests/clients"

# Where the keys of each access pattern are made.
MADE_BY: dict[patterns.AccessPattern, Callable[..., object]] = {
    patterns.CURRENT: keys.encounter,
    patterns.VERSION: keys.version,
    patterns.SPAN: keys.span,
    patterns.PENDING: keys.pending,
    patterns.RECORD: partitions.of_encounter,
    patterns.HEADER: keys.home_place,
    patterns.STATE: keys.slot,
    patterns.DAY: keys.slot,
    patterns.ADOPTION: keys.adoption,
    patterns.MESSAGE: keys.communication_at,
    patterns.COMMUNICATION_VERSION: keys.version,
    patterns.RESOURCE_CURRENT: keys.resource,
    patterns.RESOURCE_VERSION: keys.version,
    patterns.ROW: partitions.of_value,
    patterns.WORD: partitions.of_word,
    patterns.PART: partitions.of_parts,
    patterns.LISTING: partitions.listing,
    patterns.GUARD: keys.guard,
    patterns.CLAIM: keys.claim,
    patterns.QUOTA: keys.quota,
    patterns.REINDEXING: keys.reindexing,
    patterns.DUE: operations.due_address,
    patterns.HELD: keys.held,
    patterns.EVENT: audit_items.event_address,
    patterns.NEW_EVENTS: journal.partition,
    patterns.POSTINGS: archive_index.bucket_partition,
    patterns.SEGMENTS: archive_index.segments_partition,
}


def table(head: str, rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    columns = head.split(" | ")
    for cells in (columns, ["---"] * len(columns), *rows):
        yield f"| {' | '.join(cell.replace('|', '\\|') for cell in cells)} |"


def parameters() -> Iterator[str]:
    rows = template.load()["Parameters"].items()
    return table(
        "Parameter | Default | Meaning",
        ((f"`{name}`", _default(row["Default"]), row["Description"]) for name, row in rows),
    )


def alarms() -> Iterator[str]:
    """A row for each alarm, which says itself what it means and what to do."""
    rows = template.resources(template.load(), "AWS::CloudWatch::Alarm").items()
    return table(
        "Alarm | Means | What to do",
        ((f"`{name}`", *_said(row["Properties"]["AlarmDescription"])) for name, row in rows),
    )


def _said(description: str) -> tuple[str, str]:
    means, _, what_to_do = description.partition(" Do: ")
    return means, what_to_do[:1].upper() + what_to_do[1:]


def _default(value: object) -> str:
    return "" if value == "" else f"`{value}`"


def interactions() -> Iterator[str]:
    """A row for each path, with its methods; what is asked of the base is one, whatever it asks."""
    methods: dict[tuple[str, ...], dict[str, None]] = {}
    of_base = ", ".join(row.code for row in INTERACTIONS if row.is_systems)
    for row in INTERACTIONS:
        path = f"{row.path}`, beside the base" if row.rooted else f"{row.path}`"
        asked = (of_base, "[base]`") if row.is_systems else (row.code, path)
        roles = "everybody, without a token" if row.public else row.who
        function = f"[{row.function}](functions/{row.function}.py)"
        methods.setdefault((*asked, roles, function), {})[row.method] = None
    return table(
        "Interaction | Request | Roles | Function",
        (
            (code, f"`{', '.join(found)} {path}", *rest)
            for (code, path, *rest), found in methods.items()
        ),
    )


def operations_offered() -> Iterator[str]:
    return table(
        "Operation | Parameters | Roles | Does",
        (
            (
                " or ".join(f"`{call}`" for call in _calls(row)),
                ", ".join(f"`{one.name}` {one.min}..{one.max}" for one in row.parameters),
                ", ".join(sorted(row.roles)),
                row.description,
            )
            for row in OPERATIONS
        ),
    )


def _calls(row: Operation) -> Iterator[str]:
    """How an operation is called; on a type only by POST."""
    kind = row.types[0] if len(row.types) == 1 else "{type}"
    if TYPE in row.levels:
        yield f"POST {kind}/{row.name}"
    if INSTANCE in row.levels:
        yield f"{' or '.join(row.methods)} {kind}/{{id}}/{row.name}"


def plain_collections() -> Iterator[str]:
    return table(
        "Collection | In FHIR | Fields | Search",
        (
            (
                f"`/v1/{each.name}`",
                each.type,
                ", ".join(_names(each.fields)),
                ", ".join(f"`{name}`" for name in queries.names(each)),
            )
            for each in COLLECTIONS.values()
        ),
    )


def _names(fields: Iterable[Field]) -> Iterator[str]:
    for field in fields:
        parts = getattr(field.kind, "fields", ())
        inside = f" {{{', '.join(part.name for part in parts)}}}" if parts else ""
        also = f" (`{field.plural}`)" if field.plural else ""
        yield f"`{field.name}`{inside}{' []' if field.many else ''}{also}"


def roles() -> Iterator[str]:
    return table(
        "Role | Is for | Deletes | Interactions",
        (
            (f"`{role.name}`", role.documentation, role.deletes, _may(role.name))
            for role in ROLES.values()
        ),
    )


def _may(role: str) -> str:
    rows = [row for row in INTERACTIONS if row.code != "operation" and role in row.roles]
    codes = dict.fromkeys(row.code for row in rows)
    codes |= dict.fromkeys(row.name for row in OPERATIONS if role in row.roles)
    return ", ".join(codes) or "none of the API's"


def compartments() -> Iterator[str]:
    """A row for each type: by which parameters it is in somebody's compartment."""
    others = (each for each in TYPES if each not in SEEN_BY_ALL)
    return table(
        "Type | In a Patient's compartment by | In a RelatedPerson's by",
        (
            *((each, *(_named_by(each, owner) for owner in (PATIENT, RELATED))) for each in others),
            (", ".join(each for each in TYPES if each in SEEN_BY_ALL), *["seen by all"] * 2),
        ),
    )


def _named_by(resource_type: str, owner: str) -> str:
    rows = [row for row in of_type(resource_type) if row.owner == owner]
    named = ", ".join("being it" if row.element == ITSELF else f"`{row.param}`" for row in rows)
    return named or "nothing"


def search_parameters() -> Iterator[str]:
    """By type, after those that all types but AuditEvent have, and how they are answered."""
    common = set.intersection(*(set(_parameters(each)) for each in TYPES))
    groups = [(f"all but {AUDIT_EVENT}", [one for one in _parameters(TYPES[0]) if one in common])]
    groups += [(each, [one for one in _parameters(each) if one not in common]) for each in TYPES]
    groups += [(AUDIT_EVENT, _parameters(AUDIT_EVENT))]
    return table(
        "Type | Answered by | Parameters",
        (
            (name, index.value, ", ".join(found))
            for name, rows in groups
            for index in Index
            if (found := [text for text, by in rows if by is index])
        ),
    )


def _parameters(resource_type: str) -> list[tuple[str, Index]]:
    return [
        (f"`{row.code}` {row.type}", row.index) for row in SEARCH_PARAMS.of(resource_type).values()
    ]


def access_patterns() -> Iterator[str]:
    return table(
        "Table | Partition key | Sort key | Answers | Keys made by",
        (
            (row.table, f"`{row.partition}`", f"`{row.sort}`", row.answers, _link(MADE_BY[row]))
            for row in patterns.ACCESS_PATTERNS
        ),
    )


def _link(function: Callable[..., object]) -> str:
    path = function.__module__.replace(".", "/") + ".py"
    assert inspect.getsourcefile(function) == str(ROOT / path)
    module = function.__module__.rpartition(".")[2]
    return f"[{module}.{function.__qualname__}]({path})"


def costs() -> Iterator[str]:
    """What tests/integration/test_units.py holds, as the names of its tests say it."""
    source = (ROOT / "tests/integration/test_units.py").read_text()
    for test in ast.parse(source).body:
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test_"):
            reads = "read_units" in (argument.arg for argument in test.args.args)
            words = test.name.removeprefix("test_").replace("_", " ")
            yield f"- {re.sub(r'(?=units?\b)', 'read ' if reads else 'write ', words, count=1)}"


def clients() -> Iterator[str]:
    """What the clients' own report says of them, by groups of calls."""
    report = json.loads((CLIENTS / "report.json").read_text())
    groups = dict.fromkeys(group for client in report for group in client["calls"])
    return table(
        " | ".join(["Client", *groups]),
        (
            (
                f"**{client['client']}** {client['version']}",
                *(_calls_made(client["calls"][group]) for group in groups),
            )
            for client in report
        ),
    )


def _calls_made(made: Iterable[str]) -> str:
    """Each call once, with the ways in which it was made."""
    ways: dict[str, list[str]] = {}
    for one in made:
        name, _, way = one.partition(", ")
        ways.setdefault(name, []).append(way)
    return ", ".join(f"`{name}`{_in_ways(given)}" for name, given in ways.items())


def _in_ways(given: list[str]) -> str:
    also = "also " if "" in given else ""
    named = "; ".join(filter(None, given))
    return f" ({also}{named})" if named else ""


def medplum_walkthrough() -> Iterator[str]:
    script = (CLIENTS / "medplum-core/walkthrough.mts").read_text()
    return iter(["```typescript", "// walkthrough.mts", script.rstrip(), "```"])


def checks() -> Iterator[str]:
    script = (ROOT / ".ci/run").read_text()
    return iter(["```bash", script[script.index("uv run pytest") :].rstrip(), "```"])


TABLES = (
    parameters,
    alarms,
    interactions,
    operations_offered,
    plain_collections,
    roles,
    compartments,
    search_parameters,
    access_patterns,
    costs,
    clients,
    medplum_walkthrough,
    checks,
)


def rewritten(readme: str) -> str:
    """README with each table between its comments made anew."""
    for make in TABLES:
        readme = replaced(readme, make.__name__, make())
    return readme


def replaced(readme: str, name: str, lines: Iterable[str]) -> str:
    """README with other lines between the comments of that name."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, after = readme.split(begin)
    _, rest = after.split(end)
    return f"{before}{begin}{'\n'.join(lines)}\n{end}{rest}"


if __name__ == "__main__":
    PATH.write_text(rewritten(PATH.read_text()))
