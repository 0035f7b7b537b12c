"""The page and what it talks to: one stream of updates down, a few POSTs up."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from simulators.bench.guard import Guard
from simulators.bench.picture import Picture
from simulators.bench.processes import NotRunning
from simulators.device import CommandError

STATIC = Path(__file__).with_name("static")
MAX_BODY_BYTES = 16_384
MAX_COMMAND_LENGTH = 200
MAX_VIEWERS = 32
HEARTBEAT_S = 10.0
HEARTBEAT = "event: alive\ndata: -\n\n"
"""Says nothing, so that a dead connection is noticed: the page takes 25 s of silence for one."""

RECONNECT_MS = 500


class Controls(Protocol):
    """What the page may do."""

    def device(self, name: str, text: str) -> None:
        """Run a simulator's command. Raises KeyError for no such device, CommandError for a wrong command."""
        ...

    async def slip(self, name: str, number: int) -> bytes:
        """A slip of a printer as a PNG file. Raises KeyError for no such one, CommandError when it cannot be drawn."""
        ...

    def command(self, name: str, data: Mapping[str, Any]) -> None:
        """Send the daemon a command over MQTT. Raises NotRunning."""
        ...

    def process(self, name: str, action: str) -> None:
        """Start, stop, restart or kill a program. Raises KeyError when there is no such program or action."""
        ...


def make_app(picture: Picture, controls: Controls, *, port: int) -> Starlette:
    """The bench as a web application that answers to this machine's own names for `port` only."""
    api = _Api(picture, controls)
    routes = [
        Route("/", _file("index.html")),
        Route("/favicon.ico", _file("favicon.svg")),
        Route("/slip/{name}/{number:int}.png", api.slip),
        Route("/updates", api.updates),
        Route("/device/{name}", api.device, methods=["POST"]),
        Route("/command", api.command, methods=["POST"]),
        Route("/process/{name}", api.process, methods=["POST"]),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Guard, port=port)])


def _file(name: str) -> Callable[[Request], Response]:
    def answer(_: Request) -> Response:
        return FileResponse(STATIC / name)

    return answer


class _Api:
    def __init__(self, picture: Picture, controls: Controls) -> None:
        self._picture = picture
        self._controls = controls

    async def updates(self, _: Request) -> Response:
        if self._picture.viewers >= MAX_VIEWERS:
            raise HTTPException(503, f"{MAX_VIEWERS} pages are open already")
        return StreamingResponse(self._stream(), media_type="text/event-stream")

    async def _stream(self) -> AsyncIterator[str]:
        """Server-sent events: first everything there is, then what changed."""
        yield f"retry: {RECONNECT_MS}\n\n"
        with self._picture.view() as view:
            while not self._picture.closed:
                update = await view.next(HEARTBEAT_S)
                yield HEARTBEAT if update is None else f"data: {json.dumps(update, ensure_ascii=False)}\n\n"

    async def slip(self, request: Request) -> Response:
        with _refusals():
            picture = await self._controls.slip(request.path_params["name"], request.path_params["number"])
        return Response(picture, media_type="image/png")

    async def device(self, request: Request) -> Response:
        text = _text(await _body(request), "command")
        with _refusals():
            self._controls.device(request.path_params["name"], text)
        return Response(status_code=204)

    async def command(self, request: Request) -> Response:
        body = await _body(request)
        data = body.get("data", {})
        if not isinstance(data, dict):
            raise HTTPException(400, "expected data to be an object")
        with _refusals():
            self._controls.command(_text(body, "command"), data)
        return Response(status_code=202)

    async def process(self, request: Request) -> Response:
        action = _text(await _body(request), "action")
        with _refusals():
            self._controls.process(request.path_params["name"], action)
        return Response(status_code=204)


@contextmanager
def _refusals() -> Iterator[None]:
    """What the bench cannot do, as an HTTP answer in words."""
    try:
        yield
    except CommandError as error:
        raise HTTPException(400, str(error)) from error
    except KeyError as error:
        raise HTTPException(404, f"there is no {error}") from error
    except NotRunning as error:
        raise HTTPException(503, f"{error} does not run") from error
    except OSError as error:  # a line that cannot be opened again
        raise HTTPException(409, str(error)) from error


async def _body(request: Request) -> Mapping[str, Any]:
    """The body as a JSON object."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "expected application/json")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413, f"expected at most {MAX_BODY_BYTES} bytes")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "expected JSON") from error
    if not isinstance(found, dict):
        raise HTTPException(400, "expected a JSON object")
    return found


def _text(body: Mapping[str, Any], key: str) -> str:
    text = body.get(key)
    if not isinstance(text, str) or not 0 < len(text) <= MAX_COMMAND_LENGTH or not text.isprintable():
        raise HTTPException(400, f"expected {key}: printable text of at most {MAX_COMMAND_LENGTH} characters")
    return text
