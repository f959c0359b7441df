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
from infra.heartbeat import Heartbeat, HeartbeatArgs
from infra.identity import Identity
from infra.mail import Mail, MailArgs
from infra.migrations import Migrations, MigrationsArgs
from infra.network import Network, NetworkArgs
from infra.outputs import System, outputs
from infra.pipe import EventPipe, EventPipeArgs
from infra.place import find_place, provider_of
from infra.pruning import Pruning, PruningArgs
from infra.reconciling import Reconciling, ReconcilingArgs
from infra.shared import Shared
from infra.survey import survey

ROOT = Path(__file__).parent

config, names = read(ROOT)
provider = provider_of(config, names)
here = pulumi.ResourceOptions(providers=[provider])
place, found = find_place(config, names, provider), survey(config, names, provider)

# Around the flow
Identity("identity", names, here)
key = TopicKey("topic-key", TopicKeyArgs(names=names, place=place), here)
alarms = AlarmTopic(
    "alarms",
    AlarmTopicArgs(names=names, place=place, key_arn=key.arn, email=config.alarm_email, tls=config.messages_tls),
    here,
)
shared = Shared(config, names, place, alarms.arn)
account = AccountSettings("account", AccountSettingsArgs(shared=shared, survey=found), here)
network = Network("network", NetworkArgs(shared=shared), here)

# POST and PATCH ─► Aurora ─► DMS ─► Kinesis
database = Database("database", DatabaseArgs(shared=shared, network=network), here)
migrations = Migrations("migrate", MigrationsArgs(shared=shared, network=network, database=database, root=ROOT), here)
writing = {"IDEMPOTENCY_HOURS": str(config.idempotency_hours)}
place_order, administer = (
    LambdaFunction(
        folder.replace("_", "-"),
        LambdaFunctionArgs(
            shared=shared,
            folder=folder,
            uses=[database.access(role)],
            environment=writing,
            concurrency=concurrency or None,
        ),
        here,
    )
    for folder, role, concurrency in (
        ("place_order", "app", config.place_order_concurrency),
        ("administer", "administrator", config.administer_concurrency),
    )
)
bus = Bus("bus", BusArgs(shared=shared, key_arn=key.arn), here)
capture = ChangeCapture(
    "capture",
    ChangeCaptureArgs(
        shared=shared, account=account, network=network, database=database, migrations=migrations, bus=bus
    ),
    here,
)

pruning = Pruning("prune-outbox", PruningArgs(shared=shared, database=database, after=[capture.task]), here)

# Kinesis ─► pipe ─► SNS ─► SQS ─► project_clients ─► ElastiCache ─► GET /clients/{id}
cache = Cache("cache", CacheArgs(shared=shared, network=network), here)
project_clients = Consumer(
    "project-clients",
    ConsumerArgs(
        shared=shared,
        folder="project_clients",
        topic_arn=bus.topic.arn,
        event_types=[
            "orders.OrderPlaced.v1",
            "orders.ClientRegistered.v1",
            "orders.ClientChanged.v1",
            "orders.Heartbeat.v1",
        ],
        uses=[cache.access("writer")],
        lag_metric="ProjectionLag",
    ),
    here,
)
consumers = [project_clients]
mail = None if config.mail_sender is None else Mail("mail", MailArgs(shared=shared, sender=config.mail_sender), here)
if mail is not None:
    consumers.append(
        Consumer(
            "notify-client",
            ConsumerArgs(
                shared=shared,
                folder="notify_client",
                topic_arn=bus.topic.arn,
                event_types=["orders.OrderPlaced.v1"],
                uses=[mail.access()],
                lag_metric="NotificationLag",
                concurrency=config.mail_concurrency,
            ),
            here,
        )
    )
pipe = EventPipe("pipe", EventPipeArgs(shared=shared, bus=bus, consumers=consumers, after=[migrations.done]), here)
reconciling = Reconciling(
    "reconcile", ReconcilingArgs(shared=shared, database=database, cache=cache, after=[pipe.pipe]), here
)
heartbeat = Heartbeat(
    "heartbeat", HeartbeatArgs(shared=shared, database=database, cache=cache, after=[capture.task, pipe.pipe]), here
)
inspect_stores = LambdaFunction(
    "inspect-stores",
    LambdaFunctionArgs(
        shared=shared,
        folder="inspect_stores",
        timeout=30,
        uses=[database.access("operator"), cache.access("inspector")],
    ),
    here,
)
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
    Route("POST", "/clients", administer),
    Route("PATCH", "/clients/{id}", administer),
    Route("POST", "/products", administer),
    Route("PATCH", "/products/{id}", administer),
    Route("GET", "/clients/{id}", get_client),
    Route("GET", "/clients/{id}/orders", list_orders),
]
api = Api(
    "api", ApiArgs(shared=shared, routes=routes, authorizer=authorize, credentials=credentials, account=account), here
)

functions = [
    migrations.function,
    place_order,
    administer,
    get_client,
    list_orders,
    authorize,
    pruning.function,
    reconciling.function,
    heartbeat.function,
    inspect_stores,
    *(each.function for each in consumers),
]
schedules = [pruning.schedule, reconciling.schedule, heartbeat.schedule]
dashboard = Dashboard(
    "dashboard",
    DashboardArgs(shared=shared, functions=functions, consumers=consumers, schedules=schedules),
    here,
)
system = System(
    shared, api, credentials, database, capture, bus, pipe, consumers, cache, functions, schedules, dashboard, mail
)
for name, value in outputs(system).items():
    pulumi.export(name, value)
