"""Secrets of AWS Secrets Manager, as JSON objects of strings.

The client is botocore's, without boto3 (about 15 ms less to import), made when the first secret is read. Where
Secrets Manager is comes from the environment as botocore knows it (AWS_REGION, AWS_ENDPOINT_URL).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from functions.common.errors import SecretUnreadable

if TYPE_CHECKING:
    from botocore.client import BaseClient

Stage = Literal["AWSCURRENT", "AWSPREVIOUS"]

# Bounds that fit into a request: botocore's own are 60 s and five tries.
CONNECT_S, ANSWER_S, TRIES = 1, 2, 2
# With a second for botocore's pause between the tries.
LONGEST_CALL_S = TRIES * (CONNECT_S + ANSWER_S) + 1


@dataclass(frozen=True, repr=False)
class SecretVersion:
    """One value that a secret has or had: its fields, and when it was written (epoch seconds). Not in any repr."""

    fields: dict[str, str]
    written_at: float


class SecretStore:
    """Reads and writes secrets; the client is made at the first call."""

    def __init__(self, client: BaseClient | None = None) -> None:
        self._client: Any = client

    def read(self, arn: str) -> dict[str, str]:
        """The secret's fields, with numbers turned into text.

        Raises SecretUnreadable if it cannot be had, has no value yet or is no JSON object.
        """
        fields = self.find(arn)
        if fields is None:
            raise SecretUnreadable(f"Secret {arn} has no value yet: write one.")
        return fields

    def find(self, arn: str) -> dict[str, str] | None:
        """As `read`, but None for a secret that exists and has no value yet."""
        version = self.version(arn)
        return None if version is None else version.fields

    def version(self, arn: str, stage: Stage = "AWSCURRENT") -> SecretVersion | None:
        """The value with this label, None for a secret that exists and has no such value.

        AWSPREVIOUS is what was AWSCURRENT before the last write. Source: "What's in a Secrets Manager secret?" (AWS
        Secrets Manager User Guide). Raises SecretUnreadable.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._connected().get_secret_value(SecretId=arn, VersionStage=stage)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code == "ResourceNotFoundException" and self._exists(arn):
                return None
            raise SecretUnreadable(f"Secret {arn} could not be read: {code}.") from error
        except BotoCoreError as error:
            raise SecretUnreadable(f"Secret {arn} could not be read: {type(error).__name__}.") from error
        try:
            fields = json.loads(answer["SecretString"])
        except (KeyError, ValueError):
            # "from None": the error's text quotes what it could not parse, and that is the secret.
            raise SecretUnreadable(f"Secret {arn} is not JSON text.") from None
        if not isinstance(fields, dict):
            raise SecretUnreadable(f"Secret {arn} is not a JSON object.")
        texts = {str(name): value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
        return SecretVersion(texts, answer["CreatedDate"].timestamp())

    def write(self, arn: str, fields: dict[str, str | int]) -> None:
        """Make `fields` the secret's current value.

        Raises SecretUnreadable if Secrets Manager refuses.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._connected().put_secret_value(SecretId=arn, SecretString=json.dumps(fields))
        except (BotoCoreError, ClientError) as error:
            # "from None": a refused request may be quoted with its parameters.
            raise SecretUnreadable(f"Secret {arn} could not be written: {type(error).__name__}.") from None

    def _exists(self, arn: str) -> bool:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._connected().describe_secret(SecretId=arn)
        except (BotoCoreError, ClientError):
            return False
        return True

    def _connected(self) -> Any:
        if self._client is None:
            from botocore.config import Config
            from botocore.session import Session

            bounds = Config(
                connect_timeout=CONNECT_S,
                read_timeout=ANSWER_S,
                retries={"mode": "standard", "total_max_attempts": TRIES},
            )
            self._client = Session().create_client("secretsmanager", config=bounds)
        return self._client


def field(fields: dict[str, str], name: str, arn: str) -> str:
    """The named field of a secret; raises SecretUnreadable if it is missing or empty."""
    value = fields.get(name, "")
    if not value:
        raise SecretUnreadable(f"Secret {arn} has no field {name!r}.")
    return value
