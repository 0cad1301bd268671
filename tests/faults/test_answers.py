"""What a remote in trouble says is the truth, or an error: never that it holds nothing."""

from collections.abc import Callable

import pytest
from django.test import override_settings

from django_rclone import conf
from django_rclone.exceptions import RcloneError
from django_rclone.rclone.copying import Copying
from django_rclone.rclone.remote import Remote
from tests.faults.cell import Cell
from tests.faults.proxy import Trouble


@pytest.mark.parametrize(
    "remote",
    ["s3", *(pytest.param(name, marks=pytest.mark.thorough) for name in ("crypt-s3", "webdav"))],
)
def test_a_remote_that_could_not_be_asked_is_not_taken_for_an_empty_one(
    remote: str, make_cell: Callable[[str, str, str], Cell]
) -> None:
    cell = make_cell("restore", "sqlite", remote)
    (backup,) = cell.backups()
    with override_settings(DJANGO_RCLONE=cell.site.rclone | {"RETRIES": 0}):
        rclone, copying = Remote(conf.load()), Copying(conf.load())
    questions: dict[str, Callable[[], object]] = {
        "list": lambda: sorted(item.path for item in rclone.list("db")),
        "manifests": lambda: len(rclone.read_all("db", ".json")),
        "size": lambda: rclone.size(backup["path"]),
        "manifest": lambda: rclone.read(backup["path"] + ".json"),
        "many": lambda: sorted(copying.sizes(rclone.address("db"))),
    }
    for name, ask in questions.items():
        truth = ask()
        assert truth
        for count in range(9):
            assert cell.endpoint.proxy is not None
            with cell.endpoint.proxy.trouble(Trouble(reset=range(count))):
                try:
                    answer = ask()
                except RcloneError:
                    continue
            assert answer == truth, (name, count)
