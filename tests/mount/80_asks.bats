# Asking and answering: the answer on the descriptor, in the inbox, and how an ask ends.
load ../lib/mount
load ../lib/loop

# In an agent's own process: asks on descriptor 7, which stays open. WHAT is a file, by default
# bob's ask.
ask() { # AGENT QUESTION [WHAT]
	agent_sh "$1" "exec 7<>${3:-sessions/bob/ask}; printf '%s\n' '$2' >&7"
}

# In the background: asks and reads. ASKER is the pid, for agent_join.
ask_bg() { # AGENT QUESTION [WHAT]
	ASKER=$(agent_bg "$1" "exec 7<>${3:-sessions/bob/ask}; printf '%s\n' '$2' >&7; exec cat <&7")
	wait_until reading "$ASKER"
}

# agent_join, for assert_errno.
joined() { # AGENT PID
	agent_join "$@" >&2
}

ask_json() { # ID FILTER
	jq -r "$2" "$MNT/asks/$1/ask.json"
}

# The last refusal of an agent's: errno, reason, path.
last_refusal() { # AGENT
	agent_do "$1" 'tail -n 1 errors' | jq -r '[.errno, .reason, .path] | join("|")'
}

# What ended, of asks of one session each: an event for each.
endings() {
	jq -r '.event_type' "$MNT/activity" | grep -E 'ask\.(answered|failed)' | tr '\n' ' '
}

# --- on the descriptor

@test "the one-line promise: exec 3<>sessions/bob/ask; echo which port; cat" {
	leitl_up
	enter bob cece
	ask_bg cece 'which port?'
	agent_do bob 'cat self/next' >"$LEITL_TMP/question"
	assert_eq "$(jq -c '[.event_type, .from, .data.type, .data.data, .data.timeout]' \
		"$LEITL_TMP/question")" '["ask.asked","cece","question","which port?",10]'
	agent_do bob "echo 8080 > $(jq -r .data.reply_to "$LEITL_TMP/question")"
	assert_eq "$(agent_join cece "$ASKER")" 8080
	assert_eq "$(ask_json q1 .status)" answered
	assert_eq "$(agent_do cece 'cat self/unread')" ''
	assert_eq "$(agent_do cece 'cat asks/q1/reply')" 8080
	assert_eq "$(agent_do bob 'cat self/unread')" ''
}

@test "an answer is what was written, once, and then the end of file" {
	leitl_up
	enter bob cece
	ask cece one
	agent_do bob "printf 'two\nlines \"quoted\"\n' | cat > asks/q1/reply"
	assert_eq "$(agent_sh cece 'cat <&7; echo "|"; cat <&7')" 'two
lines "quoted"
|'
	agent_sh cece 'echo again >&7'
	agent_do bob "cat > asks/q2/reply <<'X'
{\"port\": 8080,
 \"exact\": 0.10}
X"
	assert_eq "$(agent_sh cece 'read -r line <&7; echo "$line"; cat <&7')" '{"port": 8080,
 "exact": 0.10}'
}

@test "JSON questions: type and data, and the numbers as they were written" {
	leitl_up
	enter bob cece
	ask cece '{"type":"add","data":{"a":3.10,"b":12345678901234567890},"timeout":"1m"}'
	assert_eq "$(agent_do bob 'cat self/unread' | grep -o '"data":{"request.*')" \
		'"data":{"request_id":"q1","type":"add","data":{"a":3.10,"b":12345678901234567890},"timeout":60,"reply_to":"asks/q1/reply"}}'
	agent_do bob 'echo "{\"replyTo\":\"q1\",\"data\":7.10}" > asks/answer'
	assert_eq "$(agent_sh cece 'cat <&7')" 7.10
}

@test "O_NONBLOCK is EAGAIN, poll tells when the answer is there, and an interrupt interrupts" {
	leitl_up
	enter bob cece
	agent_py cece <<'PY'
fd = os.open(path("sessions/bob/ask"), os.O_RDWR | os.O_NONBLOCK)
os.write(fd, b"which port?\n")
poll = select.poll()
poll.register(fd, select.POLLIN)
same(poll.poll(0), [], "polled")
refused("EAGAIN", os.read, fd, 100)
with opened("as/bob/asks/q1/reply") as reply:
    os.write(reply, b"8080\n")
same(poll.poll(5000), [(fd, select.POLLIN)], "polled")
same(os.read(fd, 100), b"8080\n")
same(os.read(fd, 100), b"")

# One that waits in poll is told.
os.write(fd, b"and host?\n")
threading.Timer(0.1, lambda: open(path("as/bob/asks/q2/reply"), "w").write("localhost\n")).start()
same(poll.poll(5000), [(fd, select.POLLIN)], "polled")
same(os.read(fd, 4), b"loca")
same(os.read(fd, 100), b"lhost\n")

class Alarm(Exception):
    pass
def alarm(*_):
    raise Alarm
signal.signal(signal.SIGALRM, alarm)
fd = os.open(path("sessions/bob/ask"), os.O_RDWR)
os.write(fd, b"a third\n")
signal.setitimer(signal.ITIMER_REAL, 0.1)
try:
    os.read(fd, 100)
except Alarm:
    pass
else:
    raise AssertionError("not interrupted")
PY
	wait_until eval '[ "$(ask_json q3 .status)" = cancelled ]'
}

@test "an answer before the asker reads is kept for it" {
	leitl_up
	enter bob cece
	ask cece 'which port?'
	agent_do bob 'echo 8080 > asks/q1/reply'
	assert_eq "$(ask_json q1 .status)" answered
	assert_eq "$(agent_sh cece 'cat <&7')" 8080
}

@test "an error is EREMOTEIO, with its words in errors, in ask.json and beside the reply" {
	leitl_up
	enter bob cece
	ask_bg cece 'which port?'
	agent_do bob 'echo "no idea, ask dan" > asks/q1/error'
	assert_errno EREMOTEIO joined cece "$ASKER"
	assert_eq "$(last_refusal cece)" 'EREMOTEIO|q1: no idea, ask dan|sessions/bob/ask'
	assert_eq "$(ask_json q1 '[.status, .reason, .error] | join("|")')" 'failed|error|no idea, ask dan'
	assert_eq "$(cat "$MNT/asks/q1/error")" 'no idea, ask dan'
	assert_eq "$(cat "$MNT/asks/q1/reply")" ''
}

@test "unanswered it is ETIMEDOUT, when its time is over and not before" {
	leitl_up
	enter bob cece
	agent_py cece <<'PY'
with opened("sessions/bob/ask", os.O_RDWR) as fd:
    began = time.monotonic()
    os.write(fd, b'{"data":"which port?","timeout":"300ms"}')
    refused("ETIMEDOUT", os.read, fd, 100)
    took = time.monotonic() - began
    assert 0.3 <= took < (2 if slow else 0.4), took
    refused("ETIMEDOUT", os.read, fd, 100)
PY
	assert_eq "$(last_refusal cece)" 'ETIMEDOUT|q1: nobody answered in time|sessions/bob/ask'
	assert_eq "$(agent_do cece 'grep -c ETIMEDOUT errors')" 1
	assert_eq "$(ask_json q1 .status)" 'timed out'
	# Late it is a message.
	agent_do bob 'echo 8080 > asks/q1/reply'
	assert_eq "$(agent_do cece 'cat self/next' | jq -c '[.event_type, .from, .data]')" \
		'["message.direct","bob",{"request_id":"q1","data":"8080","late":true}]'
	assert_eq "$(endings)" 'ask.failed '
}

@test "the asked one's end fails it at once: EHOSTDOWN" {
	leitl_up
	enter bob cece dan
	ask_bg cece 'which port?'
	rmdir "$MNT/sessions/bob"
	assert_errno EHOSTDOWN joined cece "$ASKER"
	assert_eq "$(last_refusal cece)" 'EHOSTDOWN|q1: session bob has ended|sessions/bob/ask'
	assert_eq "$(ask_json q1 '[.status, .reason] | join("|")')" 'failed|ended'
	# And where it dies.
	ask_bg cece 'which port?' sessions/dan/ask
	agent_kill dan
	assert_errno EHOSTDOWN joined cece "$ASKER"
	refute agent_do cece 'echo x > sessions/dan/ask'
	# A descriptor that was open before says so as well.
	agent_sh cece 'exec 7<>sessions/cece/ask'
	assert_errno EHOSTDOWN agent_do cece 'echo "{\"to\":\"bob\",\"data\":1}" > asks/new'
}

@test "closing the descriptor cancels it; a request_id keeps it" {
	leitl_up
	enter bob cece
	ask cece 'which port?'
	agent_sh cece 'exec 7>&-'
	wait_until eval '[ "$(ask_json q1 .status)" = cancelled ]'
	ask cece '{"data":"which port?","request_id":"port"}'
	agent_sh cece 'exec 7>&-'
	assert_eq "$(ask_json port .status)" open
	agent_do bob 'echo 8080 > asks/port/reply'
	assert_eq "$(agent_do cece 'cat self/next' | jq -c '[.event_type, .data]')" \
		'["ask.answered",{"request_id":"port","data":"8080"}]'
	assert_eq "$(agent_do cece 'cat asks/port/reply')" 8080
	assert_errno EEXIST agent_do cece 'echo "{\"data\":1,\"request_id\":\"port\"}" > sessions/bob/ask'
	# An asker that is killed closes it, too.
	ask_bg cece 'which host?'
	kill -KILL "$ASKER"
	wait_until eval '[ "$(ask_json q2 .status)" = cancelled ]'
	assert_eq "$(ask_json q2 .error)" 'its asker closed the descriptor'
}

@test "a descriptor carries one question after the other" {
	leitl_up
	enter bob cece
	ask cece one
	agent_do bob 'echo 1 > asks/q1/reply'
	assert_eq "$(agent_sh cece 'cat <&7')" 1
	agent_sh cece 'echo two >&7'
	agent_do bob 'echo 2 > asks/q2/reply'
	assert_eq "$(agent_sh cece 'cat <&7')" 2
	# The one before is given up, where it was not answered.
	agent_sh cece 'echo three >&7; echo four >&7'
	assert_eq "$(ask_json q3 .status)" cancelled
	agent_do bob 'echo 4 > asks/q4/reply'
	assert_eq "$(agent_sh cece 'cat <&7')" 4
	assert_errno EINVAL agent_sh cece 'printf "{\"data\":1}{\"data\":2}" >&7'
	assert_eq "$(last_refusal cece)" 'EINVAL|one question a write|sessions/bob/ask'
}

@test "reading it without having asked tells how" {
	leitl_up
	enter bob
	assert_match "$(cat "$MNT/asks/new")" 'echo .*> asks/new'
	exec 5<>"$MNT/sessions/bob/ask"
	assert_match "$(cat <&5)" 'sessions/bob/ask'
	exec 5>&-
	assert_eq "$(ls "$MNT/asks")" 'README.md
answer
new'
}

# --- detached

@test "echo > sessions/bob/ask: the answer comes to the inbox and stays at asks/<id>/reply" {
	leitl_up
	enter bob cece
	agent_do cece 'echo "which port?" > sessions/bob/ask'
	assert_eq "$(ask_json q1 '[.status, .timeout] | join("|")')" 'open|3600'
	assert_eq "$(cat "$MNT/asks/q1/reply")" ''
	agent_do bob 'echo 8080 > asks/q1/reply'
	assert_eq "$(agent_do cece 'cat self/next' | jq -c '[.event_type, .from, .data]')" \
		'["ask.answered","bob",{"request_id":"q1","data":"8080"}]'
	assert_eq "$(cat "$MNT/asks/q1/reply")" 8080
	agent_do cece 'echo "{\"data\":\"host?\",\"timeout\":\"200ms\"}" > sessions/bob/ask'
	assert_eq "$(agent_do cece 'timeout 10 cat self/next' | jq -c '[.event_type, .data]')" \
		'["ask.failed",{"request_id":"q2","reason":"timeout","error":"nobody answered in time"}]'
}

@test "reply.live waits, and is the answer or why there is none" {
	leitl_up
	enter bob cece
	agent_do cece 'echo "{\"data\":1,\"request_id\":\"a\"}" > sessions/bob/ask'
	agent_do cece 'echo "{\"data\":1,\"request_id\":\"b\"}" > sessions/bob/ask'
	follow a cat "$MNT/asks/a/reply.live"
	local first=$FOLLOWER
	follow b cat "$MNT/asks/b/reply.live"
	wait_until reading "$first"
	wait_until reading "$FOLLOWER"
	agent_do bob 'echo 8080 > asks/a/reply; echo never > asks/b/error'
	wait "$first"
	assert_eq "$(cat "$LEITL_TMP/a")" 8080
	refute wait "$FOLLOWER"
	assert_match "$(cat "$LEITL_TMP/b.err")" 'Remote I/O error'
	assert_eq "$(timeout 5 cat "$MNT/asks/a/reply.live")" 8080
	refute test -e "$MNT/asks/c/reply.live"
}

@test "an answer to come later needs a session of one's own" {
	leitl_up
	enter bob
	assert_errno ENOENT bash -c 'echo x >"$0"' "$MNT/sessions/bob/ask"
	agent_start two
	agent_do two 'echo one > sessions/new; echo two > sessions/new'
	assert_errno ENOTUNIQ agent_do two 'echo x > sessions/bob/ask'
	agent_do two 'cd as/$(ls sessions | grep -- -one-); echo x > sessions/bob/ask'
	agent_do bob 'echo y > asks/q1/reply'
	# Who has none may still ask on a descriptor.
	exec 5<>"$MNT/sessions/bob/ask"
	echo 'which port?' >&5
	agent_do bob 'echo 8080 > asks/q2/reply'
	assert_eq "$(cat <&5)" 8080
	exec 5>&-
	assert_eq "$(grep -c 8080 "$MNT/activity")" 0
}

@test "an asker's end cancels what it asked, and its answers have nowhere to go" {
	leitl_up
	enter bob cece
	agent_do cece 'echo one > sessions/bob/ask'
	rmdir "$MNT/sessions/cece"
	assert_eq "$(ask_json q1 .status)" cancelled
	assert_errno EHOSTDOWN agent_do bob 'echo 1 > asks/q1/reply'
	assert_eq "$(last_refusal bob)" \
		'EHOSTDOWN|q1 is over (cancelled), and its asker has gone|asks/q1/reply'
}

# --- to whom

@test "asks/new: to a session, an agent, a tag, or nobody" {
	leitl_up
	enter bob cece
	agent_start dan
	agent_do dan 'echo "{\"agent_name\":\"Dan\",\"tags\":[\"presenter\"]}" > sessions/new'
	ask cece '{"to":"bob","data":"x"}' asks/new
	assert_eq "$(ask_json q1 '.to[0]')" bob
	ask cece '{"to":"Dan","data":"x"}' asks/new
	assert_match "$(ask_json q2 '.to[0]')" '^leitl-dan-'
	ask cece '{"to":"tag:presenter","data":"x"}' asks/new
	assert_match "$(ask_json q3 '.to[0]')" '^leitl-dan-'
	ask cece 'x' agents/dan/ask
	assert_match "$(ask_json q4 '.to[0]')" '^leitl-dan-'
	ask cece 'who has the key?' asks/new
	assert_eq "$(ask_json q5 .to)" null
	agent_do dan 'echo I do > asks/q5/reply'
	agent_do bob 'echo no, I > asks/q5/reply'
	assert_eq "$(agent_sh cece 'cat <&7')" 'I do'
	assert_errno ENOENT agent_do cece 'echo "{\"to\":\"eve\",\"data\":1}" > asks/new'
	assert_eq "$(last_refusal cece)" 'ENOENT|to: there is no session or agent eve|asks/new'
	assert_errno ENOENT agent_do cece 'echo "{\"to\":\"tag:x\",\"data\":1}" > asks/new'
}

@test "the same asker's next ask for a tag goes to the same one while it lives" {
	leitl_up
	enter cece one two
	agent_do one 'echo p > self/tags'
	agent_do two 'echo p > self/tags; touch self/heartbeat'
	agent_do cece 'echo "{\"to\":\"tag:p\",\"data\":1}" > asks/new'
	assert_eq "$(ask_json q1 '.to[0]')" two
	agent_do one 'touch self/heartbeat'
	agent_do cece 'echo "{\"to\":\"tag:p\",\"data\":1}" > asks/new'
	assert_eq "$(ask_json q2 '.to[0]')" two
	rmdir "$MNT/sessions/two"
	agent_do cece 'echo "{\"to\":\"tag:p\",\"data\":1}" > asks/new'
	assert_eq "$(ask_json q3 '.to[0]')" one
}

@test "to many: lines with who said what, as many as were waited for" {
	leitl_up
	enter cece a b c
	ask_bg cece '{"to":["a","b","c"],"wait":"all","data":"merge now?"}' asks/new
	agent_do a 'echo yes > asks/q1/reply'
	agent_do b 'echo "{\"vote\":\"no\"}" > asks/q1/reply'
	assert_eq "$(jq -c 'select(.data.awaited) | .data.awaited' "$MNT/sessions/a/sent" \
		"$MNT/sessions/b/sent" | tr '\n' ' ')" '2 1 '
	agent_do c 'echo busy > asks/q1/error'
	assert_eq "$(agent_join cece "$ASKER")" '{"session_id":"a","from":"a","data":"yes"}
{"session_id":"b","from":"b","data":{"vote":"no"}}
{"session_id":"c","from":"c","error":"busy"}'
	ask_bg cece '{"to":"*","wait":2,"data":"lunch?"}' asks/new
	assert_eq "$(ask_json q2 '.to | sort | join(" ")')" 'a b c'
	agent_do c 'echo soup > asks/q2/reply'
	agent_do a 'echo rice > asks/q2/reply'
	assert_eq "$(agent_join cece "$ASKER" | jq -r '.data' | sort)" 'rice
soup'
	ask_bg cece '{"to":["a","b"],"data":"first?"}' asks/new
	agent_do b 'echo me > asks/q3/reply'
	assert_eq "$(agent_join cece "$ASKER")" '{"session_id":"b","from":"b","data":"me"}'
}

# --- answering

@test "who was not asked may not answer, and learns so at the first byte" {
	leitl_up
	enter bob cece eve
	ask cece 'which port?'
	assert_errno EACCES agent_do eve 'echo 1 > asks/q1/reply'
	assert_eq "$(last_refusal eve)" 'EACCES|eve was not asked q1|asks/q1/reply'
	assert_errno EACCES agent_do eve 'echo 1 > asks/q1/error'
	assert_errno EACCES agent_do eve 'echo "{\"replyTo\":\"q1\",\"data\":1}" > asks/answer'
	assert_errno EACCES bash -c 'echo 1 >"$0"' "$MNT/asks/q1/reply"
	agent_do eve 'echo 1 > as/bob/asks/q1/reply' # of the same uid
	assert_eq "$(agent_sh cece 'cat <&7')" 1
	assert_errno ENOENT agent_do bob 'echo "{\"replyTo\":\"q9\",\"data\":1}" > asks/answer'
	assert_errno EINVAL agent_do bob 'echo 1 > asks/answer'
}

@test "one descriptor of asks/answer answers any number of asks" {
	leitl_up
	enter bob cece
	agent_do cece 'for i in 1 2 3; do echo "$i?" > sessions/bob/ask; done'
	agent_do bob 'exec 8>asks/answer
		echo "{\"replyTo\":\"q1\",\"data\":\"one\"}" >&8
		echo "{\"replyTo\":\"q2\",\"data\":[2]}" >&8
		echo "{\"replyTo\":\"q3\",\"error\":\"none\"}" >&8'
	assert_eq "$(cat "$MNT/asks/q1/reply" "$MNT/asks/q2/reply" "$MNT/asks/q3/error")" 'one
[2]
none'
}

@test "luca's questions are answered in luca's words, also in the asker's inbox" {
	leitl_up
	enter bob cece
	ask_bg cece '{"type":"add","data":{"a":3,"b":4},"requestId":"r1"}'
	assert_eq "$(agent_do bob 'cat self/next' | jq -c .data.data)" '{"a":3,"b":4}'
	agent_do bob 'echo "{\"replyTo\":\"r1\",\"data\":7}" > sessions/cece/inbox'
	assert_eq "$(agent_join cece "$ASKER")" '{"replyTo":"r1","data":7}'
	ask_bg cece '{"type":"add","requestId":"r2"}'
	agent_do bob 'echo cannot > asks/r2/error'
	assert_eq "$(agent_join cece "$ASKER")" '{"replyTo":"r2","error":"cannot"}'
	ask_bg cece '{"type":"add","requestId":"r3"}'
	agent_do bob 'echo 7 > asks/r3/reply'
	assert_eq "$(agent_join cece "$ASKER")" '{"replyTo":"r3","data":7}'
	assert_eq "$(agent_do cece 'cat self/inbox')" ''
	# What names no ask of the receiver's is a message like any other.
	agent_do bob 'echo "{\"replyTo\":\"r9\",\"data\":7}" > sessions/cece/inbox'
	assert_eq "$(agent_do cece 'cat self/next' | jq -c .event_type)" '"message.direct"'
}

@test "more may follow an answer, as messages with the same request_id" {
	leitl_up
	enter bob cece
	ask_bg cece 'how far?'
	agent_do bob 'echo "{\"more\":true,\"data\":\"half\"}" > asks/q1/reply'
	assert_eq "$(agent_join cece "$ASKER")" '{"more":true,"data":"half"}'
	agent_do bob 'echo "{\"more\":true,\"data\":\"most\"}" > asks/q1/reply'
	agent_do bob 'echo all > asks/q1/reply'
	agent_do bob 'echo and then some > asks/q1/reply'
	assert_eq "$(agent_do cece 'cat self/unread' | jq -c .data)" \
		'{"request_id":"q1","data":{"more":true,"data":"most"},"more":true}
{"request_id":"q1","data":"all"}
{"request_id":"q1","data":"and then some","late":true}'
	assert_eq "$(ask_json q1 .status)" answered
}

@test "an answer that does not fit the schema is EINVAL with the place, and may be written again" {
	leitl_up
	enter bob cece
	ask cece '{"data":"port?","schema":{"type":"object","required":["port"],"properties":{"port":{"type":"integer"}}}}'
	assert_errno EINVAL agent_do bob 'echo 8080 > asks/q1/reply'
	assert_errno EINVAL agent_do bob 'echo "{\"port\":\"x\"}" > asks/q1/reply'
	assert_match "$(last_refusal bob)" '^EINVAL\|.*port.*integer.*\|asks/q1/reply$'
	agent_do bob 'echo "{\"port\":8080}" > asks/q1/reply'
	assert_eq "$(agent_sh cece 'cat <&7')" '{"port":8080}'
	assert_errno EINVAL agent_do cece 'echo "{\"data\":1,\"schema\":{\"fromat\":1}}" > sessions/bob/ask'
	assert_match "$(last_refusal cece)" '^EINVAL\|schema.*fromat'
}

@test "text that fits the schema as a string is one; a number that fits stays a number" {
	leitl_up
	enter bob cece
	ask cece '{"data":"port?","schema":{"type":"string"}}'
	agent_do bob 'echo 8080 > asks/q1/reply'
	assert_eq "$(agent_sh cece 'cat <&7')" 8080
	assert_eq "$(ask_json q1 '.answers[0].data | type')" string
	ask cece '{"data":"port?","schema":{"type":["string","integer"]}}'
	agent_do bob 'echo 8080 > asks/q2/reply'
	assert_eq "$(agent_sh cece 'cat <&7')" 8080
	assert_eq "$(ask_json q2 '.answers[0].data | type')" number
	# Refused, it leaves nothing behind, and the asker waits on.
	ask cece '{"data":"port?","schema":{"type":"string","pattern":"^[0-9]+$"}}'
	local before
	before=$(last_seq)
	assert_errno EINVAL agent_do bob 'echo eighty > asks/q3/reply'
	assert_match "$(last_refusal bob)" '^EINVAL\|answer: must match .*\|asks/q3/reply$'
	assert_eq "$(last_seq)" "$before"
	assert_eq "$(cat "$MNT/asks/q3/status")" open
	agent_do bob 'echo 80 > asks/q3/reply'
	assert_eq "$(agent_sh cece 'cat <&7')" 80
}

@test "an answer by replyTo is unwrapped, and holds nothing that nobody would read" {
	leitl_up
	enter bob cece
	ask cece one
	assert_errno EINVAL agent_do bob 'echo "{\"replyTo\":\"q1\",\"dta\":1}" > asks/answer'
	assert_match "$(last_refusal bob)" '^EINVAL\|dta: '
	assert_errno EACCES agent_do bob 'echo "{\"replyTo\":\"q1\",\"from\":\"cece\",\"data\":1}" > asks/q1/reply'
	assert_errno EINVAL agent_do bob 'echo "{\"replyTo\":\"q1\",\"message\":1}" > sessions/cece/inbox'
	agent_do bob 'echo "{\"replyTo\":\"q1\",\"from\":\"bob\",\"data\":{\"data\":1}}" > asks/answer'
	assert_eq "$(agent_sh cece 'cat <&7')" '{"data":1}'
}

@test "late answers are messages, and count as any; the answer that decides is never limited" {
	need_root
	leitl_up -o allow_other,messages=5
	agent_start -u 1 ann
	agent_start -u 2 bob
	agent_do ann 'mkdir sessions/cece; echo "{\"request_id\":\"any\",\"data\":\"who?\"}" > asks/new'
	agent_do bob 'mkdir sessions/bob; for i in 1 2 3 4 5; do echo $i > sessions/cece/inbox || exit 0; done'
	assert_errno EDQUOT agent_do bob 'echo 6 > sessions/cece/inbox'
	agent_do bob 'echo me > asks/any/reply'
	assert_eq "$(agent_do ann 'cat asks/any/reply')" me
	assert_errno EDQUOT agent_do bob 'echo "and more" > asks/any/reply'
}

@test "a question that is over is still handed out and answered; its status, brief.md and sent tell" {
	leitl_up
	enter bob cece eve
	agent_do cece 'echo "{\"to\":[\"bob\",\"eve\"],\"data\":\"first?\"}" > asks/new
		echo "taken back?" > sessions/bob/ask; echo no > asks/q2/error
		echo "{\"data\":\"late?\",\"timeout\":\"1ms\"}" > sessions/bob/ask; echo "open?" > sessions/bob/ask'
	agent_do eve 'echo me > asks/q1/reply'
	wait_until grep -q 'timed out' "$MNT/asks/q3/status"
	assert_eq "$(cat "$MNT"/asks/q?/status)" 'answered
cancelled
timed out
open'
	assert_eq "$(agent_do bob 'cat self/brief.md' | grep -oE 'asks/q[0-9]/reply')" asks/q4/reply
	for i in 1 2 3 4; do
		assert_eq "$(agent_do bob 'jq -r .data.request_id self/next')" "q$i"
	done
	agent_do bob 'for i in 1 2 3 4; do echo mine > asks/q$i/reply || exit 1; done'
	assert_eq "$(agent_do bob 'cat errors')" ''
	assert_eq "$(agent_do bob 'jq -c "[.event_type, .data.late]" self/sent')" '["message.direct",true]
["message.direct",true]
["message.direct",true]
["ask.answered",null]'
	assert_eq "$(agent_do cece 'jq -r "select(.data.late) | .data.request_id" self/unread')" 'q1
q2
q3'
}

@test "a question that is none is refused with the member that is wrong" {
	leitl_up
	enter bob cece
	local question
	while read -r question; do
		assert_errno EINVAL agent_do cece "echo '$question' > asks/new"
		assert_match "$(last_refusal cece)" "^EINVAL\|$(cut -d'"' -f2 <<<"$question")"
	done <<'EOF2'
{"dta":1}
{"wait":"most","data":1}
{"wait":"all","data":1}
{"timeout":"2d","data":1}
{"type":7,"data":1}
{"to":[],"data":1}
{"request_id":"a/b","data":1}
{"schema":{"type":"strnig"},"data":1}
EOF2
	assert_errno EACCES agent_do cece 'echo "{\"from\":\"bob\",\"data\":1}" > sessions/bob/ask'
	assert_eq "$(ls "$MNT/asks" | grep -c '^q')" 0
}

# --- deadlock

@test "sessions that wait for each other: EDEADLK to who closes the ring, at its write" {
	leitl_up
	enter a b c
	ask_bg a x sessions/b/ask
	local first=$ASKER
	ask_bg b x sessions/c/ask
	assert_errno EDEADLK agent_do c 'exec 7<>sessions/a/ask; echo x >&7'
	assert_match "$(last_refusal c)" '^EDEADLK\|'
	assert_errno EDEADLK agent_do c 'exec 7<>sessions/c/ask; echo x >&7'
	# To whoever has somebody reading its inbox one may ask.
	follow next cat "$MNT/as/a/self/inbox.live"
	wait_until reading "$FOLLOWER"
	agent_do c 'exec 7<>sessions/a/ask; echo x >&7'
	kill "$FOLLOWER"
	agent_do c 'echo 1 > asks/q2/reply'
	assert_eq "$(agent_join b "$ASKER")" 1
	agent_do b 'echo 1 > asks/q1/reply'
	assert_eq "$(agent_join a "$first")" 1
}

@test "a ring of writes closes at the read that waits last" {
	leitl_up
	enter a b
	ask a x sessions/b/ask
	ask b x sessions/a/ask
	local first second
	first=$(agent_bg a "exec 7<>sessions/b/ask; echo x >&7; touch $LEITL_TMP/a; until [ -e $LEITL_TMP/go ]; do sleep 0.02; done; exec cat <&7")
	wait_until test -e "$LEITL_TMP/a"
	second=$(agent_bg b "exec 7<>sessions/a/ask; echo x >&7; exec cat <&7")
	wait_until reading "$second"
	touch "$LEITL_TMP/go"
	assert_errno EDEADLK joined a "$first"
	agent_do a 'echo 1 > asks/q4/reply'
	assert_eq "$(agent_join b "$second")" 1
	assert_eq "$(ask_json q3 '[.status, .reason] | join("|")')" 'failed|deadlock'
}

# --- other users, and what is kept

@test "other users see that an ask is there, and not what it says" {
	need_root
	leitl_up -o allow_other
	enter -u 1 bob cece
	agent_start -u 2 eve
	agent_do eve 'mkdir sessions/eve'
	agent_do cece 'echo "{\"type\":\"vault\",\"data\":\"which port?\",\"request_id\":\"a\"}" > sessions/bob/ask'
	agent_do bob 'echo 8080 > asks/a/reply'
	assert_eq "$(agent_do cece 'cat asks/a/reply')" 8080
	assert_eq "$(agent_do eve 'cat asks/a/reply asks/a/error')" ''
	agent_do eve 'cat asks/a/ask.json activity' >"$LEITL_TMP/seen"
	refute grep -qE 'port|8080|vault' "$LEITL_TMP/seen"
	assert_eq "$(jq -r 'select(.request_id) | .status' "$LEITL_TMP/seen")" answered
	assert_eq "$(agent_do cece 'cat asks/a/reply')" 8080
	assert_errno EACCES agent_do eve 'timeout 5 cat asks/a/reply.live'
	assert_errno EACCES agent_do eve 'echo 1 > asks/a/reply'
	# Another user may be asked, and may ask.
	agent_do cece 'echo "{\"data\":\"yours?\",\"request_id\":\"b\"}" > sessions/eve/ask'
	assert_eq "$(agent_do eve 'cat asks/b/ask.json' | jq -r .data)" 'yours?'
	agent_do eve 'echo mine > asks/b/reply'
	assert_eq "$(agent_do cece 'cat asks/b/reply')" mine
}

@test "looking at asks neither waits nor fails nor changes anything" {
	leitl_up
	enter bob cece
	agent_do cece 'echo one > sessions/bob/ask; echo two > sessions/bob/ask'
	agent_do bob 'echo 1 > asks/q1/reply'
	local before
	before=$(last_seq)
	timeout 20 grep -r nothing "$MNT/asks" || [ $? = 1 ]
	timeout 20 tar cf /dev/null -C "$MNT" asks
	timeout 20 find "$MNT/asks" -type f -exec cat {} + >/dev/null
	find "$MNT/asks" -type f -printf '%s %p\n' | while read -r size name; do
		case $name in */new | */answer) continue ;; esac
		assert_eq "$(wc -c <"$name")" "$size" "$name" || return
	done
	assert_eq "$(last_seq)" "$before"
	assert_eq "$(ask_json q2 .status)" open
}

@test "a daemon that is killed: held asks are cancelled, detached ones go on" {
	leitl_up
	enter bob cece
	agent_do cece 'echo "{\"data\":{\"n\":0.10},\"timeout\":\"20m\"}" > sessions/bob/ask'
	ask_bg cece held
	cut -d, -f2- "$MNT/asks/q1/ask.json" >"$LEITL_TMP/before"
	leitl_kill9
	agent_join cece "$ASKER" || true
	fusermount3 -uz "$MNT"
	leitl_up
	assert_eq "$(cut -d, -f2- "$MNT/asks/q1/ask.json")" "$(cat "$LEITL_TMP/before")"
	assert_eq "$(ask_json q2 '[.status, .error] | join("|")')" 'cancelled|leitlfs was started again'
	agent_do bob 'echo 1 > asks/q1/reply'
	assert_eq "$(cat "$MNT/asks/q1/reply")" 1
	assert_eq "$(agent_do cece 'cat self/unread' | jq -r .event_type)" ask.answered
	agent_do cece 'echo next > sessions/bob/ask'
	assert_eq "$(ask_json q3 .status)" open
}

@test "questions for everyone count as broadcasts; answers never" {
	leitl_up -o broadcasts=2
	enter bob cece
	agent_do cece 'echo 1 > asks/new; echo 2 > asks/new'
	agent_sh cece 'exec 6>asks/new; sleep 1.1'
	assert_errno EDQUOT agent_do cece 'for i in 3 4 5; do echo $i > asks/new || exit 1; done'
	agent_do cece 'for i in 1 2 3 4 5 6 7 8; do echo x > sessions/bob/ask || exit 1; done'
	agent_do bob 'for i in asks/q*/reply; do echo x > $i || exit 1; done'
}

# --- plain file calls

@test "Python asks and answers by plain file calls" {
	leitl_up
	enter bob cece
	local server
	server=$(agent_py_bg bob <<'PY'
with open(path("self/inbox.live")) as inbox, open(path("asks/answer"), "w") as out:
    print("ready")
    for line in inbox:
        event = json.loads(line)
        if event["event_type"] != "ask.asked":
            continue
        ask = event["data"]
        if ask["type"] == "stop":
            break
        if ask["type"] != "add":
            continue
        json.dump({"replyTo": ask["request_id"], "data": sum(ask["data"].values())}, out)
        out.flush()
PY
	)
	wait_until eval 'agent_out bob "$server" | grep -q ready'
	agent_py cece <<'PY'
with open(path("sessions/bob/ask"), "r+") as f:
    for a in range(20):
        f.write(json.dumps({"type": "add", "data": {"a": a, "b": 4}}))
        f.flush()
        same(f.read(), f"{a + 4}\n")
with open(path("asks/new"), "r+") as f:
    f.write("anyone?\n")
    f.flush()
with open(path("sessions/bob/ask"), "w") as f:
    f.write('{"type":"stop"}')
PY
	agent_join bob "$server"
}

@test "Node asks and answers by plain file calls" {
	command -v node >/dev/null || skip "no node"
	leitl_up
	enter bob cece
	cat >"$LEITL_TMP/server.js" <<'JS'
const fs = require('fs'), readline = require('readline')
const lines = readline.createInterface({input: fs.createReadStream('self/inbox.live')})
console.log('ready')
lines.on('line', line => {
	const event = JSON.parse(line)
	if (event.event_type !== 'ask.asked') return
	if (event.data.type === 'stop') process.exit(0)
	const {a, b} = event.data.data
	fs.writeFileSync(event.data.reply_to, JSON.stringify({sum: a + b}))
})
JS
	cat >"$LEITL_TMP/client.js" <<'JS'
const fs = require('fs'), assert = require('assert')
const fd = fs.openSync('sessions/bob/ask', 'r+')
for (let a = 0; a < 20; a++) {
	fs.writeSync(fd, JSON.stringify({type: 'add', data: {a, b: 4}}))
	assert.deepStrictEqual(JSON.parse(fs.readFileSync(fd, 'utf8')), {sum: a + 4})
}
fs.closeSync(fd)
fs.writeFileSync('sessions/bob/ask', '{"type":"stop"}')
JS
	local server
	server=$(agent_bg bob "exec node $LEITL_TMP/server.js")
	wait_until eval 'agent_out bob "$server" | grep -q ready'
	wait_until eval '[ "$(ls -l /proc/$server/fd | grep -c inbox.live)" = 1 ]'
	agent_do cece "node $LEITL_TMP/client.js"
	agent_join bob "$server"
}

@test "who asked takes a question back by its error" {
	leitl_up
	enter cece bob
	agent_do cece 'echo "which port?" > sessions/bob/ask'
	agent_do bob 'echo no > asks/q1/error'
	agent_do cece 'echo "which host?" > sessions/bob/ask; echo "never mind" > asks/q2/error'
	assert_eq "$(jq -r '.status' "$MNT/asks/q1/ask.json" "$MNT/asks/q2/ask.json" | tr '\n' ' ')" 'failed cancelled '
	refute agent_do cece 'echo again > asks/q2/error'
	last_error | jq -e '.errno == "ESTALE"'
	enter ann
	refute agent_do ann 'echo mine > asks/q2/error'
}

@test "a detached question to oneself is a note, in one's own inbox and brief.md" {
	leitl_up
	enter cece
	agent_do cece 'echo "which port did I mean?" > sessions/cece/ask'
	assert_eq "$(agent_do cece 'jq -r .data.data self/next')" 'which port did I mean?'
	assert_match "$(agent_do cece 'cat self/brief.md')" 'asks/q1/reply.*which port did I mean'
	agent_do cece 'echo 8080 > asks/q1/reply'
	assert_eq "$(agent_do cece 'jq -c "[.event_type, .data.data]" self/next')" '["ask.answered","8080"]'
	refute_match "$(agent_do cece 'cat self/brief.md')" 'asks/q1'
	# On a descriptor somebody else must read for it.
	assert_errno EDEADLK agent_do cece 'exec 3<>sessions/cece/ask; echo x >&3'
	local reader
	reader=$(agent_bg cece 'exec cat self/inbox.live')
	wait_until reading "$reader"
	agent_sh cece 'exec 7<>sessions/cece/ask; echo x >&7'
	agent_sh cece 'echo y > asks/q2/reply; cat <&7; exec 7>&-' >"$LEITL_TMP/answer"
	assert_eq "$(cat "$LEITL_TMP/answer")" y
	kill "$reader"
}

@test "a question to oneself, and one that nobody can answer meanwhile, say what to do" {
	leitl_up
	enter bob
	refute agent_do bob 'exec 3<>sessions/bob/ask; echo me >&3'
	last_error | jq -e '.errno == "EDEADLK" and (.reason | test("its own"))'
}
