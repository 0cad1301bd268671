"""Connection strings that programs of MongoDB are given."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.uri_parser import parse_uri

from django_rclone.clients.mongodb.uri import hosts_of, tool_config


def uri(replica_set: str = "", **parameters: Any) -> str:
    key, _, value = tool_config(parameters, replica_set=replica_set).decode().partition(": ")
    assert key == "uri"
    return str(json.loads(value))


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"host": None}, "mongodb://localhost/"),
        ({"host": "db"}, "mongodb://db/"),
        ({"host": "db", "port": 27018}, "mongodb://db:27018/"),
        ({"host": "one,two:1", "port": 2}, "mongodb://one:2,two:1/"),
        ({"host": ["one", "two:1"], "port": 2}, "mongodb://one:2,two:1/"),
        ({"host": "[::1]", "port": 2}, "mongodb://[::1]:2/"),
        ({"host": "mongodb://db:1/"}, "mongodb://db:1/"),
        ({"host": "mongodb+srv://db.example/x", "port": 5}, "mongodb+srv://db.example/"),
    ],
)
def test_servers_are_those_of_the_site(parameters: dict[str, Any], expected: str) -> None:
    assert uri(**parameters) == expected


@pytest.mark.parametrize(
    ("parameters", "login", "source"),
    [
        ({"host": "mongodb://ann:pa%40ss@h"}, "ann:pa%40ss", "admin"),
        ({"host": "mongodb://ann:pass@h/shop"}, "ann:pass", "shop"),
        ({"host": "mongodb://ann:pass@h/shop?authSource=x"}, "ann:pass", "x"),
        ({"host": "mongodb://ann:pass@h/?authSource=x", "authSource": "y"}, "ann:pass", "y"),
        ({"host": "mongodb://ann:old@h", "password": "new"}, "ann:new", "admin"),
        ({"host": "h", "username": "ann", "password": "/@: é"}, "ann:%2F%40%3A%20%C3%A9", "admin"),
    ],
)
def test_whoever_logs_in_is_found_where_django_finds_him(
    parameters: dict[str, Any], login: str, source: str
) -> None:
    assert uri(**parameters) == f"mongodb://{login}@h/?authsource={source}"


def test_other_ways_to_log_in_keep_their_own_source() -> None:
    found = uri(host="h", username="CN=ann", authMechanism="MONGODB-X509")
    assert found == "mongodb://CN%3Dann@h/?authmechanism=MONGODB-X509"


@pytest.mark.parametrize(
    ("parameters", "query"),
    [
        ({"tls": True, "tlsCAFile": "/a b.pem"}, "tls=true&tlscafile=%2Fa%20b.pem"),
        ({"tlsAllowInvalidCertificates": True}, "tlsinsecure=true"),
        ({"tlsAllowInvalidHostnames": False}, ""),
        ({"compressors": ["zstd", "zlib"]}, "compressors=zstd%2Czlib"),
        ({"authMechanismProperties": {"A": 1}}, "authmechanismproperties=A%3A1"),
        ({"serverSelectionTimeoutMS": 2000}, "serverselectiontimeoutms=2000"),
        # What only Python understands, and what would weaken a restore.
        ({"tz_aware": True, "uuidRepresentation": "standard", "w": 0, "journal": False}, ""),
    ],
)
def test_options_are_those_that_programs_know(parameters: dict[str, Any], query: str) -> None:
    assert uri(host="h", **parameters) == f"mongodb://h/{'?' if query else ''}{query}"


def test_options_count_more_than_the_connection_string() -> None:
    host = "mongodb://h/?readPreference=secondary;replicaSet=rs1"
    assert uri(host=host, readPreference="primary") == (
        "mongodb://h/?readpreference=primary&replicaset=rs1"
    )


@pytest.mark.parametrize(
    ("parameters", "query"),
    [
        ({}, "replicaset=rs0"),
        ({"replicaSet": "mine"}, "replicaset=mine"),
        ({"directConnection": True}, "directconnection=true"),
        ({"loadBalanced": True}, "loadbalanced=true"),
    ],
)
def test_the_replica_set_is_named(parameters: dict[str, Any], query: str) -> None:
    assert uri("rs0", host="h", **parameters) == f"mongodb://h/?{query}"


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_every_name_and_password_arrives(user: str, password: str) -> None:
    parsed = parse_uri(uri(host="h", username=user, password=password))
    assert (parsed["username"], parsed["password"]) == (user, password)


def test_nothing_secret_is_in_what_the_operator_is_shown() -> None:
    assert hosts_of({"host": "mongodb://ann:secret@one:1,two/shop?tls=true"}) == "one:1,two"
    assert hosts_of({"host": "ann:secret@one"}) == "one"
