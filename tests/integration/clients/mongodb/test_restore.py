"""A restored MongoDB database equals the backup."""

import json
import re
from pathlib import Path

import bson
import pytest
from django.core.management.base import CommandError
from django.db import connections

from tests.integration.clients.mongodb.shop import Shop


def manifest_of(dump: Path) -> dict[str, object]:
    manifest: dict[str, object] = json.loads(Path(f"{dump}.json").read_text())
    return manifest


def test_a_restored_database_equals_the_backup(shop: Shop) -> None:
    before = shop.content
    shop.back_up()
    shop.diverge()
    assert shop.content != before
    shop.restore()
    assert shop.content == before


def test_the_manifest_names_the_tools_of_the_dump(shop: Shop) -> None:
    manifest = manifest_of(shop.back_up())
    assert manifest["vendor"] == "mongodb"
    assert manifest["tool"] == "mongodump"
    assert manifest["tool_version"] == "100.10.0"
    assert manifest["server_version"] == "8.0.4"
    assert manifest["migrations"] == ["shop.0001_initial"]


@pytest.mark.thorough
def test_a_backup_can_be_restored_to_a_database_of_another_name(shop: Shop) -> None:
    before = shop.content
    shop.back_up()
    shop.diverge()
    live = shop.content
    shop.settings["NAME"] = "copy"
    shop.restore()
    assert shop.server.databases["copy"] == before
    assert shop.content == live


def test_both_commands_warn_of_the_limits_of_mongodb(shop: Shop) -> None:
    backup = shop.site.manage("dbbackup")
    restore = shop.site.manage("dbrestore", "--noinput")
    assert (backup.returncode, restore.returncode) == (0, 0), backup.stderr + restore.stderr
    assert "not of one moment" in backup.stderr
    assert "one after the other" in restore.stderr


@pytest.mark.thorough
def test_a_sharded_cluster_is_warned_of(shop: Shop) -> None:
    shop.server.greeting["msg"] = "isdbgrid"
    backup = shop.site.manage("dbbackup")
    restore = shop.site.manage("dbrestore", "--noinput")
    assert "sharded cluster" in backup.stderr
    assert "sharded cluster" in restore.stderr


def test_an_excluded_collection_makes_a_partial_backup(shop: Shop) -> None:
    shop.options["exclude_collections"] = ["log"]
    before = shop.content
    shop.back_up()
    with pytest.raises(CommandError, match="partial"):
        shop.restore()
    shop.restore("--partial")
    del before["log"]
    assert shop.content == before


@pytest.mark.thorough
def test_a_model_is_excluded_by_its_label(shop: Shop) -> None:
    shop.server.fill("shop", "auth_user", {"_id": 1})
    shop.options["exclude_collections"] = ["auth.User"]
    shop.back_up()
    assert "--excludeCollection=auth_user" in shop.calls()[0]["argv"]


@pytest.mark.parametrize(
    ("excluded", "pipeline"),
    [
        ("orders", []),
        ("log", [{"$lookup": {"from": "log", "as": "entries", "pipeline": []}}]),
        ("log", [{"$facet": {"both": [{"$unionWith": "log"}]}}]),
        ("log", [{"$unionWith": {"coll": "log", "pipeline": [{"$limit": 1}]}}]),
        ("log", [{"$lookup": {"from": "empty", "pipeline": [{"$graphLookup": {"from": "log"}}]}}]),
    ],
)
def test_what_a_view_needs_cannot_be_excluded_alone(
    shop: Shop, excluded: str, pipeline: list[object]
) -> None:
    shop.server.databases["shop"].pop("recent")
    shop.server.fill("shop", "needy", viewOn="orders", pipeline=pipeline)
    shop.options["exclude_collections"] = [excluded]
    with pytest.raises(CommandError, match=f"view needy needs {excluded}"):
        shop.back_up()
    shop.options["exclude_collections"] = [excluded, "needy"]
    shop.back_up()


def test_a_missing_collection_cannot_be_excluded(shop: Shop) -> None:
    shop.options["exclude_collections"] = ["lgo"]
    with pytest.raises(CommandError, match="do not exist: lgo"):
        shop.back_up()


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("weather", {"timeseries": {"timeField": "at"}}, "a time series"),
        ("secrets", {"encryptedFields": {}}, "encrypted"),
        ("system.js", {}, "stored functions"),
        ("a$b", {}, r"its name contains \$"),
        ("x" * 230, {}, "its name is too long"),
    ],
)
def test_unrestorable_collections_are_not_backed_up(
    shop: Shop, name: str, options: dict[str, object], said: str
) -> None:
    shop.server.fill("shop", name, **options)
    with pytest.raises(CommandError, match=said):
        shop.back_up()
    assert shop.site.stored() == []
    shop.options["exclude_collections"] = [name]
    shop.back_up()


def test_a_database_that_does_not_exist_is_not_backed_up(shop: Shop) -> None:
    shop.settings["NAME"] = "shpo"
    with pytest.raises(CommandError, match="contains no collections"):
        shop.back_up()


def test_a_dump_of_a_newer_server_is_refused(shop: Shop) -> None:
    shop.back_up()
    shop.server.version = "7.0.12"
    with pytest.raises(CommandError, match="this server is 7"):
        shop.restore()


def test_scratch_collections_are_in_no_dump(shop: Shop) -> None:
    before = shop.content
    shop.server.fill("shop", "django_rclone_restoring_00c0ffee")
    shop.server.fill("shop", "django_rclone_restoring_00c0ffee.orders", {"_id": 1})
    shop.back_up()
    shop.restore()
    assert shop.content == before


def test_the_programs_wait_for_the_primary_of_a_replica_set(shop: Shop) -> None:
    shop.server.be_replica_set("rs0")
    shop.back_up()
    shop.restore()
    assert all("replicaset=rs0" in call["config"] for call in shop.calls())


def test_the_programs_are_started_with_these_options_alone(shop: Shop) -> None:
    shop.back_up()
    shop.restore()
    dump, restore = ([a for a in call["argv"] if "/dev/fd" not in a] for call in shop.calls())
    assert dump == [
        "--archive",
        "--db=shop",
        "--excludeCollectionsWithPrefix=django_rclone_restoring_",
        "--excludeCollectionsWithPrefix=django_rclone_swapping_",
    ]
    place = restore.pop(2)
    assert restore == [
        "--archive",
        "--nsFrom=$db$.$name$",
        "--nsExclude=admin.*",
        "--nsExclude=config.*",
        "--maintainInsertionOrder",
        "--bypassDocumentValidation",
    ]
    assert re.fullmatch(r"--nsTo=shop\.django_rclone_restoring_[0-9a-f]{8}\.\$name\$", place)


def test_users_that_an_unverified_dump_holds_are_not_made(shop: Shop) -> None:
    before = shop.content
    shop.site.rclone["COMPRESSION"] = None
    dump = shop.back_up()
    Path(f"{dump}.json").unlink()
    begin, prelude, segments = dump.read_bytes().partition(b"\xff\xff\xff\xff")
    head = {"db": "admin", "collection": "system.users", "metadata": '{"options": {}}', "size": 0}
    space = {"db": "admin", "collection": "system.users", "EOF": False, "CRC": 0}
    evil = bson.encode(space) + bson.encode({"user": "mallory", "roles": ["root"]}) + prelude
    dump.write_bytes(begin + bson.encode(head) + prelude + evil + segments)
    shop.diverge()
    shop.restore("-i", dump.name, "--unverified")
    assert shop.content == before
    assert "admin" not in shop.server.databases


@pytest.mark.parametrize("attribute", ["in_atomic_block", "in_atomic_block_mongo"])
def test_a_restore_within_a_transaction_is_refused(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, attribute: str
) -> None:
    shop.back_up()
    live = shop.content
    monkeypatch.setattr(connections["default"], attribute, True, raising=False)
    with pytest.raises(CommandError, match="A transaction is open"):
        shop.restore()
    assert shop.content == live


@pytest.mark.parametrize("live", ["whole", "empty", "half swapped"])
def test_what_is_replaced_is_backed_up_first_if_it_can_be_lost(shop: Shop, live: str) -> None:
    shop.site.rclone["SAFETY_BACKUP"] = "7d"
    before = shop.content
    shop.back_up()
    if live == "empty":
        shop.server.databases[shop.name].clear()
    elif live == "half swapped":
        shop.diverge()
        shop.server.fill(shop.name, "django_rclone_swapping_0123abcd")
    shop.restore()
    assert shop.content == before
    assert len(shop.site.backups()) == (2 if live == "whole" else 1)
