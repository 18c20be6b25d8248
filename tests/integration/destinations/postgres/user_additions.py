"""What users put on a published table, by the words of the table in docs/architecture.md.

Each case is the SQL that puts it on `shop.orders` (id, total; two keys, an index) or `shop.lines`
(id, parent_id). `{role}` is a role that may create in the schema, `{me}` the loader's own.
"""

from __future__ import annotations

from dataclasses import dataclass

_TRIGGER = (
    "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
)


@dataclass(frozen=True)
class Kept:
    """Statements after which pg_dump says the same of the database before and after a run.

    `probe` asks for what pg_dump leaves out. What is `rebuilt` takes a look at the rows.
    """

    statements: tuple[str, ...]
    probe: str = "SELECT 1"
    rebuilt: bool = False

    @property
    def fate(self) -> str:
        return "rebuilt" if self.rebuilt else "kept"


@dataclass(frozen=True)
class Refused:
    """Statements after which no run begins, and what its refusal names."""

    statements: tuple[str, ...]
    named: str
    fate: str = "refused"


def kept(*statements: str, probe: str = "SELECT 1") -> Kept:
    return Kept(statements, probe)


def rebuilt(*statements: str, probe: str = "SELECT 1") -> Kept:
    return Kept(statements, probe, rebuilt=True)


def refused(named: str, *statements: str) -> Refused:
    return Refused(statements, named)


ADDITIONS: dict[str, Kept | Refused] = {
    "owner": kept("ALTER TABLE shop.orders OWNER TO {role}"),
    "an owner that may not create in the schema": refused(
        "belongs to the role", "ALTER TABLE shop.orders OWNER TO {other}"
    ),
    "privileges on the table and on columns, and none by default": kept(
        "GRANT SELECT, INSERT ON shop.orders TO {role} WITH GRANT OPTION",
        "GRANT UPDATE (total) ON shop.orders TO {role}",
        "GRANT SELECT ON shop.lines TO PUBLIC",
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {other}",
        "CREATE VIEW public.v AS SELECT id FROM shop.orders",
        "REVOKE SELECT ON public.v FROM {other}",
    ),
    "privileges that the owner took from itself": kept(
        "REVOKE INSERT, TRIGGER, UPDATE ON shop.orders FROM {me}"
    ),
    "privileges on the row type": refused(
        "the privileges on the row type of shop.orders",
        "REVOKE USAGE ON TYPE shop.orders FROM PUBLIC",
    ),
    "row security, forced too": kept(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE shop.lines FORCE ROW LEVEL SECURITY",
    ),
    "policies": kept(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY",
        "CREATE VIEW public.v AS SELECT id FROM shop.lines WHERE id < 5",
        "CREATE POLICY few ON shop.orders FOR SELECT TO {role}, {other} USING (id < 10)",
        'CREATE POLICY "it\'s ""%s" ON shop.orders AS RESTRICTIVE USING (true) '
        "WITH CHECK (total > 0)",
        "CREATE POLICY viewed ON shop.orders FOR UPDATE USING (id IN (SELECT id FROM public.v))",
        "CREATE POLICY own ON shop.orders FOR DELETE USING (id IN (SELECT parent_id FROM "
        "shop.lines l WHERE l.id = orders.total))",
        "CREATE POLICY mine ON shop.lines FOR INSERT WITH CHECK (current_user = 'a%b')",
        "COMMENT ON POLICY few ON shop.orders IS 'a comment'",
    ),
    "triggers, enabled or not": kept(
        *_TRIGGER,
        "CREATE TRIGGER t BEFORE INSERT OR UPDATE OF total ON shop.orders FOR EACH ROW "
        "WHEN (NEW.total > 3) EXECUTE FUNCTION public.f('an argument', '%')",
        'CREATE CONSTRAINT TRIGGER "on ON shop.orders" AFTER DELETE ON shop.orders DEFERRABLE '
        "INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.f()",
        "CREATE TRIGGER s AFTER UPDATE ON shop.lines REFERENCING OLD TABLE AS o NEW TABLE AS n "
        "FOR EACH STATEMENT EXECUTE FUNCTION public.f()",
        "ALTER TABLE shop.lines DISABLE TRIGGER s",
        "ALTER TABLE shop.orders ENABLE ALWAYS TRIGGER t",
        "COMMENT ON TRIGGER t ON shop.orders IS 'a comment'",
    ),
    "constraint triggers of other tables": refused(
        "trigger t on table public.d, which is FROM shop.orders",
        *_TRIGGER,
        "CREATE TABLE public.d (id bigint)",
        "CREATE CONSTRAINT TRIGGER t AFTER INSERT ON public.d FROM shop.orders FOR EACH ROW "
        "EXECUTE FUNCTION public.f()",
    ),
    "foreign keys' checks that were disabled": refused(
        "disabled checks of foreign keys of shop.lines",
        "ALTER TABLE shop.lines DISABLE TRIGGER ALL",
    ),
    "rules": kept(
        "CREATE RULE r AS ON DELETE TO shop.orders WHERE OLD.id = 3 DO INSTEAD NOTHING",
        "CREATE RULE s AS ON UPDATE TO shop.orders DO ALSO DELETE FROM shop.lines "
        "WHERE parent_id = OLD.id",
        "ALTER TABLE shop.orders DISABLE RULE s",
        "COMMENT ON RULE r ON shop.orders IS 'a comment'",
    ),
    "publications, with columns and filter": kept(
        "CREATE PUBLICATION whole FOR TABLE shop.orders, shop.lines",
        "CREATE PUBLICATION part FOR TABLE shop.orders (id, total) WHERE (id > 4)",
        "CREATE PUBLICATION of_schema FOR TABLES IN SCHEMA shop",
        "CREATE PUBLICATION every FOR ALL TABLES",
    ),
    "replica identity": kept(
        "ALTER TABLE shop.lines REPLICA IDENTITY FULL",
        "CREATE UNIQUE INDEX by_total ON shop.orders (total, id)",
        "ALTER TABLE shop.orders REPLICA IDENTITY USING INDEX by_total",
    ),
    "indexes": rebuilt(
        "CREATE INDEX a ON shop.orders (id DESC NULLS LAST, total) INCLUDE (total)",
        'CREATE UNIQUE INDEX "it\'s ""%s" ON shop.orders USING btree ((id * 2)) '
        "WITH (fillfactor = 70) WHERE total > 3",
        "CREATE INDEX h ON shop.orders USING hash (total)",
        "CREATE INDEX twice ON shop.orders (total)",
        'ALTER INDEX shop."it\'s ""%s" ALTER COLUMN 1 SET STATISTICS 77',
        "COMMENT ON INDEX shop.a IS 'a comment'",
    ),
    "options and clustering of a key or index, be it the run's own": kept(
        "ALTER INDEX shop.orders_pkey SET (fillfactor = 60)",
        "ALTER TABLE shop.orders CLUSTER ON orders_pkey",
        "COMMENT ON CONSTRAINT orders_pkey ON shop.orders IS 'a comment'",
    ),
    "another name of a run's own key or index": kept(
        "ALTER TABLE shop.orders RENAME CONSTRAINT orders_pkey TO the_key",
        "ALTER TABLE shop.orders REPLICA IDENTITY USING INDEX the_key",
        "DO $$ DECLARE old text; BEGIN SELECT conname INTO old FROM pg_constraint WHERE "
        "conrelid = 'shop.lines'::regclass AND contype = 'f'; EXECUTE format('ALTER TABLE "
        "shop.lines RENAME CONSTRAINT %I TO to_orders', old); END $$",
    ),
    "an index that has the name of a run's own": refused(
        "whose name this run gives to a key or index of its own",
        "ALTER TABLE shop.orders DROP CONSTRAINT orders_pkey CASCADE",
        "CREATE INDEX orders_pkey ON shop.orders (id DESC)",
    ),
    "unique keys and EXCLUDE": rebuilt(
        "ALTER TABLE shop.orders ADD CONSTRAINT sole UNIQUE (total) DEFERRABLE",
        "ALTER TABLE shop.lines ADD UNIQUE NULLS NOT DISTINCT (parent_id, id) INCLUDE (id)",
        "ALTER TABLE shop.orders ADD CONSTRAINT apart EXCLUDE USING btree (total WITH =) "
        "WHERE (id > 5)",
        "COMMENT ON CONSTRAINT sole ON shop.orders IS 'a comment'",
    ),
    "CHECKs": rebuilt(
        "ALTER TABLE shop.orders ADD CONSTRAINT positive CHECK (total >= 0 AND id < 1000)",
        "ALTER TABLE shop.orders ADD CONSTRAINT later CHECK (total <> 1000) NOT VALID",
        "ALTER TABLE shop.lines ADD CHECK (id >= 0) NO INHERIT",
        "COMMENT ON CONSTRAINT positive ON shop.orders IS 'a comment'",
    ),
    "foreign keys, to tables of the run and to others": rebuilt(
        "ALTER TABLE shop.orders ADD CONSTRAINT f FOREIGN KEY (total) REFERENCES shop.lines (id) "
        "ON DELETE CASCADE DEFERRABLE",
        "CREATE TABLE public.others (id bigint PRIMARY KEY)",
        "INSERT INTO public.others SELECT generate_series(0, 99)",
        "ALTER TABLE shop.lines ADD FOREIGN KEY (id) REFERENCES public.others",
        "ALTER TABLE shop.lines ADD CONSTRAINT unsure FOREIGN KEY (parent_id) REFERENCES "
        "public.others NOT VALID",
    ),
    "NOT NULL": rebuilt("ALTER TABLE shop.orders ALTER COLUMN note SET NOT NULL"),
    "another name of a run's own NOT NULL": refused(
        "NOT NULL mine of shop.orders.total, which was given another name",
        "ALTER TABLE shop.orders RENAME CONSTRAINT orders_total_not_null TO mine",
    ),
    "an expression that names the table itself": refused(
        "CHECK a, which names shop.orders",
        "ALTER TABLE shop.orders ADD CONSTRAINT a CHECK (id >= 0 OR "
        "tableoid <> 'shop.orders'::regclass)",
    ),
    "generated columns": rebuilt(
        "ALTER TABLE shop.orders ADD COLUMN double bigint GENERATED ALWAYS AS (total * 2) STORED",
        'ALTER TABLE shop.orders ADD COLUMN "it\'s" text COLLATE "C" NOT NULL GENERATED ALWAYS AS '
        "('%' || total) STORED",
        "CREATE INDEX on_it ON shop.orders (double)",
        "ALTER TABLE shop.orders ADD CHECK (double >= 0)",
        "ALTER TABLE shop.orders ALTER COLUMN double SET STATISTICS 50",
        "CREATE VIEW public.v AS SELECT double FROM shop.orders",
        "COMMENT ON COLUMN shop.orders.double IS 'a comment'",
        "GRANT SELECT (double) ON shop.orders TO {role}",
        probe='SELECT sum(double) = sum(total) * 2, min("it\'s") FROM shop.orders',
    ),
    "a generated column that is not stored": rebuilt(
        "ALTER TABLE shop.orders ADD COLUMN virtual bigint GENERATED ALWAYS AS (total + 1)",
        probe="SELECT bool_and(virtual = total + 1) FROM shop.orders",
    ),
    "any other column": refused(
        "column shop.orders.extra, which was added and whose values would be lost",
        "ALTER TABLE shop.orders ADD COLUMN extra text DEFAULT 'x'",
    ),
    "another type of a column": refused(
        "column shop.orders.total, which was made numeric and is bigint by the manifest",
        "ALTER TABLE shop.orders ALTER COLUMN total TYPE numeric",
    ),
    "another collation of a column": refused(
        "column shop.orders.note, which was given a collation",
        'ALTER TABLE shop.orders ALTER COLUMN note TYPE text COLLATE "C"',
    ),
    "another name of a column": refused(
        "column shop.orders.amount, which was added",
        "ALTER TABLE shop.orders RENAME COLUMN total TO amount",
    ),
    "defaults": kept(
        "CREATE SEQUENCE public.s",
        "ALTER TABLE shop.orders ALTER COLUMN id SET DEFAULT nextval('public.s')",
        "ALTER TABLE shop.orders ALTER COLUMN total SET DEFAULT 3 + 4",
    ),
    "identity, which goes on counting": kept(
        "ALTER TABLE shop.orders ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY "
        "(START 1001 INCREMENT 5 MAXVALUE 99999 CACHE 3 CYCLE)",
        "ALTER TABLE shop.lines ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY "
        '(SEQUENCE NAME shop."it\'s %" RESTART 77)',
        "DO $$ BEGIN PERFORM nextval('shop.orders_id_seq'); END $$",
        probe="SELECT CASE WHEN is_called THEN last_value + 5 ELSE last_value END "
        "FROM shop.orders_id_seq",
    ),
    "sequences that columns own": kept(
        "CREATE SEQUENCE shop.s START 500 OWNED BY shop.orders.id",
        "SELECT nextval('shop.s')",
        "ALTER TABLE shop.orders ALTER COLUMN id SET DEFAULT nextval('shop.s')",
        "GRANT USAGE ON SEQUENCE shop.s TO {role}",
        probe="SELECT last_value, is_called FROM shop.s",
    ),
    "extended statistics": rebuilt(
        "CREATE STATISTICS shop.both (ndistinct, dependencies) ON id, total FROM shop.orders",
        'CREATE STATISTICS public."it\'s FROM shop.orders" ON (total % 3), id FROM shop.orders',
        "ALTER STATISTICS shop.both SET STATISTICS 55",
        "ALTER STATISTICS shop.both OWNER TO {role}",
        "COMMENT ON STATISTICS shop.both IS 'a comment'",
        probe="SELECT count(*) FROM pg_stats_ext",
    ),
    "options of the table and its TOAST": kept(
        "ALTER TABLE shop.orders SET (fillfactor = 50, autovacuum_enabled = false, "
        "toast.autovacuum_enabled = false)",
    ),
    "storage, compression, statistics target and options of columns": kept(
        "ALTER TABLE shop.orders ALTER COLUMN note SET STORAGE EXTERNAL",
        "ALTER TABLE shop.orders ALTER COLUMN note SET COMPRESSION pglz",
        "ALTER TABLE shop.orders ALTER COLUMN total SET STATISTICS 12",
        "ALTER TABLE shop.orders ALTER COLUMN total SET (n_distinct = -0.5)",
        probe="SELECT n_distinct FROM pg_stats WHERE tablename = 'orders' AND attname = 'total'",
    ),
    "tablespaces of tables and indexes": rebuilt(
        "ALTER TABLE shop.orders SET TABLESPACE {space}",
        "ALTER INDEX shop.orders_pkey SET TABLESPACE {space}",
        "CREATE INDEX there ON shop.lines (parent_id) TABLESPACE {space}",
    ),
    "comments on columns, constraints and all of these": kept(
        "COMMENT ON COLUMN shop.orders.total IS 'it''s \\ %s'",
        "COMMENT ON INDEX shop.orders_pkey IS 'the key''s index'",
    ),
    "a comment on the row type": refused(
        "the comment on the row type of shop.orders", "COMMENT ON TYPE shop.orders IS 'x'"
    ),
    "plain views, and views on them": kept(
        "CREATE VIEW public.a AS SELECT id FROM shop.orders",
        "CREATE VIEW public.b WITH (security_barrier) AS SELECT a.id FROM public.a JOIN shop.lines "
        "USING (id)",
        "GRANT SELECT ON public.b TO {role}",
        "ALTER VIEW public.a OWNER TO {role}",
        "REVOKE DELETE ON public.b FROM {me}",
    ),
    "materialised views": refused(
        "public.m", "CREATE MATERIALIZED VIEW public.m AS SELECT id FROM shop.orders"
    ),
    "foreign keys of other tables": refused(
        "public.d", "CREATE TABLE public.d (id bigint REFERENCES shop.orders (id))"
    ),
    "columns of the row type": refused("public.d", "CREATE TABLE public.d (o shop.orders)"),
    "functions that take the row type": refused(
        "public.d",
        "CREATE FUNCTION public.d(o shop.orders) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
    ),
    "functions whose body Postgres knows": refused(
        "public.d",
        "CREATE FUNCTION public.d() RETURNS bigint "
        "BEGIN ATOMIC SELECT count(*) FROM shop.orders; END",
    ),
    "tables that inherit from it": refused(
        "public.d", "CREATE TABLE public.d () INHERITS (shop.orders)"
    ),
    "a table from which it inherits, or of which it is a partition": refused(
        "shop.orders is a child of public.d",
        "CREATE TABLE public.d (id bigint)",
        "ALTER TABLE public.d ALTER COLUMN id SET NOT NULL",
        "ALTER TABLE shop.orders INHERIT public.d",
    ),
    "a composite type of which it is": refused(
        "shop.orders is a table OF public.c",
        "CREATE TYPE public.c AS (id bigint, total bigint, note text)",
        "ALTER TABLE shop.orders OF public.c",
    ),
    "an access method": refused(
        "shop.orders has the access method heaped",
        "CREATE ACCESS METHOD heaped TYPE TABLE HANDLER heap_tableam_handler",
        "ALTER TABLE shop.orders SET ACCESS METHOD heaped",
    ),
    "UNLOGGED": refused("shop.lines is UNLOGGED", "ALTER TABLE shop.lines SET UNLOGGED"),
    "membership of an extension": refused(
        "shop.orders is part of the extension plpgsql",
        "ALTER EXTENSION plpgsql ADD TABLE shop.orders",
    ),
    "a trigger or index that an extension takes with it": refused(
        "depends on the extension plpgsql",
        "CREATE INDEX a ON shop.orders (total DESC)",
        "ALTER INDEX shop.a DEPENDS ON EXTENSION plpgsql",
    ),
    "security labels": refused(
        "the security label for dummy on shop.orders.total",
        "SET allow_system_table_mods = on",
        "INSERT INTO pg_seclabel SELECT 'shop.orders'::regclass, 'pg_class'::regclass, 2, 'dummy', "
        "'secret'",
    ),
    "a subscription that fills it": refused(
        "shop.orders is filled by a subscription",
        "SET allow_system_table_mods = on",
        "INSERT INTO pg_subscription_rel VALUES (1, 'shop.orders'::regclass, 'r', NULL)",
    ),
}
