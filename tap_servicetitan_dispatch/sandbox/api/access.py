"""Who may ask: access tokens, the app key, the tenant's number, scopes."""

import hmac
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from hashlib import blake2b
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Path, Request, Security
from fastapi.openapi.models import OAuthFlowClientCredentials, OAuthFlows
from fastapi.security import APIKeyHeader, OAuth2, SecurityScopes
from starlette.responses import Response

from tap_servicetitan_dispatch.sandbox.api.behaviour import Behaviour
from tap_servicetitan_dispatch.sandbox.api.problems import (
    UNMATCHED,
    BareProblem,
    Problem,
    json_response,
)
from tap_servicetitan_dispatch.sandbox.world.instants import SECOND
from tap_servicetitan_dispatch.sandbox.world.tenant import Tenant

CREDENTIALS: Mapping[str, str] = MappingProxyType(
    {
        "client_id": "cid.sandbox-not-a-real-client",
        "client_secret": "cs1.sandbox-not-a-real-secret",
        "app_key": "ak1.sandbox-not-a-real-app-key",
        "tenant_id": "1000000001",
    }
)


class Tokens:
    """The access tokens that were issued. They are signed, not kept.

    Attributes:
        credentials: What they are issued for.
    """

    def __init__(self, credentials: Mapping[str, str]) -> None:
        self.credentials = credentials
        self._generation = 0

    def _signature(self, text: str) -> str:
        key = self.credentials["client_secret"].encode()
        return blake2b(text.encode(), key=key, digest_size=16).hexdigest()

    def issue(self, now: int, lifetime: int) -> str:
        """Return an access token that is good for ``lifetime`` seconds."""
        claims = f"{now + lifetime * SECOND:x}-{self._generation:x}"
        return f"{claims}.{self._signature(claims)}"

    def is_good(self, token: str, now: int) -> bool:
        """Return whether the token was issued here, and neither expired nor was revoked."""
        claims, _, signature = token.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(claims).encode()):
            return False
        expires, generation = (int(claim, 16) for claim in claims.split("-"))
        return expires > now and generation >= self._generation

    def revoke(self) -> None:
        """Make every token that was issued so far a bad one."""
        self._generation += 1


async def tenant_of(request: Request) -> Tenant:
    """Return the tenant, brought up to the clock."""
    tenant: Tenant = request.app.state.tenant
    tenant.advance()
    return tenant


async def behaviour_of(request: Request) -> Behaviour:
    """Return how this sandbox behaves."""
    behaviour: Behaviour = request.app.state.behaviour
    return behaviour


async def tokens_of(request: Request) -> Tokens:
    """Return the tokens that this sandbox has issued."""
    tokens: Tokens = request.app.state.tokens
    return tokens


TenantNow = Annotated[Tenant, Depends(tenant_of)]
BehaviourNow = Annotated[Behaviour, Depends(behaviour_of)]
TokensNow = Annotated[Tokens, Depends(tokens_of)]

TOKEN_PATH = "/connect/token"  # noqa: S105 - a path
_oauth = OAuth2(
    flows=OAuthFlows(clientCredentials=OAuthFlowClientCredentials(tokenUrl=TOKEN_PATH)),
    auto_error=False,
)
_app_key = APIKeyHeader(name="ST-App-Key", auto_error=False)


async def _gate(
    scopes: SecurityScopes,
    tenant_id: Annotated[str, Path(alias="tenant", examples=[CREDENTIALS["tenant_id"]])],
    authorization: Annotated[str | None, Depends(_oauth)],
    app_key: Annotated[str | None, Depends(_app_key)],
    tenant: TenantNow,
    behaviour: BehaviourNow,
    tokens: TokensNow,
) -> None:
    if tenant_id != tokens.credentials["tenant_id"]:
        raise BareProblem(UNMATCHED, HTTPStatus.NOT_FOUND)
    kind, _, token = (authorization or "").partition(" ")
    if kind.lower() != "bearer" or not tokens.is_good(token, tenant.now):
        raise Problem(HTTPStatus.UNAUTHORIZED, "The access token is missing, wrong or expired.")
    if app_key != tokens.credentials["app_key"]:
        status = HTTPStatus(behaviour.bad_app_key_status)
        if status is HTTPStatus.NOT_FOUND:
            raise BareProblem(UNMATCHED, status)
        raise Problem(status, "The application key is missing or not known.")
    for scope in scopes.scopes:
        if scope in behaviour.missing_scopes:
            raise Problem(HTTPStatus.FORBIDDEN, f"Scope validation failed: {scope} is not granted.")


def needs(scope: str) -> list[Any]:
    """Return the dependencies of an operation that needs a scope (``zones:r``)."""
    return [Security(_gate, scopes=[f"tn.dis.{scope}"])]


router = APIRouter(tags=["Authentication"])

_TOKEN_REQUEST = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type", "client_id", "client_secret"],
                    "properties": {
                        "grant_type": {"type": "string", "const": "client_credentials"},
                        "client_id": {"type": "string"},
                        "client_secret": {"type": "string"},
                    },
                }
            }
        },
    }
}


@router.post(TOKEN_PATH, openapi_extra=_TOKEN_REQUEST)
async def access_token(
    request: Request, tenant: TenantNow, behaviour: BehaviourNow, tokens: TokensNow
) -> Response:
    """Exchange client id and secret for an access token."""
    form = dict(parse_qsl((await request.body()).decode("latin-1"), keep_blank_values=True))
    form |= _basic(request.headers.get("Authorization", ""))
    if form.get("grant_type") != "client_credentials":
        return json_response({"error": "unsupported_grant_type"}, HTTPStatus.BAD_REQUEST)
    if any(form.get(name) != tokens.credentials[name] for name in ("client_id", "client_secret")):
        return json_response({"error": "invalid_client"}, HTTPStatus.BAD_REQUEST)
    return json_response(
        {
            "access_token": tokens.issue(tenant.now, behaviour.token_lifetime),
            "expires_in": behaviour.token_lifetime,
            "token_type": "Bearer",
            "scope": " ".join(sorted(request.app.state.granted)),
        }
    )


def _basic(authorization: str) -> dict[str, str]:
    """Return the credentials of a Basic header, which is how the page at /docs sends them."""
    kind, _, encoded = authorization.partition(" ")
    try:
        client_id, colon, client_secret = b64decode(encoded).decode().partition(":")
    except (Base64Error, UnicodeDecodeError):
        return {}
    if kind.lower() != "basic" or not colon:
        return {}
    return {"client_id": client_id, "client_secret": client_secret}
