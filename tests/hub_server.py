"""A small Hub on 127.0.0.1 that the real client talks to, with faults on demand.

It speaks the routes that huggingface_hub uses to read and to publish a model over plain HTTP. Large
files are sent on to a second host name, as the real Hub sends them on to its storage, so that a
token that leaks is seen. Like the real Hub it offers Xet for them; but then it refuses every byte.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

LARGE = ".safetensors"


def git_id(content: bytes) -> str:
    """Name content as git does; the Hub's ETag of small files."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def etag_of(name: str, content: bytes) -> str:
    return hashlib.sha256(content).hexdigest() if name.endswith(LARGE) else git_id(content)


@dataclass
class Repository:
    """Commits of files, and names of commits."""

    private: bool = False
    gated: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes], ref: str = "main") -> str:
        """Add a commit that holds exactly these files and let a branch or tag name it."""
        listing = repr([len(self.commits), sorted((n, git_id(c)) for n, c in files.items())])
        name = hashlib.sha1(listing.encode()).hexdigest()
        self.commits[name] = dict(files)
        self.refs[ref] = name
        return name


@dataclass
class Fault:
    """What goes wrong, where, and how often.

    Attributes:
        on: api, head, get, create, commit, put.
        kind: status, cut (half of the bytes), hang (until the server stops), page (HTML as from a
            network that wants a login), or garble.
        file: only for this file; None for any.
        times: how often before all is well again.
    """

    on: str
    kind: str = "status"
    file: str | None = None
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 10**6


@dataclass
class Seen:
    """A request that came in; ``host`` is the name by which the client called the server."""

    method: str
    path: str
    host: str
    token: str | None
    range: str | None


class HubServer(ThreadingHTTPServer):
    """The state of the Hub; ``with serving() as hub``."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, Repository] = {}
        self.tokens = {"hf_writer": {"me", "org"}, "hf_reader": set()}
        self.faults: dict[str, list[Fault]] = {}
        self.storage: dict[tuple[str, str], bytes] = {}  # (repository, SHA-256)
        self.seen: list[Seen] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def add(self, name: str, files: dict[str, bytes], **traits: bool) -> str:
        """Make a repository with one commit on main and give that commit."""
        self.repositories[name] = Repository(**traits)
        return self.repositories[name].commit(files)

    def fail(self, name: str, on: str, kind: str = "status", **more: Any) -> None:
        self.faults.setdefault(name, []).append(Fault(on, kind, **more))

    def heal(self, name: str) -> None:
        self.faults.pop(name, None)

    def asked(self, name: str, method: str | None = None) -> list[str]:
        """List what was asked about a repository: ``GET /...``."""
        return [
            f"{s.method} {s.path}"
            for s in self.seen
            if name in s.path and method in (None, s.method)
        ]

    def take_fault(self, name: str, on: str, file: str | None) -> Fault | None:
        for fault in self.faults.get(name, ()):
            if fault.on == on and fault.file in (None, file) and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    def handle_error(self, *_: object) -> None:
        """Say nothing when a client hangs up."""


@contextmanager
def serving() -> Iterator[HubServer]:
    server = HubServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Refused(Exception):  # noqa: N818  # an answer, not a mistake
    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class _Handler(BaseHTTPRequestHandler):
    """One request; each route is a method whose pattern is in ROUTES."""

    protocol_version = "HTTP/1.1"
    server: HubServer

    def log_message(self, *_: object) -> None:
        """Keep the output of tests clean."""

    def do_GET(self) -> None:
        self._route()

    def do_HEAD(self) -> None:
        self._route()

    def do_POST(self) -> None:
        self._route()

    def do_PUT(self) -> None:
        self._route()

    def _route(self) -> None:
        hub = self.server
        path = unquote(urlsplit(self.path).path)
        word = self.headers.get("Authorization", "")
        self.token = word.removeprefix("Bearer ") or None
        host = self.headers.get("Host", "").split(":")[0]
        hub.seen.append(Seen(self.command, path, host, self.token, self.headers.get("Range")))
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            if self.token is not None and self.token not in hub.tokens:
                raise _Refused(401, message="Invalid credentials in Authorization header")
            for methods, pattern, answer in ROUTES:
                match = pattern.fullmatch(path)
                if match and self.command in methods:
                    answer(self, **match.groupdict())
                    return
            raise _Refused(404)
        except _Refused as refused:
            more = {"X-Error-Code": refused.code, "X-Error-Message": refused.message}
            self._json({"error": refused.message}, refused.status, more)

    def _json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._send(json.dumps(value).encode(), status, headers)

    def _send(
        self,
        content: bytes,
        status: int = 200,
        headers: dict[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _fault(self, name: str, on: str, file: str | None = None) -> Fault | None:
        """Take the next fault and play it, unless it is one of the content."""
        fault = self.server.take_fault(name, on, file)
        if fault is None or fault.kind in ("cut", "garble"):
            return fault
        self.close_connection = True
        if fault.kind == "hang":
            self.server.closing.wait()
        if fault.kind == "page":
            # Told, so that the client doesn't come back on a connection that ends here.
            headers = {"Content-Type": "text/html", "Connection": "close"}
            self._send(b"<html>Welcome</html>", 200, headers)
        else:
            self._json({"error": "a fault"}, fault.status, {**fault.headers, "Connection": "close"})
        raise ConnectionAbortedError

    def _repository(self, name: str) -> Repository:
        found = self.server.repositories.get(name)
        if found is None or (found.private and self.token is None):
            if self.token is None:
                raise _Refused(401, "RepoNotFound", "Invalid username or password.")
            raise _Refused(404, "RepoNotFound", "Repository not found")
        return found

    def _commit(self, repository: Repository, revision: str) -> str:
        commit = repository.refs.get(revision, revision)
        if commit not in repository.commits:
            raise _Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return commit

    # Reading

    def info(self, name: str, revision: str | None = None) -> None:
        repository = self._repository(name)
        self._fault(name, "api")
        commit = self._commit(repository, revision or "main")
        files = repository.commits[commit]
        siblings = [{"rfilename": path} for path in sorted(files)]
        self._json({"id": name, "sha": commit, "siblings": siblings, "private": repository.private})

    def tree(self, name: str, revision: str) -> None:
        repository = self._repository(name)
        files = repository.commits[self._commit(repository, revision)]
        rows = []
        for path, content in sorted(files.items()):
            row: dict[str, Any] = {"type": "file", "path": path, "size": len(content)}
            row["oid"] = git_id(content)
            if path.endswith(LARGE):
                row["lfs"] = {"oid": etag_of(path, content), "size": len(content)}
            rows.append(row)
        self._json(rows)

    def resolve(self, name: str, revision: str, file: str) -> None:
        repository = self._repository(name)
        commit = self._commit(repository, revision)
        if repository.gated and self.token not in ("hf_writer",):
            raise _Refused(403 if self.token else 401, "GatedRepo", "Access is restricted.")
        if file not in repository.commits[commit]:
            raise _Refused(404, "EntryNotFound", "Entry not found")
        content = repository.commits[commit][file]
        etag = etag_of(file, content)
        headers = {"X-Repo-Commit": commit, "ETag": f'"{etag}"'}
        if self.command == "HEAD":
            self._fault(name, "head", file)
        if not file.endswith(LARGE):
            self._content(name, file, content, headers)
            return
        headers["X-Linked-ETag"] = f'"{etag}"'
        headers["X-Linked-Size"] = str(len(content))
        headers["X-Xet-Hash"] = etag
        headers["X-Xet-Refresh-Route"] = (
            f"{self.server.url}/api/models/{name}/xet-read-token/{commit}"
        )
        headers["Location"] = f"http://localhost:{self.server.server_port}/cdn/{name}/{etag}/{file}"
        self._send(b"", 302, headers)

    def xet_token(self, name: str, revision: str) -> None:
        self._commit(self._repository(name), revision)
        headers = {"X-Xet-Cas-Url": self.server.url, "X-Xet-Access-Token": "hf_xet"}
        self._json({}, 200, {**headers, "X-Xet-Token-Expiration": str(2**33)})

    def storage(self, name: str, etag: str, file: str) -> None:
        if self.token is not None:
            raise _Refused(400, message="a token was sent to the storage")
        for files in self.server.repositories[name].commits.values():
            if file in files and etag_of(file, files[file]) == etag:
                self._content(name, file, files[file], {"ETag": f'"{etag}"'})
                return
        raise _Refused(404)

    def _content(self, name: str, file: str, content: bytes, headers: dict[str, str]) -> None:
        fault = self._fault(name, "get", file) if self.command == "GET" else None
        if fault is not None and fault.kind == "garble":
            content = bytes(255 - byte for byte in content)
        status = 200
        span = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if span:
            start = int(span[1])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            content, status = content[start:], 206
        headers["Accept-Ranges"] = "bytes"
        whole = len(content)
        if fault is not None and fault.kind == "cut":
            content, self.close_connection = content[: whole // 2], True
        self._send(content, status, headers, whole)

    # Publishing

    def whoami(self) -> None:
        if self.token is None:
            raise _Refused(401)
        self._json({"type": "user", "name": "me", "orgs": [{"name": "org"}]})

    def _check_writer(self, name: str) -> None:
        if self.token is None:
            raise _Refused(401, message="Invalid username or password.")
        if name.split("/")[0] not in self.server.tokens[self.token]:
            raise _Refused(403, message="You don't have the rights to write there")

    def create(self) -> None:
        asked = json.loads(self.body)
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        self._fault(name, "create")
        self._check_writer(name)
        if asked.get("type") == "space" and asked.get("sdk") != "gradio":
            raise _Refused(400, message="a Space needs an sdk")
        known = name in self.server.repositories
        if not known:
            private = asked.get("visibility") == "private" or bool(asked.get("private"))
            self.server.add(name, {".gitattributes": b"*.safetensors filter=lfs\n"})
            self.server.repositories[name].private = private
        self._json({"url": f"{self.server.url}/{name}", "name": name}, 409 if known else 200)

    def validate(self) -> None:
        asked = json.loads(self.body)
        match = re.match(r"---\n(.*?)\n---\n", asked["content"], re.DOTALL)
        traits = yaml.safe_load(match[1]) if match else None
        wanted = "sdk_version" if asked.get("repoType") == "space" else "license"
        good = isinstance(traits, dict) and wanted in traits
        errors = [] if good else [{"message": f"no front matter with a {wanted}"}]
        self._json({"errors": errors, "warnings": []}, 200 if good else 400)

    def preupload(self, name: str, revision: str) -> None:
        repository = self._repository(name)
        self._check_writer(name)
        there = repository.commits[self._commit(repository, revision)]
        rows = []
        for file in json.loads(self.body)["files"]:
            path = file["path"]
            mode = "lfs" if path.endswith(LARGE) else "regular"
            oid = etag_of(path, there[path]) if path in there else None
            rows.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self._json({"files": rows})

    def batch(self, name: str) -> None:
        self._check_writer(name)
        rows = []
        for asked in json.loads(self.body)["objects"]:
            row = {"oid": asked["oid"], "size": asked["size"]}
            if (name, asked["oid"]) not in self.server.storage:
                place = f"http://localhost:{self.server.server_port}/put/{name}/{asked['oid']}"
                row["actions"] = {"upload": {"href": place}}
            rows.append(row)
        self._json({"transfer": "basic", "objects": rows})

    def put(self, name: str, oid: str) -> None:
        self._fault(name, "put")
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise _Refused(400, message="not the content that was announced")
        self.server.storage[name, oid] = self.body
        self._json({})

    def commit(self, name: str, revision: str) -> None:
        repository = self._repository(name)
        self._check_writer(name)
        self._fault(name, "commit")
        files = dict(repository.commits[self._commit(repository, revision)])
        for line in self.body.splitlines():
            step = json.loads(line)
            value = step["value"]
            if step["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif step["key"] == "lfsFile":
                files[value["path"]] = self.server.storage[name, value["oid"]]
            elif step["key"] == "deletedFile":
                del files[value["path"]]
        made = repository.commit(files, revision)
        page = f"{self.server.url}/{name}/commit/{made}"
        self._json({"success": True, "commitOid": made, "commitUrl": page})


NAME = r"(?P<name>[\w.-]+/[\w.-]+)"
REV = r"(?P<revision>[^?]+?)"
KIND = "(?:models|spaces)"
ROUTES = [
    (methods, re.compile(pattern), answer)
    for methods, pattern, answer in [
        ("GET", f"/api/{KIND}/{NAME}", _Handler.info),
        ("GET", f"/api/{KIND}/{NAME}/revision/{REV}", _Handler.info),
        ("GET", f"/api/{KIND}/{NAME}/tree/{REV}", _Handler.tree),
        ("GET HEAD", f"/{NAME}/resolve/{REV}/(?P<file>[^/]+)", _Handler.resolve),
        ("GET HEAD", f"/cdn/{NAME}/(?P<etag>[^/]+)/(?P<file>[^/]+)", _Handler.storage),
        ("GET", f"/api/{KIND}/{NAME}/xet-read-token/{REV}", _Handler.xet_token),
        ("GET", "/api/whoami-v2", _Handler.whoami),
        ("POST", "/api/repos/create", _Handler.create),
        ("POST", "/api/validate-yaml", _Handler.validate),
        ("POST", f"/api/{KIND}/{NAME}/preupload/{REV}", _Handler.preupload),
        ("POST", rf"/(?:spaces/)?{NAME}\.git/info/lfs/objects/batch", _Handler.batch),
        ("PUT", f"/put/{NAME}/(?P<oid>[^/]+)", _Handler.put),
        ("POST", f"/api/{KIND}/{NAME}/commit/{REV}", _Handler.commit),
    ]
]
