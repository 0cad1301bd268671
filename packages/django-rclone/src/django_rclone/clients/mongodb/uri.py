"""Connection strings of MongoDB: https://www.mongodb.com/docs/manual/reference/connection-string/.

The programs get one that is built from Django's connection parameters. It contains the
password, so that they read it from a pipe.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_plus, urlencode

_ADDRESS = re.compile(
    r"(?P<scheme>mongodb(?:\+srv)?)://(?:(?P<login>[^/?]*)@)?(?P<hosts>[^/?@]*)"
    r"(?:/(?P<database>[^?]*))?(?:\?(?P<options>.*))?",
    re.DOTALL,
)

_SHARED = {
    *("authsource", "authmechanism", "authmechanismproperties"),
    *("tls", "ssl", "tlscafile", "tlscertificatekeyfile", "tlscertificatekeyfilepassword"),
    *("tlsinsecure", "replicaset", "directconnection", "loadbalanced"),
    *("readpreference", "readpreferencetags", "maxstalenessseconds"),
    *("connecttimeoutms", "serverselectiontimeoutms", "compressors"),
    *("srvservicename", "srvmaxhosts", "retrywrites", "retryreads"),
}
"""The options that mean the same to the programs. A write concern is not among them: they
wait for the majority, even if the site does not."""

_UNCHECKED = ("tlsallowinvalidcertificates", "tlsallowinvalidhostnames")
"""For the programs both are one option, ``tlsInsecure``."""

_FROM_DATABASE = ("", "DEFAULT", "SCRAM-SHA-1", "SCRAM-SHA-256")
"""Mechanisms whose users are stored in a database of the server."""


def hosts_of(parameters: Mapping[str, Any]) -> str:
    """Return the addresses of the servers. No secrets."""
    return ",".join(_hosts(parameters))


def tool_config(parameters: Mapping[str, Any], *, replica_set: str) -> bytes:
    """Return a configuration file that lets a program reach the server.

    ``replica_set`` is the name of the server's replica set, if any: unlike Django, the
    programs would not look for its primary otherwise.
    """
    uri = _uri(parameters, replica_set)
    # Everything in it is escaped to ASCII, and JSON strings are YAML.
    return f"uri: {json.dumps(uri)}\n".encode()


def _uri(parameters: Mapping[str, Any], replica_set: str) -> str:
    address = _address(parameters)
    user, colon, password = (address["login"] or "").partition(":")
    user = str(parameters.get("username") or unquote_plus(user))
    password = str(parameters.get("password") or unquote_plus(password))
    login = quote(user, safe="") + (f":{quote(password, safe='')}" if password or colon else "")
    options = dict(_options(address["options"] or "", parameters))
    if user and options.get("authmechanism", "") in _FROM_DATABASE:
        options.setdefault("authsource", unquote_plus(address["database"] or "") or "admin")
    alone = "true" in (options.get("directconnection"), options.get("loadbalanced"))
    if replica_set and not alone:
        options.setdefault("replicaset", replica_set)
    query = urlencode(options, quote_via=quote, safe="")
    place = f"{login}{'@' if login else ''}{','.join(_hosts(parameters))}"
    return f"{address['scheme']}://{place}/{'?' if query else ''}{query}"


def _address(parameters: Mapping[str, Any]) -> dict[str, str | None]:
    host = parameters.get("host")
    first = host if isinstance(host, str) else next(iter(host or ()), "")
    # Anything but a connection string is a list of hosts.
    match = _ADDRESS.fullmatch(first) or _ADDRESS.fullmatch(f"mongodb://{first}")
    return match.groupdict() if match else {**dict.fromkeys(_ADDRESS.groupindex), "hosts": first}


def _hosts(parameters: Mapping[str, Any]) -> Iterator[str]:
    address, host = _address(parameters), parameters.get("host")
    many = [] if isinstance(host, str) else list(host or ())[1:]
    for name in [*(address["hosts"] or "localhost").split(","), *map(str, many)]:
        port = parameters.get("port")
        has_port = re.search(r":\d+$", name) or address["scheme"] != "mongodb"
        yield name if has_port or not port else f"{name}:{port}"


def _options(query: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the options that the programs know. Those of ``OPTIONS`` come last, and win."""
    given = [*parse_qsl(query.replace(";", "&")), *parameters.items()]
    for name, value in given:
        key, text = name.lower(), _text(value)
        if key in _UNCHECKED and text == "true":
            yield "tlsinsecure", "true"
        elif key in _SHARED and value is not None:
            yield key, text


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ",".join(f"{name}:{one}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ",".join(map(_text, value))
    return str(value)
