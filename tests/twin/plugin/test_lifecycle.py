"""The life of a stack under Pulumi's real engine: a program other than the project's own, from first up to destroy."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from pulumi import automation as auto

from tests.twin.plugin.shops import Shop
from tests.twin.waiting import until
from twin.folder import TwinFolder
from twin.local import ROOT
from twin.plugin import command

RESOURCES = 16


@pytest.fixture
def outputs(shop: Shop) -> auto.OutputMap:
    """The stack as its defaults have it, whatever a test before this one did."""
    return shop.up().outputs


def attribute(shop: Shop, url: str, name: str) -> str:
    answer = shop.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return str(answer["Attributes"][name])


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


def test_a_program_of_covered_types_runs(shop: Shop, outputs: auto.OutputMap) -> None:
    assert shop.answer("wanted", outputs) == 'hello: {"kind": "wanted"}'
    assert outputs["password"].secret
    assert len(outputs["password"].value) == 20
    assert not outputs["topic"].secret
    assert outputs["tags"].value == {"team": "blue"}
    assert outputs["folder"].value == "shop", "the program runs where its files are"
    stored = shop.client("secretsmanager").get_secret_value(SecretId=outputs["secret"].value)["SecretString"]
    assert stored == outputs["password"].value
    state = json.loads((shop.project / "state/.pulumi/stacks/shop/local.json").read_text())
    assert "shop-news" in set(texts(state))
    assert stored not in set(texts(state)), "secrets are encrypted in the stack's state"


def test_a_second_up_and_a_preview_change_nothing(shop: Shop, outputs: auto.OutputMap) -> None:
    changes, _, _ = shop.preview()
    assert changes == {"same": RESOURCES}
    again = shop.up()
    assert (again.changes, again.steps) == ({"same": RESOURCES}, [])
    assert {name: output.value for name, output in again.outputs.items()} == {
        name: output.value for name, output in outputs.items()
    }


def test_a_changed_handler_updates_its_function_only(shop: Shop, outputs: auto.OutputMap) -> None:
    handler = shop.program / "handler" / "handler.py"
    before = handler.read_text()
    try:
        handler.write_text(before.replace("""{record['body']}\"""", """{record['body']} (new)\""""))
        up = shop.up()
        assert up.steps == [("update", "counter-function")]
        assert shop.answer("wanted", up.outputs) == 'hello: {"kind": "wanted"} (new)'
    finally:
        handler.write_text(before)


@pytest.mark.parametrize(
    ("config", "steps"),
    [
        ({"timeout": 31}, [("update", "counter-queue")]),
        ({"kinds": ["other"]}, [("update", "subscription")]),
        ({"greeting": "hi"}, [("update", "counter-function")]),
        ({"visible": 41}, [("update", "answers"), ("update", "counter-dead")]),
        ({"topic": "renamed"}, []),
        ({"note": "second"}, []),
    ],
    ids=["queue", "filter", "environment", "transform", "rename with alias", "ignored"],
)
def test_a_change_is_made_in_place(
    shop: Shop, outputs: auto.OutputMap, config: dict[str, Any], steps: list[tuple[str, str]]
) -> None:
    changed = shop.up(**config)
    assert sorted(changed.steps) == sorted(steps)
    kind = config.get("kinds", ["wanted"])[0]
    assert shop.answer(kind, changed.outputs) == f'{config.get("greeting", "hello")}: {{"kind": "{kind}"}}'
    assert attribute(shop, outputs["queue"].value, "VisibilityTimeout") == str(config.get("timeout", 30))
    assert attribute(shop, outputs["answers"].value, "VisibilityTimeout") == str(config.get("visible", 30))


def test_tags_of_the_provider_reach_what_is_there(shop: Shop, outputs: auto.OutputMap) -> None:
    changed = shop.up(team="red")
    assert changed.outputs["tags"].value == {"team": "red"}
    assert ("update", "counter-queue") in changed.steps
    assert shop.client("sqs").list_queue_tags(QueueUrl=outputs["queue"].value)["Tags"] == {"team": "red"}


def test_a_new_name_replaces_and_what_depends_on_it_follows(shop: Shop, outputs: auto.OutputMap) -> None:
    changed = shop.up(queueName="my-answers")
    order = [op for op, name in changed.steps if name == "answers"]
    assert order.index("create-replacement") < order.index("delete-replaced")
    assert changed.outputs["answers"].value.endswith("/my-answers")
    assert ("update", "counter-function") in changed.steps, "its environment names the queue"
    assert shop.answer("wanted", changed.outputs) == 'hello: {"kind": "wanted"}'
    listed = shop.client("sqs").list_queues(QueueNamePrefix="answers").get("QueueUrls", [])
    assert outputs["answers"].value not in listed


def test_what_is_protected_is_not_replaced(shop: Shop, outputs: auto.OutputMap) -> None:
    shop.up(protect=True)
    with pytest.raises(auto.CommandError, match="protect"):
        shop.up(protect=True, queueName="other-answers")
    assert attribute(shop, outputs["answers"].value, "VisibilityTimeout") == "30"
    shop.up()


def test_what_aws_would_refuse_shows_in_the_preview_at_its_property(shop: Shop, outputs: auto.OutputMap) -> None:
    with pytest.raises(auto.CommandError) as caught:
        shop.preview(timeout=50_000)
    assert "property visibilityTimeoutSeconds value {50000} has a problem" in str(caught.value)
    assert "43200" in str(caught.value)


def test_a_failed_up_can_be_repaired(shop: Shop, outputs: auto.OutputMap) -> None:
    # 4 s are fine for the queue itself, and less than its function may take: AWS refuses the mapping at work.
    with pytest.raises(auto.CommandError, match="less than the function's timeout of 5 s"):
        shop.up(timeout=4, batch=5)
    repaired = shop.up(timeout=6, batch=5)
    assert sorted(repaired.steps) == [("update", "counter-mapping"), ("update", "counter-queue")]
    assert shop.answer("wanted", repaired.outputs) == 'hello: {"kind": "wanted"}'


def test_refresh_sees_what_was_deleted_or_changed_behind_its_back(shop: Shop, outputs: auto.OutputMap) -> None:
    sqs, queue, dead = shop.client("sqs"), outputs["queue"].value, "counter-dead"
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "77"})
    (gone,) = [url for url in sqs.list_queues()["QueueUrls"] if f"/{dead}-" in url]
    sqs.delete_queue(QueueUrl=gone)
    refreshed = shop.stack.refresh(color="never")
    changes = {str(getattr(key, "value", key)): n for key, n in (refreshed.summary.resource_changes or {}).items()}
    assert (changes["update"], changes["delete"]) == (1, 1)
    repaired = shop.up()
    assert ("create", dead) in repaired.steps
    assert attribute(shop, queue, "VisibilityTimeout") == "30"
    assert shop.answer("wanted", repaired.outputs) == 'hello: {"kind": "wanted"}'


def test_state_of_an_older_program_is_taken_over(shop: Shop, outputs: auto.OutputMap) -> None:
    """As a state would be that was made before the provider kept region and all tags among the inputs."""
    older = shop.stack.export_stack()
    assert older.deployment is not None
    for resource in older.deployment["resources"]:
        if resource["type"].startswith("aws:"):
            for prop in ("region", "tagsAll"):
                resource["inputs"].pop(prop, None)
    shop.stack.import_stack(older)
    assert shop.preview()[0] == {"same": RESOURCES}
    assert shop.answer("wanted", shop.up(greeting="hi").outputs) == 'hi: {"kind": "wanted"}'


def test_a_killed_keeper_is_followed_by_another_with_all_that_was_there(shop: Shop, outputs: auto.OutputMap) -> None:
    holder = shop.folder.holder()
    assert holder is not None
    os.kill(holder, signal.SIGKILL)
    until(lambda: shop.folder.holder() is None, what="the keeper's end")
    assert shop.preview()[0] == {"same": RESOURCES}
    assert shop.folder.holder() not in (None, holder)
    assert shop.answer("wanted", outputs) == 'hello: {"kind": "wanted"}'


def test_destroy_leaves_nothing_and_up_makes_all_of_it_again(shop: Shop, outputs: auto.OutputMap) -> None:
    holder = shop.folder.holder()
    assert holder is not None
    children = psutil.Process(holder).children(recursive=True)
    assert children
    shop.stack.destroy(color="never")
    until(lambda: not psutil.pid_exists(holder), what="the keeper's end")
    assert not [child for child in children if child.is_running()]
    assert {path.name for path in shop.folder.path.iterdir()} == {"pulumi"}, "what the CLI itself still needs"
    again = shop.up()
    assert again.changes == {"create": RESOURCES}
    assert shop.answer("wanted", again.outputs) == 'hello: {"kind": "wanted"}'
    assert again.outputs["password"].value != outputs["password"].value


def test_an_interrupted_up_is_completed_by_the_next(shop: Shop, tmp_path: Path) -> None:
    folder = TwinFolder(tmp_path / "twin")
    argv = [sys.executable, "-m", "twin.local", "--folder", str(folder.path), "--program", str(shop.program)]
    environment = {**os.environ, **shop.environment}

    def made() -> int:
        return int((command.ask(folder.path, {"do": "status"}) or {"resources": 0})["resources"])

    try:
        with subprocess.Popen(
            argv, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        ) as run:
            until(lambda: made() > 0, what="a first resource")
            os.killpg(run.pid, signal.SIGINT)  # as a terminal does
            said = run.communicate(timeout=120)[0].decode()
        assert run.returncode != 0, said
        assert 0 < made() < RESOURCES - 3, said
        again = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert again.returncode == 0, again.stdout + again.stderr
        # A component, the stack itself and the provider are the engine's own.
        assert made() == RESOURCES - 3
    finally:
        command.stop(folder, keep=False)
    assert not folder.path.exists()


def test_make_down_removes_a_stack_at_once(shop: Shop, outputs: auto.OutputMap) -> None:
    holder = shop.folder.holder()
    assert holder is not None
    command.stop(shop.folder, keep=False)
    assert not psutil.pid_exists(holder)
    assert not Path(shop.folder.path).exists()
    shop.renew()
    assert shop.up().changes == {"create": RESOURCES}
