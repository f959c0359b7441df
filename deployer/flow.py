"""What carries events: change capture, stream, pipe, topics, queues, mails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deployer.need import DELIVERY, LOOK_AT_NETWORK, OLD_TAGS, PASS, ROLES, TAGS, Need

_DMS = (
    *("dms:*:*:rep:*", "dms:*:*:endpoint:*", "dms:*:*:cert:*"),
    *("dms:*:*:subgrp:{prefix}*", "dms:*:*:task:{prefix}*"),
)
_DMS_TAGS = Need("dms", OLD_TAGS, _DMS)

NEEDS: Mapping[str, Sequence[Need]] = {
    "aws:dms/endpoint:Endpoint": (
        Need("dms", ("DescribeEndpoints", "DescribeReplicationTasks", "DescribeConnections", "CreateEndpoint")),
        Need("dms", ("ModifyEndpoint", "DeleteEndpoint", "TestConnection"), _DMS),
        _DMS_TAGS,
        PASS,
        Need("iam", ("GetRole",), ROLES),
        Need("secretsmanager", ("DescribeSecret",), ("secretsmanager:*:*:secret:{prefix}*",)),
    ),
    "aws:dms/replicationInstance:ReplicationInstance": (
        Need("dms", ("DescribeReplicationInstances", "CreateReplicationInstance")),
        Need("dms", ("ModifyReplicationInstance", "DeleteReplicationInstance"), _DMS),
        _DMS_TAGS,
        LOOK_AT_NETWORK,
    ),
    "aws:dms/replicationSubnetGroup:ReplicationSubnetGroup": (
        Need(
            "dms",
            ("DescribeReplicationSubnetGroups", "CreateReplicationSubnetGroup", "ModifyReplicationSubnetGroup"),
        ),
        Need("dms", ("DeleteReplicationSubnetGroup",), _DMS),
        _DMS_TAGS,
    ),
    "aws:dms/replicationTask:ReplicationTask": (
        Need("dms", ("DescribeReplicationTasks",)),
        Need(
            "dms",
            (
                *("CreateReplicationTask", "ModifyReplicationTask", "DeleteReplicationTask"),
                *("StartReplicationTask", "StopReplicationTask"),
            ),
            _DMS,
        ),
        _DMS_TAGS,
    ),
    "aws:kinesis/stream:Stream": (
        Need(
            "kinesis",
            (
                *("CreateStream", "DescribeStream", "DescribeStreamSummary", "DeleteStream"),
                *("IncreaseStreamRetentionPeriod", "DecreaseStreamRetentionPeriod"),
                *("StartStreamEncryption", "StopStreamEncryption", "UpdateMaxRecordSize", "AddTagsToStream"),
                *("RemoveTagsFromStream", "ListTagsForStream", *TAGS),
            ),
            ("kinesis:*:*:stream/{prefix}*",),
        ),
        Need("kinesis", ("UpdateShardCount", "UpdateStreamMode")),
    ),
    "aws:pipes/pipe:Pipe": (
        Need(
            "pipes",
            ("CreatePipe", "DescribePipe", "UpdatePipe", "DeletePipe", "StartPipe", "StopPipe", *TAGS),
            ("pipes:*:*:pipe/{prefix}*",),
        ),
        DELIVERY,
        PASS,
    ),
    "aws:sesv2/configurationSet:ConfigurationSet": (
        Need(
            "ses",
            (
                *("CreateConfigurationSet", "GetConfigurationSet", "DeleteConfigurationSet"),
                *("PutConfigurationSetDeliveryOptions", "PutConfigurationSetReputationOptions"),
                *("PutConfigurationSetSuppressionOptions", *TAGS),
            ),
            ("ses:*:*:configuration-set/{prefix}*",),
        ),
    ),
    "aws:sesv2/emailIdentity:EmailIdentity": (
        Need("ses", ("CreateEmailIdentity", "GetEmailIdentity", "DeleteEmailIdentity", *TAGS), ("ses:*:*:identity/*",)),
    ),
    "aws:sns/topic:Topic": (
        Need(
            "sns",
            ("CreateTopic", "GetTopicAttributes", "SetTopicAttributes", "DeleteTopic", *TAGS),
            ("sns:*:*:{prefix}*",),
        ),
    ),
    "aws:sns/topicPolicy:TopicPolicy": (
        Need("sns", ("GetTopicAttributes", "SetTopicAttributes"), ("sns:*:*:{prefix}*",)),
    ),
    "aws:sns/topicSubscription:TopicSubscription": (
        Need("sns", ("Subscribe", "ListSubscriptionsByTopic"), ("sns:*:*:{prefix}*",)),
        Need("sns", ("GetSubscriptionAttributes", "SetSubscriptionAttributes", "Unsubscribe")),
    ),
    "aws:sqs/queue:Queue": (
        Need(
            "sqs",
            (
                *("CreateQueue", "GetQueueUrl", "GetQueueAttributes", "SetQueueAttributes", "DeleteQueue"),
                *("ListQueueTags", "TagQueue", "UntagQueue"),
            ),
            ("sqs:*:*:{prefix}*",),
        ),
    ),
    "aws:sqs/queuePolicy:QueuePolicy": (
        Need("sqs", ("GetQueueAttributes", "SetQueueAttributes"), ("sqs:*:*:{prefix}*",)),
    ),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": (
        Need("sqs", ("GetQueueAttributes", "SetQueueAttributes"), ("sqs:*:*:{prefix}*",)),
    ),
}
