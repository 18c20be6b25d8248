"""What the server and the role must be fit for, told before anything is made, with the GRANTs."""

from __future__ import annotations

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.connection import Cursor, PostgresAddress


def refuse_unfit_target(cursor: Cursor, address: PostgresAddress, schema: str) -> None:
    """Refuse a database that cannot hold all text, and a role that may not load into the schema.

    Raises:
        DestinationRefused: EncodingUnfit or PermissionDenied.
    """
    row = cursor.execute(
        "SELECT quote_ident(current_user), quote_ident(current_database()), quote_ident(%(s)s), "
        "current_setting('server_encoding'), "
        "has_database_privilege(current_database(), 'CREATE'), "
        "(SELECT has_schema_privilege(oid, 'USAGE') AND has_schema_privilege(oid, 'CREATE') "
        " FROM pg_namespace WHERE nspname = %(s)s)",
        {"s": schema},
    ).fetchone()
    if row is None:
        raise AssertionError("a SELECT without FROM gave no row")
    role, database, name, encoding, may_create, may_use = row
    if encoding not in ("UTF8", "SQL_ASCII"):
        raise DestinationRefused(
            "EncodingUnfit",
            f"the database at {address.describe()} has the encoding {encoding}, which cannot hold "
            "all text: use one made with ENCODING 'UTF8'",
        )
    grants = [] if may_create else [f"GRANT CREATE ON DATABASE {database} TO {role};"]
    if may_use is False:
        grants.append(f"GRANT USAGE, CREATE ON SCHEMA {name} TO {role};")
    if grants:
        raise DestinationRefused(
            "PermissionDenied",
            f"the role lacks rights at {address.describe()}: run as an administrator\n"
            + "\n".join(grants),
        )
