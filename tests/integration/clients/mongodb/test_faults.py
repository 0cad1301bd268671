"""Whatever fails while MongoDB is backed up or restored is told, truthfully and without secrets."""

import os
import shutil
import signal
from pathlib import Path
from urllib.parse import quote

import pytest
from django.core.management.base import CommandError

from tests.integration.clients.mongodb.shop import PASSWORD, Shop
from tests.support.servers.mongodb import UNAUTHORIZED, Document, Refused
from tests.support.signal_recorder import SignalRecorder

USERINFO = "shop:hidden-word"


@pytest.fixture
def diverged(shop: Shop) -> tuple[Shop, dict[str, Document]]:
    """A backup of a database that is no longer what it was; and what it was."""
    before = shop.content
    shop.back_up()
    shop.diverge()
    return shop, before


def test_a_truncated_or_altered_dump_changes_nothing(
    diverged: tuple[Shop, dict[str, Document]], recorder: SignalRecorder
) -> None:
    shop, _ = diverged
    live = shop.content
    dump = shop.site.dump()
    content = dump.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    for ruined in (content[:middle], content[:-1], flipped, content + b"x", b""):
        dump.write_bytes(ruined)
        with pytest.raises(CommandError):
            shop.restore()
    assert recorder.states.count("db_restore failed") > 0
    assert not any(event.target_state == "changed" for event in recorder.events)
    assert shop.content == live


@pytest.mark.parametrize("body", ['exec "$@"', '"$@"; exit 0'], ids=["usual", "lenient"])
@pytest.mark.parametrize("place", [0.0001, 0.3, 0.9999])
def test_an_unverified_dump_cut_anywhere_changes_nothing(
    shop: Shop, place: float, body: str
) -> None:
    shop.use_tool("mongorestore", body)
    shop.site.rclone["COMPRESSION"] = None
    shop.back_up()
    dump = shop.site.dump()
    Path(f"{dump}.json").unlink()
    content = dump.read_bytes()
    dump.write_bytes(content[: max(1, int(len(content) * place))])
    shop.diverge()
    live = shop.content
    with pytest.raises(CommandError):
        shop.restore("-i", dump.name, "--unverified")
    assert shop.content == live


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('"$@" | head -c 900; echo "Failed: on fire" >&2; exit 3', "on fire"),
        ('"$@" | head -c 900; kill -9 $$', "killed by SIGKILL"),
        ('"$@" | head -c 900; exit 0', "truncated"),
        ("exit 1", "exited with 1"),
        ('yes "Failed: no luck" | head -c 1000000 >&2; exit 1', "no luck"),
        ("exit 0", "truncated"),
    ],
    ids=["dies", "killed", "cut", "silent", "talkative", "empty"],
)
def test_a_failing_mongodump_leaves_no_backup(shop: Shop, body: str, said: str) -> None:
    shop.use_tool("mongodump", body)
    with pytest.raises(CommandError, match=said) as caught:
        shop.back_up()
    assert len(str(caught.value)) < 20_000
    assert shop.site.stored() == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('"$@"; echo "Failed: on fire" >&2; exit 3', "on fire"),
        ('head -c 900 >/dev/null; echo "Failed: on fire" >&2; exit 3', "on fire"),
        ('"$@"; kill -9 $$', "killed by SIGKILL"),
        ('cat >/dev/null; yes "Failed: no luck" | head -c 1000000 >&2; exit 1', "no luck"),
        ("cat >/dev/null", "contains no collections"),
    ],
    ids=["late", "early", "killed", "talkative", "idle"],
)
def test_a_failing_mongorestore_changes_nothing(
    diverged: tuple[Shop, dict[str, Document]], recorder: SignalRecorder, body: str, said: str
) -> None:
    shop, _ = diverged
    live = shop.content
    shop.use_tool("mongorestore", body)
    with pytest.raises(CommandError, match=said):
        shop.restore()
    assert recorder.events[-1].target_state == "unchanged"
    assert shop.content == live


@pytest.mark.thorough
@pytest.mark.parametrize(
    "line",
    [
        'E11000 duplicate key error collection: shop.x dup key: { email: "ann@example.org" }',
        'not authorized on shop to execute command { documents: [ { email: "ann@example.org" } ] }',
    ],
    ids=["duplicate", "unauthorized"],
)
def test_values_of_documents_are_not_shown(
    diverged: tuple[Shop, dict[str, Document]], line: str
) -> None:
    shop, _ = diverged
    shop.use_tool("mongorestore", f"cat >/dev/null; echo 'Failed: {line}' >&2; exit 1")
    with pytest.raises(CommandError, match=line[:20]) as caught:
        shop.restore()
    assert "ann@" not in str(caught.value)


def fail_at(shop: Shop, name: str, number: int, code: int) -> None:
    """Let the server refuse the so-and-so-many-th command of this name."""
    seen: list[Document] = []

    def refuse(command: Document) -> None:
        if next(iter(command)) == name and not is_of_scratch(command):
            seen.append(command)
            if len(seen) == number:
                raise Refused(code, "the server is on fire")

    shop.server.on_command = refuse


def is_of_scratch(command: Document) -> bool:
    """Whether it touches nothing but what is ours."""
    name, first = next(iter(command.items()))
    if name == "renameCollection":
        return "django_rclone_swapping" in str(command["to"])
    return str(first).startswith("django_rclone_")


def test_a_missing_privilege_for_the_swap_changes_nothing(
    diverged: tuple[Shop, dict[str, Document]], recorder: SignalRecorder
) -> None:
    shop, before = diverged
    live = shop.content
    fail_at(shop, "drop", 1, UNAUTHORIZED)
    with pytest.raises(CommandError, match="on fire"):
        shop.restore()
    assert recorder.events[-1].target_state == "unchanged"
    assert shop.content == live
    shop.restore()
    assert shop.content == before


@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_swap_that_fails_halfway_is_reported_and_can_be_repeated(
    diverged: tuple[Shop, dict[str, Document]], recorder: SignalRecorder, number: int
) -> None:
    shop, before = diverged
    fail_at(shop, "renameCollection", number, 112)
    with pytest.raises(CommandError, match="failed half-way"):
        shop.restore()
    assert recorder.events[-1].target_state == "changed"
    shop.server.on_command = lambda command: None
    with pytest.raises(CommandError, match="was interrupted while it swapped"):
        shop.back_up()
    shop.restore()
    assert shop.content == before
    shop.back_up()


@pytest.mark.parametrize(
    ("name", "number"), [("insert", 1), ("drop", 1), ("renameCollection", 2), ("create", 1)]
)
def test_a_restore_after_kill_9_at_any_step_succeeds(
    diverged: tuple[Shop, dict[str, Document]], name: str, number: int
) -> None:
    shop, before = diverged
    live = shop.content
    seen: list[Document] = []
    process = shop.site.start("dbrestore", "--noinput")

    def kill(command: Document) -> None:
        if next(iter(command)) == name and (name == "insert" or not is_of_scratch(command)):
            seen.append(command)
            if len(seen) == number:
                process.kill()
                process.wait()
                raise Refused(11600, "interrupted")

    shop.server.on_command = kill
    process.communicate(timeout=240)
    assert process.returncode == -signal.SIGKILL
    shop.server.on_command = lambda command: None
    touched = {n for n in shop.content if n.startswith("django_rclone_swapping")}
    if name == "insert":
        assert {n: one for n, one in shop.content.items() if "django_rclone" not in n} == live
    assert bool(touched) == (name != "insert")
    shop.restore()
    assert shop.content == before


@pytest.mark.thorough
def test_of_two_restores_the_later_one_counts(
    diverged: tuple[Shop, dict[str, Document]], recorder: SignalRecorder
) -> None:
    shop, before = diverged
    live = shop.content

    def begin_another(command: Document) -> None:
        if command.get("insert", "").startswith("django_rclone_restoring"):
            shop.server.on_command = lambda command: None
            ours = command["insert"].partition(".")[0]
            for name in [n for n in shop.server.databases["shop"] if n.startswith(ours)]:
                del shop.server.databases["shop"][name]

    shop.server.on_command = begin_another
    with pytest.raises(CommandError, match="Another restore"):
        shop.restore()
    assert recorder.events[-1].target_state == "unchanged"
    assert shop.content == live
    shop.restore()
    assert shop.content == before


@pytest.mark.thorough
def test_a_sweep_during_the_swap_loses_no_collections(
    diverged: tuple[Shop, dict[str, Document]],
) -> None:
    shop, before = diverged

    def sweep(command: Document) -> None:
        collections = shop.server.databases["shop"]
        if "listCollections" in command and "swapping" in str(list(collections)):
            for name in [n for n in collections if n.startswith("django_rclone_restoring")]:
                del collections[name]

    shop.server.on_command = sweep
    shop.restore()
    assert shop.content == before


def test_missing_programs_are_named_with_the_package_that_has_them(shop: Shop) -> None:
    shop.back_up()
    shutil.rmtree(shop.site.folder / "tools")
    for command in (["dbbackup"], ["dbrestore", "--noinput"]):
        with pytest.raises(CommandError, match="Install the MongoDB Database Tools"):
            shop.site.call(*command)
    assert "W004" in shop.site.manage("check", "--tag", "django_rclone").stderr


@pytest.mark.thorough
@pytest.mark.parametrize("said", ["mongodump version: 100.2.1", "mongodump version: r4.2.8", "?"])
def test_programs_that_are_too_old_are_refused(shop: Shop, said: str) -> None:
    shop.back_up()
    shop.use_version("mongodump", said)
    with pytest.raises(CommandError, match=r"100\.3 or newer is needed"):
        shop.back_up()
    shop.use_version("mongorestore", said)
    with pytest.raises(CommandError, match=r"100\.3 or newer is needed"):
        shop.restore()


def test_a_wrong_password_is_reported_and_not_shown(shop: Shop) -> None:
    shop.back_up()
    shop.settings["PASSWORD"] = "not-that-word"
    for command in (["dbbackup"], ["dbrestore", "--noinput"]):
        done = shop.site.manage(*command)
        assert done.returncode == 1
        assert "Authentication failed" in done.stderr
        assert "Traceback" not in done.stderr
        assert "not-that-word" not in done.stderr


@pytest.mark.thorough
def test_a_server_that_is_down_is_reported(shop: Shop) -> None:
    shop.settings["OPTIONS"]["serverSelectionTimeoutMS"] = 100
    shop.settings["HOST"] = f"mongodb://{USERINFO}@127.0.0.1:1/"
    done = shop.site.manage("dbbackup")
    assert done.returncode == 1
    assert "Connection refused" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hidden" not in done.stderr


@pytest.mark.thorough
@pytest.mark.parametrize(
    "host", ["mongodb://", f"mongodb://{USERINFO}@[x/", f"mongodb://{USERINFO}@h/?tls=perhaps"]
)
def test_a_wrong_connection_string_is_reported(shop: Shop, host: str) -> None:
    shop.settings["HOST"] = host
    done = shop.site.manage("dbbackup")
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert "hidden" not in done.stderr


@pytest.mark.thorough
def test_an_impossible_database_name_is_reported(shop: Shop) -> None:
    shop.settings["NAME"] = "shop.orders"
    with pytest.raises(CommandError, match="cannot contain"):
        shop.back_up()


def test_no_password_is_in_any_argument_or_environment(shop: Shop) -> None:
    shop.back_up()
    shop.restore()
    calls = shop.calls()
    assert [call["tool"] for call in calls] == ["mongodump", "mongorestore"]
    for call in calls:
        seen = str(call["argv"]) + str(call["env"])
        assert PASSWORD not in seen
        assert quote(PASSWORD, safe="") not in seen
        assert quote(PASSWORD, safe="") in call["config"]
        assert any(argument.startswith("--config=/dev/fd/") for argument in call["argv"])


@pytest.mark.thorough
def test_a_connection_string_that_a_program_repeats_is_masked(shop: Shop) -> None:
    config = 'for one; do case "$one" in --config=*) cat "${one#--config=}" >&2;; esac; done'
    shop.settings.update(USER="", PASSWORD="")
    shop.settings["HOST"] = f"mongodb://{USERINFO}@{shop.server.address}/"
    shop.server.login = ("shop", "hidden-word")
    shop.use_tool(
        "mongodump", f"printf Failed: >&2; {config}; echo Failed: hidden-word >&2; exit 1"
    )
    done = shop.site.manage("dbbackup")
    assert done.returncode == 1
    assert 'Failed:uri: "mongodb://shop:***@' in done.stderr
    assert "Failed: ***" in done.stderr
    assert "hidden" not in done.stderr


def test_a_stopped_restore_leaves_nothing(diverged: tuple[Shop, dict[str, Document]]) -> None:
    shop, before = diverged
    live = shop.content
    process = shop.site.start("dbrestore", "--noinput")

    def stop(command: Document) -> None:
        if command.get("insert", "").startswith("django_rclone_restoring"):
            os.kill(process.pid, signal.SIGTERM)
            shop.server.on_command = lambda command: None

    shop.server.on_command = stop
    shop.use_tool("mongorestore", '"$@"; sleep 60')
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 143, errors
    assert shop.content == live
    shop.use_tool("mongorestore")
    shop.restore()
    assert shop.content == before
