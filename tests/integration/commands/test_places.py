"""Backups lie apart from what a site serves, however their place is named."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.core.management.base import CommandError
from django.test import override_settings

from tests.support.site import DjangoSite


def plain(site: DjangoSite, folder: Path) -> str:
    return str(folder)


def by_link(site: DjangoSite, folder: Path) -> str:
    link = site.folder / "link"
    link.symlink_to(folder)
    return str(link)


def configured(site: DjangoSite, **sections: dict[str, str]) -> None:
    lines = []
    for name, options in sections.items():
        lines += [f"[{name}]", *(f"{key} = {value}" for key, value in options.items())]
    path = site.folder / "rclone.conf"
    path.write_text("\n".join(lines) + "\n")
    site.rclone["RCLONE_CONFIG"] = str(path)


def alias(site: DjangoSite, folder: Path) -> str:
    configured(site, inner={"type": "alias", "remote": str(folder.parent)},
               outer={"type": "alias", "remote": "inner:"})  # fmt: skip
    return f"outer:{folder.name}"


def local(site: DjangoSite, folder: Path) -> str:
    configured(site, disk={"type": "local"})
    return f"disk:{folder}"


def wrapped(site: DjangoSite, folder: Path) -> str:
    configured(site, top={"type": "chunker", "remote": "name:"},
               name={"type": "alias", "remote": str(folder)})  # fmt: skip
    return "top:backups"


def crypt(site: DjangoSite, folder: Path) -> str:
    configured(site, secret={"type": "crypt", "remote": str(folder), "password": "x" * 22})
    return "secret:"


def union(site: DjangoSite, folder: Path) -> str:
    configured(site, both={"type": "union", "upstreams": f"/nowhere:ro {folder}"})
    return "both:"


def combine(site: DjangoSite, folder: Path) -> str:
    configured(site, parts={"type": "combine", "upstreams": f"a=/nowhere b={folder}"})
    return "parts:b"


WAYS = [plain, by_link, alias, local, wrapped, crypt, union, combine]


def refused(site: DjangoSite, *commands: str) -> str:
    """Return what is said; the system check says the same."""
    said = set()
    for command in commands:
        with pytest.raises(CommandError) as error:
            site.call(command)
        assert error.value.returncode == 2
        said.add(str(error.value).splitlines()[0])
    assert len(said) == 1
    with override_settings(DJANGO_RCLONE=site.rclone):
        assert [check.id for check in run_checks(tags=["django_rclone"])] == ["django_rclone.E003"]
    return said.pop()


@pytest.mark.parametrize("way", WAYS)
def test_a_remote_in_the_media_folder_is_refused(
    site: DjangoSite, way: Callable[[DjangoSite, Path], str]
) -> None:
    folder = site.media / "backups"
    folder.mkdir()
    site.write_media({"a.txt": b"a"})
    site.rclone["REMOTE"] = way(site, folder)
    assert "MEDIA_ROOT" in refused(site, "mediabackup", "dbbackup")
    assert list(folder.iterdir()) == []


def test_a_remote_named_by_variables_is_found_too(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RCLONE_CONFIG_MY_DISK_TYPE", "alias")
    monkeypatch.setenv("RCLONE_CONFIG_MY_DISK_REMOTE", str(site.media))
    site.rclone["REMOTE"] = "my_disk:backups"
    assert "MEDIA_ROOT" in refused(site, "dbbackup")


@pytest.mark.parametrize("media", ["media", "uploads", "db/x"])
def test_a_media_folder_in_the_remote_is_refused(site: DjangoSite, media: str) -> None:
    folder = site.remote / media
    folder.mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"a")
    with override_settings(MEDIA_ROOT=str(folder)):
        assert "MEDIA_ROOT" in refused(site, "mediabackup", "dbbackup")


def test_a_media_source_in_the_remote_is_refused(site: DjangoSite) -> None:
    site.rclone["MEDIA_SOURCES"] = {"media": {"FOLDER": str(site.remote / "elsewhere")}}
    assert "MEDIA_SOURCES" in refused(site, "dbbackup")


def test_a_remote_among_static_files_is_refused(site: DjangoSite) -> None:
    with (
        override_settings(STATIC_ROOT=str(site.folder)),
        pytest.raises(CommandError, match="STATIC_ROOT"),
    ):
        site.call("dbbackup")


def test_a_database_file_among_media_files_is_refused(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.write_media({"a.txt": b"a"})
    site.add_database("inner", name="media/inner.sqlite3")
    monkeypatch.setattr(settings, "DATABASES", site.databases)
    assert "the file of database 'inner'" in refused(site, "mediabackup", "mediarestore")
    site.call("dbbackup", "-d", "inner")


@pytest.mark.parametrize("base", ["media", "media/app"])
def test_code_among_media_files_is_refused(site: DjangoSite, base: str) -> None:
    site.write_media({"a.txt": b"a"})
    with override_settings(BASE_DIR=site.folder / base):
        assert "BASE_DIR" in refused(site, "mediabackup")


def test_a_restore_is_never_refused_for_the_place_of_backups(site: DjangoSite) -> None:
    site.call("dbbackup")
    with override_settings(MEDIA_ROOT=str(site.remote)):
        site.restore()
        assert len(json.loads(site.call("listbackups", "--json"))) == 1


def test_places_beside_each_other_are_no_problem(site: DjangoSite) -> None:
    places = {"STATIC_ROOT": f"{site.remote}-static", "BASE_DIR": site.folder}
    with override_settings(DJANGO_RCLONE=site.rclone, **places):
        assert run_checks(tags=["django_rclone"]) == []
