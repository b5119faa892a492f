"""What unit and workflow tests share."""

import contextlib
import functools
import http.server
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def smallest_numbers():
    """Undo what a job sets for its process: the tests behind it share the process."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@dataclass
class Mirror:
    """A web server of the test's own that offers the files of a folder.

    Attributes
    ----------
    asked
        Paths that were asked for.
    cut
        The connection breaks after so many bytes of a file; None sends the whole file.
    """

    folder: Path
    url: str = ""
    asked: list[str] = field(default_factory=list)
    cut: int | None = None
    server: http.server.ThreadingHTTPServer = field(init=False)

    def start(self) -> None:
        handler = functools.partial(Handler, mirror=self)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, *arguments, mirror: Mirror):
        self.mirror = mirror
        super().__init__(*arguments)

    def do_GET(self):
        self.mirror.asked.append(self.path)
        file = self.mirror.folder / self.path.lstrip("/")
        if not file.is_file():
            self.send_error(404)
            return
        content = file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        # A client may hang up.
        with contextlib.suppress(ConnectionError):
            self.wfile.write(content[: self.mirror.cut])

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="session")
def make_mirror(tmp_path_factory):
    """Return a function that gives a running `Mirror` of an empty folder; a test may stop it."""
    with contextlib.ExitStack() as stack:

        def make() -> Mirror:
            made = Mirror(tmp_path_factory.mktemp("mirror"))
            made.start()
            stack.callback(made.stop)
            return made

        yield make


@pytest.fixture
def mirror(make_mirror):
    """A `Mirror` of the test's own."""
    return make_mirror()
