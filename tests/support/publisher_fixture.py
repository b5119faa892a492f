"""A web server of the test's own that sends files with ranges, and misbehaves as it is told."""

import contextlib
import functools
import hashlib
import http.server
import re
import threading
import time
from dataclasses import dataclass, field
from email.message import Message

import pytest

from pneumobench.core import attempts


@dataclass
class Publisher:
    """What the server offers and how it behaves; tests change both while it runs.

    Attributes
    ----------
    files
        Content by path.
    asked
        Path and headers of every request.
    faults
        What goes wrong with the next requests, first in first out: a status, headers to send with
        it, and after how many bytes of a 200 or 206 the connection breaks.
    ranges, validators
        Whether ranges are heeded, and ETags sent.
    stated
        What Content-Length claims beyond the truth.
    pause
        Seconds between blocks of 64 KiB.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, Message]] = field(default_factory=list)
    faults: list[dict] = field(default_factory=list)
    ranges: bool = True
    validators: bool = True
    heeds_if_range: bool = True
    stated: int = 0
    pause: float = 0.0
    extra_headers: dict[str, str] = field(default_factory=dict)
    server: http.server.ThreadingHTTPServer = field(init=False)

    def start(self, port: int = 0, handler: type | None = None) -> None:
        made = functools.partial(handler or Handler, publisher=self)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), made)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def ranges_asked(self) -> list[str | None]:
        return [headers.get("Range") for _, headers in self.asked]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments, publisher: Publisher):
        self.publisher = publisher
        super().__init__(*arguments)

    def do_GET(self):
        publisher, path = self.publisher, self.path.split("?")[0]
        publisher.asked.append((self.path, self.headers))
        fault = publisher.faults.pop(0) if publisher.faults else {}
        self.close_connection = True
        if "hang_up" in fault:
            return
        if path not in publisher.files or "status" in fault:
            self.answer(fault.get("status", 404), b"no", fault.get("headers", {}))
            return
        content = publisher.files[path]
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        headers = {"ETag": etag} if publisher.validators else {}
        start = self.start_of_range(etag)
        if start is not None and start >= len(content):
            self.answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            return
        status = 200 if start is None else 206
        if start is not None:
            last, whole = len(content) - 1, len(content)
            headers["Content-Range"] = f"bytes {start}-{last}/{whole}"
        headers |= publisher.extra_headers | fault.get("headers", {})
        self.answer(status, content[start or 0 :], headers, fault.get("cut"), publisher.stated)

    def start_of_range(self, etag: str) -> int | None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range", etag)
        unchanged = condition == etag or not self.publisher.heeds_if_range
        return int(asked[1]) if asked and self.publisher.ranges and unchanged else None

    def answer(self, status, body, headers, cut=None, stated=0):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Transfer-Encoding" not in headers:
            self.send_header("Content-Length", str(len(body) + stated))
        self.end_headers()
        # A client may hang up.
        with contextlib.suppress(ConnectionError):
            for place in range(0, len(body[:cut]), 1 << 16):
                self.wfile.write(body[:cut][place : place + (1 << 16)])
                time.sleep(self.publisher.pause)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def publisher(monkeypatch):
    """A `Publisher`, and pauses too short to wait for."""
    monkeypatch.setattr(attempts, "FIRST_PAUSE", 0.001)
    made = Publisher()
    made.start()
    yield made
    made.stop()
