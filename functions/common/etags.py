"""Entity tags (RFC 9110, sections 8.8.3 and 13.1.2)."""

from __future__ import annotations

import hashlib
import re

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def version_tag(version: int) -> str:
    """The tag of a version."""
    return f'"{version}"'


def content_tag(text: str) -> str:
    """The tag of a text that can change while its version stays."""
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def matches(if_none_match: str | None, tag: str) -> bool:
    """Whether the header If-None-Match names this tag (compared weakly) or any ("*")."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or tag in _TAG.findall(if_none_match)
