# The daemon: its command line, its state directory and lock, how it begins and how it ends.
load ../lib/mount

setup() {
	leitl_init
}

# Mounts in the background, and notes the daemon's pid in BG.
up() { # ARGUMENTS…
	"$LEITLFS" -o "state=$STATE" "$@" "$MNT" || return 1
	BG=$(held_by "$STATE")
}

held_by() { # STATE: the pid that its lock names
	cut -d ' ' -f 1 "$1/lock"
}

mount_count() { # [PATH]
	awk -v path="${1:-$MNT}" '$5 == path' /proc/self/mountinfo | wc -l
}

mount_line() {
	awk -v path="$MNT" '$5 == path' /proc/self/mountinfo
}

ended() { # PID: gone, with its mount
	wait_until gone "$1" && wait_until eval '[ "$(mount_count)" = 0 ]'
}

# refused STATUS TEXT COMMAND…: fails with the status, and says the text.
refused() {
	local expected=$1 text=$2
	shift 2
	run "$@"
	[ "$status" -eq "$expected" ] || fail "status $status, expected $expected: $output" || return 1
	[[ $output == *"$text"* ]] || fail "does not say \"$text\": $output"
}

# An ordinary user's files; sets OWN to that user's directory.
prepare_user() {
	need_root
	chmod 0666 /dev/fuse
	as_user 65534 test -x "$LEITLFS" || skip "uid 65534 can't reach $LEITLFS"
	OWN=$LEITL_TMP/own
	mkdir "$OWN" "$OWN/home"
	chown -R 65534:65534 "$OWN" "$MNT"
}

own() { # COMMAND…: as that user, at home
	as_user 65534 env -u XDG_STATE_HOME HOME="$OWN/home" "$@"
}

# --- the command line

@test "-h names every option with default and range, in 79 columns" {
	run "$LEITLFS" -h
	[ "$status" -eq 0 ]
	local name
	for name in state late timeout handover expire hold nudge save broadcasts tasks sessions \
		messages bytes message_max brief_max unread_max threads; do
		assert_match "$output" "-o $name="
	done
	for name in -f -d -o -h -V allow_other nonempty; do
		assert_match "$output" "$name"
	done
	assert_match "$(tr -s ' \n' ' ' <<<"$output")" 'late .*\(default 60s; 100ms to 24h\)'
	assert_eq "$(awk 'length > 79' <<<"$output")" ""
	assert_eq "$("$LEITLFS" --help)" "$output"
}

@test "-V names the versions of leitlfs and libfuse" {
	run "$LEITLFS" -V
	[ "$status" -eq 0 ]
	assert_match "$output" $'^leitlfs [0-9.]+\nlibfuse 3[0-9.]+$'
	assert_eq "$("$LEITLFS" --version)" "$output"
}

@test "what it does not understand is a usage error, and says so" {
	refused 2 "mount point is missing" "$LEITLFS"
	refused 2 "unknown option --frobnicate" "$LEITLFS" --frobnicate "$MNT"
	refused 2 "unknown option -o frobnicate=1" "$LEITLFS" -o ro,frobnicate=1 "$MNT"
	refused 2 "option late=soon: must be a time" "$LEITLFS" -o late=soon "$MNT"
	refused 2 "100ms to 24h" "$LEITLFS" -o late=25h "$MNT"
	refused 2 "option state needs a value" "$LEITLFS" -o state "$MNT"
	refused 2 "there is no command a" "$LEITLFS" a b "$MNT"
	refused 2 "one argument too many" "$LEITLFS" ./a b "$MNT"
	refused 2 "" "$LEITLFS" -o
	assert_eq "$(mount_count)" 0
}

# --- beginning

@test "in the background: it returns when the mount answers, and holds nothing of the caller's" {
	mkfifo "$LEITL_TMP/fifo"
	cat "$LEITL_TMP/fifo" >"$LEITL_TMP/out" &
	local reader=$! fd
	up 9>"$LEITL_TMP/fifo" >"$LEITL_TMP/said" 2>&1
	assert_eq "$(mount_count)" 1
	[ -s "$MNT/README.md" ]
	assert_eq "$(cat "$LEITL_TMP/said")" ""
	wait_until gone "$reader" # the pipe that was open at the start is closed
	for fd in 0 1 2; do
		assert_eq "$(readlink "/proc/$BG/fd/$fd")" /dev/null
	done
	assert_eq "$(readlink "/proc/$BG/cwd")" /
	assert_eq "$(ps -o sid= -p "$BG" | tr -d ' ')" "$BG"
	"$LEITLFS" umount "$MNT"
	ended "$BG"
}

@test "the mount says what it is, and its root who serves it" {
	up
	assert_match "$(mount_line)" ' rw,nosuid,nodev,.* - fuse.leitlfs leitlfs .*default_permissions'
	assert_eq "$(python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "user.leitlfs.pid").decode())' "$MNT")" "$BG"
	assert_eq "$(cat "$STATE/lock")" "$BG $MNT"
	"$LEITLFS" umount "$MNT"
}

@test "a mount point that is missing, no directory, or not empty is refused" {
	refused 1 "$MNT/x does not exist: mkdir it first" "$LEITLFS" -o "state=$STATE" "$MNT/x"
	touch "$LEITL_TMP/file"
	refused 1 "is not a directory" "$LEITLFS" -o "state=$STATE" "$LEITL_TMP/file"
	touch "$MNT/something"
	refused 1 "is not empty" "$LEITLFS" -o "state=$STATE" "$MNT"
	refused 1 "is not empty" "$LEITLFS" -f -o "state=$STATE" "$MNT"
	up -o nonempty
	[ -s "$MNT/README.md" ]
	"$LEITLFS" umount "$MNT"
	[ -f "$MNT/something" ]
}

@test "it says where it can't go on, and leaves nothing mounted" {
	echo "no database at all, but long enough to be looked at" >"$STATE/leitl.db"
	refused 1 "leitl" "$LEITLFS" -o "state=$STATE" "$MNT"
	assert_eq "$(mount_count)" 0
	refused 1 "leitl" "$LEITLFS" -f -o "state=$STATE" "$MNT"
	assert_eq "$(mount_count)" 0
}

@test "a mount that is refused leaves nothing that was not there" {
	local new=$LEITL_TMP/a before
	local refusals=(
		"is not a directory" "$LEITL_TMP/file"
		"is not empty" "$LEITL_TMP/full"
		"already, by process" "$LEITL_TMP/taken"
		"libfuse refuses these options" "-omax_read=much $MNT"
		"would be hidden" "-ononempty $LEITL_TMP"
		"can't make" "-ostate=$new/b/$(printf 'n%.0s' {1..256}) $MNT"
	)
	touch "$LEITL_TMP/file"
	mkdir -p "$LEITL_TMP/full/x" "$LEITL_TMP/taken" "$LEITL_TMP/used"
	"$LEITLFS" -o "state=$LEITL_TMP/used" "$LEITL_TMP/taken"
	before=$(find "$LEITL_TMP" -xdev | sort)
	for ((i = 0; i < ${#refusals[@]}; i += 2)); do
		# shellcheck disable=SC2086
		for state in "$new/b/c/" "$STATE"; do
			refused 1 "${refusals[i]}" "$LEITLFS" -o "state=$state" ${refusals[i + 1]}
			refused 1 "${refusals[i]}" "$LEITLFS" -f -o "state=$state" ${refusals[i + 1]}
			assert_eq "$(find "$LEITL_TMP" -xdev | sort)" "$before" "after ${refusals[i]}"
		done
	done
	refused 1 "is held by" "$LEITLFS" -o "state=$LEITL_TMP/used" "$MNT"
	"$LEITLFS" umount "$LEITL_TMP/taken"
	# what was kept before stays
	before=$(find "$LEITL_TMP/used" | sort)
	assert_match "$before" 'leitl\.db'
	refused 1 "is not empty" "$LEITLFS" -o "state=$LEITL_TMP/used" "$LEITL_TMP/full"
	refused 1 "libfuse refuses" "$LEITLFS" -o "state=$LEITL_TMP/used,max_read=much" "$MNT"
	assert_eq "$(find "$LEITL_TMP/used" | sort)" "$before"
	rm "$LEITL_TMP/used/lock"
	refused 1 "is not empty" "$LEITLFS" -o "state=$LEITL_TMP/used" "$LEITL_TMP/full"
	assert_eq "$(find "$LEITL_TMP/used" | sort)" "$before"
}

@test "spaces and commas in paths" {
	mkdir "$LEITL_TMP/a b,c"
	"$LEITLFS" -o "state=$LEITL_TMP/s t\\,u" "$LEITL_TMP/a b,c"
	local pid
	pid=$(held_by "$LEITL_TMP/s t,u")
	[ -s "$LEITL_TMP/a b,c/README.md" ]
	refused 1 "mounted at $LEITL_TMP/a b,c" "$LEITLFS" -o "state=$LEITL_TMP/s t\\,u" "$MNT"
	"$LEITLFS" umount "$LEITL_TMP/a b,c/"
	wait_until gone "$pid"
}

@test "descriptors: the soft limit is raised, and 64 are enough to begin" {
	(ulimit -Sn 64 && up)
	assert_match "$(grep 'open files' "/proc/$(held_by "$STATE")/limits")" "files +$(ulimit -Hn) "
	"$LEITLFS" umount "$MNT"
	(ulimit -n 64 && up)
	[ -s "$MNT/README.md" ]
	"$LEITLFS" umount "$MNT"
}

@test "nothing of its memory goes into core files or to others" {
	up
	assert_match "$(grep 'core file' "/proc/$BG/limits")" 'size +0 +0 '
	[ "$(id -u)" != 0 ] || assert_eq "$(stat -c %U "/proc/$BG/mem")" root
	"$LEITLFS" umount "$MNT"
}

@test "stdin, stdout and stderr may be closed" {
	up <&- >&- 2>&-
	assert_eq "$(readlink "/proc/$BG/fd/0")" /dev/null
	"$LEITLFS" umount "$MNT"
}

@test "a kernel that aborts mounts with waiting reads is told of" {
	need_root
	local limit=/proc/sys/fs/fuse/default_request_timeout before
	[ -f $limit ] || skip "this kernel has no such limit"
	before=$(cat $limit)
	echo 3600 >$limit
	run "$LEITLFS" -o "state=$STATE" "$MNT"
	echo "$before" >$limit
	[ "$status" -eq 0 ]
	assert_match "$output" 'longer than 3600 s'
	"$LEITLFS" umount "$MNT"
}

# --- the state directory and its owner

@test "the state directory is made with its parents, for its owner alone" {
	(umask 0 && "$LEITLFS" -o "state=$LEITL_TMP/a/b/c" "$MNT")
	assert_eq "$(stat -c %a "$LEITL_TMP/a" "$LEITL_TMP/a/b" "$LEITL_TMP/a/b/c" | tr '\n' ' ')" \
		"700 700 700 "
	assert_eq "$(find "$LEITL_TMP/a/b/c" -type f -perm /077)" ""
	"$LEITLFS" umount "$MNT"
}

@test "a state directory of another user, in use, or below the mount point is refused" {
	mkdir -m 0755 "$LEITL_TMP/used"
	touch "$LEITL_TMP/used/file"
	refused 1 "is open to other users" "$LEITLFS" -o "state=$LEITL_TMP/used" "$MNT"
	assert_eq "$(stat -c %a "$LEITL_TMP/used")" 755
	refused 1 "would be hidden" "$LEITLFS" -o "state=$MNT/state,nonempty" "$MNT"
	need_root
	chown 65534 "$STATE"
	refused 1 "belongs to uid 65534" "$LEITLFS" -o "state=$STATE" "$MNT"
	assert_eq "$(mount_count)" 0
}

@test "a state directory on FUSE is refused" {
	leitl_up
	mkdir "$LEITL_TMP/mnt2"
	mkdir -p "$MNT/memory/state" || skip "nothing can be made on the mount"
	chmod 0700 "$MNT/memory/state" || true
	refused 1 "on a FUSE file system" "$LEITLFS" -o "state=$MNT/memory/state" "$LEITL_TMP/mnt2"
}

@test "a second daemon on the same state is told who has it" {
	up
	mkdir "$LEITL_TMP/mnt2"
	refused 1 "state directory $STATE is held by leitlfs, process $BG, mounted at $MNT" \
		"$LEITLFS" -o "state=$STATE" "$LEITL_TMP/mnt2"
	refused 1 "process $BG" "$LEITLFS" -f -o "state=$STATE" "$MNT"
	[ -s "$MNT/README.md" ]
	assert_eq "$(held_by "$STATE")" "$BG"
	"$LEITLFS" umount "$MNT"
}

@test "a second daemon on the same mount point is told who is there" {
	up
	refused 1 "mounted at $MNT already, by process $BG" "$LEITLFS" -o "state=$LEITL_TMP/s2" "$MNT"
	refused 1 "process $BG" "$LEITLFS" -o "state=$LEITL_TMP/s2,nonempty" "$MNT"
	[ -s "$MNT/README.md" ]
	"$LEITLFS" umount "$MNT"
}

@test "of many that start at once on one state, one serves" {
	local i pids=()
	for i in 1 2 3 4 5 6; do
		mkdir "$LEITL_TMP/m$i"
		(status=0
			"$LEITLFS" -o "state=$STATE" "$LEITL_TMP/m$i" >"$LEITL_TMP/said$i" 2>&1 ||
				status=$?
			echo $status >"$LEITL_TMP/status$i") &
		pids+=($!)
	done
	wait "${pids[@]}"
	assert_eq "$(cat "$LEITL_TMP"/status? | sort | uniq -c | tr -s ' \n' ' ')" " 1 0 5 1 "
	assert_eq "$(grep -l 'held by' "$LEITL_TMP"/said? | wc -l)" 5
	local path
	path=$(cut -d ' ' -f 2 "$STATE/lock")
	[ -s "$path/README.md" ]
	"$LEITLFS" umount "$path"
}

@test "a new daemon waits for one that is just ending" {
	local i
	for i in 1 2 3 4 5; do
		up
		wait_until fusermount3 -u "$MNT" # who looks for mounts just now makes it busy
	done
	up
	fusermount3 -uz "$MNT"
	up
	kill -TERM "$BG"
	wait_until eval '[ "$(mount_count)" = 0 ]'
	up
	"$LEITLFS" umount "$MNT"
}

# --- dead and stopped daemons

@test "the stale mount of a dead daemon is replaced" {
	up
	kill -KILL "$BG"
	wait_until gone "$BG"
	assert_errno ENOTCONN stat "$MNT"
	up
	[ -s "$MNT/README.md" ]
	assert_eq "$(mount_count)" 1
	"$LEITLFS" umount "$MNT"
	assert_eq "$(mount_count)" 0
}

@test "so it is at once after the kill, time and again, and with another state" {
	local i
	for i in 1 2 3 4 5; do
		up
		kill -KILL "$BG"
	done
	"$LEITLFS" -o "state=$LEITL_TMP/s2" "$MNT"
	[ -s "$MNT/README.md" ]
	assert_eq "$(mount_count)" 1
	"$LEITLFS" umount "$MNT"
}

@test "a stale mount stays while its state is somebody's" {
	up
	kill -KILL "$BG"
	wait_until gone "$BG"
	mkdir "$LEITL_TMP/mnt2"
	"$LEITLFS" -o "state=$STATE" "$LEITL_TMP/mnt2"
	refused 1 "mounted at $LEITL_TMP/mnt2" "$LEITLFS" -o "state=$STATE" "$MNT"
	assert_errno ENOTCONN stat "$MNT"
	"$LEITLFS" umount "$LEITL_TMP/mnt2"
	"$LEITLFS" umount "$MNT"
	assert_eq "$(mount_count)" 0
}

@test "a stopped daemon is not displaced, and who asks does not hang" {
	up
	kill -STOP "$BG"
	refused 1 "doesn't answer" "$LEITLFS" -o "state=$LEITL_TMP/s2" "$MNT"
	refused 1 "process $BG" "$LEITLFS" -o "state=$STATE" "$MNT"
	kill -CONT "$BG"
	[ -s "$MNT/README.md" ]
	"$LEITLFS" umount "$MNT"
}

# --- ending

@test "fusermount3 -u, umount, fusermount3 -uz, SIGTERM, SIGINT and SIGHUP end it" {
	local how
	for how in "fusermount3 -u" "fusermount3 -uz" "umount" -TERM -INT -HUP; do
		[ "$how" != umount ] || [ "$(id -u)" = 0 ] || continue
		up
		case $how in
		-*) kill "$how" "$BG" ;;
		*) $how "$MNT" ;;
		esac
		ended "$BG" || fail "after $how"
	done
}

@test "in the foreground it ends with status 0" {
	leitl_up
	leitl_down
	leitl_up
	leitl_down -u
}

# Under AddressSanitizer nothing of them may be left.
@test "it ends with files and directories open, of which some were read" {
	local how holder
	# What is suppressed (tests/lsan.supp) is no report.
	local -x LSAN_OPTIONS=${LSAN_OPTIONS:+$LSAN_OPTIONS:}print_suppressions=0
	for how in TERM uz; do
		leitl_up
		: >"$LEITL_TMP/held"
		python3 - "$MNT" >"$LEITL_TMP/held" <<'EOF' 3>&- 4>&- &
import os, signal, sys
mnt = sys.argv[1]
read = [os.scandir(os.path.join(mnt, name)) for name in (".", "sessions", "feeds/by-type")]
for one in read:
    next(one)
opened = [os.open(os.path.join(mnt, name), os.O_RDONLY) for name in ("sessions", "activity")]
print("held", flush=True)
signal.pause()
EOF
		holder=$!
		wait_until test -s "$LEITL_TMP/held"
		[ $how = TERM ] || fusermount3 -uz "$MNT"
		leitl_down || fail "after $how"
		kill "$holder"
		wait "$holder" || true
	done
}

@test "nohup is respected" {
	nohup "$LEITLFS" -o "state=$STATE" "$MNT" >/dev/null 2>&1
	BG=$(held_by "$STATE")
	kill -HUP "$BG"
	sleep 0.3
	refute gone "$BG"
	[ -s "$MNT/README.md" ]
	kill -TERM "$BG"
	ended "$BG"
}

@test "fusermount3 -u with a file open is refused, and nothing ends" {
	up
	exec 8<"$MNT/README.md"
	refute fusermount3 -u "$MNT"
	refute gone "$BG"
	exec 8<&-
	fusermount3 -u "$MNT"
	ended "$BG"
}

@test "leitlfs umount: waiting readers get the end of the file, and all is gone when it returns" {
	up
	local i readers=()
	for i in 1 2 3; do
		cat "$MNT/activity.live" >"$LEITL_TMP/read$i" 2>&1 &
		readers+=($!)
	done
	sleep 0.3
	"$LEITLFS" umount "$MNT"
	gone "$BG"
	assert_eq "$(mount_count)" 0
	for i in "${readers[@]}"; do
		wait "$i" || fail "a reader ended with $?: $(cat "$LEITL_TMP"/read?)"
	done
}

@test "SIGTERM and fusermount3 -uz: waiting readers get the end of the file" {
	local how reader
	for how in "kill -TERM" "fusermount3 -uz"; do
		up
		cat "$MNT/activity.live" >"$LEITL_TMP/read" 2>&1 &
		reader=$!
		sleep 0.3
		[ "$how" = "kill -TERM" ] && kill -TERM "$BG" || $how "$MNT"
		wait_until gone "$reader"
		wait "$reader" || fail "after $how the reader ended with $?: $(cat "$LEITL_TMP/read")"
		ended "$BG"
	done
}

@test "leitlfs umount of what is no mount of ours is refused" {
	refused 1 "no leitlfs is mounted at $MNT" "$LEITLFS" umount "$MNT"
	refused 1 "no leitlfs is mounted at /proc" "$LEITLFS" umount /proc
	refused 1 "No such file" "$LEITLFS" umount "$MNT/x"
	refused 2 "" "$LEITLFS" umount
}

@test "leitlfs umount of a dead and of a stopped daemon's mount detaches it" {
	up
	kill -KILL "$BG"
	wait_until gone "$BG"
	"$LEITLFS" umount "$MNT"
	assert_eq "$(mount_count)" 0
	up
	kill -STOP "$BG"
	"$LEITLFS" umount "$MNT"
	assert_eq "$(mount_count)" 0
	kill -CONT "$BG"
	ended "$BG"
}

@test "who interrupts it before it has mounted finds nothing mounted" {
	up
	mkdir "$LEITL_TMP/mnt2"
	fusermount3 -uz "$MNT" # and the next one waits for it
	timeout -s INT 0.05 "$LEITLFS" -o "state=$STATE" "$LEITL_TMP/mnt2" || true
	wait_until eval '[ "$(watchdog_processes "$LEITL_TMP/mnt2")" = "" ] ||
		[ -s "$LEITL_TMP/mnt2/README.md" ]'
	wait_until eval '[ "$(mount_count "$LEITL_TMP/mnt2")" = 0 ] || "$LEITLFS" umount "$LEITL_TMP/mnt2"'
}

# --- mount(8)

# mount(8) searches the system's own directories alone: there, in a mount namespace of our own, is
# the build. Everything in the script happens in that namespace.
with_mount8() { # SCRIPT
	need_root
	unshare -m --propagation private true 2>/dev/null || skip "no mount namespaces"
	LEITLFS=$LEITLFS MNT=$MNT STATE=$STATE TAB=$LEITL_TMP/fstab \
		unshare -m --propagation private bash -euc "
			mount --bind '${LEITLFS%/*}' /usr/local/bin
			$1"
}

@test "mount -t fuse.leitlfs" {
	with_mount8 '
		mount -t fuse.leitlfs leitlfs "$MNT" -o "state=$STATE,late=90s"
		test -s "$MNT/README.md"
		grep " $MNT .* - fuse.leitlfs leitlfs " /proc/self/mountinfo
		umount "$MNT"
		! mountpoint -q "$MNT"'
}

@test "a line of fstab, with what mount(8) says to itself" {
	with_mount8 '
		echo "loop $MNT fuse.leitlfs state=$STATE,defaults,rw,noauto,nofail,_netdev,users,dev,suid,x-systemd.automount,x-x=1,comment=a 0 0" >"$TAB"
		mount -T "$TAB" "$MNT"
		grep " $MNT [a-z,]*nosuid,nodev.* - fuse.leitlfs loop " /proc/self/mountinfo
		test -s "$MNT/README.md"
		sed -i "s/noauto,//" "$TAB"
		mount -T "$TAB" -a
		test "$(grep -c " $MNT " /proc/self/mountinfo)" = 1
		umount "$MNT"
		mount -T "$TAB" -a
		test -s "$MNT/README.md"
		umount "$MNT"'
}

@test "mount -o ro: nothing can be written" {
	with_mount8 '
		mount -t fuse.leitlfs leitlfs "$MNT" -o "ro,state=$STATE"
		test -s "$MNT/README.md"
		! mkdir "$MNT/x" 2>"$MNT.said"
		grep "Read-only file system" "$MNT.said"
		umount "$MNT"'
}

@test "mount fails as the daemon does" {
	run with_mount8 '
		rmdir "$MNT"
		mount -t fuse.leitlfs leitlfs "$MNT" -o "state=$STATE"'
	[ "$status" -ne 0 ] || fail "mounted nowhere"
	mkdir "$MNT"
	run with_mount8 'mount -t fuse.leitlfs leitlfs "$MNT" -o "state=$STATE,frob"'
	[ "$status" -eq 2 ]
	assert_match "$output" 'unknown option -o frob'
}

# --- an ordinary user

@test "an ordinary user mounts, with the state at home, and unmounts" {
	prepare_user
	own "$LEITLFS" "$MNT"
	local pid
	pid=$(held_by "$OWN/home/.local/state/leitlfs")
	own test -s "$MNT/README.md"
	assert_errno EACCES cat "$MNT/README.md" # not even root, without allow_other
	refused 1 "already, by process $pid" "$LEITLFS" -o "state=$STATE" "$MNT"
	own "$LEITLFS" umount "$MNT"
	ended "$pid"
	own "$LEITLFS" "$MNT"
	pid=$(held_by "$OWN/home/.local/state/leitlfs")
	own fusermount3 -u "$MNT"
	ended "$pid"
	own env XDG_STATE_HOME="$OWN/xdg" "$LEITLFS" "$MNT"
	pid=$(held_by "$OWN/xdg/leitlfs")
	kill -KILL "$pid"
	wait_until gone "$pid"
	own "$LEITLFS" "$MNT" # the stale mount is replaced
	own test -s "$MNT/README.md"
	"$LEITLFS" umount "$MNT" # root ends it properly too
	ended "$(held_by "$OWN/home/.local/state/leitlfs")"
}

@test "another user may not end it" {
	prepare_user
	chmod 0755 "$OWN"
	own "$LEITLFS" "$MNT"
	refused 1 "another user's" as_user 2 "$LEITLFS" umount "$MNT"
	own test -s "$MNT/README.md"
	own "$LEITLFS" umount "$MNT"
}

@test "an ordinary user reads what is missing" {
	prepare_user
	mkdir "$LEITL_TMP/roots"
	refused 1 "belongs to uid 0" own "$LEITLFS" "$LEITL_TMP/roots"
	chmod 1777 "$LEITL_TMP/roots"
	refused 1 "belongs to uid 0" own "$LEITLFS" "$LEITL_TMP/roots"
	refused 1 "Permission denied" own "$LEITLFS" -o "state=$STATE" "$MNT"
	refused 1 "fusermount3 is missing" own env PATH=/nonexistent "$LEITLFS" "$MNT"
	refused 1 "may gain no privileges" setpriv --no-new-privs \
		setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$OWN/home" "$LEITLFS" "$MNT"
	refused 1 "no home directory" as_user 65534 env -u HOME "$LEITLFS" "$MNT" ||
		refused 1 "can't make /nonexistent" as_user 65534 env -u HOME "$LEITLFS" "$MNT"
	if ! grep -q '^user_allow_other' /etc/fuse.conf; then
		refused 1 "user_allow_other is missing in /etc/fuse.conf" own "$LEITLFS" -o allow_other \
			"$MNT"
	fi
}

@test "without /dev/fuse, without rights to it, or without the capability it says what to do" {
	need_root
	unshare -m --propagation private true 2>/dev/null || skip "no mount namespaces"
	as_user 65534 test -x "$LEITLFS" || skip "uid 65534 can't reach $LEITLFS"
	# A /dev of our own, so that nobody else notices.
	mkdir "$LEITL_TMP/dev"
	local dev="mount --bind '$LEITL_TMP/dev' /dev"
	mknod -m 0666 "$LEITL_TMP/dev/null" c 1 3
	refused 1 "this system has no /dev/fuse: modprobe fuse" unshare -m bash -c \
		"$dev; exec '$LEITLFS' -o 'state=$STATE' '$MNT'"
	mknod -m 0600 "$LEITL_TMP/dev/fuse" c 10 229
	refused 1 "chmod 0666 /dev/fuse" unshare -m bash -c \
		"$dev; exec setpriv --reuid=65534 --regid=65534 --clear-groups '$LEITLFS' '$MNT'"
	refused 1 "--device /dev/fuse --cap-add SYS_ADMIN" setpriv --bounding-set=-sys_admin \
		"$LEITLFS" -o "state=$STATE" "$MNT"
	assert_eq "$(mount_count)" 0
}
