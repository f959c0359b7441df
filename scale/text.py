"""The page's words."""

from __future__ import annotations

HEAD = """# From 10 to a million orders a second

Written by `python -m scale` from the program's own configuration, graph and prices, from figures that are listed at
the end with how far each is to be trusted, and from a simulation with the seed {seed}. **Nothing here was measured on
AWS.** It tells where to look first, and what to measure; it is no promise.

"""

ONE_STACK = """
## What limits one stack

Every key of `Pulumi.yaml` at its largest, in the region with the largest quotas. The parts in the order in which they
give way; `sure` is said of what stands on measured or verified figures alone.
"""

# By the names of scale/parts.py.
LIFT = {
    "API, calls": "a higher quota and another bound of `apiRate`; a load balancer before the same handlers",
    "functions of the API": "a higher quota of Lambda's concurrency",
    "database connections": "a proxy for the functions; DMS needs the writer itself",
    "Aurora writer, processor": "another stack: one cluster has one writer. Commits of one client wait for each other",
    "slot, its one walsender": "a plugin that sends the outbox alone; then another stack, not another slot",
    "DMS task": "partitions of the outbox, each with its own task; then a reader of our own",
    "stream, shards": "`streamShards`, up to the account's quota of shards",
    "pruning": "two tables that take turns and are truncated, of which DMS captures nothing",
    "pipe, executions": "a function on the stream in its place",
    "topic, publishing": "a higher quota; a pipe straight into each queue; another region",
    "queue, in flight": "larger batches",
    "projector": "larger batches (`consumerBatchSize` with `consumerWindowSeconds`)",
    "cache, commands": "another stack; its group has as many nodes as ElastiCache gives one",
    "cache, connections": "another stack",
}

SHARD = """
`cacheShards` multiplies what the cache carries; a shard costs its nodes, {price} US dollars a month for the two of
Pulumi.prod.yaml. No step below needs a second one for its commands. Memory, which is not counted here, may ask for one
first, and so may nodes that are slower than the machine of the figures.
"""

STEPS = """
## Steps

Each step is given so much that no part is used beyond {headroom} of what it carries. A stack takes {cell} orders a
second; what is beyond goes to another one, which shares nothing with it ([below](#stacks-side-by-side)). Stacks in
one account share its quotas of Lambda, API Gateway, topics and pipes: from the second one on each needs an account of
its own, or a quota that is as many times as large.
"""

LATENCY = """
## How old the read model is

Simulated, from commit to read model, at the step's rate. Most of it is the second for which DMS gathers changes; what
is under way on AWS between the parts is assumed.
"""

SATURATION = """
## Queues

The stack of `Pulumi.dev.yaml`: one shard and one execution of the pipe at a time, which carries {capacity} events a
second. Below that the queue comes and goes with DMS's gathering; at it, it wanders off; above it, it grows as long
as orders come. Nothing is lost meanwhile: the stream keeps a day (`streamRetentionHours`).
"""

FAULT = """
### A fault of {seconds} seconds

The pipe gets nothing done for a minute, as when the topic refuses everything. What gathers is caught up with the
capacity that is to spare: at rate r and capacity c after r / (c - r) times the fault. At 60 % a minute costs a
minute and a half more, at 80 % four: this, not the rate itself, is what headroom is for.
"""

PARTITIONS = """
## When to leave one slot, and when DMS

A slot has one walsender, a single process, and it decodes **all** that the database writes: of an order, seven rows
besides the one that is wanted. `test_decoding` also sends them all, and DMS drops them. On the machine of the
figures that is {whole} orders a second for each processor's speed, {published} with a plugin that sends the outbox
alone (`make bench ONLY=slot`).

So there are three ways, and each helps against something else:

1. **Partitions of the outbox** (`outbox_0` to `outbox_n` by the client's id, a task and an instance for each) divide
   what a *DMS task* has to parse and put. They do not divide decoding: each slot's walsender reads the whole log, so n
   slots make n times the work on the writer. Worth it from about {task} orders a second (if a task is as fast as is
   assumed; its `CDCLatencyTarget` says when it is not) to where the walsender is full.
   Changed: `place_order` in SQL (which table), one more `ChangeCapture` for each, the pipe's filter (`table-name`),
   the pruning, grants. Not changed: any handler, as the consumer's decoder does not look at the table's name; order,
   as one client stays in one table and each state carries its version.
2. **A reader of our own instead of DMS**, such as the twin's change capture, in a container, with `pgoutput` and a
   publication of the outbox: it keeps up with the bare log reader ([bench](../bench/README.md)), publishes without the
   second of gathering, and costs a task to run and to watch. The stream's records stay what they are, so nothing after
   it changes. Worth it when the second is too long, or when rows that nobody wants are most of what DMS does.
3. **Another log**: to put the event into Kinesis before the commit is answered, or to leave PostgreSQL. The first would
   lose or invent events whenever one of two writes fails, which is what the outbox is for; so it is another stack
   (below) before it is another log.

One client's orders wait for each other: the row's lock is held until the commit is durable, about {client} orders a
second for one client whatever else is done.
"""

BEYOND = """
## What no key changes

- **Pruning is traffic.** Each event that is removed is one more row to decode and one more record in the stream, so
  `prunePerSecond` is to be as high as the mean rate, and half of each shard is for it. DMS captures no TRUNCATE: two
  outbox tables that take turns, emptied when every slot has passed them, would halve the stream.
- **A topic's quota differs by region**, a hundred times between the largest and the least. In eu-central-1 it is less
  than what one stack takes here: ask for more there before anything else.
- **The first part that gives way is in front**: at two queries for each order API Gateway and Lambda see three calls.
  `ETag`, or fewer queries, is worth more than any key behind it.
"""

CELLS = """
## Stacks side by side

An order touches one client, its products and nothing else, so clients can be divided: a stack for each part of the
ids, with its own database, slot, stream, topic, queues and cache. A client's events meet in one stack, and no
query spans two. No handler knows of it. What has to be made, and is not part of this program:

- a router in front that picks the stack by the client's id: a name for each stack, or a function at the edge;
- client ids that say where they live: ranges of `client.id`, which each stack's migration starts elsewhere;
- products in every stack: they change seldom, so the same `POST /products` goes to all of them;
- a deployment that goes through stack after stack: `pulumi up` of one is a trial for the next.

Until then, all that two stacks share is the account's quotas, and the program's `namePrefix` keeps them apart.
"""

TWIN = """
## The model beside the twin

The same simulation with the twin's processes as stages, all but the first of which take turns at the emulator, which is
one process. How long each hop takes is measured at the lowest rate alone (`python -m scale.twin_run`); the model then
says what higher rates ought to give, and the twin what they gave, from commit to projected. A test holds the medians
and the p99 within a factor of {factor}. The machine had other work, so its own figures are no measure of the twin.
"""
