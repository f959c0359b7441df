"""The cache's users, with the rules of the program, try every command that the server has, and other keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from infra.cache import _PERMISSIONS, CacheRole
from twin.servers.valkey import ValkeyServer

PASSWORD = "password"
ROLES: tuple[CacheRole, ...] = ("reader", "writer", "operator", "inspector")


@pytest.fixture
def users(valkey: ValkeyServer, cache: redis.Redis) -> Iterator[dict[str, redis.Redis]]:
    """A client for each user; the rules are those of the program, and the password stands in for IAM's token."""
    clients: dict[str, redis.Redis] = {}
    execute: Any = cache.execute_command
    for role in ROLES:
        execute("ACL", "SETUSER", role, "reset", f">{PASSWORD}", *_PERMISSIONS[role].split())
        clients[role] = redis.Redis(host=valkey.host, port=valkey.port, username=role, password=PASSWORD)
    cache.hset("client:{1}", "version", "1")
    cache.set("other", "secret")
    yield clients
    for name, client in clients.items():
        client.close()
        cache.acl_deluser(name)


def _refused(client: redis.Redis, *command: Any) -> bool:
    execute: Any = client.execute_command
    try:
        execute(*command)
    except redis.exceptions.NoPermissionError:
        return True
    except redis.exceptions.ResponseError as error:
        # DEBUG is off for everybody.
        return any(reason in str(error) for reason in ("NOPERM", "ACL failure", "command not allowed"))
    return False


def _may_run(cache: redis.Redis, user: str, *command: str) -> bool:
    """Whether the user may, asked of the server, which does not run it."""
    execute: Any = cache.execute_command
    return bool(execute("ACL", "DRYRUN", user, *command) in (b"OK", "OK"))


# Categories of which no command may be run, by user.
FORBIDDEN = {"reader": ("write", "dangerous", "admin", "scripting", "transaction", "pubsub", "blocking"),
             "inspector": ("write", "dangerous", "admin", "scripting", "transaction", "pubsub", "blocking"),
             "writer": ("dangerous", "admin", "pubsub"), "operator": ("dangerous", "admin", "pubsub")}  # fmt: skip
# Those of them that only wait for what is there, in the caller's own connection, or tell of the server.
HARMLESS = {
    "reader": {"wait", "waitaof", "xread"},
    "writer": set[str](),
    "operator": {"info"},
    "inspector": {"info", "wait", "waitaof"},
}


@pytest.mark.parametrize("role", ROLES)
def test_no_command_of_a_forbidden_kind_may_be_run(cache: redis.Redis, users: object, role: str) -> None:
    execute: Any = cache.execute_command
    listed = {str(rule) for rule in str(dict(execute("ACL", "GETUSER", role)).get("commands", "")).split()}
    assert "-@all" in listed
    found = set()
    for category in FORBIDDEN[role]:
        for name in execute("ACL", "CAT", category):
            command = str(name).replace("|", " ").split()
            filled = [*command, "client:{1}", "0", "0", "0"]
            if any(_may_run(cache, role, *filled[:length]) for length in range(len(command), len(filled) + 1)
                   if _takes(cache, role, filled[:length])):  # fmt: skip
                found.add(" ".join(command))
    assert found == HARMLESS[role]


def _takes(cache: redis.Redis, role: str, command: list[str]) -> bool:
    """Whether the command has this number of arguments; the server tells before it looks at rights."""
    try:
        _may_run(cache, role, *command)
    except redis.exceptions.ResponseError:
        return False
    return True


ATTACKS = [
    ("FLUSHALL",), ("FLUSHDB",), ("CONFIG", "GET", "*"), ("CONFIG", "SET", "dir", "/tmp"), ("DEBUG", "SLEEP", "0"),
    ("KEYS", "*"), ("SHUTDOWN", "NOSAVE"), ("SAVE",), ("BGSAVE",), ("REPLICAOF", "127.0.0.1", "1"), ("ACL", "LIST"),
    ("ACL", "SETUSER", "x", "on", "nopass", "+@all"), ("ACL", "GETUSER", "writer"), ("CLIENT", "LIST"),
    ("CLIENT", "KILL", "TYPE", "normal"), ("MONITOR",), ("MODULE", "LIST"), ("SCRIPT", "KILL"), ("MIGRATE", "h", "1",
    "k", "0", "1"), ("RESTORE", "client:{9}", "0", "x"), ("SORT", "client:{1}", "BY", "other"), ("SWAPDB", "0", "1"),
    ("GET", "other"), ("SET", "other", "1"), ("DEL", "other"), ("RENAME", "other", "client:{9}"), ("RENAME",
    "client:{1}", "other"), ("COPY", "other", "client:{9}"), ("HSET", "clients", "a", "1"), ("SUBSCRIBE", "x"),
    ("PUBLISH", "x", "y"), ("INFO",), ("ROLE",), ("LATENCY", "LATEST"), ("SLOWLOG", "GET"), ("OBJECT", "FREQ", "other"),
    ("BITOP", "OR", "client:{9}", "other", "other"), ("SUNIONSTORE", "client:{9}", "other"), ("SCAN", "0"),
]  # fmt: skip
READERS_OWN = [
    ("HSET", "client:{1}", "version", "9"), ("DEL", "client:{1}"), ("EXPIRE", "client:{1}", "1"),
    ("EVAL", "return 1", "0"), ("EVALSHA", "x", "0"), ("SCRIPT", "LOAD", "return 1"), ("MULTI",),
    ("SET", "client:{2}", "x"), ("FCALL", "f", "0"), ("FUNCTION", "LIST"), ("GETDEL", "client:{1}"),
    ("GETEX", "client:{1}", "EX", "1"), ("HGET", "reconcile", "a"),
]  # fmt: skip
# The keys of the read model have to be found to be compared, and no rule of the server limits what SCAN finds. Who may
# run scripts may end one that runs too long.
# The inspector is there to ask how the server is, and the operator looks whether there is room for another generation.
KNOWN = {
    "reader": {("SCAN", "0")},
    "writer": {("SCAN", "0"), ("SCRIPT", "KILL")},
    "operator": {("SCAN", "0"), ("SCRIPT", "KILL"), ("INFO",)},
    "inspector": {("INFO",)},
}


@pytest.mark.parametrize("role", ROLES)
def test_what_a_user_must_not_do_is_refused(cache: redis.Redis, users: dict[str, redis.Redis], role: str) -> None:
    attempts = ATTACKS if role in ("writer", "operator") else ATTACKS + READERS_OWN
    got_through = {command for command in attempts if not _refused(users[role], *command)}
    assert got_through == KNOWN[role]
    assert cache.get("other") in (b"secret", "secret")


SCRIPTS = [
    "return redis.call('GET', 'other')", "return redis.call('FLUSHALL')", "return redis.call('CONFIG', 'GET', '*')",
    "return redis.call('KEYS', '*')", "return redis.call('SET', KEYS[1] or 'other', '1')",
    "return redis.call('ACL', 'WHOAMI')", "return redis.call('PUBLISH', 'x', 'y')",
]  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_has_the_rights_of_its_caller(cache: redis.Redis, users: dict[str, redis.Redis], script: str) -> None:
    execute: Any = users["writer"].execute_command
    with pytest.raises(redis.exceptions.ResponseError, match=r"(?i)acl|noperm|permission|can't access|not allowed"):
        execute("EVAL", script, 0)
    assert cache.get("other") in (b"secret", "secret")


LOGINS = [
    ("", ""),
    ("reader", ""),
    ("reader", "wrong"),
    ("READER", PASSWORD),
    ("reader\r\n", PASSWORD),
    ("x", PASSWORD),
]


def test_nobody_else_logs_in(valkey: ValkeyServer, users: dict[str, redis.Redis]) -> None:
    other = redis.Redis(host=valkey.host, port=valkey.port, retry=Retry(NoBackoff(), 0))
    execute: Any = other.execute_command
    for login in LOGINS:
        with pytest.raises(redis.exceptions.RedisError):
            execute("AUTH", *login)
    other.close()
