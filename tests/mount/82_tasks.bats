# Tasks: begun, ended, by whom, and what stays of them.
load ../lib/mount
load ../lib/loop

# The value of a member of a task's record.
of() { # ID MEMBER
	jq -r ".$2" "$MNT/tasks/$1/task.json"
}

# refuse_as NAME ERRNO COMMAND REASON: it must fail so, and the last line of errors says why.
refuse_as() {
	assert_errno "$2" agent_do "$1" "$3"
	assert_eq "$(last_error | jq -r .errno)" "$2" "errno in errors, of: $3"
	assert_match "$(last_error | jq -r .reason)" "$4" "reason of: $3"
}

@test "a task is begun by tasks/new, whose descriptor answers the id, and ended by complete" {
	leitl_up
	enter cece
	assert_eq "$(agent_do cece 'exec 3<>tasks/new; echo "fix the login" >&3; read -r id <&3; echo "$id"')" t1
	assert_eq "$(jq -c '[.task_id, .activity_id, .agent, .agent_id, .session_id, .by, .task_description, .status,
		.finished_at, .duration, .result, .error]' "$MNT/tasks/t1/task.json")" \
		'["t1","t1","cece","cece","cece",null,"fix the login","active",null,null,null,null]'
	agent_do cece 'echo true > tasks/t1/complete'
	assert_eq "$(of t1 status)" completed
	assert_match "$(of t1 finished_at)" '^20.*Z$'
	assert_match "$(of t1 duration)" '^0\.[0-9]+$'
	assert_eq "$(of t1 timestamp)" "$(of t1 started_at)"
	assert_eq "$(jq -c .data "$MNT/feeds/by-type/task.started")" \
		'{"task_id":"t1","agent":"cece","task_description":"fix the login"}'
	assert_eq "$(jq -c '.data | del(.duration)' "$MNT/feeds/by-type/task.completed")" \
		'{"task_id":"t1","agent":"cece","status":"completed"}'
	assert_eq "$(jq .seq "$MNT/feeds/by-type/task.completed")" "$(of t1 seq)"
}

@test "whichever way it is begun, it is a task: new, say, broadcast, text and objects" {
	leitl_up
	enter cece
	agent_do cece '
		echo one > tasks/new
		echo "{\"task_description\":\"two\"}" > tasks/new
		echo three > self/say/task.started
		echo "{\"description\":\"four\"}" > self/say/task.started
		echo "{\"event_type\":\"task.started\",\"data\":{\"task_description\":\"five\"}}" > broadcast
		echo "{\"event_type\":\"task.started\",\"data\":\"six\"}" > self/broadcast'
	assert_eq "$(jq -r .task_description "$MNT"/tasks/t*/task.json | tr '\n' ' ')" \
		'one two three four five six '
	agent_do cece '
		echo done > self/say/task.completed
		echo "{\"event_type\":\"task.failed\",\"data\":{\"task_id\":\"t2\",\"error\":\"red\"}}" > broadcast
		echo "false: no time" > tasks/t3/complete
		echo "{\"success\":true,\"result\":{\"n\":1.5}}" > tasks/t4/complete
		echo "all green" > tasks/t1/complete'
	assert_eq "$(jq -c '[.task_id, .status, .result, .error]' "$MNT"/tasks/t*/task.json)" \
		'["t1","completed","all green",null]
["t2","failed",null,"red"]
["t3","failed",null,"no time"]
["t4","completed",{"n":1.5},null]
["t5","active",null,null]
["t6","completed","done",null]'
	# An end that is no task's stays the event that it was.
	agent_do cece 'echo "{\"event_type\":\"task.completed\",\"data\":{\"task_id\":\"who\",\"n\":1}}" > broadcast'
	assert_eq "$(tail -n 1 "$MNT/feeds/by-type/task.completed" | jq -c .data)" '{"task_id":"who","n":1}'
}

@test "several in one write are begun together, each with its id, or none is" {
	leitl_up
	enter cece
	agent_py cece <<'EOF'
with open(path("tasks/new"), "r+b", buffering=0) as f:
    f.write(b'{"task_description":"one"}\n{"task_id":"mine"}{"task_description":"three"}\n')
    same(f.read().split(), [b"t1", b"mine", b"t2"])
    refused("EEXIST", f.write, b'{"task_description":"four"}\n{"task_id":"mine"}\n')
same(set(os.listdir(path("tasks"))), {"new", "README.md", "t1", "t2", "mine"})
with opened("broadcast") as fd:
    os.write(fd, b'{"event_type":"task.started","data":{"task_id":"x"}}\n'
                 b'{"event_type":"task.completed","data":{"task_id":"x"}}\n')
same(json.loads(content("tasks/x/task.json"))["status"], "completed")
EOF
}

@test "Daena's activities: type, department, metadata as written, related agents, for whom, feeds" {
	leitl_up
	enter cece bob
	agent_do cece 'cat > tasks/new <<END
{"agent_id":"bob","department":"engineering","activity_type":"memory_write",
 "metadata":{"item_id":"item_123","size_bytes":1024.0},"related_agents":["agent_2"],
 "estimated_duration":"15m","priority":3}
END'
	assert_eq "$(jq -c '[.agent, .by, .session_id, .department, .activity_type, .related_agents,
		.estimated_duration, .priority]' "$MNT/tasks/t1/task.json")" \
		'["bob","cece","cece","engineering","memory_write",["agent_2"],"15m",3]'
	grep -q '"metadata":{"item_id":"item_123","size_bytes":1024.0}' "$MNT/tasks/t1/task.json"
	assert_eq "$(jq -c '.data | [.agent, .by, .activity_type]' "$MNT/feeds/by-activity/memory_write")" \
		'["bob","cece","memory_write"]'
	grep -q '"task_id":"t1"' "$MNT/agents/bob/activity"
	agent_do cece 'echo "{\"activity_type\":\"council_debate\"}" > tasks/new'
	agent_do bob 'echo "{\"activity_id\":\"t1\",\"success\":true}" > tasks/t1/complete'
	assert_eq "$(ls -I README.md "$MNT/feeds/by-activity")" 'council_debate
memory_write'
	assert_eq "$(jq -r .event_type "$MNT/feeds/by-activity/memory_write" | tr '\n' ' ')" \
		'task.started task.completed '
	local type
	for type in agent_started agent_completed memory_read council_synthesis decision_made task_assigned \
		task_completed message_sent collaboration_started collaboration_ended my-own_2; do
		agent_do cece "echo '{\"activity_type\":\"$type\"}' > tasks/new"
		assert_eq "$(line_count "$MNT/feeds/by-activity/$type")" 1
	done
	assert_errno ENOENT cat "$MNT/feeds/by-activity/two words"
}

@test "a stream may be narrowed by activity_type, and Daena's names of messages are understood" {
	leitl_up
	enter cece
	agent_py cece <<'EOF'
def begin(activity):
    with opened("tasks/new") as fd:
        os.write(fd, b'{"activity_type":"%s"}\n' % activity.encode())

def end():
    with opened("self/say/task.completed") as fd:
        os.write(fd, b"done\n")

def seen(fd, count):
    """So many, and no more."""
    os.set_blocking(fd, False)
    events = []
    def read():
        with contextlib.suppress(BlockingIOError):
            events.extend(parse(os.read(fd, 65536)))
        return len(events) >= count
    until(read, f"{count} events")
    return [e["data"].get("activity_type", e["event_type"]) for e in events]

with opened("activity.live", os.O_RDWR) as a, opened("feeds/all.live", os.O_RDWR) as d, \
        opened("feeds/by-activity/council_debate.live", os.O_RDONLY) as f:
    os.write(a, b'{"subscribe":["task.started"],"activity_types":["council_*"]}\n')
    os.write(d, b'{"type":"subscribe","activity_types":["activity_completed","agent_status_update"]}\n')
    begin("memory_write")
    begin("council_debate")
    end()
    begin("council_synthesis")
    end()
    end()
    with opened("broadcast") as fd:
        os.write(fd, b"hello\n")
    same(seen(a, 2), ["council_debate", "council_synthesis"])
    same(seen(d, 5), ["agent.active"] + 3 * ["task.completed"] + ["agent.idle"])
    same(seen(f, 2), ["council_debate", "task.completed"])
    os.write(a, b'{"subscribe":["broadcast.message"]}\n')
    begin("council_debate")
    with opened("broadcast") as fd:
        os.write(fd, b"hello\n")
    same(seen(a, 1), ["broadcast.message"])
    for bad in (b'{"activity_types":"x"}', b'{"activity_types":[1]}', b'{"type":"subscribe"}'):
        refused("EINVAL", os.write, a, bad)
EOF
}

@test "who ends it: the session, the agent that it is for, through as/ too, and nobody else" {
	leitl_up
	enter cece bob dora
	agent_do bob 'echo "{\"agent_name\":\"bob\",\"session_id\":\"bob2\"}" > sessions/new'
	agent_do cece 'for id in a b c; do echo "{\"agent_id\":\"bob\",\"task_id\":\"$id\"}" > tasks/new; done'
	refuse_as dora EACCES 'echo true > tasks/a/complete' "task a is bob's"
	refuse_as dora EACCES 'echo "{\"task_id\":\"a\"}" > self/say/task.failed' "task a is bob's"
	agent_do cece 'echo true > tasks/a/complete'
	agent_do dora 'echo true > as/bob2/tasks/b/complete'
	agent_do dora 'echo true > as/bob/tasks/c/complete'
	assert_eq "$(jq -r '[.task_id, .status, .ended_by // "-"] | join(" ")' "$MNT"/tasks/[abc]/task.json)" \
		'a completed cece
b completed -
c completed -'
	assert_eq "$(head -n 1 "$MNT/feeds/by-type/task.completed" | jq -r .data.ended_by)" cece
}

@test "another user's task is not one's own, and no session's is its user's" {
	need_root
	leitl_up -o allow_other
	enter cece
	agent_do cece 'echo mine > tasks/new'
	assert_errno EACCES as_user 1 bash -c 'echo true > "$0"' "$MNT/tasks/t1/complete"
	as_user 1 bash -c 'echo theirs > "$0"' "$MNT/tasks/new"
	assert_eq "$(jq -c '[.session_id, .agent]' "$MNT/tasks/t2/task.json")" '[null,"daemon"]'
	refuse_as cece EACCES 'echo true > tasks/t2/complete' 'task t2 is daemon'
	as_user 1 bash -c 'echo true > "$0"' "$MNT/tasks/t2/complete"
	assert_eq "$(of t2 status)" completed
}

@test "every refusal has its errno, and its reason in errors" {
	leitl_up
	enter cece
	local new='> tasks/new'
	agent_do cece 'echo "{\"task_id\":\"mine\"}" > tasks/new; echo "{\"task_id\":\"over\"}" > tasks/new
		echo true > tasks/over/complete'
	local seq
	seq=$(last_seq)
	refuse_as cece EEXIST "echo '{\"task_id\":\"mine\"}' $new" 'task_id: mine is taken'
	refuse_as cece EEXIST "echo '{\"task_id\":\"over\"}' $new" 'task_id: over is taken; it is over'
	refuse_as cece EEXIST 'echo true > tasks/over/complete' 'task over is over already: completed'
	refuse_as cece EINVAL "echo '{\"task_id\":\"a b\"}' $new" 'task_id: must be'
	refuse_as cece EINVAL "echo '{\"task_id\":\"../x\"}' $new" 'task_id: must be'
	refuse_as cece EINVAL "echo '{\"activity_type\":\"two words\"}' $new" 'activity_type: must be'
	refuse_as cece EINVAL "echo '{\"metadata\":\"text\"}' $new" 'metadata: must be an object'
	refuse_as cece EINVAL "echo '{\"related_agents\":{}}' $new" 'related_agents: must be'
	refuse_as cece EINVAL "echo '{\"agent_id\":7}' $new" 'agent_id: must be a string'
	refuse_as cece EINVAL "echo '{\"task_description\"}' $new" 'line 1'
	refuse_as cece ENOENT "echo '{\"collaboration\":\"none\"}' $new" 'collaboration: there is no none'
	refuse_as cece EACCES "echo '{\"session_id\":\"bob\"}' $new" 'session_id: "bob" is not'
	refuse_as cece EINVAL 'echo "{\"success\":1}" > tasks/mine/complete' 'success: must be'
	refuse_as cece EINVAL 'echo "{\"task_id\":\"over\"}" > tasks/mine/complete' 'task_id: this is where mine'
	refuse_as cece EINVAL 'echo "{\"success\":false}" > self/say/task.completed' 'success: false'
	refuse_as cece EMSGSIZE 'head -c 70000 /dev/zero | tr "\0" x > tasks/new' 'at most 65536 bytes'
	assert_errno ENOENT agent_do cece '[ -e tasks/none ] || cat tasks/none/task.json'
	assert_eq "$(last_seq)" "$seq" "what is refused leaves nothing"
	assert_eq "$(of mine status)" active
	# Once the session has ended, it says nothing more.
	agent_sh cece 'exec 5>tasks/new 6>tasks/mine/complete; rmdir sessions/cece'
	assert_errno ESTALE agent_sh cece 'echo more >&5'
	assert_errno ESTALE agent_sh cece 'echo true >&6'
}

@test "unfinished ones of an ended session are failed with it" {
	leitl_up
	enter cece bob
	agent_do cece 'echo own > tasks/new
		echo "{\"agent_id\":\"bob\"}" > tasks/new
		echo "{\"agent_id\":\"agent_1\"}" > tasks/new'
	agent_kill cece
	wait_until test ! -e "$MNT/sessions/cece"
	assert_eq "$(jq -c '[.task_id, .status, .error]' "$MNT"/tasks/t?/task.json)" \
		'["t1","failed","session ended"]
["t2","active",null]
["t3","failed","session ended"]'
	assert_eq "$(jq -r .event_type "$MNT/feeds/by-session/cece" | tail -n 3 | tr '\n' ' ')" \
		'task.failed task.failed session.ended '
	assert_eq "$(tail -n 1 "$MNT/feeds/by-type/task.failed" | jq -r .data.reason)" 'session ended'
	agent_do bob 'rmdir sessions/bob'
	assert_eq "$(of t2 status)" failed
}

@test "10 a second an agent, whichever way they are begun; complete is not counted" {
	leitl_up -O broadcasts=0
	enter cece
	agent_py cece <<'EOF'
def storm(name, text):
    began = time.monotonic()
    n = 0
    with opened(name) as fd:
        while True:
            try:
                os.write(fd, text)
                n += 1
            except OSError as e:
                same(errno.errorcode[e.errno], "EDQUOT")
                assert "tasks: more than 10 a second" in lines("errors")[-1]["reason"]
                return n, time.monotonic() - began

for name, text in (("tasks/new", b"x\n"), ("broadcast", b'{"event_type":"task.started","data":{}}\n')):
    n, took = storm(name, text)
    assert 10 <= n <= 11 + 10 * took, (n, took)
    time.sleep(1.1)  # not a condition: the bucket fills anew
for name in set(os.listdir(path("tasks"))) - {"new", "README.md"}:
    with opened(f"tasks/{name}/complete") as fd:
        os.write(fd, b"true\n")
EOF
}

@test "tasks survive kill -9, and so do their numbers" {
	leitl_up
	enter cece
	agent_do cece 'echo "{\"task_description\":\"one\",\"activity_type\":\"task_assigned\",\"metadata\":{\"n\":1.50}}" > tasks/new
		echo two > tasks/new; echo "false: red" > tasks/t2/complete'
	local before
	before=$(cat "$MNT"/tasks/t?/task.json)
	leitl_kill9
	leitl_up
	assert_eq "$(cat "$MNT"/tasks/t?/task.json)" "$before"
	assert_eq "$(line_count "$MNT/feeds/by-activity/task_assigned")" 1
	assert_eq "$(agent_do cece 'exec 3<>tasks/new; echo three >&3; cat <&3')" t3
	agent_do cece 'echo true > tasks/t1/complete'
	assert_eq "$(of t1 status)" completed
}

@test "the last 1,000 that are over stay readable" {
	leitl_up
	enter cece
	agent_py cece <<'EOF'
for i in range(1, 1003):
    with opened("tasks/new") as fd:
        os.write(fd, b"x\n")
    with opened(f"tasks/t{i}/complete") as fd:
        os.write(fd, b"true\n")
names = set(os.listdir(path("tasks"))) - {"new", "README.md"}
same(names, {f"t{i}" for i in range(3, 1003)})
refused("ENOENT", open, path("tasks/t2/task.json"))
same(json.loads(content("tasks/t3/task.json"))["status"], "completed")
EOF
}

@test "looking at tasks changes nothing" {
	leitl_up
	enter cece
	agent_do cece 'echo one > tasks/new; echo true > tasks/t1/complete; echo two > tasks/new'
	local seq
	seq=$(last_seq)
	grep -r . "$MNT/tasks" >/dev/null
	tar c -C "$MNT" tasks status.json agents | tar t >/dev/null
	ls -lR "$MNT/tasks" "$MNT/feeds/by-activity" >/dev/null
	assert_eq "$(stat -c %s "$MNT/tasks/t1/task.json")" "$(wc -c <"$MNT/tasks/t1/task.json")"
	assert_eq "$(last_seq)" "$seq"
	grep -q 'echo .*tasks/new' "$MNT/tasks/new"
}
