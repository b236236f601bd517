# The commands: what they have in common, and ask, say, status, search.
# variants: plain address
load ../lib/mount
load ../lib/loop
load ../lib/commands

setup() {
	leitl_init
	export LEITLFS_MOUNT=$MNT
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
	assert_match "$said" 'see leitlfs say --help'
	expect 2 "$LEITLFS" say
	assert_match "$said" '^leitlfs say: too few arguments; usage: leitlfs say '
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
	expect 2 "$LEITLFS" status --frob
	refute_match "$said" 'stands behind --'
	assert_eq "$(cat "$MNT/broadcast")" ""
}

@test "options stand before, between and behind words, up to --; those of run before its program" {
	leitl_up
	enter ann bob
	agent_do ann "'$LEITLFS' say one -m . two"
	agent_do ann "POSIXLY_CORRECT=1 '$LEITLFS' say three -m ."
	agent_do ann "'$LEITLFS' say -m . -- four -m -- ."
	assert_eq "$(texts | paste -sd,)" '"one two","three","four -m -- ."'
	expect 0 "$LEITLFS" say to bob --to bob alone -j
	assert_json '.path == "sessions/bob/inbox" and .bytes == 12'
	expect 3 agent_do ann "'$LEITLFS' ask bob -t 100ms 'which port' -m . --type=add -j"
	assert_json '.error.errno == "ETIMEDOUT"'
	assert_eq "$(jq -c '[.type, .data]' "$MNT/asks/q1/ask.json")" '["add","which port"]'
	expect 1 "$LEITLFS" search zebra -n 3 -j
	assert_json '.total_matches == 0'
	expect 0 "$LEITLFS" doctor "$MNT" -j
	assert_json .ok
	# What begins with - and is no option is never said.
	for words in 'say all -green' 'ask bob -12' 'search login -raft' 'answer q1 --no'; do
		# shellcheck disable=SC2086
		expect 2 "$LEITLFS" $words
		assert_match "$said" "stands behind --"
	done
	assert_eq "$(line_count "$MNT/broadcast")" 3
	expect 0 "$LEITLFS" run --name x -- echo a -m b -- -j
	assert_eq "$output" 'a -m b -- -j'
	expect 0 "$LEITLFS" run echo --id -h
	assert_eq "$output" '--id -h'
}

@test "options before a command are told to stand behind it" {
	cd "$LEITL_TMP"
	expect 2 "$LEITLFS" -m "$MNT" status
	assert_eq "$said" "leitlfs: a command's options stand behind it: leitlfs status -m $MNT"
	expect 2 "$LEITLFS" --mount="$MNT" -j say hello all
	assert_match "$said" "behind it: leitlfs say --mount=$MNT -j hello all\$"
	expect 2 "$LEITLFS" -j nothing
	assert_match "$said" 'unknown option -j'
	# A mount's own options are before its mount point, whatever that is called.
	expect 1 "$LEITLFS" -f status
	assert_match "$said" 'mount point status does not exist'
}

@test "help: the list, and each command's own; a typo is told what was meant" {
	local name list
	list=$("$LEITLFS" -h)
	expect 0 "$LEITLFS" help
	assert_eq "$output" "$list"
	for name in $COMMANDS; do
		list=$("$LEITLFS" "$name" -h)
		expect 0 "$LEITLFS" help "$name"
		assert_eq "$output" "$list"
	done
	cd "$LEITL_TMP"
	meant() { # WHAT COMMAND…
		expect 2 "$LEITLFS" "${@:2}"
		assert_eq "$output" ""
		assert_match "$said" "$1"
		assert_eq "$(wc -l <<<"$said")" 1
	}
	meant '^leitlfs help: there is no command frob; leitlfs help lists them$' help frob
	meant 'there is no command complete;' help complete
	meant '^leitlfs: there is no command frob, and no directory .*; leitlfs help lists' frob
	meant '^leitlfs: there is no command completion; leitlfs help lists them$' completion frob
	meant 'did you mean leitlfs say\?$' sya --to bob 'hello there' all
	meant 'did you mean leitlfs umount\?$' unmount "$MNT"
	meant 'did you mean leitlfs status\?$' stat
	meant 'did you mean leitlfs doctor\?$' help docter
	meant 'no command mount; leitlfs MOUNTPOINT mounts$' mount "$MNT"
	# A directory is a mount point, whatever it is called; with options it is one, too.
	mkdir stat
	"$LEITLFS" stat -o "state=$STATE"
	"$LEITLFS" umount stat
	expect 1 "$LEITLFS" -o "state=$STATE" frob
	assert_match "$said" 'mount point frob does not exist: mkdir it first'
}

@test "what a command says on stderr begins with its name" {
	leitl_up
	named() { # STATUS COMMAND ARGUMENT…
		expect "$1" "$LEITLFS" "${@:2}"
		[ -n "$said" ] || fail "nothing said: $*"
		assert_eq "$(grep -v "^leitlfs $2: " <<<"$said")" ""
	}
	for name in $COMMANDS; do
		[ "$name" = run ] || named 2 "$name" --frob
		case $name in ask | answer | say | search | umount) named 2 "$name" ;; esac
	done
	named 125 run
	named 125 run --frob
	named 127 run -- no-such-program-here
	named 1 search zebra
	named 1 umount /nowhere
	named 2 umount a b
	named 4 ask nobody x
	named 4 say --to nobody x
	named 7 status -m /proc
	named 1 top "$MNT"
	named 2 man 4
	named 2 complete
}

@test "man: the page at a terminal, plain text elsewhere, and its source" {
	command -v mandoc && command -v script || skip "no mandoc or script here"
	for word in 1 5 7; do
		expect 0 "$LEITLFS" man "$word"
		assert_eq "$said" ""
		[ "$(wc -l <<<"$output")" -gt 200 ] || fail "page $word is short"
		refute_match "$output" $'\b|\e|(^|\n)\\.(Sh|Dt|It) '
		assert_match "$output" $'\nNAME\n'
		expect 0 "$LEITLFS" man "$word" --roff
		assert_match "$output" $'\n\\.Dt LEITL(FS)? '"$word"$'\n'
		assert_eq "$said" ""
	done
	mkdir "$LEITL_TMP/bin"
	printf '#!/bin/sh\necho "man $*"\nexec grep "^.Dt"\n' >"$LEITL_TMP/bin/man"
	chmod +x "$LEITL_TMP/bin/man"
	at_terminal() { # PATH COMMAND
		status=0
		output=$(cd "$LEITL_TMP" && PATH=$1 PAGER=cat "$(command -v script)" -qec \
			"$LEITLFS $2" /dev/null </dev/null | tr -d '\r') || status=$?
	}
	at_terminal "$LEITL_TMP/bin:$PATH" man
	assert_eq "$output" "man -l -"$'\n'".Dt LEITLFS 1"
	# Without man(1), mandoc(1); with neither, a reason.
	rm "$LEITL_TMP/bin/man"
	ln -s "$(command -v mandoc)" "$(command -v cat)" "$LEITL_TMP/bin"
	at_terminal "$LEITL_TMP/bin" 'man 7'
	assert_match "$output" 'LEITL\(7\)'
	rm "$LEITL_TMP/bin/mandoc"
	at_terminal "$LEITL_TMP/bin" 'man 7'
	assert_match "$output" '^leitlfs man: neither man\(1\) nor mandoc\(1\)'
	at_terminal "$LEITL_TMP/bin" 'man --roff 7'
	assert_match "$output" $'\n\\.Dt LEITL 7\n'
}

@test "man: text is made by what is here, without overstrikes; with nothing it is the source" {
	mkdir "$LEITL_TMP/bin"
	with() { PATH=$LEITL_TMP/bin expect 0 "$LEITLFS" man 7; }
	with
	assert_match "$output" $'\n\\.Dt LEITL 7\n'
	assert_match "$said" '^leitlfs man: neither mandoc\(1\), groff\(1\) nor man\(1\) is here'
	assert_eq "$(wc -l <<<"$said")" 1
	program() { # NAME: of the shell's own words
		printf '#!%s\n%s\n' "$BASH" "$2" >"$LEITL_TMP/bin/$1"
		chmod +x "$LEITL_TMP/bin/$1"
	}
	program man 'printf "man %s\n" "$*"'
	with
	assert_eq "$output$said" 'man -l -'
	program groff 'read -r line; printf "N\bNA\bA \e[1mb\e[0m _\b\303\274 %s\n" "${line:0:9}"'
	with
	assert_eq "$output$said" $'NA b \303\274 .\\" Made '
	# One that fails is no answer.
	program mandoc 'echo half; exit 3'
	with
	assert_match "$output" '^NA b '
	rm "$LEITL_TMP/bin/groff" "$LEITL_TMP/bin/man"
	PATH=$LEITL_TMP/bin expect 1 "$LEITLFS" man 7
	assert_match "$said" '^leitlfs man: the page can.t be formatted'
	assert_eq "$output" ""
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

@test "a working directory of a mount that ended is told, and what is mounted anew there is meant" {
	leitl_up
	other_up other
	unset LEITLFS_MOUNT
	mkdir "$MNT/sessions/bob"
	ln -s "$MNT" "$LEITL_TMP/link"
	here() { # DIRECTORY STATUS ARGUMENT…: as a shell that stood there all the time
		cd "$1"
		leitl_kill9
		expect 7 "$LEITLFS" status
		assert_match "$said" "daemon of the mount at $MNT is dead: .*; then cd into it again"
		leitl_up
		PWD=$1 expect "$2" "$LEITLFS" "${@:3}"
		assert_match "$said" '^leitlfs [a-z]*: this directory is of a mount that has ended; cd into it again'
	}
	here "$MNT" 0 status -j
	assert_json ".mount == \"$MNT\""
	here "$MNT/as/bob/sessions" 0 say -j hello
	assert_eq "$(jq -r .session_id "$MNT/broadcast")" bob
	here "$LEITL_TMP/link/feeds" 0 status -j -m .
	assert_json ".mount == \"$MNT\""
	# Not where it can't be known, nor another.
	PWD=$LEITL_TMP/other expect 7 "$LEITLFS" say hello
	expect 7 env -u PWD "$LEITLFS" say -j hello
	assert_json '.error.errno == "ENOTCONN"'
	assert_eq "$said" "leitlfs say: this directory is of a mount that has ended; cd into it again"
	expect 7 "$LEITLFS" say -m feeds hello
	expect 0 "$LEITLFS" doctor "$MNT"
	refute_match "$output" 'working directory'
	leitl_down
	PWD=$LEITL_TMP/link/feeds expect 7 "$LEITLFS" status
	status=0
	output=$("$LEITLFS" doctor -j) || status=$?
	assert_json '[.checks[] | select(.check == "working directory") | .verdict] == ["warn"]'
	cd /
	assert_eq "$(line_count "$LEITL_TMP/other/broadcast")" 0
	other_down other
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

# --- as whom

@test "of several sessions one is chosen: by --as, or below as/" {
	leitl_up
	enter bob
	agent_start two
	agent_do two 'mkdir sessions/one sessions/two'
	expect 2 agent_do two "'$LEITLFS' say -m . hello"
	assert_match "$said" '^leitlfs say: choose with --as ID: .*several sessions.*\((one, two|two, one)\)$'
	expect 2 agent_do two "'$LEITLFS' say -j -m . --to bob hello"
	assert_json '.error.errno == "ENOTUNIQ" and .status == 2'
	expect 2 agent_do two "'$LEITLFS' say -m . --type a.b hello"
	expect 2 agent_do two "'$LEITLFS' ask -m . bob hello"
	assert_match "$said" 'choose with --as ID'
	assert_eq "$(cat "$MNT/broadcast")" ""
	assert_eq "$(ls "$MNT/asks" | grep -c '^q')" 0
	expect 0 agent_do two "'$LEITLFS' status -m ."
	assert_match "$output" 'choose with --as ID: .*\((one, two|two, one)\)'
	refute_match "$output" $'\n\\* '
	expect 0 agent_do two "'$LEITLFS' status -j -m ."
	assert_json '.self == null and .self_error.errno == "ENOTUNIQ"'

	expect 0 agent_do two "'$LEITLFS' status -m . --as two"
	assert_match "$output" $'\n\\* two '
	assert_match "$output" 'you are two, 0 unread'
	agent_do two "'$LEITLFS' say -m . --as one first; '$LEITLFS' say -m . -i two second"
	agent_do two "cd as/one; '$LEITLFS' say -m . third; '$LEITLFS' say -m . --as two fourth"
	assert_eq "$(jq -r '.session_id + " " + .data.message' "$MNT/broadcast" | paste -sd,)" \
		"one first,two second,one third,two fourth"
	expect 3 agent_do two "'$LEITLFS' ask -m . --as one -t 100ms bob hello"
	assert_eq "$(jq -r .from "$MNT"/asks/*/ask.json)" one
	expect 4 agent_do two "'$LEITLFS' say -m . --as nobody x"
	assert_match "$said" 'as: there is no session nobody'
	expect 2 agent_do two "'$LEITLFS' say -m . --as ../two x"
}

# --- say

@test "say: to everyone, as who the caller is" {
	leitl_up
	enter ann
	agent_do ann "'$LEITLFS' say -m . 'all  green' now"
	printf 'first\n\nthird\n' | "$LEITLFS" say -
	"$LEITLFS" say '{"to":"staging"}'
	"$LEITLFS" say tests -- --type x -j # behind -- it is said
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

@test "say --to: several, by commas, by --to again, by a tag" {
	leitl_up
	enter ann bob
	agent_start eve
	agent_do eve 'echo "{\"session_id\":\"eve\",\"agent_name\":\"Eve\",\"tags\":[\"rev\",\"b c\"]}" >sessions/new'
	agent_do bob 'echo "[\"rev\"]" >self/tags'
	got() { # SESSION
		jq -r 'select(.event_type == "message.direct").data.message' \
			"$MNT/sessions/$1/inbox" | paste -sd,
	}
	expect 0 agent_do ann "'$LEITLFS' say -j -m . --to bob,eve -t bob one"
	assert_json '.paths == ["sessions/bob/inbox","sessions/eve/inbox"] and .bytes == 3'
	expect 0 agent_do ann "'$LEITLFS' say -m . --to tag:rev,bob two"
	expect 0 agent_do ann "'$LEITLFS' say -j -m . --to 'tag:b c' three"
	assert_json '.path == "sessions/eve/inbox"'
	expect 0 agent_do bob "'$LEITLFS' say -m . --to tag:rev four" # not to oneself
	assert_eq "$(got bob)" one,two
	assert_eq "$(got eve)" one,two,three,four
	# None gets it where one is not there.
	expect 4 agent_do ann "'$LEITLFS' say -j -m . --to bob,nobody five"
	assert_json '.error.errno == "ENOENT"'
	expect 4 agent_do ann "'$LEITLFS' say -m . --to tag:none five"
	assert_match "$said" 'no other living session has the tag none'
	expect 2 agent_do ann "'$LEITLFS' say -m . --to , five"
	expect 0 agent_do ann "'$LEITLFS' say -j -m . --to '*' everyone"
	assert_json '.path == "broadcast"'
	agent_do eve 'mkdir sessions/zoe; rmdir sessions/zoe'
	# What fails at one is told, and reaches the rest.
	expect 4 agent_do ann "'$LEITLFS' say -j -m . --to bob,zoe,eve six"
	assert_json '.error.errno == "EHOSTDOWN" and .status == 4'
	assert_json '.failed == ["agents/zoe/inbox"]'
	assert_json '.paths == ["sessions/bob/inbox","sessions/eve/inbox"]'
	assert_match "$said" '^leitlfs say: not sent to agents/zoe/inbox: '
	assert_eq "$(got bob)" one,two,six
	assert_eq "$(got eve)" one,two,three,four,six
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
	assert_match "$output" '3 sessions, 1 open question'
	assert_match "$output" $'\n  q1   bob asks you  "which port\\?"\n *leitlfs answer -m \. q1 …'
	assert_match "$output" 'you are ann, 3 unread'
	expect 0 agent_do ann "'$LEITLFS' status -j -m ."
	assert_json ".self == \"ann\" and .unread == 3 and .mount == \"$MNT\""
	assert_json '[.sessions.sessions[].session_id] | contains(["ann", "bob"])'
	assert_json '.asks[0].to != null and .asks[0].status == "open"'
	assert_json '.status.total_agents >= 2 and .sessions.seq > 0'
	expect 0 "$LEITLFS" status -j
	assert_json '.self == null and .self_error == null and .unread == null'
	expect 0 "$LEITLFS" status
	assert_match "$output" 'you have no session: mkdir sessions/NAME'
	expect 0 agent_do ann "rmdir sessions/ann; '$LEITLFS' status -m ."
	assert_match "$output" 'you are nobody: session ann has ended'
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
	# What turns the direction of writing, too, and as dashboard.txt shows it.
	agent_do bob 'printf "a \xe2\x80\xaeb\xe2\x81\xa6c\xe2\x80\x8fd\xd8\x9ce\n" >self/current_task'
	for command in status 'complete ask ""'; do
		expect 0 eval "'$LEITLFS' $command"
		assert_match "$output" 'a \?b\?c\?d\?e'
	done
	grep -qF 'a ?b?c?d?e' "$MNT/dashboard.txt"
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
	expect 0 "$LEITLFS" search -j 'restricted' source:docs -- -areas
	assert_json '.total_matches == 1 and .matched_files[0].path == "a/guest shell.md"'
	expect 1 "$LEITLFS" search zebra
	assert_eq "$output$said" "leitlfs search: nothing found"
	expect 1 "$LEITLFS" search -j zebra
	assert_json '.total_matches == 0'
	expect 2 "$LEITLFS" search -- -zebra
	expect 2 "$LEITLFS" search -n many x
}
