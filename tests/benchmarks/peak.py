"""The peak memory of a warm function, measured by replaying a recorded request in the artefact."""

import json
from collections.abc import Iterator

from shared.fhir import instants
from shared.local.artefact import artefact
from tests.benchmarks.endpoint import Endpoint
from tests.benchmarks.figures import Figure
from tests.benchmarks.imports import KB_PER_MB, run
from tests.benchmarks.practice import deployed
from tests.benchmarks.scenarios import SCENARIOS, Scenario
from tests.benchmarks.warm import silent
from tests.support.clock import START

MEASURED = frozenset({"get", "message", "thread100", "bundle5"})
INVOCATIONS = 300

_REPLAYED = """
import importlib, io, json
from datetime import datetime
from botocore.awsrequest import AWSResponse
from shared.fhir import instants
from shared.store import dynamodb
event, answers, times, start = json.load(sys.stdin)
instants.now = lambda: datetime.fromisoformat(start)
class Raw(io.BytesIO):
    def stream(self, **_):
        yield self.read()
def answered(request, **_):
    headers = {"content-type": "application/x-amz-json-1.0"}
    return AWSResponse(request.url, 200, headers, Raw(left.pop(0)))
dynamodb.client().meta.events.register("before-send.dynamodb", answered)
handler = importlib.import_module("MODULE").handler
kept, sys.stdout = sys.stdout, io.StringIO()
for _ in range(times):
    left = [answer.encode() for answer in answers]
    assert handler(event, None)["statusCode"] in (200, 201)
sys.stdout = kept
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def figures() -> Iterator[Figure]:
    """Measure each kind of request, beside the memory after its first invocation."""
    for scenario in SCENARIOS:
        if scenario.name in MEASURED:
            first, warm = (megabytes(*recorded(scenario), times) for times in (1, INVOCATIONS))
            yield Figure(f"memory.peak.{scenario.name}", "MB when warm", warm, first)


def megabytes(module: str, event: object, answers: list[str], times: int) -> float:
    """Return the memory of a process that replays a request `times` times, at the recorded time."""
    recording = json.dumps([event, answers, times, instants.to_text(START)])
    return float(run(artefact(), _REPLAYED.replace("MODULE", module), recording)[-1]) / KB_PER_MB


def recorded(scenario: Scenario) -> tuple[str, object, list[str]]:
    """Make a request once. Return its function, its event, and the answers of DynamoDB."""
    endpoint = Endpoint()
    with deployed(endpoint, **scenario.said) as practice, silent():
        handler, event = next(scenario.requests(practice))
        endpoint.calls.clear()
        handler(event, None)
    return handler.__module__, event, [call.answer.decode() for call in endpoint.calls]
