"""A server that speaks as much of MongoDB's protocol as backups need, in memory.

https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
"""

import socketserver
import struct
import threading
import uuid
from collections.abc import Callable
from typing import Any, Self

import bson

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
UNAUTHORIZED, LOGIN_FAILED, NOT_FOUND, EXISTS, IS_VIEW = 13, 18, 26, 48, 166
_COMMON = {"create", "lsid", "writeConcern", "$db", "$clusterTime", "$readPreference"}

Document = dict[str, Any]


class Collection(Document):
    """Keeps its ``uuid`` whatever it is called. Two are equal if they hold the same."""

    def __init__(self, **content: Any) -> None:
        super().__init__(content)
        self.uuid = uuid.uuid4()


class Refused(Exception):
    """What the server answers instead of a result."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(message)


class FakeMongoServer:
    """The server; use it as a context manager.

    ``databases[name][collection]`` is ``{"type": ..., "options": ..., "documents": [...]}``.
    With a ``login``, clients have to log in, by the mechanism PLAIN.
    """

    def __init__(self) -> None:
        self.databases: dict[str, dict[str, Collection]] = {}
        self.version = "8.0.4"
        self.login: tuple[str, str] | None = None
        self.greeting: Document = {}
        self.on_command: Callable[[Document], None] = lambda command: None
        """Is called before every command; may raise ``Refused``."""
        self._lock = threading.RLock()
        self._tcp = _Server(("127.0.0.1", 0), _Connection)
        self._tcp.fake = self
        self._thread = threading.Thread(
            target=self._tcp.serve_forever, kwargs={"poll_interval": 0.02}, name="mongo"
        )

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._tcp.server_address[1]}"

    def be_replica_set(self, name: str) -> None:
        here = self.address
        self.greeting = {"setName": name, "hosts": [here], "me": here, "primary": here}
        self.greeting["setVersion"] = 1

    def fill(self, database: str, collection: str, *documents: Document, **options: Any) -> None:
        """Make a collection, or a view, anew."""
        kind = "view" if "viewOn" in options else "timeseries" if "timeseries" in options else ""
        self.databases.setdefault(database, {})[collection] = Collection(
            type=kind or "collection", options=options, documents=list(documents)
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._tcp.shutdown()
        self._thread.join()
        self._tcp.server_close()

    def answer(self, command: Document, logged_in: bool) -> Document:
        """Return the answer to a command."""
        name = next(iter(command))
        method = getattr(self, f"do_{name.lower()}", None)
        try:
            with self._lock:
                if method is None:
                    raise Refused(59, f"no such command: '{name}'")
                if self.login and not logged_in and name.lower() not in _WITHOUT_LOGIN:
                    raise Refused(UNAUTHORIZED, f"Command {name} requires authentication")
                self.on_command(command)
                return {**method(command), "ok": 1.0}
        except Refused as refused:
            return {"ok": 0.0, "errmsg": str(refused), "code": refused.code, "codeName": "Fake"}

    def do_hello(self, command: Document) -> Document:
        return {
            "helloOk": True,
            "ismaster": True,
            "isWritablePrimary": True,
            "maxBsonObjectSize": 16_777_216,
            "maxMessageSizeBytes": 48_000_000,
            "maxWriteBatchSize": 100_000,
            "minWireVersion": 0,
            "maxWireVersion": 25,
            **self.greeting,
        }

    do_ismaster = do_hello

    def do_saslstart(self, command: Document) -> Document:
        _, user, password = bytes(command["payload"]).decode().split("\0")
        if (user, password) != self.login:
            raise Refused(LOGIN_FAILED, "Authentication failed.")
        return {"conversationId": 1, "done": True, "payload": b""}

    def do_ping(self, command: Document) -> Document:
        return {}

    do_endsessions = do_ping

    def do_buildinfo(self, command: Document) -> Document:
        numbers = [int(part) for part in self.version.split(".")]
        return {"version": self.version, "versionArray": [*numbers, 0]}

    def do_listcollections(self, command: Document) -> Document:
        wanted = (command.get("filter") or {}).get("name")
        found = [
            {"name": name, "type": one["type"], "options": one["options"], "info": _info(one)}
            for name, one in self._of(command).items()
            if wanted in (None, name)
        ]
        return _cursor(f"{command['$db']}.$cmd.listCollections", found)

    def do_create(self, command: Document) -> Document:
        if command["create"] in self._of(command):
            raise Refused(EXISTS, "Collection already exists.")
        options = {name: value for name, value in command.items() if name not in _COMMON}
        self.fill(command["$db"], command["create"], **options)
        return {}

    def do_drop(self, command: Document) -> Document:
        if self._of(command).pop(command["drop"], None) is None:
            raise Refused(NOT_FOUND, "ns not found")
        return {}

    def do_renamecollection(self, command: Document) -> Document:
        database, _, name = command["renameCollection"].partition(".")
        _, _, new = command["to"].partition(".")
        collections = self.databases[database]
        if name not in collections:
            raise Refused(NOT_FOUND, f"Source collection {name} does not exist")
        if "view" in [collections[one]["type"] for one in (name, new) if one in collections]:
            raise Refused(IS_VIEW, "cannot rename view")
        if new in collections and not command.get("dropTarget"):
            raise Refused(EXISTS, "target namespace exists")
        collections[new] = collections.pop(name)
        return {}

    def do_insert(self, command: Document) -> Document:
        if command["insert"] not in self._of(command):
            self.fill(command["$db"], command["insert"])
        self._of(command)[command["insert"]]["documents"] += command["documents"]
        return {"n": len(command["documents"])}

    def do_find(self, command: Document) -> Document:
        found = self._of(command).get(command["find"], Collection(documents=[]))
        return _cursor(f"{command['$db']}.{command['find']}", found["documents"])

    def _of(self, command: Document) -> dict[str, Collection]:
        return self.databases.setdefault(command["$db"], {})


_WITHOUT_LOGIN = {"hello", "ismaster", "saslstart"}


def _info(collection: Collection) -> Document:
    if collection["type"] == "view":
        return {"readOnly": True}
    return {"readOnly": False, "uuid": bson.Binary.from_uuid(collection.uuid)}


def _cursor(namespace: str, found: list[Document]) -> Document:
    return {"cursor": {"id": 0, "ns": namespace, "firstBatch": found}}


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    fake: FakeMongoServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is killed hangs up in the middle."""


class _Connection(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        logged_in = False
        while len(header := self.rfile.read(16)) == 16:
            length, number, _, kind = struct.unpack("<iiii", header)
            body = self.rfile.read(length - 16)
            command = _query(body) if kind == OP_QUERY else _message(body)
            answer = self.server.fake.answer(command, logged_in)
            logged_in = logged_in or ("saslStart" in command and bool(answer["ok"]))
            data = bson.encode(answer)
            if kind == OP_QUERY:
                kind, data = OP_REPLY, struct.pack("<iqii", 0, 0, 0, 1) + data
            else:
                data = struct.pack("<ib", 0, 0) + data
            self.wfile.write(struct.pack("<iiii", 16 + len(data), 0, number, kind) + data)


def _query(body: bytes) -> Document:
    start = body.index(b"\0", 4) + 1 + 8
    database = body[4 : start - 9].decode().partition(".")[0]
    return {**bson.decode(body[start:]), "$db": database}


def _message(body: bytes) -> Document:
    """Return a command, with the documents of its other sections where they belong."""
    command: Document = {}
    more: Document = {}
    place = 4
    while place < len(body):
        kind, (size,) = body[place], struct.unpack_from("<i", body, place + 1)
        section = body[place + 1 : place + 1 + size]
        if kind == 0:
            command = bson.decode(section)
        else:
            name, _, documents = section[4:].partition(b"\0")
            more[name.decode()] = bson.decode_all(documents)
        place += 1 + size
    return {**command, **more}
