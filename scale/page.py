"""The page docs/scale.md."""

from __future__ import annotations

from cost.orders import Assumptions
from cost.prices import table
from scale import findings, plots
from scale.bill import bill, shard_price
from scale.facts import TOPIC_RATE, TOPIC_RATE_ELSEWHERE, TRUST, Facts
from scale.findings import FAULT_S, SEED, Sized
from scale.parts import Part, below, first, parts
from scale.steps import CELL_RATE, HEADROOM
from scale.text import BEYOND, CELLS, FAULT, HEAD, LATENCY, LIFT, ONE_STACK, PARTITIONS, SATURATION, SHARD, STEPS, TWIN
from scale.theory import catch_up_s

# The model of the twin is to be within this factor of what was seen there.
TWIN_FACTOR = 2.0
# Parts that the summary names.
_NAMED = 4
_SHOWN = (
    *("databaseMinAcu", "databaseMaxAcu", "placeOrderConcurrency", "captureClass", "streamShards", "prunePerSecond"),
    *("pipeParallelization", "consumerConcurrency", "cacheNodeType", "apiRate", "apiBurst"),
)


def write() -> str:
    """Write the page, but for the plots."""
    facts = Facts()
    return "".join(
        [
            HEAD.format(seed=SEED),
            _summary(),
            ONE_STACK,
            _ladder(),
            "\n![What each part carries](scale/limits.svg)\n",
            SHARD.format(price=_dollars(shard_price(findings.stack_config("prod")))),
            STEPS.format(headroom=f"{HEADROOM:.0%}", cell=f"{CELL_RATE:,}"),
            _configurations(),
            _costs(),
            LATENCY,
            _latencies(),
            SATURATION.format(capacity=f"{findings.pipe_capacity(findings.stack_config('dev')):,.0f}"),
            "\n![Queues below, at and above saturation](scale/saturation.svg)\n",
            FAULT.format(seconds=f"{FAULT_S:.0f}"),
            _faults(),
            "\n![A fault, and how it is caught up](scale/fault.svg)\n",
            PARTITIONS.format(
                whole=f"{1e6 / facts.walsender_us.value:,.0f}",
                published=f"{1e6 / facts.walsender_published_us.value:,.0f}",
                client=f"{1e3 / facts.commit_ms.value:,.0f}",
                task=f"{facts.capture_rows.value / facts.rows_per_order.value:,.0f}",
            ),
            BEYOND,
            CELLS,
            TWIN.format(factor=f"{TWIN_FACTOR:g}"),
            _twin(),
            _facts(facts),
        ]
    )


def _summary() -> str:
    rows, before, whose = [], parts(findings.stack_config("dev")), "Pulumi.dev.yaml"
    for sized in findings.sized():
        if sized.step.cells > 1:
            before, whose = parts(findings.largest()), "the largest stack"
        small = below(before, sized.step.rate)
        tight = "; ".join(f"{part.name}: {part.capacity:,.0f}" for part in small[:_NAMED])
        if len(small) > _NAMED:
            tight += f"; and {len(small) - _NAMED} more"
        stacks = "1 stack" if sized.step.cells == 1 else f"{sized.step.cells} stacks"
        rows.append(
            f"| {sized.step.rate:,} | {f'{whose} ({tight})' if tight else f'nothing of {whose}'} | "
            f"{stacks}, {sized.step.cell_rate:,.0f} each | {_dollars(bill(sized.step).month)} |\n"
        )
        before, whose = sized.parts, "the step before"
    return (
        "| orders a second | what cannot carry it (its parts, and how many they can) | what does | "
        "US dollars a month |\n|--:|---|---|--:|\n" + "".join(rows)
    )


def _ladder() -> str:
    rows = [
        f"| {part.capacity:,.0f} | {part.name} | {'yes' if part.sure else 'no'} | {LIFT[part.name]} |\n"
        for part in sorted(parts(findings.largest()), key=lambda each: each.capacity)
    ]
    return "\n| orders a second | part | sure | what lifts it |\n|--:|---|---|---|\n" + "".join(rows)


def _configurations() -> str:
    found = findings.sized()
    one = [sized for sized in found if sized.step.cells == 1] + [sized for sized in found if sized.step.cells > 1][:1]
    head = "".join(f" {min(sized.step.rate, CELL_RATE):,} a second |" for sized in one)
    lines = [f"\n| key |{head}\n|---|{'--:|' * len(one)}\n"]
    lines.append(f"| starts from |{''.join(f' Pulumi.{sized.step.stack}.yaml |' for sized in one)}\n")
    lines += [f"| `{key}` |{''.join(f' {sized.step.settings[key]} |' for sized in one)}\n" for key in _SHOWN]
    lines.append(f"| limits first |{''.join(f' {_limit(sized)} |' for sized in one)}\n")
    return "".join(lines)


def _limit(sized: Sized) -> str:
    part: Part = first(sized.parts)
    return f"{part.name}, {part.capacity:,.0f}"


def _costs() -> str:
    rows = []
    for sized in findings.sized():
        costs = bill(sized.step)
        rows.append(
            f"| {sized.step.rate:,} | {sized.step.cells} | {_dollars(costs.idle)} | {_dollars(costs.million)} | "
            f"{_dollars(costs.month)} |\n"
        )
    assumed = Assumptions()
    share = (1 + assumed.reads) * table()["api"].usd / bill(findings.sized()[0].step).million
    return (
        "\nUS dollars, by `cost/` (its prices and their sources are in [cost.md](cost.md)), with the rate kept up all\n"
        f"month and {assumed.reads} queries for each order. Every message is taken to come alone, which is dearest.\n"
        "Calls, records and messages cost the same in every stack, so a million orders gets no cheaper; API Gateway\n"
        f"alone is {share:.0%} of it.\n\n"
        "| orders a second | stacks | a stack without orders, a month | a million orders | all, a month |\n"
        "|--:|--:|--:|--:|--:|\n" + "".join(rows)
    )


def _latencies() -> str:
    rows: list[str] = []
    for sized in findings.sized():
        if sized.step.cells > 1 and rows and rows[-1].startswith("| more"):
            continue
        name = "more, each stack" if sized.step.cells > 1 else f"{sized.step.rate:,}"
        each = sized.latency
        rows.append(f"| {name} | {each.share:.0%} | {each.p50_s:.2f} | {each.p99_s:.2f} |\n")
    return "\n| orders a second | of what limits first | p50, s | p99, s |\n|---|--:|--:|--:|\n" + "".join(rows)


def _faults() -> str:
    capacity = findings.pipe_capacity(findings.stack_config("dev"))
    rows = []
    for share, outcome in findings.faults().items():
        told = catch_up_s(FAULT_S, share * capacity, capacity)
        rows.append(f"| {share:.0%} | {told:.0f} | {findings.recovered_s(outcome):.0f} |\n")
    return "\n| of what the pipe carries | caught up after, s: arithmetic | simulated |\n|--:|--:|--:|\n" + "".join(
        rows
    )


def _twin() -> str:
    rows = []
    for check in findings.twin_checks():
        seen = check.seen
        rows.append(
            f"| {seen.rate:g} | {seen.quantile(50):.0f} | {check.p50_ms:.0f} | {seen.quantile(99):.0f} | "
            f"{check.p99_ms:.0f} | {seen.load:.0f} |\n"
        )
    head = "\n| orders a second | p50 seen, ms | model | p99 seen, ms | model | load of the machine |\n"
    return head + "|--:|--:|--:|--:|--:|--:|\n" + "".join(rows)


def _facts(facts: Facts) -> str:
    rows = "".join(
        f"| `{name}` | {fact.value:,.10g} | {fact.unit} | {fact.what} | {fact.trust} | {fact.source} |\n"
        for name, fact in facts.table()
    )
    words = "".join(f"- {word}: {meaning}.\n" for word, meaning in TRUST.items())
    topics = ", ".join(f"{rate:,} in {region}" for region, rate in TOPIC_RATE.items())
    return (
        f"\n## Figures\n\n{words}\n| figure | value | unit | of what | trust | source |\n"
        f"|---|--:|---|---|---|---|\n{rows}"
        f"\nMessages that an account may publish to topics, a second: {topics}, {TOPIC_RATE_ELSEWHERE} elsewhere "
        "(unsure: AWS's page as third parties have it).\n"
    )


def _dollars(value: object) -> str:
    return f"{value:,.0f}"


def pictures() -> dict[str, str]:
    """The digest of each plot's data, by name."""
    return {name: plots.digest(series()) for name, series in plots.SERIES.items()}
