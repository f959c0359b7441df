"""The zip holds what is imported at the first batch too, which importing the handler does not show."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

from infra.packaging import build, host_architecture, host_runtime
from tests.functions.samples import message, order_placed

# What Lambda's Python runtime has of its own: the SDK and what that needs.
RUNTIME = ("boto3", "botocore", "s3transfer", "urllib3", "dateutil", "six")
ENVIRONMENT = {
    "AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
    "MAIL_SENDER": "orders@shop.example", "MAIL_CONFIGURATION_SET": "mails", "MAIL_SANDBOX": "false",
    "MAIL_MAX_AGE_HOURS": "72", "MAIL_LEDGER": "mails",
}  # fmt: skip
CODE = """
import sys
sys.path[:0] = [{zip!r}, {runtime!r}]
from functions.notify_client.handler import handle, mailing
settings, post, ledger = mailing()
import aws_lambda_powertools.utilities.idempotency as used
from functions.common.events import decode
from functions.notify_client.letter import order_letter
print(order_letter(decode({body!r})).subject)
print(used.__file__)
"""


def test_the_first_batch_finds_all_that_it_imports(tmp_path: Path) -> None:
    folder, runtime = tmp_path / "zip", tmp_path / "runtime"
    package = build("notify_client", architecture=host_architecture(), runtime=host_runtime(), host=True)
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    runtime.mkdir()
    for name in RUNTIME:
        found = importlib.util.find_spec(name)
        assert found
        assert found.origin
        origin = Path(found.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (runtime / source.name).symlink_to(source)
    code = CODE.format(zip=str(folder), runtime=str(runtime), body=message(order_placed(id_order=7)))
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code], cwd="/", capture_output=True, text=True, check=False,
        env=ENVIRONMENT,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    subject, idempotency = result.stdout.splitlines()
    assert subject == "Your order 7"
    assert Path(idempotency).is_relative_to(folder)
