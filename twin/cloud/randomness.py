"""The `random` provider: drawn once, then kept in the state."""

from __future__ import annotations

import base64
import secrets
import string
import uuid
from collections.abc import Iterator

from twin.cloud.context import Context
from twin.cloud.errors import InputError
from twin.cloud.kind import Inputs, Kind, Made, Problem, Request, Unknown

SPECIAL = "!@#$%&*()-_=+[]{}<>:?"


def draw(inputs: Inputs, owner: str) -> str:
    """Draw a text as `random_string` does: a length, classes of characters, and a least number of each.

    Raises:
        InputError: no class is allowed, or the least numbers do not fit into the length.
    """
    classes = {
        "lower": string.ascii_lowercase,
        "upper": string.ascii_uppercase,
        "numeric": string.digits,
        "special": str(inputs.get("overrideSpecial") or SPECIAL),
    }
    allowed = {name: letters for name, letters in classes.items() if inputs.get(name) is not False}
    required = [
        secrets.choice(letters)
        for name, letters in allowed.items()
        for _ in range(int(inputs.get(f"min{name.capitalize()}") or 0))
    ]
    length = int(inputs["length"])
    if not allowed or len(required) > length:
        raise InputError(f"{owner}: {length} characters cannot be drawn: too few are allowed, or too many required.")
    alphabet = "".join(allowed.values())
    drawn = required + [secrets.choice(alphabet) for _ in range(length - len(required))]
    secrets.SystemRandom().shuffle(drawn)
    return "".join(drawn)


def _text(at: Context, request: Request) -> Made:
    result = draw(request.inputs, f"{request.typ} {request.name!r}")
    # The id is not secret, so it is not the password.
    return Made(request.hex(16) if "Password" in request.typ else result, {**request.inputs, "result": result})


def _id(at: Context, request: Request) -> Made:
    content = secrets.token_bytes(int(request.inputs["byteLength"]))
    prefix = str(request.inputs.get("prefix") or "")
    url = base64.urlsafe_b64encode(content).decode().rstrip("=")
    results = {
        "hex": prefix + content.hex(),
        "dec": prefix + str(int.from_bytes(content)),
        "b64Std": prefix + base64.b64encode(content).decode(),
        "b64Url": prefix + url,
    }
    return Made(url, {**request.inputs, **results})


def _uuid(at: Context, request: Request) -> Made:
    result = str(uuid.uuid4())
    return Made(result, {**request.inputs, "result": result})


def _check_text(request: Request) -> Iterator[Problem]:
    try:
        if not any(isinstance(value, Unknown) for value in request.inputs.values()):
            draw(request.inputs, "length")
    except InputError as error:
        yield Problem("length", str(error).removeprefix("length: "))


def _integer(at: Context, request: Request) -> Made:
    low, high = int(request.inputs["min"]), int(request.inputs["max"])
    result = low + secrets.randbelow(high - low + 1)
    return Made(str(result), {**request.inputs, "result": result})


KINDS = (
    Kind(
        typ="random:index/randomPassword:RandomPassword",
        create=_text, check=_check_text, secret_outputs=frozenset({"result", "bcryptHash"}),
    ),
    Kind(typ="random:index/randomString:RandomString", create=_text, check=_check_text),
    Kind(typ="random:index/randomId:RandomId", create=_id),
    Kind(typ="random:index/randomUuid:RandomUuid", create=_uuid),
    Kind(typ="random:index/randomInteger:RandomInteger", create=_integer),
)  # fmt: skip
