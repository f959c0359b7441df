"""Bodies of requests: from bytes on the wire to a model's values.

Refused, each with a problem document: 413 a body beyond 32 KiB, 415 another media type than JSON, 400 what is not
JSON text in UTF-8 (also NaN, a name given twice in an object, integers of thousands of digits, nesting without end),
422 JSON of another shape than the model's, with one error for each field.

Numbers with a point or an exponent are Decimals, so that no amount ever is a float.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from functions.common.gateway import Request
from functions.common.problems import FieldError, Problem

MAX_BYTES = 32 * 1024
MAX_ERRORS = 20
MAX_PATH_PART = 64

Refuse = Callable[[list[FieldError]], Problem]


class Body(BaseModel):
    """A JSON object: strict, so that 1.0, "1" and true are no integer, and without members that nobody knows."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


Model = TypeVar("Model", bound=Body)


def read_body(request: Request, model: type[Model], invalid: Refuse) -> Model:
    """The request's body as a `model`.

    Raises Problem as the module says; `invalid` makes the 422 from what is wrong with the fields.
    """
    text = _text(request)
    _require_json(request.headers.get("content-type", ""))
    try:
        return model.model_validate(_parse(text))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        errors = [FieldError(_path(item["loc"]), _sentence(item["type"], item["msg"])) for item in found[:MAX_ERRORS]]
        raise invalid(errors) from None


def _text(request: Request) -> str:
    if not request.body:
        _malformed("The request has no body; send a JSON object.")
    # Base64 is a third longer: what is too long even so is not decoded at all.
    if len(request.body) > MAX_BYTES * 2:
        _too_large()
    try:
        raw = base64.b64decode(request.body, validate=True) if request.is_base64 else request.body.encode()
        text = raw.decode()
    except UnicodeError:
        _malformed("The body is not UTF-8 text.")
    except ValueError:
        _malformed("The body is marked as base64 and is not.")
    if len(raw) > MAX_BYTES:
        _too_large()
    return text


def _require_json(content_type: str) -> None:
    # API Gateway itself takes a missing type for application/json.
    media_type, _, parameters = content_type.lower().partition(";")
    media_type = media_type.strip()
    is_json = media_type in ("", "application/json") or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )
    charset = next(
        (
            value.strip(' "')
            for name, _, value in (part.partition("=") for part in parameters.split(";"))
            if name.strip() == "charset"
        ),
        "utf-8",
    )
    if not is_json or charset not in ("utf-8", "utf8", "us-ascii"):
        detail = "Send the body as application/json in UTF-8."
        raise Problem(
            415, "unsupported-media-type", "Unsupported media type", detail, headers={"Accept": "application/json"}
        )


def _parse(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except RecursionError:
        _malformed("The body's JSON is nested too deeply.")
    except ValueError as error:  # JSONDecodeError is one; so are an integer of over 4,300 digits and our own two
        where = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        _malformed(f"The body is not JSON{where}: {reason[:1].upper()}{reason[1:]}.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object has the same name twice")
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _decimal(literal: str) -> Decimal:
    try:
        return Decimal(literal)
    except InvalidOperation:  # an exponent that even a Decimal cannot hold; it is out of every bound
        return Decimal("Infinity")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_decimal)


def _path(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Where in the body; a name that the client made up is cut off."""
    return tuple(part if isinstance(part, int) else part[:MAX_PATH_PART] for part in location)


def _sentence(kind: str, message: str) -> str:
    if kind == "model_type":  # pydantic's own message names a Python class
        return "Input should be a JSON object."
    message = message.removeprefix("Value error, ")
    return f"{message[:1].upper()}{message[1:]}."


def _malformed(detail: str) -> NoReturn:
    raise Problem(400, "malformed-body", "Malformed body", detail)


def _too_large() -> NoReturn:
    raise Problem(413, "body-too-large", "Body too large", f"The body may have at most {MAX_BYTES} bytes.")
