"""Everything that may fail has an alarm, a row on the dashboard, and a metric that exists."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from shared import metrics, settings
from shared.local import template
from shared.packaging.build import ROOT
from tests.benchmarks import bill
from tests.contract.test_template import ALLOWED, FUNCTIONS, RESOURCES, TEMPLATE, module

ALARMS = template.resources(TEMPLATE, "AWS::CloudWatch::Alarm")
TOPIC = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
STACK = "AWS::StackName"
VARIABLES = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
SERVICE = VARIABLES["POWERTOOLS_SERVICE_NAME"]

# Metrics that AWS publishes, with their dimensions and the page that documents them.
_API = "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html"
_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html"
_TABLE = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html"
_QUEUE = (
    "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide"
    "/sqs-available-cloudwatch-metrics.html"
)
_LOGS = (
    "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs"
    "/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html"
)
MEASURED_BY_AWS: dict[tuple[str, str, frozenset[str]], str] = {
    ("AWS/ApiGateway", "5xx", frozenset({"ApiId"})): _API,
    ("AWS/ApiGateway", "Count", frozenset({"ApiId"})): _API,
    ("AWS/ApiGateway", "Latency", frozenset({"ApiId"})): _API,
    ("AWS/Lambda", "Errors", frozenset({"FunctionName"})): _LAMBDA,
    ("AWS/Lambda", "Throttles", frozenset({"FunctionName"})): _LAMBDA,
    ("AWS/Lambda", "IteratorAge", frozenset({"FunctionName"})): _LAMBDA,
    ("AWS/Lambda", "DestinationDeliveryFailures", frozenset({"FunctionName"})): _LAMBDA,
    ("AWS/DynamoDB", "ReadThrottleEvents", frozenset({"TableName"})): _TABLE,
    ("AWS/DynamoDB", "WriteThrottleEvents", frozenset({"TableName"})): _TABLE,
    ("AWS/DynamoDB", "SystemErrors", frozenset({"TableName", "Operation"})): _TABLE,
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", frozenset({"QueueName"})): _QUEUE,
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", frozenset({"QueueName"})): _QUEUE,
    (
        "AWS/Logs",
        "DeliveryErrors",
        frozenset({"LogGroupName", "DestinationType", "FilterName"}),
    ): _LOGS,
}

type Dimensions = frozenset[tuple[str, str]]
type Metric = tuple[str, str, Dimensions]


# The condition that does not hold in each kind of deployment that is looked at, none at first.
DEPLOYMENTS = ("", "MakePool", "HasChannels")


def text(value: Any, *, without: str = "") -> str:
    """Return a value as it is deployed, with `${Name}` for what only a stack knows.

    `without` is the condition that does not hold.
    """
    if isinstance(value, str):
        return value
    ((name, part),) = value.items()
    match name:
        case "Ref":
            return f"${{{part}}}"
        case "Fn::GetAtt":
            return f"${{{'.'.join(part)}}}"
        case "Fn::If":
            condition, then, other = part
            assert condition in DEPLOYMENTS
            return text(other if condition == without else then)
        case "Fn::Sub":
            body, substitutions = part if isinstance(part, list) else (part, {})
            for variable, substitute in substitutions.items():
                body = body.replace(f"${{{variable}}}", text(substitute, without=without))
            return str(body)
        case _:
            raise AssertionError(name)


def metrics_of(alarm: Mapping[str, Any]) -> Iterator[Metric]:
    """Yield the metrics that an alarm watches; each of them is billed."""
    properties = alarm["Properties"]
    stats = [
        part["MetricStat"]["Metric"]
        for part in properties.get("Metrics", ())
        if _reads_metric(part)
    ]
    for stat in stats or [properties]:
        dimensions = {(part["Name"], text(part["Value"])) for part in stat["Dimensions"]}
        yield text(stat["Namespace"]), stat["MetricName"], frozenset(dimensions)


def _reads_metric(query: Mapping[str, Any]) -> bool:
    return "MetricStat" in query


WATCHED = {metric for alarm in ALARMS.values() for metric in metrics_of(alarm)}


def widgets(*, without: str = "") -> list[Any]:
    body = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]
    shown: list[Any] = json.loads(text(body, without=without))["widgets"]
    return shown


def rows(*, without: str = "") -> dict[str, list[Metric]]:
    """Return the metrics of each row of the dashboard, by its heading."""
    metrics_by_row: dict[str, list[Metric]] = {}
    heading = ""
    for widget in widgets(without=without):
        if widget["type"] == "text":
            heading = widget["properties"]["markdown"].removeprefix("## ")
            metrics_by_row[heading] = []
        elif widget["type"] == "metric":
            metrics_by_row[heading] += _metrics_of_widget(widget["properties"]["metrics"])
    return metrics_by_row


def _metrics_of_widget(lines: list[Any]) -> Iterator[Metric]:
    for line in lines:
        names = [part for part in line if isinstance(part, str)]
        if names:
            namespace, name, *dimensions = names
            pairs = zip(dimensions[::2], dimensions[1::2], strict=True)
            yield namespace, name, frozenset(pairs)


def watches(namespace: str, name: str, **dimensions: str) -> bool:
    return (namespace, name, frozenset(dimensions.items())) in WATCHED


# ---- Everything has an alarm


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_has_an_alarm(function: str, metric: str) -> None:
    assert watches("AWS/Lambda", metric, FunctionName=f"${{{function}}}")


# The operation of the store that each right is for. A scan is run by an operator, who sees it fail.
_OPERATIONS = {
    "GetItem": "GetItem",
    "BatchGetItem": "BatchGetItem",
    "Query": "Query",
    "BatchWriteItem": "BatchWriteItem",
    **dict.fromkeys(
        ("PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"), "TransactWriteItems"
    ),
}


@pytest.mark.parametrize("table", template.resources(TEMPLATE, "AWS::DynamoDB::Table"))
def test_every_table_has_an_alarm_for_what_is_throttled_or_fails(table: str) -> None:
    name = f"${{{table}}}"
    assert watches("AWS/DynamoDB", "ReadThrottleEvents", TableName=name)
    assert watches("AWS/DynamoDB", "WriteThrottleEvents", TableName=name)
    rights = {right for tables in ALLOWED.values() for right in tables.get(table, ())}
    operations = {_OPERATIONS[right] for right in rights if right in _OPERATIONS}
    assert operations
    for operation in operations:
        assert watches("AWS/DynamoDB", "SystemErrors", TableName=name, Operation=operation)


QUEUES = template.resources(TEMPLATE, "AWS::SQS::Queue")


@pytest.mark.parametrize("queue", QUEUES)
def test_every_queue_has_an_alarm(queue: str) -> None:
    """A dead letter queue alarms on any message, another queue on messages that wait too long."""
    is_dead = "RedrivePolicy" not in QUEUES[queue]["Properties"]
    metric = "ApproximateNumberOfMessagesVisible" if is_dead else "ApproximateAgeOfOldestMessage"
    assert watches("AWS/SQS", metric, QueueName=f"${{{queue}.QueueName}}")


MAPPINGS = template.resources(TEMPLATE, "AWS::Lambda::EventSourceMapping")


@pytest.mark.parametrize(
    "mapping",
    [name for name, one in MAPPINGS.items() if "StreamArn" in str(one["Properties"])],
)
def test_every_trigger_of_a_stream_has_an_alarm(mapping: str) -> None:
    """Lambda has one IteratorAge for all streams of a function, that of the oldest record."""
    function, _ = MAPPINGS[mapping]["Properties"]["FunctionName"]["Fn::GetAtt"]
    assert watches("AWS/Lambda", "IteratorAge", FunctionName=f"${{{function}}}")


@pytest.mark.parametrize("name", template.resources(TEMPLATE, "AWS::Logs::SubscriptionFilter"))
def test_every_subscription_of_a_log_has_an_alarm(name: str) -> None:
    logs = RESOURCES[name]["Properties"]["LogGroupName"]
    assert watches(
        "AWS/Logs",
        "DeliveryErrors",
        LogGroupName=text(logs),
        DestinationType="Lambda",
        FilterName=f"${{{name}}}",
    )


def test_every_metric_filter_of_a_log_has_an_alarm() -> None:
    for log_filter in template.resources(TEMPLATE, "AWS::Logs::MetricFilter").values():
        for transformation in log_filter["Properties"]["MetricTransformations"]:
            named = (text(transformation["MetricNamespace"]), transformation["MetricName"])
            assert named in {(namespace, name) for namespace, name, _ in WATCHED}


def test_every_dead_letter_that_lambda_cannot_deliver_has_an_alarm() -> None:
    for name, function in FUNCTIONS.items():
        if "DestinationConfig" in function["Properties"].get("EventInvokeConfig", {}):
            assert watches("AWS/Lambda", "DestinationDeliveryFailures", FunctionName=f"${{{name}}}")


@pytest.mark.parametrize("api", template.resources(TEMPLATE, "AWS::ApiGatewayV2::Api"))
def test_every_api_has_alarms_for_its_errors_and_its_latency(api: str) -> None:
    for metric in ("5xx", "Count", "Latency"):
        assert watches("AWS/ApiGateway", metric, ApiId=f"${{{api}}}")
    latency = ALARMS["ApiLatencyAlarm"]["Properties"]
    assert latency["ExtendedStatistic"] == "p99"


def test_lost_audit_lines_and_late_closings_have_an_alarm() -> None:
    for metric in (metrics.UNAUDITED, metrics.OLDEST):
        assert watches(f"${{{STACK}}}", metric, service=SERVICE, Policy=metrics.ANY_POLICY)
    # A schedule that does not run sends no data.
    assert ALARMS["ClosingLagAlarm"]["Properties"]["TreatMissingData"] == "breaching"


# ---- Every alarm notifies, is shown and is explained


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_notifies_when_it_begins_and_when_it_ends(name: str) -> None:
    properties = ALARMS[name]["Properties"]
    assert properties["AlarmActions"] == properties["OKActions"] == TOPIC
    assert "ActionsEnabled" not in properties
    assert "TreatMissingData" in properties


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_says_what_it_means_and_what_to_do(name: str) -> None:
    meaning, what_to_do = ALARMS[name]["Properties"]["AlarmDescription"].split(" Do: ")
    assert meaning.endswith(".")
    assert what_to_do
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    assert len(ALARMS[name]["Properties"]["AlarmDescription"]) <= 1024


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_over_several_metrics_is_within_the_limits_of_cloudwatch(name: str) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html"""
    queries = ALARMS[name]["Properties"].get("Metrics")
    if queries is None:
        return
    reading = [query for query in queries if _reads_metric(query)]
    (watched,) = (query for query in queries if not _reads_metric(query))
    assert 1 <= len(reading) <= 10
    ids = [query["Id"] for query in queries]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch("[a-z][A-Za-z0-9_]*", query_id) for query_id in ids)
    assert watched["ReturnData"] is True
    assert all(query["ReturnData"] is False for query in reading)
    assert {query["MetricStat"]["Period"] for query in reading} == {300}
    named = set(re.findall(r"\b[a-z]\w*", watched["Expression"]))
    assert "METRICS()" in watched["Expression"] or named == {query["Id"] for query in reading}


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_in_one_row_of_the_dashboard(name: str) -> None:
    watched = set(metrics_of(ALARMS[name]))
    (row,) = (row for row, shown in rows().items() if watched <= set(shown))
    assert row


@pytest.mark.parametrize("without", DEPLOYMENTS)
def test_the_dashboard_begins_with_all_deployed_alarms(without: str) -> None:
    first, *rest = widgets(without=without)
    deployed = {
        f"${{{name}.Arn}}"
        for name, alarm in ALARMS.items()
        if not without or alarm.get("Condition") != without
    }
    assert first["type"] == "alarm"
    assert sorted(first["properties"]["alarms"]) == sorted(deployed)
    assert not any(widget["type"] == "alarm" for widget in rest)


def test_the_dashboard_has_a_row_for_each_subject() -> None:
    assert [*rows()] == [
        "API",
        "Functions",
        "Tables",
        "Streams",
        "Audit lines",
        "Dead letters and queues",
        "Due sessions",
        "Sessions",
        "Subscriptions",
        "Text messages and e-mail",
    ]
    assert [*rows(without="HasChannels")] == [*rows()][:-1]


@pytest.mark.parametrize("without", DEPLOYMENTS)
def test_widgets_do_not_overlap_and_name_only_deployed_resources(without: str) -> None:
    places = [
        (widget["y"] + down, widget["x"] + right)
        for widget in widgets(without=without)
        for down in range(widget["height"])
        for right in range(widget["width"])
    ]
    assert len(places) == len(set(places))
    assert {right for _, right in places} == set(range(24))
    body = text(RESOURCES["Dashboard"]["Properties"]["DashboardBody"], without=without)
    for name in re.findall(r"\${(\w+)(?:\.\w+)?}", body):
        assert name in RESOURCES
        assert not without or RESOURCES[name].get("Condition") != without


# ---- Every metric that is named is published


_BEFORE_POLICY = 2  # the number of positional arguments of `metrics.record` before the policy


def _names_policy(call: ast.Call) -> bool:
    return any(word.arg == "policy" for word in call.keywords)


def recorded_figures() -> set[tuple[str, bool]]:
    """Return the names of the figures that the code records, each with whether it is by policy."""
    calls = [
        call
        for path in (ROOT / "shared").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "metrics.record"
    ]
    return {
        (getattr(metrics, name.attr), len(call.args) > _BEFORE_POLICY or _names_policy(call))
        for call in calls
        for name in ast.walk(call.args[0])
        if isinstance(name, ast.Attribute) and ast.unparse(name.value) == "metrics"
    }


def figures() -> set[Metric]:
    """Return the metrics of these figures. One that is not by policy is under `any`."""
    policies = TEMPLATE["Parameters"]["SessionPolicy"]["AllowedValues"]
    return {
        (f"${{{STACK}}}", name, frozenset({("service", SERVICE), ("Policy", policy)}))
        for name, by_policy in recorded_figures()
        for policy in (policies if by_policy else [metrics.ANY_POLICY])
    }


def test_figures_are_written_with_the_expected_namespace_and_dimensions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert text(VARIABLES["METRICS_NAMESPACE"]) == f"${{{STACK}}}"
    environment = template.function_environment(TEMPLATE) | {"METRICS_NAMESPACE": "the-stack"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings.settings.cache_clear()
    for name, by_policy in recorded_figures():
        metrics.record(name, policy="daily" if by_policy else metrics.ANY_POLICY)
    metrics.write()
    settings.settings.cache_clear()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    written = set()
    for line in lines:
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert (directive["Namespace"], line["service"]) == ("the-stack", SERVICE)
        assert [set(names) for names in directive["Dimensions"]] == [{"service", "Policy"}]
        written |= {
            (metric["Name"], line["Policy"] != metrics.ANY_POLICY)
            for metric in directive["Metrics"]
        }
    assert written == recorded_figures()


def test_alarms_and_dashboard_name_only_published_metrics() -> None:
    shown = {metric for row in rows().values() for metric in row}
    published = figures()
    for namespace, name, dimensions in WATCHED | shown:
        if namespace == f"${{{STACK}}}":
            assert (namespace, name, dimensions) in published
        else:
            kinds = frozenset(kind for kind, _ in dimensions)
            assert (namespace, name, kinds) in MEASURED_BY_AWS


def test_every_figure_is_on_the_dashboard() -> None:
    assert figures() <= {metric for row in rows().values() for metric in row}


def test_the_bill_counts_every_metric_of_alarms_and_every_figure() -> None:
    """The bill is of a network without channels, which have no resource there."""
    alarms = [alarm for alarm in ALARMS.values() if alarm.get("Condition") != "HasChannels"]
    shown = {metric for row in rows(without="HasChannels").values() for metric in row}
    figures = {name for namespace, name, _ in shown if namespace == f"${{{STACK}}}"}
    watched = sum(len([*metrics_of(alarm)]) for alarm in alarms)
    assert bill.watched(TEMPLATE) == (watched, len(figures))


# ---- Notification

PATTERN = TEMPLATE["Parameters"]["AlarmTopicArn"]["AllowedPattern"]


@pytest.mark.parametrize(
    ("topic", "is_taken"),
    [
        ("", True),
        ("arn:aws:sns:us-east-1:123456789012:on-call", True),
        ("arn:aws-us-gov:sns:us-gov-west-1:123456789012:On_Call-1", True),
        ("arn:aws:sns:us-east-1:123456789012:on-call.fifo", False),
        ("arn:aws:sns:us-east-1:123456789012:on-call:6b0e71bd-7e97-4d97", False),
        ("arn:aws:sqs:us-east-1:123456789012:on-call", False),
        ("arn:aws:sns:us-east-1:1234:on-call", False),
        ("arn:anything", False),
        ("on-call", False),
    ],
)
def test_the_alarm_topic_parameter_accepts_only_the_arn_of_a_topic(
    topic: str, is_taken: bool
) -> None:
    assert bool(re.search(PATTERN, topic)) is is_taken


def test_without_a_topic_alarms_exist_and_notify_nobody() -> None:
    assert TEMPLATE["Parameters"]["AlarmTopicArn"]["Default"] == ""
    conditions = {alarm.get("Condition") for alarm in ALARMS.values()}
    assert conditions == {None, "MakePool", "HasChannels"}
    (of_pool,) = (alarm for alarm in ALARMS.values() if alarm.get("Condition") == "MakePool")
    (name,) = {dict(dimensions)["FunctionName"] for _, _, dimensions in metrics_of(of_pool)}
    function = FUNCTIONS[name.removeprefix("${").removesuffix("}")]
    assert (module(function), function["Condition"]) == ("token_claims", "MakePool")
