"""A tap as one would write it from the SDK's template, to compare with.

One stream, the list of appointment assignments: `RESTStream`, pages by number, `modifiedOn` as the
replication key, and the SDK's defaults for all else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import OAuthAuthenticator, SingletonMeta
from singer_sdk.pagination import BasePageNumberPaginator
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence

    import requests
    from singer_sdk.helpers.types import Context
    from singer_sdk.streams import Stream


class Authenticator(OAuthAuthenticator, metaclass=SingletonMeta):
    """Gets a token with the client's id and secret."""

    @property
    @override
    def oauth_request_body(self) -> dict[str, Any]:
        return {
            "grant_type": "client_credentials",
            "client_id": self.config["client_id"],
            "client_secret": self.config["client_secret"],
        }


class Pages(BasePageNumberPaginator):
    """Pages by number, as long as there are more."""

    @override
    def has_more(self, response: requests.Response) -> bool:
        return bool(response.json()["hasMore"])


class AssignmentsStream(RESTStream[int]):
    """Appointment assignments."""

    name = "appointment_assignments"
    path = "/appointment-assignments"
    primary_keys = ("id",)
    replication_key = "modifiedOn"
    records_jsonpath = "$.data[*]"
    schema = th.PropertiesList(
        th.Property("id", th.IntegerType),
        th.Property("technicianId", th.IntegerType),
        th.Property("technicianName", th.StringType),
        th.Property("assignedById", th.IntegerType),
        th.Property("assignedOn", th.DateTimeType),
        th.Property("status", th.StringType),
        th.Property("isPaused", th.BooleanType),
        th.Property("jobId", th.IntegerType),
        th.Property("appointmentId", th.IntegerType),
        th.Property("createdOn", th.DateTimeType),
        th.Property("modifiedOn", th.DateTimeType),
        th.Property("active", th.BooleanType),
    ).to_dict()

    @property
    @override
    def url_base(self) -> str:
        return f"{self.config['api_url']}/dispatch/v2/tenant/{self.config['tenant_id']}"

    @property
    @override
    def http_headers(self) -> dict[str, str]:
        return {"ST-App-Key": self.config["app_key"]}

    @property
    @override
    def authenticator(self) -> Authenticator:
        return Authenticator(self, auth_endpoint=f"{self.config['api_url']}/connect/token")

    @override
    def get_new_paginator(self) -> Pages:
        return Pages(start_value=1)

    @override
    def get_url_params(
        self, context: Context | None, next_page_token: int | None
    ) -> dict[str, Any]:
        params: dict[str, Any] = {
            "page": next_page_token,
            "pageSize": 5000,
            "sort": "+ModifiedOn",
            "active": "Any",
        }
        if since := self.get_starting_timestamp(context):
            params["modifiedOnOrAfter"] = since.isoformat()
        return params


class PlainTap(Tap):
    """The tap."""

    name = "plain"
    config_jsonschema = th.PropertiesList(
        *(
            th.Property(name, th.StringType, required=True)
            for name in ("api_url", "tenant_id", "client_id", "client_secret", "app_key")
        )
    ).to_dict()

    @override
    def discover_streams(self) -> Sequence[Stream]:
        return [AssignmentsStream(self)]


if __name__ == "__main__":
    PlainTap.cli()
