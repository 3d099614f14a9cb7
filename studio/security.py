"""Headers that keep the page on this machine, and a door that is shut.

In: an ASGI app. Out: the same app, with headers. Knows nothing about Gradio or tabs.

What protects people's files, from the outside in:

1. Gradio's file route gives out only what lies in its folder for temporary files; app.py makes that
   folder fresh for each start, readable by this user only, with a random name.
2. In it every upload and result has a folder with a name that can't be guessed: a hash salted with
   this installation's secret, or 128 random bits.
3. A file that a request names as an input must lie in that folder too, so no request can make the
   studio read another file of this machine.
4. Both only for the person whom the studio told about the file, see ownership.py.
5. The Content-Security-Policy below: a browser sends nothing from this page to another host.
6. The file route doesn't fetch addresses of other hosts for whoever asks (below).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# Gradio builds its page from scripts in the page and from blobs, hence the unsafe-... words.
POLICY = "; ".join(
    (
        "default-src 'self' data: blob:",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
_REMOTE = ("/file=http:", "/file=https:", "/proxy=")


class KeepLocal:
    """Add HEADERS to every answer, and refuse to fetch from other hosts.

    Args:
        app: what answers.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if any(door in unquote(str(scope["path"])).lower() for door in _REMOTE):
            start = {"type": "http.response.start", "status": 403, "headers": []}
            await send({**start, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"Other hosts are not asked here."})
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                mine = {name for name, _ in HEADERS}
                kept = [(n, v) for n, v in message.get("headers", []) if n.lower() not in mine]
                message["headers"] = [*kept, *HEADERS]
            await send(message)

        await self._app(scope, receive, send_with_headers)
