"""A stand-in for the Hugging Face Hub on this machine: enough of its protocol for real clients, and faults on demand."""

import hashlib
import json
import re
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".bin", ".parquet")
"""Files that the Hub keeps outside git and delivers from another address."""


@dataclass
class Repository:
    """A repository at one commit.

    Attributes:
        files: content by name.
        commit: 40 hexadecimal digits, behind every one of ``references``.
        references: branches and pull requests.
        gated: its files want a token.
        listed: digests to claim in place of the true ones, by name.
        pull_requests: number and author of each.
    """

    files: dict[str, bytes]
    commit: str = "c0ffee" + "0" * 34
    references: tuple[str, ...] = ("main",)
    gated: bool = False
    listed: dict[str, str] = field(default_factory=dict)
    pull_requests: dict[int, str] = field(default_factory=dict)

    def digest(self, name: str) -> str:
        content = self.files[name]
        if name in self.listed:
            return self.listed[name]
        if name.endswith(LARGE):
            return hashlib.sha256(content).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass
class Fault:
    """What goes wrong with the next ``times`` requests whose path has ``where`` in it.

    Attributes:
        status: answer with this error.
        headers: of that answer.
        cut: close the connection after so many bytes of the body.
        delay: wait so many seconds before answering.
        content: send this instead, with status 200.
        ignore_range: send the whole file where a part was asked for.
    """

    where: str
    times: int = 1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    delay: float = 0.0
    content: bytes | None = None
    ignore_range: bool = False


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    range: str | None
    token: str | None


class HubServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, repositories: dict[str, Repository]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories = repositories
        self.faults: list[Fault] = []
        self.requests: list[Request] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def asked(self, part: str) -> list[Request]:
        return [request for request in self.requests if part in request.path]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HubServer

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.server.requests.append(Request(self.command, path, self.headers["Range"], self.headers["Authorization"]))
        fault = next((fault for fault in self.server.faults if fault.where in path and fault.times), None)
        if fault:
            fault.times -= 1
            time.sleep(fault.delay)
            if fault.status:
                self._refuse(fault.status, headers=fault.headers)
                return
            if fault.content is not None:
                self._send(fault.content, {})
                return
        if listing := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            self._list(listing[1], unquote(listing[2] or "main"))
        elif discussions := re.fullmatch(r"/api/models/([^/]+/[^/]+)/discussions", path):
            self._discuss(discussions[1])
        elif file := re.fullmatch(r"/(?:datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._resolve(file[1], unquote(file[2]), unquote(file[3]), fault)
        elif large := re.fullmatch(r"/cdn/([^/]+/[^/]+)/(.+)", path):
            self._send(self.server.repositories[large[1]].files[large[2]], {}, fault)
        else:
            self._refuse(404)

    do_HEAD = do_GET

    def _find(self, name: str, revision: str) -> Repository | None:
        repository = self.server.repositories.get(name)
        if repository is None:  # the Hub does not say whether it is private or does not exist
            self._refuse(401, "RepoNotFound")
        elif revision not in (repository.commit, *repository.references):
            self._refuse(404, "RevisionNotFound")
        else:
            return repository
        return None

    def _list(self, name: str, revision: str) -> None:
        repository = self._find(name, revision)
        if repository is None:
            return
        siblings = []
        for file, content in repository.files.items():
            entry = {"rfilename": file, "size": len(content), "blobId": repository.digest(file)}
            if file.endswith(LARGE):
                entry["lfs"] = {"sha256": repository.digest(file), "size": len(content), "pointerSize": 134}
            siblings.append(entry)
        answer = {"id": name, "modelId": name, "sha": repository.commit, "siblings": siblings, "private": False}
        self._send(json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _discuss(self, name: str) -> None:
        """Every pull request, as on one page: the client must look at the authors itself."""
        requests = [
            {
                "num": number, "title": "Adding `safetensors` variant of this model", "author": {"name": author},
                "createdAt": "2023-01-01T00:00:00.000Z", "status": "open", "isPullRequest": True,
                "repo": {"name": name, "type": "model"},
            }
            for number, author in self.server.repositories[name].pull_requests.items()
        ]  # fmt: skip
        answer = {"discussions": requests, "count": len(requests), "start": 0}
        self._send(json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _resolve(self, name: str, revision: str, file: str, fault: Fault | None) -> None:
        repository = self._find(name, revision)
        if repository is None:
            return
        if repository.gated and not self.headers["Authorization"]:
            self._refuse(401, "GatedRepo")
        elif file not in repository.files:
            self._refuse(404, "EntryNotFound", {"X-Repo-Commit": repository.commit})
        elif file.endswith(LARGE):
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_port}/cdn/{name}/{file}")
            self.send_header("X-Repo-Commit", repository.commit)
            self.send_header("X-Linked-ETag", f'"{repository.digest(file)}"')
            self.send_header("X-Linked-Size", str(len(repository.files[file])))
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            headers = {"X-Repo-Commit": repository.commit, "ETag": f'"{repository.digest(file)}"'}
            self._send(repository.files[file], headers, fault)

    def _send(self, content: bytes, headers: dict[str, str], fault: Fault | None = None) -> None:
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        if asked and int(asked[1]) and not (fault and fault.ignore_range):
            start = int(asked[1])
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        for header, value in headers.items():
            self.send_header(header, value)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault and fault.cut is not None:
            self.wfile.write(content[start : start + fault.cut])
            self.close_connection = True
        else:
            self.wfile.write(content[start:])

    def _refuse(self, status: int, code: str | None = None, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for header, value in {**({"X-Error-Code": code} if code else {}), **(headers or {})}.items():
            self.send_header(header, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass
