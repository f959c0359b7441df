"""How a command ends that cannot do as asked: one sentence, an exit code, no traceback."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

import ops.stack
from ops import capture, cli, dlq
from ops.errors import FunctionFailed
from ops.session import Session
from twin.ports import free_port


def typed(words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Type a command; gives its exit code and what stands on standard error."""
    monkeypatch.setattr(sys, "argv", ["ops", *words.split()])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    shown = capsys.readouterr()
    assert "Traceback" not in shown.out + shown.err
    return int(ended.value.code or 0), shown.err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (FunctionFailed("f", "no database"), 1, "The function f failed: no database"),
        (ClientError({"Error": {"Code": "QueueDoesNotExist", "Message": "gone"}}, "GetQueue"), 1, "gone"),
        (ReadTimeoutError(endpoint_url="https://sqs"), 3, "https://sqs"),
        (KeyboardInterrupt(), 130, ""),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, BaseException) else "",
)
def test_errors_are_sentences(
    error: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(_: Session) -> None:
        raise error

    monkeypatch.setattr(Session, "aws", property(fails))
    ended, shown = typed("dlq list", monkeypatch, capsys)
    assert ended == code
    assert said in shown


def test_a_twin_that_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = {
        "region": "eu-central-1", "aws_endpoint_url": f"http://127.0.0.1:{free_port()}",
        "aws_access_key_id": "key", "aws_secret_access_key": "secret",
    }  # fmt: skip
    path = tmp_path / "outputs.json"
    path.write_text(json.dumps(outputs))
    monkeypatch.setattr(ops.stack.find, "__defaults__", (path,))
    monkeypatch.setattr(ops.stack.of_twin, "__defaults__", (path,))
    code, shown = typed("dlq list --twin", monkeypatch, capsys)
    assert code == 3
    assert "make up" in shown
    assert "secret" not in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("nonsense", "nonsense"),
        ("dlq show", "name"),
        ("rebuild --rate 0", "--rate"),
        ("--twin --stack dev dlq list", "exclude each other"),
        ("rebuild --resume --from 5", "exclude each other"),
    ],
)
def test_wrong_usage_is_2(
    words: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown = typed(words, monkeypatch, capsys)
    assert code == 2
    assert said in shown


def test_what_is_wrong_with_the_system_and_what_with_the_words_is_told_apart() -> None:
    assert capture.TaskFailed.exit_code == 1
    assert dlq.LetterUnknown.exit_code == 2
