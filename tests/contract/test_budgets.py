"""Budgets of requests that hold on any machine: units, round trips, and imported modules."""

from itertools import islice

import pytest

from shared.local.artefact import Artefact, artefact
from tests.benchmarks import imports, peak
from tests.benchmarks.endpoint import Endpoint
from tests.benchmarks.practice import deployed
from tests.benchmarks.scenarios import SCENARIOS, Scenario
from tests.benchmarks.warm import reads, writes

# How many of the project's modules a function may import at its start, and which other packages.
EDGE = {"aws_lambda_powertools", "botocore", "jmespath", "orjson", "typing_extensions", "ulid"}
STORE = EDGE | {"dateutil", "six", "urllib3"}
SEARCH = STORE | {"cachetools"}
PYDANTIC = {"annotated_types", "pydantic", "pydantic_core", "typing_inspection"}
MODULES: dict[str, tuple[int, set[str]]] = {
    "audit_events": (79, SEARCH),
    "audit_index": (58, STORE),
    "audit_log": (58, STORE),
    "binaries": (126, STORE),
    "bundle": (131, STORE),
    "reindex": (83, STORE),
    "capabilities": (44, EDGE),
    "channel_dispatcher": (42, STORE),
    "channel_receiver": (174, SEARCH),
    "channel_sender": (158, SEARCH),
    "channel_webhook": (54, SEARCH),
    "closing_scheduler": (71, STORE),
    "closing_worker": (72, STORE),
    "create": (115, STORE),
    "delete": (106, STORE),
    "event_publisher": (38, STORE | PYDANTIC),
    "explore": (45, EDGE),
    "fallback": (43, EDGE),
    "history": (49, STORE),
    "operations": (142, SEARCH),
    "patch": (117, STORE),
    "plain": (156, SEARCH | PYDANTIC),
    "read": (48, STORE),
    "search": (78, SEARCH),
    "subscription_deliverer": (99, SEARCH),
    "subscription_matcher": (71, SEARCH),
    "settings_check": (8, {"orjson", "urllib3"}),
    "token_claims": (0, set()),
    "update": (116, STORE),
}


@pytest.fixture(scope="module")
def built() -> Artefact:
    return artefact()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_request_costs_exactly_its_budget(scenario: Scenario) -> None:
    endpoint = Endpoint()
    with deployed(endpoint, **scenario.said) as practice:
        for handler, event in islice(scenario.requests(practice), 3):
            endpoint.calls.clear()
            assert handler(event, None)["statusCode"] in (200, 201)
    cost = writes(endpoint.calls), reads(endpoint.calls), len(endpoint.calls)
    assert cost == (scenario.writes, scenario.reads, scenario.calls)


@pytest.mark.parametrize("name", MODULES)
def test_a_function_imports_no_more_than_its_budget(name: str, built: Artefact) -> None:
    loaded = imports.modules(built, name)
    own = {module for module in loaded if module.partition(".")[0] == "shared"}
    most, others = MODULES[name]
    assert len(own) <= most
    assert {module.partition(".")[0] for module in loaded - own} == others


def test_a_collection_of_plain_json_is_imported_only_when_it_is_asked_for(built: Artefact) -> None:
    ask = "from shared.plain.collections import COLLECTIONS\nCOLLECTIONS['notes']\n"
    name = "{name for name in sys.modules if name.startswith('shared.plain.collections.')}"
    program = f"import functions.plain\nprint(len({name}))\n{ask}print(*sorted({name}))"
    common, notes = "shared.plain.collections.common", "shared.plain.collections.notes"
    assert imports.run(built, program) == ["0", common, notes]


def test_the_artefact_can_read_a_secret(built: Artefact) -> None:
    """Secrets are read with boto3, which no function imports at its start."""
    program = (
        "from shared.store.deployment_secrets import _provider\n"
        "print(_provider().client.meta.region_name)"
    )
    assert imports.run(built, program) == ["us-east-1"]
    assert not any("boto3" in others for _, others in MODULES.values())


def test_a_recorded_request_is_replayed_in_the_artefact() -> None:
    """As `bench` does to measure the memory of a warm function."""
    (scenario,) = (one for one in SCENARIOS if one.name == "get")
    assert peak.megabytes(*peak.recorded(scenario), times=2) > 1


def test_every_function_has_a_budget(built: Artefact) -> None:
    assert {path.stem for path in (built.code / "functions").glob("[a-z]*.py")} == MODULES.keys()
