"""Old runs go, and content that no run needs; nothing else."""

import os
from hashlib import sha256
from typing import Any, Self

import pytest
from django.core.management.base import CommandError

from django_rclone.backups.index import Kind, to_line
from django_rclone.backups.pins import Pinned
from django_rclone.exceptions import OperationLocked
from django_rclone.operations.media import workset
from django_rclone.operations.media.prune import prune_media
from django_rclone.operations.media.stored import StoredContent
from django_rclone.rclone.output import RemoteObject
from django_rclone.rclone.remote import Remote
from tests.support.site import DjangoSite, snapshot


def contents(site: DjangoSite) -> set[bytes]:
    return {path.read_bytes() for path in site.stored("media/content")}


def make_runs(site: DjangoSite, *states: bytes) -> list[str]:
    """Make a run of each state of one file; return their names, the oldest first."""
    for state in states:
        site.write_media({"a": state, "same": b"same"})
        site.call("mediabackup")
    return [run["name"] for run in reversed(site.backups("--media"))]


def test_old_runs_go_with_the_content_that_only_they_had(site: DjangoSite) -> None:
    site.rclone["MEDIA_CLEANUP_KEEP"] = 2
    _, second = make_runs(site, b"1", b"2")
    site.write_media({"a": b"3"})
    shown = site.call("mediabackup", "--clean")
    assert shown.count("Deleted media/runs/") == 1
    assert len(site.backups("--media")) == 2
    assert contents(site) == {b"2", b"3", b"same"}
    site.call("mediarestore", "--noinput", "--at", second)
    assert snapshot(site.media) == {"a": b"2", "same": b"same"}


def test_no_clean_up_begins_once_a_run_has_asked_what_is_stored(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could delete what the run then relies on."""
    make_runs(site, b"1", b"2")
    asked: list[str] = []

    class Asked(StoredContent):
        def __enter__(self) -> Self:
            with pytest.raises(OperationLocked, match="Another media_backup has been running"):
                prune_media("media", sender=type(site))
            asked.append("locked")
            return super().__enter__()

    monkeypatch.setattr("django_rclone.operations.media.backup.StoredContent", Asked)
    site.call("mediabackup")
    assert asked == ["locked"]


@pytest.mark.thorough
def test_a_pinned_run_stays_with_its_content_until_the_pin_ends(site: DjangoSite) -> None:
    site.rclone["MEDIA_CLEANUP_KEEP"] = 1
    forever, for_a_while, _ = make_runs(site, b"1", b"2", b"3")
    site.call("pin", forever, "--reason", "before the move")
    site.call("pin", for_a_while, "--for", "1d")
    kept = {run["name"]: run["kept"] for run in site.backups("--media")}
    assert kept[forever] == ["pinned"]
    assert kept[for_a_while][0].startswith("pinned until ")
    shown = site.call("listbackups", "--media")
    assert f"{forever} is pinned: before the move" in shown
    assert "    kept: pinned\n" in shown
    site.call("mediabackup", "--clean")
    assert contents(site) == {b"1", b"2", b"3", b"same"}
    assert len(site.backups("--media")) == 3
    site.call("unpin", forever)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pinned, "holds", lambda pin, now: False)
        site.call("mediabackup", "--clean")
    assert contents(site) == {b"3", b"same"}
    assert [path.name for path in site.stored("media/runs") if path.suffix == ".pin"] == []


def test_a_pin_of_a_run_that_a_listing_lacks_is_asked_for_by_its_name(
    site: DjangoSite, capsys: pytest.CaptureFixture[str]
) -> None:
    site.rclone["MEDIA_CLEANUP_KEEP"] = 1
    pinned, _ = make_runs(site, b"1", b"2")
    site.call("pin", pinned)
    original = Remote.list

    def lacking(remote: Remote, folder: str) -> list[RemoteObject]:
        return [item for item in original(remote, folder) if not item.path.endswith(".pin")]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Remote, "list", lacking)
        site.call("mediabackup", "--clean")
    assert "has a pin, which the listing lacked" in capsys.readouterr().err
    assert b"1" in contents(site)


def test_only_a_run_that_is_there_can_be_pinned(site: DjangoSite) -> None:
    (run,) = make_runs(site, b"1")
    with pytest.raises(CommandError, match=r"`manage\.py listbackups --media` shows"):
        site.call("pin", f"no{run}")
    with pytest.raises(CommandError, match=r"is not pinned(.|\n)*listbackups --media"):
        site.call("unpin", run)


def test_runs_of_others_keep_their_content_and_incomplete_ones_count_apart(
    site: DjangoSite,
) -> None:
    site.rclone |= {"MEDIA_CLEANUP_KEEP": 1, "ENVIRONMENT": "staging"}
    make_runs(site, b"staging")
    site.rclone["ENVIRONMENT"] = ""
    site.rclone["SIGNING_KEY"] = "lost"
    make_runs(site, b"another key")
    del site.rclone["SIGNING_KEY"]
    make_runs(site, b"whole")
    os.mkfifo(site.media / "pipe")
    site.write_media({"a": b"incomplete"})
    with pytest.raises(CommandError, match="a pipe"):
        site.call("mediabackup")
    (site.media / "pipe").unlink()
    site.write_media({"a": b"newest"})
    site.call("mediabackup", "--clean")
    kept = {b"staging", b"another key", b"incomplete", b"newest", b"same"}
    assert contents(site) == kept


@pytest.mark.parametrize("trouble", ["index cut", "index lost", "manifest hidden"])
def test_no_content_goes_if_a_run_cannot_be_read(
    site: DjangoSite, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.rclone["MEDIA_CLEANUP_KEEP"] = 1
    first, second = make_runs(site, b"1", b"2")
    index = site.remote / "media/runs" / second
    if trouble == "index cut":
        index.write_bytes(index.read_bytes()[:-10])
    elif trouble == "index lost":
        index.unlink()
    else:
        # One listing lacks the manifest of the run; it is there when it is asked for.
        original = Remote.list

        def lacking(remote: Remote, folder: str) -> list[RemoteObject]:
            found = original(remote, folder)
            return [item for item in found if not item.path.endswith(f"{second}.json")]

        monkeypatch.setattr(Remote, "list", lacking)
    site.write_media({"a": b"3"})
    if trouble == "index lost":
        # What is left of it names nothing: the run is gone, and so is what only it needed.
        site.call("mediabackup", "--clean")
        assert b"2" not in contents(site)
        return
    with pytest.raises(CommandError, match="no content was") as error:
        site.call("mediabackup", "--clean")
    assert error.value.returncode == 3
    assert {b"2", b"3", b"same"} <= contents(site)
    assert first not in {run["name"] for run in site.backups("--media")} or trouble != "index cut"


def test_what_a_killed_run_stored_is_not_trusted(site: DjangoSite) -> None:
    """It may have changed while it was sent, so that it is not what its name says."""
    site.write_media({"a": b"right"})
    name = sha256(b"right").hexdigest()
    stored = site.remote / "media/content" / name[:2] / name
    stored.parent.mkdir(parents=True)
    stored.write_bytes(b"wrong")
    site.call("mediabackup")
    assert stored.read_bytes() == b"right"


def test_an_index_that_leads_out_of_the_folder_is_refused(site: DjangoSite) -> None:
    """Even a signed one: whoever has the key must not write where the site does not."""
    site.write_media({"a": b"1"})
    (site.media / "link").symlink_to(site.folder)

    def forged(path: bytes, kind: str, *rest: Any) -> bytes:
        return to_line(b"link/planted" if kind == Kind.FILE else path, kind, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workset, "to_line", forged)
        site.call("mediabackup")
    (site.media / "a").unlink()
    before = snapshot(site.folder)
    with pytest.raises(CommandError):
        site.call("mediarestore", "--noinput")
    after = snapshot(site.folder)
    assert [path for path in after if "planted" in path] == []
    assert before.items() <= after.items()
