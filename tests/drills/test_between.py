"""What stands between two parts in a drill: it cuts, holds up, throttles, loses answers, and else changes nothing."""

from __future__ import annotations

import random
import socket
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from drills.caller import Caller
from drills.ledger import Outcome
from drills.load import random_order
from drills.toll import Call, Toll, Verdict, read_call
from tests.drills.fake_api import FakeApi, serving
from twin.aws_clients import client_maker
from twin.aws_errors import is_throttling
from twin.proxy import Proxy

ORDER = random_order("key", [7], random.Random(1))
CALLS: dict[str, tuple[str, dict[str, Any], str]] = {
    "kinesis": ("put_records", {"StreamName": "s", "Records": []}, "PutRecords"),
    "sqs": ("receive_message", {"QueueUrl": "http://q/1/q"}, "ReceiveMessage"),
    "sns": ("publish", {"TopicArn": "arn:aws:sns:us-east-1:000000000000:t", "Message": "m"}, "Publish"),
    "lambda": ("invoke", {"FunctionName": "f"}, ""),
}


def test_a_cut_connection_heals() -> None:
    api = FakeApi(lambda _: "take")
    with serving(api) as port, Proxy(port) as proxy:
        caller = Caller(api.outputs(port), proxy.port)
        assert caller.place(ORDER).outcome is Outcome.ACCEPTED
        proxy.cut()
        assert caller.place(ORDER).outcome is Outcome.UNKNOWN
        proxy.heal()
        assert caller.place(ORDER).outcome is Outcome.ACCEPTED
        caller.close()


def test_what_stands_still_goes_on_where_it_was() -> None:
    api = FakeApi(lambda _: "take")
    with serving(api) as port, Proxy(port) as proxy:
        proxy.stall()
        caller, answers = Caller(api.outputs(port), proxy.port), []
        waiting = threading.Thread(target=lambda: answers.append(caller.place(ORDER).outcome))
        waiting.start()
        waiting.join(0.2)
        assert (answers, api.tries) == ([], 0)
        proxy.heal()
        waiting.join(30)
        assert answers == [Outcome.ACCEPTED]
        caller.close()


def test_a_lost_answer_is_of_a_request_that_was_done() -> None:
    api, verdicts = FakeApi(lambda _: "take"), iter([Verdict.LOSE_ANSWER, Verdict.PASS])
    with serving(api) as port, Toll(port, lambda _: next(verdicts)) as toll:
        caller = Caller(api.outputs(port), toll.port)
        assert caller.place(ORDER).outcome is Outcome.UNKNOWN
        assert api.taken == {"key": 1}
        assert caller.place(ORDER).id_order == 1
        assert toll.stopped(Verdict.LOSE_ANSWER) == 1
        caller.close()


@pytest.mark.parametrize("service", CALLS)
def test_throttling_is_understood_by_the_sdk(service: str) -> None:
    operation, parameters, name = CALLS[service]
    seen: list[Call] = []

    def rule(call: Call) -> Verdict:
        seen.append(call)
        return Verdict.THROTTLE

    with socket.create_server(("127.0.0.1", 0)) as nobody, Toll(nobody.getsockname()[1], rule) as toll:
        aws = {"endpoint_url": f"http://127.0.0.1:{toll.port}", "region": "us-east-1"}
        client = client_maker({**aws, "access_key_id": "a", "secret_access_key": "b", "session_token": None})(service)
        if service == "sqs":
            parameters = {"QueueUrl": f"{aws['endpoint_url']}/000000000000/q"}
        with pytest.raises(ClientError) as error:
            getattr(client, operation)(**parameters)
    assert is_throttling(error.value)
    assert (seen[0].service, seen[0].operation) == (service, name)


def test_a_request_without_a_signature_is_of_no_service() -> None:
    assert read_call(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", b"") == Call("", "", "/x")
