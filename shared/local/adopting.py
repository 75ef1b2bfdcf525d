"""Replacing the tables of a deployment's stack by restored ones."""

import json
from typing import Any

from botocore.exceptions import ClientError

from shared.local import restore_templates, restoring
from shared.local.client import UnexpectedResponse
from shared.local.deployments import Deployment
from shared.local.restore_templates import RestoredTable, Template

_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
_TABLE = "AWS::DynamoDB::Table"
_NO_CHANGE = "No updates are to be performed"
# Replacing the subscription of a stream takes a minute, an update of all functions some more.
_WAITED = {"Delay": 5, "MaxAttempts": 720}


def adopt(deployment: Deployment, at: str, bucket: str) -> dict[str, str]:
    """Put the restored tables of an instant into a stack, and keep the tables that it had.

    Its templates are put into `bucket`. If it is stopped and run again, it continues. Return the
    names of the tables. Raises UnexpectedResponse.
    """
    names, mark = restoring.restored_names(deployment, at), restoring.name_suffix(at)
    tables = {table: _table(deployment, name) for table, name in names.items()}
    current = deployment.physical_ids(_TABLE)
    template = _template(deployment, bucket, mark)
    steps = (
        (_update, restore_templates.without_tables(template, tables, mark)),
        (_import, restore_templates.with_restored_tables(template, tables, mark)),
        (_update, restore_templates.with_republished_functions(template, mark)),
    )
    done = 2 if current == names else 0 if current else 1
    for step, changed in steps[done:]:
        step(deployment, _put(deployment, bucket, f"{mark}-next", changed), names)
    return names


def _table(deployment: Deployment, name: str) -> RestoredTable:
    description = restoring.table_description(deployment.client("dynamodb"), name)
    if description is None:
        raise UnexpectedResponse(f"{name} does not exist: restore the tables first")
    return RestoredTable(name, description["TableArn"], description.get("LatestStreamArn", ""))


def _template(deployment: Deployment, bucket: str, mark: str) -> Template:
    """Return the template that a stack had when adopting began."""
    s3, key = deployment.client("s3"), _key(f"{mark}-before")
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        template = deployment.template()
        _put(deployment, bucket, f"{mark}-before", template)
        return template
    before: Template = json.loads(body)
    return before


def _key(name: str) -> str:
    return f"restore/{name}.json"


def _put(deployment: Deployment, bucket: str, name: str, template: Template) -> str:
    """Put a template into a bucket, because a request limits its length; return its URL."""
    s3, body = deployment.client("s3"), json.dumps(template, separators=(",", ":"))
    s3.put_object(Bucket=bucket, Key=_key(name), Body=body)
    return f"{s3.meta.endpoint_url}/{bucket}/{_key(name)}"


def _request(deployment: Deployment, url: str) -> dict[str, Any]:
    values = [{"ParameterKey": name, "UsePreviousValue": True} for name in deployment.parameters()]
    return {
        "StackName": deployment.stack,
        "TemplateURL": url,
        "Parameters": values,
        "Capabilities": _CAPABILITIES,
    }


def _update(deployment: Deployment, url: str, _tables: dict[str, str]) -> None:
    cloudformation = deployment.client("cloudformation")
    try:
        cloudformation.update_stack(**_request(deployment, url))
    except ClientError as error:
        if _NO_CHANGE not in str(error):
            raise
        return
    _wait(cloudformation, "stack_update_complete", deployment.stack)


def _import(deployment: Deployment, url: str, tables: dict[str, str]) -> None:
    cloudformation, name = deployment.client("cloudformation"), "restored-tables"
    resources = [
        {
            "ResourceType": _TABLE,
            "LogicalResourceId": table,
            "ResourceIdentifier": {"TableName": own},
        }
        for table, own in tables.items()
    ]
    change_set = cloudformation.create_change_set(
        **_request(deployment, url),
        ChangeSetName=name,
        ChangeSetType="IMPORT",
        ResourcesToImport=resources,
    )
    waiter = cloudformation.get_waiter("change_set_create_complete")
    waiter.wait(ChangeSetName=change_set["Id"], WaiterConfig=_WAITED)
    cloudformation.execute_change_set(ChangeSetName=change_set["Id"])
    _wait(cloudformation, "stack_import_complete", deployment.stack)


def _wait(cloudformation: Any, until: str, stack: str) -> None:
    cloudformation.get_waiter(until).wait(StackName=stack, WaiterConfig=_WAITED)
