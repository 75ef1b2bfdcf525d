"""Shifting traffic to a release, in the template as CloudFormation receives it from SAM."""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from shared.local import template
from shared.local.emulator import interpreter
from shared.packaging import build
from shared.packaging.build import ROOT

TEMPLATE = template.load()
SHIFTING = TEMPLATE["Parameters"]["TrafficShifting"]["AllowedValues"]


@cache
def synthesized(shifting: str) -> dict[str, Any]:
    """Return what SAM makes of the template, run in the emulator's environment, which has SAM."""
    command = [
        interpreter(),
        str(ROOT / "tests/tools/synthesized.py"),
        f"TrafficShifting={shifting}",
    ]
    completed = subprocess.run(command, check=True, capture_output=True, text=True)
    body: dict[str, Any] = json.loads(completed.stdout)
    return body


def resources_of(shifting: str, kind: str) -> dict[str, dict[str, Any]]:
    return template.resources(synthesized(shifting), kind)


def called_aliases() -> set[str]:
    """Return the aliases through which the gateway calls functions."""
    integrations = resources_of("none", "AWS::ApiGatewayV2::Integration").values()
    uris = [integration["Properties"]["IntegrationUri"]["Fn::If"] for integration in integrations]
    assert {condition for condition, _, _ in uris} == {"CallsAlias"}
    return {alias["Ref"] for _, alias, _ in uris}


def test_a_release_takes_all_traffic_at_once_by_default() -> None:
    assert TEMPLATE["Parameters"]["TrafficShifting"]["Default"] == "none"
    assert not [
        name
        for name, resource in synthesized("none")["Resources"].items()
        if resource["Type"].startswith("AWS::CodeDeploy") or "UpdatePolicy" in resource
    ]
    assert "CodeDeployServiceRole" not in synthesized("none")["Resources"]


@pytest.mark.parametrize("shifting", SHIFTING)
def test_the_api_calls_aliases_if_traffic_is_shifted_or_snapshots_are_used(
    shifting: str,
) -> None:
    body = synthesized(shifting)
    enabled = body["Mappings"]["TrafficShifting"][shifting]["Enabled"]
    assert enabled == str(shifting != "none").lower()
    lookup = {
        "Fn::FindInMap": ["TrafficShifting", {"Ref": "TrafficShifting"}, "Enabled"],
    }
    assert body["Conditions"]["ShiftsTraffic"] == {"Fn::Equals": [lookup, "true"]}
    assert body["Conditions"]["CallsAlias"] == {
        "Fn::Or": [
            {"Condition": "ShiftsTraffic"},
            {"Fn::Equals": [{"Ref": "SnapStart"}, "PublishedVersions"]},
        ]
    }
    permitted = {
        permission["Properties"]["FunctionName"]["Fn::If"][1]["Ref"]
        for permission in resources_of(shifting, "AWS::Lambda::Permission").values()
        if permission["Properties"]["Principal"] == "apigateway.amazonaws.com"
    }
    assert permitted == called_aliases()
    assert permitted <= resources_of(shifting, "AWS::Lambda::Alias").keys()


@pytest.mark.parametrize(
    ("shifting", "configuration"),
    [("canary", "Canary10Percent10Minutes"), ("linear", "Linear10PercentEvery2Minutes")],
)
def test_each_function_of_the_api_is_shifted_and_rolled_back_by_the_alarm(
    shifting: str, configuration: str
) -> None:
    groups = resources_of(shifting, "AWS::CodeDeploy::DeploymentGroup")
    aliases = resources_of(shifting, "AWS::Lambda::Alias")
    shifted = {
        name: resource["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        for name, resource in aliases.items()
        if "UpdatePolicy" in resource
    }
    assert shifted.keys() == called_aliases()
    assert {
        resource["DeploymentGroupName"]["Ref"] for resource in shifted.values()
    } == groups.keys()
    for group in groups.values():
        properties = group["Properties"]
        (_, values) = properties["DeploymentConfigName"]["Fn::Sub"]
        assert values == {"ConfigName": configuration}
        assert properties["AlarmConfiguration"] == {
            "Enabled": True,
            "Alarms": [{"Name": {"Ref": "ReleaseErrorsAlarm"}}],
        }
        assert "DEPLOYMENT_STOP_ON_ALARM" in properties["AutoRollbackConfiguration"]["Events"]


def test_the_alarm_fires_before_more_than_a_tenth_of_traffic_is_shifted() -> None:
    alarm = TEMPLATE["Resources"]["ReleaseErrorsAlarm"]["Properties"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/ApiGateway", "5xx")
    assert alarm["Dimensions"] == [{"Name": "ApiId", "Value": {"Ref": "Api"}}]
    assert alarm["Period"] * alarm["EvaluationPeriods"] <= 60
    assert alarm["TreatMissingData"] == "notBreaching"


def test_functions_without_routes_are_released_at_once() -> None:
    """Queues, streams and schedules call the new code at once, whatever the traffic shifting."""
    for kind in ("AWS::Lambda::EventSourceMapping", "AWS::Logs::SubscriptionFilter"):
        for resource in resources_of("canary", kind).values():
            assert "Alias" not in json.dumps(resource["Properties"])


def test_a_release_with_another_name_has_different_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new version is published even if only values of parameters change."""
    monkeypatch.setenv("RELEASE", "2026-12-01")
    build.code(tmp_path)
    assert (tmp_path / "RELEASE").read_text() == "2026-12-01"


def test_traffic_shifting_changes_only_how_a_release_goes_live() -> None:
    """Traffic shifting publishes no version and changes no table or function."""
    whole, shifted = (synthesized(part)["Resources"] for part in ("none", "canary"))
    added = {name: part["Type"] for name, part in shifted.items() if name not in whole}
    assert whole.keys() <= shifted.keys()
    assert {*added.values()} == {
        "AWS::CodeDeploy::Application",
        "AWS::CodeDeploy::DeploymentGroup",
        "AWS::IAM::Role",
    }
    for name, resource in whole.items():
        changed = {**shifted[name]}
        changed.pop("UpdatePolicy", None)
        assert changed == resource
