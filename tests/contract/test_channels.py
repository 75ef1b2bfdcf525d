"""The resources for text messages and e-mail, which exist only where there are accounts."""

import re
from typing import Any

import pytest

from shared.packaging import build
from tests.contract.test_deployment import references
from tests.contract.test_template import FUNCTIONS, RESOURCES, TEMPLATE

PARAMETERS, CONDITIONS = TEMPLATE["Parameters"], TEMPLATE["Conditions"]
OF_CHANNELS = re.compile("(Channels?|Inbound|Outbound|Mail)[A-Z].*")
NAMED = {name: resource for name, resource in RESOURCES.items() if OF_CHANNELS.fullmatch(name)}
ACCOUNT = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def statements(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = RESOURCES[name]["Properties"]["PolicyDocument"]["Statement"]
    return found


def test_without_accounts_there_is_nothing_of_channels() -> None:
    assert (
        PARAMETERS["ChannelsSecretArn"]["Default"] == PARAMETERS["MailRecipients"]["Default"] == ""
    )
    given = {"Fn::Not": [{"Fn::Equals": [{"Ref": "ChannelsSecretArn"}, ""]}]}
    assert CONDITIONS["HasChannels"] == given
    recipients = {"Fn::Join": ["", {"Ref": "MailRecipients"}]}
    assert CONDITIONS["HasMail"] == {
        "Fn::And": [{"Condition": "HasChannels"}, {"Fn::Not": [{"Fn::Equals": [recipients, ""]}]}]
    }
    assert len(NAMED) > 30
    assert {name: resource.get("Condition") for name, resource in NAMED.items()} == {
        name: "HasMail" if name in MAIL else "HasChannels" for name in NAMED
    }


MAIL = {"MailBucket", "MailBucketPolicy", "MailRule", "MailReading"}


def test_there_is_nothing_else_of_channels() -> None:
    of_accounts = {
        name
        for name, resource in RESOURCES.items()
        if resource.get("Condition") in ("HasChannels", "HasMail")
    }
    assert of_accounts - NAMED.keys() == {"BinaryReading"}


@pytest.mark.parametrize(
    ("recipient", "is_taken"),
    [
        ("", True),
        ("care@clinic.example", True),
        ("clinic.example", True),
        (".clinic.example", True),
        ("Care+x@clinic.example", True),
        ("care@", False),
        ("@clinic.example", False),
        ("care@clinic", False),
        ("a b@clinic.example", False),
        ("care@one.example;two.example", False),
    ],
)
def test_mail_is_received_for_addresses_and_domains(recipient: str, *, is_taken: bool) -> None:
    assert PARAMETERS["MailRecipients"]["Type"] == "CommaDelimitedList"
    assert bool(re.search(PARAMETERS["MailRecipients"]["AllowedPattern"], recipient)) is is_taken


def test_mail_needs_accounts() -> None:
    ((rule,),) = (TEMPLATE["Rules"]["MailHasAccounts"][part] for part in ("Assertions",))
    has_accounts, has_no_mail = rule["Assert"]["Fn::Or"]
    assert has_accounts == CONDITIONS["HasChannels"]
    assert has_no_mail == {"Fn::EachMemberIn": [{"Ref": "MailRecipients"}, [""]]}


def test_only_awss_providers_in_this_account_may_publish_to_the_topic() -> None:
    (publishing,) = statements("ChannelTopicPolicy")
    assert publishing == {
        "Effect": "Allow",
        "Principal": {"Service": ["ses.amazonaws.com", "sms-voice.amazonaws.com"]},
        "Action": "sns:Publish",
        "Resource": {"Ref": "ChannelTopic"},
        "Condition": ACCOUNT,
    }
    assert RESOURCES["ChannelTopic"]["Properties"] == {"KmsMasterKeyId": {"Ref": "ChannelKey"}}
    _, using = RESOURCES["ChannelKey"]["Properties"]["KeyPolicy"]["Statement"]
    assert using["Principal"] == publishing["Principal"]
    assert using["Condition"] == ACCOUNT
    assert set(using["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey*"}


def test_only_the_topic_may_send_what_comes_in_to_the_queue() -> None:
    (sending,) = statements("InboundQueuePolicy")
    queues = [{"Fn::GetAtt": [name, "Arn"]} for name in ("InboundQueue", "InboundDeadLetters")]
    assert sending == {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queues,
        "Condition": {"ArnEquals": {"aws:SourceArn": {"Ref": "ChannelTopic"}}},
    }
    subscription = RESOURCES["ChannelTopicMessages"]["Properties"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("sqs", queues[0])
    assert subscription["RedrivePolicy"] == {"deadLetterTargetArn": queues[1]}
    # The envelope says which topic a message is of.
    assert "RawMessageDelivery" not in subscription


def test_mails_are_kept_privately_until_dead_letters_expire() -> None:
    bucket = RESOURCES["MailBucket"]["Properties"]
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": {"Fn::GetAtt": ["ChannelKey", "Arn"]},
    }
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (expiry,) = bucket["LifecycleConfiguration"]["Rules"]
    queue, dead = (RESOURCES[f"Inbound{kind}"]["Properties"] for kind in ("Queue", "DeadLetters"))
    assert "MessageRetentionPeriod" not in queue  # SQS keeps messages for 4 days
    days = 4 + dead["MessageRetentionPeriod"] / 86400
    assert expiry["ExpirationInDays"] > days


def test_ses_writes_only_by_a_rule_of_the_set_and_nobody_in_clear_text() -> None:
    denied, writing = statements("MailBucketPolicy")
    assert (denied["Effect"], denied["Principal"], denied["Action"]) == ("Deny", "*", "s3:*")
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert (writing["Principal"], writing["Action"]) == (
        {"Service": "ses.amazonaws.com"},
        "s3:PutObject",
    )
    assert writing["Condition"]["StringEquals"] == ACCOUNT["StringEquals"]
    (source,) = writing["Condition"]["ArnLike"].values()
    assert source["Fn::Sub"].endswith(":receipt-rule-set/${MailRuleSet}:receipt-rule/*")


def test_mail_is_scanned_encrypted_on_its_way_and_told_to_the_topic() -> None:
    rule = RESOURCES["MailRule"]
    assert rule["Properties"]["RuleSetName"] == {"Ref": "MailRuleSet"}
    assert rule["Properties"]["Rule"] == {
        "Enabled": True,
        "Recipients": {"Ref": "MailRecipients"},
        "ScanEnabled": True,
        "TlsPolicy": "Require",
        "Actions": [
            {
                "S3Action": {
                    "BucketName": {"Ref": "MailBucket"},
                    "TopicArn": {"Ref": "ChannelTopic"},
                }
            }
        ],
    }
    # Otherwise SES refuses the rule, and the first mails would tell nobody.
    assert {"MailBucketPolicy", "ChannelTopicPolicy", "ChannelTopicMessages"} <= {
        *rule["DependsOn"]
    }


def test_only_the_sender_may_send_and_only_from_this_accounts_identities_and_numbers() -> None:
    mails, texts = statements("ChannelSending")
    assert set(mails["Action"]) == {"ses:SendEmail", "ses:SendRawEmail"}
    assert texts["Action"] == "sms-voice:SendTextMessage"
    for resource in (*mails["Resource"], *texts["Resource"]):
        assert "${AWS::Region}:${AWS::AccountId}:" in resource["Fn::Sub"]
    holders = {
        name
        for name, function in FUNCTIONS.items()
        if {"Ref": "ChannelSending"} in function["Properties"].get("Policies", ())
    }
    assert holders == {"ChannelSenderFunction"}


def test_the_sender_only_reads_files_and_the_receiver_only_reads_mails() -> None:
    for name, bucket in (("BinaryReading", "BinaryBucket"), ("MailReading", "MailBucket")):
        actions = {
            action
            for statement in statements(name)
            for action in (
                statement["Action"]
                if isinstance(statement["Action"], list)
                else [statement["Action"]]
            )
        }
        assert not [action for action in actions if re.search("Put|Delete|Encrypt", action)]
        assert bucket in {*references(statements(name))}
    receiving = FUNCTIONS["ChannelReceiverFunction"]["Properties"]["Policies"]
    assert {"Fn::If": ["HasMail", {"Ref": "MailReading"}, {"Ref": "AWS::NoValue"}]} in receiving


@pytest.mark.parametrize(
    ("function", "queue", "mapping"),
    [
        ("ChannelReceiverFunction", "InboundQueue", "InboundMessages"),
        ("ChannelSenderFunction", "OutboundQueue", "OutboundMessages"),
    ],
)
def test_what_comes_in_and_goes_out_is_done_one_by_one(
    function: str, queue: str, mapping: str
) -> None:
    worker, waiting, messages = (
        RESOURCES[name]["Properties"] for name in (function, queue, mapping)
    )
    assert waiting["VisibilityTimeout"] == 6 * worker["Timeout"]
    assert messages["BatchSize"] == 1
    assert messages["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert messages["EventSourceArn"] == {"Fn::GetAtt": [queue, "Arn"]}


def test_the_layer_can_call_every_provider_of_aws() -> None:
    assert {"sesv2", "pinpoint-sms-voice-v2"} <= build.SERVICES
