"""Records what Pulumi's real engine asks the plugin, for `test_replay`: `python -m tests.twin.plugin.record`.

Needs the Pulumi CLI. To be run again when the engine's protocol or the second program changes.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pulumi import automation as auto

from tests.twin.plugin.shops import PROGRAM, Shop
from twin.cloud.functions import HOST_RUNTIME
from twin.plugin import command

RECORDED = Path(__file__).parent / "recorded.jsonl"
SERVICE = "/pulumirpc.ResourceProvider/"
# Stands for the Python of the machine.
RUNTIME = "python-of-this-machine"
# Of no meaning to a provider that is not of the run that was recorded.
LEFT_OUT = {"resourceStatusAddress", "resourceStatusToken", "mapperTarget", "loaderTarget", "resolverTarget"}


def main() -> None:
    """Run the program through its life and write down every call."""
    with tempfile.TemporaryDirectory(prefix="record-") as folder:
        shop = Shop(Path(folder) / "twin", Path(folder) / "home")
        runs: list[tuple[str, Callable[[], object]]] = [
            ("preview", shop.preview),
            ("up", shop.up),
            ("refused", lambda: shop.preview(timeout=50_000)),
            ("change", lambda: shop.up(timeout=31, kinds=["other"], greeting="hi", team="red")),
            ("replace", lambda: shop.up(timeout=31, kinds=["other"], greeting="hi", team="red", queueName="named")),
            ("rename", lambda: shop.up(topic="renamed", queueName="named")),
            ("refresh", lambda: shop.stack.refresh()),
            ("destroy", lambda: shop.stack.destroy()),
        ]
        try:
            with RECORDED.open("w", encoding="utf-8") as file:
                for name, run in runs:
                    log = Path(folder) / f"{name}.json"
                    shop.environment["PULUMI_DEBUG_GRPC"] = str(log)
                    with contextlib.suppress(auto.CommandError):
                        run()
                    for call in calls(log, folder):
                        file.write(json.dumps({"run": name, **call}, sort_keys=True) + "\n")
        finally:
            command.stop(shop.folder, keep=False)


def calls(log: Path, folder: str) -> Iterator[dict[str, Any]]:
    """Give the calls of providers in the order in which they were answered."""
    for text in log.read_text("utf-8").splitlines():
        line = text
        for here, there in ((folder, "/folder"), (str(PROGRAM), "/program"), (HOST_RUNTIME, RUNTIME)):
            line = line.replace(here, there)
        entry = json.loads(line)
        method = entry["method"]
        if not method.startswith(SERVICE) or entry.get("progress") == "request_started":
            continue
        request = {key: value for key, value in (entry.get("request") or {}).items() if key not in LEFT_OUT}
        yield {
            "package": entry["metadata"]["name"],
            "method": method.removeprefix(SERVICE),
            "request": request,
            **({"response": entry["response"]} if "response" in entry else {"errors": entry.get("errors")}),
        }


if __name__ == "__main__":
    main()
