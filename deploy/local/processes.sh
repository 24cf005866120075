# shellcheck shell=bash
# Processes of one `make run`: starting them in process groups of their own, so that Ctrl-C reaches the script alone;
# telling whether they live; stopping them; and finding again what an earlier run could not stop. Knows no program.
#
# The sourcing script sets run, the folder for everything that is written. A process is known by its name; its file
# run/pids/NAME holds its pid and the moment it was started, which together are never another process'.

logs=$run/logs
pids=$run/pids
hurry='' # set: whoever is waited for is killed at once
declare -A pid_of=()
started=() # names, in the order of starting

fail() {
    printf 'make run: %s\n' "$*" >&2
    exit 1
}

# Prints state, process group and starting time (in ticks since boot) of a process; fails if there is none.
process_facts() { # PID
    local line fields
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
    read -r -a fields <<<"${line##*) }" # a program's name may hold anything, also a blank
    printf '%s %s %s\n' "${fields[0]}" "${fields[2]}" "${fields[19]}"
}

# Whether the process that run/pids/NAME tells of lives. A zombie does not.
alive() { # NAME
    local pid='' start='' state='' since=''
    { read -r pid start <"$pids/$1"; } 2>/dev/null || return 1
    read -r state _ since < <(process_facts "$pid") || return 1
    [[ $since == "$start" && $state != Z ]]
}

# Prints the living members of a process group that this checkout's `make run` started, as their environment says.
# (PostgreSQL and Redis overwrite theirs; they are known by run/pids, and leave no orphans.)
members() { # GROUP
    local folder state group
    kill -0 -- "-$1" 2>/dev/null || return 0
    for folder in /proc/[0-9]*; do
        read -r state group _ < <(process_facts "${folder##*/}") || continue
        if [[ $group == "$1" && $state != Z ]] &&
            grep -qzxF "SYNCKAIROS_STARTED_IN=$run" "$folder/environ" 2>/dev/null; then
            printf '%s\n' "${folder##*/}"
        fi
    done
}

# Starts a program in the background, its output appended to run/logs/NAME.log.
start() { # NAME COMMAND…
    local name=$1 pid since=0
    shift
    SYNCKAIROS_STARTED_IN=$run setsid env --default-signal=INT,QUIT "$@" </dev/null >>"$logs/$name.log" 2>&1 9>&- &
    pid=$!
    pid_of[$name]=$pid
    started+=("$name")
    read -r _ _ since < <(process_facts "$pid") || true
    printf '%s %s\n' "$pid" "$since" >"$pids/$name"
}

last_lines() { # FILE
    printf 'The last lines of %s:\n' "$1"
    tail -n 15 "$1" | sed 's/^/    /'
}

# Reports a program that ended by itself, and ends the run.
fallen() { # NAME STATUS
    local how="ended with status $2" name
    if (($2 > 128)) && name=$(kill -l $(($2 - 128)) 2>/dev/null); then
        how="was killed by SIG$name"
    fi
    {
        printf '\n%s %s.\n' "$1" "$how"
        last_lines "$logs/$1.log"
        if [[ $1 == front && -s $logs/api.log ]]; then
            last_lines "$logs/api.log"
        fi
    } >&2
    exit 1
}

check_all() {
    local name status
    for name in "${started[@]}"; do
        alive "$name" && continue
        status=0
        { wait "${pid_of[$name]}"; } 2>/dev/null || status=$?
        fallen "$name" "$status"
    done
}

# Waits until a command succeeds, as long as everything lives.
wait_until() { # SECONDS COMPLAINT COMMAND…
    local give_up=$((SECONDS + $1)) complaint=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        check_all
        ((SECONDS < give_up)) || fail "$complaint; the logs in $logs may tell why"
        sleep 0.05
    done
}

# Waits for the first program that ends by itself, and reports it.
watch_all() {
    local gone='' status=0 name
    { wait -n -p gone "${pid_of[@]}"; } 2>/dev/null || status=$? # bash would add a notice of its own
    for name in "${started[@]}"; do
        [[ ${pid_of[$name]} != "$gone" ]] || fallen "$name" "$status"
    done
}

signal() { # NAME SIGNAL
    local pid
    alive "$1" || return 0
    read -r pid _ <"$pids/$1"
    kill -s "$2" "$pid" 2>/dev/null || true
}

# Waits until a program is gone, and kills it after so many seconds.
await_leader() { # NAME SECONDS
    local give_up=$((SECONDS + $2))
    while alive "$1"; do
        if ((SECONDS >= give_up)) || [[ -n $hurry ]]; then
            signal "$1" KILL
        fi
        sleep 0.02
    done
}

# The same for what is left of a process group, which gets a SIGTERM first.
await_group() { # GROUP SECONDS
    local give_up=$((SECONDS + $2)) how=TERM left
    while mapfile -t left < <(members "$1") && ((${#left[@]})); do
        if ((SECONDS >= give_up)) || [[ -n $hurry ]]; then
            how=KILL
        fi
        kill -s "$how" "${left[@]}" 2>/dev/null || true
        sleep 0.1
    done
}

await_end() { # NAME SECONDS
    local pid
    { read -r pid _ <"$pids/$1"; } 2>/dev/null || return 0
    await_leader "$1" "$2"
    await_group "$pid" 5
    rm -f "$pids/$1"
}
