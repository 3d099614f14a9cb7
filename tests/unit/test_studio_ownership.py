"""Files go only to whoever was told about them, and the page stays on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.ownership import COOKIE, OwnFilesOnly
from studio.security import HEADERS, KeepLocal
from tests.helpers import run_apart

ROOT = Path("/tmp/mmfa-studio-x1y2z3")
MINE = f"{ROOT}/made-0123456789abcdef/result.mp4"
PERSON, OTHER = "a" * 32, "b" * 32


class Site:
    """Stands in for Gradio: tells a file's address, takes inputs, serves files."""

    def __init__(self, parts: tuple[bytes, ...] = (), kind: bytes = b"application/json") -> None:
        self.parts, self.kind, self.bodies = parts, kind, []

    async def __call__(self, scope, receive, send) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.bodies.append(body)
        headers = [(b"content-type", self.kind), (b"referrer-policy", b"unsafe-url")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for part in self.parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def ask(app, path="/", *, person=None, body=(), address="10.0.0.1", kind=None, scheme="http"):
    """Send one request; return status, headers and body."""
    kinds = kind if isinstance(kind, list) else [kind]
    headers = [(b"accept", b"text/html") if k is None else (b"content-type", k) for k in kinds]
    if person:
        headers.append((b"cookie", f"x=1; {COOKIE}={person}".encode()))
    scope = {"type": "http", "path": path, "headers": headers, "scheme": scheme}
    scope["client"] = (address, 1)
    coming = [
        {"type": "http.request", "body": part, "more_body": index < len(body) - 1}
        for index, part in enumerate(body)
    ] or [{"type": "http.request", "body": b""}]
    sent = []

    async def receive():
        return coming.pop(0)

    async def send(message):
        sent.append(message)

    run_apart(app(scope, receive, send))
    return sent[0]["status"], sent[0]["headers"], b"".join(m.get("body", b"") for m in sent[1:])


def told_to(person: str | None, *parts: bytes, kind: bytes = b"application/json", **more):
    """Make a site, tell one person of a file, then serve files."""
    app = OwnFilesOnly(Site(parts or (MINE.encode(),), kind), ROOT)
    ask(app, "/gradio_api/queue/data", person=person, **more)
    return app


def get(app, path: str = MINE, **more) -> int:
    return ask(app, f"/gradio_api/file={path}", **more)[0]


def test_a_file_goes_to_whoever_was_told_and_to_nobody_else():
    app = told_to(PERSON)
    assert get(app, person=PERSON) == 200
    assert get(app, person=OTHER) == 403
    assert get(app) == 403
    assert get(app, person="../../etc") == 403


def test_an_address_is_noticed_across_two_parts_of_an_answer():
    half = len(MINE) // 2
    app = told_to(
        PERSON, b"x" * 900 + MINE[:half].encode(), MINE[half:].encode(), kind=b"text/event-stream"
    )
    assert get(app, person=PERSON) == 200


def test_names_of_folders_that_were_swept_away_are_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr("studio.ownership.SWEEP_S", -1)
    site = Site()
    app = OwnFilesOnly(site, tmp_path)
    for number in range(4):
        folder = tmp_path / f"made-{number:016x}"
        folder.mkdir()
        site.parts = (f"{folder}/result.mp4".encode(),)
        ask(app, "/gradio_api/queue/data", person=PERSON)
        if number != 2:
            folder.rmdir()
    last, kept = folder.name.encode(), f"made-{2:016x}".encode()
    assert app._owned[f"cookie {PERSON}"] == {kept, last}
    assert get(app, f"{tmp_path}/{kept.decode()}/result.mp4", person=PERSON) == 200
    site.parts = (f"{tmp_path}/{kept.decode()}/result.mp4".encode(),)
    ask(app, person=OTHER)
    assert app._owned == {f"cookie {person}": {kept} for person in (PERSON, OTHER)}


def test_what_a_file_itself_holds_gives_nothing_away():
    assert get(told_to(PERSON, kind=b"video/mp4"), person=PERSON) == 403


@pytest.mark.parametrize(
    "path",
    [
        f"{ROOT}/made-0123456789abcdef/../made-other-person-0/result.mp4",
        f"{ROOT}/./made-other-person-0/result.mp4",
        f'{ROOT}/made-0123456789abcdef/a"/../../made-other-person-0/result.mp4',
        f"{ROOT}/made-0123456789abcdef/a\n/../../made-other-person-0/result.mp4",
        f"{ROOT}//made-other-person-0/result.mp4",
        f"{ROOT}",
        f"{str(ROOT).upper()}/made-other-person-0/result.mp4",
    ],
)
def test_no_detour_leads_to_the_folder_of_another(path):
    app = told_to(PERSON)
    assert get(app, path, person=PERSON) == 403
    body = json.dumps({"data": [{"path": path}]}).encode()
    assert ask(app, "/run", person=PERSON, body=(body,), kind=b"application/json")[0] == 403


@pytest.mark.parametrize("person", [OTHER, None])
def test_a_file_of_another_can_not_be_named_as_an_input_not_even_with_escapes(person):
    site = Site((MINE.encode(),))
    app = OwnFilesOnly(site, ROOT)
    ask(app, person=PERSON)
    plain = json.dumps({"data": [{"path": MINE}]}).encode()
    hidden = plain.replace(b"mmfa-studio", b"mmfa\\u002dst\\u0075dio")
    for body in (plain, hidden):
        parts = (body[:20], body[20:])
        for kind in (b"application/json", b"application/vnd.x+JSON; charset=utf-8"):
            assert ask(app, "/run", person=person, body=parts, kind=kind)[0] == 403
            assert ask(app, "/run", person=PERSON, body=parts, kind=kind)[0] == 200
            assert site.bodies[-1] == body  # it arrives whole


def test_a_second_content_type_hides_no_file_of_another():
    app = told_to(PERSON)
    body = json.dumps({"data": [{"path": MINE}]}).encode()
    kinds = [b"application/json", b"text/plain"]
    for order in (kinds, kinds[::-1]):
        assert ask(app, "/run", person=OTHER, body=(body,), kind=order)[0] == 403


def test_a_new_browser_gets_a_cookie_and_a_client_without_one_is_known_by_its_address():
    app = told_to(None, address="10.0.0.7")
    assert get(app, address="10.0.0.7") == 200
    assert get(app, address="10.0.0.8") == 403
    cookies = [value for name, value in ask(app)[1] if name == b"set-cookie"]
    assert len(cookies) == 1
    assert b"HttpOnly; SameSite=Lax" in cookies[0]
    value = cookies[0].split(b"=")[1].split(b";")[0].decode()
    assert get(app, person=value) == 200  # the answer with the cookie named the file
    secure = [value for name, value in ask(app, scheme="https")[1] if name == b"set-cookie"]
    assert b"Secure; Partitioned" in secure[0]
    assert b"set-cookie" not in dict(ask(app, person=PERSON)[1])


def test_every_answer_says_what_the_browser_may_ask_for():
    status, headers, _ = ask(KeepLocal(Site()))
    assert status == 200
    assert [pair for pair in headers if pair in HEADERS] == list(HEADERS)
    assert [name for name, _ in headers].count(b"referrer-policy") == 1


@pytest.mark.parametrize(
    "path", ["/gradio_api/file=https://example.org/x", "/file=HTTP%3A//x", "/gradio_api/proxy=a"]
)
def test_the_studio_asks_no_other_host_for_anybody(path):
    site = Site()
    assert ask(KeepLocal(site), path)[0] == 403
    assert site.bodies == []


def test_what_is_no_request_passes():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    for wrapped in (KeepLocal(app), OwnFilesOnly(app, ROOT)):
        run_apart(wrapped({"type": "lifespan"}, None, None))
    assert seen == ["lifespan", "lifespan"]
