"""New databases that are like the live one, and who may make them."""

from collections.abc import Iterator
from contextlib import contextmanager

from ...exceptions import ClientError
from ..session import ServerError, Session
from .connection import PostgresqlSession

MAINTENANCE = "postgres"
"""The database from which others are created, renamed and dropped."""
IN_PLACE_HINT = 'Set the option "restore_mode" of this database in CLIENTS to "in_place".'

_MAY_SWAP = """
SELECT r.rolsuper OR (r.rolcreatedb AND pg_has_role(d.datdba, 'USAGE'))
FROM pg_database d, pg_roles r WHERE d.datname = current_database() AND r.rolname = current_user
"""

# Who may set something for another role: https://www.postgresql.org/docs/current/sql-alterrole.html
_SETTINGS_OF_OTHERS = """
SELECT quote_ident(o.rolname) FROM pg_db_role_setting s
JOIN pg_database d ON d.oid = s.setdatabase JOIN pg_roles o ON o.oid = s.setrole
JOIN pg_roles r ON r.rolname = current_user
WHERE d.datname = current_database() AND o.oid <> r.oid
AND NOT (r.rolsuper OR r.rolcreaterole AND NOT o.rolsuper)
ORDER BY 1
"""

_SUBSCRIPTIONS = """
SELECT quote_ident(s.subname) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
WHERE d.datname = current_database() ORDER BY 1
"""
# Those that nobody uses at the moment go with their database, without a word.
_SLOTS = """
SELECT quote_ident(slot_name) FROM pg_replication_slots
WHERE database = current_database() AND NOT temporary ORDER BY 1
"""
_IS_STANDBY = "SELECT pg_is_in_recovery()"
STANDBY = "This server is a standby, which takes no changes of its own."
ON_PRIMARY = 'Connect to the primary server: with HOST of this database, or the option "server".'
_IS_TEMPLATE = "SELECT datistemplate FROM pg_database WHERE datname = current_database()"

_CREATE_LIKE = """
SELECT format(
    'CREATE DATABASE %%I OWNER %%I TEMPLATE template0 ENCODING %%L LC_COLLATE %%L LC_CTYPE %%L '
    'CONNECTION LIMIT %%s', %(new)s::text, pg_get_userbyid(d.datdba),
    pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, d.datconnlimit
) || CASE to_jsonb(d) ->> 'datlocprovider'
    WHEN 'i' THEN format(' LOCALE_PROVIDER icu ICU_LOCALE %%L', l.locale)
        || coalesce(format(' ICU_RULES %%L', to_jsonb(d) ->> 'daticurules'), '')
    WHEN 'b' THEN format(' LOCALE_PROVIDER builtin BUILTIN_LOCALE %%L', l.locale)
    ELSE '' END
|| CASE t.spcname WHEN 'pg_default' THEN '' ELSE format(' TABLESPACE %%I', t.spcname) END
FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace, LATERAL (
    SELECT coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale
) l
WHERE d.datname = %(live)s
"""

_GRANTS = """
SELECT format('REVOKE ALL ON DATABASE %%I FROM PUBLIC', %(new)s::text) FROM pg_database
WHERE datname = %(live)s AND datacl IS NOT NULL
UNION ALL
SELECT format('GRANT %%s ON DATABASE %%I TO %%s', a.privilege_type, %(new)s::text,
    CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
    || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = %(live)s
UNION ALL
SELECT format('COMMENT ON DATABASE %%I IS %%L', %(new)s::text, c.comment)
FROM pg_database d, LATERAL (SELECT shobj_description(d.oid, 'pg_database') AS comment) c
WHERE d.datname = %(live)s AND c.comment IS NOT NULL
"""

# A setting keeps its value by way of this session: so lists need no quoting. Not who the session
# is, which has to stay the role that may make settings.
_SETTINGS = """
SELECT i.name, i.value, format(CASE s.setrole
    WHEN 0 THEN 'ALTER DATABASE %%1$I SET %%3$s %%4$s'
    ELSE 'ALTER ROLE %%2$I IN DATABASE %%1$I SET %%3$s %%4$s' END,
    %(new)s::text, pg_get_userbyid(s.setrole), i.name,
    CASE WHEN i.passes THEN 'FROM CURRENT' ELSE format('= %%L', i.value) END), i.passes
FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) item,
LATERAL (SELECT split_part(item, '=', 1) AS name, substr(item, strpos(item, '=') + 1) AS value,
    split_part(item, '=', 1) NOT IN ('role', 'session_authorization') AS passes) i
WHERE d.datname = %(live)s
"""


def is_standby(session: Session) -> bool:
    """Return whether the server replays what another one does, and takes no changes."""
    return bool(session.value(_IS_STANDBY))


def staging_problem(session: PostgresqlSession) -> str:
    """Return why this role cannot make a database like the live one; empty if it can."""
    if is_standby(session):
        return f"{STANDBY} {ON_PRIMARY}"
    role = session.value("SELECT quote_ident(current_user)")
    if not session.value(_MAY_SWAP):
        return (
            "The role cannot swap databases: it must own the live database, and have CREATEDB "
            f"(`ALTER ROLE {role} CREATEDB`, as a superuser)."
        )
    if others := [name for (name,) in session.rows(_SETTINGS_OF_OTHERS)]:
        return (
            f"The database has settings of role {', '.join(others)} "
            "(ALTER ROLE ... IN DATABASE), which this role cannot make in a new database."
        )
    live = str(session.value("SELECT current_database()"))
    for name, error in _settings_made(session, live, live, end="ROLLBACK"):
        if error:
            return (
                f"The database has the setting {name}, which this role cannot make for a new "
                f"database: {error.reason} (since PostgreSQL 15 `GRANT SET ON PARAMETER {name} "
                f"TO {role}`, as a superuser, permits it)."
            )
    return ""


def swap_problem(session: PostgresqlSession) -> str:
    """Return why this role cannot swap in another database; empty if it can."""
    if problem := staging_problem(session):
        return problem
    if subscriptions := [name for (name,) in session.rows(_SUBSCRIPTIONS)]:
        return (
            f"The database has subscriptions ({', '.join(subscriptions)}), which are not in backups "
            "and would go on in the replaced database."
        )
    if slots := [name for (name,) in session.rows(_SLOTS)]:
        return (
            f"The database has replication slots ({', '.join(slots)}), which would be lost with "
            "the replaced database."
        )
    if session.value(_IS_TEMPLATE):
        return "The database is a template, and the server does not drop one that was replaced."
    return ""


def create_database_like(admin: PostgresqlSession, new: str, live: str) -> None:
    """Create an empty database ``new`` like ``live``. Raises ``ClientError``."""
    create_empty_like(admin, new, live)
    copy_properties(admin, new, live)


def create_empty_like(admin: PostgresqlSession, new: str, live: str) -> None:
    """Create a database with the owner and locale of ``live``. Raises ``ServerError``."""
    admin.execute(admin.value(_CREATE_LIKE, {"new": new, "live": live}))


def copy_properties(admin: PostgresqlSession, new: str, live: str) -> None:
    """Give a database the grants, comment and settings of ``live``. Raises ``ClientError``."""
    names = {"new": new, "live": live}
    for (statement,) in admin.rows(_GRANTS, names):
        admin.execute(statement)
    for name, error in _settings_made(admin, new, live, end="COMMIT"):
        if error:
            raise ClientError(
                f"The setting {name} cannot be made for a new database: {error.reason}.",
                hint=IN_PLACE_HINT,
            )


def _settings_made(
    session: PostgresqlSession, new: str, live: str, *, end: str
) -> Iterator[tuple[str, ServerError | None]]:
    """Make each setting of ``live`` for ``new``, and yield its name and what is wrong with it.

    Each in a transaction of its own, which ``end`` ends: ``COMMIT``, or ``ROLLBACK`` to only try.
    """
    for name, value, statement, passes in session.rows(_SETTINGS, {"new": new, "live": live}):
        session.execute("BEGIN")
        try:
            if passes:
                query = "SELECT set_config(%(name)s, %(value)s, true)"
                session.rows(query, {"name": name, "value": value})
            session.execute(statement)
        except ServerError as error:
            session.execute("ROLLBACK")
            yield name, error
            continue
        session.execute(end)
        yield name, None


@contextmanager
def explained(problem: str, *, hint: str) -> Iterator[None]:
    """Raise ``ClientError`` for what the server reports in the block."""
    try:
        yield
    except ServerError as error:
        raise ClientError(f"{problem}: {error.reason}.", hint=hint) from error
