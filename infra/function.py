"""One Lambda function with all that belongs to it: role, log group, security group, alarms."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from infra import packaging, policies
from infra.access import Access, open_path, security_group
from infra.alarms import function_health, raise_alarms
from infra.policies import Statement
from infra.shared import Shared

_HANDLER = "functions.{folder}.handler.handle"
# Namespace of the metrics that the functions write.
METRICS = "Orders"


@dataclass(frozen=True, kw_only=True)
class LambdaFunctionArgs:
    """What a function is made of.

    Attributes:
        folder: below functions/.
        timeout: in seconds; None for that of a call of the API.
        uses: what its code calls; gives it environment, permissions, and a place in the network if it needs one.
        statements: further permissions.
        data: further files of the repository in its zip.
        concurrency: how many may run at once, reserved for it; None for the account's common pool.
    """

    shared: Shared
    folder: str
    timeout: int | None = None
    uses: Sequence[Access] = ()
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    statements: Sequence[pulumi.Input[Statement]] = ()
    data: Sequence[str] = ()
    concurrency: int | None = None


class LambdaFunction(pulumi.ComponentResource):
    """A Lambda function from a folder below functions/.

    Attributes:
        paths: rules of the security groups, which must exist before the code can reach what it uses.
    """

    folder: str
    function: aws.lambda_.Function
    function_name: pulumi.Output[str]
    arn: pulumi.Output[str]
    invoke_arn: pulumi.Output[str]
    timeout: int
    paths: list[pulumi.Resource]

    def __init__(self, name: str, args: LambdaFunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:function:LambdaFunction", name, None, opts)
        self._name, self._args = name, args
        self._placement = next((use.placement for use in args.uses if use.placement is not None), None)
        self.timeout = args.shared.config.api_timeout if args.timeout is None else args.timeout
        config, names = args.shared.config, args.shared.names
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=names.function_log_group(args.folder),
            retention_in_days=config.log_retention_days,
            opts=pulumi.ResourceOptions(parent=self),
        )
        role, policy = self._role(logs)
        self.paths = []
        placement, network = self._placement, self._network()
        package = packaging.build(
            args.folder,
            architecture=config.architecture,
            runtime=config.runtime,
            data=[*args.data, *(path for use in args.uses for path in use.data)],
            host=config.packages_for == "host",
        )
        self.function = aws.lambda_.Function(
            f"{name}-function",
            name=names.function(args.folder),
            role=role.arn,
            code=pulumi.FileArchive(str(package)),
            source_code_hash=base64.b64encode(hashlib.sha256(package.read_bytes()).digest()).decode(),
            handler=_HANDLER.format(folder=args.folder),
            runtime=config.runtime,
            architectures=[config.architecture],
            memory_size=config.function_memory,
            timeout=self.timeout,
            reserved_concurrent_executions=args.concurrency,
            environment=aws.lambda_.FunctionEnvironmentArgs(variables=self._environment()),
            vpc_config=network,
            # Frees the function's own security group at once when it is deleted.
            replace_security_groups_on_destroy=True if placement else None,
            replacement_security_group_ids=[placement.spare_security_group_id] if placement else None,
            tracing_config=aws.lambda_.FunctionTracingConfigArgs(mode="Active" if config.tracing else "PassThrough"),
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(
                log_format="JSON",
                log_group=logs.name,
                # Not above INFO: metrics are log lines without a level, which Lambda takes for INFO.
                application_log_level="DEBUG" if config.log_level == "DEBUG" else "INFO",
                system_log_level="INFO",
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy, *self.paths]),
        )
        raise_alarms(function_health(name, names.function(args.folder)), shared=args.shared, parent=self)
        self.folder = args.folder
        self.function_name, self.arn = self.function.name, self.function.arn
        self.invoke_arn = self.function.invoke_arn
        self.register_outputs({"function_name": self.function_name, "arn": self.arn})

    def _environment(self) -> dict[str, pulumi.Input[str]]:
        environment: dict[str, pulumi.Input[str]] = {
            "POWERTOOLS_SERVICE_NAME": self._args.folder,
            "POWERTOOLS_LOG_LEVEL": self._args.shared.config.log_level,
            "POWERTOOLS_METRICS_NAMESPACE": METRICS,
        }
        for use in self._args.uses:
            environment.update(use.environment)
        environment.update(self._args.environment)
        return environment

    def _role(self, logs: aws.cloudwatch.LogGroup) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        name, args, child = self._name, self._args, pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-role",
            name=args.shared.names.role(args.folder),
            description=f"Lambda function {args.shared.names.function(args.folder)}",
            assume_role_policy=policies.trust(["lambda.amazonaws.com"]),
            opts=child,
        )
        own = args.shared.place.arn("lambda", f"function:{args.shared.names.function(args.folder)}")
        wanted: list[pulumi.Input[Statement]] = [logs.arn.apply(policies.write_logs), *args.statements]
        if args.shared.config.tracing:
            wanted.append(policies.trace())
        for use in args.uses:
            wanted += use.statements
        attach = own.apply(policies.attach_to_network) if self._placement is not None else pulumi.Output.from_input([])
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            name="function",
            role=role.name,
            policy=pulumi.Output.all(attach, *wanted).apply(lambda all_: policies.document([*all_[1:], *all_[0]])),
            opts=child,
        )
        return role, policy

    def _network(self) -> aws.lambda_.FunctionVpcConfigArgs | None:
        name, args, placement = self._name, self._args, self._placement
        if placement is None:
            return None
        group = security_group(
            args.shared.names.named(args.folder),
            f"Lambda function {args.shared.names.function(args.folder)}",
            placement.vpc_id,
            logical=f"{name}-group",
            parent=self,
        )
        for use in args.uses:
            for reach in use.reaches:
                self.paths += open_path(name, f"function {args.folder}", group.id, reach, parent=self)
        return aws.lambda_.FunctionVpcConfigArgs(subnet_ids=placement.subnet_ids, security_group_ids=[group.id])
