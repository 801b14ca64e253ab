"""Error responses, in the API's formats."""

import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from hashlib import blake2b
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

UNMATCHED = {
    "statusCode": 404,
    "message": "Unable to match incoming request to an operation.",
}


INVALID = "One or more validation errors occurred."


def json_response(content: object, status: int = 200) -> Response:
    """Return an answer with a JSON body."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def too_many(seconds: int) -> dict[str, object]:
    """Return the body of a 429, as it was observed."""
    title = f"Rate limit is exceeded. Try again in {seconds} seconds."
    return {"status": HTTPStatus.TOO_MANY_REQUESTS, "title": title}


class Problem(Exception):  # noqa: N818 - the name of the media type this stands for
    """Raised to answer with the API's error body.

    Args:
        status: HTTP status.
        title: One sentence.
        errors: Field to messages.
    """

    def __init__(
        self, status: int, title: str, errors: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.errors = errors or {}


class Wrong(ValueError):  # noqa: N818 - like Problem
    """Raised while a request is read, to describe an invalid field in the API's words."""


class BareProblem(Exception):  # noqa: N818 - like Problem
    """Raised to answer with a body in another format: some operations send a plain string."""

    def __init__(self, body: object, status: int = 400) -> None:
        super().__init__(str(body))
        self.body = body
        self.status = status


def number_call(scope: Scope, number: int) -> None:
    """Number a request; the trace id of its answer is derived from the number."""
    scope["sandbox.number"] = number


def problem_response(request: Request, problem: Problem) -> Response:
    """Return the API's error body, with all of its documented fields."""
    number: int = request.scope["sandbox.number"]
    trace = blake2b(number.to_bytes(8), digest_size=24).hexdigest()
    return json_response(
        {
            "type": "about:blank",
            "title": problem.title,
            "status": problem.status,
            "traceId": f"00-{trace[:32]}-{trace[32:]}-00",
            "errors": problem.errors,
            "data": {},
        },
        problem.status,
    )


async def on_problem(request: Request, error: Exception) -> Response:
    """Answer a `Problem`."""
    assert isinstance(error, Problem)  # noqa: S101 - registered for this type
    return problem_response(request, error)


async def on_bare_problem(_request: Request, error: Exception) -> Response:
    """Answer a `BareProblem`."""
    assert isinstance(error, BareProblem)  # noqa: S101 - registered for this type
    return json_response(error.body, error.status)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer an unknown path, an unsupported method, or an unreadable body."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return problem_response(request, invalid("", _NOT_JSON))
    return json_response(UNMATCHED, HTTPStatus.NOT_FOUND)


async def on_invalid_request(request: Request, error: Exception) -> Response:
    """Answer an invalid request: 400 with the errors of each field."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type
    if any(one["loc"][0] == "path" for one in error.errors()):
        # The gateway matches paths by type too.
        return json_response(UNMATCHED, HTTPStatus.NOT_FOUND)
    errors = _field_errors(error)
    if "sort" in errors:
        # Seen in production: nothing but the message, whatever else is wrong.
        return json_response({"errors": {"sort": errors["sort"]}}, HTTPStatus.BAD_REQUEST)
    return problem_response(request, Problem(HTTPStatus.BAD_REQUEST, INVALID, errors))


_NOT_JSON = "The request body is not valid JSON."


def _field_errors(error: RequestValidationError) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    for one in error.errors():
        # Where it is not JSON, this is a position in the text
        path = () if one["type"] == "json_invalid" else one["loc"][1:]
        field = ".".join(map(str, path))
        errors.setdefault(field, []).append(_message(field, one))
    return errors


def _message(field: str, error: dict[str, Any]) -> str:
    name = field[:1].upper() + field[1:]
    said, value = error.get("ctx", {}).get("error"), error["input"]
    if isinstance(said, Wrong):
        return str(said)
    if error["type"] == "json_invalid":
        return _NOT_JSON
    if error["type"] == "missing":
        return f"The {name} field is required." if name else "A request body is required."
    if not name:
        return "The request body is not what the operation takes."
    if error["loc"][0] == "query" and isinstance(value, list):
        value = ",".join(value)
    if isinstance(value, dict | list):
        return f"The value is not valid for {name}."
    shown = value if isinstance(value, str) else json.dumps(value)
    return f"The value '{shown}' is not valid for {name}."


def invalid(field: str, message: str) -> Problem:
    """Return a problem with one field of the request."""
    return Problem(HTTPStatus.BAD_REQUEST, INVALID, {field: [message]})


class PlainErrors(APIRoute):
    """A route whose 400 is a JSON string instead of the usual error body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of the route."""
        handle = super().get_route_handler()

        async def handle_plainly(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                raise BareProblem(_sentences(_field_errors(error))) from error
            except HTTPException as error:
                raise BareProblem(_NOT_JSON) from error
            except Problem as error:
                if error.status != HTTPStatus.BAD_REQUEST:
                    raise
                raise BareProblem(_sentences(error.errors) or error.title) from error

        return handle_plainly


def _sentences(errors: Mapping[str, Sequence[str]]) -> str:
    return " ".join(message for messages in errors.values() for message in messages)


HANDLERS = {
    Problem: on_problem,
    BareProblem: on_bare_problem,
    HTTPException: on_http_exception,
    RequestValidationError: on_invalid_request,
}
