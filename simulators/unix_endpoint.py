"""A Unix socket as the place where a host finds a simulated input device: ``evdev+unix://`` links."""

from __future__ import annotations

import socket
from pathlib import Path

from simulators.stage import ListeningEndpoint


class UnixEndpoint(ListeningEndpoint):
    """A listening Unix socket at `path`, for one host at a time: a newer connection closes the older."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    @property
    def url(self) -> str:
        return f"evdev+unix://{self._path}"

    def _listen(self) -> socket.socket:
        if self._path.is_socket():
            self._path.unlink()  # left behind by a stage that was killed; anything else there is not ours to remove
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(str(self._path))
            listener.listen()
        except OSError:
            listener.close()
            raise
        return listener

    def close(self) -> None:
        if self.listening:
            self._path.unlink(missing_ok=True)
        super().close()
