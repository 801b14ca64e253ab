"""What is unknown about the real API, or differs from what its definition says, as switches."""

from dataclasses import dataclass
from typing import Literal

LastPageToken = Literal["new", "same", "empty", "absent", "null"]


@dataclass(frozen=True)
class Behaviour:
    """How the sandbox behaves where the real API is unknown or surprising.

    Attributes:
        export_page_size: Rows on a page of the export feed. Unknown; it cannot be asked for.
        last_page_token: ``continueFrom`` of the page that ends the feed: one that stands for all
            that has been read ("new"), the one that was sent ("same"; a new one where none was
            sent), "", no such field, or null. Unknown.
        empty_pages: Whether each page that is not the last is followed by an empty one that says
            there is more. Unknown; clients rely on coping with it.
        bad_app_key_status: The answer to a missing or wrong ``ST-App-Key``. Sources differ.
        deletes: Whether a deleted row becomes inactive ("soft") or is gone ("hard"). Unknown.
        exact_order: Whether ``sort=ModifiedOn`` is exact. In production it was seen to be exact to
            the second only, which is the default here.
        token_lifetime: Seconds an access token is good for. Documented: 900.
        missing_scopes: What the tenant did not grant the application. Partial grants are normal; a
            call without its scope gets a 403 that mentions ``Scope validation failed`` (seen live).
    """

    export_page_size: int = 5_000
    last_page_token: LastPageToken = "new"  # noqa: S105 - no secret
    empty_pages: bool = False
    bad_app_key_status: Literal[401, 403, 404] = 401
    deletes: Literal["soft", "hard"] = "soft"
    exact_order: bool = False
    token_lifetime: int = 900
    missing_scopes: frozenset[str] = frozenset()
