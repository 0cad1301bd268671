"""Programs that stand in for mongodump and mongorestore; each writes down how it was started.

They speak to the server as the real ones would, and write and read archives of the real
format: https://github.com/mongodb/mongo-tools/blob/master/common/archive/spec.md
"""

import fnmatch
import json
import os
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from bson import decode, encode, json_util
from pymongo import MongoClient

BEGIN, END = b"\x6d\xe2\x99\x81", b"\xff\xff\xff\xff"
KNOWN = {
    "mongodump": {"config", "archive", "db", "excludeCollection", "excludeCollectionsWithPrefix"},
    "mongorestore": {
        *("config", "archive", "nsFrom", "nsTo", "nsExclude"),
        *("maintainInsertionOrder", "bypassDocumentValidation"),
    },
}


class Call:
    """How the program was started."""

    def __init__(self, tool: str, arguments: list[str]) -> None:
        self.options: dict[str, list[str]] = {}
        for argument in arguments:
            name, _, value = argument.removeprefix("--").partition("=")
            assert name in KNOWN[tool], f"unknown option {argument}"
            self.options.setdefault(name, []).append(value)
        self.config = Path(self["config"]).read_text()
        self.uri = str(json.loads(self.config.removeprefix("uri: ")))
        record = {"tool": tool, "argv": arguments, "config": self.config, "env": dict(os.environ)}
        with Path(os.environ["FAKE_TOOLS_CALLS"]).open("a") as file:
            print(json.dumps(record), file=file)

    def __getitem__(self, name: str) -> str:
        return self.options[name][0]

    def connect(self) -> Any:
        return MongoClient(self.uri)


def mongodump(call: Call) -> None:
    name = call["db"]
    out = sys.stdout.buffer
    with call.connect() as client:
        found = [one for one in client[name].list_collections() if is_wanted(call, one["name"])]
        header = {"concurrent_collections": 4, "version": "0.1", "server_version": "8.0.4"}
        out.write(BEGIN + encode({**header, "tool_version": "100.10.0"}))
        for one in found:
            metadata = json_util.dumps({"type": one["type"], "options": one["options"]})
            head = {"db": name, "collection": one["name"], "metadata": metadata, "size": 0}
            out.write(encode(head))
        out.write(END)
        for one in found:
            if one["type"] == "view":
                continue
            space = {"db": name, "collection": one["name"], "CRC": 0}
            if documents := list(client[name][one["name"]].find()):
                out.write(encode({**space, "EOF": False}))
                out.writelines(map(encode, documents))
                out.write(END)
            out.write(encode({**space, "EOF": True}) + END)
            print(f"2026-11-25T00:00:00.000+0000\tdone dumping {one['name']}", file=sys.stderr)
    out.flush()


def is_wanted(call: Call, name: str) -> bool:
    prefixes = (*call.options.get("excludeCollectionsWithPrefix", []), "system.")
    return not name.startswith(prefixes) and name not in call.options.get("excludeCollection", [])


def mongorestore(call: Call) -> None:
    parts = read_archive(sys.stdin.buffer)
    with call.connect() as client:
        for head in next(parts)[1:]:
            if target := new_place(call, head):
                metadata = json_util.loads(head["metadata"])
                client[target[0]].create_collection(target[1], **metadata["options"])
        for space, *documents in parts:
            target = new_place(call, space)
            if target and documents:
                client[target[0]][target[1]].insert_many(documents)
    print("2026-11-25T00:00:00.000+0000\t9 document(s) restored successfully.", file=sys.stderr)


def new_place(call: Call, head: dict[str, Any]) -> list[str] | None:
    name = f"{head['db']}.{head['collection']}"
    if any(fnmatch.fnmatchcase(name, pattern) for pattern in call.options["nsExclude"]):
        return None
    pattern = re.sub(r"\\\$(\w+)\\\$", r"(?P<\1>.*?)", re.escape(call["nsFrom"]))
    match = re.fullmatch(pattern, name)
    assert match, f"{call['nsFrom']} does not match {name}"
    new = re.sub(r"\$(\w+)\$", lambda found: match[found[1]], call["nsTo"])
    return new.split(".", 1)


def read_archive(file: IO[bytes]) -> Iterator[list[dict[str, Any]]]:
    """Yield the documents between two terminators: first the prelude, then segments."""
    if file.read(4) != BEGIN:
        sys.exit("Failed: stream or file does not appear to be a mongodump archive")
    documents: list[dict[str, Any]] = []
    while size := file.read(4):
        if size == END:
            yield documents
            documents = []
            continue
        (length,) = struct.unpack("<i", size)
        rest = file.read(length - 4)
        if len(rest) != length - 4:
            sys.exit("Failed: corruption found in archive; unexpected EOF")
        documents.append(decode(size + rest))
    if documents:
        sys.exit("Failed: archive ended in the middle of a collection")


if __name__ == "__main__":
    tool, *rest = sys.argv[1:]
    if rest == ["--version"]:
        print(f"{tool} version: 100.10.0\ngit version: 0\nGo version: go1.21")
    else:
        {"mongodump": mongodump, "mongorestore": mongorestore}[tool](Call(tool, rest))
