"""``--verbosity``: how much a command says."""

import re

import pytest

from django_rclone.rclone.overhearing import heard, overheard
from tests.support.site import DjangoSite


@pytest.mark.thorough
def test_with_the_highest_one_can_read_what_rclone_logs(site: DjangoSite) -> None:
    password, salt = "of 5ecret words", "s4lt of the tests"
    encryption = {"PASSWORD": password, "SALT": salt}
    site.rclone |= {
        "REMOTES": {"backups": {"TYPE": "local", "ENCRYPTION": encryption}},
        "REMOTE": f"backups:{site.remote}",
        "RCLONE_FLAGS": ["-vv"],
    }
    told = site.manage("dbbackup", "--verbosity=3")
    assert told.returncode == 0, told.stderr
    assert 'rclone: debug: rc: "operations/' in told.stderr
    obscured = re.findall(r"Setting (?:pass\w*|salt)=(\S+)", told.stderr)
    assert set(obscured) <= {"***", "XXX"}
    assert '"config/' not in told.stderr
    for secret in (password, salt):
        assert secret not in told.stderr + told.stdout
    usual = site.manage("dbbackup")
    assert (usual.returncode, usual.stderr) == (0, "")


def test_statistics_and_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RCLONE_CONFIG_NAME_PASS", "x5ecretx")
    lines: list[str] = []
    read = heard(lambda line: "kept")
    with overheard(lines.append):
        for line in (
            '{"level": "info", "object": "a.jpg", "msg": "Copied with x5ecretx\\n"}',
            '{"level": "error", "msg": "", "stats": {}}',
            '{"level": "debug", "msg": "rc: \\"config/dump\\": reply map[]"}',
            "not JSON",
        ):
            assert read(line) == "kept"
    read("nobody listens")
    assert lines == ["rclone: info: a.jpg: Copied with ***", "rclone: not JSON"]
