"""The body of POST /orders: from bytes on the wire to lines that can be ordered.

Refused, each with a problem document: 413 a body beyond 32 KiB, 415 another media type than JSON, 400 what is not JSON
text in UTF-8 (also NaN, a name given twice in an object, numbers of hundreds of digits, nesting without end),
422 JSON of another shape. A product that stands in two lines is refused and not merged: it is a client's mistake
more often than its wish, and it costs money.
"""

from __future__ import annotations

import base64
import json
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from functions.common.gateway import Request
from functions.common.problems import FieldError, Problem
from functions.place_order.command import MAX_ID, MAX_LINES, MAX_QUANTITY, Line

MAX_BYTES = 32 * 1024
MAX_ERRORS = 20
MAX_PATH_PART = 64


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ProductLine(_Strict):
    """One line; strict, so that 1.0, "1" and true are no quantity."""

    id_product: Annotated[int, Field(ge=1, le=MAX_ID)]
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)]


class OrderBody(_Strict):
    """The whole body."""

    id_client: Annotated[int, Field(ge=1, le=MAX_ID)]
    products: Annotated[list[ProductLine], Field(min_length=1, max_length=MAX_LINES)]


def read_body(request: Request) -> tuple[int, tuple[Line, ...]]:
    """The client's id and the lines; raises Problem as the module says."""
    text = _text(request)
    _require_json(request.headers.get("content-type", ""))
    try:
        body = OrderBody.model_validate(_parse(text))
    except ValidationError as error:
        raise invalid_order(
            [
                FieldError(_path(item["loc"]), _sentence(item["msg"]))
                for item in error.errors(include_url=False, include_context=False, include_input=False)[:MAX_ERRORS]
            ]
        ) from None
    lines = tuple(Line(line.id_product, line.quantity) for line in body.products)
    _refuse_repetition(lines)
    return body.id_client, lines


def invalid_order(errors: list[FieldError]) -> Problem:
    """422: JSON, but no order that can be placed."""
    return Problem(
        422, "invalid-order", "Invalid order", "The order cannot be placed as it stands; see errors.", errors
    )


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
        detail = "Send the order as application/json in UTF-8."
        raise Problem(
            415, "unsupported-media-type", "Unsupported media type", detail, headers={"Accept": "application/json"}
        )


def _parse(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError:
        _malformed("The body's JSON is nested too deeply.")
    except ValueError as error:  # JSONDecodeError is one; so are an integer of over 4,300 digits and our own two
        where = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        reason = error.msg if isinstance(error, json.JSONDecodeError) else _sentence(str(error))
        _malformed(f"The body is not JSON{where}: {reason.rstrip('.')}.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object has the same name twice")
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _refuse_repetition(lines: tuple[Line, ...]) -> None:
    first: dict[int, int] = {}
    errors = []
    for position, line in enumerate(lines):
        earlier = first.setdefault(line.id_product, position)
        if earlier != position:
            detail = f"Product {line.id_product} is already in products[{earlier}]; send one line for each product."
            errors.append(FieldError(("products", position, "id_product"), detail))
    if errors:
        raise invalid_order(errors[:MAX_ERRORS])


def _path(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Where in the body; a name that the client made up is cut off."""
    return tuple(part if isinstance(part, int) else part[:MAX_PATH_PART] for part in location)


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:] + ("" if message.endswith(".") else ".")


def _malformed(detail: str) -> NoReturn:
    raise Problem(400, "malformed-body", "Malformed body", detail)


def _too_large() -> NoReturn:
    raise Problem(413, "body-too-large", "Body too large", f"The body may have at most {MAX_BYTES} bytes.")
