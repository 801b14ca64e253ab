"""What is unknown about the real API, or differs from what its definition says, as switches."""

from dataclasses import dataclass
from typing import Literal

TokenServes = Literal["group", "tenant"]
LastPageToken = Literal["new", "same", "empty", "absent", "null"]


@dataclass(frozen=True)
class Behaviour:
    """How the sandbox behaves where the real API is unknown or surprising.

    Attributes:
        export_page_size: Rows on a page of the export feed. Unknown; it cannot be asked for.
        last_page_token: `continueFrom` on the page that ends the feed: a token for everything that
            has been read ("new"), the token that was sent ("same"; a new one if none was sent), an
            empty text ("empty"), no such field ("absent"), or null ("null"). Unknown.
        empty_pages: Whether every page but the last is followed by an empty one that says there is
            more. Unknown; clients have to cope with it.
        bad_app_key_status: The answer to a missing or wrong `ST-App-Key`. Sources differ.
        deletes: Whether a deleted row becomes inactive ("soft") or is gone ("hard"). Unknown.
        exact_order: Whether `sort=ModifiedOn` is exact. In production it was seen to be exact to
            the second only, which is the default here.
        token_lifetime: Seconds for which an access token is valid. Documented: 900.
        token_serves: Whether an access token is valid for all tenants that share its client ID
            ("group"), or for the first that it is used for alone ("tenant"): there is nothing in
            the request for one that names a tenant. Unknown.
        tokens_per_minute: Access tokens issued to a client ID within any minute; more get a 429
            that says when to come back. Documented is that there is a limit, not which.
        missing_scopes: What the tenants did not grant the application. Partial grants are normal; a
            call without its scope gets a 403 that mentions `Scope validation failed` (seen live).
    """

    export_page_size: int = 5_000
    last_page_token: LastPageToken = "new"  # noqa: S105 - no secret
    empty_pages: bool = False
    bad_app_key_status: Literal[401, 403, 404] = 401
    deletes: Literal["soft", "hard"] = "soft"
    exact_order: bool = False
    token_lifetime: int = 900
    token_serves: TokenServes = "group"  # noqa: S105 - no secret
    tokens_per_minute: int | None = None
    missing_scopes: frozenset[str] = frozenset()
