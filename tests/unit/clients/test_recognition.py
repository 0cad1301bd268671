"""What a dump is, by its first bytes."""

import pytest
from django.utils.module_loading import import_string

from django_rclone.clients import CLIENTS
from django_rclone.clients.base import DatabaseClient
from django_rclone.clients.orm.client import OrmClient
from django_rclone.pipeline.relay import HEAD


@pytest.mark.parametrize("client", [*map(import_string, CLIENTS.values()), OrmClient])
def test_a_client_recognizes_its_own_dumps_alone(client: type[DatabaseClient]) -> None:
    for magic in client.magic:
        assert client.recognize(magic.ljust(HEAD))
    assert client.recognize(b"?" * HEAD) == ""
