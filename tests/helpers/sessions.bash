# What the suites on sessions and identity share, beside lib/mount.bash:
#
#     load ../lib/mount
#     load ../helpers/sessions
#
# The test's own process looks and does not register, unless it says so.

# Debian's own: a wrapper that some PATH puts before it may not be there for other users.
PYTHON=/usr/bin/python3

# --- registering

# In the agent's own process, which it is then bound to; prints the id.
join() { # AGENT TEXT
	agent_sh "$1" "exec 3<>sessions/new && printf '%s\n' '$2' >&3 && read -r id <&3 &&
		exec 3>&- && echo \"\$id\""
}

# As join, from a shell that ends with that: it hands the session up to the agent.
join_briefly() { # AGENT TEXT
	agent_do "$1" "exec 3<>sessions/new && printf '%s\n' '$2' >&3 && read -r id <&3 && echo \"\$id\""
}

# --- looking

record() { # ID FIELD
	jq -r ".$2" "$MNT/sessions/$1/session.json"
}

lives() { # ID
	[ -f "$MNT/sessions/$1/session.json" ]
}

health_is() { # ID HEALTH
	[ "$(record "$1" health)" = "$2" ] && [ "$(cat "$MNT/sessions/$1/health")" = "$2" ]
}

lived_for() { # ID SECONDS: by the daemon's own clock
	(($(record "$1" uptime_s) >= $2))
}

# The events of a type, of one session ("null": of none) where it is given, oldest first.
events() { # TYPE [ID]
	jq -c --arg type "$1" --arg id "${2-}" 'select(.event_type == $type and
		($id == "" or .session_id == (if $id == "null" then null else $id end)))' \
		"$MNT/activity"
}

event_count() { # TYPE [ID]
	events "$@" | wc -l
}

events_are() { # COUNT TYPE [ID]
	[ "$(event_count "${@:2}")" = "$1" ]
}

# It is gone, and its last end had that reason.
ended() { # ID REASON
	[ ! -e "$MNT/sessions/$1" ] &&
		[ "$(events session.ended "$1" | tail -n 1 | jq -r .data.reason)" = "$2" ]
}

# How the session ended, within two seconds: nobody waited for a time-out of the daemon's.
assert_ends_at_once() { # ID REASON
	wait_until 2 ended "$1" "$2" || fail "$(events session.ended "$1")"
}

# Who sent the broadcast with this text, as "SESSION FROM"; fails when nobody did, or twice.
sender_of() { # TEXT
	jq -rn --arg text "$1" '[inputs | select(.event_type == "broadcast.message" and
		.data.message == $text)] | if length == 1 then .[0] | "\(.session_id) \(.from)"
		else error("\(length) of \($text)") end' "$MNT/activity"
}

# A write that must leave nothing behind.
refute_sent() { # TEXT
	! grep -F -- "$1" "$MNT/activity" || fail "was sent, and should not: $1"
}

# The last line of `errors` has this errno, word in its reason and end of its path.
assert_reason() { # ERRNO WORD PATH
	local line
	line=$(last_error)
	jq -e --arg errno "$1" --arg word "$2" --arg path "$3" '.errno == $errno and
		(.reason | contains($word)) and (.path | endswith($path))' \
		<<<"$line" >/dev/null || fail "the reason is not $1 … $2 … $3: $line"
}

# A daemon answers, on a FUSE mount: neither what the kernel has kept of a dead daemon's files, nor
# the directory below, which shows for a moment where a new one takes over.
served() {
	[ "$(stat -f -c %t "$MNT")" = 65735546 ]
}

# --- callers that the daemon can't see

# As leitl_up, with the daemon in a pid namespace of its own and with its own /proc: everybody
# else's processes are pid 0 to it, as a container's neighbours are.
leitl_up_apart() { # as for leitl_up
	need_root
	leitl_init
	MNT=$LEITL_TMP/apart/mnt
	mkdir "$LEITL_TMP/apart"
	mount --bind "$LEITL_TMP/apart" "$LEITL_TMP/apart"
	mount --make-private "$LEITL_TMP/apart"
	mount --make-shared "$LEITL_TMP/apart" # what is mounted in there shows out here
	mkdir "$MNT"
	cat >"$LEITL_TMP/leitlfs" <<-END
		#!/bin/bash
		unshare --pid --fork --mount-proc --propagation unchanged "$LEITLFS" "\$@" &
		outer=\$!
		trap 'read -r inner </proc/\$outer/task/\$outer/children; kill -TERM \$inner' TERM
		while :; do
		    wait \$outer
		    status=\$?
		    kill -0 \$outer 2>/dev/null || exit \$status
		done
	END
	chmod +x "$LEITL_TMP/leitlfs"
	local LEITLFS=$LEITL_TMP/leitlfs
	unshare --pid --fork --mount-proc true || skip "no pid namespaces here"
	leitl_up "$@"
}

# The rest of a test, in a pid namespace of its own: a daemon in it, and the numbers that its
# processes get, are the test's alone. COMMAND is shell, in which lib/mount.bash and this file
# are known.
in_pid_namespace() { # COMMAND
	need_root
	unshare --pid --fork --mount-proc true || skip "no pid namespaces here"
	[ -w /proc/sys/kernel/ns_last_pid ] || skip "no /proc/sys/kernel/ns_last_pid"
	LEITLFS=$LEITLFS unshare --pid --fork --kill-child --mount-proc bash -c "
		source '$LIB/mount.bash'
		source '$ROOT/tests/helpers/sessions.bash'
		set -eE
		trap 'echo \"failed: \$BASH_COMMAND\" >&2' ERR
		trap 'status=\$?; leitl_cleanup || status=1; exit \$status' EXIT
		$1" 3>&- 4>&-
}

# Starts COMMAND in the background, as the process of that number, which must be free. The numbers
# that follow are not used again: bash's `wait` would take them for what had them before.
with_pid() { # PID COMMAND…
	local tries last
	read -r last </proc/sys/kernel/ns_last_pid
	for tries in {1..50}; do
		echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid
		"${@:2}" 3>&- 4>&- &
		echo "$last" >/proc/sys/kernel/ns_last_pid
		[ $! != "$1" ] || return 0
		kill_pid $!
	done
	fail "could not get pid $1 in $tries tries"
}

# Its number is free when this returns. (The shell takes its children's ends without `wait`.)
kill_pid() { # PID
	kill -KILL "$1"
	wait_until [ ! -e "/proc/$1" ]
}
