"""CQRS on AWS: orders go into Aurora, events come out of its log, clients are read from ElastiCache."""

from pathlib import Path

import pulumi

from infra.account import AccountSettings, AccountSettingsArgs
from infra.alarms import AlarmTopic, AlarmTopicArgs
from infra.api import Api, ApiArgs, Route
from infra.bus import Bus, BusArgs
from infra.cache import Cache, CacheArgs
from infra.capture import ChangeCapture, ChangeCaptureArgs
from infra.config import read
from infra.consumer import Consumer, ConsumerArgs
from infra.credentials import Credentials, CredentialsArgs
from infra.dashboard import Dashboard, DashboardArgs
from infra.database import Database, DatabaseArgs
from infra.encryption import TopicKey, TopicKeyArgs
from infra.function import LambdaFunction, LambdaFunctionArgs
from infra.migrations import Migrations, MigrationsArgs
from infra.network import Network, NetworkArgs
from infra.outputs import System, outputs
from infra.pipe import EventPipe, EventPipeArgs
from infra.place import find_place, provider_of
from infra.shared import Shared

ROOT = Path(__file__).parent

config, names = read()
provider = provider_of(config, names)
here = pulumi.ResourceOptions(providers=[provider])
place = find_place(config, provider)

# Around the flow
key = TopicKey("topic-key", TopicKeyArgs(names=names, place=place), here)
alarms = AlarmTopic("alarms", AlarmTopicArgs(names=names, place=place, key_arn=key.arn, email=config.alarm_email), here)
shared = Shared(config, names, place, alarms.arn)
account = AccountSettings("account", AccountSettingsArgs(shared=shared), here)
network = Network("network", NetworkArgs(shared=shared), here)

# POST /orders ─► Aurora ─► DMS ─► Kinesis
database = Database("database", DatabaseArgs(shared=shared, network=network), here)
migrations = Migrations("migrate", MigrationsArgs(shared=shared, network=network, database=database, root=ROOT), here)
place_order = LambdaFunction(
    "place-order",
    LambdaFunctionArgs(
        shared=shared,
        folder="place_order",
        uses=[database.access("app")],
        environment={"IDEMPOTENCY_HOURS": str(config.idempotency_hours)},
        concurrency=config.place_order_concurrency or None,
    ),
    here,
)
bus = Bus("bus", BusArgs(shared=shared, key_arn=key.arn), here)
capture = ChangeCapture(
    "capture",
    ChangeCaptureArgs(
        shared=shared, account=account, network=network, database=database, migrations=migrations, bus=bus
    ),
    here,
)

# Kinesis ─► pipe ─► SNS ─► SQS ─► project_clients ─► ElastiCache ─► GET /clients/{id}
cache = Cache("cache", CacheArgs(shared=shared, network=network), here)
project_clients = Consumer(
    "project-clients",
    ConsumerArgs(
        shared=shared,
        folder="project_clients",
        topic_arn=bus.topic.arn,
        event_types=["orders.OrderPlaced.v1"],
        uses=[cache.access("writer")],
        lag_metric="ProjectionLag",
    ),
    here,
)
consumers = [project_clients]
pipe = EventPipe("pipe", EventPipeArgs(shared=shared, bus=bus, consumers=consumers), here)
reading = {"READ_WAIT_MS": str(config.read_wait_ms)}
get_client, list_orders = (
    LambdaFunction(
        folder.replace("_", "-"),
        LambdaFunctionArgs(shared=shared, folder=folder, uses=[cache.access("reader")], environment=reading),
        here,
    )
    for folder in ("get_client", "list_orders")
)

# The way in
credentials = Credentials("credentials", CredentialsArgs(shared=shared), here)
authorize = LambdaFunction(
    "authorize", LambdaFunctionArgs(shared=shared, folder="authorize", uses=[credentials.access()]), here
)
routes = [
    Route("POST", "/orders", place_order),
    Route("GET", "/clients/{id}", get_client),
    Route("GET", "/clients/{id}/orders", list_orders),
]
api = Api(
    "api", ApiArgs(shared=shared, routes=routes, authorizer=authorize, credentials=credentials, account=account), here
)

dashboard = Dashboard("dashboard", DashboardArgs(shared=shared), here)
functions = [migrations.function, place_order, get_client, list_orders, authorize, project_clients.function]
system = System(shared, api, credentials, database, capture, bus, pipe, consumers, cache, functions, dashboard)
for name, value in outputs(system).items():
    pulumi.export(name, value)
