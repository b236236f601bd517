# Who is active, and receipts: what is told of agents, and of what was read.
load ../lib/mount
load ../lib/loop

# status FILTER: of status.json.
status() {
	jq -rc "$1" "$MNT/status.json"
}

# What was told of agents, in order: "cece active" and so on, one a line.
told() {
	jq -r 'select(.event_type | startswith("agent.")) | .from + " " + .data.status' "$MNT/activity"
}

@test "an agent is active while it has an unfinished task or a current_task, and else idle" {
	leitl_up
	enter cece
	local file=$MNT/agents/cece/status.json
	assert_eq "$(jq -rc '[.agent, .status, .current_task, .current_activity, .sessions]' "$file")" \
		'["cece","idle",null,null,["cece"]]'
	agent_do cece 'echo "fix it" > tasks/new'
	assert_eq "$(jq -rc '[.status, .current_task, .current_activity, .tasks[].task_id]' "$file")" \
		'["active","fix it","t1","t1"]'
	agent_do cece 'echo "the login" > self/current_task; echo true > tasks/t1/complete'
	assert_eq "$(jq -rc '[.status, .current_task, .current_activity, .last_activity, .tasks]' "$file")" \
		'["active","the login",null,"t1",[]]'
	agent_do cece 'echo - > self/current_task'
	assert_eq "$(jq -r .status "$file")" idle
	assert_eq "$(jq .seq "$file")" "$(last_seq)"
	agent_start dora
	agent_do dora 'echo "{\"agent_name\":\"Dora\",\"department\":\"engineering\",\"session_id\":\"d1\",\"current_task\":\"x\"}" > sessions/new
		echo "{\"agent_name\":\"Dora\",\"session_id\":\"d2\"}" > sessions/new'
	assert_eq "$(jq -rc '[.agent, .agent_id, .department, .status, .current_task, (.sessions | sort)]' \
		"$MNT/agents/dora/status.json")" '["Dora","dora","engineering","active","x",["d1","d2"]]'
	assert_errno ENOENT cat "$MNT/agents/nobody/status.json"
}

@test "status.json: Daena's shape, with counts that are true" {
	leitl_up
	assert_eq "$(status '[.total_agents, .active_agents, .idle_agents, .active_activities, .active_collaborations,
		.agents, .collaborations, .tasks]')" '[0,0,0,0,0,{},[],[]]'
	enter cece bob
	agent_do cece 'echo "fix it" > tasks/new; echo "{\"agent_id\":\"agent_1\",\"activity_type\":\"memory_write\"}" > tasks/new'
	assert_eq "$(status '[.total_agents, .active_agents, .idle_agents, .active_activities]')" '[3,2,1,2]'
	assert_eq "$(status .agents)" '{"agent_1":{"status":"active","current_activity":"t2","last_activity":"t2","collaboration_count":0},"bob":{"status":"idle","current_activity":null,"last_activity":null,"collaboration_count":0},"cece":{"status":"active","current_activity":"t1","last_activity":"t1","collaboration_count":0}}'
	assert_eq "$(status '[.tasks[] | [.task_id, .agent, .by, .activity_type]]')" \
		'[["t1","cece",null,null],["t2","agent_1","cece","memory_write"]]'
	assert_eq "$(status .seq)" "$(last_seq)"
	agent_do bob 'rmdir sessions/bob'
	agent_do cece 'echo true > tasks/t2/complete; echo true > tasks/t1/complete'
	assert_eq "$(status '[.total_agents, .active_agents, .idle_agents, .active_activities, .agents.cece.last_activity]')" \
		'[1,0,1,0,"t1"]'
}

@test "status.json counts collaborations, and who takes part" {
	leitl_up
	enter cece bob
	agent_do cece 'mkdir collaborations/plan && echo bob > collaborations/plan/participants' ||
		skip "collaborations are not there"
	assert_eq "$(status '[.active_collaborations, .collaborations[0].id, .collaborations[0].participants,
		.collaborations[0].decision_count, .agents.bob.collaboration_count]')" \
		'[1,"plan",["cece","bob"],0,1]'
	assert_eq "$(jq .collaboration_count "$MNT/agents/bob/status.json")" 1
	agent_do bob 'echo "use sqlite" > collaborations/plan/decisions
		echo "{\"task_description\":\"try it\",\"collaboration\":\"plan\"}" > tasks/new'
	assert_eq "$(status '.collaborations[0].decision_count')" 1
	grep -q '"task_description":"try it"' "$MNT/collaborations/plan/activity"
	agent_do cece 'rmdir collaborations/plan'
	assert_eq "$(status '[.active_collaborations, .collaborations, .agents.bob.collaboration_count]')" '[0,[],0]'
}

@test "agent.active and agent.idle: once a change, in order, in the agent's feed" {
	leitl_up
	enter cece bob
	agent_do cece 'echo one > tasks/new; echo two > tasks/new; echo x > self/current_task
		echo - > self/current_task; echo true > tasks/t1/complete; echo true > tasks/t2/complete
		echo "{\"agent_id\":\"bob\"}" > tasks/new'
	assert_eq "$(told)" 'cece active
cece idle
bob active'
	agent_do bob 'rmdir sessions/bob'
	assert_eq "$(told | tail -n 1)" 'bob idle'
	assert_eq "$(jq -r .event_type "$MNT/feeds/by-agent/bob" | tail -n 3 | tr '\n' ' ')" \
		'task.failed session.ended agent.idle '
	assert_eq "$(jq -c '.data' "$MNT/feeds/by-type/agent.active" | head -n 1)" \
		'{"agent":"cece","agent_id":"cece","status":"active","current_task":"one","current_activity":"t1"}'
	# Only the daemon tells them.
	assert_errno EINVAL agent_do cece 'echo x > self/say/agent.active'
	assert_match "$(last_error | jq -r .reason)" 'agent.active is for leitlfs itself'
}

@test "a restart tells no change again, kill -9 included, and none is lost" {
	leitl_up
	enter cece bob
	agent_do cece 'echo one > tasks/new'
	agent_do bob 'echo "tests" > self/current_task'
	leitl_kill9
	leitl_up
	leitl_down
	leitl_up
	assert_eq "$(told)" 'cece active
bob active'
	assert_eq "$(jq -r .status "$MNT/agents/cece/status.json")" active
	agent_do cece 'echo true > tasks/t1/complete'
	leitl_kill9
	leitl_up
	wait_until eval 'told | grep -q "cece idle"'
	assert_eq "$(told)" 'cece active
bob active
cece idle'
}

@test "a storm of tasks, and kill -9 in it: what is told alternates, and is right in the end" {
	leitl_up
	enter cece bob
	local round a b
	for round in 1 2 3; do
		a=$(agent_bg cece 'while echo x > self/say/task.started && echo x > self/say/task.completed; do :; done')
		b=$(agent_bg bob 'while echo "{\"agent_id\":\"cece\"}" > self/say/task.started && echo x > self/say/task.completed; do :; done')
		wait_until eval "[ \$(line_count '$MNT/feeds/by-type/task.completed') -gt $((round * 100)) ]"
		leitl_kill9
		agent_join cece "$a" >/dev/null 2>&1 || true
		agent_join bob "$b" >/dev/null 2>&1 || true
		leitl_up
	done
	py <<'EOF'
def right():
    last = {}
    for e in lines("activity"):
        if e["event_type"].startswith("agent."):
            assert last.get(e["from"], "idle") != e["data"]["status"], e
            last[e["from"]] = e["data"]["status"]
    return all(last.get(n, "idle") == json.loads(content(f"agents/{n}/status.json"))["status"]
               for n in ("cece", "bob"))
until(right, "what was told last to be so")
EOF
}

# --- receipts

@test "a message to one: that it is there, and who has read it and when, in sent and in its feed" {
	leitl_up
	enter cece bob
	agent_do cece 'echo "a secret" > sessions/bob/inbox'
	assert_eq "$(jq -c '[.event_type, .to, .data]' "$MNT/feeds/by-type/message.direct")" \
		'["message.direct","bob",{"bytes":22}]'
	assert_eq "$(agent_do cece 'cat self/sent' | jq -c '[.event_type, .to, .data.message]')" \
		'["message.direct","bob","a secret"]'
	local seq
	seq=$(jq .seq "$MNT/feeds/by-type/message.direct")
	follow live cat "$MNT/feeds/by-type/message.direct.live"
	wait_until reading "$FOLLOWER"
	agent_do bob 'cat self/next >/dev/null'
	local file=$MNT/feeds/by-type/message.direct
	assert_eq "$(line_count "$file")" 2
	assert_eq "$(tail -n 1 "$file" | jq -c '[.receipt, .seq, .by]')" "[\"read\",$seq,\"bob\"]"
	assert_match "$(tail -n 1 "$file" | jq -r .timestamp)" '^20.*Z$'
	assert_eq "$(agent_do cece 'tail -n 1 self/sent')" "$(tail -n 1 "$file")"
	assert_eq "$(stat -c %s "$file")" "$(wc -c <"$file")"
	wait_until eval '[ "$(jq -r .by "$LEITL_TMP/live")" = bob ]'
	kill "$FOLLOWER"
	# It is no event: it has no place in the other feeds, and is told once.
	refute grep -q receipt "$MNT/activity"
	agent_do bob "echo $seq > self/ack"
	assert_eq "$(line_count "$file")" 2
	refute grep -q secret "$file"
	leitl_kill9
	leitl_up
	assert_eq "$(tail -n 1 "$file" | jq -c '[.receipt, .seq, .by]')" "[\"read\",$seq,\"bob\"]"
}

@test "acknowledged at once, each message is told of; one's own broadcasts are counts in sent alone" {
	leitl_up
	enter cece bob dora
	agent_do cece 'echo one > sessions/bob/inbox; echo two > agents/bob/inbox; echo all > broadcast'
	agent_do dora 'echo three > sessions/bob/inbox'
	agent_do bob "echo $(last_seq) > self/ack"
	assert_eq "$(jq -c 'select(.receipt)' "$MNT/feeds/by-type/message.direct" | wc -l)" 3
	assert_eq "$(agent_do cece 'cat self/sent' | jq -c 'select(.by)' | wc -l)" 2
	assert_eq "$(agent_do dora 'cat self/sent' | jq -r 'select(.by) | .by')" bob
	wait_until agent_do cece 'grep -q "\"count\":1,\"of\":" self/sent'
	refute grep -q '"count"' "$MNT/feeds/by-type/message.direct"
}

@test "an unknown or ended receiver fails at the write" {
	leitl_up
	enter cece bob
	assert_errno ENOENT agent_do cece 'echo x > sessions/nobody/inbox'
	assert_errno ENOENT agent_do cece 'echo x > agents/nobody/inbox'
	agent_sh cece 'exec 5>sessions/bob/inbox 6>agents/bob/inbox'
	agent_do bob 'rmdir sessions/bob'
	assert_errno EHOSTDOWN agent_sh cece 'echo x >&5'
	assert_match "$(last_error | jq -r '.errno + ": " + .reason')" 'EHOSTDOWN: session bob has ended'
	assert_errno EHOSTDOWN agent_sh cece 'echo x >&6'
	assert_match "$(last_error | jq -r '.errno + ": " + .reason')" 'EHOSTDOWN: agent bob has no living'
	assert_errno EHOSTDOWN agent_do cece 'echo x > agents/bob/inbox'
	assert_errno ENOENT agent_do cece 'echo x > sessions/bob/inbox'
	assert_eq "$(cat "$MNT/feeds/by-type/message.direct")" ""
}
