"""Deployments that commands are about: a stack on AWS, or what `serve` runs."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

from shared.local import stack
from shared.local.emulator import Emulator

# A function may run for a quarter of an hour, and must not be called again meanwhile.
_PATIENT = Config(read_timeout=960, retries={"total_max_attempts": 1})


@dataclass(frozen=True, slots=True)
class Deployment:
    """A stack by its name; `make_client` makes a client of an AWS service."""

    stack: str
    make_client: Callable[..., Any]
    _clients: dict[str, Any] = field(default_factory=dict, compare=False)

    def client(self, service: str) -> Any:
        """Return the client of a service."""
        if service not in self._clients:
            config = _PATIENT if service == "lambda" else None
            self._clients[service] = self.make_client(service, config=config)
        return self._clients[service]

    def physical_ids(self, kind: str = "") -> dict[str, str]:
        """Return the physical ids of all resources of a type by their logical ids."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        return {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for page in pages.paginate(StackName=self.stack)
            for resource in page["StackResourceSummaries"]
            if kind in ("", resource["ResourceType"]) and "PhysicalResourceId" in resource
        }

    def parameters(self) -> dict[str, str]:
        """Return the values of the stack's parameters."""
        stacks = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        return {
            parameter["ParameterKey"]: parameter.get("ParameterValue", "")
            for parameter in stacks[0].get("Parameters", ())
        }

    def template(self) -> dict[str, Any]:
        """Return the stack's template as SAM has transformed it."""
        answer = self.client("cloudformation").get_template(
            StackName=self.stack, TemplateStage="Processed"
        )
        body = answer["TemplateBody"]
        template: dict[str, Any] = body if isinstance(body, dict) else json.loads(body)
        return template


def on_aws(name: str) -> Deployment:
    """Return a stack on AWS, in the region and with the credentials of the environment."""
    return Deployment(name, boto3.session.Session().client)


def on_emulator(running: Emulator) -> Deployment:
    """Return the stack that an emulator runs."""

    def make_client(service: str, config: Config | None = None) -> Any:
        return running.client(service, config)

    return Deployment(stack.NAME, make_client)
