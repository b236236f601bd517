#!/usr/bin/env bats
# Working together: who takes part, what is said to whom, what is decided, and what stays of it.
load ../lib/mount
load ../lib/loop

collaborations() {
	ls "$MNT/collaborations" | grep -v -x -e new -e README.md || true
}

of() { # ID JQ
	jq -rc "$2" "$MNT/collaborations/$1/collaboration.json"
}

# A process that has the file open and sleeps in its read.
waits_in() { # PID NAME
	local fd
	for fd in /proc/"$1"/fd/*; do
		[[ $(readlink "$fd") == */"$2" ]] && grep -q '^State:.S' "/proc/$1/status" && return 0
	done
	return 1
}

# --- beginning

@test "text to new begins one with those named, and answers with its id" {
	leitl_up
	enter cece bob
	assert_eq "$(agent_sh cece 'exec 3<>collaborations/new; echo "bob, ann" >&3; read -r id <&3; exec 3>&-; echo "$id"')" c1
	assert_eq "$(collaborations)" c1
	assert_eq "$(tr '\n' ' ' <"$MNT/collaborations/c1/participants")" 'cece bob ann '
	assert_eq "$(ls "$MNT/collaborations/c1" | tr '\n' ' ')" \
		'README.md activity collaboration.json decisions messages participants votes '
	assert_eq "$(of c1 '[.id, .session_id, .session_type, .started_by, .status, .ended_at, .participants,
		.activity_count, .message_count, .decision_count, .decisions]')" \
		'["c1","c1","general","cece","active",null,["cece","bob","ann"],1,0,0,[]]'
	assert_match "$(of c1 .started_at)" '^20[0-9-]+T[0-9:]+\.[0-9]{6}Z$'
	assert_eq "$(of c1 .seq)" "$(last_seq)"
	assert_eq "$(jq -c 'select(.event_type == "collaboration.started") | [.session_id, .data]' \
		"$MNT/activity")" \
		'["cece",{"collaboration":"c1","session_type":"general","participants":["cece","bob","ann"]}]'
	assert_match "$(cat "$MNT/collaborations/new")" 'collaborations/new'
}

@test "mkdir begins one under a name of its own; JSON says more" {
	leitl_up
	enter cece
	agent_do cece 'mkdir collaborations/login'
	assert_eq "$(cat "$MNT/collaborations/login/participants")" cece
	agent_do cece "echo '{\"participants\":[\"agent_1\"],\"session_type\":\"council\",\"metadata\":{\"round\":2}}' > collaborations/new"
	assert_eq "$(of c1 '[.session_type, .metadata, .participants]')" \
		'["council",{"round":2},["cece","agent_1"]]'
	# What has no session, as an adapter has none, begins one for others.
	echo '{"participants":["agent_1","agent_2"],"session_type":"general"}' >"$MNT/collaborations/new"
	assert_eq "$(of c2 '[.participants, (.started_by | type)]')" '[["agent_1","agent_2"],"string"]'
	rmdir "$MNT/collaborations/c2"

	assert_errno EEXIST agent_do cece 'mkdir collaborations/login'
	assert_errno EEXIST agent_do cece "echo '{\"name\":\"login\"}' > collaborations/new"
	assert_match "$(last_error)" '"EEXIST","reason":"collaboration login goes on already"'
	assert_errno EINVAL agent_do cece 'mkdir "collaborations/a b"'
	assert_match "$(last_error)" '"EINVAL","reason":"name: '
	assert_errno EINVAL agent_do cece "echo '{\"participant\":[\"bob\"]}' > collaborations/new"
	assert_match "$(last_error)" '"EINVAL","reason":"participant: unknown'
	assert_errno EINVAL agent_do cece "echo '{\"participants\":[1]}' > collaborations/new"
	assert_errno EINVAL agent_do cece "echo '{\"metadata\":1}' > collaborations/new"
	assert_errno ESTALE agent_sh cece 'mkdir sessions/brief; rmdir sessions/brief sessions/cece; echo bob > collaborations/new'
	assert_eq "$(collaborations | tr '\n' ' ')" 'c1 c2 login '
}

# --- taking part

@test "participants come and go by their names" {
	leitl_up
	enter cece bob eve
	agent_do cece 'mkdir collaborations/login'
	assert_errno EACCES agent_do eve 'echo eve > collaborations/login/participants'
	assert_match "$(last_error)" '"EACCES","reason":"not a participant of collaboration login'
	agent_do cece 'echo bob > collaborations/login/participants'
	agent_do bob 'printf "%s\n" ann -cece > collaborations/login/participants'
	agent_do bob "echo '[\"al\", \"Dr. No\"]' > collaborations/login/participants"
	agent_do bob 'echo -al > collaborations/login/participants'
	assert_eq "$(tr '\n' ' ' <"$MNT/collaborations/login/participants")" 'bob ann Dr. No '
	assert_errno EINVAL agent_do bob 'echo -zoe > collaborations/login/participants'
	assert_match "$(last_error)" '"EINVAL","reason":"participants: zoe takes no part"'
	agent_do cece 'echo "{\"add\":[\"cece\"],\"remove\":[\"ann\"]}" > collaborations/login/participants'
	assert_eq "$(jq -c 'select(.event_type == "collaboration.updated") | [.data.added, .data.removed]' \
		"$MNT/collaborations/login/activity" | tr '\n' ' ')" \
		'[["bob"],[]] [["ann"],[]] [[],["cece"]] [["al","Dr. No"],[]] [[],["al"]] [["cece"],["ann"]] '
	# Reading it through an editor's copy is what it was.
	assert_eq "$(stat -c %s "$MNT/collaborations/login/participants")" \
		"$(wc -c <"$MNT/collaborations/login/participants")"
}

@test "who takes part is told of what begins, who comes, what is decided, and the end" {
	leitl_up
	enter cece bob ann eve
	agent_do cece 'echo bob > collaborations/new'
	agent_do cece 'echo ann > collaborations/c1/participants; echo "use sqlite" > collaborations/c1/decisions'
	agent_do bob 'echo yes > collaborations/c1/votes/1'
	agent_do cece 'rmdir collaborations/c1'
	told() { jq -r .event_type "$MNT/sessions/$1/inbox" | tr '\n' ' '; }
	assert_eq "$(told bob)" \
		'collaboration.started collaboration.updated decision.made collaboration.ended '
	assert_eq "$(told ann)" 'collaboration.updated decision.made collaboration.ended '
	assert_eq "$(told cece)$(told eve)" ''
	# Everyone sees what it says, as before.
	assert_eq "$(jq -r .data.decision "$MNT/feeds/by-type/decision.made")" 'use sqlite'
	assert_eq "$(agent_do bob 'cat self/next' | jq -r .event_type)" collaboration.started
}

@test "a message reaches the inbox of every participant, and only theirs" {
	leitl_up
	enter cece bob ann eve
	enter bob2
	agent_do cece 'echo "bob ann later" > collaborations/new'
	agent_do cece 'echo "which port?" > collaborations/c1/messages'
	for who in bob ann; do
		assert_eq "$(agent_do ann "jq -c '[.event_type, .data.message]' sessions/$who/unread")" \
			'["collaboration.started",null]
["message.direct","which port?"]'
	done
	for who in cece eve bob2; do
		assert_eq "$(cat "$MNT/sessions/$who/unread")" '' "$who"
	done
	assert_eq "$(jq -c '[.event_type, .to, .data.message]' "$MNT/collaborations/c1/messages")" \
		'["message.direct",["bob","ann"],"which port?"]'
	assert_eq "$(jq -r 'select(.event_type == "message.direct") | .data.message' \
		"$MNT/sessions/cece/sent")" 'which port?'
	# The feeds tell that it was said, and not what.
	refute grep -q 'which port' "$MNT/activity" "$MNT/collaborations/c1/activity"
	assert_eq "$(jq -c 'select(.event_type == "message.direct") | .data | keys' \
		"$MNT/collaborations/c1/activity")" '["bytes"]'
	agent_do bob "echo '{\"port\":8080}' > collaborations/c1/messages"
	assert_eq "$(jq -c .data "$MNT/sessions/cece/unread")" '{"collaboration":"c1","port":8080}'
	assert_errno EACCES agent_do eve 'echo hello > collaborations/c1/messages'
	assert_errno EINVAL agent_do bob "echo '{\"collaboration\":\"c7\"}' > collaborations/c1/messages"
	assert_errno EACCES agent_do bob "echo '{\"from\":\"cece\"}' > collaborations/c1/messages"
	# Who comes later hears what is said later, and reads what was.
	enter later
	assert_eq "$(cat "$MNT/sessions/later/unread")" ''
	agent_do later 'echo here > collaborations/c1/messages'
	agent_do bob 'echo welcome > collaborations/c1/messages'
	assert_eq "$(texts "$MNT/sessions/later/unread")" '"welcome"'
	assert_eq "$(line_count "$MNT/collaborations/c1/messages")" 4
	# next, and the receipt.
	assert_eq "$(agent_do ann 'jq -r .event_type self/next; jq -r .data.message self/next')" \
		'collaboration.started
which port?'
	wait_until grep -q '"receipt":"read".*"by":"ann"' "$MNT/sessions/cece/sent"
	assert_eq "$(of c1 '[.message_count, .activity_count]')" '[4,5]'
	assert_eq "$(line_count "$MNT/collaborations/c1/activity")" 5
}

@test "messages.live and activity.live tell as it goes, and end with the collaboration" {
	leitl_up
	enter cece bob
	agent_do cece 'echo bob > collaborations/new'
	local name
	for name in messages activity decisions; do
		follow $name cat "$MNT/collaborations/c1/$name.live"
		eval "$name=$FOLLOWER"
		wait_until waits_in "$FOLLOWER" $name.live
	done
	agent_do bob 'echo hi > collaborations/c1/messages; echo done > collaborations/c1/decisions'
	wait_until grep -q '"done"' "$LEITL_TMP/decisions"
	agent_do cece 'rmdir collaborations/c1'
	wait "$messages" "$activity" "$decisions"
	assert_eq "$(jq -r .data.message "$LEITL_TMP/messages")" hi
	assert_eq "$(jq -r .event_type "$LEITL_TMP/activity" | tr '\n' ' ')" \
		'message.direct decision.made collaboration.ended '
	# Opened after the end it ends at once.
	assert_eq "$(timeout 10 cat "$MNT/collaborations/c1/messages.live")" ''
}

# --- deciding

@test "decisions are voted on, and the tally stands in the record" {
	leitl_up
	enter cece bob eve
	agent_do cece 'echo "bob ann" > collaborations/new'
	assert_eq "$(ls "$MNT/collaborations/c1/votes")" README.md
	assert_errno ENOENT agent_do bob 'echo yes > collaborations/c1/votes/1'
	agent_do cece 'echo "use sqlite" > collaborations/c1/decisions'
	agent_do bob "echo '{\"decision\":\"ship it\"}' > collaborations/c1/decisions"
	assert_eq "$(ls "$MNT/collaborations/c1/votes" | tr '\n' ' ')" '1 2 README.md '
	agent_do cece 'echo yes > collaborations/c1/votes/1'
	agent_do bob 'echo no > collaborations/c1/votes/1; echo Yes > collaborations/c1/votes/1'
	assert_eq "$(jq -c '[.n, .decision, .proposer, .votes, .tally]' "$MNT/collaborations/c1/votes/1")" \
		'[1,"use sqlite","cece",{"cece":"yes","bob":"yes"},{"yes":2}]'
	assert_eq "$(jq -c .tally "$MNT/collaborations/c1/votes/2")" '{}'
	assert_eq "$(of c1 '[.decision_count, .activity_count, (.decisions[] | [.n, .text, .proposer, .tally])]')" \
		'[2,6,[1,"use sqlite","cece",{"yes":2}],[2,"ship it","bob",{}]]'
	assert_eq "$(jq -c '[.event_type, .data.n, .data.vote // .data.decision]' \
		"$MNT/collaborations/c1/decisions" | tr '\n' ' ')" \
		'["decision.made",1,"use sqlite"] ["decision.made",2,"ship it"] ["decision.voted",1,"yes"] ["decision.voted",1,"no"] ["decision.voted",1,"yes"] '
	assert_eq "$(line_count "$MNT/feeds/by-type/decision.voted")" 3
	assert_errno EACCES agent_do eve 'echo yes > collaborations/c1/votes/1'
	assert_errno EACCES agent_do eve 'echo mine > collaborations/c1/decisions'
	assert_errno EINVAL agent_do bob 'echo "yes and no" > collaborations/c1/votes/1'
	assert_match "$(last_error)" '"EINVAL","reason":"vote: must be one word'
	assert_errno ENOENT agent_do bob 'echo yes > collaborations/c1/votes/3'
	for n in 0 01 -1 x 99999999999999999999; do
		assert_errno ENOENT cat "$MNT/collaborations/c1/votes/$n"
	done
	assert_errno EMSGSIZE agent_do bob "head -c 5000 /dev/zero | tr '\\0' x > collaborations/c1/decisions"
}

# --- the end, and what stays

@test "rmdir ends it; it stays readable, and takes nothing more" {
	leitl_up
	enter cece bob eve
	agent_do cece 'mkdir collaborations/login; echo bob > collaborations/login/participants
		echo hi > collaborations/login/messages; echo done > collaborations/login/decisions'
	assert_errno EACCES agent_do eve 'rmdir collaborations/login'
	assert_match "$(last_error)" '"EACCES".*"path":"collaborations/login"'
	agent_sh bob 'exec 5>collaborations/login/messages'
	agent_do cece 'rmdir sessions/cece'
	assert_eq "$(of login .status)" active
	agent_do bob 'rmdir collaborations/login'
	assert_eq "$(collaborations)" login
	assert_eq "$(of login '[.status, (.ended_at | type), .activity_count, .message_count, .decision_count]')" \
		'["ended","string",5,1,1]'
	assert_eq "$(line_count "$MNT/collaborations/login/activity")" 5
	assert_eq "$(texts "$MNT/collaborations/login/messages")" '"hi"'
	assert_eq "$(jq -r .data.decision "$MNT/collaborations/login/decisions")" done
	assert_eq "$(jq -r .decision "$MNT/collaborations/login/votes/1")" done
	assert_eq "$(jq -c 'select(.event_type == "collaboration.ended") | [.session_id, .data.message_count]' \
		"$MNT/feeds/by-type/collaboration.ended")" '["bob",1]'
	assert_errno EHOSTDOWN agent_do bob 'echo more > collaborations/login/messages'
	assert_match "$(last_error)" '"EHOSTDOWN","reason":"collaboration login has ended"'
	assert_errno EHOSTDOWN agent_sh bob 'echo more >&5'
	agent_sh bob 'exec 5>&-'
	for name in decisions participants votes/1; do
		assert_errno EHOSTDOWN agent_do bob "echo x > collaborations/login/$name"
	done
	assert_errno EHOSTDOWN agent_do bob 'rmdir collaborations/login'
	timeout 20 tar -C "$MNT" -cf "$LEITL_TMP/all.tar" collaborations
	assert_errno EEXIST agent_do bob 'mkdir collaborations/login'
	# Another begins by its name, with nothing of the old one.
	agent_do bob "echo '{\"name\":\"login\"}' > collaborations/new"
	assert_eq "$(of login '[.status, .activity_count, .participants]')" '["active",1,["bob"]]'
	assert_eq "$(cat "$MNT/collaborations/login/messages")" ''
	assert_eq "$(ls "$MNT/collaborations/login/votes")" README.md
	assert_eq "$(collaborations)" login
}

@test "an ended one is gone in the end" {
	leitl_up -o hold=1s,save=100ms
	enter cece
	agent_do cece 'mkdir collaborations/login; rmdir collaborations/login; mkdir collaborations/other'
	assert_eq "$(of login .status)" ended
	wait_until 30 eval '! [ -e "$MNT/collaborations/login" ]'
	assert_eq "$(collaborations)" other
	agent_do cece 'mkdir collaborations/login'
	assert_eq "$(of login .activity_count)" 1
}

@test "it outlives the daemon, also when it is killed" {
	leitl_up
	enter cece bob
	agent_do cece 'echo bob > collaborations/new; mkdir collaborations/old; rmdir collaborations/old
		echo hi > collaborations/c1/messages; echo "use sqlite" > collaborations/c1/decisions
		echo yes > collaborations/c1/votes/1'
	local was
	was=$(of c1 'del(.seq)')
	for how in leitl_kill9 leitl_down; do
		$how
		leitl_up
		assert_eq "$(of c1 'del(.seq)')" "$was"
		assert_eq "$(of old .status)" ended
		assert_eq "$(texts "$MNT/collaborations/c1/messages")" '"hi"'
		assert_eq "$(line_count "$MNT/collaborations/c1/activity")" 4
		assert_eq "$(texts "$MNT/sessions/bob/unread")" '"hi"'
	done
	agent_do bob 'echo no > collaborations/c1/votes/1; echo cece > collaborations/new'
	assert_eq "$(jq -c .tally "$MNT/collaborations/c1/votes/1")" '{"yes":1,"no":1}'
	assert_eq "$(collaborations | tr '\n' ' ')" 'c1 c2 old '
}

@test "other users: participants of theirs read and write, others see that there is one" {
	need_root
	leitl_up -o allow_other
	enter -u 1 cece
	enter -u 2 bob
	agent_start -u 65534 eve
	agent_do cece 'echo ann > collaborations/new; echo secret > collaborations/c1/messages'
	assert_eq "$(stat -c %u "$MNT/collaborations/c1")" 1
	assert_errno EACCES agent_do bob 'cat collaborations/c1/messages'
	assert_match "$(agent_do bob 'tail -n 1 errors')" '"EACCES","reason":"what is said in collaboration c1'
	assert_errno EACCES agent_do bob 'cat collaborations/c1/messages.live'
	assert_errno EACCES agent_do bob 'echo x > collaborations/c1/messages'
	for name in collaboration.json participants decisions activity; do
		agent_do eve "cat collaborations/c1/$name" >/dev/null
	done
	agent_do cece 'echo bob > collaborations/c1/participants'
	agent_do bob 'echo here > collaborations/c1/messages'
	assert_eq "$(agent_do bob 'jq -r .data.message collaborations/c1/messages' | tr '\n' ' ')" 'secret here '
	assert_errno EACCES agent_do eve 'cat collaborations/c1/messages'
	agent_do bob 'rmdir collaborations/c1'
	assert_eq "$(agent_do cece 'jq -r .status collaborations/c1/collaboration.json')" ended
}

@test "each participant's brief.md says who of them is gone, and who is not here" {
	leitl_up
	enter cece
	local name here=4
	for name in ann bob dora eve; do
		agent_start "$name"
		agent_do "$name" "mkdir sessions/$name"
	done
	agent_do cece 'echo "ann bob dora eve later" > collaborations/new'
	together() { agent_do cece 'grep -E "^- .c1., 6 take part" self/brief.md'; }
	assert_eq "$(together)" '- `c1`, 6 take part, `later` is not here'
	for name in ann bob dora eve; do
		agent_kill "$name"
		wait_until refute [ -d "$MNT/sessions/$name" ]
		case $((--here)) in
		3) assert_eq "$(together)" '- `c1`, 6 take part, `ann` is gone, `later` is not here' ;;
		2) assert_eq "$(together)" '- `c1`, 6 take part, `ann` and `bob` are gone, `later` is not here' ;;
		0) assert_eq "$(together)" '- `c1`, 6 take part, `ann`, `bob`, `dora` and 1 more are gone, `later` is not here' ;;
		esac
	done
	# An agent is here as long as one of its sessions is; a name that was kept comes to be somebody.
	agent_start other
	agent_do other 'echo later > sessions/new; echo Ann > sessions/new'
	assert_eq "$(together)" '- `c1`, 6 take part, `bob`, `dora` and `eve` are gone'
}
