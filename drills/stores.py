"""Reads what the stores hold of some clients, behind the system's back: SQL, the cache's keys, the emulator's mails."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg2
import redis

from drills.evidence import Evidence, OutboxRow, ReadClient, Slot, StoredClient, StoredOrder
from functions.common.read_model import client_key, orders_key
from twin import mails
from twin.emulator import Emulator

_SUBJECT = re.compile(r"Your order (\d+)")
_LAST_RECORDS = 10_000
_COUNTS = [f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")]


class Stores:
    """The stores of a running twin.

    Args:
        outputs: the stack's.
        emulator: the twin's AWS.
        data: the twin's data folder, for the pipe's checkpoints.
    """

    def __init__(self, outputs: Mapping[str, Any], emulator: Emulator, data: Path) -> None:
        self._outputs = outputs
        self._emulator = emulator
        self._data = data

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the write model, as its master user.

        Raises:
            psycopg2.Error: the server does not answer, or refuses.
        """
        connection = psycopg2.connect(self.dsn())
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def dsn(self) -> str:
        """The master user's connection string."""
        outputs = self._outputs
        secrets = self._emulator.client("secretsmanager")
        secret = json.loads(secrets.get_secret_value(SecretId=outputs["master_secret_arn"])["SecretString"])
        return psycopg2.extensions.make_dsn(
            host=outputs["database_host"], port=outputs["database_port"], dbname=outputs["database_name"],
            user=secret["username"], password=secret["password"], connect_timeout=5,
        )  # fmt: skip

    def cache(self) -> redis.Redis:
        """A client of the read model."""
        return redis.Redis(
            host=self._outputs["cache_host"], port=int(self._outputs["cache_port"]), decode_responses=True
        )

    def behind(self, clients: Collection[int]) -> int:
        """How many clients have another version in the read model than in the write model."""
        versions = dict(self.rows("select id, version from client where id = any(%s)", list(clients)))
        with self.cache() as cache:
            pipeline = cache.pipeline(transaction=False)
            for id_client in clients:
                pipeline.hget(client_key(id_client), "version")
            read = dict(zip(clients, pipeline.execute(), strict=True))
        return sum(1 for id_client in clients if read[id_client] != str(versions.get(id_client)))

    def waiting(self) -> dict[str, int]:
        """Messages in the consumers' queues by consumer, visible or not."""
        return {name: self.depth(url) for name, url in self.queues("_queue_url").items()}

    def depth(self, url: str) -> int:
        """Messages in a queue, visible or not."""
        sqs = self._emulator.client("sqs")
        counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=_COUNTS)["Attributes"]
        return sum(map(int, counts.values()))

    def queues(self, suffix: str) -> dict[str, str]:
        """URLs of the stack's queues whose output ends so, by the name before."""
        outputs = self._outputs
        return {name.removesuffix(suffix): str(outputs[name]) for name in sorted(outputs) if name.endswith(suffix)}

    @property
    def dead_letter_queues(self) -> dict[str, str]:
        """URLs of the dead-letter queues: of the consumers and schedules by name, and `pipe`."""
        return {**self.queues("_dead_letter_url"), "pipe": str(self._outputs["undelivered_url"])}

    def bodies(self, url: str) -> list[str]:
        """Texts of the messages in a queue, visible or not."""
        # The emulator's view for the curious: it takes nothing and hides nothing, unlike ReceiveMessage.
        answer = httpx.get(
            f"{self._emulator.endpoint}/_ministack/sqs/messages",
            params={"QueueUrl": url}, timeout=30, trust_env=False,
        )  # fmt: skip
        answer.raise_for_status()
        return [str(message["Body"]) for message in _found(answer.json(), "Body")]

    def collect(self, clients: Mapping[int, str], *, pruned: bool = False) -> Evidence:
        """Read everything about these clients (e-mail address by id)."""
        ids = list(clients)
        return Evidence(
            clients={
                row[0]: StoredClient(row[0], row[1], row[2], _cents(row[3]))
                for row in self.rows("select id, version, order_count, total from client where id = any(%s)", ids)
            },
            orders=self._orders(ids),
            outbox=self._outbox(ids),
            read=self._read(ids),
            mails=self._mails(set(clients.values())),
            dead_letters={name: self.bodies(url) for name, url in self.dead_letter_queues.items()},
            slot=self.slot(),
            waiting=self.waiting(),
            positions=self._positions(),
            pruned=pruned,
        )

    def _orders(self, ids: list[int]) -> dict[int, StoredOrder]:
        found = self.rows(
            "select o.id, o.client_id, o.total, array_agg(l.product_id order by l.line_no),"
            " array_agg(l.quantity order by l.line_no) from orders o left join order_line l on l.order_id = o.id"
            " where o.client_id = any(%s) group by o.id",
            ids,
        )
        return {
            row[0]: StoredOrder(row[0], row[1], _cents(row[2]), tuple(zip(row[3], row[4], strict=True)))
            for row in found
        }

    def _outbox(self, ids: list[int]) -> list[OutboxRow]:
        found = self.rows(
            "select id::text, aggregate_id::bigint, version, payload::jsonb #>> '{data,order,id}',"
            " payload::jsonb #>> '{data,order,total}' from outbox where aggregate_id = any(%s)",
            [str(id_client) for id_client in ids],
        )
        return [
            OutboxRow(id_, client, version, int(order), _cents(total))
            if order is not None
            else OutboxRow(id_, client, version, None, None)
            for id_, client, version, order, total in found
        ]

    def _read(self, ids: list[int]) -> dict[int, ReadClient]:
        with self.cache() as cache:
            pipeline = cache.pipeline(transaction=False)
            for id_client in ids:
                pipeline.hgetall(client_key(id_client))
                pipeline.zrevrange(orders_key(id_client), 0, -1)
            answers = pipeline.execute()
        read = {}
        for id_client, fields, members in zip(ids, answers[::2], answers[1::2], strict=True):
            if fields:
                orders = tuple((order["id"], _cents(order["total"])) for order in map(json.loads, members))
                counts = int(fields["version"]), int(fields["order_count"]), _cents(fields["total"])
                read[id_client] = ReadClient(id_client, *counts, orders)
        return read

    def _mails(self, addresses: set[str]) -> list[tuple[str, int]]:
        found = []
        for mail in mails.sent(self._emulator.endpoint):
            subject = _SUBJECT.fullmatch(mail.subject)
            if subject is not None and len(mail.to) == 1 and mail.to[0] in addresses:
                found.append((mail.to[0], int(subject[1])))
        return found

    def slot(self) -> Slot:
        """The change capture's slot."""
        ((active, confirmed, current, retained),) = self.rows(
            "select active, confirmed_flush_lsn - '0/0'::pg_lsn, pg_current_wal_lsn() - '0/0'::pg_lsn,"
            " pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) from pg_replication_slots where database = %s",
            self._outputs["database_name"],
        )
        return Slot(active, int(confirmed), int(current), int(retained))

    def _positions(self) -> dict[str, tuple[int | None, int | None]]:
        folder = self._data / "pipe" / str(self._outputs["pipe_name"]) / "checkpoints"
        kinesis, stream = self._emulator.client("kinesis"), str(self._outputs["stream_arn"])
        positions = {}
        for shard in kinesis.list_shards(StreamARN=stream)["Shards"]:
            name, file = shard["ShardId"], folder / f"{shard['ShardId']}.json"
            known = json.loads(file.read_bytes())["sequence_number"] if file.exists() else None
            start: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
            if known is not None:
                start = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": known}
            iterator = kinesis.get_shard_iterator(StreamARN=stream, ShardId=name, **start)["ShardIterator"]
            records = kinesis.get_records(ShardIterator=iterator, StreamARN=stream, Limit=_LAST_RECORDS)["Records"]
            last = records[-1]["SequenceNumber"] if records else known
            positions[name] = tuple(None if number is None else int(number) for number in (known, last))
        return positions  # type: ignore[return-value]


def _cents(amount: Any) -> int:
    return int(Decimal(str(amount)) * 100)


def _found(document: Any, member: str) -> list[dict[str, Any]]:
    """All objects with a member, however deep."""
    if isinstance(document, list):
        return [found for each in document for found in _found(each, member)]
    if isinstance(document, dict):
        return [document] if member in document else [
            found for each in document.values() for found in _found(each, member)
        ]  # fmt: skip
    return []
