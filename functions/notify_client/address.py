"""Addresses that SES can send to.

The text comes from whoever registered the client. SES wants ASCII on both sides, the domain in Punycode ("Email
format", Amazon SES Developer Guide), and takes a list or a display name where a plain address is meant: so only the
plain form passes (RFC 5321, dot-atom local part and host name).
"""

from __future__ import annotations

import re

_LONGEST, _LONGEST_LOCAL = 254, 64
_is_local = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII).fullmatch
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_is_domain = re.compile(rf"(?:{_LABEL}\.)+(?![0-9]+$){_LABEL}", re.ASCII).fullmatch


def deliverable(address: str) -> str | None:
    """The address as SES takes it; None if no mail can ever get there."""
    local, at, domain = address.rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    plain = f"{local}@{domain}"
    fits = len(plain) <= _LONGEST and len(local) <= _LONGEST_LOCAL
    return plain if at and fits and _is_local(local) and _is_domain(domain) else None
