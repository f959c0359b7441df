"""Messages on a topic reach a function through a filter and a queue; its answers go to another queue."""

import json
import sys
from pathlib import Path

import pulumi
import pulumi_aws as aws
import pulumi_random as random

config = pulumi.Config()
tags = aws.ProviderDefaultTagsArgs(tags={"team": config.require("team")})
provider = aws.Provider("here", region="eu-west-1", default_tags=tags)


def slower(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """Give queues without a time of their own the configured one."""
    if args.type_ != "aws:sqs/queue:Queue" or "visibilityTimeoutSeconds" in args.props:
        return None
    props = {**args.props, "visibilityTimeoutSeconds": config.require_int("visible")}
    return pulumi.ResourceTransformResult(props=props, opts=args.opts)


class Counter(pulumi.ComponentResource):
    """A queue and the function that is called with its messages."""

    def __init__(self, name: str, answers: aws.sqs.Queue, opts: pulumi.ResourceOptions) -> None:
        super().__init__("shop:index:Counter", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.dead = aws.sqs.Queue(f"{name}-dead", opts=child)
        redrive = self.dead.arn.apply(lambda arn: json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2}))
        timeout = config.require_int("timeout")
        self.queue = aws.sqs.Queue(
            f"{name}-queue", visibility_timeout_seconds=timeout, redrive_policy=redrive, opts=child
        )
        self.role = aws.iam.Role(f"{name}-role", assume_role_policy=trust("lambda.amazonaws.com"), opts=child)
        rights = pulumi.Output.all(self.queue.arn, answers.arn).apply(lambda arns: allow("sqs:*", *arns))
        policy = aws.iam.RolePolicy(f"{name}-policy", role=self.role.name, policy=rights, opts=child)
        self.function = aws.lambda_.Function(
            f"{name}-function",
            role=self.role.arn,
            runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
            handler="handler.handle",
            timeout=5,
            code=pulumi.AssetArchive({".": pulumi.FileArchive("handler")}),
            environment={"variables": {"ANSWERS": answers.url, "GREETING": config.require("greeting")}},
            opts=child,
        )
        aws.lambda_.EventSourceMapping(
            f"{name}-mapping",
            batch_size=config.require_int("batch"),
            event_source_arn=self.queue.arn,
            function_name=self.function.name,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        self.register_outputs({})


def trust(service: str) -> str:
    """Let a service assume a role."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}],
        }
    )


def allow(action: str, *resources: str) -> str:
    """Allow an action."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": action, "Resource": list(resources)}],
        }
    )


here = pulumi.ResourceOptions(provider=provider, transforms=[slower])
answers = aws.sqs.Queue(
    "answers",
    name=config.get("queueName") or None,
    tags={"note": config.require("note")},
    opts=pulumi.ResourceOptions.merge(
        here, pulumi.ResourceOptions(protect=config.require_bool("protect"), ignore_changes=["tags"])
    ),
)
counter = Counter("counter", answers, pulumi.ResourceOptions(providers=[provider], transforms=[slower]))
alias = [pulumi.Alias(name="news"), pulumi.Alias(name="renamed")]
topic = aws.sns.Topic(
    config.require("topic"), name="shop-news", opts=pulumi.ResourceOptions(provider=provider, aliases=alias)
)
statement = topic.arn.apply(lambda arn: allow("sqs:SendMessage", "*").replace('"Effect"', '"Principal":"*","Effect"'))
aws.sqs.QueuePolicy("from-topic", queue_url=counter.queue.url, policy=statement, opts=here)
aws.sns.TopicSubscription(
    "subscription",
    topic=topic.arn,
    protocol="sqs",
    endpoint=counter.queue.arn,
    raw_message_delivery=True,
    filter_policy=json.dumps({"kind": config.require_object("kinds")}),
    filter_policy_scope="MessageBody",
    opts=pulumi.ResourceOptions(provider=provider),
)
password = random.RandomPassword("password", length=20)
secret = aws.secretsmanager.Secret("secret", recovery_window_in_days=0, opts=here)
# Older values stay readable until the secret itself goes.
retained = pulumi.ResourceOptions.merge(here, pulumi.ResourceOptions(retain_on_delete=True))
aws.secretsmanager.SecretVersion("version", secret_id=secret.id, secret_string=password.result, opts=retained)

pulumi.export("topic", topic.arn)
pulumi.export("answers", answers.url)
pulumi.export("queue", counter.queue.url)
pulumi.export("function", counter.function.name)
pulumi.export("secret", secret.arn)
pulumi.export("password", password.result)
pulumi.export("tags", counter.queue.tags_all)
pulumi.export("folder", str(Path.cwd().name))
