"""How the programs of PostgreSQL reach the database: as Django's ``dbshell`` does.

So a wrapped engine, a service file or a generated password work for them too.
"""

from collections.abc import Mapping, Sequence

from django.db.backends.base.base import BaseDatabaseWrapper

from ...exceptions import ClientError
from ..session import Session
from .connection import Connector

_BY_ENVIRONMENT = ("service", "passfile", "sslmode", "sslrootcert", "sslcert", "sslkey")
"""The OPTIONS that ``settings_to_cmd_args_env()`` passes on."""

_CONNINFO = (
    *("connect_timeout", "hostaddr", "options", "application_name", "target_session_attrs"),
    *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
    *("tcp_user_timeout", "load_balance_hosts", "channel_binding", "require_auth", "requirepeer"),
    *("gssencmode", "krbsrvname", "gsslib", "gssdelegation"),
    *("sslcompression", "sslcrl", "sslcrldir", "sslsni", "sslcertmode", "sslnegotiation"),
    *("ssl_min_protocol_version", "ssl_max_protocol_version"),
    *("min_protocol_version", "max_protocol_version", "servicefile"),
)
"""The other parameters of libpq, none of them a secret:
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS"""

_UNKNOWN_TO_PYTHON = ("EUC_TW",)
"""The encodings of PostgreSQL without a codec of Python, so that no driver sends text in them."""


def encoding_of_dumps(session: Session) -> str:
    """Return the encoding that text is dumped in: as it is stored, whatever a setting says."""
    stored = str(session.value("SHOW server_encoding"))
    return "UTF8" if stored in _UNKNOWN_TO_PYTHON else stored


def require_no_passphrase(wrapper: BaseDatabaseWrapper) -> None:
    """Raise ``ClientError`` for the passphrase of a key, which could not be kept secret."""
    if wrapper.settings_dict["OPTIONS"].get("sslpassword"):
        raise ClientError(
            "OPTIONS['sslpassword'] cannot be passed to pg_dump without exposing it.",
            hint="Use a key without a passphrase that only this user can read, or a service file.",
        )


def tool_arguments(
    connector: Connector, options: Sequence[str], settings_of_session: Mapping[str, str]
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Return arguments and environment that let a program of PostgreSQL reach the database.

    The database is named with a connection string of our own, so that no name can be
    mistaken for an option or for a connection string. Passwords are only in the environment.
    ``settings_of_session`` are set for the program's session.
    """
    wrapper, known = connector.wrapper, connector.connection_parameters()
    set_here = [f"-c {name}={value}" for name, value in settings_of_session.items()]
    known["options"] = " ".join([str(known.get("options") or ""), *set_here]).strip()
    conninfo = {name: known[name] for name in ("dbname", *_CONNINFO) if known.get(name)}
    settings = {
        "NAME": " ".join(f"{name}={_conninfo_value(value)}" for name, value in conninfo.items()),
        "USER": known.get("user"),
        "PASSWORD": known.get("password"),
        "HOST": known.get("host"),
        "PORT": known.get("port"),
        "OPTIONS": {name: known[name] for name in _BY_ENVIRONMENT if known.get(name)},
    }
    arguments, environment = wrapper.client.settings_to_cmd_args_env(
        settings, ["--no-password", *options]
    )
    return tuple(str(argument) for argument in arguments[1:]), environment or {}


def _conninfo_value(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"
