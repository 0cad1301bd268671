"""What is imported when: a site with this app starts quickly, and so does ``--help``."""

import subprocess
import sys

import pytest

from tests.support.site import DjangoSite

_SHOW = "print('\\n'.join(sys.modules), file=sys.stderr)"
_START = f"import sys, django; django.setup(); {_SHOW}"
_HELP = f"""
import sys
from django.core.management import execute_from_command_line
try:
    execute_from_command_line(["manage.py", "{{command}}", "--help"])
finally:
    {_SHOW}
"""
_NOT_FOR_HELP = {
    *("backups", "clients", "locks", "operations", "pipeline", "rclone", "checks"),
}
_LARGE = {"psycopg", "psycopg2", "MySQLdb", "pymongo", "backports.zstd", "compression.zstd"}


def imported_by(site: DjangoSite, script: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=site.environ(),
        cwd=site.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.splitlines())


def test_every_other_process_of_the_site_imports_the_app_alone(site: DjangoSite) -> None:
    site.extra_settings = "INSTALLED_APPS = ['django.contrib.contenttypes', 'django_rclone']"
    modules = imported_by(site, _START)
    assert {name for name in modules if name.partition(".")[0] == "django_rclone"} == {
        "django_rclone",
        "django_rclone.apps",
    }
    assert not modules & _LARGE


@pytest.mark.parametrize("command", ["dbbackup", "dbrestore"])
def test_help_imports_nothing_of_what_the_work_needs(site: DjangoSite, command: str) -> None:
    site.extra_settings = "INSTALLED_APPS = ['django.contrib.contenttypes', 'django_rclone']"
    modules = imported_by(site, _HELP.format(command=command))
    assert "django_rclone.management.base" in modules
    assert not modules & (_LARGE | {f"django_rclone.{room}" for room in _NOT_FOR_HELP})


def test_backup_imports_no_client_of_another_vendor(site: DjangoSite) -> None:
    script = _HELP.replace('"--help"', '"--verbosity=0"').format(command="dbbackup")
    modules = imported_by(site, script)
    clients = {name.split(".")[2] for name in modules if name.startswith("django_rclone.clients.")}
    assert "sqlite" in clients
    assert not clients & {"postgresql", "mysql", "mongodb", "orm"}


def test_importing_the_package_imports_nothing_of_it_and_needs_no_settings() -> None:
    script = (
        "import sys, django_rclone\n"
        "dir(django_rclone)\n"
        "assert not hasattr(django_rclone, 'no_such_function')\n"
        "print(*[name for name in sys.modules if name.startswith(('django.', 'django_rclone.'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
