"""Start MMFA Studio: parse flags, load a model, build the page, launch it.

Also what Hugging Face Spaces starts. Heavy parts are imported after the flags are read, so that
``--help`` and a wrong flag answer at once.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
import webbrowser
from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import TextIO

AUTH_VARIABLE = "MMFA_STUDIO_AUTH"
MCP_MISSING = "--mcp needs one more package: run .venv/bin/python -m pip install 'gradio[mcp]'"
WAITING = 32  # how many may wait in the queue
FOLDER = "mmfa-studio-"  # of people's files, in the system's folder for temporary ones
LOCK = ".in-use"
JUST_MADE_S = 60.0


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the flags.

    Args:
        arguments: words; None takes those of this process.

    Returns:
        The flags, checked as far as that needs no model.
    """
    parser = argparse.ArgumentParser(prog="app.py", description="Start MMFA Studio, a web page.")
    add = parser.add_argument
    add(
        "--host",
        default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"),
        help="address to listen on; 0.0.0.0 lets other machines in (default: %(default)s)",
    )
    add("--port", type=_port, help="port (default: the first free one from 7860 on)")
    add(
        "--model",
        metavar="FOLDER_OR_ID",
        help="a folder, mmfa-s-256-open, or org/name[@revision] on the Hugging Face Hub "
        "(default: the bundled mmfa-s-256)",
    )
    add("--device", metavar="NAME", help="cpu or cuda (default: a GPU if there is one)")
    add(
        "--dtype",
        choices=("float32", "bfloat16", "float16"),
        help="what networks compute in (default: what the device does fast)",
    )
    add("--threads", type=int, metavar="N", help="CPU threads (default: every core)")
    add(
        "--max-clip-seconds",
        type=_positive,
        default=60.0,
        metavar="S",
        help="longest driving clip (default: %(default)g)",
    )
    add(
        "--max-upload-mb",
        type=_positive,
        default=200.0,
        metavar="MB",
        help="largest file that may be sent (default: %(default)g)",
    )
    add(
        "--auth",
        type=_pair,
        metavar="USER:PASSWORD",
        help=f"ask for these; better given as {AUTH_VARIABLE}, since others can read command lines",
    )
    add("--root-path", metavar="PATH", help="where a proxy serves the page, such as /studio")
    add("--share", action="store_true", help="also open a public link, through Gradio's servers")
    add(
        "--ready-examples",
        action="store_true",
        help="compute what the examples give before the page opens, as a Space does",
    )
    add("--mcp", action="store_true", help="also serve the tools to assistants, by MCP")
    add("--open", action="store_true", help="open the page in this machine's browser")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Start the studio and stay until it is stopped.

    Returns:
        The exit code: 0 when it was stopped, 2 for what a person can mend, told in one sentence.
    """
    flags = parse_arguments(arguments)
    if flags.mcp and importlib.util.find_spec("mcp") is None:
        return _fail(MCP_MISSING)
    try:
        auth = flags.auth or (_pair(os.environ[AUTH_VARIABLE]) if _has_auth() else None)
    except argparse.ArgumentTypeError as error:
        return _fail(f"{AUTH_VARIABLE} {error}.")
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    # Asked to end, as by `docker stop` or a closed terminal: leave by the door, so that people's
    # files are deleted.
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: sys.exit(0))
    speak_directly(os.environ)
    with own_folder() as folder:
        # Gradio writes what people send and what is made here; nobody else's files are near it.
        os.environ["GRADIO_TEMP_DIR"] = str(folder)
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        return _serve(flags, auth, folder)


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """Make a folder for people's files that goes when the studio ends.

    What a studio left that was killed goes now: its lock is nobody's any more.

    Yields:
        The folder.
    """
    remove_abandoned(Path(tempfile.gettempdir()))
    with (
        tempfile.TemporaryDirectory(prefix=FOLDER, ignore_cleanup_errors=True) as folder,
        (Path(folder) / LOCK).open("w", encoding="ascii") as lock,
    ):
        _hold(lock)
        yield Path(folder)


def remove_abandoned(place: Path) -> None:
    """Remove this user's folders of studios that run no more."""
    if not hasattr(os, "getuid"):  # on Windows nobody can tell whether one is in use
        return
    for folder in place.glob(f"{FOLDER}*"):
        with contextlib.suppress(OSError):  # another user's, or gone while we looked
            facts = folder.lstat()
            if facts.st_uid != os.getuid() or time.time() - facts.st_mtime < JUST_MADE_S:
                continue
            with (folder / LOCK).open("a", encoding="ascii") as lock:
                if _hold(lock):
                    shutil.rmtree(folder, ignore_errors=True)


def _hold(lock: TextIO) -> bool:
    """Take a lock that the system gives back however the process ends; False if it is taken."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _serve(flags: argparse.Namespace, auth: tuple[str, str] | None, folder: Path) -> int:
    on_spaces = "SPACE_ID" in os.environ
    believe_proxy(os.environ)
    with contextlib.suppress(ImportError):
        import spaces  # noqa: F401 - ZeroGPU changes torch, so this comes before it
    from mmfa_core import Animator, MMFAError
    from studio import StudioSettings, build_studio
    from studio.files import keep_sweeping
    from studio.layout import ON_OPEN
    from studio.ownership import OwnFilesOnly
    from studio.security import KeepLocal
    from studio.theme import ICON, build_css, build_theme
    from studio.zero_gpu import is_zero_gpu, put_on_gpu

    print("Loading the model ...", flush=True)
    try:
        animator = Animator.from_pretrained(
            flags.model,
            device=flags.device,
            dtype=flags.dtype,
            threads=1 if is_zero_gpu() else flags.threads,
        )
    except MMFAError as error:
        return _fail(str(error))
    page = build_studio(
        animator,
        StudioSettings(
            max_clip_s=flags.max_clip_seconds,
            webcam=not on_spaces,
            shared=flags.share,
            ready_examples=on_spaces or flags.ready_examples,
        ),
    )
    put_on_gpu(page)
    page.queue(max_size=WAITING, default_concurrency_limit=1)
    keep_sweeping()
    try:
        _, local, shared = page.launch(
            server_name=flags.host,
            server_port=flags.port,
            auth=auth,
            root_path=flags.root_path,
            share=flags.share,
            mcp_server=flags.mcp,
            theme=build_theme(),
            css=build_css(),
            js=ON_OPEN,
            favicon_path=ICON,
            max_file_size=f"{int(flags.max_upload_mb)}mb",
            allowed_paths=[],
            strict_cors=True,
            run_history=False,
            enable_monitoring=False,
            ssr_mode=False,
            footer_links=["api"],
            app_kwargs={"middleware": [(KeepLocal, (), {}), (OwnFilesOnly, (), {"root": folder})]},
            quiet=True,
            prevent_thread_lock=True,
        )
    except OSError as error:
        return _fail(_no_place(flags, error))
    if flags.mcp and not page.mcp_server:  # a version that Gradio can't use
        return _fail(MCP_MISSING)
    print(f"MMFA Studio is at {local}", flush=True)
    if shared:
        print(f"Everybody can reach it at {shared}", flush=True)
    if flags.open and _has_screen():
        webbrowser.open(local)
    try:
        page.block_thread()
    finally:  # nothing may be written any more when people's files are deleted
        page.close(verbose=False)
    return 0


def _no_place(flags: argparse.Namespace, error: OSError) -> str:
    if "empty port" in str(error):  # Gradio's words, which go on about its own settings
        taken = "Every usual port" if flags.port is None else f"Port {flags.port}"
        return f"{taken} is taken: choose another with --port."
    return f"The studio can't listen there: {error}"


def speak_directly(environment: MutableMapping[str, str]) -> None:
    """Keep calls to this machine itself away from a proxy: the page is asked at its start."""
    for name in ("NO_PROXY", "no_proxy"):
        kept = [environment[name]] if environment.get(name) else []
        environment[name] = ",".join([*kept, "localhost,127.0.0.1,::1"])


def believe_proxy(environment: MutableMapping[str, str]) -> None:
    """On a Space, believe what the proxy says of https and of addresses; change nothing elsewhere.

    Only that proxy reaches the server there. Unbelieved, the cookie that tells people apart is not
    one that a browser sends from the Space's frame, and all visitors have the proxy's address.
    uvicorn reads the variable when the page is launched.
    """
    if "SPACE_ID" in environment:
        environment.setdefault("FORWARDED_ALLOW_IPS", "*")


def _has_auth() -> bool:
    return bool(os.environ.get(AUTH_VARIABLE))


def _has_screen() -> bool:
    """Say whether a browser with windows can be opened here."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _pair(text: str) -> tuple[str, str]:
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise argparse.ArgumentTypeError("must be USER:PASSWORD, neither of them empty")
    return user, password


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; allowed are 1 to 65535")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number from 1 on")
    return value


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
