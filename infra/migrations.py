"""The schema: a function that applies the numbered SQL files, and its invocation by Pulumi."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

from infra import policies
from infra.access import Access
from infra.database import Database
from infra.function import LambdaFunction, LambdaFunctionArgs
from infra.network import Network
from infra.shared import Shared

FOLDER = "migrations"


def digest(folder: Path) -> str:
    """Give one hash for the names and contents of all SQL files of a folder, as 64 hexadecimal digits."""
    total = hashlib.sha256()
    for path in sorted(folder.glob("*.sql")):
        total.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


@dataclass(frozen=True, kw_only=True)
class MigrationsArgs:
    """What the migrations are made of.

    Attributes:
        root: folder that holds the folder of the SQL files.
    """

    shared: Shared
    network: Network
    database: Database
    root: Path


class Migrations(pulumi.ComponentResource):
    """Runs the migrations with each deployment that changes them, their code or the secrets that they fill.

    Attributes:
        done: exists only after the database has all migrations; depend on it before using a table.
    """

    done: aws.lambda_.Invocation
    function: LambdaFunction

    def __init__(self, name: str, args: MigrationsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:database:Migrations", name, None, opts)
        database = args.database
        self.function = LambdaFunction(
            name,
            LambdaFunctionArgs(
                shared=args.shared,
                folder="migrate",
                timeout=args.shared.config.migrate_timeout,
                uses=[_access(database, args.network)],
                data=[FOLDER],
            ),
            pulumi.ResourceOptions(parent=self),
        )
        version = digest(args.root / FOLDER)
        needed: Sequence[pulumi.Resource] = [self.function.function, *database.ready, *args.network.secrets.behind]
        self.done = aws.lambda_.Invocation(
            f"{name}-run",
            function_name=self.function.function_name,
            input=json.dumps({"migrations": version}),
            # Runs again with new files, new code (it makes the roles), and new secrets, which it has to fill.
            triggers={
                "migrations": version,
                "code": self.function.function.source_code_hash,
                "secrets": pulumi.Output.all(database.capture_secret_arn, *database.login_secret_arns.values()).apply(
                    " ".join
                ),
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=needed),
        )
        self.register_outputs({"result": self.done.result})


def _access(database: Database, network: Network) -> Access:
    """The master's login, to be read; the logins that the function makes, to be written."""
    environment = {
        **database.connection,
        "MASTER_SECRET_ARN": database.master_secret_arn,
        "CDC_SECRET_ARN": database.capture_secret_arn,
    }
    statements = [
        database.master_secret_arn.apply(policies.read_secret),
        database.capture_secret_arn.apply(policies.fill_secret),
    ]
    if database.login_secret_arns:
        environment["LOGIN_SECRETS"] = pulumi.Output.json_dumps(database.login_secret_arns)
        statements += [arn.apply(policies.fill_secret) for arn in database.login_secret_arns.values()]
    return Access(
        environment=environment,
        statements=statements,
        reaches=[database.reach, network.secrets],
        placement=network.placement,
        data=database.certificates,
    )
