"""The deployed artefact works without anything else that is installed on this machine."""

import json
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest

from shared.local.artefact import Artefact, artefact
from shared.local.emulator import Emulator
from shared.packaging.build import ROOT, SBOM, VIEWER
from tests.tools import channel_samples

# The order in which each event finds what it needs.
STATUSES = {
    "create": 201,
    "update": 201,
    "read": 200,
    "patch": 200,
    "history": 200,
    "search": 200,
    "operations": 201,
    "delete": 204,
    "audit_events": 200,
    "capabilities": 200,
    "explore": 200,
    "plain": 201,
    "fallback": 404,
    "channel_webhook": 200,
    "channel_webhook/status": 200,
}
DONE: dict[str, list[object]] = {"batchItemFailures": []}
JOBS = {
    "closing_scheduler": {"sent": 0},
    "closing_worker": DONE,
    "reindex": {"done": False, "table": 0},
    "audit_log": {"kept": 1},
    "audit_index": {"indexed": 1},
    "event_publisher": DONE,
    "channel_receiver": DONE,
    "channel_receiver/twilio_status": DONE,
    "channel_receiver/aws_sms_message": DONE,
    "channel_receiver/aws_sms_event": DONE,
    "channel_receiver/ses_mail": DONE,
    "channel_receiver/ses_event": DONE,
    "channel_dispatcher": DONE,
    "channel_sender": DONE,
}
LARGEST_MB = 90
MAIL = b"""From: homer@simpson.example\r
To: care@clinic.example\r
Subject: Back pain\r
Message-ID: <CAFexample@simpson.example>\r
Content-Type: text/html; charset=utf-8\r
\r
<p>My back <b>hurts</b> again.</p>\r
"""


@pytest.fixture(scope="module")
def built() -> Artefact:
    return artefact()


@pytest.fixture
def carrying(engine: Emulator) -> Mapping[str, str]:
    """Return the environment of functions that carry messages, for the accounts of the examples."""
    manager, sqs, s3 = (engine.client(name) for name in ("secretsmanager", "sqs", "s3"))
    text = json.dumps(channel_samples.ACCOUNTS)
    arn = manager.create_secret(Name="channels", SecretString=text)["ARN"]
    queue = sqs.create_queue(QueueName="channels")["QueueUrl"]
    action = channel_samples.SES_MAIL["receipt"]["action"]
    for bucket in ("binaries", action["bucketName"]):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket="binaries", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=action["bucketName"], Key=action["objectKey"], Body=MAIL)
    queues = dict.fromkeys(("INBOUND_QUEUE_URL", "OUTBOUND_QUEUE_URL"), queue)
    return {"CHANNELS_SECRET_ARN": arn, "BINARY_BUCKET": "binaries", **queues}


@pytest.fixture
def answers(
    built: Artefact, deployed: Mapping[str, str], carrying: Mapping[str, str]
) -> dict[str, Any]:
    names = [*STATUSES, *JOBS]
    events = {name: json.loads((ROOT / f"events/{name}.json").read_text()) for name in names}
    script = Path(__file__).with_name("handlers_alone.py")
    played = subprocess.run(
        # The base interpreter of the virtual environment, isolated from all installed packages.
        [sys._base_executable, "-I", "-S", script, built.code, built.layer],  # type: ignore[attr-defined]
        input=json.dumps(events),
        env={**deployed, **carrying},
        capture_output=True,
        check=False,
        text=True,
    )
    assert played.returncode == 0, played.stderr
    answer: dict[str, Any] = json.loads(played.stdout)
    return answer


def test_every_function_answers_its_event_from_the_artefact_alone(answers: dict[str, Any]) -> None:
    responses = answers["responses"]
    assert {name: responses[name]["statusCode"] for name in STATUSES} == STATUSES
    assert {name: responses[name] for name in JOBS} == JOBS
    assert answers["elsewhere"] == []


def test_only_code_that_runs_on_lambda_is_deployed(built: Artefact) -> None:
    top = {path.relative_to(built.code).parts[:2] for path in built.code.rglob("*.py")}
    assert {first for first, *_ in top} == {"functions", "shared"}
    assert not {("shared", "local"), ("shared", "packaging")} & top


def test_every_module_is_deployed_compiled(built: Artefact) -> None:
    for source in [*built.code.rglob("*.py"), *built.layer.rglob("*.py")]:
        compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"
        assert compiled.exists(), source
        # PEP 552: bit 0 says that the file is checked by the source's hash, bit 1 that it is
        # checked at all.
        assert compiled.read_bytes()[4:8] == b"\x01\0\0\0", source


def test_the_layer_lists_its_packages(built: Artefact) -> None:
    """Each package with its version and the hashes of its files. The layer has nothing else."""
    bom = json.loads((built.layer / SBOM).read_text())
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.5")
    listed = {part["name"]: part["version"] for part in bom["components"]}
    packages = [*distributions(path=[f"{built.layer}/python"])]
    installed = {item.name.lower().replace("_", "-"): item.version for item in packages}
    assert installed
    # Packages that another platform would need are listed as well.
    assert installed.items() <= listed.items()
    for part in bom["components"]:
        assert part["purl"] == f"pkg:pypi/{part['name']}@{part['version']}"
        assert ("components" in part) is (part["name"] == VIEWER)
        hashes = [item for file in part["externalReferences"] for item in file["hashes"]]
        assert {item["alg"] for item in hashes} == {"SHA-256"}


def test_the_layer_lists_what_a_package_brings_of_others(built: Artefact) -> None:
    bom = json.loads((built.layer / SBOM).read_text())
    (viewer,) = (part for part in bom["components"] if part["name"] == VIEWER)
    (swagger_ui,) = viewer["components"]
    assert swagger_ui["purl"] == f"pkg:npm/swagger-ui-dist@{viewer['version']}"
    assert swagger_ui["licenses"] == [{"license": {"id": "Apache-2.0"}}]


def test_both_processor_architectures_are_supported(built: Artefact) -> None:
    modules = {path.name.split(".")[1] for path in built.layer.rglob("*.so")}
    assert modules == {"cpython-313-aarch64-linux-gnu", "cpython-313-x86_64-linux-gnu"}


def test_the_artefact_is_small(built: Artefact) -> None:
    files = [*built.code.rglob("*"), *built.layer.rglob("*")]
    assert sum(path.stat().st_size for path in files) <= LARGEST_MB * 1_000_000
