"""The page about calls from code: what it shows runs, and what it lists is there."""

import json
import subprocess
from types import ModuleType

import django
import pytest

import django_rclone
from django_rclone.operations import from_code as databases
from django_rclone.operations.media import from_code as media
from django_rclone.operations.site import from_code as site_backups
from tests.docs.projects import settings_of_app, write_files
from tests.docs.texts import PAGES, page
from tests.support.site import DjangoSite

PAGE = PAGES / "from-code.md"


def run(site: DjangoSite, code: str) -> "subprocess.CompletedProcess[str]":
    write_files(site, PAGE)
    site.extra_settings = settings_of_app("shop", "django_rclone")
    site.write_media({"a.txt": b"a"})
    done = site.manage("shell", "--verbosity", "0", "--command", code)
    assert done.returncode == 0, done.stderr
    return done


def defines(room: ModuleType, name: str) -> bool:
    return getattr(getattr(room, name, None), "__module__", "") == room.__name__


def test_the_table_has_every_function() -> None:
    for name in django_rclone.__all__:
        assert f"`{name}(" in page("from-code"), name
        (room,) = [one for one in (databases, media, site_backups) if defines(one, name)]
        assert getattr(django_rclone, name) is getattr(room, name)


def test_the_view_backs_up_and_reports(site: DjangoSite) -> None:
    code = (
        "from django.test import RequestFactory\n"
        "from types import SimpleNamespace\n"
        "from shop.views import back_up_now\n"
        "request = RequestFactory().post('/')\n"
        "request.user = SimpleNamespace(is_active=True, is_staff=True)\n"
        "print(back_up_now(request).content.decode())\n"
    )
    answer = json.loads(run(site, code).stdout)
    assert answer == {"path": site.backups()[0]["path"], "size": site.backups()[0]["size"]}
    site.database.path.unlink()
    assert "There is no database file" in json.loads(run(site, code).stdout)["error"]


def test_the_status_page_tells_what_is_wrong_and_asks_once(site: DjangoSite) -> None:
    code = (
        "from django.test import RequestFactory\n"
        "from types import SimpleNamespace\n"
        "from django.core.cache import cache\n"
        "from shop.status import backup_status\n"
        "request = RequestFactory().get('/')\n"
        "request.user = SimpleNamespace(is_active=True, is_staff=True)\n"
        "print(backup_status(request).content.decode())\n"
        "from django_rclone import backup_database\n"
        "backup_database()\n"
        "print(backup_status(request).content.decode())\n"
        "cache.clear()\n"
        "print(backup_status(request).content.decode())\n"
    )
    first, second, third = run(site, code).stdout.splitlines()
    assert "<td>CRITICAL</td><td>default</td><td>there is no backup</td>" in first
    assert second == first, "it is kept"
    assert "<td>WARNING</td><td>default</td><td>no backup was ever verified" in third


def test_the_tasks_of_celery_back_up_and_rehearse(site: DjangoSite) -> None:
    code = (
        "from celery import Celery\n"
        "app = Celery(task_always_eager=True)\n"
        "from shop.tasks import back_up, rehearse\n"
        "back_up.delay().get()\n"
        "print(rehearse.delay('default').get())\n"
    )
    done = run(site, code)
    (backup,) = site.backups()
    assert done.stdout.strip() == backup["path"]
    assert len(site.stored("media/runs")) == 2
    for step in ("Backing up database 'default'", f"Stored {backup['path']}", "Rehearsed "):
        assert step in done.stderr
    assert "db_backup of 'default' succeeded in " in done.stderr


@pytest.mark.skipif(django.VERSION < (6, 0), reason="from Django 6.0 on")
def test_the_task_of_django_backs_up(site: DjangoSite) -> None:
    code = "from shop.nightly import back_up\nprint(back_up.enqueue().return_value)\n"
    assert run(site, code).stdout.strip() == site.backups()[0]["path"]


def test_a_failure_is_logged(site: DjangoSite) -> None:
    site.database.path.unlink()
    code = (
        "from django_rclone import backup_database\n"
        "from django_rclone.exceptions import DumpError\n"
        "try:\n    backup_database()\nexcept DumpError:\n    print('failed')\n"
    )
    done = run(site, code)
    assert done.stdout.strip() == "failed"
    assert "db_backup of 'default' failed: There is no database file" in done.stderr
