"""The words of SQL types: Postgres's spellings of ours, and what to write for those of others."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from rowmill.near_names import near_names

# Each spelling in lower case, as Postgres's manual has them ("Data Types"), by its name here.
SPELLINGS: Mapping[str, str] = {
    "boolean": "boolean",
    "bool": "boolean",
    "smallint": "smallint",
    "int2": "smallint",
    "integer": "integer",
    "int": "integer",
    "int4": "integer",
    "bigint": "bigint",
    "int8": "bigint",
    "real": "real",
    "float4": "real",
    "double precision": "double precision",
    "float8": "double precision",
    "float": "double precision",
    "numeric": "numeric",
    "decimal": "numeric",
    "dec": "numeric",
    "text": "text",
    "varchar": "varchar",
    "character varying": "varchar",
    "char varying": "varchar",
    "national character varying": "varchar",
    "national char varying": "varchar",
    "nchar varying": "varchar",
    "char": "char",
    "character": "char",
    "national character": "char",
    "national char": "char",
    "nchar": "char",
    "bpchar": "char",
    "date": "date",
    "time": "time",
    "time without time zone": "time",
    "timestamp": "timestamp",
    "timestamp without time zone": "timestamp",
    "timestamptz": "timestamptz",
    "timestamp with time zone": "timestamptz",
    "interval": "interval",
    "uuid": "uuid",
    "json": "json",
    "jsonb": "jsonb",
    "bytea": "bytea",
    "inet": "inet",
}

_SEQUENCE = "with `generate: {sequence: {}}`, which counts up as it does"

# What comes nearest to the types of other systems, and to those of Postgres that are not made.
_MEANT: Mapping[str, str] = {
    "text, or varchar(n) with a length": "string str varchar2 nvarchar nvarchar2 clob nclob "
    "tinytext mediumtext longtext ntext xml citext tsvector keyword",
    "text": "enum name",
    "timestamp, or timestamptz for moments in time": "datetime datetime2 smalldatetime",
    "timestamp": "timestamp_ntz timestampntz",
    "timestamptz": "datetimeoffset timestamp_tz timestamp_ltz",
    "time": "timetz",
    "double precision": "double float64",
    "real": "float32 single",
    "numeric(p,s), for example numeric(10,2)": "number bignumeric bigdecimal",
    "numeric(19,4)": "money smallmoney",
    "numeric(20,0)": "uint64 ulong hugeint",
    "bigint": "long int64 uint uint32 oid",
    "integer": "int32 mediumint uint16",
    "smallint": "int1 int16 uint8 short tinyint byte year",
    f"integer {_SEQUENCE}": "serial serial4",
    f"bigint {_SEQUENCE}": "bigserial serial8 identity",
    f"smallint {_SEQUENCE}": "smallserial serial2",
    "boolean": "bit logical",
    "bytea": "blob tinyblob mediumblob longblob binary varbinary bytes image raw",
    "uuid": "guid uniqueidentifier rowid",
    "jsonb": "hstore object map struct record variant dict super",
    "an array such as text[]": "array list",
    "inet": "cidr ip ipaddress ipv4 ipv6",
    "interval": "duration timedelta",
}
_INSTEAD = {word: right for right, words in _MEANT.items() for word in words.split()}
_INSTEAD["time with time zone"] = "time"
# Short words are near to each other: only longer ones may be a slip.
_COMMON = sorted(word for word in {*SPELLINGS, *_INSTEAD} if len(word) > 3)


# A manifest has few types, and many columns of each.
@lru_cache(maxsize=1024)
def instead_of(words: str) -> str | None:
    """What to write for words in lower case that are no type here; None if nothing is near."""
    near = near_names(words, _COMMON, most=1, alike=0.75)
    for tried in (words, *near, words.split(" ")[-1], words.split(" ")[0]):
        if tried in _INSTEAD:
            return _INSTEAD[tried]
        if tried in SPELLINGS:
            return SPELLINGS[tried]
    return None
