"""What counts as a backup, and what is read to know it: against a model that reads everything."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_rclone.backups import Backup
from django_rclone.backups.manifest import Manifest, manifest_path, signer
from django_rclone.backups.verification import read_backup
from django_rclone.operations.newest import newest_backup
from tests.unit.backups.memory import ALIASES, NOW, Shelf, shelf

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "django-rclone"


@pytest.fixture
def full() -> Shelf:
    """Twenty backups of each database, of which all are known to this host."""
    one = shelf()
    for day in range(20):
        for alias in ALIASES:
            one.add(NOW - day * DAY, alias)
    assert len(one.catalog.read().backups) == 40
    one.remote.asked.clear()
    return one


def altered(manifest: Manifest) -> bytes:
    return manifest.to_bytes().replace(b'"environment":"', b'"environment":"x')


def forged_date(manifest: Manifest) -> bytes:
    return replace(manifest, created_at=manifest.created_at + 50 * DAY).to_bytes()


def of_another_key(manifest: Manifest) -> bytes:
    return manifest.signed(signer("another key", ())).to_bytes()


def of_another_dump(manifest: Manifest) -> bytes:
    return replace(manifest, path="db/another").signed(shelf().signer).to_bytes()


def of_another_size(manifest: Manifest) -> bytes:
    return replace(manifest, size=6).signed(shelf().signer).to_bytes()


def test_what_is_known_is_not_read_again(full: Shelf) -> None:
    again = full.catalog.read().backups
    assert full.remote.asked == []
    assert len(again) == 40
    assert all(backup.verified for backup in again)


def test_what_is_known_says_the_same_as_what_is_read(full: Shelf, cache: Path) -> None:
    known = full.catalog.read().backups
    for file in cache.iterdir():
        file.unlink()
    assert full.catalog.read().backups == known
    assert full.remote.asked


def test_whole_manifests_are_known_whole() -> None:
    one = shelf()
    one.whole = True
    paths = [one.add(NOW - day * DAY) for day in range(5)]
    read = one.catalog.read().backups
    one.remote.asked.clear()
    assert one.catalog.read().backups == read
    assert one.remote.asked == []
    assert [backup.manifest for backup in read] == [one.catalog.get(p).manifest for p in paths]


@pytest.mark.parametrize("change", ["larger", "later"])
@pytest.mark.parametrize("many", [False, True])
def test_a_manifest_that_was_replaced_is_read_again(full: Shelf, change: str, many: bool) -> None:
    paths = [path for path in full.remote.objects if path.endswith(".json")]
    for path in paths if many else paths[:1]:
        data, moment = full.remote.objects[path]
        forged = data.replace(b'"database":"', b'"database":"x')
        forged = forged if change == "larger" else forged[: len(data)]
        later = timedelta(microseconds=1) if change == "later" else timedelta(0)
        full.remote.put(path, forged, moment + later)
    problems = [backup for backup in full.catalog.read().backups if not backup.verified]
    assert len(problems) == (40 if many else 1)


def test_a_dump_of_another_size_is_noticed_though_its_manifest_is_known(full: Shelf) -> None:
    path = next(iter(full.remote.objects))
    full.remote.put(path, b"1234")
    (backup,) = (backup for backup in full.catalog.read().backups if not backup.verified)
    assert backup.path == path
    assert "it has 4 bytes, its manifest says 5" in backup.problem
    assert full.remote.asked == []


def test_what_was_deleted_is_forgotten(full: Shelf, cache: Path) -> None:
    (file,) = cache.iterdir()
    size = file.stat().st_size
    for path in [path for path in full.remote.objects if "default-2-" in path]:
        del full.remote.objects[path]
    assert len(full.catalog.read().backups) == 20
    full.add(NOW)
    assert len(full.catalog.read().backups) == 21
    assert file.stat().st_size < 0.6 * size


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[:64],
        lambda data: b"\0" + data[1:],
        lambda data: data.replace(b'"default"', b'"defaulu"'),
        lambda data: b"0" * 64 + b"{}",
        lambda data: b"\xff" * 100,
    ],
    ids=["empty", "truncated", "without data", "bit flipped", "altered", "forged", "garbage"],
)
def test_a_damaged_cache_is_thrown_away(full: Shelf, cache: Path, damage: object) -> None:
    assert callable(damage)
    (file,) = cache.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    before = {backup.path for backup in full.catalog.read().backups if backup.verified}
    assert len(before) == 40
    full.remote.asked.clear()
    assert {backup.path for backup in full.catalog.read().backups} == before
    assert full.remote.asked == []


def test_the_cache_is_private(full: Shelf, cache: Path) -> None:
    (file,) = cache.iterdir()
    assert (cache.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o777])
def test_a_cache_that_others_may_read_or_write_is_not_used(
    full: Shelf, cache: Path, mode: int
) -> None:
    cache.chmod(mode)
    assert len(full.catalog.read().backups) == 40
    assert full.remote.asked


def test_a_link_is_not_followed(full: Shelf, cache: Path, tmp_path: Path) -> None:
    (file,) = cache.iterdir()
    precious = tmp_path / "precious"
    precious.write_bytes(file.read_bytes() + b" ")
    file.unlink()
    file.symlink_to(precious)
    before = precious.read_bytes()
    assert len(full.catalog.read().backups) == 40
    assert full.remote.asked
    assert precious.read_bytes() == before


def test_of_two_that_write_at_once_one_does_and_both_list_all(full: Shelf, cache: Path) -> None:
    (file,) = cache.iterdir()
    before = file.read_bytes()
    full.add(NOW)
    with file.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert len(full.catalog.read().backups) == 41
        assert file.read_bytes() == before
    assert len(full.catalog.read().backups) == 41
    assert file.read_bytes() != before


def test_a_cache_that_cannot_be_written_is_none(full: Shelf, cache: Path) -> None:
    (file,) = cache.iterdir()
    file.unlink()
    file.mkdir()
    for _ in range(2):
        assert len(full.catalog.read().backups) == 40


@pytest.mark.parametrize("home", ["", "/", "/nowhere/at/all", "relative"])
def test_without_a_place_for_it_there_is_no_cache(
    home: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", home and (home if home != "/" else str(tmp_path / "file")))
    (tmp_path / "file").touch()
    one = shelf()
    one.add(NOW)
    for _ in range(2):
        assert [backup.verified for backup in one.catalog.read().backups] == [True]
    assert len(one.remote.asked) == 2


def test_the_cache_of_one_remote_says_nothing_of_another(full: Shelf, cache: Path) -> None:
    (file,) = cache.iterdir()
    full.remote.name = "elsewhere:"
    full.catalog.read().backups  # noqa: B018
    assert full.remote.asked
    (other,) = set(cache.iterdir()) - {file}
    other.write_bytes(file.read_bytes())
    full.remote.asked.clear()
    full.catalog.read().backups  # noqa: B018
    assert full.remote.asked


def test_the_cache_of_one_key_says_nothing_to_another(full: Shelf) -> None:
    full.settings = replace(full.settings, signing_key="another")
    assert not any(backup.verified for backup in full.catalog.read().backups)
    key = full.settings.signing_key
    old = shelf().settings.signing_key
    full.settings = replace(full.settings, signing_key=key, signing_key_fallbacks=(old,))
    assert all(backup.verified for backup in full.catalog.read().backups)
    full.settings = replace(full.settings, signing_key_fallbacks=())
    assert not any(backup.verified for backup in full.catalog.read().backups)


def test_a_time_that_was_made_up_is_no_sign_that_nothing_changed() -> None:
    one = shelf()
    path = one.add(NOW)
    data, _ = one.remote.objects[manifest_path(path)]
    one.remote.put(manifest_path(path), data, datetime.fromisoformat("2000-01-01T00:00:00Z"))
    for _ in range(2):
        one.catalog.read().backups  # noqa: B018
    assert len(one.remote.asked) == 2


def test_the_newest_is_found_by_its_name_and_read_alone() -> None:
    one = shelf()
    for day in range(50):
        for alias in ALIASES:
            one.add(NOW - day * DAY, alias)
    newest = one.add(NOW + timedelta(minutes=1))
    assert newest_backup(one.catalog, "default", "")[0].path == newest
    # Once to find it, once more by its name before it is used.
    assert one.remote.asked == [manifest_path(newest)] * 2


def test_a_clean_up_reads_no_manifests_of_other_databases(full: Shelf, cache: Path) -> None:
    for file in cache.iterdir():
        file.unlink()
    one = shelf()
    mine = one.add(NOW)
    for day in range(2):
        one.add(NOW - day * DAY, "default-2")
    assert [backup.path for backup in one.catalog.read().of("default")] == [mine]
    assert one.remote.asked == [manifest_path(mine)]


def test_a_newer_dump_is_asked_for_the_manifest_that_a_listing_lacks() -> None:
    one = shelf()
    one.add(NOW - DAY)
    hidden = one.add(NOW)
    contents = one.catalog.read()
    lacking = {k: v for k, v in contents.stored.items() if k != manifest_path(hidden)}
    found = replace(contents, stored=lacking).newest_first("default")
    assert next(found).path == hidden


def test_a_manifest_that_is_gone_since_it_was_listed_is_a_problem() -> None:
    one = shelf()
    path = one.add(NOW)
    contents = one.catalog.read()
    del one.remote.objects[manifest_path(path)]
    (backup,) = contents.backups
    assert "not there any more" in backup.problem


kinds = st.sampled_from(
    [
        *[Manifest.to_bytes] * 6,
        altered,
        forged_date,
        of_another_key,
        of_another_dump,
        of_another_size,
        lambda manifest: None,
        lambda manifest: b"",
        lambda manifest: b"{]\n\n{}",
    ]
)
added = st.lists(
    st.tuples(
        st.sampled_from([*ALIASES, "unknown"]),
        st.integers(-40, 3),
        st.sampled_from(["", "", "elsewhere"]),
        st.sampled_from(["", "", "", "odd-{}.dump", "default-2-{date:%Y-%m-%d-%H%M%S}.{:08x}.x"]),
        kinds,
    ),
    max_size=8,
)


def eager(one: Shelf) -> Iterator[Backup]:
    """Read every manifest by its name."""
    names = one.catalog.names
    for path, (data, _) in one.remote.objects.items():
        manifest = one.remote.objects.get(manifest_path(path), (b"",))[0]
        if not manifest:
            continue
        backup = read_backup(path, len(data), manifest, one.signer)
        about = backup.manifest is not None and backup.manifest.path == path
        facts = backup.manifest.facts if backup.manifest and about else None
        backup = replace(backup, manifest=None, facts=facts)
        if not backup.verified and (named := names.identify(backup.name)):
            backup = replace(backup, alias=named.database, timestamp=named.latest)
        yield replace(backup, problem=backup.problem and "any")


def newest_first(backups: Iterator[Backup] | list[Backup]) -> list[Backup]:
    first = NOW - 9999 * DAY
    return sorted(backups, key=lambda b: (b.created_at or first, b.path), reverse=True)


@hypothesis.settings(max_examples=40)
@given(added, added, st.sampled_from(["kept", "lost", "damaged"]))
def test_every_question_has_the_answer_of_reading_everything(
    first: list[Any], then: list[Any], cache_is: str
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", folder)
        one = shelf()
        fill(one, first)
        judge(one)
        for file in Path(folder, "django-rclone").glob("*"):
            if cache_is == "lost":
                file.unlink()
            elif cache_is == "damaged":
                os.truncate(file, file.stat().st_size // 2)
        fill(one, then)
        for path in list(one.remote.objects)[::5]:
            del one.remote.objects[path]
        judge(one)


def fill(one: Shelf, entries: list[Any]) -> None:
    for alias, day, environment, name, alter in entries:
        moment = NOW + day * DAY
        # The date in a manifest is that in the name, or earlier: no run makes another.
        name = name.format(one.made % 10, date=moment + one.made % 3 * DAY)
        one.made += 1
        one.add(moment, alias, name=name, environment=environment, alter=alter)


def judge(one: Shelf) -> None:
    model = newest_first(eager(one))
    assert [replace(b, problem=b.problem and "any") for b in one.catalog.read().backups] == model
    for alias in ALIASES:
        named_else = [
            b.path
            for b in model
            if (named := one.catalog.names.identify(b.name)) and named.database != alias
        ]
        mine = [b.path for b in model if b.database == alias and b.path not in named_else]
        others = [b.path for b in model if b.database == alias and b.path in named_else]
        contents = one.catalog.read()
        assert [b.path for b in contents.of(alias)] == mine
        assert [b.path for b in contents.newest_first(alias)] == mine + others
