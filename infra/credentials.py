"""The API's login: a user and a password, made once and kept in a secret that the authorizer reads."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from infra import policies
from infra.access import Access
from infra.shared import Shared

_LENGTH = 40


@dataclass(frozen=True, kw_only=True)
class CredentialsArgs:
    """What the login is made of."""

    shared: Shared


class Credentials(pulumi.ComponentResource):
    """A user name, a random password and a random API key, in one secret.

    The password stays as it is until `apiPasswordSerial` changes; then the old one is good for another
    `credentialsOverlapSeconds`. The API key is never given out: the authorizer names it to API Gateway for a caller
    with the right password, so that the usage plan counts. It stays as it is: API Gateway remembers the
    authorizer's answers, and would turn away everybody with another key in them.

    Attributes:
        api_key: 40 letters and digits, secret.
    """

    user: str
    password: pulumi.Output[str]
    api_key: pulumi.Output[str]
    secret_arn: pulumi.Output[str]

    def __init__(self, name: str, args: CredentialsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:api:Credentials", name, None, opts)
        self._config = args.shared.config
        child = pulumi.ResourceOptions(parent=self)
        self.user = args.shared.config.api_user
        serial = {"serial": str(args.shared.config.api_password_serial)}
        password, api_key = (
            random.RandomPassword(f"{name}-{what}", length=_LENGTH, special=False, keepers=keepers, opts=child)
            for what, keepers in (("password", serial), ("key", None))
        )
        # Secret, and so is all that is made of them.
        self.password, self.api_key = pulumi.Output.secret(password.result), pulumi.Output.secret(api_key.result)
        secret = aws.secretsmanager.Secret(
            f"{name}-secret",
            name_prefix=args.shared.names.secret_prefix("api"),
            description="Login of the API, read by the authorizer",
            recovery_window_in_days=args.shared.config.secret_recovery_days,
            opts=child,
        )
        aws.secretsmanager.SecretVersion(
            f"{name}-value",
            secret_id=secret.id,
            secret_string=pulumi.Output.all(self.password, self.api_key).apply(
                lambda both: json.dumps({"username": self.user, "password": both[0], "api_key": both[1]})
            ),
            # A new value takes the old one's place; the old one stays readable, as the authorizer still takes it.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        self.secret_arn = secret.arn
        self.register_outputs({"user": self.user, "secret_arn": self.secret_arn})

    def access(self) -> Access:
        """What the authorizer needs to read the login."""
        return Access(
            environment={
                "CREDENTIALS_SECRET_ARN": self.secret_arn,
                "CREDENTIALS_MAX_AGE_S": str(self._config.credentials_max_age_seconds),
                "CREDENTIALS_OVERLAP_S": str(self._config.credentials_overlap_seconds),
            },
            statements=[self.secret_arn.apply(policies.read_secret)],
        )
