"""`mediaverify` reads media runs back, all or a share at a time, and records what it found."""

import json
import re
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from django_rclone.backups.readings import END, Reading
from django_rclone.operations.media import reading_back
from tests.support.incompressible import incompressible
from tests.support.signal_recorder import SignalRecorder
from tests.support.site import DjangoSite

FILES = {f"{number}/photo {number}.jpg": incompressible(20_000, number) for number in range(12)}


@pytest.fixture
def shop(site: DjangoSite) -> DjangoSite:
    """A site with a run of some files, two of the same content, one without any."""
    site.write_media({**FILES, "again.jpg": FILES["3/photo 3.jpg"], "empty": b""})
    site.call("mediabackup")
    return site


def run_of(site: DjangoSite) -> Path:
    """Return the index of the newest run."""
    return site.remote / str(site.backups("--media")[0]["path"])


def record_of(run: Path) -> Reading:
    return Reading.from_bytes(run.with_name(f"{run.name}.read").read_bytes())


def contents(site: DjangoSite) -> list[Path]:
    return site.stored("media/content")


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def fails(site: DjangoSite, *arguments: str) -> str:
    with pytest.raises(CommandError, match="is not restorable") as caught:
        site.call("mediaverify", *arguments)
    assert caught.value.returncode == 1
    return str(caught.value)


def test_a_whole_run_is_read_and_recorded(shop: DjangoSite, recorder: SignalRecorder) -> None:
    printed = shop.call("mediaverify")

    run = run_of(shop)
    assert f"Read media/runs/{run.name}" in printed
    assert "the sizes of 12 contents, all of them read (240,000 bytes)" in printed
    record = record_of(run)
    assert record.passed
    assert record.proven_at is not None
    assert recorder.states == ["media_verify started", "media_verify succeeded"]
    assert recorder.names == ["pre_verify", "post_verify"]
    (listed,) = shop.backups("--media")
    assert listed["read_at"]
    assert listed["proof"]["passed"]
    assert "read back just now" in shop.call("listbackups", "--media")


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (damage, r"is damaged: media/content/[0-9a-f]{2}/[0-9a-f]{64}"),
        (Path.unlink, "its content is not on the remote"),
        (lambda path: path.write_bytes(b"x"), "has another size: media/content/"),
    ],
    ids=["altered", "lost", "cut"],
)
def test_content_that_would_not_come_back_is_found_and_recorded(
    shop: DjangoSite, break_it, reason: str
) -> None:
    break_it(contents(shop)[5])

    said = fails(shop)

    assert re.search(reason, said)
    assert ".jpg" in said
    assert "Move what is damaged away" in said
    record = record_of(run_of(shop))
    assert not record.passed
    assert record.parts == ()
    assert "NOT RESTORABLE" in shop.call("listbackups", "--media")


def test_the_next_run_stores_again_what_was_moved_away(shop: DjangoSite) -> None:
    damaged = contents(shop)[5]
    damage(damaged)
    assert str(damaged.relative_to(shop.remote)) in fails(shop)
    damaged.rename(shop.folder / "moved away")
    shop.call("mediabackup")
    assert "all of them read" in shop.call("mediaverify")


def test_a_large_content_is_read_as_a_stream(
    shop: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_back, "_LARGE", 10_000)
    assert "all of them read (240,000 bytes)" in shop.call("mediaverify")
    damage(contents(shop)[7])
    assert "damaged" in fails(shop)


def test_batches_reach_everything(shop: DjangoSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_back, "_BATCH", 5)
    assert "all of them read (240,000 bytes)" in shop.call("mediaverify")


def test_a_damaged_index_is_found(shop: DjangoSite) -> None:
    damage(run_of(shop))
    assert "cannot be decompressed" in fails(shop)


@pytest.mark.thorough
def test_shares_reach_everything_in_turns(shop: DjangoSite) -> None:
    damaged = contents(shop)[-1]  # of the last hash
    whole = damaged.read_bytes()
    damage(damaged)

    shop.call("mediaverify", "--share", "1/3")
    record = record_of(run_of(shop))
    assert (record.passed, record.proven_at) == (True, None)
    assert "read back in part just now" in shop.call("listbackups", "--media")

    # The next run goes on where the one before was left.
    shop.write_media({"new.jpg": incompressible(20_000, 99)})
    shop.call("mediabackup")
    shop.call("mediaverify", "--share", "1/3")
    assert record_of(run_of(shop)).known_parts[-1].end < END
    assert "damaged" in fails(shop, "--share", "1/3")
    assert "damaged" in fails(shop, "--share", "1/3")  # it does not go on without it

    damaged.write_bytes(whole)
    shop.call("mediaverify", "--share", "1/3")
    assert record_of(run_of(shop)).proven_at is not None


@pytest.mark.thorough
def test_a_run_can_be_named_and_every_source_is_read(shop: DjangoSite) -> None:
    other = shop.folder / "invoices"
    other.mkdir()
    (other / "1.pdf").write_bytes(b"invoice")
    shop.rclone["MEDIA_SOURCES"] = {
        "media": {"FOLDER": str(shop.media)},
        "invoices": {"FOLDER": str(other)},
    }
    first = run_of(shop).name
    shop.call("mediabackup")
    assert shop.call("mediaverify").count("Read media/runs/") == 2
    assert f"Read media/runs/{first}" in shop.call("mediaverify", "-s", "media", "--at", first)
    with pytest.raises(CommandError, match="several sources"):
        shop.call("mediaverify", "--at", first)


def test_a_run_that_a_clean_up_takes_meanwhile_is_not_called_broken(
    shop: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(shop)
    read_back = reading_back.read_back

    def take_away(*arguments: object) -> object:
        run.with_name(f"{run.name}.json").unlink()
        contents(shop)[0].unlink()
        return read_back(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("django_rclone.operations.media.verify.read_back", take_away)
    with pytest.raises(CommandError, match="was deleted while it was read"):
        shop.call("mediaverify")
    assert not run.with_name(f"{run.name}.read").exists()


def test_the_record_goes_with_its_run(shop: DjangoSite) -> None:
    shop.rclone["MEDIA_CLEANUP_KEEP"] = 1
    run = run_of(shop)
    shop.call("mediaverify")
    assert run.with_name(f"{run.name}.read").exists()
    shop.call("mediabackup", "--clean")
    assert [path for path in shop.stored("media/runs") if run.name in path.name] == []


def test_a_check_looks_at_media_too(shop: DjangoSite, recorder: SignalRecorder) -> None:
    shop.back_up()
    shop.call("dbverify")
    process = shop.manage("backupcheck", "--json")
    database, media = json.loads(process.stdout)
    assert (database["database"], database["source"], database["level"]) == ("default", None, "ok")
    assert (media["database"], media["source"], media["size"]) == (None, "media", 260_000)
    assert media["level"] == "warning"
    assert "no run was ever read back whole" in media["findings"][0]["text"]

    shop.call("mediaverify")
    recorder.calls.clear()
    assert "OK        source media: backed up " in shop.call("backupcheck")
    assert recorder.states == [
        "db_check started",
        "db_check succeeded",
        "media_check started",
        "media_check succeeded",
    ]

    damage(contents(shop)[0])
    fails(shop)
    process = shop.manage("backupcheck", "--nagios")
    assert process.returncode == 2
    assert "source media: media/runs/" in process.stdout
    assert "'source media_size'=260000B" in process.stdout


def test_a_source_that_was_named_and_never_backed_up_is_critical(site: DjangoSite) -> None:
    site.back_up()
    site.call("dbverify")
    assert site.manage("backupcheck").returncode == 0
    site.rclone["MEDIA_SOURCES"] = {"photos": {"FOLDER": str(site.media)}}
    process = site.manage("backupcheck")
    assert process.returncode == 2
    assert "CRITICAL  source photos: there is no backup" in process.stdout


@pytest.mark.parametrize("share", ["1", "2/3", "1/0", "1/1001", "0.5", "half"])
def test_a_share_is_one_of_several_equal_ones(shop: DjangoSite, share: str) -> None:
    with pytest.raises(CommandError, match="must be a share such as 1/7"):
        shop.call("mediaverify", "--share", share)
