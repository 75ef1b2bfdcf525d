"""The template deployed to the emulator."""

import io
import json
import platform
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from shared.local import template
from shared.local.artefact import Artefact
from shared.local.emulator import Emulator, StartError

NAME = "async-encounters"
BUCKET = "artefacts"
API_ID = "encounters"
DEPLOY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed template: its outputs, and the FHIR base URL and explorer on this machine."""

    base_url: str
    explore_url: str
    token_url: str
    outputs: Mapping[str, str]


def deploy(
    emulator: Emulator, artefact: Artefact, parameters: Mapping[str, str] | None = None
) -> Stack:
    """Create or update the stack and wait until it stands."""
    base_path = (parameters or {}).get("BasePath", "/fhir/R4")
    root = f"{emulator.url}/_aws/execute-api/{API_ID}"
    base_url, explore_url = f"{root}{base_path}", f"{root}/explore"
    token_url = f"{emulator.url}/oauth2/token"
    values = {
        "Architecture": "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64",
        "AccessTokenMinutes": "1440",
        "DeletionProtection": "false",
        "UserPoolDeletionProtection": "false",
        "PublicBaseUrl": base_url,
        "AuthorizeUrl": f"{emulator.url}/oauth2/authorize",
        "TokenUrl": token_url,
        "CallbackUrls": explore_url,
        **(parameters or {}),
    }
    body = _for_emulator(template.load(), _upload(emulator, artefact))
    _apply(emulator, body, values)
    found = outputs(emulator)
    _protect(emulator, body)
    return Stack(base_url, explore_url, token_url, found)


def _upload(emulator: Emulator, artefact: Artefact) -> tuple[str, str]:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    archives = ((artefact.code, _archive(artefact.code)), (artefact.layer, _layer(artefact.layer)))
    for directory, body in archives:
        s3.put_object(Bucket=BUCKET, Key=directory.name, Body=body)
    return artefact.code.name, artefact.layer.name


def _archive(directory: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in sorted(directory.rglob("*")):
            archive.write(path, path.relative_to(directory))
    return content.getvalue()


def _layer(directory: Path) -> bytes:
    # Lambda unpacks a layer once; the emulator would for every worker, 60 MB each time. So it gets
    # a path configuration file that puts the unpacked layer before everything else.
    content = io.BytesIO()
    line = f"import sys; sys.path.insert(0, {str(directory / 'python')!r})\n"
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("python/lib/python3.13/site-packages/layer.pth", line)
    return content.getvalue()


def _for_emulator(body: dict[str, Any], keys: tuple[str, str]) -> dict[str, Any]:
    code, layer = keys
    body["Globals"]["Function"]["CodeUri"] = f"s3://{BUCKET}/{code}"
    body["Resources"]["DependenciesLayer"]["Properties"]["ContentUri"] = f"s3://{BUCKET}/{layer}"
    # Fixes the API's id, so that its URL is known before it is made.
    body["Resources"]["Api"]["Properties"]["Tags"] = {"ms-custom-id": API_ID}
    # It takes the names of its own API there.
    cors = body["Resources"]["Api"]["Properties"]["CorsConfiguration"]["Fn::If"]
    cors[1] = {name[:1].lower() + name[1:]: value for name, value in cors[1].items()}
    # It does not say an attribute of the schedule's in an input, and its own event has the time.
    closing = body["Resources"]["ClosingSchedulerFunction"]["Properties"]
    del closing["Events"]["Schedule"]["Properties"]["Input"]
    # It knows SendMessageBatch as a right of its own, AWS as SendMessage.
    for statement in closing["Policies"][1]["Statement"]:
        if "sqs:SendMessage" in statement["Action"]:
            statement["Action"].append("sqs:SendMessageBatch")
    # A parameter's value reaches it as text, which it cannot compare; two workers suit one machine.
    messages = body["Resources"]["ClosingMessages"]["Properties"]
    messages["ScalingConfig"] = {"MaximumConcurrency": 2}
    # It listens on loopback only, in clear text, which the policy denies.
    del body["Resources"]["AuditArchivePolicy"]
    return body


def _apply(emulator: Emulator, body: dict[str, Any], values: Mapping[str, str]) -> None:
    cloudformation = emulator.client("cloudformation")
    request = {
        "StackName": NAME,
        "TemplateURL": _uploaded(emulator, body),
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()],
    }
    try:
        if _exists(cloudformation):
            cloudformation.update_stack(**request)
        else:
            cloudformation.create_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise


def _uploaded(emulator: Emulator, body: dict[str, Any]) -> str:
    """Put the template where it may be longer than the 51,200 bytes of one in a request."""
    text = json.dumps(body, separators=(",", ":"))
    emulator.client("s3").put_object(Bucket=BUCKET, Key="template.json", Body=text)
    return f"{emulator.url}/{BUCKET}/template.json"


def _exists(cloudformation: Any) -> bool:
    return any(
        stack["StackStatus"] != "DELETE_COMPLETE"
        for stack in cloudformation.list_stacks()["StackSummaries"]
    )


def outputs(emulator: Emulator) -> dict[str, str]:
    """Give the stack's outputs, waiting until it stands."""
    cloudformation = emulator.client("cloudformation")
    deadline = time.monotonic() + DEPLOY_SECONDS
    while time.monotonic() < deadline:
        (stack,) = cloudformation.describe_stacks(StackName=NAME)["Stacks"]
        status = stack["StackStatus"]
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}
        if not status.endswith("_IN_PROGRESS") or "ROLLBACK" in status:
            break
        time.sleep(0.05)
    raise StartError(f"the stack is {status}: {_failures(cloudformation)}")


def physical_id(emulator: Emulator, logical_id: str) -> str:
    """Give the name that a resource of the template has."""
    cloudformation = emulator.client("cloudformation")
    found = cloudformation.describe_stack_resource(StackName=NAME, LogicalResourceId=logical_id)
    name: str = found["StackResourceDetail"]["PhysicalResourceId"]
    return name


def _failures(cloudformation: Any) -> list[str]:
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=NAME)
    return [
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
        for page in pages
        for event in page["StackEvents"]
        if event["ResourceStatus"].endswith("FAILED")
    ]


def _protect(emulator: Emulator, body: dict[str, Any]) -> None:
    # What the emulator leaves out when it makes tables from a template.
    dynamodb = emulator.client("dynamodb")
    for name, resource in template.resources(body, "AWS::DynamoDB::Table").items():
        table = physical_id(emulator, name)
        expiry = resource["Properties"].get("TimeToLiveSpecification")
        if expiry and not _expires(dynamodb, table):
            dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=expiry)
        dynamodb.update_continuous_backups(
            TableName=table,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        )


def _expires(dynamodb: Any, table: str) -> bool:
    found = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    return bool(found["TimeToLiveStatus"] == "ENABLED")
