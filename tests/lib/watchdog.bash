# Nothing that a test leaves behind, or hangs on, stays: what a test starts and mounts is known by
# its directory, which stands in mount points and command lines and is no other test's.
#
#     bash watchdog.bash TEST_PID DIR DEADLINE
#
# waits until DIR is gone (the test has cleaned up), and sweeps when the test is gone without that,
# or at DEADLINE (seconds since 1970): a request that the daemon never answers can't be killed, only
# aborted with its whole connection.

# Every mount below a directory, newest first: "MINOR PATH". Reading mountinfo never touches a mount.
watchdog_mounts() {
	awk -v dir="$1/" 'index($5, dir) == 1 { split($3, dev, ":"); print dev[2], $5 }' \
		/proc/self/mountinfo | tac
}

# Every process whose command line names something below the directory. The list of processes is
# taken first, so that the search does not find itself.
watchdog_processes() {
	local files=(/proc/[0-9]*/cmdline)
	grep -alF -- "$1/" "${files[@]}" 2>/dev/null | cut -d / -f 3
	return 0
}

watchdog_abort() { # DIR
	local fusectl=/sys/fs/fuse/connections minor path
	mountpoint -q $fusectl || mount -t fusectl none $fusectl 2>/dev/null
	watchdog_mounts "$1" | while read -r minor path; do
		echo 1 2>/dev/null >"$fusectl/$minor/abort"
	done
	return 0
}

watchdog_sweep() { # DIR
	local pid minor path
	watchdog_abort "$1"
	for pid in $(watchdog_processes "$1"); do
		kill -KILL "$pid" 2>/dev/null
	done
	watchdog_mounts "$1" | while read -r minor path; do
		umount -l "$path" 2>/dev/null || fusermount3 -uz "$path" 2>/dev/null
	done
	return 0
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	test_pid=$1 dir=$2 deadline=$3
	while :; do
		[ -d "$dir" ] || exit 0
		if ! kill -0 "$test_pid" 2>/dev/null; then
			watchdog_sweep "$dir"
			rm -rf --one-file-system "$dir"
			exit 0
		fi
		if [ "$EPOCHSECONDS" -ge "$deadline" ]; then
			{
				echo "watchdog: out of time; what hung:"
				ps -ww -o pid,ppid,stat,wchan:30,args -p \
					"$(watchdog_processes "$dir" | paste -sd,)"
			} >"$dir/watchdog" 2>&1
			watchdog_sweep "$dir"
			deadline=$((deadline + 3600))
		fi
		sleep 0.5
	done
fi
