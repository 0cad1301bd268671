"""A site whose database is on a fake server, backed up by fake programs."""

import json
import sys
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.support.servers.mongodb import Document, FakeMongoServer
from tests.support.site import DjangoSite

TOOLS = Path(__file__).with_name("fake_tools.py")
REAL_ENGINE = "django_mongodb_backend"
FAKE_ENGINE = "tests.integration.clients.mongodb.fake_engine"
ENGINE = REAL_ENGINE if find_spec(REAL_ENGINE) else FAKE_ENGINE

USER, PASSWORD = "shop", 's3cr3t: {"p@ss"}/ü%'


class Shop:
    """The site, with some collections."""

    def __init__(self, server: FakeMongoServer, site: DjangoSite) -> None:
        self.server = server
        self.site = site
        self.name = "shop"
        self.options: dict[str, Any] = {"tools_folder": str(site.folder / "tools")}
        self._calls = site.folder / "calls"
        site.rclone["CLIENTS"] = {"default": {"OPTIONS": self.options}}
        site.databases["default"] = {
            "ENGINE": ENGINE,
            "NAME": self.name,
            "HOST": f"mongodb://{server.address}/",
            "USER": USER,
            "PASSWORD": PASSWORD,
            "OPTIONS": {"authMechanism": "PLAIN", "serverSelectionTimeoutMS": 2000},
        }
        server.login = (USER, PASSWORD)
        self.use_tool("mongodump")
        self.use_tool("mongorestore")
        orders = [{"_id": number, "name": f"order {number}"} for number in range(500)]
        server.fill("shop", "orders", *orders)
        server.fill("shop", "log", {"_id": 1, "at": "dawn"}, capped=True, size=4096)
        server.fill("shop", "empty")
        server.fill("shop", "recent", viewOn="orders", pipeline=[{"$limit": 3}])
        server.fill("shop", "django_migrations", {"_id": 1, "app": "shop", "name": "0001_initial"})

    @property
    def settings(self) -> dict[str, Any]:
        return self.site.databases["default"]

    @property
    def content(self) -> dict[str, Document]:
        """What the database holds."""
        content: dict[str, Document] = {**self.server.databases.get(self.name, {})}
        return deepcopy(content)

    def use_tool(self, name: str, body: str = 'exec "$@"') -> None:
        """Put a script in the place of a program; ``"$@"`` runs the usual fake."""
        folder = self.site.folder / "tools"
        folder.mkdir(exist_ok=True)
        usual = f"set -- '{sys.executable}' '{TOOLS}' {name} \"$@\"\n"
        asked = 'case "$*" in *--version) exec "$@";; esac\n'
        (folder / name).write_text(f"#!/bin/sh\n{usual}{asked}{body}\n")
        (folder / name).chmod(0o755)

    def use_version(self, name: str, said: str) -> None:
        """Let a program call itself a version."""
        (self.site.folder / "tools" / name).write_text(f"#!/bin/sh\necho '{said}'\n")

    def diverge(self) -> None:
        """Change, delete and add, as time does after a backup."""
        collections = self.server.databases[self.name]
        collections["orders"]["documents"] = [{"_id": 1, "name": "changed"}]
        del collections["log"], collections["recent"]
        self.server.fill(self.name, "later", {"_id": 1})
        self.server.fill(self.name, "later_view", viewOn="later", pipeline=[])
        # What was a collection is a view now, and the other way round.
        self.server.fill(self.name, "empty", viewOn="orders", pipeline=[])
        self.server.fill(self.name, "recent", {"_id": 1})

    def calls(self) -> list[dict[str, Any]]:
        """Return how the programs were started, in order."""
        return [json.loads(line) for line in self._calls.read_text().splitlines()]

    def back_up(self, *arguments: str) -> Path:
        return self.site.back_up(*arguments)

    def restore(self, *arguments: str) -> str:
        return self.site.call("dbrestore", "--noinput", *arguments)
