"""Properties of a deployment on AWS that the emulator does not check."""

import json
import re
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from itertools import pairwise
from typing import Any

import pytest

from shared import settings
from shared.access import scopes
from shared.catalog import access_patterns as patterns
from shared.catalog.interactions import INTERACTIONS
from shared.catalog.types import KEPT_TYPES
from shared.http.openapi import document
from shared.local import redriving, template
from shared.packaging.build import ROOT
from shared.plain import openapi as plain
from tests.contract.test_template import (
    FUNCTIONS,
    RESOURCES,
    ROUTES,
    TEMPLATE,
    Recorder,
    is_public,
    key_under,
    module,
)

PARAMETERS = TEMPLATE["Parameters"]
TABLES = template.resources(TEMPLATE, "AWS::DynamoDB::Table")
# What SAM derives from a function under names that others may use: its role, alias and version.
_MADE = re.compile(r"(?P<function>\w+Function)(Role|\.Alias|\.Version)")


def references(value: Any) -> Iterator[str]:
    """Yield the logical ids that a value names."""
    if isinstance(value, list):
        for part in value:
            yield from references(part)
    elif isinstance(value, dict):
        for name, part in value.items():
            match name:
                case "Ref":
                    yield part
                case "Fn::GetAtt":
                    yield part[0]
                case "Fn::Sub":
                    text, *names = part if isinstance(part, list) else [part]
                    yield from (
                        variable.partition(".")[0] for variable in re.findall(r"\${(.+?)}", text)
                    )
                    yield from references(names)
                case _:
                    yield from references(part)


def dependencies(name: str) -> set[str]:
    """Return the resources that CloudFormation creates before a resource, directly."""
    resource = RESOURCES[name]
    properties = [resource.get("Properties", {})]
    if name in FUNCTIONS:
        ignored = resource.get("IgnoreGlobals", [])
        every = {**TEMPLATE["Globals"]["Function"]}
        every["Environment"] = every["Environment"]["Variables"] | _own_variables(resource)
        properties += [value for part, value in every.items() if part not in ignored]
    named = {*references(properties), *_list(resource.get("DependsOn", []))}
    logical_ids: set[str] = {
        made["function"] if (made := _MADE.fullmatch(part)) else part for part in named
    }
    return {part for part in logical_ids if part in RESOURCES and part != name}


def _own_variables(function: dict[str, Any]) -> dict[str, Any]:
    variables: dict[str, Any] = function["Properties"].get("Environment", {}).get("Variables", {})
    return variables


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def all_dependencies(name: str) -> set[str]:
    """Return every resource that is created before a resource."""
    collected: set[str] = set()
    waiting = [name]
    while waiting:
        for need in dependencies(waiting.pop()) - collected:
            collected.add(need)
            waiting.append(need)
    return collected


def test_no_resource_depends_on_itself() -> None:
    order = TopologicalSorter({name: dependencies(name) for name in RESOURCES}).static_order()
    assert {*order} == RESOURCES.keys()


@pytest.mark.parametrize("protected", [*TABLES, "UserPool"])
def test_a_protected_resource_is_created_after_everything_that_may_fail(protected: str) -> None:
    """A protected resource cannot be deleted, so a later failure could not be rolled back."""
    first = {"SettingsCheck", "ApiDomain"}
    if protected != "UserPool":  # the stage and the authorizer need the pool's clients
        first |= {"Authorizer", "ApiStage"}
    assert first <= all_dependencies(protected)
    assert not all_dependencies(protected) & TABLES.keys()


def test_the_settings_check_covers_the_settings_that_functions_read() -> None:
    checked = RESOURCES["SettingsCheck"]["Properties"]["Settings"]
    recorder = Recorder(dict.fromkeys((*checked, *_table_variables()), ""))
    settings.from_environment(recorder)
    every = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    # Values that only the stack knows, or that may be any text.
    unchecked = {name for name in recorder.asked - checked.keys() if name not in _table_variables()}
    assert unchecked == {
        "ALLOWED_ORIGINS",
        "ALLOW_LOCAL_ENDPOINTS",
        "AUDIT_ARCHIVE",
        "AUTHORIZE_URL",
        "BINARY_BUCKET",
        "CHANGE_QUEUE_URL",
        "CHANNEL_CHANGE_QUEUE_URL",
        "CLOSING_QUEUE_URL",
        "ENCOUNTER_TYPE_SYSTEM",
        "EVENT_BUS_ARN",
        "EVENT_QUEUE_URLS",
        "EXPLORE_CLIENT_ID",
        "GROUPS_CLAIM",
        "INBOUND_QUEUE_URL",
        "METRICS_NAMESPACE",
        "NOTIFICATION_QUEUE_URL",
        "OUTBOUND_QUEUE_URL",
        "REQUIRED_SCOPE",
        "SCOPES_SUPPORTED",
        "TOKEN_URL",
        "TWILIO_URL",
    }
    writers = (_own_variables(FUNCTIONS[f"{name}Function"]) for name in ("Create", "ChannelSender"))
    every = {**every, **next(writers), **next(writers)}
    for name, value in checked.items():
        assert value["Ref"] in {*references(every[name])}


def test_every_release_checks_the_settings_again() -> None:
    assert RESOURCES["SettingsCheck"]["Properties"]["Code"] == {
        "Ref": "SettingsCheckFunction.Version"
    }
    assert "AutoPublishAlias" not in FUNCTIONS["SettingsCheckFunction"]["IgnoreGlobals"]


def _table_variables() -> list[str]:
    return [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper() for name in TABLES]


PREFLIGHTS = [route for route in ROUTES if key_under(route, "/x").startswith("OPTIONS ")]


def matches(path: str, other_path: str) -> bool:
    """Return whether a route's path matches another one. Variables count as literal names."""
    if path.endswith("/{proxy+}"):
        return other_path.startswith(path.removesuffix("{proxy+}"))
    return path == other_path


@pytest.mark.parametrize("base_path", ["", "/fhir/R4"])
def test_every_route_with_a_token_has_a_preflight_without_one(base_path: str) -> None:
    assert all(is_public(route) for route in PREFLIGHTS)
    preflights = [key_under(route, base_path).partition(" ")[2] for route in PREFLIGHTS]
    protected = [key_under(route, base_path) for route in ROUTES if not is_public(route)]
    for path in {key.partition(" ")[2] for key in protected if key != "$default"}:
        assert any(matches(preflight, path) for preflight in preflights), path


def test_cors_allows_the_methods_and_headers_of_the_api(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in template.function_environment(TEMPLATE, dict.fromkeys(TABLES, "-")).items():
        monkeypatch.setenv(name, value)
    condition, cors, nothing = RESOURCES["Api"]["Properties"]["CorsConfiguration"]["Fn::If"]
    assert (condition, nothing) == ("HasOrigins", {"Ref": "AWS::NoValue"})
    assert cors["AllowOrigins"] == {"Ref": "AllowedOrigins"}
    assert cors["AllowCredentials"] is True
    assert {*cors["AllowMethods"]} == {row.method for row in INTERACTIONS} - {"OPTIONS"}
    described = json.loads(document.openapi_json("https://fhir.example", plain))
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    taken = {
        parameter["name"].lower()
        for operation in operations
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "header"
    }
    assert taken | {"authorization", "content-type", "accept"} <= {*cors["AllowHeaders"]}
    given = {
        name
        for operation in operations
        for answer in operation["responses"].values()
        for name in answer.get("headers", {})
    }
    assert given | {"Retry-After"} <= {*cors["ExposeHeaders"]}


@pytest.mark.parametrize(
    ("origins", "is_taken"),
    [
        ("", True),
        ("https://app.example", True),
        ("http://localhost:3000", True),
        ("https://app.example/", False),
        ("https://app.example/page", False),
        ("app.example", False),
        ("*", False),
        ("https://*", False),
    ],
)
def test_allowed_origins_accepts_only_origins(origins: str, is_taken: bool) -> None:
    assert bool(re.search(PARAMETERS["AllowedOrigins"]["AllowedPattern"], origins)) is is_taken
    assert PARAMETERS["AllowedOrigins"]["Type"] == "CommaDelimitedList"


@pytest.mark.parametrize(
    "parameter",
    ["KmsKeyArn", "LogKmsKeyArn", "ReferenceSecretKmsKeyArn", "ChannelsSecretKmsKeyArn"],
)
@pytest.mark.parametrize(
    ("arn", "is_taken"),
    [
        ("", True),
        ("arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab", True),
        ("arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-1234", True),
        ("arn:aws:kms:us-east-1:123456789012:alias/tables", False),
        ("arn:aws:s3:::bucket", False),
        ("1234abcd-12ab-34cd-56ef-1234567890ab", False),
    ],
)
def test_a_kms_key_parameter_accepts_only_the_arn_of_a_key(
    parameter: str, arn: str, is_taken: bool
) -> None:
    assert bool(re.search(PARAMETERS[parameter]["AllowedPattern"], arn)) is is_taken


def test_resource_names_contain_the_stack_so_that_they_are_unique() -> None:
    name = RESOURCES["Dashboard"]["Properties"]["DashboardName"]
    assert {*references(name)} == {"AWS::StackName", "AWS::Region"}
    assert {*references(RESOURCES["DependenciesLayer"]["Properties"]["LayerName"])} == {
        "AWS::StackName"
    }


def test_access_logs_have_a_name_that_needs_no_log_resource_policy() -> None:
    (text, _) = RESOURCES["AccessLogs"]["Properties"]["LogGroupName"]["Fn::Sub"]
    assert text.startswith("/aws/vendedlogs/")


def test_log_groups_outlive_the_stack_and_may_be_encrypted_with_a_key() -> None:
    for group in template.resources(TEMPLATE, "AWS::Logs::LogGroup").values():
        assert group["DeletionPolicy"] == "RetainExceptOnCreate"
        assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
        assert {*references(group["Properties"]["KmsKeyId"])} == {"LogKmsKeyArn", "AWS::NoValue"}


def test_a_scheduled_run_receives_its_time_and_expires_after_a_minute() -> None:
    (schedule,) = FUNCTIONS["ClosingSchedulerFunction"]["Properties"]["Events"].values()
    assert json.loads(schedule["Properties"]["Input"]) == {"time": "<aws.scheduler.scheduled-time>"}
    assert schedule["Properties"]["RetryPolicy"]["MaximumEventAgeInSeconds"] == 60


def test_every_asynchronous_function_limits_the_age_of_its_events() -> None:
    tried = {
        module(function): function["Properties"]["EventInvokeConfig"]["MaximumEventAgeInSeconds"]
        for function in FUNCTIONS.values()
        if "EventInvokeConfig" in function["Properties"]
    }
    # Lambda keeps lines of the audit trail this long; then they become dead letters.
    assert tried == {
        "audit_log": 21600,
        "closing_scheduler": 60,
        "reindex": 60,
        "settings_check": 60,
    }


def test_a_trigger_answers_before_cognito_gives_up() -> None:
    trigger = FUNCTIONS["TokenClaimsFunction"]
    assert trigger["Properties"]["Timeout"] == 5
    assert {"Layers", "SnapStart", "AutoPublishAlias"} <= {*trigger["IgnoreGlobals"]}


def test_user_attributes_are_declared_with_cognitos_defaults() -> None:
    """Otherwise an update of the pool may fail: https://github.com/aws/aws-cdk/issues/8585 ."""
    for attribute in RESOURCES["UserPool"]["Properties"]["Schema"]:
        assert attribute | {"Name": ""} == {
            "Name": "",
            "AttributeDataType": "String",
            "DeveloperOnlyAttribute": False,
            "Mutable": True,
            "Required": False,
            "StringAttributeConstraints": {"MinLength": "0", "MaxLength": "2048"},
        }


def test_the_trigger_can_read_the_users_identity_attributes() -> None:
    named = {
        f"custom:{attribute['Name']}" for attribute in RESOURCES["UserPool"]["Properties"]["Schema"]
    }
    assert named <= {*RESOURCES["UserClient"]["Properties"]["ReadAttributes"]}


def test_the_user_pool_has_its_own_deletion_protection() -> None:
    pool = RESOURCES["UserPool"]["Properties"]
    assert pool["DeletionProtection"] == {"Fn::If": ["ProtectPool", "ACTIVE", "INACTIVE"]}
    assert TEMPLATE["Conditions"]["ProtectPool"]["Fn::Equals"] == [
        {"Ref": "UserPoolDeletionProtection"},
        "true",
    ]
    assert pool["UsernameConfiguration"] == {"CaseSensitive": False}
    assert pool["AutoVerifiedAttributes"] == ["email"]
    assert pool["MfaConfiguration"] == {"Ref": "MultiFactor"}


def test_every_scope_of_the_pool_is_published_and_understood() -> None:
    offered = [
        scope
        for client in ("UserClient", "ServiceClient")
        for scope in RESOURCES[client]["Properties"]["AllowedOAuthScopes"]
    ]
    variables = FUNCTIONS["CapabilitiesFunction"]["Properties"]["Environment"]["Variables"]
    condition, published, of_others = variables["SCOPES_SUPPORTED"]["Fn::If"]
    assert (condition, published.split(), of_others) == ("MakePool", offered, "")
    created = {
        f"{server['Properties']['Identifier']}/{scope['ScopeName']}"
        for server in template.resources(TEMPLATE, "AWS::Cognito::UserPoolResourceServer").values()
        for scope in server["Properties"]["Scopes"]
    }
    assert {*offered} - {"openid", "profile"} == created
    for scope in created - {"launch/patient"}:
        assert scopes.parse([scope]), scope
    assert {f"patient/{kind}.rs" for kind in KEPT_TYPES} <= created
    # https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html
    assert len(RESOURCES["UserClient"]["Properties"]["AllowedOAuthScopes"]) <= 50


def test_the_environment_of_each_function_is_below_the_limit_of_lambda() -> None:
    """The limit is 4,096 bytes. A value that only a stack knows is counted as 100 bytes."""
    parameters = {name: str(parameter["Default"]) for name, parameter in PARAMETERS.items()}
    every = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    for function in FUNCTIONS.values():
        variables = every | _own_variables(function)
        values = [_longest(value, parameters) for value in variables.values()]
        assert sum(map(len, [*variables, *values])) < 4096


def _longest(value: Any, parameters: dict[str, str]) -> str:
    if isinstance(value, str):
        return value
    ((name, part),) = value.items()
    if name == "Fn::If":
        return max((_longest(branch, parameters) for branch in part[1:]), key=len)
    return parameters.get(part, "-" * 100) if name == "Ref" else "-" * 100


def test_the_service_client_cannot_sign_users_in() -> None:
    client = RESOURCES["ServiceClient"]["Properties"]
    assert client["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]


def test_a_custom_domain_is_mapped_and_used_in_links_and_redirects() -> None:
    mapping = RESOURCES["ApiMapping"]["Properties"]
    assert mapping["DomainName"] == {"Ref": "ApiDomain"}
    assert "ApiMappingKey" not in mapping  # paths are mapped unchanged
    every = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    assert "DomainName" in {*references(every["PUBLIC_BASE_URL"])}
    assert "DomainName" in {*references(RESOURCES["UserClient"]["Properties"]["CallbackURLs"])}
    for output in ("ApiUrl", "PlainUrl", "ExploreUrl"):
        assert "DomainName" in {*references(TEMPLATE["Outputs"][output]["Value"])}
    closed = RESOURCES["Api"]["Properties"]["DisableExecuteApiEndpoint"]
    assert closed == {"Ref": "DisableExecuteApiEndpoint"}


@pytest.mark.parametrize(
    ("name", "is_taken"),
    [
        ("", True),
        ("care.example.org", True),
        ("a-b.example", True),
        ("Care.example", False),
        ("https://care.example", False),
        ("care.example/fhir", False),
        ("care", False),
    ],
)
def test_the_domain_name_parameter_accepts_only_domain_names(name: str, is_taken: bool) -> None:
    assert bool(re.search(PARAMETERS["DomainName"]["AllowedPattern"], name)) is is_taken


def test_workers_reserve_the_concurrency_that_their_queue_uses() -> None:
    worker = FUNCTIONS["ClosingWorkerFunction"]["Properties"]["ReservedConcurrentExecutions"]
    assert worker == {
        "Fn::If": ["ReserveClosing", {"Ref": "ClosingConcurrency"}, {"Ref": "AWS::NoValue"}]
    }
    mapping = RESOURCES["ClosingMessages"]["Properties"]["ScalingConfig"]
    assert mapping["MaximumConcurrency"] == worker["Fn::If"][1]


def test_a_first_deployment_reserves_nothing_and_traces_nothing() -> None:
    defaults = {name: parameter["Default"] for name, parameter in PARAMETERS.items()}
    assert defaults["ReserveClosingConcurrency"] == "false"
    assert defaults["AuditReservedConcurrency"] == defaults["SearchWarmWriteUnits"] == 0
    assert defaults["Tracing"] == "Disabled"
    assert TEMPLATE["Globals"]["Function"]["Tracing"] == {"Ref": "Tracing"}


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_each_stage_sets_only_existing_parameters(stage: str) -> None:
    stages = tomllib.loads((ROOT / "samconfig.toml").read_text())
    assert stages[stage]["build"] == stages["default"]["build"]
    options = stages[stage]["deploy"]["parameters"]
    overrides = dict(override.split("=", 1) for override in options["parameter_overrides"])
    assert overrides.keys() <= PARAMETERS.keys()
    assert (
        overrides["DeletionProtection"]
        == overrides["PointInTimeRecovery"]
        == str(stage == "prod").lower()
    )
    for name, value in overrides.items():
        parameter = PARAMETERS[name]
        assert value in [str(allowed) for allowed in parameter.get("AllowedValues", [value])]
        assert re.search(parameter.get("AllowedPattern", ""), value)


def test_the_edge_forwards_what_the_api_needs_and_caches_nothing() -> None:
    """https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html"""
    edge = template.load(ROOT / "shared/packaging/edge.yaml")["Resources"]
    distribution = edge["Distribution"]["Properties"]["DistributionConfig"]
    behaviour = distribution["DefaultCacheBehavior"]
    assert behaviour["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"  # CachingDisabled
    # AllViewerExceptHostHeader, since the gateway only accepts its own host name.
    assert behaviour["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"
    assert {*behaviour["AllowedMethods"]} == {row.method for row in INTERACTIONS}
    assert behaviour["ViewerProtocolPolicy"] == "https-only"
    assert "Logging" not in distribution  # logs would contain query strings
    assert distribution["WebACLId"] == {"Fn::GetAtt": ["WebAcl", "Arn"]}
    rules = edge["WebAcl"]["Properties"]["Rules"]
    assert "AWSManagedRulesCommonRuleSet" not in json.dumps(rules)
    assert not any(rule["VisibilityConfig"]["SampledRequestsEnabled"] for rule in rules)


def test_parameters_are_shown_in_groups() -> None:
    interface = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in interface for name in group["Parameters"]]
    assert sorted(shown) == sorted(PARAMETERS)
    assert all(one != other for one, other in pairwise(sorted(shown)))


BACKUP = ("BackupVault", "DailyBackups", "BackedUpTables", "BackupRole", "BackupRights")


def test_aws_backup_is_used_only_if_requested() -> None:
    assert PARAMETERS["BackupPlan"]["Default"] == "none"
    assert TEMPLATE["Conditions"]["BacksUp"] == {"Fn::Equals": [{"Ref": "BackupPlan"}, "daily"]}
    created = {
        name for name, resource in RESOURCES.items() if resource["Type"].startswith("AWS::Backup::")
    }
    assert created < {*BACKUP}
    assert {RESOURCES[name]["Condition"] for name in BACKUP} == {"BacksUp"}
    vault, plan, tables = (RESOURCES[name] for name in BACKUP[:3])
    # CloudFormation cannot delete a vault that has copies in it.
    assert vault["DeletionPolicy"] == "RetainExceptOnCreate"
    (rule,) = plan["Properties"]["BackupPlan"]["BackupPlanRule"]
    assert rule["TargetBackupVault"] == {"Ref": "BackupVault"}
    assert rule["Lifecycle"] == {"DeleteAfterDays": {"Ref": "BackupRetentionDays"}}
    selected = tables["Properties"]["BackupSelection"]
    assert {*references(selected["Resources"])} == TABLES.keys()
    assert selected["IamRoleArn"] == {"Fn::GetAtt": ["BackupRole", "Arn"]}


def test_the_backup_role_may_copy_the_tables_and_not_restore_them() -> None:
    statements = RESOURCES["BackupRights"]["Properties"]["PolicyDocument"]["Statement"]
    of_tables, of_copies, of_vault, of_key, grants = statements
    assert {*references(of_tables["Resource"])} == TABLES.keys()
    assert {*references(of_copies["Resource"])} == TABLES.keys()
    assert of_vault["Resource"] == {"Fn::GetAtt": ["BackupVault", "BackupVaultArn"]}
    assert of_key["Condition"]["StringEquals"]["kms:ViaService"]
    assert grants["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    actions = {action for part in statements for action in _list(part["Action"])}
    assert not [part for part in actions if "Restore" in part or part.endswith((":*", "PutItem"))]


def test_the_redrive_command_covers_every_dead_letter_queue() -> None:
    queues = template.resources(TEMPLATE, "AWS::SQS::Queue")
    named = {
        name
        for resource in RESOURCES.values()
        for part in _parts(resource, ("RedrivePolicy", "DestinationConfig"))
        for name in references(part)
    }
    assert named == {*redriving.DEAD_LETTERS} < queues.keys()


def _parts(value: Any, names: tuple[str, ...]) -> Iterator[Any]:
    """Yield the parts of a template that have one of the names."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name in names:
                yield part
            else:
                yield from _parts(part, names)


def test_every_table_can_be_imported() -> None:
    """CloudFormation imports a table only if it is retained when it is removed from its stack."""
    assert TABLES.keys() == {*patterns.TABLES}
    assert {table["DeletionPolicy"] for table in TABLES.values()} == {"RetainExceptOnCreate"}
