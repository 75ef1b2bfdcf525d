"""Reindexing of a deployment: calls its function for all parts at once, until they are done."""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import boto3
from botocore.config import Config

from shared.local.conversation import Unexpected

GUARDS = ("checked guards", "repaired guards")
# The tables are gone through twice: once for the index rows, once for the guards of identifiers.
_TABLES = ("Encounters", "Communications", "index rows")
ROWS_DONE = len(_TABLES)
PASSES = (*_TABLES, *(f"guards by {name}" for name in _TABLES))


def deployed(stack: str) -> tuple[Any, str]:
    """Return a Lambda client, and the name of the reindexing function of a stack on AWS."""
    session = boto3.session.Session()
    stacks = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stacks[0]["Outputs"]}
    # A call may take a quarter of an hour, and a retry meanwhile would do the same work twice.
    config = Config(read_timeout=960, retries={"total_max_attempts": 1})
    return session.client("lambda", config=config), outputs["ReindexFunctionName"]


def run(functions: Any, name: str, parts: int) -> None:
    """Call the reindexing function until every part is done, and print the progress of each.

    `functions` is a Lambda client. A run that was stopped continues where it was when it is
    started again. Raises Unexpected if the function fails.
    """
    with ThreadPoolExecutor(parts) as pool:
        for until in (ROWS_DONE, len(PASSES)):
            # All parts finish their rows before any starts with guards, which are counted by them.
            run_part = partial(_part, functions, name, parts=parts, until=until)
            results = [*pool.map(run_part, range(parts))]
    totals = {
        key: sum(result.get(key, 0) for result in results)
        for key in ("checked", "checked rows", "repaired rows", *GUARDS, "refused")
    }
    ready = _call(functions, name, {"finish": parts})["ready"]
    print(", ".join(f"{key} {number}" for key, number in totals.items()))
    print(f"ready: {', '.join(ready) or 'all parameters were'}")


def _part(functions: Any, name: str, part: int, *, parts: int, until: int) -> dict[str, Any]:
    while True:
        result = _call(functions, name, {"part": part, "parts": parts})
        if result["done"]:
            print(f"part {part + 1} of {parts}: done", flush=True)
        else:
            print(f"part {part + 1} of {parts}: at {PASSES[result['table']]}", flush=True)
        if result["table"] >= until:
            return result


def _call(functions: Any, name: str, event: dict[str, int]) -> dict[str, Any]:
    response = functions.invoke(FunctionName=name, Payload=json.dumps(event))
    payload = response["Payload"].read().decode()
    if "FunctionError" in response:
        raise Unexpected(f"{name} failed: {payload}")
    result: dict[str, Any] = json.loads(payload)
    return result
