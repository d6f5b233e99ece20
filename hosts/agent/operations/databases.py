"""What is inside a PostgreSQL primary: replication slots, databases, roles with their schemas.

One question to the server answers for all roles, databases and slots, and one more for all schemas of a database.
"""

from __future__ import annotations

from typing import Any

from hosts.agent.host import Host
from hosts.agent.operations.sql import ask, identifier, literal, matches, psql, scram_verifier
from hosts.agent.results import Difference, NotComparableError
from hosts.states import Database, DatabaseCluster, DatabaseRole, ReplicationSlot

_CATALOG = """
SELECT json_build_object(
  'slots', (SELECT coalesce(json_object_agg(slot_name, slot_type), '{}') FROM pg_replication_slots),
  'roles', (SELECT json_object_agg(rolname, json_build_object(
    'password', rolpassword, 'login', rolcanlogin, 'replication', rolreplication,
    'super', rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls, 'limit', rolconnlimit,
    'member', (SELECT coalesce(json_agg(pg_get_userbyid(roleid)), '[]') FROM pg_auth_members
               WHERE member = pg_authid.oid))) FROM pg_authid),
  'databases', (SELECT json_object_agg(datname, json_build_object(
    'public', EXISTS (SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) WHERE grantee = 0),
    'connect', (SELECT json_agg(rolname) FROM pg_authid
                WHERE rolcanlogin AND has_database_privilege(pg_authid.oid, pg_database.oid, 'CONNECT'))))
    FROM pg_database))"""

# By schema: its owner, and what in it belongs to another: tables, views, sequences that no column owns, routines.
_SCHEMAS = """
SELECT coalesce(json_object_agg(nspname, json_build_object('owner', pg_get_userbyid(nspowner), 'others', coalesce((
  SELECT json_agg(format('%s %s', kind, name)) FROM (
    SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
      WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, format('%I.%I', nspname, relname)
    FROM pg_class WHERE relnamespace = n.oid AND relowner <> n.nspowner AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
      AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype IN ('a', 'i') AND relkind = 'S')
    UNION ALL
    SELECT 'ROUTINE', oid::regprocedure::text FROM pg_proc WHERE pronamespace = n.oid AND proowner <> n.nspowner
  ) AS found (kind, name)), '[]'))), '{}')
FROM pg_namespace n WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"""

# A session outlives the role that it logged in as, without any right: its client would be refused until it reconnects.
_END_SESSIONS_OF_DROPPED_ROLES = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE usesysid IS NOT NULL AND NOT EXISTS (SELECT FROM pg_roles WHERE oid = usesysid)"""

_NOTHING: dict[str, dict[str, Any]] = {"slots": {}, "roles": {}, "databases": {}}


def _catalog(host: Host) -> dict[str, dict[str, Any]]:
    """Slots, roles and databases. A cluster that this run would make has none of ours."""
    if "catalog" not in host.memory:
        try:
            host.memory["catalog"] = ask(host, _CATALOG)
        except NotComparableError:
            made = (state.identity for state in host.states if isinstance(state, DatabaseCluster))
            if not (host.planning and any(identity in host.touched for identity in made)):
                raise
            return _NOTHING
    catalog: dict[str, dict[str, Any]] = host.memory["catalog"]
    return catalog


def _schemas(host: Host, database: str) -> dict[str, Any]:
    key = f"schemas of {database}"
    if key not in host.memory:
        host.memory[key] = ask(host, _SCHEMAS, database)
    schemas: dict[str, Any] = host.memory[key]
    return schemas


def _order(host: Host, statements: list[str], database: str = "postgres") -> None:
    """Carry out statements, all or none, and forget what was known before."""
    host.memory.clear()
    psql(host, "\n".join(f"{statement};" for statement in ["BEGIN", *statements, "COMMIT"]), database)


def compare_slot(state: ReplicationSlot, host: Host) -> list[Difference]:
    return [] if _catalog(host)["slots"].get(state.slot) == "physical" else [Difference("missing")]


def apply_slot(state: ReplicationSlot, host: Host) -> None:
    # Reserve WAL at once: what the standby needs is kept from now on.
    _order(host, [f"SELECT pg_create_physical_replication_slot({literal(state.slot)}, true)"])


def compare_database(state: Database, host: Host) -> list[Difference]:
    found = _catalog(host)["databases"].get(state.database)
    if found is None:
        return [Difference("missing")]
    return [Difference("open to every role")] if found["public"] else []


def apply_database(state: Database, host: Host) -> None:
    name = identifier(state.database)
    if state.database not in _catalog(host)["databases"]:
        # It cannot be made within a transaction.
        psql(host, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8';")
    _order(host, [f"REVOKE ALL ON DATABASE {name} FROM PUBLIC"])


def compare_role(state: DatabaseRole, host: Host) -> list[Difference]:
    found = _catalog(host)["roles"].get(state.role)
    if found is None:
        return [Difference("missing")]
    differences = []
    if not _has_its_password(state, host, found["password"]):
        differences.append(Difference("secret content differs" if state.password else "has a password"))
    if not found["login"]:
        differences.append(Difference("may not log in"))
    if found["replication"] != state.replication:
        differences.append(Difference("may not replicate" if state.replication else "may replicate"))
    if found["super"]:
        differences.append(Difference("has administrator's rights"))
    if found["limit"] != state.connection_limit:
        differences.append(Difference(f"{found['limit']} connections instead of {state.connection_limit}"))
    memberships = set(found["member"])
    differences += [Difference(f"is not a member of {role}") for role in state.member_of if role not in memberships]
    differences += [Difference(f"is a member of {role}") for role in sorted(memberships - set(state.member_of))]
    if state.database is not None:
        differences += _compare_access(state, state.database, host, found["login"])
    return differences


def _has_its_password(state: DatabaseRole, host: Host, verifier: str | None) -> bool:
    if state.password is None:
        return verifier is None
    return matches(host.vault.value(state.password.purpose), verifier)


def _compare_access(state: DatabaseRole, database: str, host: Host, login: bool) -> list[Difference]:
    access = _catalog(host)["databases"].get(database)
    if access is None:
        return [Difference(f"there is no database {database}")]
    differences = []
    if login and state.role not in access["connect"]:
        differences.append(Difference(f"may not connect to database {database}"))
    if state.schema is not None:
        schema = _schemas(host, database).get(state.schema)
        if schema is None:
            return [*differences, Difference(f"schema {state.schema} missing")]
        if schema["owner"] != state.role:
            return [*differences, Difference(f"schema {state.schema} belongs to {schema['owner']}")]
        differences += [Difference(f"{thing} belongs to another role") for thing in schema["others"]]
    return differences


def apply_role(state: DatabaseRole, host: Host) -> None:
    role = identifier(state.role)
    found = _catalog(host)["roles"].get(state.role)
    statements = [] if found else [f"CREATE ROLE {role}", _END_SESSIONS_OF_DROPPED_ROLES]
    options = [
        "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS",
        "REPLICATION" if state.replication else "NOREPLICATION",
        f"CONNECTION LIMIT {state.connection_limit}",
    ]
    if not _has_its_password(state, host, found["password"] if found else None):
        verifier = scram_verifier(host.vault.value(state.password.purpose)) if state.password else None
        options.append(f"PASSWORD {literal(verifier) if verifier else 'NULL'}")
    statements.append(f"ALTER ROLE {role} {' '.join(options)}")
    memberships = set(found["member"]) if found else set()
    statements += [f"GRANT {identifier(other)} TO {role}" for other in state.member_of if other not in memberships]
    statements += [f"REVOKE {identifier(other)} FROM {role}" for other in sorted(memberships - set(state.member_of))]
    if state.database is not None:
        statements.append(f"GRANT CONNECT, TEMPORARY ON DATABASE {identifier(state.database)} TO {role}")
    _order(host, statements)
    if state.database is not None and state.schema is not None:
        name = identifier(state.schema)
        made = [f"CREATE SCHEMA IF NOT EXISTS {name}", f"ALTER SCHEMA {name} OWNER TO {role}"]
        _order(host, made, state.database)
        # Everything in it follows; asked only now: what belongs to others is the schema owner's business.
        others = _schemas(host, state.database)[state.schema]["others"]
        if others:
            _order(host, [f"ALTER {thing} OWNER TO {role}" for thing in others], state.database)
