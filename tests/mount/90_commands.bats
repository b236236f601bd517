# The commands: leitlfs ask, say, run, status, search, doctor, umount, and their completions.
# variants: plain address
load ../lib/mount
load ../lib/loop

COMMANDS='ask say run status search doctor umount'

setup() {
	leitl_init
	export LEITLFS_MOUNT=$MNT
}

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

# --- every command

@test "each has help that names its options, in 80 columns, and leitlfs -h lists it" {
	local name all option
	all=$("$LEITLFS" -h)
	for name in $COMMANDS; do
		assert_match "$all" $'\n'"    $name  *[a-z]"
		expect 0 "$LEITLFS" "$name" --help
		assert_match "$output" "^usage: leitlfs $name "
		assert_match "$output" 'Exit status:'
		assert_match "$output" '-h, --help'
		assert_eq "$(awk 'length > 80' <<<"$output")" "" "too wide"
		assert_eq "$said" ""
		option=$("$LEITLFS" "$name" -h)
		assert_eq "$option" "$output"
	done
}

@test "docs/commands.md has every command with its options, and every exit status" {
	local name option
	for name in $COMMANDS; do
		row=$(grep -E "^\| \`$name " "$ROOT/docs/commands.md" ||
			grep -E "^\| \`$name\` " "$ROOT/docs/commands.md")
		for option in $("$LEITLFS" "$name" -h | sed -n 's/^    \(-[a-zA-Z]\), --.*/\1/p'); do
			case $option in -h | -m | -j) continue ;; esac
			[[ $row == *"[$option "* || $row == *"[$option]"* ]] || fail "$name: no $option"
		done
	done
	for name in 0 1 2 3 4 5 6 7; do
		grep -q "^| $name | " "$ROOT/docs/commands.md"
	done
}

@test "the examples of docs/commands.md work" {
	leitl_up
	enter bob
	awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$ROOT/docs/commands.md" |
		sed 's/^leitlfs doctor /&"$LEITLFS_MOUNT" /' >"$LEITL_TMP/examples" # not others' mounts
	[ "$(wc -l <"$LEITL_TMP/examples")" -ge 5 ]
	agent_start ann
	expect 0 agent_do ann "set -e; leitlfs() { '$LEITLFS' \"\$@\"; }; mkdir sessions/ann
		export LEITLFS_MOUNT='$MNT'; source '$LEITL_TMP/examples'"
	assert_match "$output" '\* ann '
	assert_eq "$(texts "$MNT/broadcast")" '"tests are green"'
}

@test "what is not understood is status 2, and says how it is used" {
	leitl_up
	expect 2 "$LEITLFS" say --frob x
	assert_match "$said" "unrecognized option '--frob'"
	assert_match "$said" "Try 'leitlfs say --help'"
	expect 2 "$LEITLFS" say
	assert_match "$said" '^usage: leitlfs say '
	expect 2 "$LEITLFS" ask bob
	expect 2 "$LEITLFS" status now
	assert_match "$said" 'one argument too many: now'
	expect 2 "$LEITLFS" say "  "
	assert_match "$said" 'nothing to say'
	expect 2 "$LEITLFS" say --to root --type a.b x
	expect 2 "$LEITLFS" say --type a/b x
	expect 2 "$LEITLFS" say "$(printf 'x\xff')"
	expect 2 "$LEITLFS" search -n 101 x
	expect 2 "$LEITLFS" umount
	expect 125 "$LEITLFS" run
	expect 125 "$LEITLFS" run --frob -- true
	assert_eq "$(cat "$MNT/broadcast")" ""
}

@test "a mount whose source is named like a command is still mounted" {
	local name
	for name in status say; do
		"$LEITLFS" "$name" "$MNT" -o "rw,state=$STATE"
		assert_eq "$(findmnt -n -o SOURCE --mountpoint "$MNT")" "$name"
		"$LEITLFS" umount "$MNT"
	done
}

# --- which mount

@test "it is found by -m, by LEITLFS_MOUNT, and by the working directory; any path in it will do" {
	leitl_up
	other_up other
	unset LEITLFS_MOUNT
	cd /
	expect 0 "$LEITLFS" status -j -m "$MNT"
	assert_json ".mount == \"$MNT\""
	expect 0 "$LEITLFS" status -j --mount="$MNT/feeds/all"
	assert_json ".mount == \"$MNT\""
	cd "$MNT/feeds/by-type"
	expect 0 "$LEITLFS" status -j
	assert_json ".mount == \"$MNT\""
	LEITLFS_MOUNT=$LEITL_TMP/other expect 0 "$LEITLFS" status -j
	assert_json ".mount == \"$LEITL_TMP/other\""
	LEITLFS_MOUNT=$LEITL_TMP/other expect 0 "$LEITLFS" status -j -m "$MNT"
	assert_json ".mount == \"$MNT\""
	cd /
	other_down other
	expect 7 "$LEITLFS" status -m /proc
	assert_match "$said" 'no leitlfs is mounted at /proc'
	expect 7 "$LEITLFS" status -m "$MNT/nothing"
	LEITLFS_MOUNT=/nowhere expect 7 "$LEITLFS" status
	assert_match "$said" 'LEITLFS_MOUNT=/nowhere: No such file'
}

@test "without a word it is the only one; of several one must be said" {
	need_root
	leitl_up
	other_up two
	other_up three
	cd /
	expect 7 alone -- "$LEITLFS" status
	assert_match "$said" 'no leitlfs is mounted here'
	expect 7 alone -- "$LEITLFS" say -j x
	assert_json '.error.errno == "ENOENT" and .status == 7'
	expect 125 alone -- "$LEITLFS" run -- true
	expect 0 alone "$MNT" -- "$LEITLFS" status -j
	assert_json ".mount == \"$MNT\""
	expect 2 alone "$MNT" "$LEITL_TMP/two" -- "$LEITLFS" status
	assert_match "$said" "say which with -m:.* $MNT"
	assert_match "$said" "say which with -m:.* $LEITL_TMP/two"
	expect 0 "$LEITLFS" status -j -m "$LEITL_TMP/three/feeds"
	assert_json ".mount == \"$LEITL_TMP/three\""
	other_down two
	other_down three
}

@test "one's own is meant before others', what serves before what is dead" {
	need_root
	as_user 65534 test -x "$LEITLFS" || skip "uid 65534 can't reach $LEITLFS"
	leitl_up -- -o allow_other
	other_up dead -u 65534
	kill -KILL "$(daemon_of dead)"
	wait_until gone "$(daemon_of dead)"
	cd /
	# Others' alone, then one of one's own that is dead, then one that serves beside it.
	expect 0 alone "$MNT" -- setpriv --reuid=65534 --regid=65534 --clear-groups -- "$LEITLFS" status -j
	assert_json ".mount == \"$MNT\""
	expect 7 alone "$MNT" "$LEITL_TMP/dead" -- setpriv --reuid=65534 --regid=65534 \
		--clear-groups -- "$LEITLFS" status
	assert_match "$said" "is dead: leitlfs umount $LEITL_TMP/dead"
	other_up own -u 65534
	expect 0 alone "$MNT" "$LEITL_TMP/dead" "$LEITL_TMP/own" -- setpriv --reuid=65534 \
		--regid=65534 --clear-groups -- "$LEITLFS" status -j
	assert_json ".mount == \"$LEITL_TMP/own\""
	# root's own, though others serve too
	expect 0 alone "$MNT" "$LEITL_TMP/own" -- "$LEITLFS" status -j
	assert_json ".mount == \"$MNT\""
	other_down own
	other_down dead
}

@test "what is mounted twice counts once" {
	need_root
	leitl_up
	mkdir "$LEITL_TMP/bind"
	expect 0 alone "$MNT" -- bash -c "mount --bind '$MNT' '$LEITL_TMP/bind' && exec '$LEITLFS' status -j"
	assert_json ".mount == \"$MNT\""
}

@test "a mount that doesn't answer is status 7, and soon" {
	leitl_up
	local began
	kill -STOP "$DAEMON"
	began=$EPOCHSECONDS
	expect 7 "$LEITLFS" say hello
	kill -CONT "$DAEMON"
	assert_match "$said" "at $MNT doesn't answer"
	assert_le $((EPOCHSECONDS - began)) 6
}

@test "below as/<id> it acts as that session" {
	leitl_up
	enter ann
	expect 0 "$LEITLFS" say -m "$MNT/as/ann" one
	(cd "$MNT/as/ann/feeds" && unset LEITLFS_MOUNT && "$LEITLFS" say two)
	assert_eq "$(jq -r '.session_id + " " + .data.message' "$MNT/broadcast" | paste -sd,)" \
		"ann one,ann two"
}

# --- say

@test "say: to everyone, as who the caller is" {
	leitl_up
	enter ann
	agent_do ann "'$LEITLFS' say -m . 'all  green' now"
	printf 'first\n\nthird\n' | "$LEITLFS" say -
	"$LEITLFS" say '{"to":"staging"}'
	"$LEITLFS" say tests --type x -j # after the first word it is said
	assert_eq "$(texts)" '"all  green now"
"first\n\nthird"
{"to":"staging"}
"tests --type x -j"'
	assert_eq "$(head -n 1 "$MNT/broadcast" | jq -r .session_id)" ann
	assert_eq "$(cat "$MNT/errors")" ""
}

@test "say --to: a session, an agent by its name, nobody" {
	leitl_up
	enter bob
	agent_start eve
	id=$(agent_do eve 'exec 3<>sessions/new; echo "Eve Two" >&3; read -r id <&3; echo "$id"')
	expect 0 "$LEITLFS" say --to bob 'the port is 8080'
	expect 0 "$LEITLFS" say -j -t "Eve Two" one
	assert_json '.path == "agents/eve-two/inbox" and .bytes == 3'
	expect 0 "$LEITLFS" say -t "$id" two
	assert_eq "$(agent_do bob 'cat self/inbox' | jq -r .data.message)" 'the port is 8080'
	assert_eq "$(jq -r 'select(.event_type == "message.direct").data.message' \
		"$MNT/sessions/$id/inbox" | paste -sd,)" one,two
	expect 4 "$LEITLFS" say --to nobody x
	assert_match "$said" 'there is no session or agent nobody'
	expect 4 "$LEITLFS" say --to ../bob x
	agent_do bob 'rmdir sessions/bob'
	expect 4 "$LEITLFS" say -j --to bob x
	assert_json '.error.errno == "EHOSTDOWN" and .status == 4'
}

@test "say --type: an event, with and without a session" {
	leitl_up
	enter ann
	agent_do ann "'$LEITLFS' say -m . --type task.started fix the login"
	agent_do ann "'$LEITLFS' say -m . --type deploy.done '{\"to\":\"staging\"}'"
	expect 0 "$LEITLFS" say --type build.done 'all "of" it'
	expect 0 "$LEITLFS" say --type build.done '{"n":1}'
	assert_eq "$(jq -r .data.task_description "$MNT/feeds/by-type/task.started")" "fix the login"
	assert_eq "$(jq -c '[.session_id, .data]' "$MNT/feeds/by-type/deploy.done")" \
		'["ann",{"to":"staging"}]'
	assert_eq "$(jq -c .data "$MNT/feeds/by-type/build.done")" $'{"message":"all \\"of\\" it"}\n{"n":1}'
	expect 2 "$LEITLFS" say --type session.started x
}

@test "say: a refusal has the mount's reason" {
	leitl_up -O broadcasts=1,message_max=1000
	enter ann
	agent_do ann "'$LEITLFS' say -m . one"
	expect 1 agent_do ann "'$LEITLFS' say -j -m . two"
	assert_json '.error.errno == "EDQUOT" and .status == 1'
	assert_match "$said" '^leitlfs say: .*broadcasts'
	assert_eq "$(jq -r .error.reason <<<"$output")" "$(last_error | jq -r .reason)"
	expect 1 agent_do ann "head -c 1001 /dev/zero | tr '\0' x | '$LEITLFS' say -m . --to ann -"
	expect 1 agent_do ann "head -c 2000000 /dev/zero | tr '\0' x | '$LEITLFS' say -m . -"
	assert_match "$said" 'stdin: more than'
	expect 2 agent_do ann "'$LEITLFS' say -m . --to ann '{\"a\":'"
	assert_eq "$(line_count "$MNT/broadcast")" 1
}

# --- ask

# An agent BOB that answers: what it is asked decides how.
answering() {
	enter bob
	agent_bg bob 'while message=$(cat self/next); do
		reply=$(jq -r .data.reply_to <<<"$message")
		case $(jq -c .data.data <<<"$message") in
		*port*) echo 8080 ;;
		*lines*) printf "one\ntwo\n" | cat ;;
		*object*) echo "{\"a\": [1, 2]}" ;;
		*error*) echo "no such thing" >"${reply%/reply}/error"; continue ;;
		*die*) rmdir sessions/bob; exit ;;
		*) continue ;;
		esac | cat >"$reply"
	done' >/dev/null
}

@test "ask: the answer, as text and as JSON" {
	leitl_up
	answering
	expect 0 "$LEITLFS" ask bob 'which port?'
	assert_eq "$output" 8080
	expect 0 "$LEITLFS" ask -j bob which port
	assert_json '.answer == "8080"'
	expect 0 "$LEITLFS" ask bob lines
	assert_eq "$output" $'one\ntwo'
	expect 0 "$LEITLFS" ask -j bob lines
	assert_json '.answer == "one\ntwo"'
	expect 0 "$LEITLFS" ask -j bob '{"kind":"object"}'
	assert_json '.answer == {"a":[1,2]}'
	expect 0 "$LEITLFS" ask bob - <<<"which port, then?"
	assert_eq "$output" 8080
	assert_eq "$(agent_do bob 'jq -c "[.data.type, .data.data]" self/inbox' | tail -n 1)" \
		'["question","which port, then?"]'
	expect 0 "$LEITLFS" ask --type add bob object
	assert_eq "$(agent_do bob 'jq -c .data.type self/inbox' | tail -n 1)" '"add"'
}

@test "ask: how it went wrong is the status" {
	leitl_up
	answering
	expect 3 "$LEITLFS" ask -t 200ms bob silence
	expect 3 "$LEITLFS" ask -j --timeout 0.2 bob silence
	assert_json '.error.errno == "ETIMEDOUT" and .status == 3'
	expect 5 "$LEITLFS" ask bob an error
	assert_match "$said" 'no such thing'
	assert_eq "$output" ""
	expect 4 "$LEITLFS" ask nobody which port
	assert_match "$said" 'there is no session or agent nobody'
	expect 2 "$LEITLFS" ask bob '{"a":'
	expect 2 "$LEITLFS" ask -t soon bob which port
	expect 4 "$LEITLFS" ask -j bob die
	assert_json '.error.errno == "EHOSTDOWN"'
	expect 4 "$LEITLFS" ask bob which port
	assert_match "$said" 'bob'
}

@test "ask: several at once, and all of them" {
	leitl_up
	answering
	enter ann
	agent_bg ann 'while message=$(cat self/next); do
		until [ -e "'"$LEITL_TMP/agents/go"'" ]; do sleep 0.02; done
		echo "{\"port\":9090}" >"$(jq -r .data.reply_to <<<"$message")"
	done' >/dev/null
	expect 0 "$LEITLFS" ask -j ann,bob 'which port?'
	assert_json '.answer | length == 1 and .[0].session_id == "bob"'
	touch "$LEITL_TMP/agents/go"
	expect 0 "$LEITLFS" ask -j --all ann,bob 'which port?'
	assert_json '[.answer[] | .session_id] | sort == ["ann", "bob"]'
	expect 0 "$LEITLFS" ask -a ann,bob 'which port?'
	assert_eq "$(wc -l <<<"$output")" 2
}

@test "ask: who waits for each other is told so; an interrupted question is taken back" {
	leitl_up
	enter ann bob
	pid=$(agent_bg ann "exec '$LEITLFS' ask -m . -t 20 bob one")
	wait_until reading "$pid"
	expect 6 agent_do bob "'$LEITLFS' ask -m . -t 20 ann two"
	assert_match "$said" 'wait'
	kill -TERM "$pid"
	wait_until gone "$pid"
	pid=$(agent_bg ann "exec env --default-signal=INT '$LEITLFS' ask -m . -t 20 bob three")
	wait_until reading "$pid"
	expect 0 "$LEITLFS" status -j
	assert_json '.asks | length >= 1'
	id=$(jq -r '.asks[-1].request_id' <<<"$output")
	kill -INT "$pid"
	wait_until eval '[ "$(jq -r .status "$MNT/asks/$id/ask.json")" = cancelled ]'
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
	expect 126 "$LEITLFS" run -- "$LEITL_TMP"
	expect 125 "$LEITLFS" run -m /proc -- true
	# also where the caller ignores SIGCHLD
	expect 7 bash -c 'trap "" CHLD; exec "$0" run -- bash -c "exit 7"' "$LEITLFS"
	assert_eq "$(ls "$MNT/sessions" | grep -c leitl-)" 0
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

# --- status

@test "status: who is there, who one is, what is unread and asked" {
	leitl_up
	enter ann bob
	agent_do bob 'echo "fix the login" >self/current_task'
	agent_do bob 'echo one >self/broadcast; echo two >sessions/ann/inbox'
	agent_do bob 'echo "which port?" >sessions/ann/ask'
	expect 0 agent_do ann "'$LEITLFS' status -m ."
	assert_match "$output" $'\n\* ann  *fresh '
	assert_match "$output" $'\n  bob  *fresh  *[0-9]+s  *fix the login\n'
	assert_match "$output" "1 open question; 3 unread for ann"
	expect 0 agent_do ann "'$LEITLFS' status -j -m ."
	assert_json ".self == \"ann\" and .unread == 3 and .mount == \"$MNT\""
	assert_json '[.sessions.sessions[].session_id] | contains(["ann", "bob"])'
	assert_json '.asks[0].to != null and .asks[0].status == "open"'
	assert_json '.status.total_agents >= 2 and .sessions.seq > 0'
	expect 0 "$LEITLFS" status -j
	assert_json '.self == null and .unread == null'
}

@test "status: more unread than the mount shows at once is counted too" {
	leitl_up -o unread_max=4K
	enter ann bob
	agent_do bob 'for i in {1..60}; do echo "message $i" >sessions/ann/inbox; done'
	assert_match "$(agent_do ann 'tail -n 1 self/unread')" '"more":'
	expect 0 agent_do ann "'$LEITLFS' status -j -m ."
	assert_json '.unread == 60'
}

@test "status: what others wrote does not reach the terminal as it is" {
	leitl_up
	enter bob
	agent_do bob 'printf "red \u001b[31m \u009b31m\n" >self/current_task' || true
	printf '{"agent_name":"eve","session_id":"eve","current_task":"a \\u001b[2J\\u0007 b"}\n' \
		>"$MNT/sessions/new" || true
	expect 0 "$LEITLFS" status
	refute_match "$output" $'\e|\a|\xc2\x9b'
}

# --- search

@test "search: files, best first, by paths that are there" {
	leitl_up
	mkdir -p "$LEITL_TMP/docs/a"
	echo 'a restricted shell for guests' >"$LEITL_TMP/docs/a/guest shell.md"
	echo 'restricted areas' >"$LEITL_TMP/docs/areas.md"
	echo 'nothing' >"$LEITL_TMP/docs/c.md"
	echo "{\"name\":\"docs\",\"url\":\"$LEITL_TMP/docs\"}" >"$MNT/context/sources/new"
	exec 5<>"$MNT/context/sources/docs/sync"
	echo >&5
	cat <&5 >/dev/null
	exec 5>&-
	expect 0 "$LEITLFS" search restricted shell
	assert_eq "$(sed -n 1p <<<"$output")" "  1  $MNT/context/files/docs/a/guest shell.md"
	assert_match "$output" $'\n     .*restricted shell'
	assert_match "$output" $'\n  2  '
	[ -f "$MNT/context/files/docs/a/guest shell.md" ]
	expect 0 "$LEITLFS" search -n 1 restricted shell
	refute_match "$output" $'\n  2  '
	expect 0 "$LEITLFS" search -j 'restricted' source:docs -areas
	assert_json '.total_matches == 1 and .matched_files[0].path == "a/guest shell.md"'
	expect 1 "$LEITLFS" search zebra
	assert_eq "$output$said" "leitlfs: nothing found"
	expect 1 "$LEITLFS" search -j zebra
	assert_json '.total_matches == 0'
	expect 2 "$LEITLFS" search -- -zebra
	expect 2 "$LEITLFS" search -n many x
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
	assert_match "$output" "doesn't answer"
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

# --- completions

@test "complete: commands, options, and names from the mount" {
	leitl_up
	enter bob
	agent_do bob 'echo x >self/say/deploy.done'
	mkdir "$LEITL_TMP/docs"
	echo "{\"name\":\"docs\",\"url\":\"$LEITL_TMP/docs\"}" >"$MNT/context/sources/new"
	complete() { "$LEITLFS" complete "$@" | cut -f 1 | sort -u | paste -sd' '; }
	assert_eq "$(complete s)" ":dirs say search status"
	for name in $COMMANDS; do
		assert_match " $(complete '') " " $name "
		assert_match " $(complete "$name" --) " ' --help '
	done
	assert_eq "$(complete ask bo)" bob
	assert_eq "$(complete ask -t 5 bo)" bob
	assert_eq "$(complete say --to b)" bob
	assert_eq "$(complete say --to bob '')" ""
	assert_eq "$(complete say -T dep)" deploy.done
	assert_eq "$(complete search x source:)" source:docs
	assert_eq "$(complete search so)" source:docs
	assert_eq "$(complete ask bob --)" ""
	assert_eq "$(complete run --na)" --name
	assert_eq "$(complete run -n x --)" "--help --id --mount --name --tag --task --type"
	assert_eq "$(complete run -n x -- ma)" ":program 5"
	assert_eq "$(complete -o ro,late)" ro,late
	assert_match " $(complete umount "$LEITL_TMP") " " $MNT "
	LEITLFS_MOUNT=/nowhere assert_eq "$(LEITLFS_MOUNT=/nowhere complete ask '')" ""
	assert_eq "$(LEITLFS_MOUNT=/nowhere complete ask -m "$MNT" bo)" bob
}

@test "completions for bash" {
	leitl_up
	enter bob
	mkdir "$LEITL_TMP/bin" "$LEITL_TMP/some dir"
	ln -s "$LEITLFS" "$LEITL_TMP/bin/leitlfs"
	cat >"$LEITL_TMP/try.bash" <<-'EOF'
		PATH=$1:$PATH
		source "$2"
		cd "$3" || exit 1
		try() { # WORD…: as readline splits them
			local IFS=' '
			COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMPREPLY=()
			[ -z "${LINE:-}" ] || COMP_LINE=$LINE
			COMP_POINT=${#COMP_LINE}
			_leitlfs
			printf '%s\n' "${COMPREPLY[@]}" | sort -u | paste -sd,
		}
		try leitlfs sea
		try leitlfs ask ''
		try leitlfs say --to b
		try leitlfs some
		try leitlfs run -- coproc
		try leitlfs run -- cat some
		LINE='leitlfs search source:do' try leitlfs search source : do
		complete -p leitlfs
	EOF
	mkdir "$LEITL_TMP/docs"
	echo "{\"name\":\"docs\",\"url\":\"$LEITL_TMP/docs\"}" >"$MNT/context/sources/new"
	run bash --norc "$LEITL_TMP/try.bash" "$LEITL_TMP/bin" \
		"$ROOT/scripts/completions/leitlfs.bash" "$LEITL_TMP"
	assert_eq "${lines[0]}" search
	assert_match ",${lines[1]}," ',bob,'
	assert_eq "${lines[2]}" bob
	assert_eq "${lines[3]}" "some dir"
	assert_eq "${lines[4]}" coproc
	assert_eq "${lines[5]}" "some dir"
	assert_eq "${lines[6]}" docs
	assert_match "${lines[7]}" '-F _leitlfs leitlfs'
}

@test "completions for fish" {
	command -v fish || skip "no fish here"
	leitl_up
	enter bob
	mkdir "$LEITL_TMP/bin" "$LEITL_TMP/fish"
	ln -s "$LEITLFS" "$LEITL_TMP/bin/leitlfs"
	try() {
		HOME=$LEITL_TMP/fish PATH=$LEITL_TMP/bin:$PATH fish --no-config -c \
			"source '$ROOT/scripts/completions/leitlfs.fish'; complete -C '$1'"
	}
	assert_match "$(try 'leitlfs st')" $'status\twho is in the loop'
	assert_match "$(try 'leitlfs ask bo')" $'^bob\t'
	assert_match "$(try 'leitlfs say --to b')" $'^bob\t'
	assert_match "$(try 'leitlfs run -- leitlfs st')" $'^status\t'
}

@test "completions for zsh" {
	command -v zsh || skip "no zsh here"
	leitl_up
	enter bob
	mkdir "$LEITL_TMP/bin" "$LEITL_TMP/zsh"
	ln -s "$LEITLFS" "$LEITL_TMP/bin/leitlfs"
	cp "$ROOT/scripts/completions/_leitlfs" "$LEITL_TMP/zsh/"
	# Types into a zsh, and says what the line became.
	py "$LEITL_TMP" <<'PY'
import pty
tmp = sys.argv[2]
pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(PATH=tmp + "/bin:" + os.environ["PATH"], HOME=tmp + "/zsh", TERM="dumb")
    os.execvp("zsh", ["zsh", "-f", "-i"])
heard = b""

def hear(text):
    global heard
    deadline = time.monotonic() + 20
    while text not in heard:
        assert time.monotonic() < deadline, heard
        if select.select([terminal], [], [], 0.1)[0]:
            heard += os.read(terminal, 4096)
    heard = b""

def type_in(text, then):
    os.write(terminal, text)
    hear(then)

type_in(b"PS1='RE''ADY> '; unsetopt zle_bracketed_paste; fpath=($HOME $fpath); "
        b"autoload -Uz compinit; compinit -u -d $HOME/dump\n", b"READY> ")
show = b"\x15"  # clear the line
for line, became in ((b"leitlfs statu\t", b"leitlfs status"),
                     (b"leitlfs ask bo\t", b"ask bob"),
                     (b"leitlfs say --to b\t", b"--to bob"),
                     (b"leitlfs run -- leitlfs statu\t", b"-- leitlfs status")):
    type_in(line, became)
    type_in(show + b": ne''xt\n", b"READY> ")
os.write(terminal, b"\x15exit\n")
os.waitpid(pid, 0)
PY
}

@test "make install puts the completions where the shells look, uninstall takes them away" {
	local to=$LEITL_TMP/to
	make -s -C "$ROOT" -o all "BUILD=${LEITLFS%/*}" "OUT=${LEITLFS%/*}" "DESTDIR=$to" PREFIX=/usr install
	[ -f "$to/usr/share/bash-completion/completions/leitlfs" ]
	[ -f "$to/usr/share/zsh/site-functions/_leitlfs" ]
	[ -f "$to/usr/share/fish/vendor_completions.d/leitlfs.fish" ]
	make -s -C "$ROOT" "BUILD=${LEITLFS%/*}" "OUT=${LEITLFS%/*}" "DESTDIR=$to" PREFIX=/usr uninstall
	assert_eq "$(find "$to" -type f)" ""
}
