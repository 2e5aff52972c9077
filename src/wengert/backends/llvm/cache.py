"""Compiled code on disk, so that the next process needn't compile it.

    cached(key, make)      the bytes that make() gave when this key was last asked for, or make()

A file is named by its key's hash and holds a checksum of key and bytes: one that is damaged counts
as missing, and so does one that others than the user may have written. It is written beside its
place and moved there at once, so processes may share the folder. Where the folder can't be used
everything works without it, and a warning says so once.
"""

import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from itertools import count

from wengert.errors import sentences
from wengert.settings import cache_folder

LIMIT = 1 << 28
"""Bytes that the folder may hold; the files that were used least recently go first."""
EVERY = 16
"""How many writes pass between two looks at the folder's size (the first write looks)."""
SUFFIX = ".wengert"
HOUR = 3600
_NEW = SUFFIX + "-new"
_DIGEST = 20
_WRITES = count()
_SAID: set[str] = set()


def cached(key: bytes, make: Callable[[], bytes]) -> bytes:
    """The bytes that belong to a key: from disk, or made now and kept there.

    >>> cached(b"a key", lambda: b"code")
    b'code'
    """
    found = find(key)
    if found is None:
        found = make()
        keep(key, found)
    return found


def find(key: bytes) -> bytes | None:
    """The bytes that were kept under a key; None if there are none, or if they can't be trusted."""
    folder = cache_folder()
    if folder is None:
        return None
    name, path = _place(folder, key)
    return _read(path, name) if _ours(folder) else None


def keep(key: bytes, data: bytes) -> None:
    """Write bytes under a key, where the folder can be used."""
    folder = cache_folder()
    if folder is None:
        return
    name, path = _place(folder, key)
    _write(folder, path, _sum(name, data) + data)


def _place(folder: str, key: bytes) -> tuple[bytes, str]:
    name = blake2b(key, digest_size=_DIGEST).digest()
    return name, os.path.join(folder, name.hex() + SUFFIX)


def _ours(folder: str) -> bool:
    """Whether nobody else could have written what the folder holds; one that isn't there is ours.

    A file there becomes code that runs with all that its user may do.
    """
    try:
        state = os.stat(folder)
    except OSError:
        return True  # whoever reads or writes there says what is wrong
    if not hasattr(os, "geteuid") or (state.st_uid == os.geteuid() and not state.st_mode & 0o022):
        return True
    _say(
        "foreign",
        f"The folder {folder} of compiled code isn't used: others than you may write to it.",
    )
    return False


@lru_cache(maxsize=1)
def house() -> bytes:
    """Which wengert this is: a hash of its files' names, sizes and times.

    Code that is kept under a program's text must go when the way it is compiled changes.
    """
    wengert = sys.modules["wengert"]
    root = os.path.dirname(wengert.__file__ or "")
    hash = blake2b(wengert.__version__.encode(), digest_size=_DIGEST)
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if f != "__pycache__")
        for file in sorted(f for f in files if f.endswith(".py")):
            path = os.path.join(folder, file)
            with suppress(FileNotFoundError):  # an editor's own
                state = os.stat(path)
                about = f"{os.path.relpath(path, root)} {state.st_size} {state.st_mtime_ns}\n"
                hash.update(about.encode())
    return hash.digest()


def _sum(name: bytes, data: bytes) -> bytes:
    return blake2b(data, digest_size=_DIGEST, key=name).digest()


def _read(path: str, name: bytes) -> bytes | None:
    try:
        with open(path, "rb") as file:
            content = file.read()
            state = os.fstat(file.fileno())
    except FileNotFoundError:
        return None
    except OSError as error:
        _say("folder", f"Compiled code could not be read from the cache ({error}).")
        return None
    if hasattr(os, "geteuid") and (state.st_uid != os.geteuid() or state.st_mode & 0o022):
        _say("foreign", f"The file {path} isn't used: others than you may write to it.")
        return None
    data = content[_DIGEST:]
    if len(content) < _DIGEST or content[:_DIGEST] != _sum(name, data):
        _say("damage", f"The file {path} of compiled code is damaged and is made anew.")
        return None
    with suppress(OSError):
        os.utime(path)
    return data


def _write(folder: str, path: str, content: bytes) -> None:
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if not _ours(folder):
            return
        handle, beside = tempfile.mkstemp(dir=folder, suffix=_NEW)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(beside, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(beside)
            raise
        if next(_WRITES) % EVERY == 0:
            _shrink(folder)
    except OSError as error:
        _say("folder", f"Compiled code could not be written to the cache ({error}).")


def _shrink(folder: str) -> None:
    """Take away what was used least recently until the folder holds no more than LIMIT."""
    files = sorted(_files(folder), reverse=True)
    total = 0
    for _, size, path in files:
        total += size
        if total > LIMIT:
            with suppress(OSError):  # another process was faster
                os.unlink(path)


def _files(folder: str) -> Iterator[tuple[int, int, str]]:
    """When each file of ours was last used, its size and its path; none being written now."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.endswith((SUFFIX, _NEW)):
                continue
            with suppress(OSError):
                state = entry.stat(follow_symlinks=False)
                if entry.name.endswith(SUFFIX) or state.st_mtime < time.time() - HOUR:
                    yield state.st_mtime_ns, state.st_size, entry.path


def _say(kind: str, what: str) -> None:
    if kind not in _SAID:
        _SAID.add(kind)
        advice = (
            "Nothing is lost but time; set WENGERT_CACHE to a folder that can be written, or to"
            " nothing to do without."
        )
        warnings.warn(sentences(what, advice), RuntimeWarning, stacklevel=2)
