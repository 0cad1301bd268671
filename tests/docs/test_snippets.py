"""Every Python block in the documentation works."""

import re
import subprocess

import pytest

from tests.docs.projects import ELSEWHERE, STARTPROJECT, VARIABLES, add_receivers, write_files
from tests.docs.texts import PAGES, TEXTS, Block, blocks, python_blocks
from tests.support.http_server import LoopbackServer
from tests.support.site import DjangoSite

# Of the database that a page is about, if it is not SQLite.
ENGINES = {
    "mysql.md": "django.db.backends.mysql",
    "other-engines.md": "tests.integration.clients.orm.fake_engine",
    "postgresql.md": "django.db.backends.postgresql",
}
PROGRAMS = ("pg_dump", "pg_restore", "mariadb", "mariadb-dump")
OPERATION_CHANGED = "def log_failure("
GUARD = "def confirm_restore("


def receivers_with(words: str) -> str:
    (block,) = [b for b in python_blocks("receivers") if words in b.code]
    return block.code


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_python_block_is_marked_for_a_test(path):
    known = re.compile(r"settings|receivers|run|file: (shop|myapp)/\w+\.py")
    unknown = [b for b in blocks(path) if b.language == "python" and not known.fullmatch(b.marker)]
    assert [f"{block}: {block.marker!r}" for block in unknown] == []


@pytest.mark.parametrize("block", python_blocks("settings"), ids=str)
def test_settings_pass_the_system_checks(block: Block, site: DjangoSite):
    write_files(site, block.path)
    # Secrets and programs in files, which the tests cannot write where a page has them.
    files = site.folder / "files"
    files.mkdir()
    for name in re.findall(r'"/run/secrets/([\w.-]+)"', block.code):
        (files / name).write_text("a secret of the tests")
    code = STARTPROJECT + block.code.replace("/run/secrets", str(files))
    if engine := ENGINES.get(block.path.name):
        code += f"DATABASES['default']['ENGINE'] = {engine!r}\n"
    for program in PROGRAMS:
        (files / program).touch(mode=0o755)
    code = re.sub(r'"tools_folder": "[^"]+"', f'"tools_folder": {str(files)!r}', code)
    site.extra_settings = code
    elsewhere = {} if '"REMOTES": {' in block.code else ELSEWHERE

    process = site.manage("check", "--fail-level", "WARNING", env={**VARIABLES, **elsewhere})

    assert process.returncode == 0, process.stderr
    assert "no issues" in process.stdout


def test_a_wrong_setting_would_be_found(site: DjangoSite):
    site.extra_settings = 'DJANGO_RCLONE = {"REMOTE": "backups:shop", "ENVIROMENT": "production"}'
    process = site.manage("check", "--fail-level", "WARNING")
    assert "Did you mean 'ENVIRONMENT'?" in process.stderr


@pytest.mark.parametrize("block", python_blocks("receivers"), ids=str)
def test_receivers_work_in_a_backup_and_a_restore(
    block: Block, site: DjangoSite, server: LoopbackServer
):
    code = block.code.replace("https://hooks.slack.com/services/...", f"{server.url}/hook")
    code = code.replace("https://hc-ping.com/your-uuid-here", f"{server.url}/ping")
    add_receivers(site, code)

    backup = site.manage("dbbackup", env=VARIABLES)
    restore = site.manage("dbrestore", "--noinput", env={**VARIABLES, "ALLOW_RESTORE": "1"})

    output = backup.stderr + restore.stderr
    assert (backup.returncode, restore.returncode) == (0, 0), output
    assert "Warning" not in output
    assert len(server.requests) == code.count("requests.post(") + code.count("requests.get(")
    assert ("backed up to db/default-" in backup.stderr) == ("post_db_backup)\ndef log" in code)


def test_observer_example_logs_a_failure(site: DjangoSite):
    add_receivers(site, receivers_with(OPERATION_CHANGED))
    site.database.path.unlink()

    process = site.manage("dbbackup")

    assert process.returncode == 1
    assert "db_backup failed: There is no database file" in process.stderr


def test_guard_example_vetoes(site: DjangoSite):
    add_receivers(site, receivers_with(GUARD))
    site.back_up()

    process = site.manage("dbrestore", "--noinput")

    assert process.returncode == 4
    assert "Set ALLOW_RESTORE=1" in process.stderr


CALLS = {
    "retries=1": ("1 backups are there", "No backup: There is no database file"),
    "ThreadPoolExecutor": ("db/default-", None),
    "asyncio": ("db/default-", None),
    "call_command(": ("Stored db/default-", "No backup (1): Database 'default' was not backed up"),
}
"""The code that backs up, and what it prints after a success and after a failure it catches."""


def run_block(containing: str, site: DjangoSite) -> "subprocess.CompletedProcess[str]":
    (block,) = [block for block in python_blocks("run") if containing in block.code]
    return site.manage("shell", "--verbosity", "0", "--command", block.code)


@pytest.mark.parametrize("call", CALLS)
def test_code_that_backs_up_works(call: str, site: DjangoSite):
    process = run_block(call, site)

    assert (process.returncode, process.stderr) == (0, "")
    assert CALLS[call][0] in process.stdout
    assert len(site.backups()) == 1


@pytest.mark.parametrize("call", [call for call, (_, caught) in CALLS.items() if caught])
def test_code_that_backs_up_reports_a_failure(call: str, site: DjangoSite):
    site.database.path.unlink()
    process = run_block(call, site)
    assert str(CALLS[call][1]) in process.stdout


def test_a_secret_prints_itself_masked(site: DjangoSite):
    process = run_block("Secret(", site)
    assert (process.returncode, process.stdout, process.stderr) == (0, "***\n", "")


def test_every_block_of_code_is_run():
    known = (*CALLS, "Secret(")
    assert all(any(part in block.code for part in known) for block in python_blocks("run"))


def test_every_example_file_is_on_a_page_with_its_own_tests():
    files = [b for b in blocks(*TEXTS) if b.marker.startswith("file: ")]
    pages = {
        "from-code.md",
        "media.md",
        "notify-logging.md",
        "notify-webhook.md",
        "notify.md",
        "proof.md",
        "signals.md",
        "writing-a-client.md",
        "writing-a-notifier.md",
    }
    assert {block.path.name for block in files} == pages
    assert {block.path.parent for block in files} == {PAGES}
