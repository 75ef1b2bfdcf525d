"""Deployment of the template to the emulator."""

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
    """A deployed template: its outputs, and its URLs on this machine."""

    base_url: str
    explore_url: str
    token_url: str
    outputs: Mapping[str, str]


def deploy(
    emulator: Emulator,
    artefact: Artefact,
    parameters: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
) -> Stack:
    """Create or update the stack, and wait until it is complete.

    `variables` are of the functions' environment, which no parameter of the template sets.
    """
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
    body["Globals"]["Function"]["Environment"]["Variables"] |= variables or {}
    _apply(emulator, body, values)
    stack_outputs = outputs(emulator)
    _protect(emulator, body)
    return Stack(base_url, explore_url, token_url, stack_outputs)


def _upload(emulator: Emulator, artefact: Artefact) -> tuple[str, str]:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    archives = ((artefact.code, _code(artefact.code)), (artefact.layer, _layer(artefact.layer)))
    for directory, body in archives:
        s3.put_object(Bucket=BUCKET, Key=directory.name, Body=body)
    return artefact.code.name, artefact.layer.name


# The emulator would unpack the code's thousand files and the layer's 60 MB for every worker, where
# Lambda does so once. So it gets archives that only lead to what is unpacked on this machine.


def _code(directory: Path) -> bytes:
    package = (
        f"import sys; sys.path.insert(0, {str(directory)!r}); "
        f"__path__ = [{str(directory / 'functions')!r}]\n"
    )
    return _archive("functions/__init__.py", package)


def _layer(directory: Path) -> bytes:
    line = f"import sys; sys.path.insert(0, {str(directory / 'python')!r})\n"
    return _archive("python/lib/python3.13/site-packages/layer.pth", line)


def _archive(name: str, text: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, text)
    return content.getvalue()


def _for_emulator(body: dict[str, Any], keys: tuple[str, str]) -> dict[str, Any]:
    code, layer = keys
    body["Globals"]["Function"]["CodeUri"] = f"s3://{BUCKET}/{code}"
    body["Resources"]["DependenciesLayer"]["Properties"]["ContentUri"] = f"s3://{BUCKET}/{layer}"
    # Fixes the API's id, so that its URL is known before it is created.
    body["Resources"]["Api"]["Properties"]["Tags"] = {"ms-custom-id": API_ID}
    # The emulator expects the property names of the gateway's own API here.
    cors = body["Resources"]["Api"]["Properties"]["CorsConfiguration"]["Fn::If"]
    cors[1] = {name[:1].lower() + name[1:]: value for name, value in cors[1].items()}
    # The emulator does not fill the schedule's attributes into an input. Its default event has the
    # time as well.
    closing = body["Resources"]["ClosingSchedulerFunction"]["Properties"]
    del closing["Events"]["Schedule"]["Properties"]["Input"]
    # The emulator requires a permission for SendMessageBatch, which on AWS SendMessage includes.
    for function in template.resources(body, "AWS::Serverless::Function").values():
        for policy in function["Properties"].get("Policies", ()):
            _, granted, _ = policy.get("Fn::If", ("", policy, {}))
            for statement in granted.get("Statement", ()):
                _add_batch_right(statement)
    # The emulator gets a parameter's value as a string, which it cannot compare with a number. Two
    # workers suit one machine.
    for name in ("ClosingMessages", "NotificationMessages", "InboundMessages", "OutboundMessages"):
        body["Resources"][name]["Properties"]["ScalingConfig"] = {"MaximumConcurrency": 2}
    # Subscriptions may have endpoints on this machine, which no deployment can allow.
    body["Globals"]["Function"]["Environment"]["Variables"]["ALLOW_LOCAL_ENDPOINTS"] = "true"
    # The emulator refuses alarms over several metrics, so each watches its first one.
    for alarm in template.resources(body, "AWS::CloudWatch::Alarm").values():
        _watch_one(alarm["Properties"])
    # The buckets' policies deny requests without TLS, and the emulator on loopback has none.
    for bucket in ("AuditArchive", "BinaryBucket", "BinaryLogs", "MailBucket"):
        del body["Resources"][f"{bucket}Policy"]
    del body["Resources"]["BinaryBucket"]["DependsOn"]
    # The emulator asks for the right to send e-mails from any address, where AWS asks for this one.
    mails, _ = body["Resources"]["ChannelSending"]["Properties"]["PolicyDocument"]["Statement"]
    mails["Resource"] = "*"
    # The emulator receives no e-mail: shared.local.mailing does what the rule would.
    del body["Resources"]["MailRule"]
    return body


def _add_batch_right(statement: dict[str, Any]) -> None:
    actions = (
        statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    )
    if "sqs:SendMessage" in actions:
        statement["Action"] = [*actions, "sqs:SendMessageBatch"]


def _watch_one(alarm: dict[str, Any]) -> None:
    read = [query["MetricStat"] for query in alarm.pop("Metrics", ()) if "MetricStat" in query]
    if read:
        alarm |= {**read[0]["Metric"], "Period": read[0]["Period"], "Statistic": read[0]["Stat"]}


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
    """Upload the template and return its URL: in a request it may have only 51,200 bytes."""
    text = json.dumps(body, separators=(",", ":"))
    emulator.client("s3").put_object(Bucket=BUCKET, Key="template.json", Body=text)
    return f"{emulator.url}/{BUCKET}/template.json"


def _exists(cloudformation: Any) -> bool:
    return any(
        stack["StackStatus"] != "DELETE_COMPLETE"
        for stack in cloudformation.list_stacks()["StackSummaries"]
    )


def outputs(emulator: Emulator) -> dict[str, str]:
    """Return the stack's outputs once it is complete. Raises StartError if it fails."""
    cloudformation = emulator.client("cloudformation")
    deadline = time.monotonic() + DEPLOY_SECONDS
    while time.monotonic() < deadline:
        (stack,) = cloudformation.describe_stacks(StackName=NAME)["Stacks"]
        status = stack["StackStatus"]
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        if not status.endswith("_IN_PROGRESS") or "ROLLBACK" in status:
            break
        time.sleep(0.05)
    raise StartError(f"the stack is {status}: {_failures(cloudformation)}")


def physical_id(emulator: Emulator, logical_id: str) -> str:
    """Return the physical id of a resource of the template."""
    cloudformation = emulator.client("cloudformation")
    described = cloudformation.describe_stack_resource(StackName=NAME, LogicalResourceId=logical_id)
    name: str = described["StackResourceDetail"]["PhysicalResourceId"]
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
    # The emulator ignores these properties when it creates tables from a template.
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
    description = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    return bool(description["TimeToLiveStatus"] == "ENABLED")
