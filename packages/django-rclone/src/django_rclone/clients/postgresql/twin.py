"""An empty PostgreSQL database that is like the live one: locale, owner, settings, grants."""

from .connection import Session

_LIKE_LIVE = """
SELECT format(
    'CREATE DATABASE %%I OWNER %%I TEMPLATE template0 ENCODING %%L LC_COLLATE %%L LC_CTYPE %%L '
    'CONNECTION LIMIT %%s', %(new)s::text, pg_get_userbyid(d.datdba),
    pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, d.datconnlimit
) || CASE to_jsonb(d) ->> 'datlocprovider'
    WHEN 'i' THEN format(' LOCALE_PROVIDER icu ICU_LOCALE %%L', l.locale)
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

_SETTINGS = """
SELECT split_part(item, '=', 1), substr(item, strpos(item, '=') + 1), CASE s.setrole
    WHEN 0 THEN format('ALTER DATABASE %%I SET ', %(new)s::text)
    ELSE format('ALTER ROLE %%I IN DATABASE %%I SET ', pg_get_userbyid(s.setrole), %(new)s::text)
    END
FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) item
WHERE d.datname = %(live)s
"""


def create_twin(admin: Session, new: str, live: str) -> None:
    """Create database ``new`` like ``live``. Raises the driver's errors."""
    names = {"new": new, "live": live}
    admin.execute(admin.rows(_LIKE_LIVE, names)[0][0])
    for (statement,) in admin.rows(_GRANTS, names):
        admin.execute(statement)
    for name, value, head in admin.rows(_SETTINGS, names):
        admin.execute("BEGIN")
        admin.rows("SELECT set_config(%(name)s, %(value)s, true)", {"name": name, "value": value})
        admin.execute(f"{head}{name} FROM CURRENT")
        admin.execute("COMMIT")
