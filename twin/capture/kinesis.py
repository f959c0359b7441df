"""PutRecords of Kinesis, with as little work per record as Python allows.

boto3 checks and walks through every record: 14 us of processor time each here, more than the log
reader and the writer of records together. So the body is composed by hand; the request is signed by
botocore and sent by urllib3, on one connection that is kept.
Source: API reference of Kinesis Data Streams, PutRecords.
"""

from __future__ import annotations

import json
from binascii import b2a_base64
from collections.abc import Sequence
from json.encoder import encode_basestring_ascii
from typing import Any

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from twin.capture.errors import KinesisError
from twin.capture.record import Record

MOST_RECORDS = 500
MOST_BYTES = 5 << 20
"""Of one call, data and partition keys together, before they are encoded."""
THROTTLED = "ProvisionedThroughputExceededException"

_CONNECT_S = 5.0
_READ_S = 60.0
_HEADERS = {
    "Content-Type": "application/x-amz-json-1.1",
    "X-Amz-Target": "Kinesis_20131202.PutRecords",
}
_SHOWN = 200


class KinesisStream:
    """One connection to a stream; not for use by several threads at a time."""

    def __init__(
        self,
        stream_name: str,
        *,
        endpoint_url: str,
        region: str,
        access_key_id: str,
        secret_access_key: str,
        session_token: str | None = None,
    ) -> None:
        self._url = endpoint_url.rstrip("/") + "/"
        self._end = b'],"StreamName":%s}' % encode_basestring_ascii(stream_name).encode()
        credentials = Credentials(access_key_id, secret_access_key, session_token)
        self._signer: Any = SigV4Auth(credentials, "kinesis", region)
        self._pool = urllib3.connection_from_url(
            self._url, maxsize=1, timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S), retries=False
        )

    def put(self, records: Sequence[Record]) -> list[str | None]:
        """Put records, at most `MOST_RECORDS` and `MOST_BYTES` of them.

        Returns:
            For each record None if it was taken, else the error code.

        Raises:
            KinesisError: the call failed as a whole; whether records were taken is then unknown.
        """
        items = [
            b'{"Data":"%b","PartitionKey":%b}'
            % (b2a_base64(data, newline=False), encode_basestring_ascii(key).encode())
            for key, data in records
        ]
        answer = self._post(b'{"Records":[' + b",".join(items) + self._end)
        results = answer.get("Records")
        if not isinstance(results, list) or len(results) != len(records):
            raise KinesisError(f"Kinesis answered {len(records)} records with {str(answer)[:_SHOWN]}.")
        if not answer.get("FailedRecordCount"):
            return [None] * len(records)
        return [result.get("ErrorCode") for result in results]

    def _post(self, body: bytes) -> dict[str, Any]:
        request = AWSRequest(method="POST", url=self._url, data=body, headers=_HEADERS)
        self._signer.add_auth(request)
        headers = {name: str(value) for name, value in request.headers.items()}
        try:
            response = self._pool.urlopen("POST", "/", body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise KinesisError(f"Kinesis at {self._url} cannot be reached: {error}") from error
        if response.status != 200:
            raise KinesisError(
                f"Kinesis answered {response.status}: {response.data[:_SHOWN].decode('utf-8', 'replace')}"
            )
        try:
            answer = json.loads(response.data)
        except ValueError as error:
            raise KinesisError(f"Kinesis answered with what is not JSON: {response.data[:_SHOWN]!r}") from error
        return answer if isinstance(answer, dict) else {}

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()
