"""The sandbox as a server on localhost."""

import asyncio
import os
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp, Scope

from tap_servicetitan_dispatch.sandbox.api.behaviour import Behaviour
from tap_servicetitan_dispatch.sandbox.application import Call, application
from tap_servicetitan_dispatch.sandbox.faults.options import Faults
from tap_servicetitan_dispatch.sandbox.faults.switch import Switch
from tap_servicetitan_dispatch.sandbox.group import CREDENTIALS, Access, Contractor, Group, Member
from tap_servicetitan_dispatch.sandbox.like import (
    behaviour_like,
    faults_like,
    read,
    size_like,
)
from tap_servicetitan_dispatch.sandbox.world.instants import SECOND
from tap_servicetitan_dispatch.sandbox.world.tenant import Tenant

HOST = "127.0.0.1"
_CALLS_KEPT = 1_000_000
# Close at once and say so: on, for no time at all.
_RESET = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


def utc_now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


def _listen(port: int) -> tuple[int, socket.socket]:
    # asyncio turns Nagle's algorithm off for sockets that name their protocol, which those of
    # socket.create_server() do not; with it each answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # Elsewhere the option would let two servers share a port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, os.name == "posix")
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener.getsockname()[1], listener


class _Server(uvicorn.Server):
    """A server in a thread of its own, which stops on request; uvicorn itself polls."""

    def __init__(self, app: ASGIApp) -> None:
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",  # else a tap would seem to start servers
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=120,
        )
        super().__init__(config)
        self._is_up = threading.Event()
        self._stop: Callable[[], object]

    def start(self, listener: socket.socket) -> None:
        """Return when requests are answered."""
        self._thread = threading.Thread(
            target=self.run,
            kwargs={"sockets": [listener]},
            name="servicetitan-sandbox",
            daemon=True,
        )
        self._thread.start()
        self._is_up.wait()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        # The same event loop on all platforms: `shutdown` depends on how it accepts connections.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self.serve(sockets))

    async def main_loop(self) -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._stop = lambda: loop.call_soon_threadsafe(stopping.set)
        self._is_up.set()
        await stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # uvicorn itself lets open requests finish, and waits for a moment in any case.
        listeners, requests = sockets or [], self.server_state.tasks
        for listener in listeners:
            asyncio.get_running_loop().remove_reader(listener)
        # A connection that has been accepted is handed over by a task; closed before that, asyncio
        # would forget it.
        while accepting := asyncio.all_tasks() - requests - {asyncio.current_task()}:
            await asyncio.wait(accepting)
        for server in self.servers:
            server.close()
        for connection in self.server_state.connections:
            connection.transport.abort()

    def stop(self) -> None:
        """Return when everything is closed."""
        self._stop()
        self._thread.join()

    def hang_up(self, client: object, *, reset: bool) -> None:
        """Close the connection of a client."""
        transports = [
            connection.transport
            for connection in self.server_state.connections
            if getattr(connection, "client", None) == client
        ]
        for transport in transports:
            if reset:
                connected = transport.get_extra_info("socket")
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                transport.abort()
            else:
                transport.close()


class SandboxTenant:
    """A tenant of a running sandbox: its world, its permissions and its faults."""

    def __init__(self, member: Member, switch: Switch) -> None:
        self._member = member
        self._switch = switch

    @property
    def world(self) -> Tenant:
        """Its world; made when it is first asked for."""
        return self._member.world

    @property
    def credentials(self) -> Mapping[str, str]:
        """The `client_id`, `client_secret`, `app_key` and `tenant_id` of its calls."""
        return self._member.credentials

    @property
    def access(self) -> Access:
        """What the application may do. May be set at any time, also from another thread."""
        return self._member.access

    @access.setter
    def access(self, access: Access) -> None:
        self._member.access = access

    @property
    def faults(self) -> Faults:
        """Its faults. May be set at any time; `None` stands for those of all tenants."""
        return self._switch.faults(self._member.tenant_id)

    @faults.setter
    def faults(self, faults: Faults | None) -> None:
        self._switch.turn(faults, self._member.tenant_id)


class Sandbox:
    """The Dispatch API on localhost, with tenants that are functions of seed, number and clock.

    A context manager: the server runs in a thread of this process while the context is open. If
    there are several tenants, each is made when it is first asked for.

    Args:
        tenants: The tenants behind the API, each a number or a `Contractor`; by default the one of
            `credentials`.
        seed: Another seed is another contractor, for each tenant.
        assignments: Approximate number of each tenant's appointment assignments. By default, that
            of `CREDENTIALS` has 20,000, and others have between 300 and 3,000.
        clock: Returns the current time, aware. If it goes backwards, tenants wait for it.
        timer: Monotonic clock, in seconds, for the limit on calls.
        port: 0 takes a free one.
        behaviour: What to do if the real API is unknown or surprising.
        faults: The initial faults.
        credentials: `client_id`, `client_secret` and `app_key` of all tenants without their own,
            and the `tenant_id` of the default tenant.
        allowed_hosts: Names in `Host` to answer to, besides those of this machine.
        like: The output of `--survey=json`, or the path of its file: the sandbox behaves like that
            tenant (of a group, like the first that could be asked), unless `behaviour` or
            `assignments` is given.

    Attributes:
        tenants: The tenants behind the API, by number.
        credentials: The credentials of the first tenant.
    """

    def __init__(  # noqa: PLR0913 - each has a name and a default
        self,
        *,
        tenants: Collection[int | str | Contractor] | None = None,
        seed: int = 1,
        assignments: int | None = None,
        clock: Callable[[], datetime] = utc_now,
        timer: Callable[[], float] = monotonic,
        port: int = 0,
        behaviour: Behaviour | None = None,
        faults: Faults = Faults(),  # noqa: B008 - it is frozen
        credentials: Mapping[str, str] = CREDENTIALS,
        allowed_hosts: Collection[str] = (),
        like: object = None,
    ) -> None:
        if isinstance(like, str | Path):
            like = read(like)
        if like is not None:
            behaviour = behaviour or behaviour_like(like)
            assignments = assignments or size_like(behaviour)
            faults = faults_like(like, faults)
        behaviour = behaviour or Behaviour()
        self._switch = switch = Switch(faults, timer)
        group = Group(
            [credentials["tenant_id"]] if tenants is None else tenants,
            seed=seed,
            assignments=assignments,
            credentials=credentials,
            clock=lambda tenant: clock() + timedelta(seconds=switch.faults(tenant).clock_skew),
            export_delay=behaviour.feed_delay * SECOND,
        )
        self.tenants: Mapping[int, SandboxTenant] = {
            number: SandboxTenant(member, switch) for number, member in group.items()
        }
        first = next(iter(group.values()))
        self.credentials = first.credentials
        if len(group) == 1:
            first.make()  # a large one takes longer to make than anybody waits for an answer
        self._calls: deque[Call] = deque(maxlen=_CALLS_KEPT)
        self._app = application(
            group,
            credentials,
            behaviour,
            self._calls,
            timer,
            switch,
            self._hang_up,
            allowed_hosts,
        )
        self._port = port
        self._server: _Server | None = None

    @property
    def tenant(self) -> Tenant:
        """The state of the first tenant."""
        return next(iter(self.tenants.values())).world

    @property
    def app(self) -> ASGIApp:
        """The web application, for calls within this process without a server."""
        return self._app

    @property
    def url(self) -> str:
        """The address of the API, without a slash at the end."""
        return f"http://{HOST}:{self._port}"

    @property
    def token_url(self) -> str:
        """The address of the token endpoint."""
        return f"{self.url}/connect/token"

    @property
    def calls(self) -> list[Call]:
        """The finished requests so far, in the order in which they finished."""
        return list(self._calls)

    def _hang_up(self, scope: Scope, reset: bool) -> None:  # noqa: FBT001 - as in HangUp
        """Close the connection of a request: after what has been sent, or with a reset."""
        assert self._server is not None  # noqa: S101 - it has just got a request
        self._server.hang_up(scope["client"], reset=reset)

    @property
    def faults(self) -> Faults:
        """The faults of all tenants. May be set at any time, also from another thread."""
        return self._switch.faults()

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._switch.turn(faults)

    def start(self) -> None:
        """Start serving; return when requests are answered.

        Raises:
            OSError: The port is taken.
        """
        self._port, listener = _listen(self._port)
        self._server = _Server(self._app)
        self._server.start(listener)

    def stop(self) -> None:
        """Stop serving, even while requests are open; return when everything is closed."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
