"""The folder of migrations, and passwords in secrets."""

from __future__ import annotations

import json
import string
from pathlib import Path

import pytest

from functions.common.errors import SettingsError
from functions.common.settings import Environment
from functions.migrate import migrations
from functions.migrate.credentials import keep_password
from functions.migrate.errors import FolderInvalid
from functions.migrate.handler import MigrateSettings
from functions.migrate.roles import LOGIN_ROLES


def _folder(path: Path, *names: str) -> Path:
    for name in names:
        (path / name).write_text("select 1;")
    return path


def test_files_are_read_in_order(tmp_path: Path) -> None:
    read = migrations.read(_folder(tmp_path, "0002_b.sql", "0001_a.sql"))
    assert [(migration.number, migration.name) for migration in read] == [(1, "0001_a.sql"), (2, "0002_b.sql")]


@pytest.mark.parametrize(
    "names",
    [(), ("0001_a.sql", "0003_c.sql"), ("0001_a.sql", "0001_b.sql"), ("0002_b.sql",), ("1_a.sql",), ("0001-a.sql",),
     ("0001_a.sql", "draft.sql"), ("0000_a.sql",)],
)  # fmt: skip
def test_a_folder_out_of_order_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(FolderInvalid):
        migrations.read(_folder(tmp_path, *names))


def test_the_folder_is_found_in_the_zip_and_in_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAMBDA_TASK_ROOT", raising=False)
    assert migrations.folder() == Path(migrations.__file__).parents[2] / "migrations"
    (tmp_path / "migrations").mkdir()
    monkeypatch.setenv("LAMBDA_TASK_ROOT", str(tmp_path))
    assert migrations.folder() == tmp_path / "migrations"


def test_a_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_bytes(b"select 1;\r\n")
    first = migrations.read(tmp_path)[0].sha256
    (tmp_path / "0001_a.sql").write_bytes(b"select 1;\n")
    assert migrations.read(tmp_path)[0].sha256 != first


class FakeSecrets:
    def __init__(self, fields: dict[str, str] | None = None) -> None:
        self.fields = fields
        self.writes = 0

    def find(self, arn: str) -> dict[str, str] | None:
        return self.fields

    def write(self, arn: str, fields: dict[str, str | int]) -> None:
        self.writes += 1
        self.fields = {name: str(value) for name, value in fields.items()}


def test_a_new_password_is_long_and_has_letters_and_digits_only() -> None:
    store = FakeSecrets()
    password = keep_password(store, "arn", "cdc", {"host": "h", "port": 5432})
    assert len(password) >= 32
    assert set(password) <= set(string.ascii_letters + string.digits)
    assert store.fields == {"username": "cdc", "password": password, "host": "h", "port": "5432"}
    assert keep_password(FakeSecrets(), "arn", "cdc") != password


def test_a_secret_keeps_its_password_and_is_written_only_for_a_change() -> None:
    store = FakeSecrets({"username": "cdc", "password": "kept", "host": "h", "port": "5432", "own": "x"})
    assert keep_password(store, "arn", "cdc", {"host": "h", "port": 5432}) == "kept"
    assert store.writes == 0
    assert keep_password(store, "arn", "cdc", {"host": "h2", "port": 5432}) == "kept"
    assert store.fields == {"username": "cdc", "password": "kept", "host": "h2", "port": "5432", "own": "x"}


def test_a_placeholder_without_a_password_gets_one() -> None:
    store = FakeSecrets({"note": "to be filled"})
    keep_password(store, "arn", "app")
    assert store.fields
    assert store.fields["password"]


ENVIRONMENT = {"DATABASE_HOST": "db", "DATABASE_PORT": "5432", "DATABASE_NAME": "orders", "DATABASE_SSLMODE": "require",
               "MASTER_SECRET_ARN": "m", "CDC_SECRET_ARN": "c"}  # fmt: skip


def test_roles_have_secrets_only_if_the_environment_names_them() -> None:
    arns = {role: f"arn of {role}" for role in LOGIN_ROLES}
    assert MigrateSettings.read(Environment(ENVIRONMENT)).login_secret_arns == {}
    found = MigrateSettings.read(Environment({**ENVIRONMENT, "LOGIN_SECRETS": json.dumps(arns)}))
    assert found.login_secret_arns == arns


@pytest.mark.parametrize("text", ["[]", "{", '{"app": "arn"}', json.dumps(dict.fromkeys(LOGIN_ROLES, 1)),
                                  json.dumps(dict.fromkeys([*LOGIN_ROLES, "cdc"], "arn"))])  # fmt: skip
def test_secrets_of_other_roles_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="LOGIN_SECRETS"):
        MigrateSettings.read(Environment({**ENVIRONMENT, "LOGIN_SECRETS": text}))
