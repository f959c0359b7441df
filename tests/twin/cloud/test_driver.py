"""The Pulumi program run in this process: outputs, order, errors, a second run, and configuration."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from tests.twin.cloud.documents import REGION
from twin.cloud import Cloud, InputError, UnsupportedTypeError
from twin.driver import ConfigurationError, ProgramError, Stack, down, read_config, up
from twin.emulator import Emulator
from twin.errors import TwinError

Up = Callable[..., Stack]

SMALL = """
    import pulumi, pulumi_aws as aws, pulumi_random as random

    config = pulumi.Config()
    provider = aws.Provider("here", region=aws.get_region().region)

    class Mail(pulumi.ComponentResource):
        def __init__(self, name, opts=None):
            super().__init__("tests:mail:Mail", name, None, opts)
            child = pulumi.ResourceOptions(parent=self)
            timeout = config.require_int("timeout")
            self.queue = aws.sqs.Queue(f"{name}-queue", visibility_timeout_seconds=timeout, opts=child)
            self.register_outputs({})

    here = pulumi.ResourceOptions(providers=[provider])
    first, second = Mail("first", here), Mail("second", here)
    password = random.RandomPassword("password", length=20)
    secret = aws.secretsmanager.Secret("secret", recovery_window_in_days=0)
    version = aws.secretsmanager.SecretVersion("version", secret_id=secret.id, secret_string=password.result)
    topic = aws.sns.Topic("topic", display_name=password.result, opts=pulumi.ResourceOptions(depends_on=[second]))
    pulumi.export("first", first.queue.url)
    pulumi.export("second", second.queue.url)
    pulumi.export("password", password.result)
    pulumi.export("stored", version.secret_string)
    pulumi.export("shown", topic.display_name)
    pulumi.export("nested", {"arn": topic.arn, "list": [secret.arn, 1]})
    pulumi.export("plain", "text")
"""


@pytest.fixture
def run(cloud: Cloud, tmp_path: Path) -> Up:
    """Write a program and bring it up."""

    def run(source: str, **options: object) -> Stack:
        path = tmp_path / "program.py"
        path.write_text(dedent(source))
        given: dict[str, object] = {"config": {"tests:timeout": "40"}, "project": "tests", **options}
        return up(cloud, program=path, **given)  # type: ignore[arg-type]

    return run


def test_outputs_are_resolved_and_secrets_are_named(run: Up, emulator: Emulator) -> None:
    stack = run(SMALL)
    outputs = stack.outputs
    assert outputs["plain"] == "text"
    assert outputs["first"] != outputs["second"]
    assert outputs["nested"]["arn"].startswith(f"arn:aws:sns:{REGION}:")
    assert outputs["nested"]["list"][1] == 1
    assert outputs["password"] == outputs["stored"]
    assert len(outputs["password"]) == 20
    assert stack.secrets == {"password", "shown", "stored"}
    answer = emulator.client("sqs").get_queue_attributes(
        QueueUrl=outputs["first"], AttributeNames=["VisibilityTimeout"]
    )
    assert answer["Attributes"]["VisibilityTimeout"] == "40"


def test_each_resource_is_reported_with_its_time(run: Up) -> None:
    seen: list[tuple[str, str, float]] = []
    run(SMALL, on_resource=lambda typ, name, seconds: seen.append((typ, name, seconds)))
    names = [name for _, name, _ in seen]
    assert sorted(names) == ["first-queue", "password", "second-queue", "secret", "topic", "version"]
    assert names.index("secret") < names.index("version")
    assert names.index("second-queue") < names.index("topic")
    assert all(seconds >= 0 for _, _, seconds in seen)


def test_a_second_run_keeps_all_and_a_third_changes_and_removes(run: Up, cloud: Cloud) -> None:
    first = run(SMALL)
    assert run(SMALL) == first
    changed = run(
        SMALL.replace('topic = aws.sns.Topic("topic", ', 'topic = aws.sns.Topic("news", '),
        config={"tests:timeout": "50"},
    )
    assert changed.outputs["first"] == first.outputs["first"]
    assert changed.outputs["password"] == first.outputs["password"]
    assert [one.name for one in cloud.state.find("aws:sns/topic:Topic")] == ["news"]
    assert {one.inputs["visibilityTimeoutSeconds"] for one in cloud.state.find("aws:sqs/queue:Queue")} == {50}


def test_down_removes_everything_and_can_be_repeated(run: Up, cloud: Cloud) -> None:
    run(SMALL)
    down(cloud)
    down(cloud)
    assert cloud.state.all() == []


def test_a_refused_resource_comes_through_as_one_error_with_its_urn(run: Up, cloud: Cloud) -> None:
    source = """
        import pulumi_aws as aws
        bad = aws.sqs.Queue("bad", visibility_timeout_seconds=50000)
        after = aws.sns.Topic("after", display_name=bad.arn)
    """
    with pytest.raises(InputError) as caught:
        run(source)
    assert "aws:sqs/queue:Queue 'bad': visibilityTimeoutSeconds is 50000" in str(caught.value)
    assert "urn:pulumi:local::tests::aws:sqs/queue:Queue::bad" in str(caught.value)
    assert [one.name for one in cloud.state.all()] == []


def test_a_failed_run_can_be_repeated(run: Up) -> None:
    source = """
        import pulumi, pulumi_aws as aws
        good = aws.sns.Topic("good")
        bad = aws.sqs.Queue("bad", visibility_timeout_seconds=TIMEOUT, tags={"after": good.arn})
        pulumi.export("url", bad.url)
    """
    with pytest.raises(InputError):
        run(source.replace("TIMEOUT", "50000"))
    assert run(source.replace("TIMEOUT", "50")).outputs["url"]


def test_an_unknown_type_with_data_is_refused(run: Up) -> None:
    with pytest.raises(UnsupportedTypeError, match="aws:cloudwatch/eventBus:EventBus"):
        run('import pulumi_aws as aws\naws.cloudwatch.EventBus("b")')


def test_an_unknown_call_is_refused(run: Up) -> None:
    with pytest.raises(UnsupportedTypeError, match="aws:sqs/getQueue:getQueue"):
        run("import pulumi_aws as aws\naws.sqs.get_queue(name='q')")


def test_two_resources_of_one_urn_are_refused(run: Up) -> None:
    with pytest.raises(TwinError, match="'t' is declared twice"):
        run('import pulumi_aws as aws\naws.sns.Topic("t")\naws.sns.Topic("t")')


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise ValueError('no such table')", "program.py failed: ValueError: no such table"),
        ("import pulumi\npulumi.Config().require('missing')", "missing"),
        ("import pulumi\npulumi.export('x', pulumi.Output.from_input(1).apply(lambda n: n / 0))", "ZeroDivisionError"),
    ],
)
def test_a_program_that_fails_is_told_by_its_own_message(run: Up, source: str, said: str) -> None:
    with pytest.raises(ProgramError, match=said):
        run(source)


def test_a_resource_is_looked_up_by_its_id(run: Up) -> None:
    source = """
        import pulumi, pulumi_aws as aws
        made = aws.sns.Topic("t", display_name="shown")
        pulumi.export("shown", made.id.apply(lambda id: aws.sns.Topic.get("same", ID).display_name))
    """
    assert run(source.replace("ID", "id")).outputs == {"shown": "shown"}
    with pytest.raises(TwinError, match="the twin has made none of id 'arn:nowhere'"):
        run(source.replace("ID", "'arn:nowhere'"))


def test_ignored_changes_stay_as_they_were(run: Up, cloud: Cloud) -> None:
    source = """
        import pulumi, pulumi_aws as aws
        options = pulumi.ResourceOptions(ignore_changes=["displayName"])
        aws.sns.Topic("t", display_name="NAME", opts=options)
    """
    run(source.replace("NAME", "old"))
    run(source.replace("NAME", "new"))
    assert cloud.state.find("aws:sns/topic:Topic")[0].inputs["displayName"] == "old"


def test_a_providers_tags_reach_what_it_makes(run: Up, cloud: Cloud) -> None:
    source = """
        import pulumi, pulumi_aws as aws
        tags = aws.ProviderDefaultTagsArgs(tags={"team": "a", "own": "no"})
        provider = aws.Provider("here", region="REGION", default_tags=tags)
        options = pulumi.ResourceOptions(provider=provider)
        topic = aws.sns.Topic("t", tags={"own": "yes"}, opts=options)
        pulumi.export("tags", topic.tags_all)
        pulumi.export("other", aws.sns.Topic("other").tags_all)
    """
    outputs = run(source.replace("REGION", REGION)).outputs
    assert (outputs["tags"], outputs["other"]) == ({"team": "a", "own": "yes"}, {})
    (topic,) = [one for one in cloud.state.find("aws:sns/topic:Topic") if one.name == "t"]
    listed = cloud.context.client("sns").list_tags_for_resource(ResourceArn=topic.id)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in listed} == {"team": "a", "own": "yes"}
    with pytest.raises(TwinError, match="region is 'us-west-2'"):
        run(source.replace("REGION", "us-west-2"))


def test_an_interrupted_run_makes_nothing_more(run: Up, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    source = """
        import pulumi_aws as aws
        last = None
        for number in range(50):
            last = aws.sns.Topic(f"t{number}", display_name=last.name if last else None)
    """
    started = threading.Event()

    def interrupted(thread: threading.Thread, timeout: float | None = None) -> None:
        if timeout is None:
            real_join(thread)
        elif started.wait(10):
            raise KeyboardInterrupt

    real_join = threading.Thread.join
    monkeypatch.setattr(threading.Thread, "join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(source, on_resource=lambda *_: started.set())
    monkeypatch.undo()
    assert len(cloud.state.all()) < 50


def test_configuration_is_read_as_pulumi_reads_it(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text(
        dedent("""
            name: orders
            runtime: python
            config:
              zones: {type: integer, default: 2}
              tags: {type: object, default: {a: b}}
              required: {type: string}
              aws:region: {value: eu-west-1}
              pulumi:tags: {value: {x: y}}
        """)
    )
    (tmp_path / "Pulumi.local.yaml").write_text("config:\n  orders:zones: 3\n  orders:tls: false\n  name: text\n")
    assert read_config(tmp_path, "local", {"runtime": "python3.13", "tags": None}) == {
        "orders:zones": "3",
        "orders:tls": "false",
        "orders:name": "text",
        "orders:runtime": "python3.13",
        "aws:region": "eu-west-1",
        "pulumi:tags": '{"x": "y"}',
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("config:\n  orders:a: {secure: v1:abc}\n", "orders:a is encrypted"),
        ("config: [", "is not YAML"),
        ("[]", "does not hold"),
        (None, "cannot be read"),
    ],
)
def test_configuration_that_cannot_be_read_is_refused(tmp_path: Path, text: str | None, said: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: orders\n")
    if text is not None:
        (tmp_path / "Pulumi.local.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        read_config(tmp_path, "local")
