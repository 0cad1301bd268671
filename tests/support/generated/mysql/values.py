"""Types of MariaDB and unpleasant values of each, as they stand in a statement."""

from ..base import TEXTS


def binary(text: str) -> str:
    """Return a text as it stands in a statement whatever the session's settings are."""
    return f"CONVERT(X'{text.encode().hex()}' USING utf8mb4)"


_TEXTS = tuple(binary(text) for text in TEXTS)
_SHORT = tuple(binary(text) for text in TEXTS if len(text) < 20)
_LATIN = tuple(binary(text) for text in ("café", "ÿ", "\\", "it's", ""))
_BYTES = ("''", "X'00'", "X'00FF0A0D5C271A22'", "unhex(repeat('00FF', 3000))", "X'5C2E0A'")

TYPES: dict[str, tuple[str, ...]] = {
    "int": ("0", "-2147483648", "2147483647"),
    "tinyint(1)": ("-128", "1"),
    "smallint unsigned zerofill": ("65535", "7"),
    "bigint unsigned": ("18446744073709551615",),
    "decimal(65,30)": (
        "-99999999999999999999999999999999999.999999999999999999999999999999",
        "1e-30",
    ),
    "float": ("3.40282e38", "-1.17549e-38", "0.1"),
    "double": ("1.7976931348623157e308", "2.2250738585072014e-308", "-0e0", "0.1"),
    "bit(64)": ("b'1'", "18446744073709551615"),
    "bit(1)": ("b'0'",),
    "char(9)": _SHORT[:6],
    "varchar(300)": _TEXTS,
    "varchar(20) CHARACTER SET latin1": _LATIN,
    "varchar(20) CHARACTER SET sjis": (binary("ソ表"), binary("a")),
    "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin": _SHORT,
    "varchar(20) CHARACTER SET utf16": _SHORT,
    "varchar(900) COMPRESSED": _TEXTS,
    "text": _TEXTS,
    "longtext CHARACTER SET utf8mb3 COLLATE utf8mb3_turkish_ci": _LATIN,
    "tinyblob": _BYTES[:3],
    "longblob": _BYTES,
    "binary(5)": ("X'00'", "''"),
    "varbinary(9)": _BYTES[:3],
    "enum('a','ü;','it''s','','\\\\')": ("'a'", "2", "''", "'\\\\'"),
    "set('a','b','ü')": ("'a,ü'", "''"),
    "date": ("'0000-00-00'", "'9999-12-31'", "'2024-00-00'", "'0001-01-01'"),
    "datetime(6)": ("'9999-12-31 23:59:59.999999'", "'0000-00-00'", "'2024-02-29 00:00:00'"),
    "timestamp(3) NULL": (
        "'1970-01-01 00:00:01'",
        "'2038-01-19 03:14:07.999'",
        "'2024-03-31 01:30:00'",
    ),
    "time(6)": ("'-838:59:59.999999'", "'838:59:59'", "'00:00:00.000001'"),
    "year": ("0", "1901", "2155"),
    "json": ("""'{"b" : 1, "a": [1.10, 1e2, null], "b":2}'""", """'"\\\\u0001 😀"'""", "'[]'"),
    "point": ("POINT(1e-300, -0e0)", "ST_GeomFromText('POINT(1 2)', 4326)"),
    "geometry": ("ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))')",),
    "polygon": ("ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))')",),
    "uuid": ("'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-4fff-bfff-ffffffffffff'"),
    "inet6": ("'::ffff:1.2.3.4'", "'::'"),
    "inet4": ("'255.255.255.255'",),
}

COLLATIONS = (
    *("utf8mb4_general_ci", "utf8mb4_unicode_ci", "latin1_swedish_ci", "utf8mb3_bin"),
    *("utf8mb4_bin", "ucs2_general_ci", "cp1250_czech_cs"),
)

MODES = (
    *("", "", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "PIPES_AS_CONCAT", "ANSI", "TRADITIONAL"),
    *("HIGH_NOT_PRECEDENCE", "IGNORE_SPACE", "PAD_CHAR_TO_FULL_LENGTH", "NO_UNSIGNED_SUBTRACTION"),
    *("EMPTY_STRING_IS_NULL", "SIMULTANEOUS_ASSIGNMENT", "MSSQL", "STRICT_ALL_TABLES"),
    "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,NO_ZERO_DATE",
)
"""Values of sql_mode under which objects are made."""

CHARSETS = (
    *(("utf8mb4", "utf8", "😀"), ("utf8mb4", "utf8", "it is"), ("latin1", "cp1252", "café")),
    *(("sjis", "shift_jis", "ソ表"), ("gbk", "gbk", "縗"), ("koi8r", "koi8_r", "Ж")),
    *(("cp850", "cp850", "é"), ("utf8mb3", "utf8", "日本")),
)
"""What a client may speak: its name here and in Python, and a text in it."""
