"""Who may call: access tokens, the app key, the tenant's id, scopes."""

import hmac
from base64 import b64decode
from binascii import Error as Base64Error
from collections import defaultdict, deque
from collections.abc import Callable
from hashlib import blake2b
from http import HTTPStatus
from itertools import count
from math import ceil
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
    too_many,
)
from tap_servicetitan_dispatch.sandbox.group import CREDENTIALS, Client, Group, Member
from tap_servicetitan_dispatch.sandbox.world.instants import SECOND
from tap_servicetitan_dispatch.sandbox.world.tenant import Tenant

_MINUTE = 60.0


class Tokens:
    """Issues access tokens and checks them. They are signed, not stored.

    Args:
        behaviour: Which tenants a token serves, how long it lasts, and how many are issued per
            minute.
        timer: Monotonic clock, in seconds.
    """

    def __init__(self, behaviour: Behaviour, timer: Callable[[], float]) -> None:
        self._behaviour = behaviour
        self._timer = timer
        self._number = count()
        self._revoked: dict[Client, int] = {}
        self._used_for: dict[int, Member] = {}
        self._issued_at: defaultdict[Client, deque[float]] = defaultdict(deque)

    def issue(self, client: Client, now: int) -> str:
        """Return an access token for a client.

        Raises:
            BareProblem: It has got its maximum number within a minute (429).
        """
        self._count(self._issued_at[client])
        expires = now + self._behaviour.token_lifetime * SECOND
        number = next(self._number)
        if self._behaviour.new_token == "revokes":  # noqa: S105 - no secret
            self._revoked[client] = number
        claims = f"{expires:x}-{number:x}"
        return f"{claims}.{_signature(client, claims)}"

    def _count(self, issued_at: deque[float]) -> None:
        limit, now = self._behaviour.tokens_per_minute, self._timer()
        if limit is None:
            return
        while issued_at and issued_at[0] <= now - _MINUTE:
            issued_at.popleft()
        if len(issued_at) >= limit:
            wait = ceil(issued_at[0] + _MINUTE - now)
            raise BareProblem(too_many(wait), HTTPStatus.TOO_MANY_REQUESTS)
        issued_at.append(now)

    def is_valid(self, token: str, member: Member) -> bool:
        """Return whether a tenant takes a token; others may still take one that it does not."""
        claims, _, signature = token.partition(".")
        right = _signature(member.client, claims)
        if not hmac.compare_digest(signature.encode(), right.encode()):
            return False
        expires, number = (int(claim, 16) for claim in claims.split("-"))
        if expires <= member.now or number < self._revoked.get(member.client, 0):
            return False
        if self._behaviour.token_serves == "group":  # noqa: S105 - no secret
            return True
        return self._used_for.setdefault(number, member) is member

    def revoke(self, client: Client) -> None:
        """Revoke every token that was issued for a client so far."""
        self._revoked[client] = next(self._number)


def _signature(client: Client, text: str) -> str:
    id_, secret = client
    return blake2b(f"{id_} {text}".encode(), key=secret.encode(), digest_size=16).hexdigest()


async def group_of(request: Request) -> Group:
    """Return the tenants of this sandbox."""
    group: Group = request.app.state.group
    return group


GroupNow = Annotated[Group, Depends(group_of)]


async def member_of(
    request: Request,
    group: GroupNow,
    _tenant_id: Annotated[str, Path(alias="tenant", examples=[CREDENTIALS["tenant_id"]])],
) -> Member:
    """Return the tenant that a call names.

    Raises:
        BareProblem: There is none (404).
    """
    member = group.at(request.scope["path"])
    if member is None or member.access.refusal == "unknown":
        raise BareProblem(UNMATCHED, HTTPStatus.NOT_FOUND)
    return member


MemberNow = Annotated[Member, Depends(member_of)]


async def tenant_of(member: MemberNow) -> Tenant:
    """Return the world of a call's tenant, brought up to the clock."""
    tenant = member.world
    tenant.advance()
    return tenant


async def behaviour_of(request: Request) -> Behaviour:
    """Return how this sandbox behaves."""
    behaviour: Behaviour = request.app.state.behaviour
    return behaviour


async def tokens_of(request: Request) -> Tokens:
    """Return the issuer of this sandbox's tokens."""
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
_CAPACITY = "tn.dis.capacity:w"
_app_key = APIKeyHeader(name="ST-App-Key", auto_error=False)


async def _gate(
    scopes: SecurityScopes,
    authorization: Annotated[str | None, Depends(_oauth)],
    app_key: Annotated[str | None, Depends(_app_key)],
    member: MemberNow,
    behaviour: BehaviourNow,
    tokens: TokensNow,
) -> None:
    kind, _, token = (authorization or "").rpartition(" ")
    kinds = {"bearer"} if behaviour.bearer == "required" else {"bearer", ""}
    revoked = member.access.refusal == "revoked"
    if revoked or kind.lower() not in kinds or not tokens.is_valid(token, member):
        raise Problem(HTTPStatus.UNAUTHORIZED, "The access token is missing, wrong or expired.")
    if app_key != member.credentials["app_key"]:
        status = HTTPStatus(behaviour.bad_app_key_status)
        if status is HTTPStatus.NOT_FOUND:
            raise BareProblem(UNMATCHED, status)
        raise Problem(status, "The application key is missing or not known.")
    if member.access.refusal == "not_approved":
        raise Problem(HTTPStatus.FORBIDDEN, "The tenant has not approved the application.")
    for named in scopes.scopes:
        reads = named == _CAPACITY and behaviour.capacity_scope == "read"
        scope = f"{named[:-1]}r" if reads else named
        if scope in behaviour.missing_scopes | member.access.missing_scopes:
            said = "Scope validation failed" if behaviour.scope_text == "seen" else "Not allowed"
            raise Problem(HTTPStatus.FORBIDDEN, f"{said}: {scope} is not granted.")


def needs(scope: str) -> list[Any]:
    """Return the dependencies of an operation that needs a scope (`zones:r`)."""
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
    request: Request, group: GroupNow, behaviour: BehaviourNow, tokens: TokensNow
) -> Response:
    """Exchange client id and secret for an access token."""
    form = dict(parse_qsl((await request.body()).decode("latin-1"), keep_blank_values=True))
    form |= _basic(request.headers.get("Authorization", ""))
    if form.get("grant_type") != "client_credentials":
        return json_response({"error": "unsupported_grant_type"}, HTTPStatus.BAD_REQUEST)
    client = (form.get("client_id", ""), form.get("client_secret", ""))
    if client not in {one.client for one in group.values() if one.access.refusal != "revoked"}:
        return json_response({"error": "invalid_client"}, HTTPStatus.BAD_REQUEST)
    lifetime = behaviour.token_lifetime
    said: dict[str, dict[str, object]] = {
        "number": {"expires_in": lifetime},
        "text": {"expires_in": str(lifetime)},
    }
    return json_response(
        {
            "access_token": tokens.issue(client, group.now),
            **said.get(behaviour.token_says, {}),
            "token_type": "Bearer",
            "scope": " ".join(sorted(request.app.state.granted)),
        }
    )


def _basic(authorization: str) -> dict[str, str]:
    """Return the credentials of a Basic header, as the page at /docs sends them."""
    kind, _, encoded = authorization.partition(" ")
    try:
        client_id, colon, client_secret = b64decode(encoded).decode().partition(":")
    except (Base64Error, UnicodeDecodeError):
        return {}
    if kind.lower() != "basic" or not colon:
        return {}
    return {"client_id": client_id, "client_secret": client_secret}
