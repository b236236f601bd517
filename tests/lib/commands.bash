# What the suites about the commands share, beside mount.bash and loop.bash:
#
#     load ../lib/mount
#     load ../lib/loop
#     load ../lib/commands

COMMANDS='ask answer say run status top search doctor umount man help'

# expect STATUS COMMAND…: runs it; stdout is in $output, stderr in $said.
expect() {
	local expected=$1
	shift
	status=0
	output=$("$@" 2>"$LEITL_TMP/said") || status=$?
	said=$(<"$LEITL_TMP/said")
	[ "$status" = "$expected" ] || fail "status $status, expected $expected: $*
  stdout: $output
  stderr: $said"
}

# The whole of stdout is one line of JSON, for which the filter is true.
assert_json() { # FILTER
	assert_eq "$(wc -l <<<"$output")" 1 "lines of JSON"
	jq -e "$1" <<<"$output" >/dev/null || fail "not so: $1
  in: $output"
}

# alone [MOUNT…] -- COMMAND…: in a mount namespace where of all leitlfs only these are mounted.
alone() {
	local keep=()
	while [ "$1" != -- ]; do
		keep+=("$1")
		shift
	done
	shift
	unshare -m --propagation private bash -c '
		keep=" $1 "
		shift
		while read -r path; do
			[[ $keep == *" $path "* ]] || umount -l "$path"
		done < <(awk "/ - fuse.leitlfs / { print \$5 }" /proc/self/mountinfo)
		unset LEITLFS_MOUNT
		exec "$@"' - "${keep[*]}" "$@"
}

# other_up NAME [-u UID] [ARGUMENTS…]: another mount, $LEITL_TMP/NAME.
other_up() {
	local name=$1 uid
	uid=$(id -u)
	shift
	if [ "${1:-}" = -u ]; then
		uid=$2
		shift 2
	fi
	mkdir "$LEITL_TMP/$name"
	mkdir -m 0700 "$LEITL_TMP/$name.state"
	[ "$uid" = "$(id -u)" ] || chown "$uid:$uid" "$LEITL_TMP/$name" "$LEITL_TMP/$name.state"
	as_user "$uid" "$LEITLFS" -o "state=$LEITL_TMP/$name.state" "$@" "$LEITL_TMP/$name" \
		3>&- 4>&-
}

other_down() { # NAME: ends it
	"$LEITLFS" umount "$LEITL_TMP/$1"
}

daemon_of() { # NAME
	cut -d ' ' -f 1 "$LEITL_TMP/$1.state/lock"
}

state_of() { # PID: R, S, T, …
	local stat
	stat=$(<"/proc/$1/stat") || return 1
	stat=${stat##*) }
	echo "${stat%% *}"
}

in_state() { # PID STATE
	[ "$(state_of "$1")" = "$2" ]
}
