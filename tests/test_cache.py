"""Compiled code on disk: found again, noticed when damaged, never in the way."""

import ctypes
import os
import subprocess
import sys
import textwrap
import warnings

import pytest

from wengert import settings
from wengert.backends.llvm import cache, engine
from wengert.backends.llvm.cache import cached
from wengert.backends.llvm.engine import load, recall

SEVEN = "define i32 @seven() {\n ret i32 7\n}\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    place = tmp_path / "a" / "cache"
    monkeypatch.setenv("WENGERT_CACHE", str(place))
    monkeypatch.setattr(cache, "_SAID", set())
    monkeypatch.setattr(cache, "EVERY", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield place


def never():
    raise AssertionError("made again")


def counted(data, made):
    def make():
        made.append(data)
        return data

    return make


def run(library, name="seven"):
    return ctypes.CFUNCTYPE(ctypes.c_int)(library.address(name))()


def test_bytes_are_made_once(folder):
    assert cached(b"k", lambda: b"code") == b"code"
    assert cached(b"k", never) == b"code"
    assert cached(b"other", lambda: b"") == b""
    assert cached(b"other", never) == b""
    assert sorted(p.suffix for p in folder.iterdir()) == [cache.SUFFIX] * 2


def test_a_make_that_fails_leaves_nothing(folder):
    with pytest.raises(ZeroDivisionError):
        cached(b"k", lambda: bytes(1 // 0))
    assert not folder.exists()


def test_text_is_compiled_once(folder, monkeypatch):
    assert run(load(SEVEN, "seven")) == 7
    monkeypatch.setattr(engine, "assemble", never)
    assert run(load(SEVEN, "seven")) == 7


def test_what_code_depends_on_is_in_the_key(folder, monkeypatch):
    load(SEVEN, "seven")
    load(SEVEN, "seven", level=1)
    load(SEVEN + "\n", "seven")
    monkeypatch.setattr(engine.llvmlite, "__version__", "another")
    load(SEVEN, "seven")
    assert len(list(folder.iterdir())) == 4


def test_a_program_that_is_known_needs_no_text(folder):
    assert run(recall(b"program", lambda: (SEVEN, "seven"))) == 7
    again = recall(b"program", never)
    assert again.names == ("seven",)
    assert run(again) == 7


def test_a_program_is_compiled_anew_when_wengert_changes(folder, monkeypatch):
    recall(b"program", lambda: (SEVEN, "seven"))
    monkeypatch.setattr(engine, "house", lambda: b"changed")
    made = []
    recall(b"program", lambda: made.append(1) or (SEVEN, "seven"))
    assert made == [1]


def test_the_house_is_its_files(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["wengert"], "__file__", str(tmp_path / "__init__.py"))
    seen = set()
    for text in ("", "x = 1\n", "x = 12\n"):
        (tmp_path / "word.py").write_text(text)
        seen.add(cache.house.__wrapped__())
        assert cache.house.__wrapped__() in seen
    (tmp_path / "word.py").unlink()
    seen.add(cache.house.__wrapped__())
    assert len(seen) == 4


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b[:-1],
        lambda b: b[:10],
        lambda b: b"",
        lambda b: b[:-1] + b"!",
        lambda b: b + b"x",
    ],
    ids=["shorter", "much shorter", "empty", "other", "longer"],
)
def test_a_damaged_file_is_made_anew(folder, damage):
    cached(b"k", lambda: b"some code")
    (file,) = folder.iterdir()
    made = []
    file.write_bytes(damage(file.read_bytes()))
    with pytest.warns(RuntimeWarning, match="is damaged"):
        assert cached(b"k", counted(b"some code", made)) == b"some code"
    assert cached(b"k", never) == b"some code"
    file.write_bytes(damage(file.read_bytes()))
    assert cached(b"k", counted(b"some code", made)) == b"some code"  # says so once
    assert made == [b"some code"] * 2


def test_a_file_under_another_name_is_damaged(folder):
    cached(b"k", lambda: b"code")
    (file,) = folder.iterdir()
    cached(b"other", lambda: b"other")
    (second,) = set(folder.iterdir()) - {file}
    second.write_bytes(file.read_bytes())
    with pytest.warns(RuntimeWarning, match="is damaged"):
        assert cached(b"other", lambda: b"other") == b"other"


def test_a_folder_that_cannot_be(folder):
    folder.parent.parent.mkdir(exist_ok=True)
    folder.parent.write_text("a file stands where the folder should")
    with pytest.warns(RuntimeWarning, match="WENGERT_CACHE"):
        assert cached(b"k", lambda: b"code") == b"code"
    assert run(load(SEVEN, "seven")) == 7  # and says it once


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do anything")
@pytest.mark.parametrize("mode", [0o000, 0o500])
def test_a_folder_that_may_not_be_used(folder, mode):
    folder.mkdir(parents=True, mode=0o700)
    folder.chmod(mode)
    try:
        with pytest.warns(RuntimeWarning, match="WENGERT_CACHE"):
            assert cached(b"k", lambda: b"code") == b"code"
        assert cached(b"l", lambda: b"code") == b"code"
    finally:
        folder.chmod(0o700)


def test_a_full_disk(folder, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.os, "replace", full)
    with pytest.warns(RuntimeWarning, match="No space left"):
        assert cached(b"k", lambda: b"code") == b"code"
    assert cached(b"k", lambda: b"code") == b"code"
    assert list(folder.iterdir()) == []


def test_the_least_recently_used_go_first(folder, monkeypatch):
    monkeypatch.setattr(cache, "LIMIT", 4000)
    for k in range(3):
        cached(b"%d" % k, lambda: bytes(1000))
        for file in folder.iterdir():
            os.utime(file, ns=(0, file.stat().st_mtime_ns - 10**12))
    cached(b"0", never)  # used just now
    (folder / "mine.txt").write_text("x" * 9999)
    for k in range(3, 5):
        cached(b"%d" % k, lambda: bytes(1000))
    for k in (0, 3, 4):
        cached(b"%d" % k, never)
    ours = [p for p in folder.iterdir() if p.suffix == cache.SUFFIX]
    assert sum(p.stat().st_size for p in ours) <= 4000
    assert (folder / "mine.txt").exists()


def test_what_a_dead_process_left_is_swept_up(folder, monkeypatch):
    monkeypatch.setattr(cache, "LIMIT", 4000)
    folder.mkdir(parents=True)
    old, new = folder / f"a{cache.SUFFIX}-new", folder / f"b{cache.SUFFIX}-new"
    for file in (old, new):
        file.write_bytes(bytes(5000))
    os.utime(old, (0, 0))
    cached(b"k", lambda: b"code")
    cached(b"k", never)
    assert not old.exists()
    assert new.exists()


def test_nothing_turns_it_off(folder, monkeypatch):
    monkeypatch.setenv("WENGERT_CACHE", "")
    made = []
    for _ in range(2):
        cached(b"k", counted(b"code", made))
    assert len(made) == 2
    assert not folder.exists()


@pytest.mark.parametrize(
    ("system", "environment", "place"),
    [
        ("linux", {}, "{home}/.cache/wengert"),
        ("linux", {"XDG_CACHE_HOME": "/x/c"}, "/x/c/wengert"),
        ("darwin", {}, "{home}/Library/Caches/wengert"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/wengert"),
        ("linux", {"WENGERT_CACHE": "~/mine"}, "{home}/mine"),
    ],
)
def test_where_it_is(tmp_path, monkeypatch, system, environment, place):
    for name in ("WENGERT_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"HOME": str(tmp_path)} | environment).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(settings.sys, "platform", system)
    assert settings.cache_folder() == place.format(home=tmp_path)


def test_processes_share_a_folder(folder):
    work = textwrap.dedent("""
        import random, warnings, wengert
        from wengert.backends.llvm import cache
        warnings.simplefilter("error")
        cache.EVERY, cache.LIMIT = 1, 200_000  # about half of what they write
        for _ in range(300):
            k = random.randrange(40)
            want = bytes([k]) * 10_000
            assert cache.cached(b"%d" % k, lambda: want) == want
    """)
    others = [
        subprocess.Popen([sys.executable, "-c", work], stderr=subprocess.PIPE) for _ in range(4)
    ]
    for process in others:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
    assert {p.suffix for p in folder.iterdir()} == {cache.SUFFIX}


def test_the_next_process_finds_it(folder):
    work = textwrap.dedent(f"""
        import sys, ctypes, wengert
        from wengert.backends.llvm import engine
        if sys.argv[1] == "again":
            engine.assemble = None
        library = engine.load({SEVEN!r}, "seven")
        assert ctypes.CFUNCTYPE(ctypes.c_int)(library.address("seven"))() == 7
    """)
    for which in ("first", "again"):
        subprocess.run([sys.executable, "-c", work, which], check=True, timeout=60)
