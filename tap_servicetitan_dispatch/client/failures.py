"""The table of failures: symptom, meaning, and what the user should do.

An error that comes from a call of the API is an `ApiError` and carries its row of `FAILURES`.
`answers.py` finds the row; `errors.py` has the errors that do not come from a call.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any, Literal

from typing_extensions import override

from tap_servicetitan_dispatch.errors import Reach, TapError
from tap_servicetitan_dispatch.log.redaction import MOST_OF_A_PART, one_line, part


class Kind(StrEnum):
    """What went wrong, as a word."""

    REDIRECTED = auto()
    RATE_LIMITED = auto()
    NOT_NOW = auto()
    SERVER_ERROR = auto()
    MAINTENANCE = auto()
    PROXY_REFUSED = auto()
    INVALID_CLIENT = auto()
    TOKEN_REFUSED = auto()
    BAD_REQUEST = auto()
    UNAUTHORIZED = auto()
    MISSING_SCOPE = auto()
    FORBIDDEN = auto()
    UNMATCHED = auto()
    NOT_FOUND = auto()
    GONE = auto()
    CONFLICT = auto()
    UNEXPECTED_STATUS = auto()
    NOT_JSON = auto()
    BAD_VALUE = auto()
    TOO_LARGE = auto()
    BAD_ADDRESS = auto()
    BAD_BUNDLE = auto()
    NO_TLS = auto()
    UNTRUSTED = auto()
    TIMED_OUT = auto()
    CONNECTION_LOST = auto()
    NO_CONNECTION = auto()


@dataclass(frozen=True)
class Failure:
    """A row of the table.

    Attributes:
        symptom: How it looks on the wire.
        meaning: What happened.
        remedy: What the user should do.
        statuses: Its HTTP statuses; none if there is no (good) answer.
        text: Text that the body must contain too.
        from_token_endpoint: Whether only the token endpoint answers like this.
        retried: Whether waiting may help.
        reach: The most that it can make unreadable: the stream, its tenant, or everything. How far
            it reaches in a run depends on what else happened there.
        refuses: What the API refuses: a `scope` of the application, or the content of the
            `request`.
        knows_tenant: Whether the API answers like this only if it knows the tenant and the app key.
        remedy_of_one: What to do instead if other streams of the tenant could be read.
    """

    symptom: str
    meaning: str
    remedy: str
    statuses: Container[int] = ()
    text: str = ""
    from_token_endpoint: bool = False
    retried: bool = False
    reach: Reach = "stream"
    refuses: Literal["scope", "request"] | None = None
    knows_tenant: bool = False
    remedy_of_one: str = ""


FAILURES: Mapping[Kind, Failure] = {
    Kind.REDIRECTED: Failure(
        "3xx",
        "the server redirects elsewhere; the tap does not follow, because the credentials would "
        "go there too",
        "check api_url and auth_url, and any proxy on the way",
        statuses=range(300, 400),
    ),
    Kind.RATE_LIMITED: Failure(
        "429",
        "the API's rate limit is used up",
        "lower max_requests_per_second, or let fewer programs use this application at a time",
        statuses={429},
        retried=True,
        reach="tenant",
    ),
    Kind.NOT_NOW: Failure(
        "408 or 425",
        "the server asks to repeat the request",
        "run again later; the bookmark is safe",
        statuses={408, 425},
        retried=True,
    ),
    Kind.SERVER_ERROR: Failure(
        "500, 502, 503, 504, or 520 to 524",
        "the API answered with a server error",
        "run again later; the bookmark is safe",
        statuses={500, 502, 503, 504, *range(520, 525)},
        retried=True,
    ),
    Kind.MAINTENANCE: Failure(
        "409, `The service is suspended for maintenance.`",
        "ServiceTitan is under maintenance",
        "run again later; the bookmark is safe",
        statuses={409},
        text="suspended for maintenance",
        retried=True,
        reach="tenant",
    ),
    Kind.PROXY_REFUSED: Failure(
        "407, or another refusal from a proxy",
        "a proxy on the way refuses the request",
        "check the user and the password in HTTPS_PROXY, and let the proxy pass calls to the hosts "
        "of api_url and auth_url",
        statuses={407},
    ),
    Kind.INVALID_CLIENT: Failure(
        "400 or 401 from the token endpoint, `invalid_client`",
        "ServiceTitan does not know this client id and secret",
        "copy client_id and client_secret again from Settings > Integrations > API Application "
        "Access of this tenant, and check that environment is the one they belong to",
        statuses={400, 401},
        text="invalid_client",
        from_token_endpoint=True,
        reach="tenant",
    ),
    Kind.TOKEN_REFUSED: Failure(
        "any other refusal from the token endpoint",
        "the token endpoint issued no token",
        "check client_id, client_secret and auth_url",
        statuses=range(100, 1000),
        from_token_endpoint=True,
        reach="tenant",
    ),
    Kind.BAD_REQUEST: Failure(
        "400",
        "the API rejected the request",
        "check the settings named in it; if they are right, report it with the traceId",
        statuses={400},
        refuses="request",
        knows_tenant=True,
    ),
    Kind.UNAUTHORIZED: Failure(
        "401, again with a new token",
        "the API rejected a token that it had just issued",
        "check that the tenant still allows the application (Settings > Integrations > API "
        "Application Access), that app_key is its key (developer portal > My Apps), and that "
        "environment is right",
        statuses={401},
    ),
    Kind.MISSING_SCOPE: Failure(
        "403, `Scope validation failed`",
        "the application lacks a scope that this stream needs",
        "grant the scope in the developer portal and have the tenant approve it again under "
        "Settings > Integrations > API Application Access; or deselect the stream, or set "
        "skip_forbidden_streams",
        statuses={403},
        text="Scope validation failed",
        refuses="scope",
        knows_tenant=True,
    ),
    Kind.FORBIDDEN: Failure(
        "403",
        "the API refuses this application",
        "have the tenant approve it under Settings > Integrations > API Application Access, and "
        "check app_key (developer portal > My Apps); or, if other streams can be read, deselect "
        "the stream, or set skip_forbidden_streams",
        statuses={403},
        refuses="scope",
    ),
    Kind.UNMATCHED: Failure(
        "404, `Unable to match incoming request to an operation.`",
        "the API knows no such tenant or path",
        "check tenant_id (Settings > Integrations > API Application Access), environment, app_key "
        "(developer portal > My Apps) and api_url (it must end before /dispatch)",
        statuses={404},
        text="Unable to match incoming request",
        remedy_of_one="report it, and deselect the stream meanwhile: other streams of this tenant "
        "could be read, so tenant_id, environment, app_key and api_url are right",
    ),
    Kind.NOT_FOUND: Failure(
        "404",
        "the API found no such record",
        "check tenant_id and api_url; if they are right, report it with the traceId",
        statuses={404},
        refuses="request",
        knows_tenant=True,
    ),
    Kind.GONE: Failure(
        "410",
        "the API says that the requested resource is gone",
        "report it with the traceId",
        statuses={410},
        refuses="request",
        knows_tenant=True,
    ),
    Kind.CONFLICT: Failure(
        "409",
        "the API reports a conflict",
        "run again; if it happens again, report it with the traceId",
        statuses={409},
        knows_tenant=True,
    ),
    Kind.UNEXPECTED_STATUS: Failure(
        "any other status",
        "the API answered with an undocumented status",
        "report it with the traceId",
        statuses=range(100, 1000),
    ),
    Kind.NOT_JSON: Failure(
        "200 with a body that is not JSON",
        "the answer is not JSON",
        "check api_url and any proxy on the way; if they are right, run again later",
        retried=True,
        reach="tenant",
    ),
    Kind.BAD_VALUE: Failure(
        "200 with text that is not valid Unicode, or a number that is out of range",
        "the answer has a value that cannot be passed on",
        "correct it in ServiceTitan, or report it; the bookmark is safe",
        knows_tenant=True,
    ),
    Kind.TOO_LARGE: Failure(
        "an answer of more than 64 MiB, unpacked",
        "the answer is too large for memory",
        "lower page_size, or capacity_days_per_request for the stream capacities; if that does not "
        "help, check any proxy on the way",
    ),
    Kind.BAD_ADDRESS: Failure(
        "no request, because an address is invalid",
        "the address of the API or of a proxy is invalid",
        "check api_url and auth_url, and the variables HTTPS_PROXY and ALL_PROXY",
        reach="all",
    ),
    Kind.BAD_BUNDLE: Failure(
        "TLS: no trusted certificates",
        "the trusted certificates cannot be read",
        "let REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE name a file of certificates (PEM), or unset it",
        reach="all",
    ),
    Kind.NO_TLS: Failure(
        "TLS: refused, or another protocol",
        "TLS with the server, or with a proxy on the way, fails",
        "check that api_url and auth_url lead to a port for https, and any proxy on the way",
        reach="all",
    ),
    Kind.UNTRUSTED: Failure(
        "TLS: the certificate is not trusted",
        "the server's certificate is not trusted",
        "check the clock of this machine, and let REQUESTS_CA_BUNDLE name your proxy's certificate",
        reach="all",
    ),
    Kind.TIMED_OUT: Failure(
        "no answer in time",
        "no answer came in time",
        "run again later, or raise request_timeout_seconds",
        retried=True,
        reach="tenant",
    ),
    Kind.CONNECTION_LOST: Failure(
        "a connection closed or reset, or a body cut short",
        "the connection was lost before the whole answer had come",
        "run again later; if it happens again, check any proxy on the way and report it. The "
        "bookmark is safe",
        retried=True,
        reach="all",
    ),
    Kind.NO_CONNECTION: Failure(
        "no connection",
        "no connection could be made",
        "check the network, any proxy, api_url and auth_url; the bookmark is safe",
        retried=True,
        reach="all",
    ),
}
"""In the order of look-up: the first row that fits an answer counts."""


class ApiError(TapError):
    """A request failed for good, or has to be sent again if its failure is `retried`.

    Args:
        kind: Its row of the table.
        request: How messages name the request.
        detail: What came back.
        wait_seconds: How long the API asked us to wait, if it did.
    """

    def __init__(
        self,
        kind: Kind,
        *,
        request: str,
        detail: str = "",
        wait_seconds: float | None = None,
    ) -> None:
        self.kind = kind
        self.failure = FAILURES[kind]
        self.reach = self.failure.reach
        self.wait_seconds = wait_seconds
        self.request = request
        self.detail = one_line(" ".join(detail.split()), MOST_OF_A_PART + 100)
        super().__init__(f"{self.failure.meaning} ({self.answer})", self.failure.remedy)

    @property
    @override
    def likeness(self) -> str:
        """The kind: calls that fail alike have it in common, each with its own detail."""
        return self.kind

    @property
    def answer(self) -> str:
        """The request, and what came back."""
        return f"{self.request}: {self.detail}" if self.detail else self.request


class NoTokenError(ApiError):
    """The token endpoint gave no token, and is not asked again.

    Args:
        failure: Its last answer.
    """

    def __init__(self, failure: ApiError) -> None:
        super().__init__(failure.kind, request=failure.request, detail=failure.detail)


def kind_of(status: int, text: str, *, token_endpoint: bool = False) -> Kind:
    """Return the row of `FAILURES` for an answer that is not a good one.

    Args:
        status: The HTTP status, anything but 200.
        text: The body of the answer.
        token_endpoint: Whether the token endpoint gave the answer.
    """
    return next(
        kind
        for kind, failure in FAILURES.items()
        if status in failure.statuses
        and failure.text in text
        and (token_endpoint or not failure.from_token_endpoint)
    )


_TEXTS = ("title", "message", "error", "error_description")  # the last two: the token endpoint's


def detail_of(status: int, body: object) -> str:
    """Return the details of an answer, for people and for the vendor's support.

    These are the status and, if present, `title`, the field errors and the `traceId` of the
    documented error body, or `error` and `error_description` of the token endpoint. If the body is
    a bare JSON string, it is that text.
    """
    parts = [f"status {status}"]
    if isinstance(body, str):
        parts.append(body)
    elif isinstance(body, Mapping):
        parts += [str(body[key]) for key in _TEXTS if body.get(key)]
        parts += _field_errors(body.get("errors"))
        if trace := body.get("traceId"):  # is not cut off by what comes before it
            parts = [part("; ".join(parts)), f"traceId {trace}"]
    return "; ".join(parts)


def _field_errors(errors: Any) -> list[str]:
    if not isinstance(errors, Mapping):
        return []
    return [
        f"{field}: {' '.join(map(str, texts)) if isinstance(texts, list) else texts}"
        for field, texts in errors.items()
    ]
