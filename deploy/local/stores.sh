# shellcheck shell=bash
# The private Redis and PostgreSQL of `make run`: where their data and sockets lie, and how they are started. Sets
# REDIS_URL and DATABASE_URL for everybody else. Uses processes.sh.

redis_socket=''
postgres_bin=''
postgres_place='' # holds data/ and the socket
as_postgres=()    # what stands in front of a command of PostgreSQL's

# A path that fits into a socket's address and needs no quoting in a URL or a list.
plain() { # PATH
    [[ $1 =~ ^[A-Za-z0-9._/@-]{1,85}$ ]]
}

# --- Redis ----------------------------------------------------------------------------------------------------------

# Where the checkout's own path will not do, run/redis-socket leads to a folder in /tmp.
choose_redis_socket() {
    local folder=$run/redis
    if ! plain "$folder"; then
        remove_redis_socket
        folder=$(mktemp -d /tmp/synckairos-redis.XXXXXX)
        ln -s "$folder" "$run/redis-socket"
    fi
    redis_socket=$folder/redis.sock
    rm -f "$redis_socket"
}

remove_redis_socket() {
    [[ -L $run/redis-socket ]] || return 0
    rm -rf "$(readlink "$run/redis-socket")"
    rm -f "$run/redis-socket"
}

redis_answers() {
    [[ $(redis-cli -s "$redis_socket" ping) == PONG ]]
}

# In the checkout's root, so that the folder's name needs no care.
start_redis() {
    mkdir -p "$run/redis"
    choose_redis_socket
    start redis redis-server --port 0 --unixsocket "$redis_socket" --unixsocketperm 700 --dir run/redis \
        --appendonly yes --appendfsync everysec --save '' --maxmemory-policy noeviction --daemonize no
    wait_until 60 'Redis does not answer' redis_answers
    export REDIS_URL=unix://$redis_socket
}

# Whether the audit worker has written everything that waited.
audit_drained() {
    [[ $(redis-cli -s "$redis_socket" xlen audit) == 0 ]]
}

# --- PostgreSQL -----------------------------------------------------------------------------------------------------

# The version that made the data, else the newest that is there.
find_postgres() {
    local version='' bin
    [[ ! -r $postgres_place/data/PG_VERSION ]] || read -r version <"$postgres_place/data/PG_VERSION"
    while read -r bin; do
        [[ -x $bin/postgres && -x $bin/initdb ]] && postgres_bin=$bin
    done < <(compgen -G "/usr/lib/postgresql/${version:-*}/bin" | sort -V)
    if [[ -z $postgres_bin && -z $version ]] && command -v initdb >/dev/null; then
        postgres_bin=$(dirname "$(command -v initdb)")
    fi
    [[ -n $postgres_bin ]] ||
        fail "run/postgres needs PostgreSQL ${version:-}, which is not there; install it, or move run/postgres away"
}

# PostgreSQL refuses to run as root: then it runs as the data's owner, else as postgres, else as nobody.
choose_postgres_user() {
    local user owner
    owner=$(stat -L -c %U "$run/postgres/data" 2>/dev/null) || owner=''
    if ((EUID)); then
        [[ -z $owner || -O $run/postgres/data ]] ||
            fail "run/postgres belongs to $owner: run this as $owner or root, or move it away"
        return
    fi
    for user in "$owner" postgres nobody; do
        if [[ -z $user || $user == root ]] || ! id "$user" >/dev/null 2>&1; then
            continue
        fi
        as_postgres=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --init-groups)
        return
    done
    fail 'there is no user that PostgreSQL could run as: neither postgres nor nobody'
}

reachable() { # FOLDER
    plain "$1" && (cd / && "${as_postgres[@]}" test -w "$1")
}

own_folder() { # FOLDER
    chmod 700 "$1"
    ((EUID)) || chown "${as_postgres[1]#--reuid=}" "$1"
}

# run/postgres; or where PostgreSQL's user cannot get there, or the path will not do, a folder that it leads to.
choose_postgres_place() {
    if [[ ! -d $run/postgres ]]; then
        rm -f "$run/postgres" # leads nowhere
        mkdir "$run/postgres"
    fi
    postgres_place=$(readlink -f "$run/postgres")
    own_folder "$postgres_place"
    if ! reachable "$postgres_place"; then
        rmdir "$run/postgres" 2>/dev/null ||
            fail 'the user of run/postgres cannot enter it any more; move it away'
        postgres_place=$(mktemp -d /var/tmp/synckairos-postgres.XXXXXX)
        own_folder "$postgres_place"
        ln -s "$postgres_place" "$run/postgres"
    fi
}

# Runs a command of PostgreSQL's, in a folder that its user can enter.
postgres_command() { # COMMAND ARGUMENT…
    (cd / && exec "${as_postgres[@]}" "$postgres_bin/$1" "${@:2}") >>"$logs/postgres.log" 2>&1 </dev/null
}

make_cluster() {
    "${as_postgres[@]}" test -d "$postgres_place/data" && return
    "${as_postgres[@]}" rm -rf "$postgres_place/data.new"
    postgres_command initdb -D "$postgres_place/data.new" -U synckairos --auth=trust --encoding=UTF8 --locale=C ||
        fail "initdb failed; see $logs/postgres.log"
    "${as_postgres[@]}" mv "$postgres_place/data.new" "$postgres_place/data"
}

make_database() {
    local there
    there=$(cd / && "${as_postgres[@]}" "$postgres_bin/psql" -h "$postgres_place" -U synckairos -d postgres -XAtc \
        "SELECT 1 FROM pg_database WHERE datname = 'synckairos'" 2>>"$logs/postgres.log") || fail 'PostgreSQL refuses us'
    [[ $there == 1 ]] || postgres_command createdb -h "$postgres_place" -U synckairos synckairos ||
        fail "the database cannot be made; see $logs/postgres.log"
}

start_postgres() {
    choose_postgres_user
    choose_postgres_place
    find_postgres
    make_cluster
    start postgres env -C / "${as_postgres[@]}" "$postgres_bin/postgres" -D "$postgres_place/data" \
        -k "$postgres_place" -c listen_addresses= -c unix_socket_permissions=0700
    wait_until 60 'PostgreSQL does not answer' postgres_command pg_isready -q -h "$postgres_place" -U synckairos -d postgres
    make_database
    export DATABASE_URL="postgresql:///synckairos?host=$postgres_place&user=synckairos"
}
