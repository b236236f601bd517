# What a second and a third user may read and write of a session, on a mount that all share: uid 1
# has the agent ann with the session cece, uid 2 has bob with bob; the mount is root's.
load ../lib/mount
load ../helpers/sessions

setup() {
	need_root
}

shared() { # OPTIONS
	leitl_up -o "allow_other${1:+,$1}"
	agent_start -u 1 ann
	agent_start -u 2 bob
	agent_do ann 'mkdir sessions/cece && touch self/heartbeat'
	agent_do bob 'mkdir sessions/bob && touch self/heartbeat'
}

# What must stay as it was, whatever another user tries.
state_of_cece() {
	jq -c 'del(.seq, .uptime, .uptime_s)' "$MNT/sessions/cece/session.json"
	agent_do ann 'cat self/unread self/inbox self/sent'
	cat "$MNT/activity"
}

may_read() { # AGENT PATH…
	local path
	for path in "${@:2}"; do
		agent_do "$1" "timeout 5 cat $path >/dev/null" || fail "$1 can't read $path" || return
	done
}

may_not_read() { # AGENT PATH…
	local path
	for path in "${@:2}"; do
		assert_errno EACCES agent_do "$1" "timeout 5 cat $path" || return
	done
}

may_not_write() { # AGENT PATH…
	local path
	for path in "${@:2}"; do
		assert_errno EACCES agent_do "$1" "echo 90 > $path" || return
		assert_errno EACCES agent_do "$1" "echo 90 >> $path" || return
	done
}

@test "without allow_other nobody else comes in" {
	leitl_up
	assert_errno EACCES as_user 1 ls "$MNT"
	assert_errno EACCES as_user 1 cat "$MNT/README.md"
	assert_errno EACCES as_user 1 mkdir "$MNT/sessions/cece"
	refute lives cece
}

@test "a session is its user's, and so are its files" {
	shared
	assert_eq "$(record cece uid)" 1
	assert_eq "$(cd "$MNT/sessions/cece" && stat -c %u . session.json status inbox unread say |
		sort -u)" 1
	assert_eq "$(cd "$MNT/sessions/cece" && find . ! -uid 1)" ""
	assert_eq "$(agent_do ann 'readlink self')" sessions/cece
	assert_eq "$(agent_do bob 'readlink self')" sessions/bob
	agent_do ann 'echo hello > broadcast'
	assert_eq "$(sender_of hello)" "cece cece"
}

@test "others see its metadata" {
	shared
	agent_start -u 65534 eve
	agent_do ann 'echo "on with it" > self/current_task'
	for who in bob eve; do
		for name in session.json id agent_name agent_type started_at uptime health status \
			current_task tags timeout activity; do
			may_read $who sessions/cece/$name
		done
		assert_eq "$(agent_do $who 'cat sessions/cece/current_task')" "on with it"
		assert_eq "$(agent_do $who 'jq -r .agent_name sessions/cece/session.json')" cece
		assert_match "$(agent_do $who 'ls -l sessions/cece/')" inbox
		assert_match "$(agent_do $who 'ls -lR sessions agents' 2>&1)" current_task
		may_read $who sessions.json activity broadcast README.md errors feeds/all \
			feeds/by-session/cece feeds/by-agent/cece agents/cece/activity \
			agents/cece/sessions/cece/session.json
		assert_eq "$(agent_do $who 'timeout 1 head -n 0 activity.live')" ""
		agent_do $who 'stat sessions/cece/heartbeat sessions/cece/inbox sessions/cece/unread'
	done
}

@test "others read none of its messages" {
	shared
	agent_do bob 'echo for your eyes > sessions/cece/inbox'
	agent_do ann 'echo in reply > sessions/bob/inbox'
	agent_start -u 65534 eve
	for who in bob eve; do
		may_not_read $who sessions/cece/inbox sessions/cece/inbox.live sessions/cece/unread \
			sessions/cece/unread.md sessions/cece/wait sessions/cece/next \
			sessions/cece/sent sessions/cece/sent.live agents/cece/inbox
	done
	may_read ann self/inbox self/unread self/unread.md self/wait self/sent agents/cece/inbox
	assert_eq "$(agent_do ann 'cat self/next' | jq -r .data.message)" "for your eyes"
	assert_eq "$(agent_do bob 'cat self/next' | jq -r .data.message)" "in reply"
}

@test "what was said directly is in nobody else's files" {
	shared
	agent_do bob 'echo xyzzy is secret > sessions/cece/inbox'
	agent_do bob 'echo xyzzy is secret too > agents/cece/inbox'
	agent_start -u 65534 eve
	for who in eve ann bob; do
		refute_match "$(agent_do $who 'cat activity feeds/all feeds/by-session/* feeds/by-agent/* \
			feeds/by-type/* feeds/since/0 sessions/*/activity agents/*/activity broadcast' \
			2>/dev/null)" xyzzy
	done
	refute_match "$(agent_do eve 'grep -rs xyzzy .')" xyzzy
	assert_eq "$(agent_do eve 'cat activity' | jq -c 'select(.event_type == "message.direct") |
		[.session_id, .to, (.data | keys)]' | paste -sd' ')" \
		'["bob","cece",["bytes"]] ["bob","cece",["bytes"]]'
	assert_eq "$(agent_do ann 'cat self/inbox' | jq -r .data.message | head -n 1)" "xyzzy is secret"
	assert_match "$(agent_do bob 'cat self/sent')" 'xyzzy is secret too'
}

@test "others write to its inbox, and to nothing else of it" {
	shared
	before=$(state_of_cece)
	may_not_write bob sessions/cece/{status,current_task,tags,timeout,heartbeat,alive,broadcast,ack} \
		sessions/cece/say/x.y sessions/cece/say/task.started
	assert_errno EACCES agent_do bob 'echo ended > sessions/cece/status'
	assert_errno EACCES agent_do bob 'touch sessions/cece/heartbeat'
	assert_errno EACCES agent_do bob 'exec 5>sessions/cece/alive'
	assert_errno EACCES agent_do bob 'rmdir sessions/cece'
	for name in session.json id agent_name health unread sent activity; do
		refute agent_do bob "echo x > sessions/cece/$name" 2>/dev/null
	done
	refute agent_do bob 'rm -f sessions/cece/status' 2>/dev/null
	refute agent_do bob 'mkdir sessions/cece/x' 2>/dev/null
	refute agent_do bob 'mv sessions/cece sessions/dora' 2>/dev/null
	refute agent_do bob 'chmod 777 sessions/cece/unread' 2>/dev/null
	refute agent_do bob 'chown 2 sessions/cece' 2>/dev/null
	assert_eq "$(state_of_cece)" "$before"
	agent_do bob 'echo hello > sessions/cece/inbox'
	assert_eq "$(agent_do ann 'cat self/next' | jq -c '[.session_id, .from, .to, .data.message]')" \
		'["bob","bob","cece","hello"]'
	agent_do bob 'echo again > agents/cece/inbox'
	assert_eq "$(agent_do ann 'cat self/next' | jq -r .data.message)" again
}

@test "nor does root, whom mode bits do not hold" {
	shared
	agent_do bob 'echo hello > sessions/cece/inbox'
	agent_start root
	before=$(state_of_cece)
	may_not_write root sessions/cece/{status,current_task,tags,timeout,heartbeat,alive,broadcast,ack} \
		sessions/cece/say/x.y
	may_not_read root sessions/cece/{next,wait}
	assert_errno EACCES agent_do root 'touch sessions/cece/heartbeat'
	assert_errno EACCES agent_do root 'rmdir sessions/cece'
	assert_errno EACCES agent_do root 'echo posing > as/cece/broadcast'
	assert_eq "$(state_of_cece)" "$before"
}

@test "nobody goes through another user's as/" {
	shared
	before=$(state_of_cece)
	agent_start root
	for who in bob root; do
		assert_errno EACCES agent_do $who 'ls as/cece/'
		assert_errno EACCES agent_do $who 'cd as/cece'
		may_not_read $who as/cece/README.md as/cece/activity as/cece/self/id as/cece/self/unread \
			as/cece/self/next
		may_not_write $who as/cece/broadcast as/cece/self/status as/cece/sessions/bob/inbox \
			as/cece/self/inbox
		assert_errno EACCES agent_do $who 'mkdir as/cece/sessions/dora'
		assert_errno EACCES agent_do $who 'cat as/bob/../cece/self/id'
	done 2>&1
	refute lives dora
	assert_eq "$(state_of_cece)" "$before"
	assert_eq "$(agent_do ann 'cat as/cece/self/id')" cece
}

@test "everybody speaks in broadcast, as himself" {
	shared
	agent_start -u 65534 eve
	for who in ann bob eve; do
		agent_do $who "echo by $who > broadcast"
	done
	assert_eq "$(sender_of 'by ann')" "cece cece"
	assert_eq "$(sender_of 'by bob')" "bob bob"
	assert_eq "$(sender_of 'by eve')" "null nobody"
	assert_errno EACCES agent_do bob \
		'echo "{\"message\":\"forged\",\"session_id\":\"cece\"}" > broadcast'
	assert_errno EACCES agent_do eve 'echo "{\"message\":\"forged\",\"from\":\"cece\"}" > broadcast'
	refute_sent forged
	assert_eq "$(agent_do ann 'cat broadcast' | jq -r .data.message | paste -sd,)" \
		"by ann,by bob,by eve"
	# Each inbox has what the others said.
	assert_eq "$(agent_do ann 'cat self/unread' | jq -r .data.message | paste -sd,)" "by bob,by eve"
	assert_eq "$(agent_do bob 'cat self/unread' | jq -r .data.message | paste -sd,)" "by ann,by eve"
}

@test "errors shows one's own refusals only" {
	shared
	refute agent_do ann 'echo "{\"agent_name\":11}" > sessions/new' 2>/dev/null
	refute agent_do ann 'echo soon > self/timeout' 2>/dev/null
	refute agent_do bob 'echo "{\"agent_name\":\"x\",\"tags\":5}" > sessions/new' 2>/dev/null
	refute agent_do bob 'rmdir sessions/cece' 2>/dev/null
	assert_match "$(agent_do ann 'cat errors' | jq -r .reason | paste -sd,)" '^[^,]*agent_name.*timeout'
	refute_match "$(agent_do ann 'cat errors')" 'tags|"pid":'"$(agent_pid bob)"
	assert_match "$(agent_do bob 'cat errors' | jq -r .reason)" tags
	refute_match "$(agent_do bob 'cat errors')" 'agent_name:|timeout'
	assert_eq "$(cat "$MNT/errors")" ""
	assert_eq "$(agent_do ann 'stat -c %s errors')" "$(agent_do ann 'cat errors' | wc -c)"
	assert_eq "$(agent_do bob 'stat -c %s errors')" "$(agent_do bob 'cat errors' | wc -c)"
}

@test "errors.live shows one's own refusals only, too" {
	shared
	pid=$(agent_bg bob 'exec timeout 20 head -n 1 errors.live 2>/dev/null')
	wait_until eval '[ "$(cat /proc/$pid/comm)" = timeout ]'
	wait_until eval '[ -e /proc/$pid/task/$pid/children ] && kid=$(cat /proc/$pid/task/$pid/children) &&
		readlink /proc/${kid% }/fd/* | grep errors.live'
	refute agent_do ann 'echo soon > self/timeout' 2>/dev/null
	refute agent_do bob 'echo "{\"agent_name\":5}" > sessions/new' 2>/dev/null
	line=$(agent_join bob "$pid")
	assert_eq "$(line_count <(echo "$line"))" 1
	assert_match "$(jq -r .reason <<<"$line")" agent_name || fail "$line"
}

@test "a name and an id are the first user's" {
	shared
	for name in cece Cece CECE; do
		assert_errno EACCES agent_do bob "echo $name > sessions/new"
		assert_reason EACCES agent_name sessions/new
		assert_errno EACCES agent_do bob "echo '{\"agent_name\":\"$name\",\"session_id\":\"mine\"}' > sessions/new"
	done
	assert_errno EACCES agent_do bob 'mkdir sessions/CECE'
	assert_errno EEXIST agent_do bob 'mkdir sessions/cece'
	assert_errno EEXIST agent_do bob 'echo "{\"agent_name\":\"dora\",\"session_id\":\"cece\"}" > sessions/new'
	assert_reason EEXIST session_id sessions/new
	refute lives mine
	refute lives CECE
	# Its own user's: another session of that agent.
	agent_start -u 1 ann2
	agent_do ann2 'mkdir sessions/CECE'
	assert_eq "$(ls "$MNT/agents/cece/sessions" | grep -vx README.md | sort | paste -sd' ')" "CECE cece"
	# After the end too.
	agent_do bob 'echo hello > sessions/cece/inbox'
	agent_do ann 'rmdir sessions/cece'
	assert_errno EACCES agent_do bob 'mkdir sessions/cece' # it would be that agent's
	assert_errno EEXIST agent_do bob \
		'echo "{\"agent_name\":\"dora\",\"session_id\":\"cece\"}" > sessions/new'
	agent_do ann 'mkdir sessions/cece'
	assert_eq "$(agent_do ann 'cat self/unread' | jq -r .data.message)" hello
}

@test "the limit of sessions is each user's own" {
	shared sessions=2
	agent_do ann 'mkdir sessions/second'
	assert_errno EDQUOT agent_do ann 'mkdir sessions/third'
	agent_do bob 'mkdir sessions/third'
	assert_eq "$(record third uid)" 2
}

@test "the walk to an ancestor with a session stops at another user" {
	leitl_up -o allow_other,late=1h,timeout=1h,handover=1h
	agent_start ann
	agent_do ann 'mkdir sessions/cece && touch self/heartbeat'
	one='setpriv --reuid=1 --regid=1 --clear-groups'
	assert_errno ENOENT agent_do ann "$one readlink -v self"
	agent_do ann "$one bash -c 'echo hello > broadcast'"
	assert_eq "$(sender_of hello)" "null daemon"
	# And a session is never handed up to another user's process.
	assert_eq "$(agent_do ann "$one bash -c 'mkdir sessions/dora && cat self/id; true'")" dora
	assert_ends_at_once dora "process gone"
	assert_eq "$(agent_do ann 'cat self/id')" cece
}

@test "a descriptor is its opener's: another user's write through it is refused" {
	shared
	cat >"$LEITL_TMP/pass.py" <<-'END'
		import array, errno, os, socket, sys
		def attempt(who, fd):
		    try: print(who, os.write(fd, b'stolen\n'))
		    except OSError as e: print(who, errno.errorcode[e.errno])
		    sys.stdout.flush()
		def inherited(path, opener, writer):
		    # Root alone can become others: it opens as the opener, then writes as the writer.
		    pid = os.fork()
		    if not pid:
		        os.seteuid(opener)
		        fd = os.open(path, os.O_WRONLY)
		        os.seteuid(0)
		        if writer: os.setuid(writer)
		        attempt('inherited', fd)
		        os._exit(0)
		    os.waitpid(pid, 0)
		def passed(path, opener, writer):
		    ours, theirs = socket.socketpair(socket.AF_UNIX)
		    pid = os.fork()
		    if not pid:
		        os.setuid(opener)
		        fd = os.open(path, os.O_WRONLY)
		        theirs.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [fd]))])
		        os._exit(0)
		    data = ours.recvmsg(1, socket.CMSG_SPACE(4))[1][0][2]
		    os.waitpid(pid, 0)
		    fd = array.array('i', data)[0]
		    pid = os.fork()
		    if not pid:
		        if writer: os.setuid(writer)
		        attempt('passed', fd)
		        os._exit(0)
		    os.waitpid(pid, 0)
		os.chdir(sys.argv[1])
		for path in sys.argv[2:]:
		    for opener, writer in (1, 2), (1, 0), (0, 1):
		        inherited(path, opener, writer)
		        passed(path, opener, writer)
	END
	before=$(state_of_cece)
	run agent_do bob 'cat sessions/bob/inbox'
	[ "$status" -eq 0 ]
	run "$PYTHON" "$LEITL_TMP/pass.py" "$MNT" broadcast sessions/cece/inbox sessions/new
	[ "$status" -eq 0 ] || fail "$output"
	assert_eq "$(sort <<<"$output" | uniq -c | tr -s ' ')" $' 9 inherited EACCES\n 9 passed EACCES'
	assert_eq "$(state_of_cece)" "$before"
	refute_sent stolen
	# The same user's is no other's.
	agent_do bob 'exec 5>broadcast; bash -c "echo inherited >&5"'
	assert_eq "$(sender_of inherited)" "bob bob"
}

@test "a set-uid program that is made to write an error text says nothing" {
	shared
	install -m 4755 "$(command -v id)" "$LEITL_TMP/sid"
	[ "$(as_user 1 "$LEITL_TMP/sid" -u)" = 0 ] || skip "no set-uid programs in $LEITL_TMP"
	before=$(state_of_cece)
	for path in broadcast sessions/cece/inbox sessions/root/inbox sessions/new; do
		agent_do ann "exec 5>$path; '$LEITL_TMP/sid' no-such-user 2>&5 || true"
	done
	refute_sent no-such-user
	assert_eq "$(state_of_cece)" "$before"
	assert_eq "$(ls "$MNT/sessions" | grep no-such)" ""
	# An ordinary one's does get through.
	agent_do ann "id no-such-user 2>broadcast || true"
	assert_match "$(tail -n 1 "$MNT/broadcast")" 'no such user'
}
