"""Identities of SES: verified at once in the emulator, which keeps mail instead of sending it."""

from __future__ import annotations

from collections.abc import Callable

from twin.cloud.context import Context, text
from twin.cloud.kind import Kind, Made, Request, Resource, outputs


def _identity(token: str, prop: str, verify: str) -> Kind:
    def create(at: Context, request: Request) -> Made:
        identity = text(request.inputs, prop)
        call: Callable[..., object] = getattr(at.client("ses"), verify)
        call(**({"Domain": identity} if verify == "verify_domain_identity" else {"EmailAddress": identity}))
        computed = {
            "arn": at.arn("ses", f"identity/{identity}"),
            "identityType": "EMAIL_ADDRESS" if "@" in identity else "DOMAIN",
            "verifiedForSendingStatus": True,
            "verificationToken": request.hex(44),
        }
        return Made(identity, outputs(at, request.inputs, **computed))

    def delete(at: Context, resource: Resource) -> None:
        at.client("ses").delete_identity(Identity=resource.id)

    return Kind(typ=token, create=create, delete=delete)


KINDS = (
    _identity("aws:ses/emailIdentity:EmailIdentity", "email", "verify_email_identity"),
    _identity("aws:ses/domainIdentity:DomainIdentity", "domain", "verify_domain_identity"),
    _identity("aws:sesv2/emailIdentity:EmailIdentity", "emailIdentity", "verify_email_identity"),
)
