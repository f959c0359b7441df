"""What API Gateway keeps of the authorizer's answer: it is used for every call of the caller, and must fit each."""

from __future__ import annotations

import base64
import json

import pytest
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from functions.authorize import handler
from functions.authorize.check import CredentialCheck
from functions.common.secret_store import SecretVersion
from functions.registry import ROUTES

API = "arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5"


class OneSecret:
    def version(self, arn: str, stage: str = "AWSCURRENT") -> SecretVersion | None:
        return SecretVersion({"username": "demo", "password": "right"}, 0.0) if stage == "AWSCURRENT" else None


def invoked(first: str, later: str) -> bool:
    """Whether the answer to a first call lets a later one through."""
    token = base64.b64encode(b"demo:right").decode()
    answer = handler.handle({"type": "TOKEN", "authorizationToken": f"Basic {token}", "methodArn": first}, None)
    policy = parse_policy_document(json.loads(json.dumps(answer["policyDocument"])))
    context = EvalContext("demo", "User", "111122223333", "execute-api:Invoke", later, "eu-central-1")
    return bool(evaluate(context, [policy]).decision == "Allow")


@pytest.fixture(autouse=True)
def check(monkeypatch: pytest.MonkeyPatch) -> None:
    check = CredentialCheck(OneSecret(), "arn", 300, 0)
    monkeypatch.setattr(handler, "credentials", lambda: check)


CALLS = [f"{API}/prod/{method}{path.replace('{id}', '1')}" for method, path in ROUTES]


@pytest.mark.parametrize("first", CALLS)
def test_a_cached_answer_fits_every_call_of_the_stage(first: str) -> None:
    assert [later for later in CALLS if not invoked(first, later)] == []


@pytest.mark.parametrize(
    "later",
    [
        f"{API}/dev/GET/clients/1", f"{API}/prod2/GET/clients/1", f"{API}/PROD/GET/clients/1",
        f"{API}2/prod/GET/clients/1", f"{API.replace('111122223333', '999999999999')}/prod/GET/clients/1",
        f"{API.replace('eu-central-1', 'eu-west-1')}/prod/GET/clients/1", "*",
    ],
)  # fmt: skip
def test_a_cached_answer_opens_nothing_else(later: str) -> None:
    assert not any(invoked(first, later) for first in CALLS)
