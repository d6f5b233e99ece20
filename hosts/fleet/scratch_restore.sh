# Restores the newest backup into a scratch instance next to a database, up to a named restore point, looks at it, and
# removes it. Runs as postgres: restore.sh STANZA DATA PROGRAMS TARGET. Nothing but its own socket reaches the instance.
# Answers on standard output: "backup LABEL", "bytes N", then "table DATABASE TABLE ROWS" a line; the rest on standard error.
set -eu
umask 077
stanza=$1 data=$2 programs=$3 target=$4
work=${data%/*/*}/prove-backup
settings="-c listen_addresses='' -c unix_socket_directories=$work/socket -c hot_standby=off -c archive_mode=off -c ssl=off"
settings="$settings -c shared_buffers=64MB -c autovacuum=off -c logging_collector=off"

exec 9>"$work.lock"
flock -n 9 || { echo "another one is at work on this host" >&2; exit 1; }
end() {
    status=$?
    trap - EXIT
    [ ! -s "$work/data/postmaster.pid" ] || "$programs/pg_ctl" -D "$work/data" -m immediate -w stop >&2 || true
    rm -rf "$work"
    exit $status
}
trap end EXIT
trap 'exit 129' HUP
trap 'exit 143' INT TERM
# What a run left that was killed.
[ ! -s "$work/data/postmaster.pid" ] || "$programs/pg_ctl" -D "$work/data" -m immediate -w stop >&2 || true
rm -rf "$work"
mkdir -p "$work/data" "$work/socket"

need=$(du -sk "$data" | cut -f1)
free=$(df -k --output=avail "$work" | tail -n1)
if [ "$free" -lt $((need + need / 5)) ]; then
    echo "the data disk has $free KiB free, the scratch instance needs about $((need + need / 5))" >&2
    exit 1
fi

pgbackrest --stanza="$stanza" --pg1-path="$work/data" --archive-mode=off --log-level-console=info \
    --type=name --target="$target" --target-action=promote restore >"$work/restore.log" 2>&1 9>&- \
    || { tail -n 20 "$work/restore.log" >&2; exit 1; }
sed -n 's/.*restore backup set \([0-9A-Z_-]*\).*/backup \1/p' "$work/restore.log"

"$programs/pg_ctl" -D "$work/data" -l "$work/log" -w -t 86400 -o "$settings" start >/dev/null 2>&1 9>&- \
    || { tail -n 20 "$work/log" >&2; exit 1; }
ask() { "$programs/psql" -XAtq -F ' ' -v ON_ERROR_STOP=1 -h "$work/socket" "$@"; }
# It takes connections when it has come to the restore point; one that cannot get there ends.
until ask -d postgres -c 'select 1' >/dev/null 2>&1; do
    "$programs/pg_ctl" -D "$work/data" status >/dev/null || { tail -n 20 "$work/log" >&2; exit 1; }
    sleep 0.3
done
bytes=$(ask -d postgres -c 'select sum(pg_database_size(oid))::bigint from pg_database')
echo "bytes $bytes"
databases=$(ask -d postgres -c "select datname from pg_database where datallowconn and not datistemplate")
for database in $databases; do
    ask -d "$database" -c "select 'table', current_database(), format('%I.%I', schemaname, tablename), (xpath('/row/n/text()',
        query_to_xml(format('select count(*) as n from %I.%I', schemaname, tablename), false, true, '')))[1]::text
        from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
done
"$programs/pg_ctl" -D "$work/data" -m fast -w stop >&2
"$programs/pg_checksums" --check -D "$work/data" >"$work/checksums.log" 2>&1 \
    || { cat "$work/checksums.log" >&2; exit 1; }
