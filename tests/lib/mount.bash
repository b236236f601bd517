# What the suites on a real mount share. A suite begins with
#
#     load ../lib/mount
#
# and calls leitl_up in `setup` or in each test. Each test has its own directory LEITL_TMP with the
# mount MNT and the state STATE in it, its own daemon DAEMON, and leaves nothing: `teardown` below
# (a suite's own must call leitl_cleanup) ends agents and daemon, and fails the test when the daemon
# ended badly or a sanitizer reported anything. See watchdog.bash for tests that hang.
#
# The daemon, and the timer of bats, are children of the test: `wait` always names the pids it is
# for. What a test starts with `&` closes bats' descriptors: `3>&- 4>&-`.

LIB=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
ROOT=${LIB%/tests/lib}
LEITLFS=${LEITLFS:-$ROOT/build/leitlfs}
HELPERS=${LEITLFS%/*}/helpers
export LC_ALL=C
unset LEITL_TMP MNT STATE DAEMON

# shellcheck source=watchdog.bash
source "$LIB/watchdog.bash"

# Seconds: what a test may take, what a condition may take. Sanitized builds are slow.
if [ -n "${SAN:-}" ]; then
	BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-180} WAIT=30
else
	BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-60} WAIT=10
fi

# --- waiting and asserting

fail() {
	echo "$*" >&2
	return 1
}

# wait_until [SECONDS] COMMAND…: polls until the command succeeds. It may be a function; what needs
# a pipe goes through `eval`.
wait_until() {
	local seconds=$WAIT deadline
	if [[ $1 =~ ^[0-9]+$ ]]; then
		seconds=$1
		shift
	fi
	deadline=$((${EPOCHREALTIME/./} + seconds * 1000000))
	until "$@" >/dev/null 2>&1; do
		if ((${EPOCHREALTIME/./} > deadline)); then
			fail "waited $seconds s for: $*"
			return 1
		fi
		sleep 0.02
	done
}

assert_eq() { # ACTUAL EXPECTED [WHAT]
	[ "$1" = "$2" ] || fail "${3:-values differ}
  actual:   $1
  expected: $2"
}

assert_ne() { # ACTUAL OTHER [WHAT]
	[ "$1" != "$2" ] || fail "${3:-values are the same}: $1"
}

assert_match() { # TEXT REGEX [WHAT]
	[[ $1 =~ $2 ]] || fail "${3:-no match}
  actual: $1
  regex:  $2"
}

refute_match() { # TEXT REGEX [WHAT]
	[[ ! $1 =~ $2 ]] || fail "${3:-matches, and should not}
  actual: $1
  regex:  $2"
}

refute() { # COMMAND…: it must fail
	if "$@"; then
		fail "succeeded, and should not: $*"
	fi
}

assert_le() { # NUMBER LIMIT [WHAT]
	(($1 <= $2)) || fail "${3:-too much}: $1 > $2"
}

# assert_errno ERRNO COMMAND…: it must fail, and say on stderr that it was for this errno. A string
# of shell goes through `bash -c` or agent_do.
assert_errno() {
	local name=$1 text said
	shift
	case $name in
	EACCES) text='Permission denied' ;;
	EAGAIN) text='Resource temporarily unavailable' ;;
	EBUSY) text='Device or resource busy' ;;
	ECANCELED) text='Operation canceled' ;;
	EDEADLK) text='Resource deadlock avoided' ;;
	EDQUOT) text='Disk quota exceeded' ;;
	EEXIST) text='File exists' ;;
	EHOSTDOWN) text='Host is down' ;;
	EINVAL) text='Invalid argument' ;;
	EISDIR) text='Is a directory' ;;
	EMSGSIZE) text='Message too long' ;;
	ENAMETOOLONG) text='File name too long' ;;
	ENOENT) text='No such file or directory' ;;
	ENOSPC) text='No space left on device' ;;
	ENOTCONN) text='Transport endpoint is not connected' ;;
	ENOTDIR) text='Not a directory' ;;
	ENOTEMPTY) text='Directory not empty' ;;
	ENOTUNIQ) text='Name not unique on network' ;;
	EPERM) text='Operation not permitted' ;;
	EREMOTEIO) text='Remote I/O error' ;;
	EROFS) text='Read-only file system' ;;
	ESTALE) text='Stale file handle' ;;
	ETIMEDOUT) text='Connection timed out' ;;
	*) fail "assert_errno does not know $name" || return 1 ;;
	esac
	if said=$("$@" 2>&1 >/dev/null); then
		fail "succeeded, expected $name: $*"
		return 1
	fi
	[[ $said == *"$text"* ]] || fail "expected $name ($text): $*
  said: $said"
}

line_count() { # FILE
	wc -l <"$1"
}

# The last reason in `errors` (of the calling uid).
last_error() {
	tail -n 1 "$MNT/errors"
}

# --- callers of every kind

need_root() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

# as_user UID COMMAND…: a program (no function) as another user. Debian has 1 (daemon), 2 (bin) and
# 65534 (nobody) without making any.
as_user() {
	user_prefix "$1"
	shift
	"${AS_USER[@]}" "$@"
}

# Sets AS_USER to what makes a command line that user's. Behind `&` it must be used instead of
# as_user: a function there would leave a shell between the caller and the program.
user_prefix() { # UID
	AS_USER=()
	[ "$1" = "$(id -u)" ] || AS_USER=(setpriv --reuid="$1" --regid="$1" --clear-groups --)
}

# on_tty COMMAND: a line of shell, in a session of its own with a controlling terminal. Prints what
# it printed, without carriage returns.
on_tty() (
	set -o pipefail
	SHELL=/bin/bash script -qec "$1" /dev/null </dev/null | tr -d '\r'
)

# A process that is gone, or a zombie.
gone() { # PID
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
	[[ ${stat##*) } == [ZX]* ]]
}

# --- the daemon

leitl_init() {
	[ -z "${LEITL_TMP:-}" ] || return 0
	LEITL_TMP=$(mktemp -d /tmp/leitl.XXXXXX)
	chmod 0755 "$LEITL_TMP" # other users come in too
	MNT=$LEITL_TMP/mnt
	STATE=$LEITL_TMP/state
	DAEMON_LOG=${BATS_TEST_TMPDIR:-$LEITL_TMP}/daemon.log
	DAEMON=
	mkdir "$MNT" "$LEITL_TMP/agents" "$LEITL_TMP/reports"
	mkdir -m 0700 "$STATE"
	chmod 1777 "$LEITL_TMP/reports"
	# Daemons that have no stderr any more report too. (The last log_path given is what counts.)
	export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}log_path=$LEITL_TMP/reports/asan
	export UBSAN_OPTIONS=${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}log_path=$LEITL_TMP/reports/ubsan
	export TSAN_OPTIONS=${TSAN_OPTIONS:+$TSAN_OPTIONS:}log_path=$LEITL_TMP/reports/tsan
	(setsid bash "$LIB/watchdog.bash" $$ "$LEITL_TMP" $((EPOCHSECONDS + BATS_TEST_TIMEOUT - 5)) \
		</dev/null >/dev/null 2>&1 3>&- 4>&- &)
}

# leitl_up [-o OPTIONS] [-O OPTIONS] [-u UID] [-- ARGUMENTS…]: mounts, and returns when the mount is
# usable. -o adds to the tests' own options, which switch off rate limits, and the alert for a full
# inbox, which is one event more; -O replaces them. -u runs the daemon as that user. After
# leitl_down or leitl_kill9 it mounts the same state again.
leitl_up() {
	local options=broadcasts=0,tasks=0,backlog=0 uid
	uid=$(id -u)
	while [ $# -gt 0 ]; do
		case $1 in
		-o) options+=,$2 ;;
		-O) options=$2 ;;
		-u) uid=$2 ;;
		--) shift && break ;;
		*) fail "leitl_up: $1?" || return 1 ;;
		esac
		shift 2
	done
	leitl_init
	if [ "$uid" != "$(id -u)" ]; then
		chown -R "$uid:$uid" "$STATE"
		mountpoint -q "$MNT" 2>/dev/null || chown "$uid:$uid" "$MNT" 2>/dev/null || true
	fi
	user_prefix "$uid"
	"${AS_USER[@]}" setsid "$LEITLFS" -f -o "state=$STATE${options:+,$options}" "$@" "$MNT" \
		</dev/null >>"$DAEMON_LOG" 2>&1 3>&- 4>&- &
	DAEMON=$!
	DAEMON_UID=$uid
	if ! wait_until leitl_ready_or_gone || gone "$DAEMON"; then
		echo "leitlfs did not mount:" >&2
		cat "$DAEMON_LOG" >&2
		return 1
	fi
}

leitl_mounted() {
	grep -q " $MNT .* - fuse" /proc/self/mountinfo
}

# A dead daemon's mount is in the table as well, and answers ENOTCONN where the kernel asks it: for
# statfs always. What is below the mount point has another type.
leitl_ready_or_gone() {
	gone "$DAEMON" || { leitl_mounted &&
		[ "$(as_user "$DAEMON_UID" stat -f -c %t "$MNT")" = 65735546 ]; }
}

# leitl_down [-u]: ends the daemon by SIGTERM, or by fusermount3 -u, and fails when it does not end,
# ends badly, leaves its mount, or anything was reported by a sanitizer.
leitl_down() {
	local daemon=${DAEMON:-} status=0
	[ -n "$daemon" ] || return 0
	if [ "${1:-}" = -u ]; then
		as_user "$DAEMON_UID" fusermount3 -u "$MNT" || return 1
	else
		kill -TERM "$daemon" 2>/dev/null || true
	fi
	DAEMON=
	if ! wait_until gone "$daemon"; then
		leitl_trouble "leitlfs did not end"
		watchdog_abort "$LEITL_TMP"
		kill -KILL "$daemon" 2>/dev/null || true
		return 1
	fi
	wait "$daemon" || status=$?
	[ "$status" = 0 ] || leitl_trouble "leitlfs ended with status $status" || return 1
	! leitl_mounted || leitl_trouble "leitlfs ended and left its mount" || return 1
	leitl_clean_log
}

leitl_kill9() {
	local daemon=$DAEMON
	DAEMON=
	kill -KILL "$daemon"
	wait "$daemon" 2>/dev/null || true
}

leitl_trouble() { # WHAT; always fails
	{
		echo "$1"
		tail -n 200 "$DAEMON_LOG" "$LEITL_TMP"/reports/* 2>/dev/null || true
	} >&2
	return 1
}

# No sanitizer has reported anything.
leitl_clean_log() {
	local report='ERROR: [A-Za-z]*Sanitizer|WARNING: ThreadSanitizer|runtime error:'
	if compgen -G "$LEITL_TMP/reports/*" >/dev/null ||
		grep -qE "$report" "$DAEMON_LOG" 2>/dev/null; then
		leitl_trouble "a sanitizer reported"
	fi
}

leitl_cleanup() {
	local status=0 name
	[ -n "${LEITL_TMP:-}" ] || return 0
	for name in "$LEITL_TMP"/agents/*; do
		[ ! -d "$name" ] || agent_stop "${name##*/}"
	done
	if [ -f "$LEITL_TMP/watchdog" ]; then
		cat "$LEITL_TMP/watchdog" >&2
		status=1
	fi
	leitl_down && leitl_clean_log || status=1
	watchdog_sweep "$LEITL_TMP"
	if [ -z "${BATS_TEST_COMPLETED:-}" ] && [ -s "$DAEMON_LOG" ]; then
		echo "--- daemon.log" >&2
		tail -n 50 "$DAEMON_LOG" >&2
	fi
	rm -rf --one-file-system "$LEITL_TMP"
	LEITL_TMP=
	return $status
}

teardown() {
	leitl_cleanup
}

# --- agents: processes that live on, each a tree of its own without ancestors (see agent.bash)

# agent_start [-u UID] [-t] [-p PARENT] NAME: -t gives it a terminal that it leads, -p makes it a
# child of the agent PARENT instead, in whose session it then is.
agent_start() {
	local uid parent='' tty='' dir command
	uid=$(id -u)
	while [[ $1 == -* ]]; do
		case $1 in
		-u) uid=$2 && shift 2 ;;
		-p) parent=$2 && shift 2 ;;
		-t) tty=yes && shift ;;
		*) fail "agent_start: $1?" || return 1 ;;
		esac
	done
	leitl_init
	dir=$LEITL_TMP/agents/$1
	mkdir "$dir"
	mkfifo "$dir/in" "$dir/out"
	: >"$dir/lock"
	chmod -R a+rwX "$dir" # whoever it runs as
	user_prefix "$uid"
	command="bash $LIB/agent.bash $dir $MNT"
	if [ -n "$parent" ]; then
		agent_sh "$parent" "$command 200>&- 201>&- &"
	elif [ -n "$tty" ]; then
		("${AS_USER[@]}" env SHELL=/bin/bash setsid script -qec "$command" /dev/null \
			</dev/null >/dev/null 2>&1 3>&- 4>&- &)
	else
		# shellcheck disable=SC2086
		("${AS_USER[@]}" setsid $command </dev/null >"$dir/log" 2>&1 3>&- 4>&- &)
	fi
	wait_until test -f "$dir/pid"
}

agent_pid() { # NAME
	cat "$LEITL_TMP/agents/$1/pid"
}

# agent_do NAME COMMAND: in a new shell that the agent starts, as agents' tools do, in MNT. Output
# and status are the command's.
agent_do() {
	agent_ask "$1" "do" "$2"
}

# agent_sh NAME COMMAND: in the agent's own process. What it opens, sets or defines stays; its
# working directory is MNT for each command anew.
agent_sh() {
	agent_ask "$1" sh "$2"
}

# agent_bg NAME COMMAND: as agent_do, without waiting; prints the new shell's pid, which is the
# command's own when it is a simple one. agent_out prints what it said so far, stderr included;
# agent_join waits for its end, then prints and returns the same as agent_do would.
agent_bg() {
	agent_ask "$1" bg "$2"
}

agent_out() { # NAME PID
	cat "$LEITL_TMP/agents/$1/bg.$2"
}

agent_join() { # NAME PID
	local status=running deadline=$((EPOCHSECONDS + WAIT))
	while status=$(agent_ask "$1" join "$2") && [ "$status" = running ]; do
		if [ "$EPOCHSECONDS" -gt "$deadline" ]; then
			fail "agent $1: $2 is still running after $WAIT s"
			return 124
		fi
		sleep 0.02
	done
	agent_out "$1" "$2"
	return "$status"
}

# agent_kill NAME [SIGNAL]: the agent's process alone, and waits until it is gone.
agent_kill() {
	local pid
	pid=$(agent_pid "$1")
	kill "-${2:-KILL}" "$pid"
	wait_until gone "$pid"
}

# Ends it and what it started.
agent_stop() { # NAME
	local pid
	pid=$(agent_pid "$1" 2>/dev/null) || return 0
	kill -KILL -- "-$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null || true
}

# One request at a time for each agent; a lost agent is status 137, no answer in time is 124.
agent_ask() ( # NAME VERB COMMAND
	name=$1 dir=$LEITL_TMP/agents/$1 number=$BASHPID.$RANDOM
	pid=$(<"$dir/pid")
	exec 9<>"$dir/lock" 8<>"$dir/in" 7<>"$dir/out"
	flock 9
	printf '%s\n' "$3" >"$dir/command"
	: >"$dir/stdout"
	: >"$dir/stderr"
	chmod -f a+rw "$dir/stdout" "$dir/stderr" || true
	echo "$2 $number" >&8
	deadline=$((EPOCHSECONDS + 3 * WAIT))
	until read -r -t 0.5 -u 7 answered result && [ "$answered" = "$number" ]; do
		if gone "$pid"; then
			cat "$dir/stdout"
			echo "agent $name is gone" >&2
			exit 137
		elif [ "$EPOCHSECONDS" -gt "$deadline" ]; then
			echo "agent $name did not answer within $((3 * WAIT)) s: $3" >&2
			exit 124
		fi
	done
	case $2 in
	bg | join)
		echo "$result"
		exit 0
		;;
	esac
	cat "$dir/stdout"
	cat "$dir/stderr" >&2
	exit "$result"
)
