"""Types of PostgreSQL and unpleasant values of each, as they stand in a statement."""

from ..base import TEXTS


def literal(text: str) -> str:
    """Return a text as it stands in a statement."""
    return "'" + text.replace("'", "''") + "'"


_TEXTS = tuple(literal(text) for text in TEXTS)

TYPES: dict[str, tuple[str, ...]] = {
    "integer": ("0", "-2147483648", "2147483647"),
    "bigint": ("-9223372036854775808", "9223372036854775807"),
    "smallint": ("-32768", "32767"),
    "numeric": ("'NaN'", "'Infinity'", "1e130", "-1e-130", "0.000", "12345678901234567890.10"),
    "numeric(12,3)": ("1.005", "-999999999.999", "'NaN'"),
    "double precision": ("'NaN'", "'-0'", "'-Infinity'", "5e-324", "1.7976931348623157e308", "0.1"),
    "real": ("'NaN'", "1e-45", "3.4028235e38", "0.1"),
    "text": _TEXTS,
    "varchar(20)": tuple(one for one in _TEXTS if len(one) < 20),
    "char(9)": ("''", "'a'", "'😀'", "'\\.'"),
    '"char"': ("''", "'a'", "'\\'", "'\\377'"),
    "name": ("'name'", "'it''s'"),
    'text COLLATE "C"': _TEXTS,
    "bytea": ("''", r"'\x00ff0a0d5c27'", r"'\x5c2e0a'", "decode(repeat('00ff', 3000), 'hex')"),
    "boolean": ("true", "false"),
    "date": ("'infinity'", "'-infinity'", "'4713-01-01 BC'", "'5874897-12-31'", "'0001-01-01'"),
    "timestamp": ("'infinity'", "'4713-01-01 00:00:00 BC'", "'294276-12-31 23:59:59.999999'"),
    "timestamp(3) with time zone": ("'2024-03-31 02:30:00+01'", "'0001-01-01 00:00:00+00 BC'"),
    "time": ("'24:00:00'", "'00:00:00.000001'"),
    "time with time zone": ("'23:59:60+15:59'", "'00:00-12:34:56'"),
    "interval": ("'178000000 years'", "'-1 day 23:59:59.999999'", "'1 mon -3 days'", "'-0.5 sec'"),
    "interval day to second(2)": ("'1 02:03:04.56'", "'-1 day'"),
    "json": ("""' {"b" : 1, "a":2, "b":  null} '""", """'"\\u0001 😀"'""", "'[1.10, 1e2]'"),
    "jsonb": ("""'{"b": 1, "a\\n": [1.10, 1e2, null]}'""", "'null'", """'"it''s \\\\"'"""),
    "uuid": ("'00000000-0000-0000-0000-000000000000'", "'FFFFFFFF-ffff-ffff-ffff-ffffffffffff'"),
    "inet": ("'::1/64'", "'192.168.0.1/24'"),
    "cidr": ("'10.0.0.0/8'", "'::ffff:1.2.3.0/120'"),
    "macaddr8": ("'08:00:2b:01:02:03:04:05'",),
    "bit(5)": ("B'10101'",),
    "bit varying": ("B''", "B'1'"),
    "xml": ("""'<a b="&lt;">ü</a>'""", "'<?xml version=\"1.0\"?><b/>'"),
    "money": ("'-92233720368547758.08'", "'0.01'"),
    "point": ("'(1e-300,-0)'", "'(Infinity,NaN)'"),
    "line": ("'{1,2,3}'",),
    "box": ("'((1,2),(-1,0.1))'",),
    "path": ("'((0,0),(1,1))'", "'[(0,0),(1,1)]'"),
    "polygon": ("'((0,0),(1,1),(1,0))'",),
    "circle": ("'<(0,0),1e-5>'",),
    "int4range": ("'empty'", "'(,)'", "'[1,5)'"),
    "tstzrange": ("'[2024-01-01 00:00:00+00,infinity)'", "'[-infinity,infinity]'"),
    "nummultirange": ("'{}'", "'{[1.0,2.5),(3,)}'"),
    "tsvector": ("'a:1A b''c:2,3'", "''"),
    "tsquery": ("'a & !b <2> c:*'",),
    "oid": ("4294967295",),
    "pg_lsn": ("'FFFFFFFF/FFFFFFFF'",),
    "jsonpath": ("""'$."a b"[*] ? (@.x > 1)'""",),
    "text[]": (
        """ARRAY['a,b', '', 'NULL', NULL, E'nl\\n\\\\.', '"q"', '{}']""",
        "'{}'",
        "'[0:1]={a,b}'",
    ),
    "integer[][]": ("'{{1,2},{3,NULL}}'",),
    "date[]": ("'{infinity,2024-01-01}'",),
}

SETTINGS = (
    *("standard_conforming_strings = off", "search_path = pg_catalog", "array_nulls = off"),
    *("DateStyle = 'German, DMY'", "DateStyle = 'SQL, MDY'", "IntervalStyle = 'sql_standard'"),
    *("TimeZone = 'Asia/Kathmandu'", "client_encoding = 'LATIN1'", "extra_float_digits = -10"),
    *("bytea_output = escape", "quote_all_identifiers = on", "check_function_bodies = on"),
    *("default_transaction_isolation = 'serializable'", "default_transaction_read_only = on"),
    *("default_transaction_deferrable = on", "xmloption = document", "row_security = on"),
    *("escape_string_warning = off", "backslash_quote = off", "transform_null_equals = on"),
    *("statement_timeout = '5min'", "idle_in_transaction_session_timeout = '5min'"),
    *("work_mem = '64kB'", "enable_seqscan = off", "lc_messages = 'C'", "jit = off"),
    *("default_text_search_config = 'pg_catalog.german'", "client_min_messages = error"),
    *("default_toast_compression = 'pglz'", "event_triggers = on", "plpgsql.extra_errors = 'all'"),
)
"""Settings that a database may have, of which some change what a dump says or how it is read."""

EXTENSIONS = {
    "hstore": ("hstore", ("'a=>1,\"b c\"=>NULL'", "''")),
    "citext": ("citext", ("'ÄbC'", "''")),
    "ltree": ("ltree", ("'a.b.c'",)),
    "pg_trgm": ("", ()),
    "unaccent": ("", ()),
    "btree_gist": ("", ()),
    "intarray": ("", ()),
    "cube": ("cube", ("'(1,2),(3,4)'",)),
    "vector": ("vector(3)", ("'[1,2,3]'",)),
}
"""The types of extensions, and values of them."""
