"""Having a deployment stand still: none of its functions runs, so nothing is written."""

from typing import Any

from shared.local.deployments import Deployment

_FUNCTION = "AWS::Lambda::Function"
# Reindexing goes on while all else stands still, and CloudFormation asks for a check of settings.
_OPEN = ("ReindexFunction", "SettingsCheckFunction")
_RESERVED = "reserved-before-restore"


def stop_functions(deployment: Deployment) -> list[str]:
    """Let no function run but those that restoring needs; return the names of the others."""
    client, closed = deployment.client("lambda"), []
    for logical_id, name in deployment.physical_ids(_FUNCTION).items():
        reserved = client.get_function_concurrency(FunctionName=name)
        before = reserved.get("ReservedConcurrentExecutions")
        if logical_id in _OPEN or before == 0:
            continue
        if before:
            client.tag_resource(Resource=_arn(client, name), Tags={_RESERVED: str(before)})
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
        closed.append(name)
    return closed


def resume_functions(deployment: Deployment) -> list[str]:
    """Let all functions run as before they were closed; return their names."""
    client, opened = deployment.client("lambda"), []
    for name in deployment.physical_ids(_FUNCTION).values():
        reserved = client.get_function_concurrency(FunctionName=name)
        if reserved.get("ReservedConcurrentExecutions") != 0:
            continue
        arn = _arn(client, name)
        before = client.list_tags(Resource=arn)["Tags"].get(_RESERVED)
        if before:
            client.put_function_concurrency(
                FunctionName=name, ReservedConcurrentExecutions=int(before)
            )
            client.untag_resource(Resource=arn, TagKeys=[_RESERVED])
        else:
            client.delete_function_concurrency(FunctionName=name)
        opened.append(name)
    return opened


def _arn(client: Any, name: str) -> str:
    arn: str = client.get_function_configuration(FunctionName=name)["FunctionArn"]
    return arn
