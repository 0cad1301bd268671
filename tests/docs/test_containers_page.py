"""What the page about containers shows can be parsed, and commands run as confined as it says."""

import configparser
import os
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from django_rclone.testing import S3Remote
from tests.docs.texts import PAGES, blocks
from tests.support.databases.postgresql import PostgresqlDatabase
from tests.support.servers.postgresql import PostgresqlServer
from tests.support.site import RCLONE, DjangoSite, run_to_end

CONFINE = """
set -e
mount --make-rprivate /
mount -t tmpfs -o size=64m,mode=1777 tmpfs "$1"
mount -o remount,bind,ro /
shift
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all -- "$@"
"""
"""A root that cannot be written, a small temporary folder, and no capability."""


def confined(
    site: DjangoSite, *arguments: str, env: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    temporary = site.folder / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = {**site.environ(), **env, "TMPDIR": str(temporary)}
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        environment.pop(name, None)
    command = ["unshare", "--mount", "sh", "-c", CONFINE, "sh", str(temporary)]
    return run_to_end([*command, *site.argv(*arguments)], environment, site.folder)


def may_mount() -> bool:
    done = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return os.geteuid() == 0 and done.returncode == 0


def shown(word: str) -> Any:
    """Return the YAML on the page that has this word."""
    (block,) = [
        b for b in blocks(PAGES / "containers.md") if b.language == "yaml" and word in b.code
    ]
    return yaml.safe_load(block.code)


def variables_of(path: str) -> dict[str, str]:
    """Return the variables of the composed service, for the remote that a file configures."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(path)
    (section,) = config.sections()
    values = {
        "S3_ENDPOINT": config[section]["endpoint"],
        "S3_ACCESS_KEY_ID": config[section]["access_key_id"],
        "S3_SECRET_ACCESS_KEY": config[section]["secret_access_key"],
        "BACKUP_SIGNING_KEY": "a key of the tests",
    }
    given = shown("services:")["services"]["backup"]["environment"]
    return {
        name: values[value[2:-1]] if value.startswith("${") else value
        for name, value in given.items()
    }


@pytest.mark.thorough
@pytest.mark.skipif(not may_mount(), reason="only root may confine a process like this")
def test_commands_need_no_more_than_a_temporary_folder(
    site: DjangoSite, postgresql_server: PostgresqlServer, tmp_path: Path
) -> None:
    stored = tmp_path / "s3"
    stored.mkdir()
    site.write_media({"a/b.jpg": b"picture"})
    with (
        closing(PostgresqlDatabase(postgresql_server)) as database,
        S3Remote(stored, str(RCLONE)) as s3,
    ):
        site.use(database)
        database.add_entries("site")
        before = database.fingerprint()
        site.rclone |= {"REMOTE": "backups:bucket/shop", "MEDIA_CACHE_DIR": None}
        env = variables_of(s3.settings["RCLONE_CONFIG"])
        env["RCLONE_CONFIG"] = "/dev/null"
        for command in (
            "dbbackup",
            "mediabackup",
            "dbverify --remote-only",
            "mediaverify",
            "backupcheck",
        ):
            done = confined(site, *command.split(), env=env)
            assert done.returncode == 0, done.stdout + done.stderr
        database.run("DELETE FROM entry")
        done = confined(site, "dbrestore", "--noinput", env=env)
        assert done.returncode == 0, done.stderr
        assert database.fingerprint() == before


def test_both_schedules_run_without_rights_on_a_root_that_cannot_be_written() -> None:
    service = shown("services:")["services"]["backup"]
    pod = shown("CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    uid = pod["securityContext"]["runAsUser"]
    assert service["user"] == f"{uid}:{pod['securityContext']['runAsGroup']}"
    assert service["read_only"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert service["cap_drop"] == container["securityContext"]["capabilities"]["drop"] == ["ALL"]
    assert service["command"].split() == container["command"]
    assert service["tmpfs"] == [mount["mountPath"] for mount in container["volumeMounts"]]
