"""The start of a function, and its state after it is restored from a snapshot."""

import os
import subprocess
import sys

import pytest

_PROGRAM = """
import random, socket
from snapshot_restore_py import get_after_restore
from shared.store import dynamodb

print(dynamodb.client.cache_info().currsize)
if hooks := get_after_restore():
    random.seed(1)
    before = random.getstate()
    for hook, args, kwargs in hooks:
        hook(*args, **kwargs)
    assert random.getstate() != before
    print(len(hooks))
try:
    dynamodb.client().get_item(TableName="x", Key={"pk": {"S": "x"}, "sk": {"S": "x"}})
except dynamodb.NoConnection:
    print("calls")
"""


@pytest.mark.parametrize(
    ("start", "said"),
    [("", "0 calls"), ("on-demand", "1 calls"), ("snap-start", "1 1 calls")],
)
def test_the_client_exists_at_start_and_is_renewed_after_a_snapshot(start: str, said: str) -> None:
    environment = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    } | ({"AWS_LAMBDA_INITIALIZATION_TYPE": start} if start else {})
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.stdout.split() == said.split(), done.stderr
