"""Rules about messages: none is lost, none is tried for ever, and a bad one stops nothing but itself."""

from __future__ import annotations

import json
from collections.abc import Iterator

from policy.graph import Graph, Resource
from policy.rule import rule
from policy.unknown import known

# What SQS takes where the program says nothing, in seconds ("CreateQueue").
_RETENTION, _VISIBILITY = 345600, 30
# "Creating and configuring an Amazon SQS event source mapping": at least six times the function's timeout.
_VISIBILITY_FACTOR = 6
# As many as SNS takes in one call ("PublishBatch").
_SNS_BATCH = 10


def dead_letter_sources(graph: Graph, queue: Resource) -> list[Resource]:
    """What puts its dead letters into a queue: queues, subscriptions, pipes, functions, schedules."""
    found = list(graph.users(queue, "redrivePolicy", "Queue", "TopicSubscription"))
    found += graph.users(queue, "deadLetterConfig", "Function", "EventTarget")
    for name, kind in (("sourceParameters", "Pipe"), ("target", "scheduler/schedule:Schedule")):
        found += graph.users(queue, name, kind)
    return found


@rule("Queue", do="Give it a redrivePolicy with the ARN of a second queue")
def queues_have_dead_letters(graph: Graph, queue: Resource) -> Iterator[str]:
    """A message that nobody can handle ends in a queue, not nowhere.

    Source: Using dead-letter queues in Amazon SQS
    """
    if not graph.behind(queue, "redrivePolicy", "Queue") and not dead_letter_sources(graph, queue):
        yield "has no dead-letter queue and is none"


@rule("TopicSubscription", do="Give it a redrivePolicy with the ARN of the queue's dead-letter queue")
def subscriptions_have_dead_letters(graph: Graph, subscription: Resource) -> Iterator[str]:
    """What a queue would not take is kept.

    Source: Amazon SNS dead-letter queues
    """
    if known(subscription.inputs["protocol"]) == "sqs" and not graph.behind(subscription, "redrivePolicy", "Queue"):
        yield "has no redrive policy"


@rule("Queue", do="Let the dead-letter queue keep messages longer: their time goes on from when they were first sent")
def dead_letters_outlive_their_queue(graph: Graph, queue: Resource) -> Iterator[str]:
    """A dead letter is kept for longer than the message was before it became one.

    Source: Using dead-letter queues in Amazon SQS ("Understanding message retention periods")
    """
    for dead in graph.behind(queue, "redrivePolicy", "Queue"):
        kept, dead_kept = (each.inputs.get("messageRetentionSeconds", _RETENTION) for each in (queue, dead))
        if dead_kept <= kept:
            yield f"keeps messages for {kept} s and its dead-letter queue {dead.name} for {dead_kept} s"


@rule("Queue", do="Give the dead-letter queue a RedriveAllowPolicy with redrivePermission byQueue")
def dead_letters_come_from_their_queue(graph: Graph, queue: Resource) -> Iterator[str]:
    """A dead-letter queue says whose it is, so that a message can be moved back and no other queue fills it.

    Source: Using dead-letter queues in Amazon SQS ("Redrive allow policy")
    """
    sources = list(graph.users(queue, "redrivePolicy", "Queue"))
    permits = list(graph.users(queue, "queueUrl", "RedriveAllowPolicy"))
    for source in sources:
        if not any(source in graph.behind(permit, "redriveAllowPolicy", "Queue") for permit in permits):
            yield f"takes dead letters of {source.name} but does not say so"
    for permit in permits:
        if json.loads(known(permit.inputs["redriveAllowPolicy"])).get("redrivePermission") != "byQueue":
            yield "takes dead letters of any queue"


@rule("EventSourceMapping", do="Raise the queue's visibilityTimeoutSeconds")
def messages_stay_hidden(graph: Graph, mapping: Resource) -> Iterator[str]:
    """A message is hidden for at least six times as long as its function may take, and the batching window.

    Source: Creating and configuring an Amazon SQS event source mapping
    """
    for queue in graph.behind(mapping, "eventSourceArn", "Queue"):
        for function in graph.behind(mapping, "functionName", "lambda/function:Function"):
            window = mapping.inputs.get("maximumBatchingWindowInSeconds") or 0
            least = _VISIBILITY_FACTOR * function.inputs["timeout"] + window
            if queue.inputs.get("visibilityTimeoutSeconds", _VISIBILITY) < least:
                yield f"has the queue {queue.name} show a message again before {least:g} s"


@rule("EventSourceMapping", do="Give it functionResponseTypes [ReportBatchItemFailures]")
def failures_are_single(graph: Graph, mapping: Resource) -> Iterator[str]:
    """One bad message of a batch fails alone.

    Source: Implementing partial batch responses (Lambda with Amazon SQS)
    """
    if mapping.at("functionResponseTypes") != ["ReportBatchItemFailures"]:
        yield "fails whole batches"


@rule("EventSourceMapping", do="Give it a scalingConfig with maximumConcurrency")
def consumers_are_bounded(graph: Graph, mapping: Resource) -> Iterator[str]:
    """A full queue does not take all of the account's concurrency, nor all connections of the cache.

    Source: Configuring scaling behavior for SQS event source mappings
    """
    if graph.behind(mapping, "eventSourceArn", "Queue") and not mapping.at("scalingConfig", "maximumConcurrency"):
        yield "runs as many copies of its function as Lambda likes"


@rule("Pipe", do="Set it in sourceParameters of the pipe")
def pipe_is_bounded(graph: Graph, pipe: Resource) -> Iterator[str]:
    """From the first record on, in batches that SNS takes, with an end to retries, and a queue after it.

    Source: Amazon Kinesis stream as a source (EventBridge Pipes)
    """
    source, none = pipe.at("sourceParameters", "kinesisStreamParameters") or {}, -1
    checks = {
        "may start late": known(source.get("startingPosition")) == "TRIM_HORIZON",
        "takes more than SNS does": 1 <= source.get("batchSize", 100) <= _SNS_BATCH,
        "tries for ever": source.get("maximumRetryAttempts", none) >= 0,
        "keeps records for ever": source.get("maximumRecordAgeInSeconds", none) > 0,
        "fails whole batches": known(source.get("onPartialBatchItemFailure")) == "AUTOMATIC_BISECT",
        "drops what it gave up": source.get("deadLetterConfig") is not None,
        "takes more than new rows": bool(pipe.at("sourceParameters", "filterCriteria")),
    }
    yield from (breach for breach, well in checks.items() if not well)
