# How sessions live and end: by their own word, by silence, with their process, with `alive`; who
# takes them over; coming back; restarts.
load ../lib/mount
load ../helpers/sessions

# No end in these tests comes from a time-out unless the test sets that time.
LONG=late=1h,timeout=1h,handover=1h

# --- by its own word

@test "rmdir ends a session" {
	leitl_up
	agent_start ann
	id=$(join ann cece)
	agent_do ann "rmdir sessions/$id"
	ended "$id" ended
	refute [ -e "$MNT/sessions/$id" ]
	refute_match "$(ls "$MNT/sessions")" "$id"
	refute_match "$(cat "$MNT/sessions.json")" "$id"
	assert_eq "$(event_count session.ended "$id")" 1
	assert_errno ENOENT rmdir "$MNT/sessions/$id"
}

@test "echo ended > status ends a session" {
	leitl_up
	agent_start ann
	id=$(join ann cece)
	agent_do ann 'echo ended > self/status'
	ended "$id" ended
	assert_errno ENOENT cat "$MNT/sessions/$id/session.json"
	assert_eq "$(event_count session.updated "$id")" 0
}

@test "what is left open of an ended session: EHOSTDOWN at its inbox, ESTALE as itself" {
	leitl_up
	agent_start ann
	agent_start bob
	id=$(join ann cece)
	join bob bob
	agent_sh bob "exec 4>sessions/$id/inbox && echo before >&4"
	agent_sh ann 'exec 4>self/broadcast && echo before >&4'
	agent_do bob "rmdir sessions/$id" # the same user's
	assert_errno EHOSTDOWN agent_sh bob 'echo after >&4'
	assert_reason EHOSTDOWN '' "sessions/$id/inbox"
	assert_errno ESTALE agent_sh ann 'echo after >&4'
	refute_sent after
	assert_errno ENOENT agent_do bob "echo after > sessions/$id/inbox"
	assert_errno EHOSTDOWN agent_do bob 'echo after > agents/cece/inbox'
}

# --- with its process

@test "kill -9 of its process ends it at once" {
	leitl_up -o $LONG
	agent_start ann
	id=$(join ann cece)
	agent_kill ann
	assert_ends_at_once "$id" "process gone"
}

@test "the same when a process ends in peace" {
	leitl_up -o $LONG
	agent_start ann
	id=$(join ann cece)
	agent_kill ann TERM
	assert_ends_at_once "$id" "process gone"
}

@test "a session that a short-lived shell registered is the agent's that runs it" {
	leitl_up -o $LONG
	agent_start ann
	id=$(join_briefly ann cece)
	assert_eq "$(agent_do ann 'readlink self')" "sessions/$id"
	assert_eq "$(agent_sh ann 'readlink self')" "sessions/$id"
	assert_eq "$(record "$id" health)" fresh
	agent_do ann 'touch self/heartbeat'
	agent_kill ann
	assert_ends_at_once "$id" "process gone"
}

@test "so is one from mkdir, which is gone at once itself, and from a pipeline in a script" {
	leitl_up -o $LONG
	agent_start ann
	agent_do ann 'mkdir sessions/cece'
	agent_do ann 'true'
	assert_eq "$(agent_do ann 'readlink self')" sessions/cece
	agent_do ann 'rmdir sessions/cece'
	agent_do ann 'bash -c "echo dora | (cat | tee sessions/new)" >/dev/null; true'
	assert_match "$(agent_do ann 'readlink self')" '^sessions/leitl-dora-'
	lives "$(agent_do ann 'cat self/id')"
	agent_kill ann
	assert_ends_at_once cece ended
	assert_ends_at_once "$(events session.started | jq -r .session_id | grep dora)" "process gone"
}

@test "a session that was handed up and not yet heard of ends at once with the last of them" {
	leitl_up -o $LONG
	agent_start ann
	id=$(join_briefly ann cece)
	agent_kill ann
	assert_ends_at_once "$id" "process gone"
}

@test "a handover that nobody takes up ends it; looking does not take it up" {
	leitl_up -o late=1h,timeout=1h,handover=1
	agent_start ann
	id=$(join_briefly ann cece)
	lives "$id"
	while lives "$id" && ! lived_for "$id" 5; do
		agent_do ann 'cat self/session.json; ls self/; stat self/heartbeat; cat self/unread activity' \
			>/dev/null || true
	done
	ended "$id" "process gone"
	# The agent itself lives, and may begin again.
	assert_match "$(join ann cece)" '^leitl-cece-'
}

@test "a handover that is taken up by an act is over" {
	leitl_up -o late=1h,timeout=1h,handover=0.7
	agent_start ann
	agent_start bob
	id=$(join_briefly ann cece)
	other=$(join_briefly bob bob)
	agent_do ann 'echo here > self/broadcast'
	wait_until 5 ended "$other" "process gone"
	wait_until 5 lived_for "$id" 2
	lives "$id"
	assert_eq "$(agent_do ann 'readlink self')" "sessions/$id"
}

@test "it goes no higher than the agent while that lives, and then to the agent's own parent" {
	leitl_up -o $LONG
	agent_start top
	agent_start -p top ann
	id=$(join_briefly ann cece)
	assert_eq "$(agent_do ann 'readlink self')" "sessions/$id"
	assert_errno ENOENT agent_do top 'readlink -v self'
	agent_do ann 'touch self/heartbeat'
	agent_kill ann
	wait_until 2 agent_do top 'readlink self'
	assert_eq "$(agent_do top 'readlink self')" "sessions/$id"
	agent_do top 'echo mine > self/status'
	assert_eq "$(record "$id" status)" mine
	agent_kill top
	assert_ends_at_once "$id" "process gone"
}

@test "one whose agent died is late at once when that had lived for longer than late" {
	leitl_up -o late=1,timeout=1h,handover=1h
	agent_start top
	agent_start -p top ann
	id=$(join ann cece)
	wait_until 5 lived_for "$id" 2
	agent_do ann 'touch self/heartbeat'
	wait_until health_is "$id" fresh
	agent_kill ann
	wait_until 1 health_is "$id" late
	agent_do top 'touch self/heartbeat'
	wait_until 1 health_is "$id" fresh
}

@test "it is not handed to a terminal's shell, but to one that ran mkdir itself" {
	leitl_up -o $LONG
	agent_start -t term
	# The terminal's shell runs mkdir: its own.
	agent_sh term 'mkdir sessions/mine'
	assert_eq "$(agent_sh term 'readlink self')" sessions/mine
	agent_sh term 'rmdir sessions/mine'
	# An agent under the terminal registers, by a shell of its own and itself.
	agent_start -p term ann
	id=$(join_briefly ann cece)
	assert_eq "$(agent_do ann 'readlink self')" "sessions/$id"
	agent_do ann 'touch self/heartbeat'
	agent_kill ann
	assert_ends_at_once "$id" "process gone"
	# A script that the terminal's shell runs, and that runs mkdir.
	agent_sh term 'bash -c "mkdir sessions/script; true"'
	assert_ends_at_once script "process gone"
}

@test "an orphan's session has nobody to be handed up to" {
	leitl_up -o $LONG
	agent_start ann
	cat >"$LEITL_TMP/orphan" <<-'END'
		until read -r _ _ _ parent _ </proc/$$/stat && [ "$parent" != "$2" ]; do
			sleep 0.01
		done
		cd / && exec 3<>"$1/sessions/new" && echo cece >&3 && exec sleep 1000
	END
	pid=$(agent_do ann "(me=\$BASHPID; setsid bash '$LEITL_TMP/orphan' '$MNT' \$me >/dev/null 2>&1 &
		echo \$!)")
	wait_until [ -e "$MNT/agents/cece" ]
	id=$(basename "$MNT"/agents/cece/sessions/leitl-*)
	lives "$id"
	kill -KILL "$pid"
	assert_ends_at_once "$id" "process gone"
}

# --- alive

@test "closing alive ends it" {
	leitl_up -o $LONG
	agent_start ann
	id=$(join ann cece)
	agent_sh ann 'exec 5>self/alive'
	lives "$id"
	agent_sh ann 'exec 5>&-'
	assert_ends_at_once "$id" "alive closed"
}

@test "only the last alive that is closed ends it, dup and fork counted" {
	leitl_up -o $LONG
	agent_start ann
	id=$(join ann cece)
	agent_sh ann 'exec 5>self/alive 6>self/alive 7>&6'
	agent_sh ann 'exec 5>&-'
	agent_sh ann 'echo one > self/broadcast; exec 6>&-; echo two > self/broadcast'
	agent_sh ann 'sleep 1000 & kid=$!; exec 7>&-; echo three > self/broadcast'
	assert_eq "$(events broadcast.message "$id" | jq -r .data.message | paste -sd' ')" \
		"one two three"
	lives "$id"
	agent_sh ann 'kill $kid'
	assert_ends_at_once "$id" "alive closed"
}

@test "kill -9 of alive's holder ends it at once, while the agent lives" {
	leitl_up -o $LONG
	agent_start ann
	id=$(join ann cece)
	pid=$(agent_bg ann 'exec 5>self/alive; echo holding; exec sleep 1000')
	wait_until eval '[ "$(agent_out ann $pid)" = holding ]'
	lives "$id"
	kill -KILL "$pid"
	assert_ends_at_once "$id" "alive closed"
	gone "$(agent_pid ann)" && fail "the agent is gone"
	agent_do ann true
}

@test "kill -9 of who opened alive ends it, though its child has the descriptor still" {
	leitl_up -o $LONG
	agent_start ann
	id=$(join ann cece)
	pid=$(agent_bg ann 'exec 5>self/alive; sleep 1000 & echo $!; exec sleep 2000')
	wait_until eval '[ -n "$(agent_out ann $pid)" ]'
	child=$(agent_out ann "$pid")
	assert_match "$(readlink "/proc/$child/fd/5")" "$id/alive"
	kill -KILL "$pid"
	assert_ends_at_once "$id" "alive closed"
	kill -0 "$child" || fail "the child is gone too"
	kill -KILL "$child"
}

@test "alive that was written to was a heartbeat" {
	leitl_up -o late=0.5,timeout=1h,handover=1h
	agent_start ann
	id=$(join ann cece)
	wait_until health_is "$id" late
	agent_sh ann 'exec 5>self/alive; echo here >&5; exec 5>&-'
	wait_until health_is "$id" fresh
	wait_until health_is "$id" late
	lives "$id"
	agent_sh ann 'echo here > self/alive'
	wait_until health_is "$id" fresh
	assert_eq "$(event_count session.ended "$id")" 0
}

@test "alive that is only read, or looked at, holds and ends nothing" {
	leitl_up -o $LONG
	agent_start ann
	id=$(join ann cece)
	agent_do ann 'cat self/alive; stat self/alive; exec 5<self/alive; exec 5<&-' >/dev/null
	agent_do ann 'echo still > self/broadcast'
	assert_eq "$(sender_of still)" "$id cece"
	lives "$id"
}

# --- silence

@test "silent is late, with an alert, and no more: a living process's session does not end" {
	leitl_up -o late=0.4,timeout=0.4,handover=0.4
	agent_start ann
	id=$(join ann cece)
	wait_until 3 health_is "$id" late
	wait_until events_are 1 session.late "$id"
	wait_until events_are 1 alert.raised "$id"
	assert_eq "$(record "$id" health)" late
	jq -e --arg id "$id" '[.. | objects | select(.session_id? == $id)] | .[0].health == "late"' \
		"$MNT/sessions.json"
	wait_until 5 lived_for "$id" 2
	lives "$id"
	assert_eq "$(event_count session.late "$id")" 1
	assert_eq "$(event_count session.ended "$id")" 0
}

@test "what is heard of, and that the alert is cleared then" {
	leitl_up -o late=0.3
	agent_start ann
	agent_start bob
	id=$(join ann cece)
	join bob bob
	cleared=0
	for act in 'touch self/heartbeat' 'echo > self/heartbeat' 'printf x > self/heartbeat' \
		'echo hello > broadcast' 'echo hello > self/broadcast' 'echo much > self/say/x.y' \
		'echo hello > agents/bob/inbox' 'echo busy > self/status' 'cat self/next' \
		'jq -s ".[-1].seq" self/unread > self/ack' 'timeout 0.1 cat self/wait' 'echo cece > sessions/new'; do
		wait_until health_is "$id" late
		agent_do bob 'echo something > broadcast' # that next has something
		agent_do ann "$act" >/dev/null || true
		cleared=$((cleared + 1))
		wait_until events_are $cleared alert.cleared "$id" || fail "$act"
	done
	wait_until health_is "$id" late
	assert_eq "$(event_count alert.raised "$id")" $((cleared + 1))
}

@test "looking is not heard of, and neither is what others do" {
	leitl_up -o late=0.5
	agent_start ann
	agent_start bob
	id=$(join ann cece)
	wait_until health_is "$id" late
	heard=$(stat -c %.9Y "$MNT/sessions/$id/heartbeat")
	agent_do ann 'cat self/session.json self/unread self/unread.md self/inbox self/sent activity \
		sessions.json self/health; ls -lR self/ .; tail -n 1 activity; stat self/heartbeat' >/dev/null
	agent_do bob "echo hello > sessions/$id/inbox; cat sessions/$id/session.json" >/dev/null
	echo hello >"$MNT/broadcast"
	assert_eq "$(stat -c %.9Y "$MNT/sessions/$id/heartbeat")" "$heard"
	assert_eq "$(event_count alert.cleared "$id")" 0
	health_is "$id" late
	agent_do ann 'touch self/heartbeat'
	assert_ne "$(stat -c %.9Y "$MNT/sessions/$id/heartbeat")" "$heard"
	assert_eq "$(date -d "$(record "$id" last_heartbeat)" +%s)" \
		"$(stat -c %Y "$MNT/sessions/$id/heartbeat")"
}

@test "who waits is heard of all the while" {
	leitl_up -o late=0.4
	agent_start ann
	id=$(join ann cece)
	pid=$(agent_bg ann 'exec cat self/wait')
	wait_until 5 lived_for "$id" 2
	assert_eq "$(event_count session.late "$id")" 0
	kill "$pid"
	wait_until health_is "$id" late
}

# --- bound to nothing

@test "a session bound to nothing ends after its silence, and what it does counts" {
	leitl_up_apart -o late=1h,timeout=1.5
	agent_start ann
	agent_do ann 'mkdir sessions/one && mkdir sessions/two'
	assert_errno ENOENT agent_do ann 'readlink -v self'
	# One acts, two is looked at.
	while lives two; do
		agent_do ann 'touch sessions/one/heartbeat; cat sessions/two/session.json as/two/unread' \
			>/dev/null 2>&1 || true
	done
	ended two timeout
	lives one
	wait_until 5 lived_for one 2
	wait_until 5 ended one timeout
}

@test "it lives as long as the timeout that it was given, or wrote" {
	leitl_up_apart -o late=1h,timeout=1h
	agent_start ann
	agent_do ann 'echo "{\"agent_name\":\"one\",\"session_id\":\"one\",\"timeout\":0.5}" > sessions/new
		mkdir sessions/two sessions/three && echo 0.5 > as/two/self/timeout'
	wait_until 5 ended one timeout
	wait_until 5 ended two timeout
	lives three
}

@test "it lives while it waits, by as/, and while alive is held" {
	leitl_up_apart -o late=1h,timeout=0.5
	agent_start ann
	agent_sh ann 'mkdir sessions/one sessions/two && exec 5>sessions/two/alive'
	pid=$(agent_bg ann 'exec cat as/one/self/wait')
	wait_until 5 lived_for one 2
	lives two
	kill "$pid"
	wait_until 5 ended one timeout
	agent_sh ann 'exec 5>&-'
	assert_ends_at_once two "alive closed"
}

# --- coming back

@test "an ended id that is registered again has its inbox and its cursor back" {
	leitl_up
	agent_start ann
	agent_start bob
	join bob bob
	agent_do ann 'mkdir sessions/cece'
	agent_do bob 'echo one > sessions/cece/inbox; echo two > sessions/cece/inbox'
	assert_eq "$(agent_do ann 'cat self/next' | jq -r .data.message)" one
	agent_do ann 'rmdir sessions/cece'
	agent_kill ann
	agent_start dora
	agent_do dora 'mkdir sessions/cece'
	assert_eq "$(agent_do dora 'cat self/unread' | jq -r .data.message)" two
	assert_eq "$(agent_do dora 'jq -r .data.message self/inbox' | paste -sd' ')" "one two"
	agent_do bob 'echo three > sessions/cece/inbox'
	assert_eq "$(agent_do dora 'cat self/next' | jq -r .data.message)" two
	assert_eq "$(agent_do dora 'cat self/next' | jq -r .data.message)" three
	assert_eq "$(event_count session.started cece)" 2
}

@test "by JSON too, and over a restart" {
	leitl_up
	agent_start ann
	agent_start bob
	join ann '{"agent_name":"Cece","session_id":"my-id"}'
	agent_do bob 'echo one > sessions/my-id/inbox'
	agent_do ann 'echo ended > self/status'
	assert_errno ESTALE agent_do ann 'echo anything > broadcast'
	leitl_down
	leitl_up
	refute lives my-id
	assert_eq "$(join ann '{"agent_name":"Cece","session_id":"my-id"}')" my-id
	assert_eq "$(agent_do ann 'cat self/unread' | jq -r .data.message)" one
	agent_do ann 'echo again > broadcast'
	assert_eq "$(sender_of again)" "my-id Cece"
}

@test "it is a directory like any other, also while somebody stands in what it was" {
	leitl_up
	agent_start ann
	agent_start bob
	agent_do ann 'mkdir sessions/cece'
	agent_sh bob 'exec 5<sessions/cece 6<sessions/cece/status'
	agent_do ann 'rmdir sessions/cece'
	assert_eq "$(agent_sh bob 'ls /proc/self/fd/5/')" ""
	agent_do ann 'mkdir sessions/cece && echo again > self/status'
	assert_match "$(agent_do ann 'ls sessions/cece')" 'status.*unread'
	assert_eq "$(agent_do ann 'cat self/unread')" ""
	assert_eq "$(agent_do bob 'cat sessions/cece/status sessions/cece/id')" $'again\ncece'
	# Who stood in it himself comes and goes as well.
	agent_do ann 'cd self/ && rmdir ../cece && mkdir ../cece && cd ../cece && echo once more > status'
	assert_eq "$(record cece status)" "once more"
}

@test "an ended id and an agent's name stay their user's, for as long as hold says" {
	need_root
	leitl_up -o allow_other,hold=1.5,expire=24 # looked for every second, then
	agent_start ann
	agent_do ann 'mkdir sessions/cece && rmdir sessions/cece'
	assert_errno EACCES as_user 1 mkdir "$MNT/sessions/cece"
	assert_errno EEXIST as_user 1 bash -c \
		"echo '{\"agent_name\":\"dora\",\"session_id\":\"cece\"}' > '$MNT/sessions/new'"
	assert_errno EACCES as_user 1 bash -c "echo Cece > '$MNT/sessions/new'"
	refute lives cece
	wait_until 5 as_user 1 mkdir "$MNT/sessions/cece"
	assert_errno EACCES agent_do ann 'echo cece > sessions/new'
}

# --- restarts of the daemon

@test "a restart keeps sessions, whose they are, and what they said of themselves" {
	leitl_up -o $LONG
	agent_start ann
	agent_start bob
	id=$(join ann 'cece: the long task')
	join_briefly bob '{"agent_name":"bob","session_id":"bob","tags":["x"],"metadata":{"a":1}}'
	agent_do ann 'echo busy > self/status'
	agent_do bob "touch self/heartbeat; echo hello > sessions/$id/inbox"
	before=$(jq -c 'del(.seq, .uptime, .uptime_s, .last_heartbeat)' "$MNT/sessions/$id/session.json" \
		"$MNT/sessions/bob/session.json")
	for end in leitl_down leitl_kill9; do
		$end
		leitl_up -o $LONG
		wait_until served
		assert_eq "$(jq -c 'del(.seq, .uptime, .uptime_s, .last_heartbeat)' \
			"$MNT/sessions/$id/session.json" "$MNT/sessions/bob/session.json")" "$before"
		assert_eq "$(agent_do ann 'readlink self')" "sessions/$id"
		assert_eq "$(agent_do bob 'readlink self')" sessions/bob
		assert_eq "$(agent_do ann 'cat self/unread' | jq -r .data.message)" hello
		agent_do bob "echo after $end > broadcast"
		assert_eq "$(sender_of "after $end")" "bob bob"
		agent_do ann 'cat self/next' >/dev/null # hello
		agent_do ann 'cat self/next' >/dev/null
		agent_do bob "echo hello > sessions/$id/inbox"
	done
	assert_eq "$(event_count session.started "$id")" 1
	assert_eq "$(event_count session.ended)" 0
	agent_kill ann
	assert_ends_at_once "$id" "process gone"
	lives bob
}

@test "a process that died while there was no daemon: its session has the timeout, no more" {
	leitl_up -o late=1h,timeout=1,handover=1h
	agent_start ann
	agent_start bob
	id=$(join ann cece)
	join bob bob
	leitl_kill9
	agent_kill ann
	leitl_up -o late=1h,timeout=1,handover=1h
	wait_until served
	wait_until 5 refute lives "$id"
	assert_match "$(events session.ended "$id" | jq -r .data.reason)" '^(process gone|timeout)$'
	assert_match "$(agent_do bob 'readlink self')" sessions/leitl-bob-
}

@test "after a restart everyone has the full time again" {
	leitl_up -o late=0.5,timeout=1h,handover=1.5
	agent_start ann
	agent_start bob
	id=$(join ann cece)
	other=$(join_briefly bob bob)
	wait_until health_is "$id" late
	leitl_down
	leitl_up -o late=1,timeout=1h,handover=1.5
	health_is "$id" fresh
	lives "$other"
	agent_do bob 'touch self/heartbeat'
	wait_until 5 health_is "$id" late
	wait_until 5 lived_for "$other" 3
	lives "$other"
}
