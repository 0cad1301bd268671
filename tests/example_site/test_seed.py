"""The invented data is large enough, the same every time, and unruly where it matters."""

import json
from pathlib import Path

from tests.support.example_site import ExampleSite


def test_the_same_seed_gives_the_same_site(
    seeded_site: ExampleSite, empty_site: ExampleSite
) -> None:
    empty_site.manage("migrate")
    empty_site.manage("seed", "--users=5", "--entries=60", "--files=40")

    first, second = json.loads(seeded_site.fingerprint()), json.loads(empty_site.fingerprint())

    assert first["files"] == second["files"]
    for table in ("auth_user", "journal_entry", "journal_entry_tags", "journal_attachment"):
        assert first["tables"][table] == second["tables"][table]


def test_another_seed_gives_another_site(seeded_site: ExampleSite, empty_site: ExampleSite) -> None:
    empty_site.manage("migrate")
    empty_site.manage("seed", "--users=5", "--entries=60", "--files=40", "--seed=2")

    first, second = json.loads(seeded_site.fingerprint()), json.loads(empty_site.fingerprint())

    assert first["tables"]["journal_entry"] != second["tables"]["journal_entry"]
    assert first["files"] != second["files"]


def test_the_usual_size_is_some_thousand_rows_and_some_hundred_files(
    empty_site: ExampleSite,
) -> None:
    empty_site.manage("migrate")
    empty_site.manage("seed")

    fingerprint = json.loads(empty_site.fingerprint())

    assert fingerprint["row_count"] > 5_000
    assert len(fingerprint["files"]) == 300


def test_file_names_are_unruly(seeded_site: ExampleSite) -> None:
    names = [str(path.relative_to(seeded_site.media)) for path in files_of(seeded_site)]

    assert any(" " in name for name in names)
    assert any(not name.isascii() for name in names)
    assert any("#" in name for name in names)
    assert any(Path(name).name.startswith("-") for name in names)
    assert len({name.count("/") for name in names}) > 1


def test_a_journal_in_use_is_not_seeded(site: ExampleSite) -> None:
    before = site.fingerprint()

    process = site.attempt("seed")

    assert process.returncode == 1
    assert "already has entries" in process.stderr
    assert site.fingerprint() == before


def test_damage_is_refused_unless_meant(site: ExampleSite) -> None:
    before = site.fingerprint()

    process = site.attempt("damage")

    assert process.returncode == 1
    assert "--yes" in process.stderr
    assert site.fingerprint() == before


def test_damage_changes_rows_schema_and_media(site: ExampleSite) -> None:
    before = json.loads(site.fingerprint())

    site.manage("damage", "--yes")

    after = json.loads(site.fingerprint())
    assert "stowaway" in after["tables"]
    assert "journal_entry_tags" not in after["tables"]
    assert after["tables"]["journal_entry"] != before["tables"]["journal_entry"]
    assert after["schema"] != before["schema"]
    assert set(before["files"]) - set(after["files"])
    assert any(
        after["files"].get(name, digest) != digest for name, digest in before["files"].items()
    )


def files_of(site: ExampleSite) -> list[Path]:
    return [path for path in site.media.rglob("*") if path.is_file()]
