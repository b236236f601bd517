# Who is calling: `self`, and the sender of what is written, for callers of every kind.
load ../lib/mount
load ../helpers/sessions

# What `self` is to the agent, by the ways in which one asks.
assert_self() { # AGENT ID
	assert_eq "$(agent_do "$1" 'readlink self')" "sessions/$2" || return
	assert_eq "$(agent_do "$1" 'cat self/id')" "$2" || return
	assert_match " $(agent_do "$1" 'ls | paste -sd" "') " ' self ' "self is not listed"
}

assert_no_self() { # AGENT
	assert_errno ENOENT agent_do "$1" 'readlink -v self' || return
	assert_errno ENOENT agent_do "$1" 'cat self/id' || return
	refute_match " $(agent_do "$1" 'ls | paste -sd" "') " ' self ' "self is listed"
}

# What the agent writes outside of a session's directory is SESSION's, FROM.
assert_speaks_as() { # AGENT SESSION FROM
	local text="$1 at $EPOCHREALTIME"
	agent_do "$1" "echo '$text' > broadcast" || return
	assert_eq "$(sender_of "$text")" "$2 $3"
}

# --- shells and trees of processes

@test "an agent whose every command is a new shell" {
	leitl_up
	agent_start ann
	assert_no_self ann
	id=$(join_briefly ann cece)
	assert_self ann "$id"
	assert_speaks_as ann "$id" cece
	agent_do ann 'bash -c "bash -c \"echo from deep inside > broadcast; true\"; true"; true'
	assert_eq "$(sender_of 'from deep inside')" "$id cece"
	agent_do ann 'echo a pipeline | cat | tee broadcast | cat >/dev/null'
	assert_eq "$(sender_of 'a pipeline')" "$id cece"
	assert_eq "$(agent_do ann 'cd self/ && cat id')" "$id"
}

@test "two agents and a person under one terminal" {
	leitl_up
	agent_start -t term
	agent_start -p term ann
	agent_start -p term bob
	one=$(join_briefly ann ann)
	two=$(join bob bob)
	assert_self ann "$one"
	assert_self bob "$two"
	assert_self term root
	assert_speaks_as ann "$one" ann
	assert_speaks_as bob "$two" bob
	assert_speaks_as term root root
}

@test "two agents under one supervisor without a terminal, and a third that never registered" {
	leitl_up
	agent_start top
	agent_start -p top ann
	agent_start -p top bob
	agent_start -p top eve
	one=$(join_briefly ann ann)
	two=$(join bob bob)
	assert_self ann "$one"
	assert_self bob "$two"
	assert_no_self eve
	assert_no_self top
	assert_speaks_as ann "$one" ann
	assert_speaks_as eve null root
	# The supervisor's own session is that of those below it that have none.
	three=$(join top top)
	assert_self eve "$three"
	assert_self bob "$two"
	assert_speaks_as eve "$three" top
}

@test "agents whose commands come and go all at once are never taken for each other" {
	leitl_up
	local who pids=()
	for who in ann bob eve; do
		agent_start $who
	done
	agent_do ann 'mkdir sessions/ann'
	agent_do bob 'mkdir sessions/bob'
	for who in ann bob eve; do
		pids+=("$(agent_bg $who "for i in {1..60}; do
			bash -c 'echo $who \$0 > broadcast; readlink self || echo none' \$i 2>/dev/null
		done; true")")
	done
	assert_eq "$(agent_join ann "${pids[0]}" | sort | uniq -c | tr -s ' ')" " 60 sessions/ann"
	assert_eq "$(agent_join bob "${pids[1]}" | sort | uniq -c | tr -s ' ')" " 60 sessions/bob"
	assert_eq "$(agent_join eve "${pids[2]}" | sort | uniq -c | tr -s ' ')" " 60 none"
	assert_eq "$(events broadcast.message | jq -r '"\(.session_id) \(.data.message[0:3])"' | sort |
		uniq -c | tr -s ' ' | paste -sd,)" " 60 ann ann, 60 bob bob, 60 null eve"
}

@test "an agent that registers again, by the same name and after its end" {
	leitl_up
	agent_start ann
	id=$(join_briefly ann cece)
	assert_eq "$(join_briefly ann cece)" "$id"
	assert_self ann "$id"
	agent_do ann 'rmdir "$(readlink self)"'
	new=$(join_briefly ann cece)
	assert_ne "$new" "$id"
	assert_self ann "$new"
	assert_speaks_as ann "$new" cece
}

@test "two sub-agents in one process: ENOTUNIQ, and as/ tells which" {
	leitl_up
	agent_start ann
	one=$(join ann one)
	two=$(join ann two)
	assert_errno ENOTUNIQ agent_do ann 'readlink -v self'
	assert_errno ENOTUNIQ agent_do ann 'cat self/id'
	assert_errno ENOTUNIQ agent_do ann 'echo hello > self/broadcast'
	assert_speaks_as ann null root
	for id in "$one" "$two"; do
		assert_eq "$(agent_do ann "readlink as/$id/self")" "sessions/$id"
		assert_eq "$(agent_do ann "cat as/$id/self/id")" "$id"
		agent_do ann "echo 'as $id' > as/$id/broadcast"
		agent_do ann "cd as/$id && echo 'in $id' > broadcast && echo 'self $id' > self/broadcast"
		for text in "as $id" "in $id" "self $id"; do
			assert_eq "$(sender_of "$text" | cut -d' ' -f1)" "$id"
		done
		agent_do ann "echo 'own $id' > sessions/$id/broadcast"
		assert_eq "$(sender_of "own $id" | cut -d' ' -f1)" "$id"
		assert_eq "$(agent_do ann "cd as/$id/sessions && cat ../self/id")" "$id"
	done
	# Either may read its own messages, and so may each by as/.
	agent_start bob
	agent_do bob "echo 'for $one' > sessions/$one/inbox"
	assert_eq "$(agent_do ann "cat as/$one/self/next" | jq -r .event_type)" broadcast.message
	agent_do ann "jq -s '.[-1].seq' as/$one/self/unread > as/$one/self/ack"
	assert_eq "$(agent_do ann "cat sessions/$one/unread")" ""
	# The ended one leaves the other as the only.
	agent_do ann "rmdir sessions/$one"
	assert_self ann "$two"
	assert_errno ENOENT agent_do ann "ls as/$one/"
}

@test "as/<id>/ is the whole tree, unlisted, and of nobody that is not" {
	leitl_up
	agent_start ann
	agent_do ann 'mkdir sessions/cece'
	agent_start eve
	assert_errno ENOENT agent_do eve 'ls as/nobody/'
	assert_errno ENOENT agent_do eve 'echo hello > as/nobody/broadcast'
	refute_match "$(ls "$MNT/as")" cece
	# Nobody's process of the same user acts as it by choice.
	assert_eq "$(agent_do eve 'cat as/cece/self/id')" cece
	agent_do eve 'echo by eve > as/cece/broadcast'
	assert_eq "$(sender_of 'by eve')" "cece cece"
	names=$(ls "$MNT" | grep -vx self)
	assert_eq "$(ls "$MNT/as/cece" | grep -vx self)" "$names"
	cmp "$MNT/as/cece/README.md" "$MNT/README.md"
	assert_eq "$(agent_do eve 'echo dora > as/cece/sessions/new; readlink self | cut -d- -f1-2')" \
		sessions/leitl-dora
}

@test "one agent may not read, wait for or mark another's messages, of the same user" {
	leitl_up
	agent_start ann
	agent_start bob
	agent_do ann 'mkdir sessions/cece'
	join bob bob
	agent_do bob 'echo hello > sessions/cece/inbox'
	before=$(agent_do ann 'cat self/unread')
	assert_eq "$(jq -r .data.message <<<"$before")" hello
	seq=$(jq -r .seq <<<"$before")
	assert_errno EACCES agent_do bob 'cat sessions/cece/next'
	assert_errno EACCES agent_do bob 'timeout 5 cat sessions/cece/wait'
	assert_errno EACCES agent_do bob "echo $seq > sessions/cece/ack"
	assert_eq "$(agent_do bob 'cat sessions/cece/unread')" "$before"
	assert_eq "$(agent_do ann 'cat self/unread')" "$before"
	assert_eq "$(agent_do ann 'cat self/next')" "$before"
	assert_eq "$(agent_do ann 'cat self/unread')" ""
}

@test "a background child whose parents are gone has nothing of theirs" {
	leitl_up
	agent_start ann
	id=$(join ann cece)
	# A child of ann's that lost its parents, and does what it is told through a fifo.
	mkfifo "$LEITL_TMP/tell" "$LEITL_TMP/told"
	exec 8<>"$LEITL_TMP/tell" 9<>"$LEITL_TMP/told"
	cat >"$LEITL_TMP/child" <<-'END'
		cd "$1" || exit
		exec 4>broadcast
		: >"$2/opened"
		until read -r _ _ _ parent _ </proc/$$/stat && [ "$parent" != "$3" ]; do
			sleep 0.01
		done
		while read -r line <&8; do
			(eval "$line" && echo done) 2>&1 | tr '\n' ' ' | paste -s >&9
		done
	END
	agent_do ann "(me=\$BASHPID; setsid bash '$LEITL_TMP/child' '$MNT' '$LEITL_TMP' \$me \
		8<>'$LEITL_TMP/tell' 9<>'$LEITL_TMP/told' >/dev/null 2>&1 &
		until [ -e '$LEITL_TMP/opened' ]; do sleep 0.01; done)"
	ask() {
		echo "$1" >&8
		read -r -t 10 -u 9 answer || fail "no answer to $1"
	}
	ask 'readlink -v self'
	assert_match "$answer" 'No such file'
	ask 'echo an orphan > broadcast'
	assert_match "$answer" "done"
	assert_eq "$(sender_of 'an orphan')" "null root"
	# What it had opened while it had parents is still ann's.
	ask 'echo by an old descriptor >&4'
	assert_match "$answer" "done"
	assert_eq "$(sender_of 'by an old descriptor')" "$id cece"
	agent_kill ann
	assert_ends_at_once "$id" "process gone"
	ask 'echo too late >&4'
	assert_match "$answer" 'Stale file handle'
	refute_sent 'too late'
	ask 'echo an orphan still > broadcast'
	assert_eq "$(sender_of 'an orphan still')" "null root"
}

# --- people, and who has neither session nor terminal

@test "a person at a terminal is the user's standing session" {
	leitl_up -o late=0.2,timeout=0.2,handover=0.2
	lives root # the owner's stands from the start
	assert_eq "$(on_tty "cat '$MNT/self/id'")" root
	assert_eq "$(on_tty "cd '$MNT' && bash -c 'readlink self; true'; true")" sessions/root
	assert_eq "$(cat "$MNT/sessions/root/agent_type")" person
	on_tty "cd '$MNT' && echo hello from a person > broadcast"
	assert_eq "$(sender_of 'hello from a person')" "root root"
	agent_start ann
	agent_do ann 'echo hello person > sessions/root/inbox'
	assert_eq "$(on_tty "cat '$MNT/self/next'" | jq -r .data.message)" "hello person"
	# It is never late, and never ends.
	wait_until 5 lived_for root 2
	assert_eq "$(record root health)" fresh
	assert_eq "$(event_count session.late root)" 0
	assert_errno EPERM rmdir "$MNT/sessions/root"
	run on_tty "cd '$MNT' && echo ended > self/status"
	[ "$status" -ne 0 ]
	assert_match "$output" 'Operation not permitted'
	lives root
	leitl_down
	leitl_up
	lives root
	assert_eq "$(event_count session.started root)" 1
}

@test "a person who runs mkdir is that session, in that shell" {
	leitl_up
	run on_tty "cd '$MNT'; readlink self; mkdir sessions/cece; readlink self
		echo hello from cece > broadcast; rmdir sessions/cece; readlink self; true"
	assert_eq "${lines[0]}" sessions/root
	assert_eq "${lines[1]}" sessions/cece
	assert_eq "$(sender_of 'hello from cece')" "cece cece"
	on_tty "cd '$MNT' && mkdir sessions/dora && bash -c 'cat self/id; true' && cat self/id" |
		uniq | grep -x dora
	# Another terminal is the person as ever.
	assert_eq "$(on_tty "cat '$MNT/self/id'")" root
}

@test "an agent at a terminal is itself, and a program there without a session is the person" {
	leitl_up
	agent_start -t term
	agent_start -p term ann
	id=$(join ann cece)
	assert_self ann "$id"
	assert_self term root
	agent_start -p term eve
	assert_self eve root
	assert_speaks_as eve root root
}

@test "another user at a terminal has a standing session too" {
	need_root
	leitl_up -o allow_other
	refute lives daemon
	assert_eq "$(on_tty "cd '$MNT' && setpriv --reuid=1 --regid=1 --clear-groups cat self/id")" daemon
	assert_eq "$(record daemon agent_type)" person
	assert_eq "$(on_tty "cd '$MNT' &&
		setpriv --reuid=1 --regid=1 --clear-groups bash -c 'echo i am one > broadcast'")" ""
	assert_eq "$(sender_of 'i am one')" "daemon daemon"
	assert_errno EPERM as_user 1 rmdir "$MNT/sessions/daemon"
	lives daemon
}

@test "a cron job has no session, and speaks as the user" {
	leitl_up
	agent_start cron
	assert_no_self cron
	assert_speaks_as cron null root
	agent_do cron 'echo "{\"event_type\":\"backup.done\",\"data\":{\"files\":3}}" > broadcast'
	assert_eq "$(events backup.done null | jq -c '[.session_id, .from, .data]')" \
		'[null,"root",{"files":3}]'
	agent_start ann
	agent_do ann 'mkdir sessions/cece'
	agent_do cron 'echo done > sessions/cece/inbox'
	assert_eq "$(agent_do ann 'cat self/next' | jq -c '[.session_id, .from, .data.message]')" \
		'[null,"root","done"]'
	assert_errno ENOENT agent_do cron 'echo hello > self/broadcast'
	assert_no_self cron
}

# --- pid namespaces, pids used again, threads

@test "from a pid namespace of its own, below the daemon's" {
	need_root
	unshare -p -f --mount-proc true || skip "no pid namespaces here"
	leitl_up
	agent_start ann
	agent_start bob
	run agent_do ann 'unshare -p -f --mount-proc bash -c "exec 3<>sessions/new
		echo cece >&3; read -r id <&3; echo \$\$ \$id; readlink self; (readlink self; true)
		echo from inside > broadcast; true"'
	[ "$status" -eq 0 ] || fail "$output"
	assert_match "${lines[0]}" '^1 leitl-cece-'
	id=${lines[0]#1 }
	assert_eq "${lines[1]}" "sessions/$id"
	assert_eq "${lines[2]}" "sessions/$id"
	assert_eq "$(sender_of 'from inside')" "$id cece"
	# The numbers in there are not those out here: nobody else is it.
	assert_no_self bob
	assert_self ann "$id"
	# A session from outside is that of what runs inside.
	assert_eq "$(agent_do ann 'unshare -p -f --mount-proc bash -c "readlink self; true"')" "sessions/$id"
}

@test "from a pid namespace that the daemon can't see: no self, and as/" {
	leitl_up_apart
	agent_start ann
	agent_start -t term
	id=$(join ann cece)
	lives "$id"
	assert_no_self ann
	assert_speaks_as ann null root
	assert_no_self term
	assert_eq "$(agent_do ann "cat as/$id/self/id")" "$id"
	agent_do ann "cd as/$id && echo as cece > broadcast"
	assert_eq "$(sender_of 'as cece')" "$id cece"
	agent_do ann "echo for cece > sessions/$id/inbox"
	assert_eq "$(agent_do ann "cat as/$id/self/unread" | tail -n 1 | jq -r .data.message)" "for cece"
	seq=$(agent_do ann "cat as/$id/self/next" | jq -r .seq)
	refute_match "$(agent_do ann "cat as/$id/self/unread")" "\"seq\":$seq,"
	# The same name is not the same session: nobody knows whether it is the same process.
	assert_ne "$(join ann cece)" "$id"
}

@test "an agent that is pid 1 of the daemon's own namespace is its children's self, and never an heir" {
	need_root
	unshare --pid --fork --mount-proc true || skip "no pid namespaces here"
	in_pid_namespace '
		leitl_up
		cd "$MNT"
		# Of what its children register nothing is handed up to it.
		bash -c "mkdir sessions/brief; readlink self; true"
		assert_ends_at_once brief "process gone"
		assert_errno ENOENT readlink -v self
		# This shell is pid 1, and registers.
		[ $BASHPID = 1 ] || fail "this is $BASHPID"
		exec 5<>sessions/new
		echo "init: run the others" >&5
		read -r id <&5
		exec 5>&-
		assert_eq "$(readlink self)" "sessions/$id"
		assert_eq "$(bash -c "bash -c \"cat self/id; true\"; true")" "$id"
		bash -c "echo from below > broadcast; true"
		assert_eq "$(sender_of "from below")" "$id init"
		assert_eq "$(bash -c "echo init >&5; read -r id <&5; echo \$id" 5<>sessions/new)" "$id"
		# One below it that registers is itself.
		assert_eq "$(bash -c "mkdir sessions/cece; readlink self; true")" sessions/cece
		assert_ends_at_once cece "process gone"
		assert_eq "$(bash -c "readlink self; true")" "sessions/$id"
		lives "$id"
		cd /
	'
}

@test "a pid that is used again is not who had it" {
	in_pid_namespace '
		leitl_up -o late=1h,timeout=1h,handover=1h
		cat >"$LEITL_TMP/child" <<-"END"
			cd "$1" || exit
			if [ -n "$2" ]; then
				mkdir "sessions/$2" # bound to this shell, once mkdir is gone
				echo i am $2 > broadcast
			fi
			echo >"$3"
			exec sleep 1000
		END
		first() { # NAME: process 5000 has a session
			with_pid 5000 bash "$LEITL_TMP/child" "$MNT" "$1" "$LEITL_TMP/$1"
			wait_until test -f "$LEITL_TMP/$1"
			lives "$1"
		}
		second() { # TEXT: another process 5000 speaks
			with_pid 5000 bash -c "
				cd \"$MNT\"; readlink -v self >\"$LEITL_TMP/self\" 2>&1
				echo $1 >broadcast 2>\"$LEITL_TMP/refused\"; cd /; sleep 1000"
			wait_until eval "sender_of \"$1\""
			assert_eq "$(sender_of "$1")" "null root"
			assert_match "$(cat "$LEITL_TMP/self")" "No such file"
			kill_pid 5000
		}
		# While the daemon looks.
		first one
		assert_eq "$(sender_of "i am one")" "one one"
		kill_pid 5000
		second two
		ended one "process gone"

		# While it is stopped: it learns of both at once.
		first three
		kill -STOP $DAEMON
		kill_pid 5000
		with_pid 5000 bash -c "cd /; readlink -v \"$MNT/self\" >\"$LEITL_TMP/self3\" 2>&1; sleep 1000"
		kill -CONT $DAEMON
		wait_until grep -q . "$LEITL_TMP/self3"
		assert_match "$(cat "$LEITL_TMP/self3")" "No such file"
		wait_until 2 ended three "process gone"
		kill_pid 5000

		# While there is none.
		first four
		leitl_kill9
		kill_pid 5000
		leitl_up -o late=1h,timeout=1h,handover=1h
		wait_until served
		second five
	'
}

@test "a thread is its process" {
	leitl_up
	agent_start ann
	run agent_do ann "$PYTHON - <<-'END'
		import os, threading
		def here(): return os.readlink('self')
		def say(text):
		    with open('broadcast', 'w') as f: f.write(text + '\n')
		def enroll(name):
		    with open('sessions/new', 'r+') as f:
		        f.write(name + '\n'); f.flush()
		        print(f.readline().strip())
		def in_thread(work, *args):
		    t = threading.Thread(target=work, args=args); t.start(); t.join()
		in_thread(enroll, 'cece')
		print(here())
		in_thread(lambda: print(here()))
		in_thread(say, 'by a thread')
		in_thread(enroll, 'cece')
		say('by the main thread')
	END"
	[ "$status" -eq 0 ] || fail "$output"
	id=${lines[0]}
	assert_match "$id" '^leitl-cece-'
	assert_eq "${lines[1]}" "sessions/$id"
	assert_eq "${lines[2]}" "sessions/$id"
	assert_eq "${lines[3]}" "$id"
	assert_eq "$(sender_of 'by a thread')" "$id cece"
	assert_eq "$(sender_of 'by the main thread')" "$id cece"
}

@test "a process whose main thread has ended lives on, with its session" {
	[ -x "$HELPERS/mainless" ] || skip "make helpers"
	leitl_up -o late=1h,timeout=1h,handover=1h
	agent_start ann
	mkfifo "$LEITL_TMP/tell"
	exec 8<>"$LEITL_TMP/tell"
	pid=$(agent_bg ann "exec '$HELPERS/mainless' . cece <'$LEITL_TMP/tell'")
	wait_until eval '[[ $(agent_out ann $pid) == *mainless ]]'
	id=$(agent_out ann "$pid" | head -n 1)
	echo self >&8
	echo say without a main thread >&8
	wait_until eval '[[ $(agent_out ann $pid) == *ok ]]'
	assert_eq "$(agent_out ann "$pid" | paste -sd' ')" "$id mainless sessions/$id ok"
	assert_eq "$(sender_of 'without a main thread')" "$id cece"
	assert_no_self ann
	lives "$id"
	kill -KILL "$pid"
	# Now it is the agent's, that ran it.
	wait_until 2 agent_do ann 'readlink self'
	assert_self ann "$id"
}

# --- ended ones, and forgery

@test "what was bound to a session that has ended speaks as nobody, until registered anew" {
	leitl_up
	agent_start ann
	agent_start bob
	agent_do bob 'mkdir sessions/bob'
	id=$(join ann cece)
	agent_do bob "rmdir sessions/$id"
	for path in broadcast sessions/bob/inbox agents/bob/inbox; do
		assert_errno ESTALE agent_do ann "echo 'too late' > $path"
		assert_reason ESTALE '' "$path"
	done
	assert_errno ESTALE agent_sh ann 'echo too late > broadcast'
	run agent_do ann "echo 'too late' > as/$id/broadcast"
	[ "$status" -ne 0 ]
	refute_sent 'too late'
	assert_eq "$(agent_do bob 'cat self/unread')" ""
	run agent_do ann 'readlink -v self'
	[ "$status" -ne 0 ]
	assert_match "$output" 'Stale file handle|No such file'
	new=$(join_briefly ann cece)
	assert_ne "$new" "$id"
	assert_self ann "$new"
	assert_speaks_as ann "$new" cece
}

@test "a session_id or from that is not the writer's own is refused" {
	leitl_up
	agent_start ann
	agent_start bob
	agent_start cron
	agent_do ann 'mkdir sessions/cece'
	agent_do bob 'mkdir sessions/bob'
	for forged in '"session_id":"bob"' '"from":"bob"' '"from":"root"' \
		'"session_id":"cece","from":"bob"' '"session_id":"nobody"' '"session_id":5'; do
		for path in broadcast self/broadcast self/say/x.y sessions/bob/inbox; do
			assert_errno EACCES agent_do ann \
				"printf '%s\n' '{$forged,\"message\":\"forged\"}' > $path" || {
				[[ $forged == *:5 ]] && assert_match "$(last_error)" EINVAL
			}
		done
	done
	assert_errno EACCES agent_do ann \
		'echo "{\"event_type\":\"x.y\",\"data\":{\"message\":\"forged\"},\"session_id\":\"bob\"}" > broadcast'
	assert_reason EACCES session_id broadcast
	assert_errno EACCES agent_do cron \
		'echo "{\"session_id\":\"bob\",\"message\":\"forged\"}" > broadcast'
	assert_errno EACCES agent_do cron 'echo "{\"from\":\"bob\",\"message\":\"forged\"}" > broadcast'
	refute_sent forged
	assert_eq "$(agent_do bob 'cat self/unread')" ""
	# One's own is.
	agent_do ann 'echo "{\"event_type\":\"x.own\",\"data\":{},\"session_id\":\"cece\",\"from\":\"cece\"}" > broadcast'
	assert_eq "$(events x.own | jq -c '[.session_id, .from]')" '["cece","cece"]'
}

@test "a name that poses as the mount's owner or another session gains nothing" {
	leitl_up
	agent_start ann
	agent_start bob
	agent_do bob 'mkdir sessions/bob'
	assert_errno EEXIST agent_do ann 'echo "{\"agent_name\":\"x\",\"session_id\":\"root\"}" > sessions/new'
	assert_errno EEXIST agent_do ann 'mkdir sessions/root'
	id=$(join ann bob)
	assert_ne "$id" bob
	assert_speaks_as ann "$id" bob
	assert_eq "$(events broadcast.message bob)" ""
}
