"""The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), for a front that logs in to the server behind it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets


class Scram:
    """One exchange: `first()`, then `final(server_first)`. Channel binding is not used: the way is plain loopback."""

    def __init__(self, password: str) -> None:
        self._password = password.encode()
        # PostgreSQL takes the user from its start-up message and ignores the one here.
        self._bare = f"n=,r={secrets.token_hex(16)}"

    def first(self) -> bytes:
        """client-first-message."""
        return f"n,,{self._bare}".encode()

    def final(self, server_first: bytes) -> bytes:
        """client-final-message with the proof that the password is known."""
        fields = dict(part.split("=", 1) for part in server_first.decode().split(","))
        salted = hashlib.pbkdf2_hmac("sha256", self._password, base64.b64decode(fields["s"]), int(fields["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        without_proof = f"c=biws,r={fields['r']}"
        signed = ",".join([self._bare, server_first.decode(), without_proof]).encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
        proof = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()
