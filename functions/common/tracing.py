"""The trace that ties a request to its event and to what the event brings about (W3C Trace Context, level 1).

A command takes the caller's `traceparent`, or the one that Lambda made for X-Ray, into its event; log lines name the
trace's id on both sides. X-Ray writes the same id with a "1-" in front and a dash after eight digits.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
_XRAY = re.compile(r"Root=1-([0-9a-f]{8})-([0-9a-f]{24});.*?Parent=([0-9a-f]{16})(?:;.*?Sampled=([01]))?", re.ASCII)


def current(header: str | None) -> str | None:
    """The traceparent of what is going on: that of a request's header if it is sound, else X-Ray's, else None."""
    if header is not None and _TRACEPARENT.fullmatch(header):
        return header
    xray = _XRAY.search(os.environ.get("_X_AMZN_TRACE_ID", ""))
    if xray is None:
        return None
    return f"00-{xray[1]}{xray[2]}-{xray[3]}-0{xray[4] or '0'}"


def trace_id(traceparent: str | None) -> str | None:
    """The trace's id, 32 hex digits; None for a traceparent that is none."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    return match[1] if match else None


def sampled(traceparents: Iterable[str | None], most: int) -> list[str]:
    """Ids of the traces that are sampled, each once, `most` at most; what is malformed is passed over."""
    found: dict[str, None] = {}
    for text in traceparents:
        # Cheap first: the lowest bit of the flags, which end the text.
        if text and text[-1] in "13579bdf" and (match := _TRACEPARENT.fullmatch(text)):
            found[match[1]] = None
            if len(found) == most:
                break
    return list(found)
