"""Basic credentials (RFC 7617): read from a header, and compared."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

MAX_HEADER = 2048

_basic = re.compile(r"[Bb][Aa][Ss][Ii][Cc] +([A-Za-z0-9+/]+={0,2})", re.ASCII).fullmatch
_has_control = re.compile(r"[\x00-\x1f\x7f]").search


@dataclass(frozen=True, repr=False)
class Credentials:
    """A user name and a password. Not in any repr, so in no log."""

    username: str
    password: str

    def same(self, other: Credentials) -> bool:
        """Whether both parts are equal, in a time that tells neither where nor which part differs.

        Equal means the same characters: no case, width or form of Unicode stands for another.
        """
        name = hmac.compare_digest(_digest(self.username), _digest(other.username))
        password = hmac.compare_digest(_digest(self.password), _digest(other.password))
        return name & password


def parse_basic(header: object) -> Credentials | None:
    """The credentials in an Authorization header, None for anything that is not well-formed.

    The scheme in any case, one space or more, and base64 of UTF-8 text with a colon. Control characters are in no
    credentials (RFC 7617, section 2).
    """
    if not isinstance(header, str) or len(header) > MAX_HEADER:
        return None
    matched = _basic(header.strip(" \t"))
    if matched is None:
        return None
    try:
        raw = base64.b64decode(matched[1], validate=True)
        username, colon, password = raw.decode().partition(":")
    except ValueError:  # of base64 and of UTF-8
        return None
    # Python decodes other spellings too (more padding, stray bits at the end); there is one for each text.
    if base64.b64encode(raw).decode() != matched[1]:
        return None
    if not colon or _has_control(username) or _has_control(password):
        return None
    return Credentials(username, password)


def _digest(text: str) -> bytes:
    """Of one length for every text, as compare_digest tells lengths apart."""
    return hashlib.sha256(text.encode()).digest()
