"""Identities and configuration sets of SES: real in the emulator, which keeps mail instead of sending it.

An identity is verified at once: there is nobody to click a link, and no DNS.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twin.cloud.context import Context, text
from twin.cloud.kind import Inputs, Kind, Made, Request, Resource, outputs
from twin.cloud.services import create_or_adopt, gone_is_fine, is_there

# Options of a configuration set, and the calls of sesv2 that change them.
OPTIONS = {
    "deliveryOptions": "put_configuration_set_delivery_options",
    "reputationOptions": "put_configuration_set_reputation_options",
    "sendingOptions": "put_configuration_set_sending_options",
    "suppressionOptions": "put_configuration_set_suppression_options",
}


def _classic(token: str, prop: str, verify: str) -> Kind:
    def create(at: Context, request: Request) -> Made:
        identity = text(request.inputs, prop)
        call: Callable[..., object] = getattr(at.client("ses"), verify)
        call(**({"Domain": identity} if verify == "verify_domain_identity" else {"EmailAddress": identity}))
        computed = {
            "arn": at.arn("ses", f"identity/{identity}"),
            "verifiedForSendingStatus": True,
            "verificationToken": request.hex(44),
        }
        return Made(identity, outputs(at, request.inputs, **computed))

    def delete(at: Context, resource: Resource) -> None:
        at.client("ses").delete_identity(Identity=resource.id)

    return Kind(typ=token, create=create, delete=delete, identity=frozenset({prop}))


def _create_identity(at: Context, request: Request) -> Made:
    identity, ses = text(request.inputs, "emailIdentity"), at.client("sesv2")
    create_or_adopt(lambda: ses.create_email_identity(EmailIdentity=identity))
    found = ses.get_email_identity(EmailIdentity=identity)
    dkim = {**(request.inputs.get("dkimSigningAttributes") or {}), "tokens": found["DkimAttributes"].get("Tokens", [])}
    computed = {
        "arn": at.arn("ses", f"identity/{identity}"),
        "identityType": found["IdentityType"],
        "verifiedForSendingStatus": True,
        "dkimSigningAttributes": dkim,
    }
    return Made(identity, outputs(at, request.inputs, **computed))


def _delete_identity(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        at.client("sesv2").delete_email_identity(EmailIdentity=resource.id)


def _identity_exists(at: Context, resource: Resource) -> bool:
    return is_there(lambda: at.client("sesv2").get_email_identity(EmailIdentity=resource.id))


def _create_set(at: Context, request: Request) -> Made:
    name, ses = text(request.inputs, "configurationSetName"), at.client("sesv2")
    create_or_adopt(lambda: ses.create_configuration_set(ConfigurationSetName=name))
    _put_options(ses, name, {}, request.inputs)
    return _made_set(at, request)


def _update_set(at: Context, old: Resource, request: Request) -> Made:
    _put_options(at.client("sesv2"), old.id, old.inputs, request.inputs)
    return _made_set(at, request)


def _put_options(ses: Any, name: str, old: Inputs, new: Inputs) -> None:
    for prop, call in OPTIONS.items():
        if old.get(prop) != new.get(prop):
            given = new.get(prop) or {}
            getattr(ses, call)(
                ConfigurationSetName=name, **{key[0].upper() + key[1:]: value for key, value in given.items()}
            )


def _made_set(at: Context, request: Request) -> Made:
    name = text(request.inputs, "configurationSetName")
    return Made(name, outputs(at, request.inputs, arn=at.arn("ses", f"configuration-set/{name}")))


def _delete_set(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        at.client("sesv2").delete_configuration_set(ConfigurationSetName=resource.id)


def _set_exists(at: Context, resource: Resource) -> bool:
    return is_there(lambda: at.client("sesv2").get_configuration_set(ConfigurationSetName=resource.id))


KINDS = (
    _classic("aws:ses/emailIdentity:EmailIdentity", "email", "verify_email_identity"),
    _classic("aws:ses/domainIdentity:DomainIdentity", "domain", "verify_domain_identity"),
    Kind(
        typ="aws:sesv2/emailIdentity:EmailIdentity",
        create=_create_identity, delete=_delete_identity, exists=_identity_exists,
        identity=frozenset({"emailIdentity"}),
    ),
    Kind(
        typ="aws:sesv2/configurationSet:ConfigurationSet",
        create=_create_set, update=_update_set, delete=_delete_set, exists=_set_exists,
        identity=frozenset({"configurationSetName"}),
    ),
)  # fmt: skip
