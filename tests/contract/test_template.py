"""template.yaml agrees with the catalogue, and gives functions no more rights than they need."""

import json
import re
from contextlib import nullcontext
from importlib import resources
from typing import Any

import pytest

from functions import closing_worker
from shared import settings
from shared.audit import digests, journal, segments
from shared.catalog import access_patterns as patterns
from shared.catalog.interactions import INTERACTIONS
from shared.catalog.policies import MAX_HOURS, POLICIES, SLOT_SCOPES
from shared.local import template
from shared.packaging.build import ROOT
from shared.store import binary_objects, transactions
from shared.subscriptions import attempts
from tests.support.greedy_routes import GREEDY_ROUTES

TEMPLATE = template.load()
RESOURCES = TEMPLATE["Resources"]
FUNCTIONS = template.resources(TEMPLATE, "AWS::Serverless::Function")
ROUTES = template.resources(TEMPLATE, "AWS::ApiGatewayV2::Route").values()

ENCOUNTER, THREAD, RESOURCE = "EncounterTable", "ThreadTable", "ResourceTable"
SEARCH, AUDIT = "SearchTable", "AuditTable"
QUEUE, EVENTS = "ClosingQueue", "EventQueue"
CHANGES, NOTIFICATIONS = "ChangeQueue", "NotificationQueue"
INBOUND, CHANNEL_CHANGES, OUTBOUND = "InboundQueue", "ChannelChangeQueue", "OutboundQueue"
RECEIVE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
POSTPONE = {"sqs:ChangeMessageVisibility"}
SECRET, CHANNELS_SECRET = "ReferenceAuthorizationSecretArn", "ChannelsSecretArn"
# What writers do with each table. A transaction needs the actions of each of its items.
LOOK = {"GetItem", "BatchGetItem", "Query"}
# Every writer may have to complete a closing that another one left unfinished.
WRITE_ENCOUNTERS = LOOK | {"PutItem", "DeleteItem", "ConditionCheckItem"}
WRITE_THREADS = LOOK | {"PutItem", "UpdateItem", "ConditionCheckItem"}
MOVE = WRITE_THREADS | {"DeleteItem"}
WRITE_RESOURCES = {"GetItem", "BatchGetItem", "PutItem"}
# References are checked by reading their targets, and a transaction checks what it does not write.
REFER = {"ConditionCheckItem"}
WRITE_ROWS = {"GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"}
CLAIM = WRITE_ROWS | {"ConditionCheckItem"}
NOTE = {"PutItem"}
ALLOWED: dict[str, dict[str, set[str]]] = {
    "create": {
        ENCOUNTER: WRITE_ENCOUNTERS,
        THREAD: WRITE_THREADS,
        RESOURCE: WRITE_RESOURCES | REFER,
        SEARCH: CLAIM,
        AUDIT: NOTE,
    },
    "update": {
        ENCOUNTER: WRITE_ENCOUNTERS,
        THREAD: MOVE,
        RESOURCE: WRITE_RESOURCES | REFER,
        SEARCH: CLAIM,
        AUDIT: NOTE,
    },
    "patch": {
        ENCOUNTER: WRITE_ENCOUNTERS,
        THREAD: MOVE,
        RESOURCE: WRITE_RESOURCES | REFER,
        SEARCH: WRITE_ROWS,
        AUDIT: NOTE,
    },
    "delete": {
        ENCOUNTER: WRITE_ENCOUNTERS,
        THREAD: WRITE_THREADS,
        RESOURCE: WRITE_RESOURCES | REFER,
        SEARCH: WRITE_ROWS,
        AUDIT: NOTE,
    },
    "operations": {
        ENCOUNTER: WRITE_ENCOUNTERS,
        THREAD: WRITE_THREADS,
        RESOURCE: WRITE_RESOURCES | REFER,
        SEARCH: WRITE_ROWS,
        AUDIT: NOTE,
    },
    # The entries of a Bundle may be any of the requests that the other functions answer.
    "bundle": {
        ENCOUNTER: WRITE_ENCOUNTERS,
        THREAD: MOVE,
        RESOURCE: WRITE_RESOURCES | {"Query", *REFER},
        SEARCH: CLAIM,
        AUDIT: {"PutItem", "BatchGetItem", "Query"},
    },
    "binaries": {
        ENCOUNTER: WRITE_ENCOUNTERS,
        THREAD: LOOK | {"PutItem", *REFER},
        RESOURCE: WRITE_RESOURCES | {"Query", *REFER},
        SEARCH: {"GetItem", "Query", "PutItem", "DeleteItem"},
        AUDIT: NOTE,
    },
    "plain": {
        ENCOUNTER: WRITE_ENCOUNTERS,
        THREAD: MOVE,
        SEARCH: WRITE_ROWS,
        RESOURCE: WRITE_RESOURCES | REFER,
        AUDIT: NOTE,
    },
    "read": {t: {"GetItem"} for t in (ENCOUNTER, THREAD, RESOURCE)} | {SEARCH: {"Query"}},
    "history": {t: {"GetItem", "Query"} for t in (ENCOUNTER, THREAD, RESOURCE)}
    | {SEARCH: {"Query"}},
    "search": {
        ENCOUNTER: LOOK,
        THREAD: LOOK,
        RESOURCE: {"GetItem", "BatchGetItem"},
        SEARCH: {"GetItem", "Query"},
    },
    "closing_scheduler": {SEARCH: {"Query"}, QUEUE: {"sqs:SendMessage", "sqs:GetQueueAttributes"}},
    "closing_worker": {
        ENCOUNTER: {"GetItem", "Query", "PutItem", "DeleteItem", "ConditionCheckItem"},
        THREAD: {"GetItem", "Query", "PutItem"},
        SEARCH: {"Query", "PutItem", "DeleteItem"},
        AUDIT: NOTE,
        QUEUE: RECEIVE,
    },
    "audit_events": {AUDIT: {"BatchGetItem", "Query"}, SEARCH: {"GetItem"}},
    "audit_log": {t: {"GetItem"} for t in (ENCOUNTER, THREAD, RESOURCE)}
    | {SEARCH: {"Query"}, AUDIT: {"BatchWriteItem"}},
    "audit_index": {
        AUDIT: {
            "BatchWriteItem",
            "DescribeStream",
            "GetRecords",
            "GetShardIterator",
            "ListStreams",
        },
        "AuditDeadLetters": {"sqs:SendMessage"},
        EVENTS: {"sqs:SendMessage"},
        CHANGES: {"sqs:SendMessage"},
        CHANNEL_CHANGES: {"sqs:SendMessage"},
        SEARCH: {"GetItem"},
    },
    # It may also put events on the bus, if there is one.
    "event_publisher": {
        EVENTS: RECEIVE,
    },
    "subscription_matcher": {t: {"GetItem"} for t in (ENCOUNTER, THREAD, RESOURCE)}
    | {SEARCH: {"Query"}, CHANGES: RECEIVE, NOTIFICATIONS: {"sqs:SendMessage"}},
    # It sets the status of Subscriptions, and reads what their makers may see.
    "subscription_deliverer": {
        ENCOUNTER: {"GetItem"},
        THREAD: {"GetItem"},
        RESOURCE: {"GetItem", "Query", "PutItem"},
        SEARCH: {"GetItem", "Query", "PutItem", "DeleteItem"},
        AUDIT: NOTE | {"BatchWriteItem"},
        NOTIFICATIONS: RECEIVE | {"sqs:ChangeMessageVisibility"},
    },
    "channel_webhook": {INBOUND: {"sqs:SendMessage"}},
    # What comes in makes and changes messages, threads, Tasks and sessions.
    "channel_receiver": {
        ENCOUNTER: {"GetItem", "PutItem", "DeleteItem", "ConditionCheckItem"},
        THREAD: WRITE_THREADS,
        RESOURCE: WRITE_RESOURCES | REFER,
        SEARCH: WRITE_ROWS,
        AUDIT: NOTE,
        INBOUND: RECEIVE | POSTPONE,
    },
    "channel_dispatcher": {
        THREAD: {"GetItem"},
        CHANNEL_CHANGES: RECEIVE,
        OUTBOUND: {"sqs:SendMessage"},
    },
    # What was sent is noted in the message, which changes no session; a Task says what failed.
    "channel_sender": {
        THREAD: {"GetItem", "Query", "PutItem", "ConditionCheckItem"},
        RESOURCE: {"GetItem", "PutItem", "ConditionCheckItem"},
        SEARCH: WRITE_ROWS,
        AUDIT: NOTE,
        OUTBOUND: RECEIVE | POSTPONE,
    },
    "reindex": {
        ENCOUNTER: {"Scan", *WRITE_RESOURCES, "DeleteItem", "ConditionCheckItem"},
        THREAD: {"Scan", "GetItem", "PutItem", "ConditionCheckItem", "Query"},
        RESOURCE: {"Scan", "GetItem", "PutItem", "ConditionCheckItem"},
        SEARCH: LOOK | {"Scan", "PutItem", "DeleteItem"},
        AUDIT: {"BatchGetItem", "BatchWriteItem", *NOTE},
    },
    "capabilities": {},
    "explore": {},
    "token_claims": {},
    "settings_check": {},
}
# A path with a trailing slash may belong to any function.
ALLOWED["fallback"] = ALLOWED["bundle"]


def module(function: dict[str, Any]) -> str:
    handler: str = function["Properties"]["Handler"]
    package, name, attribute = handler.split(".")
    assert (package, attribute) == ("functions", "handler")
    return name


def called_by(route: dict[str, Any]) -> str:
    """Return the module that a route calls, through its integration."""
    target = route["Properties"]["Target"]["Fn::Sub"]
    integration = RESOURCES[target.removeprefix("integrations/${").removesuffix("}")]
    _, version, latest = integration["Properties"]["IntegrationUri"]["Fn::If"]
    assert version == {"Ref": f"{latest['Fn::GetAtt'][0]}.Alias"}
    return module(FUNCTIONS[latest["Fn::GetAtt"][0]])


def is_public(route: dict[str, Any]) -> bool:
    authorization = route["Properties"]["AuthorizationType"]
    if authorization == "JWT":
        assert route["Properties"]["AuthorizerId"] == {"Ref": "Authorizer"}
    return bool(authorization == "NONE")


def key(route: dict[str, Any]) -> str:
    routed = route["Properties"]["RouteKey"]
    if isinstance(routed, dict) and "Fn::If" in routed:
        condition, routed, root = routed["Fn::If"]
        assert condition == "HasBasePath"
        assert root == routed["Fn::Sub"].replace("${BasePath}", "/")
    return str(routed["Fn::Sub"] if isinstance(routed, dict) else routed)


def test_the_routes_of_the_template_are_the_rows_of_the_catalogue() -> None:
    routes = {(key(route), called_by(route), is_public(route)) for route in ROUTES}
    rows = {
        (f"{i.method} {'' if i.is_at_root else '${BasePath}'}{i.path}", i.function, i.public)
        for i in INTERACTIONS
        if i.path != "/"  # the base without a base path
    }
    for slashed, row in GREEDY_ROUTES.items():
        method, _, path = slashed.partition(" ")
        rows.add((f"{method} ${{BasePath}}{path}", row.function, True))
    assert routes == rows | {("$default", "fallback", False)}


def test_route_keys_are_unique() -> None:
    keys = [key(route) for route in ROUTES]
    assert len(keys) == len(set(keys))


def key_under(route: dict[str, Any], base_path: str) -> str:
    """Return a route's key under a base path, which may be empty."""
    routed = route["Properties"]["RouteKey"]
    if not base_path and isinstance(routed, dict) and "Fn::If" in routed:
        return str(routed["Fn::If"][2])
    return key(route).replace("${BasePath}", base_path)


# What an HTTP API accepts: https://github.com/aws/serverless-application-model/issues/1949 and
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html .
ROUTE_KEY = re.compile(
    r"[A-Z]+ (/|(/([A-Za-z0-9._-]+|{[A-Za-z0-9._-]+}))*(/([A-Za-z0-9._-]+|{[A-Za-z0-9._-]+\+?})))"
)


@pytest.mark.parametrize("base_path", ["", "/fhir/R4", "/api/fhir", "/a.b-c_d"])
def test_the_gateway_accepts_route_keys_under_any_base_path(base_path: str) -> None:
    assert re.fullmatch(TEMPLATE["Parameters"]["BasePath"]["AllowedPattern"], base_path)
    for route in ROUTES:
        text = key_under(route, base_path)
        assert ROUTE_KEY.fullmatch(text) or text == "$default"


def test_every_route_without_a_token_has_its_own_throttle() -> None:
    stage = RESOURCES["ApiStage"]
    condition, usual, other = stage["Properties"]["RouteSettings"]["Fn::If"]
    assert TEMPLATE["Conditions"][condition] == {"Fn::Equals": [{"Ref": "BasePath"}, "/fhir/R4"]}
    public = {key(route) for route in ROUTES if is_public(route)}
    assert usual.keys() == {part.replace("${BasePath}", "/fhir/R4") for part in public}
    assert other.keys() == {part for part in public if "${BasePath}" not in part}
    limits = {
        "ThrottlingRateLimit": {"Ref": "PublicRateLimit"},
        "ThrottlingBurstLimit": {"Ref": "PublicBurstLimit"},
    }
    if_channels = {"Fn::If": ["HasChannels", limits, {"Ref": "AWS::NoValue"}]}
    of_channels = {key(route) for route in ROUTES if route.get("Condition") == "HasChannels"}
    for settings_by_route in (usual, other):
        for name, part in settings_by_route.items():
            assert part == (if_channels if name in of_channels else limits)
    routes = template.resources(TEMPLATE, "AWS::ApiGatewayV2::Route")
    before = {name for name, part in routes.items() if is_public(part)}
    # A resource may not depend on one that is not there, but by a property that is not, either.
    condition, variables, _ = stage["Properties"]["StageVariables"]["Fn::If"]
    if_there = {variable["Ref"] for variable in variables.values()}
    assert {*stage["DependsOn"], *if_there} == before
    assert {routes[name].get("Condition") for name in stage["DependsOn"]} == {None}
    assert {routes[name]["Condition"] for name in if_there} == {condition} == {"HasChannels"}
    public_rate, rate = (
        TEMPLATE["Parameters"][name]["Default"]
        for name in ("PublicRateLimit", "ThrottlingRateLimit")
    )
    assert public_rate < rate


@pytest.mark.parametrize("text", ["/fhir/R4/", "/a b", "/a~b", "/{type}", "/a//b", "fhir", "/"])
def test_a_base_path_cannot_contain_what_changes_route_keys(text: str) -> None:
    assert not re.fullmatch(TEMPLATE["Parameters"]["BasePath"]["AllowedPattern"], text)


def test_the_api_has_one_permission_for_each_of_its_functions() -> None:
    permissions = template.resources(TEMPLATE, "AWS::Lambda::Permission").values()
    from_api = [
        permission["Properties"]["FunctionName"]["Fn::If"][2]["Fn::GetAtt"][0]
        for permission in permissions
        if permission["Properties"]["Principal"] == "apigateway.amazonaws.com"
    ]
    routed = {called_by(route) for route in ROUTES}
    assert sorted(module(FUNCTIONS[name]) for name in from_api) == sorted(routed)


def test_every_module_is_a_function_with_an_example_event() -> None:
    modules = {path.stem for path in (ROOT / "functions").glob("[a-z]*.py")}
    assert {module(function) for function in FUNCTIONS.values()} == modules
    assert {path.stem for path in (ROOT / "events").glob("*.json")} == modules


def policies(function: dict[str, Any]) -> list[Any]:
    """Return the policies of a function's role, which it may share with another function."""
    if role := function["Properties"].get("Role"):
        name, attribute = role["Fn::GetAtt"]
        assert attribute == "Arn"
        function = FUNCTIONS[name.removesuffix("Role")]
    attached: list[Any] = function["Properties"].get("Policies", [])
    return attached


def granted(function: dict[str, Any]) -> dict[str, set[str]]:
    """Return the actions that a function's own statements allow, by table or queue."""
    rights: dict[str, set[str]] = {}
    for policy in policies(function):
        condition, then, _ = policy.get("Fn::If", ("", policy, {}))
        has_own = condition in ("", "HasChannels")
        for statement in then.get("Statement", ()) if has_own else ():
            actions = statement["Action"]
            for resource in _list(statement["Resource"]):
                table, attribute = resource["Fn::GetAtt"]
                assert attribute == ("StreamArn" if "dynamodb:GetRecords" in actions else "Arn")
                names = {action.removeprefix("dynamodb:") for action in _list(actions)}
                rights.setdefault(table, set()).update(names)
    return rights


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=module)
def test_a_function_may_do_what_it_needs_and_no_more(function: dict[str, Any]) -> None:
    assert granted(function) == ALLOWED[module(function)]


def test_a_bundle_has_the_rights_of_its_entries_and_no_more() -> None:
    functions = {row.function for row in INTERACTIONS if not row.public} - {"bundle"}
    entries: dict[str, set[str]] = {}
    for function in functions:
        for table, actions in ALLOWED[function].items():
            entries.setdefault(table, set()).update(actions)
    assert ALLOWED["bundle"] == entries


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=module)
def test_only_writers_may_encrypt(function: dict[str, Any]) -> None:
    rights = granted(function)
    managed = [p["Ref"] for p in policies(function) if "Ref" in p]
    if not rights.keys() & patterns.TABLES:
        assert managed == CARRIERS.get(module(function), [])
    else:
        rows = rights.get(SEARCH, set()) | rights.get(AUDIT, set())
        writes = bool({"PutItem", "BatchWriteItem"} & rows)
        archive = ARCHIVE.get(module(function))
        assert managed == [
            "TableKeyWriting" if writes else "TableKeyReading",
            *([archive] if archive else []),
            *(["BinaryKeeping"] if module(function) in KEEPERS else []),
            *CARRIERS.get(module(function), []),
        ]


# Who has rights on the bytes of Binaries: their own function, and that of Bundles and of paths with
# a trailing slash, which may be any request.
KEEPERS = {"binaries", "bundle", "fallback", "channel_receiver"}
# What those who carry text messages and e-mails may besides.
CARRIERS = {
    "channel_webhook": ["ChannelsSecretReading"],
    "channel_receiver": ["ChannelsSecretReading"],
    "channel_sender": ["BinaryReading", "ChannelsSecretReading", "ChannelSending"],
}
# The rights on the archive. Nobody may list, change or delete its objects.
ARCHIVE = {
    "audit_index": "ArchiveWriting",
    **dict.fromkeys(("audit_events", "bundle", "fallback", "reindex"), "ArchiveReading"),
}
ARCHIVE_RIGHTS = {
    "ArchiveReading": {"s3:GetObject", "kms:Decrypt"},
    "ArchiveWriting": {"s3:PutObject", "kms:Decrypt", "kms:GenerateDataKey"},
}


@pytest.mark.parametrize(("policy", "rights"), ARCHIVE_RIGHTS.items())
def test_readers_of_the_archive_only_read_and_writers_only_add(
    policy: str, rights: set[str]
) -> None:
    statements = RESOURCES[policy]["Properties"]["PolicyDocument"]["Statement"]
    assert {one for each in statements for one in _list(each["Action"])} == rights
    objects, key_use = statements
    prefixes = [
        segments.EVENTS_PREFIX,
        *([digests.DIGESTS_PREFIX] if policy == "ArchiveWriting" else []),
    ]
    assert _list(objects["Resource"]) == [
        {"Fn::Sub": f"${{AuditArchive.Arn}}/{prefix}*"} for prefix in prefixes
    ]
    service = {"Fn::Sub": "s3.${AWS::Region}.${AWS::URLSuffix}"}
    assert key_use["Condition"] == {"StringEquals": {"kms:ViaService": service}}


def test_the_archive_is_private_encrypted_and_can_be_locked() -> None:
    archive = RESOURCES["AuditArchive"]["Properties"]
    (rule,) = archive["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["BucketKeyEnabled"] is True
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert set(archive["PublicAccessBlockConfiguration"].values()) == {True}
    assert archive["VersioningConfiguration"] == {"Status": "Enabled"}
    assert archive["ObjectLockEnabled"] is True
    condition, locked, _ = archive["ObjectLockConfiguration"]["Fn::If"]
    assert (condition, locked["Rule"]["DefaultRetention"]["Mode"]) == (
        "LockArchive",
        {"Ref": "AuditArchiveLock"},
    )
    (denied,) = RESOURCES["AuditArchivePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (denied["Effect"], denied["Principal"], denied["Action"]) == ("Deny", "*", "s3:*")
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize(("bucket", "algorithm"), [("Bucket", "aws:kms"), ("Logs", "AES256")])
def test_the_buckets_of_binaries_are_private_and_encrypted(bucket: str, algorithm: str) -> None:
    resource, policy = RESOURCES[f"Binary{bucket}"], RESOURCES[f"Binary{bucket}Policy"]
    properties = resource["Properties"]
    assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == algorithm
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    denied = policy["Properties"]["PolicyDocument"]["Statement"][0]
    assert (denied["Effect"], denied["Principal"], denied["Action"]) == ("Deny", "*", "s3:*")
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_reads_of_binaries_are_logged_and_unfinished_uploads_expire() -> None:
    properties = RESOURCES["BinaryBucket"]["Properties"]
    assert properties["LoggingConfiguration"] == {"DestinationBucketName": {"Ref": "BinaryLogs"}}
    unfinished, leftovers = properties["LifecycleConfiguration"]["Rules"]
    (tag,) = unfinished["TagFilters"]
    assert f"{tag['Key']}={tag['Value']}" == binary_objects.UNFINISHED
    assert unfinished["ExpirationInDays"] == 1
    assert "ExpirationInDays" not in leftovers
    assert leftovers["ExpiredObjectDeleteMarker"] is True
    _, cors, _ = properties["CorsConfiguration"]["Fn::If"]
    assert cors["CorsRules"][0]["AllowedOrigins"] == {"Ref": "AllowedOrigins"}


def test_files_are_scanned_only_if_requested() -> None:
    for name in ("FileScan", "FileScanRole"):
        assert RESOURCES[name]["Condition"] == "ScansFiles"
    plan = RESOURCES["FileScan"]["Properties"]
    assert plan["ProtectedResource"] == {"S3Bucket": {"BucketName": {"Ref": "BinaryBucket"}}}
    assert plan["Actions"] == {"Tagging": {"Status": "ENABLED"}}
    assert TEMPLATE["Parameters"]["MalwareScan"]["Default"] == "false"


def test_keepers_of_binaries_may_only_do_what_they_need() -> None:
    objects, bucket, key_use = RESOURCES["BinaryKeeping"]["Properties"]["PolicyDocument"][
        "Statement"
    ]
    # By this right S3 tells what is not there from what is not allowed.
    assert bucket["Action"] == "s3:ListBucket"
    assert bucket["Resource"] == {"Fn::GetAtt": ["BinaryBucket", "Arn"]}
    assert objects["Resource"] == {"Fn::Sub": "${BinaryBucket.Arn}/*"}
    assert set(objects["Action"]) == {
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:PutObject",
        "s3:PutObjectTagging",
        "s3:DeleteObjectVersionTagging",
        "s3:DeleteObjectVersion",
        "s3:GetObjectVersionTagging",
        "s3:PutObjectVersionTagging",
    }
    assert set(key_use["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
    service = {"Fn::Sub": "s3.${AWS::Region}.${AWS::URLSuffix}"}
    assert key_use["Condition"] == {"StringEquals": {"kms:ViaService": service}}


def test_archived_objects_move_to_cheaper_storage_and_expire() -> None:
    archive = RESOURCES["AuditArchive"]
    assert archive["DeletionPolicy"] == "RetainExceptOnCreate"
    cheaper, ends = archive["Properties"]["LifecycleConfiguration"]["Rules"]
    assert cheaper["Transitions"] == [{"StorageClass": "GLACIER_IR", "TransitionInDays": 90}]
    condition, expiry, _ = ends["Fn::If"]
    assert condition == "ExpireEvents"
    assert expiry["ExpirationInDays"] == {"Ref": "AuditRetentionDays"}


def test_only_reindexing_may_scan() -> None:
    scanning = [
        module(function)
        for function in FUNCTIONS.values()
        if any("Scan" in rights for rights in granted(function).values())
    ]
    assert scanning == ["reindex"]


def test_tables_have_string_keys_backups_a_key_and_protection() -> None:
    tables = template.resources(TEMPLATE, "AWS::DynamoDB::Table")
    assert set(tables) == {ENCOUNTER, THREAD, RESOURCE, SEARCH, AUDIT}
    for table in tables.values():
        properties = table["Properties"]
        assert [k["AttributeName"] for k in properties["KeySchema"]] == ["pk", "sk"]
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert properties["SSESpecification"]["SSEType"] == "KMS"
        assert properties["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
        assert properties["PointInTimeRecoverySpecification"] == {
            "PointInTimeRecoveryEnabled": {"Ref": "PointInTimeRecovery"}
        }


def logs_to(function: dict[str, Any]) -> str:
    every = TEMPLATE["Globals"]["Function"]["LoggingConfig"]
    function_config = function["Properties"].get("LoggingConfig", {})
    group: str = (every | function_config)["LogGroup"]["Ref"]
    return group


def test_only_the_request_log_feeds_the_audit_trail() -> None:
    requested = {called_by(route) for route in ROUTES}
    groups = {module(function): logs_to(function) for function in FUNCTIONS.values()}
    assert {name for name, group in groups.items() if group == "AuditLogs"} == requested
    assert groups["audit_log"] == groups["audit_index"] == "FunctionLogs", (
        "the trail would log itself without end"
    )
    lines = RESOURCES["AuditLines"]["Properties"]
    assert lines["LogGroupName"] == {"Ref": "AuditLogs"}
    assert lines["DestinationArn"] == {"Fn::GetAtt": ["AuditLogFunction", "Arn"]}


def test_audit_lines_are_written_at_every_log_level() -> None:
    assert set(TEMPLATE["Parameters"]["LogLevel"]["AllowedValues"]) == {"DEBUG", "INFO"}


# The rows that each mapping of the trail's stream takes, and the seconds for which it gathers them.
# Searches read events as new (shared.audit.journal.NEW) for longer than that.
STREAMS: dict[str, tuple[Any, int]] = {
    "AuditWrites": (patterns.EVENT.sort, 5),
    "AuditRows": ({"prefix": patterns.NEW_EVENTS.sort.partition("{")[0]}, 300),
}


@pytest.mark.parametrize("name", STREAMS)
def test_the_stream_passes_on_events_and_not_their_index(name: str) -> None:
    mapping, (sort, seconds) = RESOURCES[name]["Properties"], STREAMS[name]
    (wanted,) = mapping["FilterCriteria"]["Filters"]
    assert json.loads(wanted["Pattern"])["dynamodb"] == {"Keys": {"sk": {"S": [sort]}}}
    assert mapping["MaximumBatchingWindowInSeconds"] == seconds
    assert 2 * seconds <= journal.INDEX_DELAY.total_seconds()
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == {
        "Fn::GetAtt": ["AuditDeadLetters", "Arn"]
    }


def test_only_rows_of_search_and_audit_expire() -> None:
    tables = template.resources(TEMPLATE, "AWS::DynamoDB::Table")
    expiring = {
        name: table["Properties"]["TimeToLiveSpecification"]["AttributeName"]
        for name, table in tables.items()
        if "TimeToLiveSpecification" in table["Properties"]
    }
    assert expiring == {SEARCH: "expires", AUDIT: "expires"}


def test_the_access_log_has_no_query_string() -> None:
    logged = RESOURCES["ApiStage"]["Properties"]["AccessLogSettings"]["Format"]
    assert set(json.loads(logged)) == {
        "time",
        "requestId",
        "ip",
        "routeKey",
        "path",
        "status",
        "authorizerError",
        "integrationError",
        "latency",
        "bytes",
    }


class Recorder(dict[str, str]):
    """An environment that records which variables are read."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)


def test_functions_have_every_setting_that_they_read() -> None:
    tables = template.resources(TEMPLATE, "AWS::DynamoDB::Table")
    recorder = Recorder(template.function_environment(TEMPLATE, {name: name for name in tables}))
    settings.from_environment(recorder)
    assert recorder.asked
    # Only the functions that use them have them.
    of_some_functions = {
        *("REFERENCE_AUTHORIZATION_SECRET_ARN", "SCOPES_SUPPORTED"),
        *("EVENT_QUEUE_URLS", "EVENT_BUS_ARN"),
        "BINARY_BUCKET",
        *("CHANGE_QUEUE_URL", "NOTIFICATION_QUEUE_URL"),
        *("CHANNELS_SECRET_ARN", "INBOUND_QUEUE_URL"),
        *("CHANNEL_CHANGE_QUEUE_URL", "OUTBOUND_QUEUE_URL"),
    }
    # No deployment may have them: only tests and local runs do.
    of_some_functions |= {"ALLOW_LOCAL_ENDPOINTS", "TWILIO_URL"}
    assert recorder.asked <= recorder.keys() | of_some_functions


def test_functions_time_out_before_the_gateway() -> None:
    assert TEMPLATE["Globals"]["Function"]["Timeout"] == 28


def test_every_parameter_is_described_and_used() -> None:
    rest = json.dumps({k: v for k, v in TEMPLATE.items() if k not in ("Parameters", "Metadata")})
    for name, parameter in TEMPLATE["Parameters"].items():
        assert parameter["Description"]
        assert f'"{name}"' in rest or f"${{{name}}}" in rest, name


def test_users_cannot_change_their_identity_attributes() -> None:
    writable = RESOURCES["UserClient"]["Properties"]["WriteAttributes"]
    assert not {"custom:fhirUser", "custom:patient"} & {*writable}


def test_parameters_allow_the_values_that_the_functions_accept() -> None:
    parameters = TEMPLATE["Parameters"]
    assert tuple(parameters["SessionPolicy"]["AllowedValues"]) == POLICIES
    assert tuple(parameters["SessionScope"]["AllowedValues"]) == SLOT_SCOPES
    assert tuple(parameters["MessageLinking"]["AllowedValues"]) == settings.LINKINGS
    assert tuple(parameters["ReferenceChecks"]["AllowedValues"]) == settings.REFERENCE_CHECKS
    assert tuple(parameters["ConditionMatches"]["AllowedValues"]) == settings.CONDITION_MATCHES
    assert parameters["SessionMaxHours"]["Default"] == MAX_HOURS
    for name in ("SessionPolicy", "SessionScope", "MessageLinking", "ReferenceChecks"):
        assert parameters[name]["Default"] == parameters[name]["AllowedValues"][0]


def test_the_time_zone_parameter_accepts_every_iana_zone_with_an_area() -> None:
    zones = resources.files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    pattern = re.compile(TEMPLATE["Parameters"]["SessionTimeZone"]["AllowedPattern"])
    assert all(pattern.search(zone) for zone in zones if "/" in zone or zone == "UTC")


@pytest.mark.parametrize(
    "zone", ["Mars/Olympus", "Berlin", "europe/berlin", "Europe", "+01:00", ""]
)
def test_the_time_zone_parameter_refuses_anything_else(zone: str) -> None:
    pattern = TEMPLATE["Parameters"]["SessionTimeZone"]["AllowedPattern"]
    assert not re.search(pattern, zone)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CLIENT_ROLES", "app=boss"),
        ("SESSION_POLICY", "weekly"),
        ("SESSION_SCOPE", "practitioner"),
        ("SESSION_TIME_ZONE", "Europe/Atlantis"),
        ("SESSION_IDLE_MINUTES", "soon"),
        ("MESSAGE_LINKING", "both"),
        ("REFERENCE_CHECKS", "some"),
        ("REQUIRE_SUBJECT", "yes"),
    ],
)
def test_an_invalid_setting_stops_a_function_with_one_line(variable: str, value: str) -> None:
    tables = template.resources(TEMPLATE, "AWS::DynamoDB::Table")
    environment = template.function_environment(TEMPLATE, {name: name for name in tables})
    refused = value.rpartition("=")[2]
    with pytest.raises(SystemExit, match=f"^{variable}: '{refused}' is .+$"):
        settings.from_environment(environment | {variable: value})


@pytest.mark.parametrize(
    ("base", "is_base"),
    [
        ("https://fhir.example", True),
        ("https://fhir.example:8443/{tenant}/R4", True),
        ("http://127.0.0.1:8080/fhir", True),
        ("http://fhir.example/R4", False),
        ("https://user:word@fhir.example", False),
        ("https://fhir.example/R4?x=1", False),
        ("http://localhost.example/R4", False),
        ("", False),
    ],
)
def test_the_reference_base_url_must_be_https_or_loopback(base: str, is_base: bool) -> None:
    tables = template.resources(TEMPLATE, "AWS::DynamoDB::Table")
    environment = template.function_environment(TEMPLATE, {name: name for name in tables})
    environment |= {"REFERENCE_CHECKS": "remote", "REFERENCE_BASE_URL": base}
    with nullcontext() if is_base else pytest.raises(SystemExit, match=r"^REFERENCE_BASE_URL: "):
        assert settings.from_environment(environment).reference_base_url == base
    pattern = TEMPLATE["Parameters"]["ReferenceBaseUrl"]["AllowedPattern"]
    if base.startswith("http"):
        assert bool(re.search(pattern, base)) == (is_base and "https" in base)


def test_only_functions_that_check_references_remotely_may_read_the_secret() -> None:
    named = {
        module(function)
        for function in FUNCTIONS.values()
        if "REFERENCE_AUTHORIZATION_SECRET_ARN"
        in function["Properties"].get("Environment", {}).get("Variables", {})
    }
    refer = {name for name, tables in ALLOWED.items() if tables.get(RESOURCE, set()) >= REFER}
    # A delete only checks the caller's own link, which is stored here.
    assert named == refer - {"reindex", "delete"}
    reading = {"Ref": "ReferenceSecretReading"}, {"Ref": "AWS::NoValue"}
    may = {
        module(function)
        for function in FUNCTIONS.values()
        if {"Fn::If": ["HasReferenceSecret", *reading]} in policies(function)
    }
    # The settings check reads the secret before any table exists.
    assert may == named | {"settings_check"}


@pytest.mark.parametrize(
    ("of", "arn", "key_arn"),
    [
        ("ReferenceSecret", SECRET, "ReferenceSecretKmsKeyArn"),
        ("ChannelsSecret", CHANNELS_SECRET, "ChannelsSecretKmsKeyArn"),
    ],
)
def test_only_the_secret_may_be_read_and_its_key_decrypts_nothing_else(
    of: str, arn: str, key_arn: str
) -> None:
    secret, key = ({"Ref": name} for name in (arn, key_arn))
    policy = RESOURCES[f"{of}Reading"]
    given = {"Fn::Not": [{"Fn::Equals": [secret, ""]}]}
    assert TEMPLATE["Conditions"][policy["Condition"]] == given
    reading, decrypting = policy["Properties"]["PolicyDocument"]["Statement"]
    assert reading == {
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": secret,
    }
    condition, granted_too, nothing = decrypting["Fn::If"]
    assert (condition, nothing) == (f"Has{of}Key", {"Ref": "AWS::NoValue"})
    assert (granted_too["Action"], granted_too["Resource"]) == ("kms:Decrypt", key)
    assert granted_too["Condition"]["StringEquals"] == {
        "kms:ViaService": {"Fn::Sub": "secretsmanager.${AWS::Region}.${AWS::URLSuffix}"},
        "kms:EncryptionContext:SecretARN": secret,
    }


@pytest.mark.parametrize(
    ("arn", "is_secret"),
    [
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:directory/read-AbCdEf", True),
        ("arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:a-b@c-1a2b3c", True),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:directory/read", False),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:*-AbCdEf", False),
        ("arn:aws:ssm:eu-west-1:123456789012:parameter/directory-AbCdEf", False),
        ("directory/read", False),
        ("Bearer of-the-deployment", False),
    ],
)
def test_a_secret_must_be_named_by_its_whole_arn(arn: str, is_secret: bool) -> None:
    for name in (SECRET, CHANNELS_SECRET):
        assert bool(re.search(TEMPLATE["Parameters"][name]["AllowedPattern"], arn)) is is_secret
    tables = template.resources(TEMPLATE, "AWS::DynamoDB::Table")
    environment = template.function_environment(TEMPLATE, {name: name for name in tables})
    environment |= {"REFERENCE_AUTHORIZATION_SECRET_ARN": arn}
    with nullcontext() if is_secret else pytest.raises(SystemExit, match="the whole ARN"):
        assert settings.from_environment(environment).reference_authorization_secret == arn
    environment |= {"REFERENCE_AUTHORIZATION_SECRET_ARN": "", "CHANNELS_SECRET_ARN": arn}
    with nullcontext() if is_secret else pytest.raises(SystemExit, match="the whole ARN"):
        assert settings.from_environment(environment).channels_secret == arn


def test_functions_that_write_without_a_request_know_the_public_base_url() -> None:
    url = TEMPLATE["Outputs"]["ApiUrl"]["Value"]
    named = {"Fn::If": ["HasPublicBaseUrl", {"Ref": "PublicBaseUrl"}, url]}
    configured = {
        module(function): function["Properties"]["Environment"]["Variables"]["PUBLIC_BASE_URL"]
        for function in FUNCTIONS.values()
        if "PUBLIC_BASE_URL" in function["Properties"].get("Environment", {}).get("Variables", {})
    }
    without_request = ("closing_worker", "reindex", "audit_index")
    telling = ("subscription_matcher", "subscription_deliverer")
    carrying = ("channel_receiver", "channel_sender")
    assert configured == dict.fromkeys((*without_request, *telling, *carrying), named)


def test_tenants_need_a_reference_base_url_with_the_tenant() -> None:
    tables = template.resources(TEMPLATE, "AWS::DynamoDB::Table")
    environment = template.function_environment(TEMPLATE, {name: name for name in tables})
    environment |= {"REFERENCE_CHECKS": "remote", "TENANT_CLAIM": "clinic"}
    with pytest.raises(SystemExit, match=r"^REFERENCE_BASE_URL: .+{tenant}"):
        settings.from_environment(environment | {"REFERENCE_BASE_URL": "https://fhir.example"})
    settings.from_environment(environment | {"REFERENCE_BASE_URL": "https://fhir.example/{tenant}"})


def test_the_name_of_the_schedule_is_generated() -> None:
    (schedule,) = RESOURCES["ClosingSchedulerFunction"]["Properties"]["Events"].values()
    assert schedule["Type"] == "ScheduleV2"
    assert schedule["Properties"]["OmitName"] is True
    assert schedule["Properties"]["ScheduleExpression"] == {"Ref": "ClosingSchedule"}


@pytest.mark.parametrize(
    ("function", "queue"),
    [
        ("ClosingWorkerFunction", QUEUE),
        ("EventPublisherFunction", EVENTS),
        ("SubscriptionMatcherFunction", CHANGES),
        ("ChannelDispatcherFunction", CHANNEL_CHANGES),
    ],
)
def test_the_visibility_timeout_is_six_times_the_workers(function: str, queue: str) -> None:
    worker, waiting = (RESOURCES[name]["Properties"] for name in (function, queue))
    assert waiting["VisibilityTimeout"] == 6 * worker["Timeout"]
    assert waiting["RedrivePolicy"]["maxReceiveCount"] == 5
    assert closing_worker.LONGEST_LOOK_MS > 1000 * transactions.CHANGE_PATIENCE_SECONDS


def test_events_are_published_only_if_there_is_a_bus_and_only_there() -> None:
    bus = {"Ref": "EventBusArn"}
    assert TEMPLATE["Parameters"]["EventBusArn"]["Default"] == ""
    assert TEMPLATE["Conditions"]["PublishesEvents"] == {"Fn::Not": [{"Fn::Equals": [bus, ""]}]}
    (putting, _) = policies(FUNCTIONS["EventPublisherFunction"])
    statement = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": bus}
    granted_then = [{"Statement": [statement]}, {"Ref": "AWS::NoValue"}]
    assert putting == {"Fn::If": ["PublishesEvents", *granted_then]}
    assert RESOURCES["EventMessages"]["Properties"]["Enabled"]["Fn::If"][0] == "PublishesEvents"
    handing_over = {
        module(function): variables["EVENT_QUEUE_URLS"]
        for function in FUNCTIONS.values()
        if "EVENT_QUEUE_URLS"
        in (variables := function["Properties"].get("Environment", {}).get("Variables", {}))
    }
    queue = {"Fn::If": ["PublishesEvents", {"Ref": EVENTS}, ""]}
    assert handing_over == {"audit_index": queue}


@pytest.mark.parametrize(
    ("arn", "is_bus"),
    [
        ("", True),
        ("arn:aws:events:eu-west-1:123456789012:event-bus/default", True),
        ("arn:aws-us-gov:events:us-gov-west-1:123456789012:event-bus/care.events-1", True),
        ("arn:aws:events:eu-west-1:123456789012:rule/care", False),
        ("arn:aws:events:eu-west-1:123456789012:event-bus/*", False),
        ("default", False),
    ],
)
def test_the_event_bus_must_be_named_by_its_arn(arn: str, *, is_bus: bool) -> None:
    pattern = TEMPLATE["Parameters"]["EventBusArn"]["AllowedPattern"]
    assert bool(re.search(pattern, arn)) is is_bus


def test_a_notification_is_tried_for_more_than_a_day() -> None:
    deliverer, waiting = (
        RESOURCES[name]["Properties"] for name in ("SubscriptionDelivererFunction", NOTIFICATIONS)
    )
    assert waiting["VisibilityTimeout"] == 6 * deliverer["Timeout"]
    assert waiting["RedrivePolicy"]["maxReceiveCount"] == len(attempts.PAUSES) + 1
    tries = sum(attempts.PAUSES)
    assert attempts.PATIENCE.total_seconds() < tries < waiting.get("MessageRetentionPeriod", 345600)
    # SQS's longest visibility timeout: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
    assert max(attempts.PAUSES) <= 43200
    assert RESOURCES["NotificationQueueAlarm"]["Properties"]["Threshold"] > tries
    assert RESOURCES["NotificationMessages"]["Properties"]["BatchSize"] == 1


def test_no_deployment_can_call_local_endpoints() -> None:
    for name in ("ALLOW_LOCAL_ENDPOINTS", "TWILIO_URL"):
        assert name not in template.PATH.read_text()


def test_messages_fail_individually_and_concurrency_is_bounded() -> None:
    publishing = RESOURCES["EventMessages"]["Properties"]
    assert publishing["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    mapping = RESOURCES["ClosingMessages"]["Properties"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "ClosingConcurrency"}}
