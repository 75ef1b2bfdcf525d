"""Having a deployment index everything anew, part by part at the same time."""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import boto3
from botocore.config import Config

from shared.local.conversation import Unexpected

GUARDS = ("checked guards", "repaired guards")
# Once for the rows, once for the guards of identifiers.
_TABLES = ("Encounters", "Communications", "index rows")
ROWS_DONE = len(_TABLES)
PASSES = (*_TABLES, *(f"guards by {name}" for name in _TABLES))


def deployed(stack: str) -> tuple[Any, str]:
    """Give a client of Lambda and the function of a stack on AWS."""
    session = boto3.session.Session()
    found = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0][
        "Outputs"
    ]
    names = {one["OutputKey"]: one["OutputValue"] for one in found}
    # A part is worked on for up to a quarter of an hour, and not to be called again meanwhile.
    patient = Config(read_timeout=960, retries={"total_max_attempts": 1})
    return session.client("lambda", config=patient), names["ReindexFunctionName"]


def run(functions: Any, name: str, parts: int) -> None:
    """Call the function of a deployment until every part is done; prints how far each has come.

    `functions` is a client of Lambda. Stopped and run again it goes on where it was. Raises
    Unexpected.
    """
    with ThreadPoolExecutor(parts) as pool:
        for until in (ROWS_DONE, len(PASSES)):
            # Guards are counted by the rows of all parts.
            one = partial(_part, functions, name, parts=parts, until=until)
            done = [*pool.map(one, range(parts))]
    totals = {
        key: sum(each.get(key, 0) for each in done)
        for key in ("checked", "checked rows", "repaired rows", *GUARDS, "refused")
    }
    ready = _call(functions, name, {"finish": parts})["ready"]
    print(", ".join(f"{key} {number}" for key, number in totals.items()))
    print(f"ready: {', '.join(ready) or 'all parameters were'}")


def _part(functions: Any, name: str, part: int, *, parts: int, until: int) -> dict[str, Any]:
    while True:
        answer = _call(functions, name, {"part": part, "parts": parts})
        if answer["done"]:
            print(f"part {part + 1} of {parts}: done", flush=True)
        else:
            print(f"part {part + 1} of {parts}: at {PASSES[answer['table']]}", flush=True)
        if answer["table"] >= until:
            return answer


def _call(functions: Any, name: str, event: dict[str, int]) -> dict[str, Any]:
    answered = functions.invoke(FunctionName=name, Payload=json.dumps(event))
    payload = answered["Payload"].read().decode()
    if "FunctionError" in answered:
        raise Unexpected(f"{name} failed: {payload}")
    answer: dict[str, Any] = json.loads(payload)
    return answer
