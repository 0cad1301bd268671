"""Commands started by a parent that leaves much behind: the outcome is the same."""

from contextlib import closing

import pytest

from tests.support.databases import PostgresqlDatabase
from tests.support.servers.postgresql import PostgresqlServer
from tests.support.site import DjangoSite, snapshot

_SIGNALS = "signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE"
PARENTS = {
    "ignores signals": f"for n in ({_SIGNALS}): signal.signal(n, signal.SIG_IGN)",
    "blocks signals": f"signal.pthread_sigmask(signal.SIG_BLOCK, ({_SIGNALS}))",
    "lets everybody write": "os.umask(0)",
    "lets nobody read": "os.umask(0o777)",
    "allows few open files": (
        "resource.setrlimit(resource.RLIMIT_NOFILE, "
        "(24, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))"
    ),
    "has closed its input": "os.close(0)",
    "has closed its errors": "os.close(2)",
    "has closed everything": "os.closerange(0, 3)",
    "speaks ASCII": "os.environ.update(LC_ALL='C', PYTHONUTF8='0', PYTHONCOERCECLOCALE='0')",
    "prints ASCII": "os.environ['PYTHONIOENCODING'] = 'ascii'",
    "has a folder that is gone": "os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')",
    "has a relative temporary folder": "os.environ['TMPDIR'] = '.'",
    "has a temporary folder that is gone": "os.environ['TMPDIR'] = '/no/such/folder'",
    "is elsewhere": "os.environ['TZ'] = 'Asia/Kathmandu'",
}
# The first is in the quick tier: everything at once.
PARENTS = {"leaves all of that": "\n".join(PARENTS.values())} | PARENTS


@pytest.mark.parametrize("parent", PARENTS)
def test_backup_and_restore(parent: str, site: DjangoSite) -> None:
    site.rclone["DB_BACKUP_DIR"] = "bücher"
    site.write_media({"é.txt": b"accent"})
    site.parent = PARENTS[parent]
    before = site.database.fingerprint()
    for command in (["dbbackup"], ["mediabackup"]):
        done = site.manage(*command)
        assert done.returncode == 0, done.stderr
    site.parent = ""
    (backup,) = site.backups()
    assert backup["verified"]
    stored = site.remote / backup["path"]
    assert stored.stat().st_mode & 0o602 == 0o600
    site.database.mutate()
    site.parent = PARENTS[parent]
    done = site.manage("dbrestore", "--noinput")
    assert done.returncode == 0, done.stderr
    assert site.database.fingerprint() == before
    done = site.manage("mediarestore", "--noinput")
    assert done.returncode == 0, done.stderr
    done = site.manage("listbackups")
    assert done.returncode == 0, done.stderr


def test_a_failed_dump_is_no_backup_although_sigchld_is_ignored(
    site: DjangoSite, postgresql_server: PostgresqlServer
) -> None:
    with closing(PostgresqlDatabase(postgresql_server)) as database:
        database.add_entries()
        site.use(database)
        site.fake_program("pg_dump", 'printf "PGDMP and not much else"; exit 1')
        site.parent = PARENTS["ignores signals"]
        done = site.manage("dbbackup")
    assert done.returncode == 1, done.stderr
    assert "pg_dump exited with 1" in done.stderr
    assert site.stored() == []


POISON = {
    "RCLONE_BACKUP_DIR": "elsewhere",
    "RCLONE_COPY_LINKS": "true",
    "RCLONE_DRY_RUN": "true",
    "RCLONE_EXCLUDE": "*",
    "RCLONE_IGNORE_EXISTING": "true",
    "RCLONE_LOCAL_ENCODING": "Slash,LowerU",
    "RCLONE_LOG_FILE": "log",
    "RCLONE_MAX_AGE": "1s",
    "RCLONE_MAX_DEPTH": "1",
    "RCLONE_NAME_TRANSFORM": "all,suffix=x",
    "RCLONE_SIZE_ONLY": "true",
    "PGOPTIONS": "-c role=nobody",
}


@pytest.mark.thorough
def test_no_variable_of_rclone_changes_what_is_stored(site: DjangoSite) -> None:
    other = site.folder / "other"
    files = {"a.txt": b"a", "b/c.txt": b"c"}
    site.write_media(files)
    (other / "b").mkdir(parents=True)
    for name, data in files.items():
        (other / name).write_bytes(data)
    env = {**POISON, "RCLONE_COMPARE_DEST": str(other), "RCLONE_COPY_DEST": str(other)}
    before = site.database.fingerprint()
    for command in ("mediabackup", "dbbackup"):
        done = site.manage(command, env=env)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("Left out of the environment") == 1
        assert all(name in done.stderr for name in env)
    assert {*snapshot(site.remote / "media/content").values()} == {*files.values()}
    site.database.mutate()
    site.write_media({"a.txt": b"b"})
    for command in ("mediarestore", "dbrestore"):
        done = site.manage(command, "--noinput", env=env)
        assert done.returncode == 0, done.stderr
    assert snapshot(site.media) == files
    assert site.database.fingerprint() == before
    done = site.manage("check", "--tag=django_rclone", env=env)
    assert "django_rclone.W005" in done.stderr


@pytest.mark.thorough
def test_without_a_temporary_folder_only_a_copy_is_impossible(site: DjangoSite) -> None:
    before = site.database.fingerprint()
    site.write_media({"a.txt": b"a"})
    site.call("dbbackup")
    site.extra_settings = (
        "import tempfile\n"
        # A container whose file system is read-only.
        "tempfile.tempdir, tempfile._candidate_tempdir_list = None, lambda: ['/nowhere']\n"
    )
    site.database.mutate()
    for command in (["dbrestore", "--noinput"], ["mediabackup"], ["mediarestore", "--noinput"]):
        done = site.manage(*command)
        assert done.returncode == 0, done.stderr
    assert site.database.fingerprint() == before
    done = site.manage("dbbackup")
    assert done.returncode == 1
    assert "No usable temporary directory" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.thorough
def test_a_limit_of_the_size_of_files_fails_in_a_sentence(site: DjangoSite) -> None:
    site.parent = "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))"
    site.write_media({"large.bin": bytes(100_000)})
    for command in ("dbbackup", "mediabackup"):
        done = site.manage(command)
        assert done.returncode == 1, done.stdout
        assert "Traceback" not in done.stderr
    site.parent = ""
    assert site.backups() == []
