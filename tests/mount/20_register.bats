# Every way of registering a session, what is refused, and a session's values.
load ../lib/mount
load ../helpers/sessions

setup() {
	leitl_up
	agent_start ann
}

ID='^leitl-cece-[0-9a-f]{16}$'
TIME='^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$'

# Everything under sessions/ but people's and the fixed files.
agents_sessions() {
	local path
	for path in "$MNT"/sessions/*/; do
		[ "$(cat "$path/agent_type")" = person ] || basename "$path"
	done
}

# Registering by TEXT, as one write(2) with a newline, is refused with ERRNO and a reason with WORD,
# and leaves nothing.
refused() { # ERRNO WORD TEXT
	local before
	before=$(agents_sessions)
	assert_errno "$1" "$PYTHON" -c 'import os, sys
os.write(os.open(sys.argv[1], os.O_WRONLY), os.fsencode(sys.argv[2]) + b"\n")' \
		"$MNT/sessions/new" "$3" || return
	assert_reason "$1" "$2" sessions/new || return
	assert_eq "$(agents_sessions)" "$before" "a refused registration left a session"
}

accepted() { # TEXT; prints the id
	local id
	exec 5<>"$MNT/sessions/new"
	printf '%s\n' "$1" >&5 || return
	read -r id <&5 || fail "no answer to $1" || return
	exec 5>&-
	lives "$id" || fail "no session $id for $1" || return
	echo "$id"
}

# --- ways of registering

@test "echo name > sessions/new" {
	agent_do ann 'echo cece > sessions/new'
	id=$(agents_sessions)
	assert_match "$id" "$ID"
	assert_eq "$(agent_do ann 'readlink self')" "sessions/$id"
	assert_eq "$(cat "$MNT/sessions/$id/id")" "$id"
	assert_eq "$(cat "$MNT/sessions/$id/agent_name")" cece
	assert_eq "$(cat "$MNT/sessions/$id/agent_type")" assistant
	assert_eq "$(cat "$MNT/sessions/$id/status")" active
	assert_eq "$(cat "$MNT/sessions/$id/health")" fresh
	[ -d "$MNT/agents/cece" ]
	[ -e "$MNT/agents/cece/sessions/$id" ]
	assert_eq "$(event_count session.started "$id")" 1
}

@test "echo 'name: task' > sessions/new, and >> does the same" {
	agent_do ann 'echo "cece: fix the login: all of it" > sessions/new'
	id=$(agents_sessions)
	assert_match "$id" "$ID"
	assert_eq "$(record "$id" agent_name)" cece
	assert_eq "$(record "$id" current_task)" "fix the login: all of it"
	assert_eq "$(cat "$MNT/sessions/$id/current_task")" "fix the login: all of it"
	agent_start bob
	agent_do bob 'echo "bob: look on" >> sessions/new'
	assert_eq "$(agent_do bob 'cat self/current_task')" "look on"
}

@test "JSON with all members, over several lines" {
	agent_do ann 'cat > sessions/new <<-END
		{
		  "agent_name": "Cece",
		  "agent_type": "reviewer",
		  "session_id": "my_Own-1",
		  "tags": ["red", "light green"],
		  "current_task": "look {at} \"it\"",
		  "query": "login bug",
		  "department": "engineering",
		  "context_sources": ["wiki", "code"],
		  "timeout": 90,
		  "metadata": {"model": {"name": "x"}, "n": [1, 2.5, null, true]}
		}
	END'
	jq -e '.session_id == "my_Own-1" and .agent_name == "Cece" and .agent_type == "reviewer" and
		.tags == ["red", "light green"] and .current_task == "look {at} \"it\"" and
		.query == "login bug" and .department == "engineering" and
		.context_sources == ["wiki", "code"] and .status == "active" and
		.metadata == {"model": {"name": "x"}, "n": [1, 2.5, null, true]}' \
		"$MNT/sessions/my_Own-1/session.json" || fail "$(cat "$MNT/sessions/my_Own-1/session.json")"
	assert_match "$(cat "$MNT/sessions/my_Own-1/timeout")" '^90s?$'
	[ -e "$MNT/agents/cece/sessions/my_Own-1" ]
	assert_eq "$(agent_do ann 'readlink self')" sessions/my_Own-1
}

@test "jq's JSON, with the name alone" {
	agent_do ann 'jq -n "{agent_name: \"cece\"}" > sessions/new'
	id=$(agents_sessions)
	assert_match "$id" "$ID"
	assert_eq "$(record "$id" agent_type)" assistant
	assert_eq "$(record "$id" 'tags | length')" 0
	assert_eq "$(record "$id" 'current_task // ""')" ""
}

@test "bash reads the id on the same descriptor, and then its end" {
	run agent_do ann 'exec 3<>sessions/new; echo cece >&3
		read -r id <&3; echo "$id"; read -r more <&3; echo "$? <$more>"
		echo dora >&3; read -r id <&3; echo "$id"; read -r more <&3; echo "$? <$more>"'
	assert_match "${lines[0]}" "$ID"
	assert_eq "${lines[1]}" "1 <>"
	assert_match "${lines[2]}" '^leitl-dora-[0-9a-f]{16}$'
	assert_eq "${lines[3]}" "1 <>"
	lives "${lines[0]}"
	lives "${lines[2]}"
}

@test "Python reads the id on the same descriptor" {
	run agent_do ann "$PYTHON - <<-'END'
		import os
		f = open('sessions/new', 'r+')
		f.write('cece\n')
		f.flush()
		print(f.readline().strip())
		print(repr(f.read()))
		with open('sessions/new', 'r+') as f:
		    f.write('dora\n')
		    f.flush()
		    print(f.readline().strip())
		with open('sessions/new', 'r+b', buffering=0) as f:
		    f.write(b'{\"agent_name\":\"eve\"}')
		    print(f.read().decode().strip())
		fd = os.open('sessions/new', os.O_RDWR)
		n = os.write(fd, b'fay\n')
		print(os.pread(fd, 200, n).decode().strip())
		print(os.pread(fd, 200, n).decode().strip())
		for name in os.listdir('sessions'):
		    if name.startswith('leitl-'):
		        print('has', name)
	END"
	[ "$status" -eq 0 ] || fail "$output"
	assert_match "${lines[0]}" "$ID"
	assert_eq "${lines[1]}" "''"
	assert_match "${lines[2]}" '^leitl-dora-'
	assert_match "${lines[3]}" '^leitl-eve-'
	assert_match "${lines[4]}" '^leitl-fay-'
	assert_eq "${lines[5]}" "${lines[4]}"
	for line in "${lines[@]:0:1}" "${lines[@]:2:3}"; do
		assert_match "$output" "has $line"
	done
}

@test "Node reads the id on the same descriptor" {
	command -v node || skip "no node"
	cat >"$LEITL_TMP/new.js" <<-'END'
		const fs = require('fs');
		const text = (b, n) => b.toString('utf8', 0, n).trim();
		const b = Buffer.alloc(200);
		let fd = fs.openSync('sessions/new', 'r+');
		fs.writeSync(fd, 'cece\n');
		console.log(text(b, fs.readSync(fd, b, 0, 200, null)));
		console.log(fs.readSync(fd, b, 0, 200, null));
		fs.closeSync(fd);
		fd = fs.openSync('sessions/new', 'r+');
		fs.writeSync(fd, '{"agent_name":"dora"}');
		console.log(fs.readFileSync(fd, 'utf8').trim());
		fs.closeSync(fd);
		(async () => {
			const f = await fs.promises.open('sessions/new', 'r+');
			await f.write('eve\n');
			const {bytesRead} = await f.read(b, 0, 200, null);
			console.log(text(b, bytesRead));
			await f.close();
		})();
	END
	run agent_do ann "node '$LEITL_TMP/new.js'"
	[ "$status" -eq 0 ] || fail "$output"
	assert_match "${lines[0]}" "$ID"
	assert_eq "${lines[1]}" 0
	assert_match "${lines[2]}" '^leitl-dora-[0-9a-f]{16}$'
	assert_match "${lines[3]}" '^leitl-eve-[0-9a-f]{16}$'
	assert_eq "$(events session.started | jq -r .session_id | grep -cxF -e "${lines[0]}" \
		-e "${lines[2]}" -e "${lines[3]}")" 3
}

@test "mkdir registers under an id of one's own" {
	agent_do ann 'mkdir sessions/Cece_2'
	assert_eq "$(record Cece_2 session_id)" Cece_2
	assert_eq "$(record Cece_2 agent_name)" Cece_2
	assert_eq "$(agent_do ann 'readlink self')" sessions/Cece_2
	[ -e "$MNT/agents/cece_2/sessions/Cece_2" ]
	assert_eq "$(event_count session.started Cece_2)" 1
	run ls "$MNT/sessions/Cece_2"
	for name in session.json id agent_name agent_type started_at uptime health status \
		current_task tags timeout heartbeat alive broadcast say inbox unread unread.md ack \
		sent activity; do
		assert_match $'\n'"$output"$'\n' $'\n'"$name"$'\n' "is not listed"
	done
	refute_match $'\n'"$output"$'\n' $'\n(wait|next|inbox.live|sent.live|activity.live)\n'
}

@test "several, line by line, and several in one write" {
	agent_do ann 'printf "one\ntwo\n" > sessions/new'
	agent_do ann 'printf "%s" "{\"agent_name\":\"three\"}{\"agent_name\":\"four\"}" > sessions/new'
	assert_eq "$(events session.started | jq -r .data.agent_name | grep -vx root | paste -sd' ')" \
		"one two three four"
}

@test "text without a newline counts when it is closed; blank lines and truncation are nothing" {
	agent_do ann ': > sessions/new; echo > sessions/new; printf "\n\n" > sessions/new'
	assert_eq "$(agents_sessions)" ""
	agent_do ann "$PYTHON -c 'import os
fd = os.open(\"sessions/new\", os.O_WRONLY)
for part in b\"ce\", b\"ce\", b\": a \", b\"task\\n\":
    os.write(fd, part)'"
	assert_eq "$(record "$(agents_sessions)" agent_name)" cece
	assert_eq "$(record "$(agents_sessions)" current_task)" "a task"
	agent_start bob
	agent_do bob 'printf bob > sessions/new'
	wait_until eval '[ "$(agent_do bob "cat self/agent_name")" = bob ]'
}

@test "sessions/new read without having written tells how to use it, and registers nobody" {
	before=$(ls "$MNT/sessions")
	usage=$(agent_do ann 'cat sessions/new')
	assert_match "$usage" 'agent_name'
	assert_match "$usage" 'echo .*sessions/new'
	assert_eq "$(stat -c %s "$MNT/sessions/new")" "$(wc -c <"$MNT/sessions/new")"
	assert_eq "$(agent_do ann 'exec 3<>sessions/new; cat <&3')" "$usage"
	assert_eq "$(ls "$MNT/sessions")" "$before"
	assert_errno ENOENT agent_do ann 'readlink -v self'
}

@test "the shape of session.json and sessions.json" {
	id=$(join ann cece)
	jq -e --arg id "$id" --arg time "$TIME" '
		.session_id == $id and .agent_name == "cece" and .agent_type == "assistant" and
		.tags == [] and (.started_at | test($time)) and (.last_heartbeat | test($time)) and
		.status == "active" and .health == "fresh" and has("current_task") and
		.context_sources == [] and (.uptime | test("^[0-9]+[smhd]")) and
		(.uptime_s | type) == "number" and .uptime_s < 60' \
		"$MNT/sessions/$id/session.json" || fail "$(cat "$MNT/sessions/$id/session.json")"
	assert_eq "$(stat -c %s "$MNT/sessions/$id/session.json")" \
		"$(wc -c <"$MNT/sessions/$id/session.json")"
	assert_eq "$(cat "$MNT/sessions/$id/started_at")" "$(record "$id" started_at)"
	assert_match "$(cat "$MNT/sessions/$id/uptime")" '^[0-9]+s$'
	started=$(date -d "$(record "$id" started_at)" +%s)
	assert_le $(($(date +%s) - started)) 30 "started_at is not now"
	jq -e --arg id "$id" '[.. | objects | select(.session_id? == $id)] | length == 1 and
		.[0].agent_name == "cece"' "$MNT/sessions.json" || fail "$(cat "$MNT/sessions.json")"
	jq -e '.seq | type == "number"' "$MNT/sessions.json"
	assert_eq "$(events session.started "$id" | jq -c '[.data.agent_name, .data.agent_type]')" \
		'["cece","assistant"]'
}

# --- the same again

@test "the same name from the same bound process is the same session" {
	id=$(join ann cece)
	assert_eq "$(join ann cece)" "$id"
	assert_eq "$(join_briefly ann 'CECE')" "$id"
	assert_eq "$(event_count session.updated "$id")" 0
	assert_eq "$(agent_do ann 'readlink self')" "sessions/$id"
	assert_eq "$(event_count session.started "$id")" 1
	agent_start bob
	other=$(join bob cece)
	assert_ne "$other" "$id"
	assert_eq "$(ls "$MNT/agents/cece/sessions" | grep -cxF -e "$id" -e "$other")" 2
}

@test "the same name again sets the task, the tags and the timeout that it gives" {
	id=$(join ann 'cece: the first')
	assert_eq "$(join_briefly ann 'Cece: now something else')" "$id"
	assert_eq "$(cat "$MNT/sessions/$id/current_task")" "now something else"
	assert_eq "$(join_briefly ann '{"agent_name":"cece","tags":["red"],"timeout":"2m"}')" "$id"
	assert_eq "$(join_briefly ann cece)" "$id"
	assert_eq "$(record "$id" '| [.agent_name, .current_task, .tags, .timeout_s] | tojson')" \
		'["cece","now something else",["red"],120]'
	assert_eq "$(join_briefly ann 'cece: -')" "$id"
	assert_eq "$(join_briefly ann '{"agent_name":"cece","current_task":"a","tags":[],"timeout":9}')" \
		"$id"
	assert_eq "$(events session.updated "$id" | jq -c '[.from, .data]')" \
		'["cece",{"current_task":"now something else"}]
["cece",{"tags":["red"],"timeout":120}]
["cece",{"current_task":null}]
["cece",{"current_task":"a","tags":[],"timeout":9}]'
	# And so after a restart.
	leitl_kill9
	leitl_up
	assert_eq "$(record "$id" '| [.current_task, .tags, .timeout_s] | tojson')" '["a",[],9]'
}

@test "two names of one key are two sessions of that agent" {
	id=$(join ann C++)
	other=$(join ann C--)
	assert_ne "$other" "$id"
	assert_eq "$(record "$id" agent_name) $(record "$other" agent_name)" "C++ C--"
	assert_eq "$(ls "$MNT/agents/c--/sessions" | grep -cxF -e "$id" -e "$other")" 2
	assert_eq "$(join_briefly ann c++)" "$id"
	assert_eq "$(join_briefly ann c--)" "$other"
}

@test "the same name from an agent whose every command is a new shell is the same session" {
	id=$(join_briefly ann cece)
	assert_eq "$(join_briefly ann cece)" "$id"
	assert_eq "$(join_briefly ann "{\"agent_name\":\"cece\"}")" "$id"
	assert_eq "$(agents_sessions)" "$id"
}

@test "an id of one's own, and mkdir, is always another session" {
	id=$(join ann cece)
	assert_eq "$(join ann '{"agent_name":"cece","session_id":"cece-2"}')" cece-2
	agent_do ann 'mkdir sessions/cece'
	lives "$id" && lives cece-2 && lives cece
	assert_eq "$(agents_sessions | wc -l)" 3
	assert_errno EEXIST agent_do ann 'mkdir sessions/cece'
	assert_errno EEXIST agent_do ann 'echo "{\"agent_name\":\"cece\",\"session_id\":\"cece-2\"}" > sessions/new'
	assert_reason EEXIST cece-2 sessions/new
	assert_eq "$(agents_sessions | wc -l)" 3
}

# --- names

@test "a name is kept as given; in the id and in agents/ it is lower-cased, dashed and cut to 41" {
	id=$(accepted 'Cece O. Smith_2')
	assert_match "$id" '^leitl-cece-o--smith_2-[0-9a-f]{16}$'
	assert_eq "$(record "$id" agent_name)" 'Cece O. Smith_2'
	[ -d "$MNT/agents/cece-o--smith_2" ]

	id=$(accepted '../../a/b')
	assert_match "$id" '^leitl-------a-b-[0-9a-f]{16}$'
	assert_eq "$(record "$id" agent_name)" '../../a/b'

	long=$(printf 'Ab%.0s' {1..32})
	id=$(accepted "$long")
	key=$(printf 'ab%.0s' {1..20})a
	assert_eq "${id%-*}" "leitl-$key"
	assert_eq ${#id} 64
	assert_eq "$(record "$id" agent_name)" "$long"
	[ -d "$MNT/agents/$key" ]

	id=$(accepted '{"agent_name":"Zo\u00eb \ud83e\udd8a"}')
	assert_match "$id" '^leitl-[a-z0-9_-]{1,41}-[0-9a-f]{16}$'
	assert_eq "$(record "$id" agent_name)" 'Zoë 🦊'
}

@test "names of 64 characters, of whatever bytes, and not of 65" {
	for letter in a é 🦊; do
		name=$(printf "$letter%.0s" {1..64})
		id=$(accepted "$name")
		assert_eq "$(record "$id" agent_name)" "$name"
		rmdir "$MNT/sessions/$id"
		refused EINVAL agent_name "$name$letter"
		refused EINVAL agent_name "{\"agent_name\":\"$name$letter\"}"
	done
}

@test "bad names are refused" {
	refused EINVAL agent_name $'ce\tce'
	refused EINVAL agent_name $'ce\ece'
	refused EINVAL agent_name $'ce\x7fce'
	refused EINVAL agent_name $'two\nlines'
	refused EINVAL agent_name '{"agent_name":"ce\u0007ce"}'
	refused EINVAL agent_name '{"agent_name":"ce\nce"}'
	refused EINVAL agent_name '{"agent_name":""}'
	refused EINVAL agent_name ': a task and no name'
	refused EINVAL '' $'ce\xffce'
	refused EINVAL current_task $'cece: two\nlines'
	refused EINVAL current_task '{"agent_name":"cece","current_task":"two\nlines"}'
	refused EINVAL agent_type '{"agent_name":"cece","agent_type":"two\nlines"}'
	refused EINVAL agent_name "$(printf 'x%.0s' {1..255})"
	refused EINVAL agent_name "$(printf 'x%.0s' {1..256})"
	assert_errno EINVAL bash -c "printf 'ce\\0ce\n' > '$MNT/sessions/new'"
	assert_errno EINVAL bash -c "printf 'a\nhere-document\n' | cat > '$MNT/sessions/new'"
	assert_eq "$(agents_sessions)" ""
}

@test "ids are 1 to 64 of A-Za-z0-9_-, and not new" {
	long=$(printf 'x%.0s' {1..64})
	for id in a 0 _ - -x A_z-9 "$long"; do
		agent_do ann "mkdir -- sessions/./$id"
		assert_eq "$(record "$id" session_id)" "$id"
		agent_do ann "rmdir -- sessions/./$id"
		assert_eq "$(accepted "{\"agent_name\":\"$id\",\"session_id\":\"$id\"}")" "$id"
	done
	for id in .x ... 'a b' a.b a: é $'a\nb' $'a\x01' $'a\xff' "x$long" "$(printf 'x%.0s' {1..255})"; do
		assert_errno EINVAL mkdir -- "$MNT/sessions/$id"
		assert_reason EINVAL '' ''
	done
	assert_errno EINVAL mkdir "$MNT/sessions/a b"
	assert_reason EINVAL '' "sessions/a b"
	assert_errno ENAMETOOLONG mkdir "$MNT/sessions/$(printf 'x%.0s' {1..256})"
	assert_errno EEXIST mkdir "$MNT/sessions/new"
	for id in '' new a/b .. . 'a b' 'a\nb' "x$long"; do
		refused EINVAL session_id "{\"agent_name\":\"cece\",\"session_id\":\"$id\"}"
	done
}

# --- refusals

@test "bad JSON, and members of the wrong type, name the field" {
	refused EINVAL agent_name '{}'
	refused EINVAL agent_name '{"current_task":"x"}'
	for value in 5 null true '["cece"]' '{"a":1}'; do
		refused EINVAL agent_name "{\"agent_name\":$value}"
	done
	for field in agent_type session_id current_task query department; do
		refused EINVAL "$field" "{\"agent_name\":\"cece\",\"$field\":5}"
	done
	for field in tags context_sources; do
		refused EINVAL "$field" "{\"agent_name\":\"cece\",\"$field\":\"red\"}"
		refused EINVAL "$field" "{\"agent_name\":\"cece\",\"$field\":[\"red\",1]}"
	done
	for value in '"soon"' -1 0 86401 '"25h"' '[]' 1e300; do
		refused EINVAL timeout "{\"agent_name\":\"cece\",\"timeout\":$value}"
	done
	refused EINVAL '' '{"agent_name":"cece",}'
	refused EINVAL '' '{"agent_name" "cece"}'
	refused EINVAL seq '{"agent_name":"cece","seq":3}'
	assert_eq "$(agents_sessions)" ""
}

@test "JSON that is incomplete when it is closed is EINVAL, and nothing" {
	run "$PYTHON" - "$MNT/sessions/new" <<-'END'
		import errno, os, sys
		fd = os.open(sys.argv[1], os.O_WRONLY)
		print(os.write(fd, b'{"agent_name":'))
		print(os.write(fd, b'"cece"'))
		try:
		    os.close(fd)
		except OSError as e:
		    print(errno.errorcode[e.errno])
	END
	assert_eq "${lines[*]}" "14 6 EINVAL"
	assert_reason EINVAL '' sessions/new
	assert_eq "$(agents_sessions)" ""
	assert_eq "$(accepted '{"agent_name":"cece","session_id":"cece"}')" cece
}

@test "after a refusal the same descriptor registers" {
	run agent_do ann 'exec 3<>sessions/new
		echo "{\"agent_name\":7}" >&3 2>/dev/null
		echo "{\"agent_name\":\"cece\",}" >&3 2>/dev/null
		echo cece >&3; read -r id <&3; echo "$id"'
	assert_match "${lines[0]}" "$ID"
	assert_eq "$(agents_sessions)" "${lines[0]}"
	assert_eq "$(grep -c 'sessions/new' "$MNT/errors")" 2
}

@test "the line in errors tells errno, reason, pid, session and path" {
	id=$(join ann cece)
	assert_errno EINVAL agent_sh ann 'echo "{\"agent_name\":7}" > sessions/new'
	jq -e --argjson pid "$(agent_pid ann)" --arg id "$id" --arg time "$TIME" '
		.errno == "EINVAL" and (.reason | test("agent_name")) and .pid == $pid and
		.session_id == $id and (.path | test("^/?sessions/new$")) and
		(.timestamp | test($time))' <<<"$(last_error)" || fail "$(last_error)"
}

@test "too many sessions are EDQUOT, until one ends" {
	leitl_down
	leitl_up -o sessions=2
	agent_do ann 'mkdir sessions/one && mkdir sessions/two'
	assert_errno EDQUOT agent_do ann 'mkdir sessions/three'
	assert_reason EDQUOT sessions ''
	refused EDQUOT sessions four
	agent_do ann 'rmdir sessions/one && mkdir sessions/three'
	lives two && lives three
}

# --- values

@test "status, current_task, tags and timeout are read and written" {
	agent_do ann 'mkdir sessions/cece'
	agent_do ann 'echo "busy with it" > self/status && echo "fix: the \"bug\"" > self/current_task
		echo "red, green blue" > self/tags && echo 15m > self/timeout'
	assert_eq "$(cat "$MNT/sessions/cece/status")" "busy with it"
	assert_eq "$(record cece status)" "busy with it"
	assert_eq "$(cat "$MNT/sessions/cece/current_task")" 'fix: the "bug"'
	assert_eq "$(record cece current_task)" 'fix: the "bug"'
	assert_eq "$(record cece 'tags | join("+")')" red+green+blue
	assert_eq "$(tr -s ',\n ' ' ' <"$MNT/sessions/cece/tags")" "red green blue "
	assert_match "$(cat "$MNT/sessions/cece/timeout")" '^(900s?|15m)$'
	assert_eq "$(events session.updated cece | jq -c .data | paste -sd' ')" \
		'{"status":"busy with it"} {"current_task":"fix: the \"bug\""} {"tags":["red","green","blue"]} {"timeout":900}'
	# What is read can be written back.
	agent_do ann 'for v in status current_task tags timeout; do
		text=$(cat self/$v) && echo "$text" > self/$v || exit; done'
	assert_eq "$(record cece '| [.status, .current_task, .tags] | tojson')" \
		'["busy with it","fix: the \"bug\"",["red","green","blue"]]'
}

@test "values have their true size, and one without a newline counts when it is closed" {
	agent_do ann 'mkdir sessions/cece; printf dozing > self/status'
	wait_until eval '[ "$(cat "$MNT/sessions/cece/status")" = dozing ]'
	for name in id agent_name agent_type started_at uptime health status current_task tags \
		timeout session.json; do
		size=$(stat -c %s "$MNT/sessions/cece/$name")
		assert_eq "$size" "$(wc -c <"$MNT/sessions/cece/$name")" "$name"
	done
	assert_eq "$(tail -c 1 "$MNT/sessions/cece/status" | od -An -c | tr -d ' ')" '\n'
}

@test "bad values are refused, and the old ones stay" {
	agent_do ann 'mkdir sessions/cece && echo 90 > self/timeout'
	for value in soon -1 0 86401 2d "1 1"; do
		assert_errno EINVAL agent_do ann "echo '$value' > self/timeout"
		assert_reason EINVAL timeout timeout
	done
	assert_match "$(cat "$MNT/sessions/cece/timeout")" '^90s?$'
	assert_errno EINVAL agent_do ann 'printf "two\nlines\n" | cat > self/status'
	assert_errno EINVAL agent_do ann 'printf "a\377\n" > self/current_task'
	assert_eq "$(record cece status)" active
	assert_eq "$(event_count session.updated cece)" 1
}

@test "values that are only read are not written" {
	agent_do ann 'mkdir sessions/cece'
	before=$(jq -c 'del(.seq, .uptime, .uptime_s, .last_heartbeat)' "$MNT/sessions/cece/session.json")
	for name in id agent_name agent_type started_at uptime health session.json; do
		run agent_do ann "echo other > self/$name"
		[ "$status" -ne 0 ] || fail "$name can be written"
		assert_match "$output" 'Permission denied|Operation not permitted|Invalid argument'
	done
	assert_eq "$(jq -c 'del(.seq, .uptime, .uptime_s, .last_heartbeat)' \
		"$MNT/sessions/cece/session.json")" "$before"
	assert_eq "$(event_count session.updated)" 0
}
