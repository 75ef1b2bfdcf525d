"""Print the template as CloudFormation receives it from SAM.

Run it by path, in an environment with aws-sam-translator and PyYAML. Arguments set parameters, for
example `TrafficShifting=canary`.
"""

import json
import os
import sys
from pathlib import Path

from samtranslator.translator.transform import transform

sys.path[0] = str(Path(__file__).parents[2])
from shared.local import template  # noqa: E402 - found by the path set above


class NoPolicies:
    """An empty set of managed policies, since the template names none."""

    def load(self) -> dict[str, str]:
        return {}


def synthesized(parameters: dict[str, str]) -> str:
    body = template.load()
    body["Globals"]["Function"]["CodeUri"] = "s3://artefacts/code"
    body["Resources"]["DependenciesLayer"]["Properties"]["ContentUri"] = "s3://artefacts/layer"
    values = {
        name: str(parameter.get("Default", "")) for name, parameter in body["Parameters"].items()
    }
    return json.dumps(transform(body, values | parameters, NoPolicies()), indent=1)


if __name__ == "__main__":
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    given = dict(each.split("=", 1) for each in sys.argv[1:])
    print(synthesized(given))  # noqa: T201 - the output is redirected to a file
