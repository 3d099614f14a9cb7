"""Whose file is whose: a file goes only to the person whom the studio told about it.

In: an ASGI app and the folder of temporary files. Out: the same app, which refuses files of others.
Knows nothing about Gradio but where its answers name files.

Gradio's addresses of files can't be guessed, but whoever has one can fetch it. Here each browser
gets a cookie, and the answers that go to it are read for folders in the folder of temporary files:
those are this person's from then on (uploads, results, and the examples that everybody is told
of). A request for another folder, or one that names another as an input, is refused. A client that
keeps no cookies, such as gradio_client, is known by its address instead.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import threading
import time
from collections import OrderedDict
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

from studio.files import SWEEP_S
from studio.security import App, Message, Receive, Scope, Send

COOKIE = "mmfa_studio"
PEOPLE_KEPT = 10_000  # the newest; who comes back after that many others has to reload the page
TAIL_BYTES = 300  # an address may lie across two parts of an answer
_READ = (b"text/html", b"application/json", b"text/event-stream")


class OwnFilesOnly:
    """Give a file only to the person whom the studio told about it.

    Args:
        app: what answers.
        root: folder of temporary files; its name must be this process's own.
    """

    def __init__(self, app: App, root: Path) -> None:
        self._app = app
        self._root = root
        name = re.escape(root.name)
        self._folders = re.compile(name.encode() + rb"[/\\]+([\w-]{8,})")
        self._mention = re.compile(name, re.IGNORECASE)
        self._lock = threading.Lock()
        self._owned: OrderedDict[str, set[bytes]] = OrderedDict()
        self._swept = time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, if it asks for nothing of another person."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        known = _cookie(headers.get(b"cookie", b""))
        wants_page = known is None and b"text/html" in headers.get(b"accept", b"")
        fresh = secrets.token_hex(16) if wants_page else None
        client = scope.get("client") or ("nowhere", 0)
        people = [f"cookie {known}"] if known else [f"address {client[0]}"]
        asked = [str(scope["path"])]
        kinds = [value.lower() for name, value in scope["headers"] if name == b"content-type"]
        if any(b"json" in kind for kind in kinds):  # of two, others may believe the first
            body, receive = await _read_first(receive)
            asked += _strings(body)
        if not self._may(people[0], asked):
            await _refuse(send)
            return
        if fresh:
            people.append(f"cookie {fresh}")
        await self._app(scope, receive, self._listening(send, people, fresh, scope["scheme"]))

    def _may(self, person: str, asked: list[str]) -> bool:
        """Say whether every mention of the folder of temporary files goes on into an own folder."""
        with self._lock:
            owned = self._owned.get(person, set())
            return all(
                parts[0].encode() in owned and not {".", ".."} & set(parts)
                for text in asked
                for mention in self._mention.finditer(text)
                for parts in [_parts(text[mention.end() :])]
            )

    def _tell(self, people: list[str], part: bytes) -> None:
        told = set(self._folders.findall(part))
        if not told:
            return
        with self._lock:
            if time.monotonic() - self._swept > SWEEP_S:
                self._forget_what_is_gone()
            for person in people:
                self._owned.setdefault(person, set()).update(told)
                self._owned.move_to_end(person)
            while len(self._owned) > PEOPLE_KEPT:
                self._owned.popitem(last=False)

    def _forget_what_is_gone(self) -> None:
        """Drop the names of folders that were swept away; hold the lock."""
        self._swept = time.monotonic()
        with contextlib.suppress(OSError):  # the next time is another chance
            here = {os.fsencode(entry.name) for entry in self._root.iterdir()}
            for person, folders in list(self._owned.items()):
                folders &= here
                if not folders:
                    del self._owned[person]

    def _listening(self, send: Send, people: list[str], fresh: str | None, scheme: str) -> Send:
        """Wrap send: note which folders an answer names, and set a new person's cookie."""
        reads, tail = False, b""

        async def listen(message: Message) -> None:
            nonlocal reads, tail
            if message["type"] == "http.response.start":
                found = list(message.get("headers", []))
                kind = dict(found).get(b"content-type", b"")
                reads = kind.startswith(_READ)
                if fresh:
                    message["headers"] = [*found, (b"set-cookie", _set_cookie(fresh, scheme))]
            elif message["type"] == "http.response.body" and reads:
                part = tail + bytes(message.get("body", b""))
                self._tell(people, part)
                tail = part[-TAIL_BYTES:]
            await send(message)

        return listen


def _cookie(header: bytes) -> str | None:
    """Read the person's cookie."""
    try:
        found = SimpleCookie(header.decode("latin-1")).get(COOKIE)
    except CookieError:
        return None
    return found.value if found and re.fullmatch(r"[0-9a-f]{32}", found.value) else None


def _set_cookie(value: str, scheme: str) -> bytes:
    """Write the cookie; over https it also works where another site shows the page in a frame."""
    where = "SameSite=None; Secure; Partitioned" if scheme == "https" else "SameSite=Lax"
    return f"{COOKIE}={value}; Path=/; HttpOnly; {where}".encode()


def _parts(rest: str) -> list[str]:
    """Split what follows the folder's name; never empty."""
    return [part for part in re.split(r"[/\\]+", rest) if part] or [""]


def _strings(body: bytes) -> list[str]:
    """List the strings of a JSON text without escapes, so that no path hides behind one."""
    try:
        waiting = [json.loads(body)]
    except (ValueError, RecursionError):
        return []  # nobody will read it either
    found = []
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict):
            waiting += [*value, *value.values()]
        elif isinstance(value, list):
            waiting += value
    return found


async def _read_first(receive: Receive) -> tuple[bytes, Receive]:
    """Read the body of a request, and give a receive() that tells it again."""
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    body = b"".join(message.get("body", b"") for message in messages)
    waiting = iter(messages)

    async def again() -> Message:
        message = next(waiting, None)
        return await receive() if message is None else message

    return body, again


async def _refuse(send: Send) -> None:
    head = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 403, "headers": head})
    await send({"type": "http.response.body", "body": b"This file is not yours, or is gone."})
