"""A web server on this machine that answers well or badly, for the tests of downloads."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from xlft_helpers.data import download


class WebServer(ThreadingHTTPServer):
    """Serves ``pages`` (path to content) and counts requests; paths under ``/bad/`` show what goes wrong elsewhere."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages: dict[str, bytes] = {}
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, WebServer)
        self.server.requests.append(self.path)
        if self.path == "/bad/500":
            self.send_error(500)
        elif self.path == "/bad/429" or (self.path == "/busy.txt" and self.server.requests.count(self.path) < 3):
            self.send_response(429)
            self.send_header("Retry-After", "3600" if self.path == "/bad/429" else "0")
            self.end_headers()
        elif self.path == "/bad/slow":
            time.sleep(0.5)
            self.close_connection = True
        elif self.path == "/bad/cut":  # half of what was promised, then the connection goes
            self.send_response(200)
            self.send_header("Content-Length", "2000")
            self.end_headers()
            self.wfile.write(b"x" * 1000)
            self.close_connection = True
        elif self.path == "/bad/hang-up":
            self.close_connection = True
        elif self.path in self.server.pages:
            content = self.server.pages[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        else:
            self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    """The server, with downloads allowed and short pauses."""
    monkeypatch.setenv("XLFT_PROFILE", "full")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "PAUSE", 0.01)
    with WebServer() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()
