"""What a million orders cost on top: the way of an order through the system, under assumptions written down here."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from cost.prices import Line, line
from policy.graph import Graph, Resource

_MILLION = Decimal(1_000_000)
_KB_IN_GB = Decimal(1_000_000)
_MS = Decimal(1000)
_DAY_HOURS, _MONTH_DAYS = 24, 30


@dataclass(frozen=True)
class Assumptions:
    """What the figures stand on; none of them was measured on AWS.

    Attributes:
        reads: queries for each order.
        rate: orders a second while the million is placed.
        more_acu: capacity above the smallest that the database needs at that rate.
        place_ms, read_ms, consume_ms: billed time of a call, in ms.
        record_kb: a row of the outbox as DMS writes it.
        stored_kb: what an order leaves in the database, indexes and event with it.
        ios: storage I/Os of the database for an order, reading its log for DMS with it.
        log_kb: what a call of a function writes.
        access_kb: what a call of the API writes to the access log.
        answer_kb: what a call sends to the caller.
        traced: share of the calls that X-Ray samples.
        metrics: of their own that the functions write.
    """

    reads: int = 2
    rate: int = 100
    more_acu: int = 2
    place_ms: int = 20
    read_ms: int = 10
    consume_ms: int = 20
    record_kb: Decimal = Decimal("1.5")
    stored_kb: Decimal = Decimal(3)
    ios: int = 10
    log_kb: Decimal = Decimal("0.7")
    access_kb: Decimal = Decimal("0.4")
    answer_kb: Decimal = Decimal("0.7")
    traced: Decimal = Decimal("0.06")
    metrics: int = 10


def per_million(graph: Graph, assumed: Assumptions | None = None) -> list[Line]:
    """Price a million orders: calls, functions, database, carrying, consuming, logs.

    The idle costs are not in it. Every message is taken to come alone, the dearest case for Lambda and SQS.
    """
    a = assumed or Assumptions()
    consumers = len(graph.of("EventSourceMapping"))
    calls = (1 + a.reads) * _MILLION
    invocations = calls + consumers * _MILLION
    hours = _MILLION / a.rate / 3600
    lines = [
        line(f"API calls, one order and {a.reads} queries", calls / _MILLION, "api"),
        line("Function calls", invocations / _MILLION, "lambda.calls"),
        *_compute(graph, a, consumers),
        line(f"Aurora, {a.more_acu} ACU more at {a.rate} orders a second", hours * a.more_acu, "aurora.acu"),
        line("Aurora, I/Os", Decimal(a.ios), "aurora.io"),
        line("Aurora, a month of storage", a.stored_kb * _MILLION / _KB_IN_GB, "aurora.storage"),
        *_stream(graph.one("kinesis/stream:Stream"), a),
        line("Endpoint to Kinesis", a.record_kb * _MILLION / _KB_IN_GB, "endpoint.data"),
        line("Pipe", Decimal(1), "pipes"),
        line("Topic", Decimal(1), "sns"),
        # Sent by the topic, received and deleted by Lambda.
        line("Queues", Decimal(3 * consumers), "sqs"),
        *_mails(graph),
        *_logs(a, calls, invocations),
        line("Metrics that the functions write, a month", a.metrics, "metric"),
        line("Answers to callers", a.answer_kb * calls / _KB_IN_GB, "transfer.out"),
    ]
    if any(one.inputs.get("xrayTracingEnabled") for one in graph.of("apigateway/stage:Stage")):
        lines.append(line("Traces", a.traced * calls / _MILLION, "traces"))
    return lines


def _compute(graph: Graph, a: Assumptions, consumers: int) -> list[Line]:
    function = next(one for one in graph.of("lambda/function:Function"))
    gigabytes = Decimal(int(function.inputs["memorySize"])) / 1024
    seconds = (a.place_ms + a.reads * a.read_ms + consumers * a.consume_ms) * _MILLION / _MS
    return [line("Function time", seconds * gigabytes, f"lambda.{function.inputs['architectures'][0]}")]


def _stream(stream: Resource, a: Assumptions) -> list[Line]:
    if stream.inputs["streamModeDetails"]["streamMode"] != "ON_DEMAND":
        return [line("Kinesis, records", Decimal(1), "kinesis.put")]
    # On demand counts each record up to the next whole KB.
    gigabytes = a.record_kb.to_integral_value(ROUND_CEILING) * _MILLION / _KB_IN_GB
    longer = max(0, int(stream.inputs["retentionPeriod"]) - _DAY_HOURS)
    kept = gigabytes * longer / _DAY_HOURS / _MONTH_DAYS
    return [
        line("Kinesis, in", gigabytes, "kinesis.in"),
        line("Kinesis, out", gigabytes, "kinesis.out"),
        *([line("Kinesis, kept longer than a day", kept, "kinesis.retention.gb")] if longer else []),
    ]


def _mails(graph: Graph) -> list[Line]:
    if not graph.of("sesv2/configurationSet:ConfigurationSet"):
        return []
    return [
        line("Mails", _MILLION / 1000, "ses"),
        line("Ledger of mails, two writes each", Decimal(2), "dynamodb.write"),
    ]


def _logs(a: Assumptions, calls: Decimal, invocations: Decimal) -> list[Line]:
    gigabytes = (a.log_kb * invocations + a.access_kb * calls) / _KB_IN_GB
    return [line("Logs, written", gigabytes, "logs.in"), line("Logs, a month kept", gigabytes, "logs.kept")]
