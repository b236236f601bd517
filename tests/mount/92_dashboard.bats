# The loop at a glance: dashboard.txt, dashboard.html with what it fetches, and leitlfs top.
load ../lib/mount
load ../lib/loop

teardown() {
	[ -z "${LEITL_TMP:-}" ] || tmux -S "$LEITL_TMP/tmux" kill-server 2>/dev/null || true
	leitl_cleanup
}

MARKUP='<img src=x onerror=alert(1)>'

# A loop with something of each kind in it.
furnish() {
	enter bob cece
	agent_do cece 'echo "fix the login" > self/current_task
		echo "hello everyone" > broadcast
		echo "for bob alone" > sessions/bob/inbox
		echo "{\"to\":\"bob\",\"data\":\"which port?\",\"timeout\":\"1h\"}" > asks/new
		echo "rotate the keys" > tasks/new
		echo "{\"name\":\"login\",\"note\":\"until it is green\"}" > claims/new
		mkdir collaborations/database
		echo bob > collaborations/database/participants
		echo "Postgres it is" > collaborations/database/decisions'
	echo "{\"agent_name\":\"$MARKUP\",\"session_id\":\"evil\",\"current_task\":\"</script>\\u001b[31m\\u2028\\u202ered\"}" \
		>"$MNT/sessions/new"
}

snapshot() { # FILTER
	jq -rc "$1" "$MNT/dashboard.json"
}

@test "the snapshot says what the files say" {
	leitl_up
	furnish
	assert_eq "$(snapshot '[.sessions[].id] | sort')" \
		"$(jq -c '[.sessions[].session_id] | sort' "$MNT/sessions.json")"
	assert_eq "$(snapshot '[.sessions[] | .task] | sort')" \
		"$(jq -c '[.sessions[].current_task] | sort' "$MNT/sessions.json")"
	assert_eq "$(snapshot '[.activity[].seq] | sort | .[-1]')" "$(tail -n 1 "$MNT/activity" | jq .seq)"
	assert_eq "$(snapshot '.seq, .counts.events' | sort -u)" "$(tail -n 1 "$MNT/activity" | jq .seq)"
	assert_eq "$(snapshot '.claims[0].id + " " + .claims[0].session')" "login $(cat "$MNT/claims/login/owner")"
	assert_eq "$(snapshot '.asks[0] | .id + " " + .to[0] + " " + .text')" \
		"$(jq -r '.request_id + " " + .to[0] + " " + .data' "$MNT"/asks/q1/ask.json)"
	assert_eq "$(snapshot '.tasks[0].text')" "$(jq -r .task_description "$MNT"/tasks/t1/task.json)"
	assert_eq "$(snapshot '.collaborations[0].decision.text')" "Postgres it is"
	assert_eq "$(snapshot '.health.status')" "$(jq -r .status "$MNT/health.json")"
	assert_eq "$(snapshot '.counts | [.sessions, .asks, .tasks, .claims, .collaborations, .messages]')" '[4,1,1,1,1,2]'
}

@test "who ends is gone for a while, who is silent is late" {
	leitl_up -o late=1
	enter bob cece
	rmdir "$MNT/sessions/cece"
	assert_eq "$(snapshot '.sessions[] | select(.id == "cece") | .health')" gone
	is_late() { [ "$(snapshot '.sessions[] | select(.id == "bob") | .health')" = late ]; }
	wait_until is_late
	wait_until grep -q 'session.late .* bob' "$MNT/dashboard.txt"
	grep -qE '^  bob .* late +silent [0-9]+s' "$MNT/dashboard.txt"
	grep -qE '^  cece .* gone +left ' "$MNT/dashboard.txt"
}

@test "the late stand first, then who says what he does; persons are never late, and stand last" {
	leitl_up -o late=1
	enter bob cece
	agent_do cece 'echo "a task" > self/current_task'
	all_late() { [ "$(snapshot .counts.late)" = 2 ]; }
	wait_until all_late
	enter dora eve
	agent_do eve 'echo "another" > self/current_task'
	# Whoever is late by now stands before who is not, with or without a task.
	py <<'EOF'
d = json.loads(content("dashboard.json"))
ranks = {"late": 0, "fresh": 1, "gone": 3}
order = [2 if s.get("person") else ranks[s["health"]] for s in d["sessions"]]
same(order, sorted(order))
assert 0 in order and 2 in order, d["sessions"]
person = [s for s in d["sessions"] if s.get("person")][0]
same(person["id"], d["you"]["id"])
text = content("dashboard.txt").decode()
assert re.search(r"^  SESSION +AGENT +HEALTH +HOW LONG +TASK$", text, re.M), text
assert re.search(rf"^  {person['id']} +person  seen ", text, re.M), text
EOF
}

@test "what waits for who looks is told first: questions for him, and what he has not read" {
	need_root
	leitl_up -o allow_other
	enter bob cece
	local you
	you=$(snapshot .you.id)
	assert_eq "$(snapshot .you.unread)" 0
	refute grep -q '^FOR YOU' "$MNT/dashboard.txt"
	agent_do cece "echo '{\"to\":\"$you\",\"data\":\"may I?\",\"timeout\":\"1h\"}' > asks/new
		echo '{\"to\":\"bob\",\"data\":\"a later one\",\"timeout\":\"1h\"}' > asks/new
		echo one > sessions/$you/inbox; echo two > sessions/$you/inbox; echo all > broadcast"
	assert_eq "$(snapshot '[.asks[] | [.text, .for_you]]')" '[["may I?",true],["a later one",null]]'
	assert_eq "$(snapshot .you.unread)" 2
	grep -q '^FOR YOU  1 question: see ASKS; 2 unread messages to you alone: cat self/unread.md$' "$MNT/dashboard.txt"
	grep -q 'cece asks YOU, ' "$MNT/dashboard.txt"
	# How to answer stands below it, and nowhere else.
	assert_eq "$(grep -A 1 'cece asks YOU, ' "$MNT/dashboard.txt" | tail -n 1)" '    answer: echo … > asks/q1/reply'
	assert_eq "$(grep -c 'answer: ' "$MNT/dashboard.txt")" 1
	# It is for nobody else, and so is what is unread.
	assert_eq "$(as_user 1 cat "$MNT/dashboard.json" | jq -c '[.you, [.asks[].for_you]]')" '[null,[null,null]]'
	as_user 1 cat "$MNT/dashboard.txt" >"$LEITL_TMP/seen"
	refute grep -q 'FOR YOU\|answer: ' "$LEITL_TMP/seen"
	# It is answered, from a terminal as it says, and read.
	local answer
	answer=$(sed -n 's/^    answer: //p' "$MNT/dashboard.txt")
	on_tty "cd '$MNT' && ${answer/…/yes}"
	assert_eq "$(cat "$MNT/as/cece/asks/q1/reply")" yes
	jq .seq "$MNT/sessions/$you/inbox" | tail -n 1 >"$MNT/as/$you/self/ack"
	nothing() { [ "$(snapshot '.you.unread, ([.asks[] | select(.for_you)] | length)' | xargs)" = "0 0" ]; }
	wait_until nothing
}

@test "what became of a question is told in words, and of what is private how much" {
	leitl_up
	enter bob cece
	agent_do cece 'echo "for bob alone" > sessions/bob/inbox
		echo "{\"to\":\"bob\",\"data\":\"secret question\",\"timeout\":\"100ms\"}" > asks/new
		echo "{\"to\":\"bob\",\"data\":\"which port?\",\"timeout\":\"1h\"}" > asks/new
		echo "{\"to\":\"bob\",\"data\":\"which host?\",\"timeout\":\"1h\"}" > asks/new
		echo "{\"data\":\"anyone?\",\"timeout\":\"100ms\"}" > asks/new'
	agent_do bob 'echo 8080 > asks/q2/reply; echo "secret reason" > asks/q3/error'
	over() { [ "$(jq -s 'map(select(.event_type == "ask.failed")) | length' "$MNT/activity")" = 3 ]; }
	wait_until over
	leitl_down
	leitl_up # what is read from the disk is told, too
	local page=$LEITL_TMP/page
	cat "$MNT/dashboard.txt" >"$page"
	line() { grep -qE "^  [0-9:]{8}  $1\$" "$page" || fail "no $1 in: $(cat "$page")"; }
	line 'ask.failed +cece +q1: no answer in time by bob'
	line 'ask.failed +bob to cece +q3: no answer, bob says why'
	line 'ask.failed +cece +q4: too few answers in time'
	line 'ask.answered +bob to cece +q2, private, [0-9]+ B'
	line 'ask.asked +cece to bob +q2, private, [0-9]+ B'
	line 'ask.asked +cece +q4  ".*anyone\?.*"'
	line 'cece to bob +private, [0-9]+ B'
	refute grep -q 'secret' "$page"
	refute grep -q 'cece to cece' "$page"
}

@test "a loop without anybody says what to do next, and that works" {
	leitl_up
	local step
	step=$(sed -n 's/^    \(echo .* > sessions.new\)$/\1/p' "$MNT/dashboard.txt")
	assert_match "$step" '^echo .NAME: '
	agent_start newcomer
	agent_do newcomer "$step"
	assert_eq "$(snapshot '[.sessions[] | select(.agent == "NAME") | .task]')" '["what you are doing"]'
	refute grep -q 'Nobody is in the loop' "$MNT/dashboard.txt"
}

@test "what was said to one stands in none of them" {
	leitl_up
	furnish
	local name
	for name in txt html js json; do
		refute grep -q 'for bob alone' "$MNT/dashboard.$name"
		grep -q 'hello everyone' "$MNT/dashboard.$name"
	done
	assert_eq "$(snapshot '[.messages[] | select(.type == "message.direct") | .text] | unique')" '[null]'
}

@test "another user sees no text of asks that are not his, and no source that is not shared" {
	need_root
	leitl_up -o allow_other
	furnish
	mkdir "$LEITL_TMP/notes"
	echo "$LEITL_TMP/notes" >"$MNT/context/sources/new"
	assert_eq "$(snapshot '[.asks[0].text, .sources[0].id]')" '["which port?","notes"]'
	assert_eq "$(as_user 1 cat "$MNT/dashboard.json" | jq -c '[.asks[0].text, .sources[0].id, .counts.sources]')" \
		'[null,null,0]'
	as_user 1 cat "$MNT/dashboard.txt" >"$LEITL_TMP/seen"
	grep -q 'cece asks bob' "$LEITL_TMP/seen"
	refute grep -q 'which port' "$LEITL_TMP/seen"
}

@test "dashboard.txt is 80 columns of plain text, whatever others are called" {
	leitl_up
	furnish
	agent_do bob 'printf "%s\n" "{\"message\":\"wide 日本語日本語日本語日本語日本語日本語日本語日本語 \\u0007\\u009b31m\"}" > broadcast'
	py <<'EOF'
import unicodedata
text = open(path("dashboard.txt"), encoding="utf-8").read()
lines = text.split("\n")
same(lines.pop(), "")
for line in lines:
    wide = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
    assert wide <= 80, (wide, line)
    assert all(c == " " or c.isprintable() for c in line), ascii(line)
    same(line, line.rstrip())
assert any('日本語' in line for line in lines)
assert any('"fix the login"' in line for line in lines), text
for wanted in ("SESSIONS  4 fresh", "ASKS  1", "TASKS  1", "CLAIMS  1", "COLLABORATIONS  1", "no sources"):
    assert wanted in text, (wanted, text)
EOF
}

@test "no name becomes markup: not in the page, not in what it fetches" {
	leitl_up
	furnish
	py <<'EOF'
import html.parser, json
page = open(path("dashboard.html"), encoding="utf-8").read()
class Look(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.inside, self.data = [], None, ""
    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.inside = dict(attributes).get("id") if tag == "script" else None
    def handle_data(self, data):
        if self.inside == "snapshot":
            self.data += data
look = Look()
look.feed(page)
same([t for t in look.tags if t in ("img", "b", "iframe", "object")], [])
same(look.tags.count("script"), 2)
snapshot = json.loads(look.data)
assert any(s["agent"] == "<img src=x onerror=alert(1)>" for s in snapshot["sessions"])
assert any(s.get("task", "").startswith("</script>\x1b[31m\u2028") for s in snapshot["sessions"])
script = open(path("dashboard.js"), encoding="utf-8").read()
for bad in ("<", ">", "&", "\u2028", "\x1b"):
    assert bad not in script, repr(bad)
assert script.startswith("leitlfsDashboard({") and script.endswith(");\n")
same(json.loads(script[len("leitlfsDashboard("):-3])["counts"], snapshot["counts"])
assert "http://" not in page.replace("http://www.w3.org/2000/svg", "") and "https://" not in page
EOF
}

@test "what the page fetches is not listed, and all four stay the same for who looks twice at once" {
	leitl_up
	enter bob
	assert_eq "$(cd "$MNT" && echo dashboard*)" 'dashboard.html dashboard.txt'
	py <<'EOF'
def look():
    return [open(path("dashboard." + e), "rb").read() for e in ("json", "txt", "html", "js")]
same_looks = sum(look() == look() for _ in range(20))
assert same_looks >= 16, same_looks  # a second may end between two
EOF
}

# --- top

# top_up [COLUMNS LINES]: leitlfs top in a terminal of its own.
top_up() {
	env -u LC_ALL LANG=C.UTF-8 tmux -S "$LEITL_TMP/tmux" -f /dev/null new-session -d \
		-x "${1:-100}" -y "${2:-30}" "exec bash --norc" 3>&- 4>&-
	keys "PS1='ready> '; export LEITLFS_MOUNT=$MNT; stty -a > $LEITL_TMP/before" Enter
	top_go_on
}
top_go_on() {
	keys "clear; $LEITLFS top; echo \"status \$?\"; stty -a > $LEITL_TMP/after" Enter
	wait_until shows '^leitlfs  all is well'
}
keys() {
	tmux -S "$LEITL_TMP/tmux" send-keys "$@"
}
screen() {
	tmux -u -S "$LEITL_TMP/tmux" capture-pane -p
}
shows() { # REGEX
	screen | grep -qE -- "$1"
}
shows_not() {
	! shows "$1"
}

@test "top: shows the loop, and what happens as it happens" {
	leitl_up
	furnish
	top_up
	wait_until shows '^> cece '
	shows '\[Sessions 4\]'
	shows '^  SESSION +AGENT +HEALTH +HOW LONG +TASK'
	shows '^  bob .* fresh +here '
	shows '^  evil +<img src=x'
	echo 'news from outside' >"$MNT/broadcast"
	wait_until shows 'broadcast.message .*"news from outside"'
	mkdir "$MNT/sessions/dora"
	wait_until shows '^  dora .* fresh'
	wait_until shows '\[Sessions 5\]'
	rmdir "$MNT/sessions/dora"
	wait_until shows '^  dora .* gone'
	# What is said to the person who looks alone, the head tells of.
	echo psst >"$MNT/as/cece/sessions/$(snapshot .you.id)/inbox"
	wait_until shows ', 1 unread'
}

@test "top: panes, choosing, looking into one, filtering, help" {
	leitl_up
	furnish
	top_up
	keys j
	wait_until shows '^> evil '
	keys k
	wait_until shows '^> cece '
	keys Enter
	wait_until shows '^  task +"fix the login"'
	shows '^Claims'
	shows '^  login '
	keys Escape
	wait_until shows '^> cece '
	keys Tab
	wait_until shows '\[Asks 1\]'
	shows 'cece asks bob, .* left  "which port\?"'
	keys BTab
	wait_until shows '\[Sessions 4\]'
	keys / evil
	wait_until shows '^/evil'
	wait_until shows_not '^. cece '
	shows '^> evil '
	keys Enter
	wait_until shows '^filter: evil'
	keys Escape
	wait_until shows '^  cece '
	keys '?'
	wait_until shows '^Tab, Shift-Tab'
	keys q
	wait_until shows '^> evil '
}

@test "top: m says something to who is chosen, M to everyone; why it can't be is told" {
	leitl_up
	enter bob cece
	top_up
	keys j
	wait_until shows '^> cece '
	keys m
	wait_until shows '^To cece:'
	keys -l 'wär das ok?x'
	keys BSpace
	wait_until shows '^To cece: wär das ok\?$'
	keys Enter
	wait_until shows '^sent$'
	assert_eq "$(tail -n 1 "$MNT/sessions/cece/inbox" | jq -r '.data.message')" 'wär das ok?'
	keys M
	keys -l 'to all'
	keys Enter
	said() { [ "$(tail -n 1 "$MNT/broadcast" | jq -r .data.message)" = "to all" ]; }
	wait_until said
	keys m
	wait_until shows '^To cece:'
	rmdir "$MNT/sessions/cece"
	keys -l late
	keys Enter
	wait_until shows '^not sent: '
}

@test "top: another size of the terminal is followed, down to a small one" {
	leitl_up
	furnish
	top_up
	tmux -S "$LEITL_TMP/tmux" resize-window -x 50 -y 12
	wait_until eval '[ "$(screen | wc -l)" = 12 ] && shows "^> cece " && shows_not "^Activity, the"'
	shows '^leitlfs  all is well'
	# What matters of each is there still: who, how, since when.
	shows '^> cece +fresh +here '
	tmux -S "$LEITL_TMP/tmux" resize-window -x 20 -y 3
	tmux -S "$LEITL_TMP/tmux" resize-window -x 120 -y 40
	wait_until shows '^Activity, the newest first'
	wait_until shows '^  evil '
	tmux -S "$LEITL_TMP/tmux" resize-window -x 200 -y 40
	wait_until shows '^  evil +<img src=x onerror=ale'
}

@test "top: a loop without anybody says what to do next, and shows who does it" {
	leitl_up
	top_up 80 24
	wait_until shows "echo 'NAME: what you are doing' > sessions/new"
	mkdir "$MNT/sessions/dora"
	wait_until shows '^[> ] dora .* fresh'
	wait_until shows_not 'what you are doing'
}

@test "top: q and signals leave the terminal as it was" {
	leitl_up
	enter bob
	top_up
	keys q
	wait_until shows '^status 0'
	wait_until [ -s "$LEITL_TMP/after" ]
	diff "$LEITL_TMP/before" "$LEITL_TMP/after"
	shows_not '^leitlfs  all is well' # the screen that was there before is back
	local signal
	for signal in TERM HUP QUIT; do
		rm "$LEITL_TMP/after"
		top_go_on
		kill -"$signal" "$(pgrep -f "^$LEITLFS top$")"
		wait_until [ -s "$LEITL_TMP/after" ]
		diff "$LEITL_TMP/before" "$LEITL_TMP/after"
		wait_until shows "^status $((128 + $(kill -l $signal)))"
	done
	top_go_on
	keys C-c
	wait_until shows_not '^leitlfs  all is well'
	keys "stty -a > $LEITL_TMP/interrupted" Enter
	wait_until [ -s "$LEITL_TMP/interrupted" ]
	diff "$LEITL_TMP/before" "$LEITL_TMP/interrupted"
}

@test "top: a mount that goes is told, keys go on, and one that comes back is shown" {
	leitl_up
	enter bob
	top_up
	leitl_down
	wait_until shows '^leitlfs  NOT FRESH since.*the mount is gone'
	keys '?'
	wait_until shows '^Tab, Shift-Tab'
	keys q
	leitl_up
	wait_until shows '^leitlfs  all is well'
	echo 'back again' >"$MNT/broadcast"
	wait_until shows '"back again"'
}

@test "top: a daemon that hangs hangs no terminal" {
	leitl_up
	enter bob
	top_up
	kill -STOP "$DAEMON"
	keys '?'
	wait_until shows '^Tab, Shift-Tab'
	keys q
	wait_until shows '^leitlfs  NOT FRESH since [0-9:]+: the mount does not answer'
	kill -CONT "$DAEMON"
	wait_until shows '^leitlfs  all is well'
	kill -STOP "$DAEMON"
	keys q
	wait_until shows '^status 0'
	kill -CONT "$DAEMON"
}

@test "top: without a terminal, or without a mount, it says so" {
	leitl_up
	run "$LEITLFS" top "$MNT" </dev/null
	assert_eq "$status" 1
	assert_match "$output" 'no terminal.*dashboard.txt'
	mkdir "$LEITL_TMP/empty"
	run "$LEITLFS" top "$LEITL_TMP/empty"
	assert_eq "$status" 7
}
