"""The most that one client can put into Kinesis: calls that are ready and signed, one after the other."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from base64 import b64encode
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench.readers.records import Counter, capture, pipe, spec
from bench.readers.tally import STREAM, Read, Setting, Tally
from twin.capture.kinesis import MOST_RECORDS
from twin.capture.record import Record

_HEADERS = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Kinesis_20131202.PutRecords"}


def reader(setting: Setting) -> Read:
    """Put the records of the first slot again each time; other slots are not read."""
    records: list[Record] = []

    def read(slot: str, tally: Tally) -> None:
        if not records:
            records.extend(_records(setting, slot))
        calls = [(*_signed(setting, chunk), len(chunk)) for chunk in _chunks(records)]
        answers = []
        connection = http.client.HTTPConnection(urlsplit(setting.aws["endpoint_url"]).netloc)
        with contextlib.closing(connection):
            for body, headers, count in calls:
                connection.request("POST", "/", body, headers)
                answers.append(connection.getresponse().read())
                tally.count(count)
        if any(json.loads(answer)["FailedRecordCount"] for answer in answers):
            raise RuntimeError("Kinesis did not take all records.")

    return read


def _records(setting: Setting, slot: str) -> Sequence[Record]:
    found: list[Record] = []
    stop = threading.Event()

    def keep(records: Sequence[Record]) -> None:
        found.extend(records)
        if len(found) >= setting.rows:
            stop.set()

    with pipe() as (wake, _):
        capture(spec(setting), slot, Counter(keep), wake, stop)
    return found


def _chunks(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    for start in range(0, len(records), MOST_RECORDS):
        yield records[start : start + MOST_RECORDS]


def _signed(setting: Setting, records: Sequence[Record]) -> tuple[bytes, dict[str, str]]:
    aws = setting.aws
    items = [{"Data": b64encode(data).decode(), "PartitionKey": key} for key, data in records]
    body = json.dumps({"Records": items, "StreamName": STREAM}, separators=(",", ":")).encode()
    request = AWSRequest(method="POST", url=f"{aws['endpoint_url']}/", data=body, headers=_HEADERS)
    SigV4Auth(Credentials(aws["access_key_id"], aws["secret_access_key"]), "kinesis", aws["region"]).add_auth(request)
    return body, dict(request.headers.items())
