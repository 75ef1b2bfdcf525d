"""First deployments of the template, and deployments that are refused."""

from collections.abc import Iterator, Mapping

import httpx
import pytest
from botocore.exceptions import ClientError

from shared.local import secret, template
from shared.local.artefact import artefact
from shared.local.emulator import Emulator, StartError, emulator
from shared.local.environment import environment
from shared.local.stack import NAME, Stack, deploy
from tests.e2e.deployments.test_serve import wait_until
from tests.support import care

ORIGIN = "https://app.example"


@pytest.fixture
def running() -> Iterator[Emulator]:
    with emulator() as started:
        yield started


@pytest.fixture(scope="module")
def idle() -> Iterator[Emulator]:
    """An emulator on which every deployment is refused before it begins."""
    with emulator() as started:
        yield started


def deployed(running: Emulator, **parameters: str) -> Stack:
    return deploy(running, artefact(), parameters)


def test_a_first_deployment_with_an_invalid_setting_leaves_nothing_behind(
    running: Emulator,
) -> None:
    with pytest.raises(StartError, match="SESSION_TIME_ZONE: 'Europe/Atlantis'"):
        deployed(running, SessionTimeZone="Europe/Atlantis", DeletionProtection="true")
    assert running.client("dynamodb").list_tables()["TableNames"] == []
    cloudformation = running.client("cloudformation")
    wait_until(
        lambda: (
            cloudformation.describe_stacks(StackName=NAME)["Stacks"][0]["StackStatus"]
            == "ROLLBACK_COMPLETE"
        )
    )
    cloudformation.delete_stack(StackName=NAME)
    again = deployed(running, SessionTimeZone="Europe/Berlin", DeletionProtection="true")
    assert httpx.get(f"{again.base_url}/metadata", timeout=30).is_success


def test_an_update_with_an_invalid_setting_leaves_the_deployment_unchanged(
    running: Emulator,
) -> None:
    stack = deployed(running)
    with pytest.raises(StartError, match="CLIENT_ROLES: 'boss'"):
        deployed(running, ClientRoles="app=boss")
    assert httpx.get(f"{stack.base_url}/metadata", timeout=30).is_success


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"BasePath": "/v1"}, "beside the base"),
        ({"IssuerUrl": "https://issuer.example"}, "needs Audience"),
        ({"DisableExecuteApiEndpoint": "true"}, "needs DomainName"),
        ({"DomainName": "care.example"}, "needs CertificateArn"),
        ({"ReferenceChecks": "remote"}, "needs ReferenceBaseUrl"),
        ({"KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:alias/tables"}, "not of an alias"),
        ({"AllowedOrigins": f"{ORIGIN}/"}, "origins without a path"),
    ],
)
def test_contradictory_parameters_are_refused_at_once(
    idle: Emulator, parameters: Mapping[str, str], reason: str
) -> None:
    with pytest.raises((ClientError, StartError), match=reason):
        deploy(idle, artefact(), parameters)


def test_a_deployment_with_its_own_issuer_creates_no_user_pool(running: Emulator) -> None:
    stack = deployed(running, IssuerUrl="https://issuer.example", Audience="the-api")
    assert "UserPoolId" not in stack.outputs
    configuration = f"{stack.base_url}/.well-known/smart-configuration"
    assert "scopes_supported" not in httpx.get(configuration, timeout=30).json()
    assert httpx.get(f"{stack.base_url}/Encounter", timeout=30).status_code == 401


def test_functions_may_read_the_secret_for_the_other_server(running: Emulator) -> None:
    remote = {"ReferenceChecks": "remote", "ReferenceBaseUrl": "https://directory.invalid/R4"}
    arn = secret.store(running, "Bearer of-the-deployment")
    stack = deployed(running, **remote, ReferenceAuthorizationSecretArn=arn)
    bearer = environment(running, stack)["TOKEN_PRACTITIONER"]
    answer = httpx.post(
        f"{stack.base_url}/Communication",
        json=care.header(),
        headers={"Authorization": f"Bearer {bearer}", "Content-Type": "application/fhir+json"},
        timeout=30,
    )
    assert answer.status_code == 503
    assert "could not be reached" in answer.text  # which shows that the secret was read
    with pytest.raises(StartError, match=r"REFERENCE_AUTHORIZATION_SECRET_ARN: .+: .+NotFound"):
        deployed(running, **remote, ReferenceAuthorizationSecretArn=f"{arn[:-6]}AbCdEf")


def test_the_outputs_name_a_custom_domain(running: Emulator) -> None:
    certificate = running.client("acm").request_certificate(DomainName="care.example")
    stack = deployed(
        running, DomainName="care.example", CertificateArn=certificate["CertificateArn"]
    )
    assert stack.outputs["ApiUrl"] == "https://care.example/fhir/R4"
    assert stack.outputs["DomainTarget"]
    gateway = running.client("apigatewayv2")
    (mapping,) = gateway.get_api_mappings(DomainName="care.example")["Items"]
    assert mapping["Stage"] == "$default"


def test_every_table_and_the_user_pool_outlive_a_deleted_stack(running: Emulator) -> None:
    stack = deployed(running)
    running.client("cloudformation").delete_stack(StackName=NAME)
    remaining = running.client("dynamodb").list_tables()["TableNames"]
    tables = template.resources(template.load(), "AWS::DynamoDB::Table")
    assert sorted(remaining) == sorted(stack.outputs[f"{name}Name"] for name in tables)
    pools = running.client("cognito-idp").list_user_pools(MaxResults=2)["UserPools"]
    assert [pool["Id"] for pool in pools] == [stack.outputs["UserPoolId"]]
