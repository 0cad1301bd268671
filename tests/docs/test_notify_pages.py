"""The examples on the pages about notify, with real commands and a real web server."""

import json
import os

import pytest

from tests.docs.projects import VARIABLES, write_files
from tests.docs.texts import PAGES, python_blocks
from tests.support.http_server import LoopbackServer
from tests.support.site import DjangoSite

APPS = 'INSTALLED_APPS = [*INSTALLED_APPS, "shop.apps.ShopConfig"]\n'


def settings_of(name: str) -> str:
    (block,) = [b for b in python_blocks("settings") if b.path == PAGES / name]
    return block.code


@pytest.fixture
def pager_site(site: DjangoSite, server: LoopbackServer) -> tuple[DjangoSite, dict[str, str]]:
    """A site with the notifier of the page, and the variables that point it to the server."""
    write_files(site, PAGES / "writing-a-notifier.md")
    site.extra_settings = settings_of("writing-a-notifier.md")
    return site, {**VARIABLES, "PAGER_URL": f"{server.url}/key"}


def test_pager_is_notified_of_a_failure(pager_site, server: LoopbackServer):
    site, variables = pager_site
    site.database.path.unlink()

    process = site.manage("dbbackup", env=variables)

    assert process.returncode == 1
    (request,) = server.requests
    page = request.json()
    assert page["team"] == "operations"
    assert page["urgent"] is True
    assert 'Backup of database "default" failed' in page["title"]


def test_pager_is_not_notified_of_a_success(pager_site, server: LoopbackServer):
    site, variables = pager_site
    assert site.manage("dbbackup", env=variables).returncode == 0
    assert server.requests == []


def test_pager_passes_notifytest(pager_site, server: LoopbackServer):
    site, variables = pager_site
    process = site.manage("notifytest", "pager", "--state", "failed", env=variables)
    sent, *_ = process.stdout.splitlines()
    assert (process.returncode, sent) == (0, 'pager: PagerNotifier sent "failed": 200 OK')
    assert len(server.requests) == 1


def test_warning_about_an_unreachable_pager_hides_its_address(pager_site, server: LoopbackServer):
    site, variables = pager_site
    server.always_answer(404)
    site.database.path.unlink()
    process = site.manage("dbbackup", env=variables)
    assert process.returncode == 1
    assert 'Warning: "pager" was not notified that db_backup failed: ' in process.stderr
    assert "/key" not in process.stderr


def test_check_of_the_pager_hides_a_wrong_value(pager_site):
    site, variables = pager_site
    process = site.manage("check", env={**variables, "PAGER_URL": "pager.example/key"})
    assert process.returncode == 0
    assert 'DJANGO_RCLONE_NOTIFY["pager"]["OPTIONS"]["url"] must be a URL' in process.stderr
    assert "pager.example" not in process.stderr


def test_tests_of_the_pager_pass(pager_site):
    site, variables = pager_site
    process = site.manage("test", "shop", env=variables)
    assert process.returncode == 0, process.stderr
    assert "Ran 2 tests" in process.stderr


def test_notifier_connected_in_ready_is_notified_only_of_a_failure(
    site: DjangoSite, server: LoopbackServer
):
    write_files(site, PAGES / "notify.md")
    site.extra_settings = APPS
    variables = {**VARIABLES, "SLACK_WEBHOOK_URL": f"{server.url}/hook"}

    assert site.manage("dbbackup", env=variables).returncode == 0
    assert server.requests == []

    site.database.path.unlink()
    assert site.manage("dbbackup", env=variables).returncode == 1
    (request,) = server.requests
    assert request.path == "/hook"


def test_json_formatter_writes_one_object_per_event(site: DjangoSite):
    write_files(site, PAGES / "notify-logging.md")
    site.extra_settings = settings_of("notify-logging.md")

    process = site.manage("dbbackup")

    assert process.returncode == 0
    start, end = map(json.loads, process.stderr.splitlines())
    assert (start["level"], start["state"], start["size"]) == ("INFO", "started", None)
    (stored,) = [path for path in site.stored() if path.suffix == ".zst"]
    assert (end["state"], end["size"]) == ("succeeded", stored.stat().st_size)
    assert end["path"] == f"db/{stored.name}"
    assert os.linesep not in end["message"]
