"""Let MediaPipe load on a machine without graphics libraries.

MediaPipe's library names libEGL.so.1 and libGLESv2.so.2 as needed, yet calls neither when it works
on the CPU. A server, a container or a plain Debian has neither, and installing them needs an
administrator. Here two empty libraries of those names are loaded instead, only where the real
ones are missing, and MediaPipe's library is bound lazily, so that what is never called is never
looked up.

In: nothing. Out: a side effect on this process. Knows nothing about faces.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

_NEEDED = ("libEGL.so.1", "libGLESv2.so.2")
_MACHINES = {"x86_64": 62, "aarch64": 183}  # ELF numbers
_PAGE = 0x10000


def load_without_graphics(library: Path, *, always: bool = False) -> bool:
    """Load a library although the graphics libraries that it names are missing.

    Args:
        library: the library that needs them.
        always: do it even where they are installed (for tests).

    Returns:
        Whether anything had to be done.
    """
    machine = _MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None:
        return False
    missing = [name for name in _NEEDED if always or not _can_load(name)]
    if not missing:
        return False
    with suppress(OSError), tempfile.TemporaryDirectory() as folder:
        for name in missing:
            path = Path(folder) / name
            path.write_bytes(empty_library(name, machine))
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
        # ctypes binds everything at once; the C function is asked to bind lazily.
        load = ctypes.CDLL(None).dlopen
        load.argtypes = (ctypes.c_char_p, ctypes.c_int)
        load.restype = ctypes.c_void_p
        return load(os.fsencode(library), os.RTLD_LAZY) is not None
    return False


def empty_library(name: str, machine: int) -> bytes:
    """Write a shared library that holds nothing but its name.

    Args:
        name: the name that other libraries ask for.
        machine: ELF's number of the processor: 62 for x86-64, 183 for 64-bit Arm.

    Returns:
        The file: an ELF header, three program headers and a dynamic section.
    """
    strings = b"\0" + name.encode() + b"\0"
    symbols = bytes(24)  # the obligatory empty symbol
    hashes = struct.pack("<4I", 1, 1, 0, 0)
    strings_at = 64 + 3 * 56
    symbols_at = strings_at + len(strings) + -len(strings) % 8
    hashes_at = symbols_at + len(symbols)
    dynamic_at = hashes_at + len(hashes)
    entries = [
        (14, 1),  # SONAME: at byte 1 of the strings
        (5, strings_at),  # STRTAB
        (10, len(strings)),  # STRSZ
        (6, symbols_at),  # SYMTAB
        (11, 24),  # SYMENT
        (4, hashes_at),  # HASH
        (0, 0),  # end
    ]
    dynamic = b"".join(struct.pack("<qQ", *entry) for entry in entries)
    size = dynamic_at + len(dynamic)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01", 3, machine, 1, 0, 64, 0, 0, 64, 56, 3, 64, 0, 0,
    )  # fmt: skip
    readable_writable = 6
    parts = [(1, 0, size, _PAGE), (2, dynamic_at, len(dynamic), 8), (0x6474E551, 0, 0, 16)]
    programs = b"".join(
        struct.pack("<IIQQQQQQ", kind, readable_writable, at, at, at, length, length, align)
        for kind, at, length, align in parts  # loadable part, dynamic section, stack
    )
    tables = strings.ljust(symbols_at - strings_at, b"\0") + symbols + hashes
    return header + programs + tables + dynamic


def _can_load(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
