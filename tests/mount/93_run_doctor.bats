# leitlfs run: a program as a session; and leitlfs doctor.
# variants: plain address
load ../lib/mount
load ../lib/loop
load ../lib/commands

setup() {
	leitl_init
	export LEITLFS_MOUNT=$MNT
}

# --- run

@test "run: the program is a session, which begins and ends with it" {
	leitl_up
	cd /
	expect 0 "$LEITLFS" run -- bash -c '
		cd "$LEITLFS_MOUNT" || exit 1
		echo "$LEITLFS_SESSION $(cat self/id) $(bash -c "bash -c \"cat self/id\"; true")"
		cat self/agent_name
		echo hello >broadcast'
	id=${output%% *}
	assert_match "$id" '^leitl-bash-[0-9a-f]{16}$'
	assert_eq "$output" "$id $id $id"$'\n'bash
	assert_eq "$(jq -r .session_id "$MNT/broadcast")" "$id"
	assert_eq "$(jq -c '[.event_type, .data.reason]' "$MNT/feeds/by-session/$id" | paste -sd' ')" \
		'["session.started",null] ["broadcast.message",null] ["session.ended","ended"]'
	[ ! -e "$MNT/sessions/$id" ]
	refute_match "$(cat "$MNT/activity")" LEITLFS_MOUNT # the command line is told to nobody
}

@test "run: name, id, task, tags and type are as said" {
	leitl_up
	expect 0 "$LEITLFS" run -n 'Carol "C"' --id carol -t 'nightly build' -g ci -g 'a b' --type builder \
		-- jq -c '[.agent_name, .session_id, .current_task, .tags, .agent_type]' \
		"$MNT/sessions/carol/session.json"
	assert_eq "$output" '["Carol \"C\"","carol","nightly build",["ci","a b"],"builder"]'
	expect 125 "$LEITLFS" run --id 'no id' -- true
	assert_match "$said" '^leitlfs run: session_id'
	expect 125 "$LEITLFS" run --name "$(printf 'x%.0s' {1..65})" -- true
	# In an agent that has a session the program's is another.
	enter ann
	expect 0 agent_do ann "'$LEITLFS' run -m . --id dora -- cat self/id; cat self/id"
	assert_eq "$output" $'dora\nann'
	expect 0 "$LEITLFS" run -m "$MNT/as/ann" --id eve -- cat "$MNT/self/id"
	assert_eq "$output" eve
}

@test "run: the exit status is the program's" {
	leitl_up
	local n
	for n in 0 1 42 255; do
		expect "$n" "$LEITLFS" run -- bash -c "exit $n"
	done
	for n in TERM KILL INT SEGV; do
		expect $((128 + $(kill -l "$n"))) "$LEITLFS" run -- bash -c "ulimit -c 0; kill -$n \$\$"
	done
	expect 127 "$LEITLFS" run -- /nowhere/nothing
	assert_match "$said" 'No such file'
	expect 127 "$LEITLFS" run -- no-such-program-here
	assert_eq "$said" 'leitlfs run: no-such-program-here: there is no such program in PATH'
	expect 126 "$LEITLFS" run -- "$LEITL_TMP"
	expect 125 "$LEITLFS" run -m /proc -- true
	# also where the caller ignores SIGCHLD
	expect 7 bash -c 'trap "" CHLD; exec "$0" run -- bash -c "exit 7"' "$LEITLFS"
	assert_eq "$(ls "$MNT/sessions" | grep -c leitl-)" 0
}

@test "run: what can't be run is no session, and no event" {
	leitl_up
	cd "$LEITL_TMP"
	echo 'exit 3' >plain
	printf '#!/nowhere/interpreter\n' >astray
	chmod +x astray
	last=$(last_seq)
	for name in no-such-program-here /nowhere/nothing ./nothing '' ./astray; do
		expect 127 "$LEITLFS" run --id sooner -- "$name"
	done
	assert_match "$said" 'its first line names /nowhere/interpreter'
	for name in ./plain "$LEITL_TMP" plain/x; do
		expect 126 "$LEITLFS" run --id sooner -- "$name"
	done
	PATH=$LEITL_TMP expect 126 "$(command -v "$LEITLFS")" run --id sooner -- plain
	assert_eq "$(last_seq)" "$last"
	assert_eq "$(ls "$MNT/agents" | grep -c -e sooner -e plain)" 0
	chmod +x plain # a script of no known format is sh's
	expect 3 "$LEITLFS" run --id sooner -- ./plain
	PATH=$LEITL_TMP:$PATH expect 3 "$LEITLFS" run -- plain
}

@test "run: an id that is kept for another name says for how long, and what to do" {
	leitl_up
	"$LEITLFS" run -i bob -n bash -- true
	expect 125 "$LEITLFS" run -i bob -n bob -- true
	assert_match "$said" 'bob was agent bash, and is kept for it for about 23h59m more: choose another id, or bash as'
	"$LEITLFS" run -i bob -n bash -- true
}

@test "run: the program has stdin, stdout, stderr, and nothing of leitlfs'" {
	leitl_up
	output=$(echo through | "$LEITLFS" run -- bash -c 'cat; echo err >&2' 2>&1)
	assert_eq "$output" $'through\nerr'
	before=$(bash -c 'ls /proc/$$/fd; grep Sig[BIC] /proc/$$/status')
	after=$("$LEITLFS" run -- bash -c 'ls /proc/$$/fd; grep Sig[BIC] /proc/$$/status')
	assert_eq "$after" "$before"
}

# Starts `leitlfs run` with a program that notes what signals it gets, and ends with 5 once `stop` is
# there; all in $SIG. Sets WRAPPER and PROGRAM. (A shell's `&` would have it ignore INT and QUIT.)
signalled() {
	SIG=$LEITL_TMP/sig
	mkdir "$SIG"
	env --default-signal=INT,QUIT "$LEITLFS" run --id sig -- bash -c '
		for name in INT TERM HUP QUIT USR1 USR2 ALRM; do
			trap "echo $name >>$0/got" $name
		done
		echo $$ >"$0/pid.new"
		mv "$0/pid.new" "$0/program"
		until [ -e "$0/stop" ]; do
			sleep 0.05 &
			wait $!
		done
		exit 5' "$LEITL_TMP/sig" </dev/null 3>&- 4>&- &
	WRAPPER=$!
	wait_until test -e "$SIG/program"
	PROGRAM=$(<"$SIG/program")
}

@test "run: signals are passed on, each once" {
	leitl_up
	local name
	signalled
	for name in TERM HUP USR1 USR2 ALRM INT QUIT; do
		kill "-$name" "$WRAPPER"
		wait_until eval '[ "$(tail -n 1 "$SIG/got")" = '"$name"' ]'
	done
	touch "$SIG/stop"
	status=0
	wait "$WRAPPER" || status=$?
	assert_eq "$status" 5
	assert_eq "$(sort "$SIG/got" | uniq -d)" "" "came twice"
	[ ! -e "$MNT/sessions/sig" ]
}

@test "run: it stops and goes on with the program" {
	leitl_up
	signalled
	kill -STOP "$PROGRAM" # by itself, as for reading the terminal in the background
	wait_until in_state "$PROGRAM" T
	wait_until in_state "$WRAPPER" T
	[ -e "$MNT/sessions/sig" ]
	kill -CONT "$WRAPPER"
	wait_until eval '[ "$(state_of "$PROGRAM")" != T ] && [ "$(state_of "$WRAPPER")" != T ]'
	touch "$SIG/stop"
	status=0
	wait "$WRAPPER" || status=$?
	assert_eq "$status" 5
}

@test "run: at a terminal, Ctrl-C reaches the program once" {
	leitl_up
	py "$LEITLFS" <<'PY'
import pty
leitlfs = sys.argv[2]
program = r"""
import os, signal, sys, time
for name in ("INT", "CONT", "USR1"):
    signal.signal(getattr(signal, "SIG" + name), lambda n, f, name=name: print("got", name, flush=True))
print("ready", os.getpid(), flush=True)
while True:
    time.sleep(10)
"""
pid, terminal = pty.fork()
if pid == 0:
    os.execv(leitlfs, [leitlfs, "run", "-m", mnt, "--", sys.executable, "-c", program])
heard = b""

def hear(pattern, count=1):
    global heard
    deadline = time.monotonic() + 20
    while len(re.findall(pattern, heard)) < count:
        assert time.monotonic() < deadline, heard
        if select.select([terminal], [], [], 0.1)[0]:
            heard += os.read(terminal, 4096)

def stopped(process):
    return open(f"/proc/{process}/stat").read().rpartition(")")[2].split()[0] == "T"

hear(rb"ready \d+\r\n")
child = int(re.search(rb"ready (\d+)", heard)[1])
for count in 1, 2:
    os.write(terminal, b"\x03")
    hear(b"got INT", count)
    # What leitlfs has to pass on, it passes on in the order of the signals' numbers.
    os.kill(pid, signal.SIGUSR1)
    hear(b"got USR1", count)
    same(heard.count(b"got INT"), count)
os.kill(child, signal.SIGSTOP)
until(lambda: stopped(child) and stopped(pid), "both to stop")
os.killpg(pid, signal.SIGCONT)
hear(b"got CONT")
until(lambda: not stopped(child) and not stopped(pid), "both to go on")
os.kill(child, signal.SIGKILL)
same(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 137)
PY
}

@test "run: Ctrl-Z in a shell stops the job, fg goes on with it" {
	leitl_up
	py "$LEITLFS" <<'PY'
import pty
leitlfs = sys.argv[2]
pid, terminal = pty.fork()
if pid == 0:
    os.environ["PS1"] = "PROMPT> "
    os.execv("/bin/bash", ["bash", "--norc", "--noprofile", "-i"])
heard = b""

def hear(pattern, count=1):
    global heard
    deadline = time.monotonic() + 20
    while len(re.findall(pattern, heard)) < count:
        assert time.monotonic() < deadline, heard
        if select.select([terminal], [], [], 0.1)[0]:
            heard += os.read(terminal, 4096)

def type_in(text):
    os.write(terminal, text)

hear(b"PROMPT> ")
program = """python3 -uc 'import os, sys; print("rea" + "dy", os.getppid()); print("line", input()); sys.exit(9)'"""
type_in(f"{leitlfs} run -m {mnt} --id job -- {program}\n".encode())
hear(rb"ready \d+\r\n")
wrapper = int(re.search(rb"ready (\d+)", heard)[1])
type_in(b"\x1a")
hear(b"Stopped")
type_in(b"fg; echo agai''n\n")
hear(b"fg; echo")
until(lambda: open(f"/proc/{wrapper}/stat").read().rpartition(")")[2].split()[0] != "T")
os.kill(wrapper, signal.SIGTSTP) # to it alone: passed on
hear(b"again")
type_in(b"jobs; fg\n")
hear(b"Stopped", 3)
type_in(b"hello\n")
hear(b"line hello")
type_in(b"echo status=$?.\n")
hear(b"status=9.")
type_in(b"exit\n")
os.waitpid(pid, 0)
assert not os.path.exists(path("sessions/job"))
PY
}

@test "run: killed by kill -9 its session ends, and the program goes on" {
	leitl_up
	signalled
	kill -KILL "$WRAPPER"
	wait_until eval '[ ! -e "$MNT/sessions/sig" ]'
	assert_eq "$(jq -r 'select(.event_type == "session.ended").data.reason' \
		"$MNT/feeds/by-session/sig")" "alive closed"
	kill -0 "$PROGRAM"
	touch "$SIG/stop"
	wait_until gone "$PROGRAM"
	wait "$WRAPPER" 2>/dev/null || true
}

@test "run: when the program is killed by kill -9 the status tells, and the session ends" {
	leitl_up
	signalled
	kill -KILL "$PROGRAM"
	status=0
	wait "$WRAPPER" || status=$?
	assert_eq "$status" 137
	[ ! -e "$MNT/sessions/sig" ]
	assert_eq "$(jq -r 'select(.event_type == "session.ended").data.reason' \
		"$MNT/feeds/by-session/sig")" ended
}

@test "run: the program's status stands though the mount went, or the session was ended before" {
	leitl_up
	expect 5 "$LEITLFS" run --id gone -- bash -c 'rmdir "$LEITLFS_MOUNT/sessions/gone"; exit 5'
	signalled
	leitl_kill9
	touch "$SIG/stop"
	status=0
	wait "$WRAPPER" || status=$?
	assert_eq "$status" 5
	leitl_up
}

# --- doctor

verdict_of() { # CHECK: of $output, with what it said
	jq -r --arg check "$1" '.checks[] | select(.check == $check) | .verdict' <<<"$output" | sort -u
}

@test "doctor: nothing is wrong with a mount that serves" {
	leitl_up
	expect 0 "$LEITLFS" doctor "$MNT"
	assert_match "$output" "ok    $MNT: is served by process $DAEMON"
	assert_match "$output" "ok    $MNT: $STATE: [0-9]+ MiB left"
	assert_match "$output" ', 0 wrong$'
	expect 0 "$LEITLFS" doctor -j "$MNT"
	assert_json '.ok == true and (.checks | length) >= 10'
	for name in fuse kernel versions clock inotify "open files"; do
		assert_match "$(verdict_of "$name")" '^(ok|warn)$'
	done
}

@test "doctor: a dead mount, and its mend" {
	leitl_up
	leitl_kill9
	expect 1 "$LEITLFS" doctor -j "$MNT"
	assert_json '.ok == false'
	assert_eq "$(verdict_of "$MNT")" fail
	mend=$(jq -r --arg check "$MNT" '.checks[] | select(.check == $check) | .mend' <<<"$output")
	assert_match "$mend" "^leitlfs umount '$MNT', and mount again"
	"$LEITLFS" umount "$MNT"
	expect 1 "$LEITLFS" doctor "$MNT"
	assert_match "$output" "fail  $MNT: no leitlfs is mounted there"
	leitl_up
	expect 0 "$LEITLFS" doctor "$MNT"
}

@test "doctor: a mount whose daemon is stopped can't hang it" {
	leitl_up
	kill -STOP "$DAEMON"
	began=$EPOCHSECONDS
	status=0
	output=$("$LEITLFS" doctor -j "$MNT") || status=$?
	kill -CONT "$DAEMON"
	assert_eq "$status" 1
	assert_le $((EPOCHSECONDS - began)) 10
	assert_eq "$(verdict_of "$MNT")" fail
	assert_match "$output" "doesn't answer: its daemon, process $DAEMON, is stopped"
	mend=$(jq -r --arg check "$MNT" '.checks[] | select(.check == $check) | .mend' <<<"$output")
	assert_eq "$mend" "kill -CONT $DAEMON"
	expect 0 "$LEITLFS" doctor "$MNT"
}

@test "doctor: a source that can't be synced is named, with its error and what to do" {
	leitl_up
	mkdir "$LEITL_TMP/docs"
	echo "{\"name\":\"docs\",\"url\":\"$LEITL_TMP/docs\"}" >"$MNT/context/sources/new"
	echo "{\"name\":\"bad\",\"url\":\"$LEITL_TMP/away\"}" >"$MNT/context/sources/new" ||
		fail "$(last_error)"
	failing() { jq -e '.checks[] | select(.name == "syncs").failing | length > 0' "$MNT/health.json"; }
	wait_until failing
	expect 0 "$LEITLFS" doctor -j "$MNT"
	found=$(jq -c '.checks[] | select(.what | startswith("syncs"))' <<<"$output")
	assert_eq "$(wc -l <<<"$found")" 1
	assert_eq "$(jq -r .verdict <<<"$found")" warn
	assert_match "$(jq -r .what <<<"$found")" "^syncs: source bad can't be synced: .+"
	assert_match "$(jq -r .mend <<<"$found")" "^jq . '$MNT/context/sources/bad/status.json' tells more"
	# The mend's own words work.
	mkdir "$LEITL_TMP/away"
	echo >"$MNT/context/sources/bad/sync"
	wait_until refute failing
	expect 0 "$LEITLFS" doctor "$MNT"
	refute_match "$output" 'syncs'
}

@test "doctor: every mount is looked at where none is named, and none is a warning" {
	need_root
	leitl_up
	other_up two
	expect 0 alone "$MNT" "$LEITL_TMP/two" -- "$LEITLFS" doctor -j
	assert_match "$(verdict_of "$MNT")" '^(ok|warn)'
	assert_match "$(verdict_of "$LEITL_TMP/two")" '^(ok|warn)'
	# root sees that another's serves, though it may not look in
	if as_user 65534 test -x "$LEITLFS"; then
		other_up own -u 65534
		expect 0 "$LEITLFS" doctor "$LEITL_TMP/own"
		assert_match "$output" "$LEITL_TMP/own: serves uid 65534, who lets nobody in"
		other_down own
	fi
	expect 0 alone -- "$LEITLFS" doctor -j
	assert_eq "$(verdict_of mounts)" warn
	if readlink /proc/1/ns/mnt; then # not everywhere may root look
		assert_eq "$(verdict_of "mount namespace")" warn
	fi
	other_down two
}

@test "doctor: what an ordinary user lacks is said with its mend, and nothing is made" {
	need_root
	as_user 65534 test -x "$LEITLFS" || skip "uid 65534 can't reach $LEITLFS"
	mkdir "$LEITL_TMP/home" "$LEITL_TMP/bin"
	as_65534() { expect "$1" as_user 65534 env -u XDG_STATE_HOME "HOME=$LEITL_TMP/home" "${@:2}"; }
	leitl_up -- -o allow_other
	as_65534 1 "$LEITLFS" doctor -j "$MNT"
	assert_eq "$(verdict_of "state directory")" fail
	chown 65534 "$LEITL_TMP/home"
	as_65534 0 "$LEITLFS" doctor -j "$MNT"
	assert_eq "$(verdict_of "state directory")" ok
	assert_eq "$(ls -A "$LEITL_TMP/home")" ""
	as_65534 1 "PATH=$LEITL_TMP/bin" "$LEITLFS" doctor -j "$MNT"
	assert_eq "$(verdict_of fusermount3)" fail
	assert_eq "$(verdict_of fuse)" fail
	cp "$(command -v fusermount3)" "$LEITL_TMP/bin/"
	as_65534 1 "PATH=$LEITL_TMP/bin" "$LEITLFS" doctor "$MNT"
	assert_match "$output" 'fail  fusermount3: .* is not set-uid root'
	as_65534 0 prlimit --nofile=100:100 "$LEITLFS" doctor -j "$MNT"
	assert_eq "$(verdict_of "open files")" warn
}

@test "doctor: a state directory without room" {
	need_root
	mkdir "$LEITL_TMP/home"
	expect 1 unshare -m --propagation private bash -c '
		mount -t tmpfs -o size=4m none "$1" && chown 65534 "$1" && cd / &&
		exec setpriv --reuid=65534 --regid=65534 --clear-groups -- \
			env -u XDG_STATE_HOME HOME="$1" "$2" doctor' - "$LEITL_TMP/home" "$LEITLFS"
	assert_match "$output" 'fail  state directory: .* the disk is full'
	assert_match "$output" $'\n      mend: free some room'
}
