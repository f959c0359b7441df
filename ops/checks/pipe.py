"""The pipe from the stream to the topic: whether it runs, and why not."""

from __future__ import annotations

from ops.aws import answering
from ops.checks.check import Finding, Report, Scene

_ON_ITS_WAY = frozenset({"CREATING", "STARTING", "UPDATING"})


def look(scene: Scene) -> Report:
    """Look at the pipe as EventBridge describes it ("DescribePipe")."""
    name = scene.stack.output("pipe_name")
    pipes = scene.aws.client("pipes")
    with answering(scene.stack):
        try:
            found = pipes.describe_pipe(Name=name)
        except pipes.exceptions.NotFoundException:
            wrong = Finding(f"there is no pipe {name}", f"{scene.deploy}; records wait in the stream meanwhile")
            return Report("is not there", (wrong,))
    state, why = found["CurrentState"], found.get("StateReason", "")
    data = {"state": state, "desired_state": found["DesiredState"], "reason": why}
    says = f"{name} is {state}"
    if state == "RUNNING":
        return Report(says, (), data)
    start = scene.cli(f"pipes start-pipe --name {name}")
    remedy = f"wait a minute and look again: {scene.ops('doctor')}" if state in _ON_ITS_WAY else start
    return Report(says, (Finding(f"the pipe is {state}{': ' + why.strip() if why else ''}", remedy),), data)
