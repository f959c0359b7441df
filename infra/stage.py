"""The API's one stage: access log, throttling, and the usage plan that every caller counts to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.alarms import Alarm, raise_alarms
from infra.config import Config
from infra.names import API_STAGE
from infra.shared import Shared

_ACCESS_LOG = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "ip": "$context.identity.sourceIp",
    "principal": "$context.authorizer.principalId",
    "latencyMs": "$context.responseLatency",
    "integrationMs": "$context.integrationLatency",
    "error": "$context.error.message",
}


@dataclass(frozen=True, kw_only=True)
class StageArgs:
    """What the stage is made of.

    Attributes:
        api_key: key that the authorizer names for every caller.
        log_role: what must exist before API Gateway may write logs.
    """

    shared: Shared
    rest_api: aws.apigateway.RestApi
    deployment: aws.apigateway.Deployment
    api_key: pulumi.Input[str]
    log_role: Sequence[pulumi.Resource]


class Stage(pulumi.ComponentResource):
    """The stage `prod` of the API.

    Attributes:
        url: ends with the stage, without a slash.
    """

    url: pulumi.Output[str]

    def __init__(self, name: str, args: StageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:api:Stage", name, None, opts)
        self._name, self._args, self._child = name, args, pulumi.ResourceOptions(parent=self)
        stage = self._stage()
        self._usage_plan(stage)
        raise_alarms(alarms(args.shared.config), shared=args.shared, parent=self)
        self.url = stage.invoke_url
        self.register_outputs({"url": self.url})

    def _stage(self) -> aws.apigateway.Stage:
        config = self._args.shared.config
        logs = aws.cloudwatch.LogGroup(
            f"{self._name}-logs",
            name=self._args.shared.names.api_log_group,
            retention_in_days=config.log_retention_days,
            opts=self._child,
        )
        stage = aws.apigateway.Stage(
            f"{self._name}-stage",
            rest_api=self._args.rest_api.id,
            deployment=self._args.deployment.id,
            stage_name=API_STAGE,
            access_log_settings=aws.apigateway.StageAccessLogSettingsArgs(
                destination_arn=logs.arn, format=json.dumps(_ACCESS_LOG)
            ),
            xray_tracing_enabled=config.tracing,
            opts=pulumi.ResourceOptions(parent=self, depends_on=self._args.log_role),
        )
        aws.apigateway.MethodSettings(
            f"{self._name}-settings",
            rest_api=self._args.rest_api.id,
            stage_name=stage.stage_name,
            method_path="*/*",
            settings=aws.apigateway.MethodSettingsSettingsArgs(
                # The metrics of the stage, which alarm and dashboard use, cost nothing; those of each method would.
                metrics_enabled=False,
                data_trace_enabled=False,
                logging_level="OFF",
                throttling_rate_limit=config.api_rate,
                throttling_burst_limit=config.api_burst,
            ),
            opts=self._child,
        )
        return stage

    def _usage_plan(self, stage: aws.apigateway.Stage) -> None:
        name, config = self._name, self._args.shared.config
        quota = (
            aws.apigateway.UsagePlanQuotaSettingsArgs(limit=config.api_daily_quota, period="DAY")
            if config.api_daily_quota
            else None
        )
        plan = aws.apigateway.UsagePlan(
            f"{name}-plan",
            name=self._args.shared.names.prefix,
            api_stages=[aws.apigateway.UsagePlanApiStageArgs(api_id=self._args.rest_api.id, stage=stage.stage_name)],
            throttle_settings=aws.apigateway.UsagePlanThrottleSettingsArgs(
                rate_limit=config.api_rate, burst_limit=config.api_burst
            ),
            quota_settings=quota,
            opts=self._child,
        )
        key = aws.apigateway.ApiKey(
            f"{name}-key",
            name=self._args.shared.names.prefix,
            value=self._args.api_key,
            opts=self._child,
        )
        aws.apigateway.UsagePlanKey(
            f"{name}-plan-key", key_id=key.id, key_type="API_KEY", usage_plan_id=plan.id, opts=self._child
        )


def alarms(config: Config) -> list[Alarm]:
    """Answers that are the system's fault. Source: "Amazon API Gateway dimensions and metrics"."""
    return [
        Alarm(
            name="api-faults",
            meaning="The API answers with 5xx: look at the functions' alarms, then at the access log.",
            namespace="AWS/ApiGateway",
            metric="5XXError",
            dimensions={"ApiName": config.api_name, "Stage": API_STAGE},
            statistic="Sum",
            period=300,
            threshold=1,
        )
    ]
