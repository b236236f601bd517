# Answering by command: leitlfs answer, the questions that status lists, and m in leitlfs top.
# variants: plain address
load ../lib/mount
load ../lib/loop
load ../lib/commands

setup() {
	leitl_init
	export LEITLFS_MOUNT=$MNT
}

teardown() {
	[ -z "${LEITL_TMP:-}" ] || tmux -S "$LEITL_TMP/tmux" kill-server 2>/dev/null || true
	leitl_cleanup
}

# asked ID: [status, data or error of each answer].
asked() {
	jq -c '[.status, (.answers[] | .data // .error)]' "$MNT/asks/$1/ask.json"
}

question() { # WHO MEMBERS: asked by cece, detached
	agent_do cece "echo '{\"to\":\"$1\",$2}' >asks/new"
}

# --- leitlfs answer

@test "answer: by the id or the path, words joined, - and nothing from stdin" {
	leitl_up
	enter bob cece
	local i
	for i in 1 2 3 4 5 6; do
		question bob '"data":"which port?"'
	done
	expect 0 agent_do bob "'$LEITLFS' answer q1 'the port  is' 8080"
	assert_eq "$output$said" ""
	expect 0 agent_do bob "'$LEITLFS' answer asks/q2 -j 8080"
	assert_json '.path == "asks/q2/reply" and .bytes == 4'
	expect 0 agent_do bob "'$LEITLFS' answer asks/q3/reply - <<<\$'one\n\ntwo\n'"
	expect 0 agent_do bob "'$LEITLFS' answer q4 <<<'{\"port\": 8080}'"
	expect 0 agent_do bob "'$LEITLFS' answer -- q5 -1"
	expect 0 "$LEITLFS" answer q6 as bob --as bob
	assert_eq "$(asked q1)" '["answered","the port  is 8080"]'
	assert_eq "$(asked q2)" '["answered","8080"]'
	assert_eq "$(asked q3)" '["answered","one\n\ntwo"]'
	assert_eq "$(asked q4)" '["answered",{"port":8080}]'
	assert_eq "$(asked q5)" '["answered","-1"]'
	assert_eq "$(asked q6)" '["answered","as bob"]'
	assert_eq "$(jq -r 'select(.event_type == "ask.answered").from' "$MNT/sessions/cece/inbox" | sort -u)" bob
}

@test "answer --error: there is none; of the asker, none is wanted any more" {
	leitl_up
	enter bob cece
	question bob '"data":"which port?"'
	question bob '"data":"which host?"'
	expect 0 agent_do bob "'$LEITLFS' answer q1 --error nobody knows -j"
	assert_json '.path == "asks/q1/error"'
	assert_eq "$(cat "$MNT/asks/q1/status")" failed
	assert_eq "$(cat "$MNT/asks/q1/error")" 'nobody knows'
	expect 0 agent_do cece "'$LEITLFS' answer -e q2 'found it'"
	assert_eq "$(cat "$MNT/asks/q2/status")" cancelled
}

@test "answer: who waits with leitlfs ask gets it" {
	leitl_up
	enter bob cece
	local pid
	pid=$(agent_bg cece "exec '$LEITLFS' ask bob -t 30 'which port?'")
	wait_until test -e "$MNT/asks/q1"
	expect 0 agent_do bob "'$LEITLFS' answer q1 8080"
	expect 0 agent_join cece "$pid"
	assert_eq "$output" 8080
}

@test "answer: how it went wrong is the status, and nothing is sent" {
	leitl_up
	enter bob cece
	question bob '"data":"which port?","schema":{"type":"integer"}'
	question root '"data":"which host?"'
	question bob '"data":"quick?","timeout":"1ms"'
	refused() { # STATUS ERRNO WORDS ARGUMENT…
		expect "$1" agent_do bob "'$LEITLFS' answer -j ${*:4}"
		assert_json ".error.errno == \"$2\" and .status == $1"
		assert_match "$said" "^leitlfs answer: $3"
	}
	refused 2 EINVAL 'answer: must be an integer' q1 eighty
	assert_eq "$(jq -r .error.reason <<<"$output")" "$(agent_do bob 'tail -n 1 errors' | jq -r .reason)"
	refused 1 EACCES 'bob was not asked q2' q2 x
	assert_eq "$(jq -r .error.reason <<<"$output")" "$(agent_do bob 'tail -n 1 errors' | jq -r .reason)"
	wait_until eval '[ "$(cat "$MNT/asks/q3/status")" = "timed out" ]'
	refused 4 EHOSTDOWN 'q3 is over \(.*\), and nothing was sent; leitlfs say --to cece' q3 x
	refused 4 ENOENT 'there is no question q9' q9 x
	refused 4 ENOENT 'there is no question answer' answer x
	refused 2 EINVAL '\.\./q1 is no question' ../q1 x
	refused 2 EINVAL 'asks/q1/status is no question' asks/q1/status x
	refused 2 EINVAL 'there is nothing to say' q1 '""'
	refused 2 EINVAL 'there is nothing to say' q1 '</dev/null'
	assert_eq "$(asked q1)" '["open"]'
	assert_eq "$(asked q2)" '["open"]'
	expect 0 agent_do bob "'$LEITLFS' answer q1 80"
	refused 4 EHOSTDOWN 'q1 is over \(answered\)' q1 81
	assert_eq "$(jq -r 'select(.event_type == "message.direct").data' "$MNT/sessions/cece/inbox")" ""
	expect 7 "$LEITLFS" answer -m /proc q1 x
}

@test "answer: what follows on an answer with more is sent, until it is over" {
	leitl_up
	enter bob cece
	question bob '"data":"how far?"'
	expect 0 agent_do bob "'$LEITLFS' answer q1 '{\"replyTo\":\"q1\",\"data\":\"half\",\"more\":true}'"
	expect 0 agent_do bob "'$LEITLFS' answer q1 done"
	expect 4 agent_do bob "'$LEITLFS' answer q1 'and more'"
}

@test "answer: of several sessions one is chosen" {
	leitl_up
	enter cece
	agent_start two
	agent_do two 'mkdir sessions/one sessions/other'
	question one '"data":"which port?"'
	expect 2 agent_do two "'$LEITLFS' answer q1 8080"
	assert_match "$said" 'choose with --as ID'
	expect 0 agent_do two "'$LEITLFS' answer q1 8080 --as one"
	assert_eq "$(asked q1)" '["answered","8080"]'
}

# --- status

@test "status lists open questions: those for oneself first, with the command that answers" {
	leitl_up
	enter bob cece
	agent_do bob 'echo "is it you?" >sessions/cece/ask'
	question root '"data":"which host?"'
	question bob '"data":"which port \u001b[31m?"'
	agent_do cece 'echo "{\"type\":\"ping\"}" >asks/new'
	agent_do cece "echo '{\"to\":[\"bob\",\"root\"],\"data\":{\"a\":1},\"wait\":\"all\"}' >asks/new"
	expect 0 agent_do bob "'$LEITLFS' status"
	assert_match "$output" '3 sessions, 5 open questions'
	for id in q3 q4 q5; do
		assert_match "$output" "leitlfs answer $id …"
	done
	refute_match "$output" 'answer q[12] '
	assert_match "$output" $'\n  q3   cece asks you  "which port \\?\\[31m\\?"\n'
	assert_match "$output" $'\n  q4   cece asks anyone  "ping"\n'
	assert_match "$output" $'\n  q5   cece asks you,root  \\{"a": ?1\\}\n'
	assert_match "$output" $'answer q[345] …\n(  q2   cece asks root  "which host\\?"|  q1   bob asks cece  "is it you\\?")\n'
	# An answer given is not waited for.
	agent_do bob "'$LEITLFS' answer q5 yes"
	expect 0 agent_do bob "'$LEITLFS' status"
	refute_match "$output" 'answer q5'
	expect 0 "$LEITLFS" status --as cece
	assert_match "$output" $'\n  q1   bob asks you  "is it you\\?"\n *leitlfs answer --as cece q1 …\n'
	expect 0 agent_do bob "'$LEITLFS' status -j"
	assert_json '[.asks[].request_id] | sort == ["q1", "q2", "q3", "q4", "q5"]'
}

# --- top

keys() {
	tmux -S "$LEITL_TMP/tmux" send-keys "$@"
}
shows() { # REGEX
	tmux -u -S "$LEITL_TMP/tmux" capture-pane -p | grep -qE -- "$1"
}
shows_not() {
	! shows "$1"
}

@test "top: m answers a question for this person, or for anyone; else it is a message" {
	command -v tmux || skip "no tmux here"
	leitl_up
	enter cece bob
	# The newest stands first, those for this person before all others.
	question bob '"data":"for bob"'
	agent_do cece 'echo "{\"data\":\"for anyone\"}" >asks/new'
	question root '"data":"for root"'
	env -u LC_ALL LANG=C.UTF-8 tmux -S "$LEITL_TMP/tmux" -f /dev/null new-session -d \
		-x 100 -y 30 "exec '$LEITLFS' top" 3>&- 4>&-
	wait_until shows '^leitlfs  all is well'
	keys '?'
	wait_until shows 'on a question for you, or for anyone, its answer'
	keys q
	keys Tab
	wait_until shows '^> .*"for root"'
	wait_until shows '^m answer \(asks/q3/reply\)'
	keys Enter
	wait_until shows 'answer +echo … > asks/q3/reply, or m'
	keys m
	wait_until shows '^answer q3:'
	keys -l 'die Tür'
	wait_until shows '^answer q3: die Tür$'
	keys Enter
	wait_until shows '^answered q3'
	assert_eq "$(asked q3)" '["answered","die Tür"]'
	wait_until shows '^> .*"for anyone"'
	keys k # what was said last goes
	wait_until shows '^m answer \(asks/q2/reply\)'
	keys m
	wait_until shows '^answer q2:'
	keys -l me
	keys Enter
	wait_until shows '^answered q2'
	assert_eq "$(asked q2)" '["answered","me"]'
	# One for another: a message to its asker.
	wait_until shows '^> .*"for bob"'
	keys k
	wait_until shows '^q quit .* m message'
	keys m
	wait_until shows '^To cece:'
	keys -l hello
	keys Enter
	wait_until shows '^sent$'
	assert_eq "$(tail -n 1 "$MNT/sessions/cece/inbox" | jq -r .data.message)" hello
	# One that is over meanwhile gets no answer.
	question root '"data":"too late"'
	wait_until shows '^  .*"too late"|^> .*"too late"'
	keys g
	wait_until shows '^> .*"too late"'
	keys m
	wait_until shows '^answer q4:'
	agent_do cece 'echo never mind >asks/q4/error'
	wait_until shows_not '"too late"'
	keys -l x
	keys Enter
	wait_until shows '^not sent: q4 is over'
}
