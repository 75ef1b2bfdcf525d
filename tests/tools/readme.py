"""Generate the tables in the documents: `uv run python -m tests.tools.readme`.

A table is placed in a README.md between two comments that name it.
"""

import ast
import inspect
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from shared.audit import archive_index, journal
from shared.catalog import access_patterns as patterns
from shared.catalog.compartments import ITSELF, PATIENT, RELATED, SEEN_BY_ALL, members_of_type
from shared.catalog.interactions import INTERACTIONS
from shared.catalog.operations import INSTANCE, OPERATIONS, TYPE, Operation
from shared.catalog.parameters import SEARCH_PARAMS, Index
from shared.catalog.roles import ROLES
from shared.catalog.types import AUDIT_EVENT, STORED_TYPES
from shared.events.models import EVENTS, Event
from shared.local import template
from shared.packaging.build import ROOT
from shared.plain.collections import COLLECTIONS
from shared.plain.fields import Field
from shared.store import audit_items, channel_items, keys, operations, subscription_items
from shared.store.index import partitions

CLIENTS = ROOT / "tests/clients"
ROOMS = ("functions", "shared", "tests")


def documents() -> list[Path]:
    """Return the README.md of the project and of each room."""
    rooms = (path for room in ROOMS for path in (ROOT / room).rglob("README.md"))
    return [ROOT / "README.md", *sorted(path for path in rooms if "node_modules" not in path.parts)]


# The function that makes the keys of each access pattern.
MADE_BY: dict[patterns.AccessPattern, Callable[..., object]] = {
    patterns.CURRENT: keys.encounter,
    patterns.VERSION: keys.version,
    patterns.SPAN: keys.span,
    patterns.PENDING: keys.pending,
    patterns.RECORD: partitions.of_encounter_records,
    patterns.HEADER: keys.home_place,
    patterns.STATE: keys.slot,
    patterns.DAY: keys.slot,
    patterns.ADOPTION: keys.adoption,
    patterns.MESSAGE: keys.communication_at,
    patterns.COMMUNICATION_VERSION: keys.version,
    patterns.RESOURCE_CURRENT: keys.resource,
    patterns.RESOURCE_VERSION: keys.version,
    patterns.REGISTRATION: subscription_items.registration_address,
    patterns.HEALTH: subscription_items.health_address,
    patterns.ROW: partitions.of_value,
    patterns.WORD: partitions.of_word,
    patterns.PART: partitions.of_medical_encounters,
    patterns.LISTING: partitions.listing,
    patterns.GUARD: keys.guard,
    patterns.CLAIM: keys.claim,
    patterns.SUBSCRIBED: subscription_items.entry_address,
    patterns.SUBSCRIBED_BY: subscription_items.parameter_address,
    patterns.ANY_SUBSCRIPTION: subscription_items.any_address,
    patterns.QUOTA: keys.quota,
    patterns.ATTEMPT: channel_items.attempt_address,
    patterns.CARRIED: channel_items.carried_address,
    patterns.FIRST_SENT: channel_items.first_address,
    patterns.REINDEXING: keys.reindexing,
    patterns.DUE: operations.due_address,
    patterns.HELD: keys.hold,
    patterns.EVENT: audit_items.event_address,
    patterns.NEW_EVENTS: journal.rows,
    patterns.POSTINGS: archive_index.rows,
    patterns.SEGMENTS: archive_index.rows,
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
    """Yield a row for each alarm: its name, what it means and what to do."""
    rows = template.resources(template.load(), "AWS::CloudWatch::Alarm").items()
    return table(
        "Alarm | Means | What to do",
        (
            (f"`{name}`", *_split_description(row["Properties"]["AlarmDescription"]))
            for name, row in rows
        ),
    )


def _split_description(description: str) -> tuple[str, str]:
    means, _, what_to_do = description.partition(" Do: ")
    return means, what_to_do[:1].upper() + what_to_do[1:]


def _default(value: object) -> str:
    return "" if value == "" else f"`{value}`"


def interactions() -> Iterator[str]:
    """Yield a row for each path with its methods. All requests to the base share one row."""
    methods: dict[tuple[str, ...], dict[str, None]] = {}
    of_base = ", ".join(row.code for row in INTERACTIONS if row.is_whole_system)
    for row in INTERACTIONS:
        path = f"{row.path}`, beside the base" if row.is_at_root else f"{row.path}`"
        request = (of_base, "[base]`") if row.is_whole_system else (row.code, path)
        roles = "everybody, without a token" if row.public else row.roles_text
        function = f"[{row.function}](/functions/{row.function}.py)"
        methods.setdefault((*request, roles, function), {})[row.method] = None
    return table(
        "Interaction | Request | Roles | Function",
        (
            (code, f"`{', '.join(verbs)} {path}", *rest)
            for (code, path, *rest), verbs in methods.items()
        ),
    )


def api() -> Iterator[str]:
    """Yield a row for each interaction with its requests, as an overview of the API."""
    requests: dict[str, dict[str, list[str]]] = {}
    for row in INTERACTIONS:
        if row.code == "preflight":
            continue
        code = "plain JSON" if row.is_plain else row.code
        path = "[base]" if row.is_whole_system else row.path
        requests.setdefault(code, {}).setdefault(path, []).append(row.method)
    yield from table(
        "Interaction | Requests",
        (
            (
                code,
                ", ".join(f"`{'/'.join(methods)} {path}`" for path, methods in paths.items()),
            )
            for code, paths in requests.items()
        ),
    )


def operations_offered() -> Iterator[str]:
    return table(
        "Operation | Parameters | Roles | Does",
        (
            (
                " or ".join(f"`{call}`" for call in _calls(row)),
                ", ".join(
                    f"`{parameter.name}` {parameter.min}..{parameter.max}"
                    for parameter in row.parameters
                ),
                ", ".join(sorted(row.roles)),
                row.description,
            )
            for row in OPERATIONS
        ),
    )


def _calls(row: Operation) -> Iterator[str]:
    """Yield the ways to call an operation. At the type level that is only POST."""
    kind = row.types[0] if len(row.types) == 1 else "{type}"
    if TYPE in row.levels:
        yield f"POST {kind}/{row.name}"
    if INSTANCE in row.levels:
        yield f"{' or '.join(row.methods)} {kind}/{{id}}/{row.name}"


def plain_collections() -> Iterator[str]:
    for collection in COLLECTIONS.values():
        searched = ", ".join(f"`{name}`" for name in collection.query.names)
        yield f"- **`/v1/{collection.name}`**, in FHIR {collection.type}"
        yield f"  - Fields: {', '.join(_names(collection.fields))}"
        yield f"  - Search: {searched}"


def _names(fields: Iterable[Field]) -> Iterator[str]:
    for field in fields:
        parts = getattr(field.kind, "fields", ())
        inside = f" {{{', '.join(part.name for part in parts)}}}" if parts else ""
        also = f" (`{field.plural}`)" if field.plural else ""
        yield f"`{field.name}`{inside}{' []' if field.many else ''}{also}"


def events() -> Iterator[str]:
    """Yield a row for each event that is published: when, and what it says beside the others."""
    common = Event.model_fields
    return table(
        "Event | Happens when | Says, beside the common fields | Sample",
        (
            (
                f"`{name}`",
                (model.__doc__ or "").rstrip("."),
                ", ".join(f"`{field}`" for field in model.model_fields if field not in common),
                f"[{name}.json](/events/published/{name}.json)",
            )
            for name, model in EVENTS.items()
        ),
    )


def event_fields() -> Iterator[str]:
    """Yield a row for each field of events: where it is, and what it means."""
    models = EVENTS.values()
    fields = {name: field for model in models for name, field in model.model_fields.items()}
    return table(
        "Field | In | Means",
        (
            (
                f"`{name}`",
                "all" if name in Event.model_fields else ", ".join(f"`{e}`" for e in _having(name)),
                field.description or "",
            )
            for name, field in fields.items()
        ),
    )


def _having(field: str) -> Iterator[str]:
    return (name for name, model in EVENTS.items() if field in model.model_fields)


def roles() -> Iterator[str]:
    yield from table(
        "Role | Deletes | Interactions",
        (
            (f"`{role.name}`", role.deletes, _allowed_interactions(role.name))
            for role in ROLES.values()
        ),
    )
    yield ""
    yield from (f"- `{role.name}`: {role.documentation}" for role in ROLES.values())


def _allowed_interactions(role: str) -> str:
    rows = [row for row in INTERACTIONS if row.code != "operation" and role in row.roles]
    codes = dict.fromkeys(row.code for row in rows)
    codes |= dict.fromkeys(row.name for row in OPERATIONS if role in row.roles)
    return ", ".join(codes) or "none of the API's"


def compartments() -> Iterator[str]:
    """Yield a row for each type: the parameters by which a resource is in a compartment."""
    in_compartments = (
        resource_type for resource_type in STORED_TYPES if resource_type not in SEEN_BY_ALL
    )
    return table(
        "Type | In a Patient's compartment by | In a RelatedPerson's by",
        (
            *(
                (
                    resource_type,
                    *(
                        _compartment_parameters(resource_type, owner)
                        for owner in (PATIENT, RELATED)
                    ),
                )
                for resource_type in in_compartments
            ),
            (
                ", ".join(
                    resource_type for resource_type in STORED_TYPES if resource_type in SEEN_BY_ALL
                ),
                *["seen by all"] * 2,
            ),
        ),
    )


def _compartment_parameters(resource_type: str, owner: str) -> str:
    rows = [row for row in members_of_type(resource_type) if row.owner == owner]
    named = ", ".join("being it" if row.element == ITSELF else f"`{row.param}`" for row in rows)
    return named or "nothing"


def search_parameters() -> Iterator[str]:
    """Yield the parameters by type and index, after those common to all types but AuditEvent."""
    common = set.intersection(*(set(_parameters(resource_type)) for resource_type in STORED_TYPES))
    groups = [
        (
            f"all but {AUDIT_EVENT}",
            [parameter for parameter in _parameters(STORED_TYPES[0]) if parameter in common],
        )
    ]
    groups += [
        (
            resource_type,
            [parameter for parameter in _parameters(resource_type) if parameter not in common],
        )
        for resource_type in STORED_TYPES
    ]
    groups += [(AUDIT_EVENT, _parameters(AUDIT_EVENT))]
    return table(
        "Type | Answered by | Parameters",
        (
            (name, index.value, _by_type(matching))
            for name, rows in groups
            for index in Index
            if (matching := [parameter for parameter in rows if parameter[2] is index])
        ),
    )


def _parameters(resource_type: str) -> list[tuple[str, str, Index]]:
    return [(row.code, row.type, row.index) for row in SEARCH_PARAMS.of(resource_type).values()]


def _by_type(parameters: Iterable[tuple[str, str, Index]]) -> str:
    codes: dict[str, list[str]] = {}
    for code, kind, _ in parameters:
        codes.setdefault(kind, []).append(f"`{code}`")
    return "; ".join(f"{kind} {', '.join(named)}" for kind, named in codes.items())


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
    assert inspect.getsourcefile(inspect.unwrap(function)) == str(ROOT / path)
    module = function.__module__.rpartition(".")[2]
    return f"[{module}.{function.__qualname__}](/{path})"


def costs() -> Iterator[str]:
    """Yield the costs that tests/integration/test_units.py checks, by the names of its tests."""
    source = (ROOT / "tests/integration/test_units.py").read_text()
    for test in ast.parse(source).body:
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test_"):
            reads = "read_units" in (argument.arg for argument in test.args.args)
            words = test.name.removeprefix("test_").replace("_", " ")
            yield f"- {re.sub(r'(?=units?\b)', 'read ' if reads else 'write ', words, count=1)}"


def clients() -> Iterator[str]:
    """Yield the clients' report by groups of calls. Clients with equal reports share one entry."""
    names_by_calls: dict[str, list[str]] = {}
    for client in json.loads((CLIENTS / "report.json").read_text()):
        calls = [
            f"  - {group}: {_calls_made(calls_made)}"
            for group, calls_made in client["calls"].items()
        ]
        names_by_calls.setdefault("\n".join(calls), []).append(
            f"**{client['client']}** {client['version']}"
        )
    for calls_made, names in names_by_calls.items():
        yield f"- {' and '.join(names)}"
        yield calls_made


def _calls_made(calls: Iterable[str]) -> str:
    """Return each call once, with the ways in which it was made."""
    ways: dict[str, list[str]] = {}
    for call in calls:
        name, _, way = call.partition(", ")
        ways.setdefault(name, []).append(way)
    return ", ".join(f"`{name}`{_in_ways(variants)}" for name, variants in ways.items())


def _in_ways(variants: list[str]) -> str:
    also = "also " if "" in variants else ""
    listed = "; ".join(filter(None, variants))
    return f" ({also}{listed})" if listed else ""


def medplum_walkthrough() -> Iterator[str]:
    script = (CLIENTS / "medplum-core/walkthrough.mts").read_text()
    return iter(["```typescript", "// walkthrough.mts", script.rstrip(), "```"])


def checks() -> Iterator[str]:
    script = (ROOT / ".ci/run").read_text()
    return iter(["```bash", script[script.index("uv run pytest") :].rstrip(), "```"])


TABLES = (
    parameters,
    alarms,
    api,
    interactions,
    operations_offered,
    plain_collections,
    events,
    event_fields,
    roles,
    compartments,
    search_parameters,
    access_patterns,
    costs,
    clients,
    medplum_walkthrough,
    checks,
)


def regenerated_text(document: Path) -> str:
    """Return the text of a document with each of its tables generated anew."""
    text, up = document.read_text(), _path_to_root(document)
    for make in TABLES:
        if _begin_marker(make.__name__) in text:
            lines = (line.replace("](/", f"]({up}") for line in make())
            text = with_table(text, make.__name__, lines)
    return text


def _path_to_root(document: Path) -> str:
    """Return the path from a document to the root, with which its links begin."""
    return "../" * len(document.relative_to(ROOT).parent.parts)


def with_table(text: str, name: str, lines: Iterable[str]) -> str:
    """Return a text with the lines between the comments of that name replaced."""
    before, after = text.split(_begin_marker(name))
    end = f"<!-- end of {name} -->"
    _, rest = after.split(end)
    return f"{before}{_begin_marker(name)}{'\n'.join(lines)}\n{end}{rest}"


def _begin_marker(name: str) -> str:
    return f"<!-- {name} -->\n"


if __name__ == "__main__":
    for document in documents():
        document.write_text(regenerated_text(document))
