"""What is inside a PostgreSQL primary: replication slots, databases, roles with their schemas."""

from __future__ import annotations

from typing import Any

from hosts.agent.host import Host
from hosts.agent.operations.sql import ask, identifier, literal, matches, psql, scram_verifier
from hosts.agent.results import Difference, NotComparableError
from hosts.states import Database, DatabaseCluster, DatabaseRole, ReplicationSlot


def _cluster_is_new(host: Host) -> bool:
    """True when this run makes (or would make) the cluster, so that nothing can be in it yet."""
    return any(state.identity in host.touched for state in host.states if isinstance(state, DatabaseCluster))


def _ask(host: Host, query: str, database: str = "postgres") -> Any:
    try:
        return ask(host, query, database)
    except NotComparableError:
        if host.planning and _cluster_is_new(host):
            return None
        raise


def compare_slot(state: ReplicationSlot, host: Host) -> list[Difference]:
    query = f"SELECT to_json(slot_type) FROM pg_replication_slots WHERE slot_name = {literal(state.slot)}"
    return [] if _ask(host, query) == "physical" else [Difference("missing")]


def apply_slot(state: ReplicationSlot, host: Host) -> None:
    # Reserve WAL at once: what the standby needs is kept from now on.
    psql(host, f"SELECT pg_create_physical_replication_slot({literal(state.slot)}, true);")


_DATABASE = """
SELECT json_build_object('public', EXISTS (
  SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) WHERE grantee = 0))
FROM pg_database WHERE datname = {}"""


def compare_database(state: Database, host: Host) -> list[Difference]:
    found = _ask(host, _DATABASE.format(literal(state.database)))
    if found is None:
        return [Difference("missing")]
    return [Difference("open to every role")] if found["public"] else []


def apply_database(state: Database, host: Host) -> None:
    name = identifier(state.database)
    if ask(host, _DATABASE.format(literal(state.database))) is None:
        psql(host, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8';")
    psql(host, f"REVOKE ALL ON DATABASE {name} FROM PUBLIC;")


_ROLE = """
SELECT json_build_object('password', rolpassword, 'login', rolcanlogin, 'replication', rolreplication,
  'super', rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls, 'limit', rolconnlimit)
FROM pg_authid WHERE rolname = {}"""

_CONNECT = """
SELECT json_build_object('connect', has_database_privilege({role}, {database}, 'CONNECT'))
WHERE EXISTS (SELECT FROM pg_database WHERE datname = {database})"""

# What is in a schema and belongs to someone else: tables, views, sequences that no column owns, functions, types.
_OTHERS = """
SELECT json_build_object(
  'owner', (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = {schema}),
  'others', coalesce((SELECT json_agg(format('%s %s', kind, name)) FROM (
    SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
      WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
      format('%I.%I', nspname, relname)
    FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
    WHERE nspname = {schema} AND pg_get_userbyid(relowner) <> {role} AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
      AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype IN ('a', 'i') AND relkind = 'S')
    UNION ALL
    SELECT 'ROUTINE', p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
    WHERE nspname = {schema} AND pg_get_userbyid(proowner) <> {role}
  ) AS found (kind, name)), '[]'))"""


def compare_role(state: DatabaseRole, host: Host) -> list[Difference]:
    found = _ask(host, _ROLE.format(literal(state.role)))
    if found is None:
        return [Difference("missing")]
    differences = []
    if not matches(host.vault.value(state.password.purpose), found["password"]):
        differences.append(Difference("secret content differs"))
    if not found["login"]:
        differences.append(Difference("may not log in"))
    if found["replication"] != state.replication:
        differences.append(Difference("may not replicate" if state.replication else "may replicate"))
    if found["super"]:
        differences.append(Difference("has administrator's rights"))
    if found["limit"] != state.connection_limit:
        differences.append(Difference(f"{found['limit']} connections instead of {state.connection_limit}"))
    if state.database is not None:
        differences += _compare_access(state, state.database, host)
    return differences


def _compare_access(state: DatabaseRole, database: str, host: Host) -> list[Difference]:
    access = _ask(host, _CONNECT.format(role=literal(state.role), database=literal(database)))
    if access is None:
        return [Difference(f"there is no database {database}")]
    differences = [] if access["connect"] else [Difference(f"may not connect to database {database}")]
    if state.schema is not None:
        schema = _ask(host, _OTHERS.format(role=literal(state.role), schema=literal(state.schema)), database)
        if schema["owner"] is None:
            differences.append(Difference(f"schema {state.schema} missing"))
        elif schema["owner"] != state.role:
            differences.append(Difference(f"schema {state.schema} belongs to {schema['owner']}"))
        differences += [Difference(f"{thing} belongs to another role") for thing in schema["others"]]
    return differences


def apply_role(state: DatabaseRole, host: Host) -> None:
    role = identifier(state.role)
    found = ask(host, _ROLE.format(literal(state.role)))
    statements = [] if found else [f"CREATE ROLE {role}"]
    password = host.vault.value(state.password.purpose)
    options = [
        "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS",
        "REPLICATION" if state.replication else "NOREPLICATION",
        f"CONNECTION LIMIT {state.connection_limit}",
    ]
    if found is None or not matches(password, found["password"]):
        options.append(f"PASSWORD {literal(scram_verifier(password))}")
    statements.append(f"ALTER ROLE {role} {' '.join(options)}")
    if state.database is not None:
        statements.append(f"GRANT CONNECT, TEMPORARY ON DATABASE {identifier(state.database)} TO {role}")
    _in_one_transaction(host, statements)
    if state.database is not None and state.schema is not None:
        schema = identifier(state.schema)
        others = ask(host, _OTHERS.format(role=literal(state.role), schema=literal(state.schema)), state.database)
        _in_one_transaction(
            host,
            [
                f"CREATE SCHEMA IF NOT EXISTS {schema}",
                f"ALTER SCHEMA {schema} OWNER TO {role}",
                *(f"ALTER {thing} OWNER TO {role}" for thing in others["others"]),
            ],
            state.database,
        )


def _in_one_transaction(host: Host, statements: list[str], database: str = "postgres") -> None:
    psql(host, "\n".join(f"{statement};" for statement in ["BEGIN", *statements, "COMMIT"]), database)
