"""The server: whom it answers, and what it has made by then."""

from __future__ import annotations

from http.client import HTTPConnection
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tap_servicetitan_dispatch.page.server import Pages, server
from tests.page.made import tenant, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPResponse
    from pathlib import Path


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def pages(tmp_path: Path, said: list[str]) -> Pages:
    write(tmp_path / "dispatch.duckdb", tenants=[tenant(1, "First")])
    return Pages(str(tmp_path / "dispatch.duckdb"), None, tmp_path / "page", said.append)


@pytest.fixture
def port(pages: Pages) -> Iterator[int]:
    pages.make()
    with server(pages, 0) as serving:
        thread = Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield serving.server_address[1]
        serving.shutdown()
        thread.join()


def ask(port: int, path: str, *, host: str = "localhost:1", method: str = "GET") -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, headers={"Host": host})
    answer: HTTPResponse = connection.getresponse()
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_a_page_is_made_anew_once_the_marts_have_changed(
    port: int, tmp_path: Path, said: list[str]
) -> None:
    for path in ("/", "/index.html?again", "/page.css"):
        assert ask(port, path)[0] == 200
    assert said == ["1 page made"]
    write(tmp_path / "dispatch.duckdb", tenants=[tenant(1, "Second"), tenant(2, "Third")])
    assert "Third" in ask(port, "/")[1]
    assert said == ["1 page made", "3 pages made"]
    assert ask(port, "/tenant-3.html")[0] == 404


def test_while_the_marts_cannot_be_read_the_pages_of_before_stay(
    port: int, tmp_path: Path, said: list[str]
) -> None:
    (tmp_path / "dispatch.duckdb").unlink()
    status, text = ask(port, "/")
    assert status == 200
    assert "First" in text
    assert said[-1].startswith("The pages of before stay: ")


def test_while_there_is_no_tenant_the_pages_of_before_stay(
    port: int, tmp_path: Path, said: list[str]
) -> None:
    write(tmp_path / "dispatch.duckdb", tenants=[])
    status, text = ask(port, "/")
    assert status == 200
    assert "First" in text
    assert said[-1] == "The pages of before stay: there is no tenant in the marts."


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_only_this_machine_by_its_own_name_is_answered(port: int, method: str) -> None:
    assert ask(port, "/", host=f"127.0.0.1:{port}", method=method)[0] == 200
    assert ask(port, "/", host="evil.example:80", method=method)[0] == 421
    assert ask(port, "/", host="evil.example", method=method)[0] == 421
