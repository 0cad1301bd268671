"""The engine of the tests is as the real one."""

from importlib.util import find_spec
from typing import Any

import pytest
from django.db import connections

from django_rclone import conf
from django_rclone.clients import get_client
from django_rclone.clients.mongodb.client import MongodbClient
from django_rclone.clients.mongodb.connection import connection_parameters
from tests.integration.clients.mongodb.shop import FAKE_ENGINE, REAL_ENGINE, Shop

real = pytest.mark.skipif(
    find_spec(REAL_ENGINE) is None, reason="no version of it runs on this Django"
)


def parameters_with(shop: Shop, engine: str, **settings: Any) -> dict[str, Any]:
    shop.settings.update(ENGINE=engine, **settings)
    shop.site.call("listbackups")
    return connection_parameters(connections["default"])


@real
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"HOST": "", "PORT": "27018"},
        {"HOST": "mongodb+srv://ann:x@db.example/", "USER": "", "PASSWORD": "", "OPTIONS": {}},
    ],
    ids=["all", "port", "string"],
)
def test_the_fake_engine_connects_with_the_same_parameters(
    shop: Shop, settings: dict[str, Any]
) -> None:
    fake = parameters_with(shop, FAKE_ENGINE, **settings)
    assert fake == parameters_with(shop, REAL_ENGINE, **settings)


@pytest.mark.thorough
@real
def test_a_database_may_be_named_by_the_connection_string_alone(shop: Shop) -> None:
    shop.settings.update(ENGINE=REAL_ENGINE, NAME="", HOST=f"mongodb://{shop.server.address}/shop")
    shop.settings["OPTIONS"]["authSource"] = "$external"
    before = shop.content
    shop.back_up()
    shop.diverge()
    shop.restore()
    assert shop.content == before
    assert "--db=shop" in shop.calls()[0]["argv"]


def test_the_client_is_chosen_by_the_vendor(shop: Shop) -> None:
    shop.site.call("listbackups")
    client = get_client("default", conf.load())
    assert isinstance(client, MongodbClient)
    assert client.describe_target() == f"shop on {shop.server.address}"


@pytest.mark.parametrize(
    "options", [{"exclude_collections": "log"}, {"tools_folder": 1}, {"exclude": []}]
)
def test_wrong_options_are_reported_by_the_system_check(
    shop: Shop, options: dict[str, Any]
) -> None:
    shop.options.clear()
    shop.options.update(options)
    assert "W003" in shop.site.manage("check", "--tag", "django_rclone").stderr
