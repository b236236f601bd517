# Logs are growing files of JSON lines, for every reader of such files.
load ../lib/mount
load ../lib/loop

# talk NUMBER [FILE]: that many messages {"n":0}, {"n":1} …, one a write.
talk() {
	py "$1" "${2:-broadcast}" <<'EOF'
with opened(sys.argv[3]) as fd:
    for n in range(int(sys.argv[2])):
        os.write(fd, b'{"n":%d}\n' % n)
EOF
}

# Talks until the oldest event kept is a newer one than SEQ: until some have expired.
talk_until_expired() { # SEQ
	py "$1" <<'EOF'
deadline = time.monotonic() + (40 if slow else 20)
n = 0
with opened("broadcast") as fd:
    while oldest() <= int(sys.argv[2]):
        assert time.monotonic() < deadline, f"nothing expires: the oldest event is {oldest()}"
        for i in range(10):
            os.write(fd, b'{"n":%d}\n' % n)
            n += 1
        time.sleep(0.02)
EOF
}

# A follower's output: every line whole, seqs from FIRST (or wherever) on without a gap, up to LAST.
check_followed() { # NAME LAST [FIRST]
	[ ! -s "$LEITL_TMP/$1.err" ] || fail "$1 said: $(cat "$LEITL_TMP/$1.err")" || return 1
	py "$LEITL_TMP/$1" "$2" "${3:-}" <<'EOF'
with open(sys.argv[2], "rb") as f:
    events = parse(f.read())
contiguous(events, int(sys.argv[4]) if sys.argv[4] else None)
same(events[-1]["seq"], int(sys.argv[3]), "last seq")
EOF
}

followed_to() { # NAME SEQ
	[ "$(tail -n 1 "$LEITL_TMP/$1" | jq .seq)" = "$2" ]
}

# --- what there is

@test "activity, feeds/all and the rest show the same lines, each what it should" {
	leitl_up
	enter cece bob
	agent_do cece 'echo one > broadcast; echo two > self/say/deploy.done; echo three > sessions/bob/inbox'
	agent_do bob 'echo four > broadcast; echo started > self/say/task.started; echo x > self/heartbeat'
	cmp "$MNT/activity" "$MNT/feeds/all"
	wait_until grep -q agent.active "$MNT/activity"
	assert_eq "$(jq -r .event_type "$MNT/activity" | tr '\n' ' ' | grep -o 'broadcast.message.*')" \
		'broadcast.message deploy.done message.direct broadcast.message task.started agent.active '
	py <<'EOF'
events = lines("activity")
contiguous(events, 1)
for name in ("cece", "bob"):
    own = [e for e in events if e["session_id"] == name]
    assert len(own) >= 3
    for log in (f"feeds/by-session/{name}", f"sessions/{name}/activity"):
        same(lines(log), own, log)
    own = [e for e in events if e["session_id"] == name or e["data"].get("agent_id") == name]
    for log in (f"feeds/by-agent/{name}", f"agents/{name}/activity"):
        same(lines(log), own, log)
for type in ("broadcast.message", "deploy.done", "message.direct", "task.started", "session.started"):
    same(lines(f"feeds/by-type/{type}"), [e for e in events if e["event_type"] == type], type)
same([e["data"]["message"] for e in lines("broadcast")], ["one", "two", "four"])
for e in events:
    same(lines(f"feeds/since/{e['seq']}"), events[e["seq"]:], "since a seq")
same(lines("feeds/since/0"), events)
same(lines("feeds/since/999999"), [])
assert not [e for e in events if e["event_type"] == "session.heartbeat"]
EOF
	[[ " $(ls "$MNT/feeds/by-type" | tr '\n' ' ')" == *" broadcast.message deploy.done message.direct "* ]]
	[[ " $(ls "$MNT/feeds/by-session" | tr '\n' ' ')" == *" bob cece "* ]]
	[[ " $(ls "$MNT/feeds/by-agent" | tr '\n' ' ')" == *" bob cece "* ]]
	[[ " $(ls "$MNT/agents" | tr '\n' ' ')" == *" bob cece "* ]]
}

@test "feeds/since/<time> begins at that time" {
	leitl_up
	talk 3
	py <<'EOF'
events = lines("activity")
for e in events:
    time_ = e["timestamp"]
    want = [o for o in events if o["timestamp"] >= time_]
    same(lines(f"feeds/since/{time_}"), want, time_)
same(lines("feeds/since/1970-01-01T00:00:00Z"), events)
same(lines("feeds/since/2999-01-01T00:00:00Z"), [])
same(lines("feeds/since/1999-12-31"), events)
EOF
	refute cat "$MNT/feeds/since/yesterday-ish"
	refute cat "$MNT/feeds/since/-1"
}

@test "an agent over all its sessions" {
	leitl_up
	agent_start one
	agent_start two
	agent_do one 'echo "{\"agent_name\":\"Bob B\",\"session_id\":\"b1\"}" > sessions/new; echo from one > broadcast'
	agent_do two 'echo "{\"agent_name\":\"Bob B\",\"session_id\":\"b2\"}" > sessions/new; echo from two > broadcast'
	assert_eq "$(ls "$MNT/agents/bob-b/sessions" | grep -v README | tr '\n' ' ')" 'b1 b2 '
	assert_eq "$(cat "$MNT/agents/bob-b/sessions/b1/id")" b1
	assert_eq "$(texts "$MNT/agents/bob-b/activity" | tr '\n' ' ')" '"from one" "from two" '
	assert_eq "$(texts "$MNT/feeds/by-agent/bob-b" | tr '\n' ' ')" '"from one" "from two" '
	assert_eq "$(jq -r 'select(.event_type == "session.started") | .session_id' \
		"$MNT/agents/bob-b/activity" | tr '\n' ' ')" 'b1 b2 '
	# what happened stays when the sessions have ended
	agent_do one 'rmdir sessions/b1'
	agent_do two 'rmdir sessions/b2'
	assert_eq "$(texts "$MNT/agents/bob-b/activity" | tr '\n' ' ')" '"from one" "from two" '
	assert_eq "$(texts "$MNT/feeds/by-session/b1")" '"from one"'
}

@test "what is no log, no type, no session and no agent is ENOENT" {
	leitl_up
	local name
	for name in activity/x feeds/none feeds/by-type/none feeds/by-session/nobody \
		feeds/by-agent/nobody agents/nobody sessions/nobody; do
		refute cat "$MNT/$name" 2>/dev/null
	done
	assert_errno ENOENT cat "$MNT/feeds/none"
	assert_errno ENOENT cat "$MNT/sessions/nobody/inbox"
	assert_errno ENOENT cat "$MNT/feeds/by-session/nobody"
	assert_errno ENOENT ls "$MNT/agents/nobody"
}

@test "activity and feeds are not for writing" {
	leitl_up
	enter cece
	local name before
	before=$(last_seq)
	for name in activity feeds/all sessions/cece/sent sessions/cece/unread; do
		refute bash -c 'echo words >"$0"' "$MNT/$name" 2>/dev/null
		refute bash -c 'echo words >>"$0"' "$MNT/$name" 2>/dev/null
	done
	refute rm -f "$MNT/activity" 2>/dev/null
	refute mv "$MNT/activity" "$MNT/other" 2>/dev/null
	refute touch "$MNT/new-file" 2>/dev/null
	assert_eq "$(last_seq)" "$before"
}

# --- readers of all kinds

@test "st_size and mtime are true, of every log" {
	leitl_up
	enter cece bob
	agent_do cece 'echo one > broadcast; echo two > sessions/bob/inbox'
	refuse EINVAL "$MNT/broadcast" '{]'
	py <<'EOF'
import datetime
for log in ("activity", "broadcast", "errors", "sessions/bob/inbox", "sessions/cece/sent",
        "sessions/cece/activity", "agents/bob/activity", "agents/bob/inbox", "feeds/all",
        "feeds/by-type/broadcast.message", "feeds/by-agent/cece", "feeds/by-session/cece",
        "feeds/since/2", "feeds/since/1999-12-31"):
    data = content(log)
    same(os.stat(path(log)).st_size, len(data), log)
    with open(path(log), "rb") as f:
        same(os.fstat(f.fileno()).st_size, len(data), log)
        same(f.seek(0, os.SEEK_END), len(data), log)
    if data:
        last = datetime.datetime.fromisoformat(parse(data)[-1]["timestamp"]).timestamp()
        assert abs(os.stat(path(log)).st_mtime - last) < 0.001, (log, os.stat(path(log)).st_mtime, last)
before = os.stat(path("activity"))
with opened("broadcast") as fd:
    os.write(fd, b"three\n")
after = os.stat(path("activity"))
assert after.st_size > before.st_size and after.st_mtime_ns > before.st_mtime_ns
same(after.st_ino, before.st_ino)
EOF
}

@test "wc, grep, head, tail, cp, jq, less, sort and sed see one and the same file" {
	leitl_up
	talk 500
	local log=$MNT/activity copy=$LEITL_TMP/copy lines
	cat "$log" >"$copy"
	lines=$(wc -l <"$copy")
	assert_le 501 "$lines"
	cp "$log" "$LEITL_TMP/cp"
	cmp "$copy" "$LEITL_TMP/cp"
	dd if="$log" of="$LEITL_TMP/dd" bs=77 status=none
	cmp "$copy" "$LEITL_TMP/dd"
	assert_eq "$(wc -l "$log" | cut -d ' ' -f 1)" "$lines"
	assert_eq "$(wc -c "$log" | cut -d ' ' -f 1)" "$(stat -c %s "$copy")"
	assert_eq "$(grep -c '"n":[0-9]*7}' "$log")" 50
	assert_eq "$(grep -n '"n":499}' "$log" | cut -d : -f 1)" "$lines"
	cmp <(head -n 3 "$log") <(head -n 3 "$copy")
	cmp <(tail -n 3 "$log") <(tail -n 3 "$copy")
	cmp <(tail -n +400 "$log") <(tail -n +400 "$copy")
	cmp <(tail -c 1000 "$log") <(tail -c 1000 "$copy")
	cmp <(tail -c +1000 "$log") <(tail -c +1000 "$copy")
	cmp <(tail -n 400 "$log") <(tail -n 400 "$copy")
	cmp <(tac "$log") <(tac "$copy")
	cmp <(sort "$log") <(sort "$copy")
	cmp <(sed -n '100,120p' "$log") <(sed -n '100,120p' "$copy")
	cmp <(less -f "$log" </dev/null) "$copy"
	assert_eq "$(jq -s 'map(select(.data.n)) | length' "$log")" 500
	assert_eq "$(jq -r 'select(.data.n == 123) | .event_type' "$log")" broadcast.message
	assert_eq "$(awk 'END { print NR }' "$log")" "$lines"
	cmp <(tail -n 5 <"$log") <(tail -n 5 "$copy")
	cmp <(split -l 100 --filter=cat "$log") "$copy"
	diff "$log" "$copy"
}

@test "vim shows it, and says nothing of it" {
	command -v vim >/dev/null || skip "no vim"
	leitl_up
	talk 20
	timeout 20 vim -n -R -es -u NONE -c '%print' -c 'qa!' "$MNT/activity" </dev/null >"$LEITL_TMP/vim"
	cmp "$LEITL_TMP/vim" "$MNT/activity"
}

@test "less on a terminal, and its G" {
	leitl_up
	talk 100
	on_tty "stty rows 24 cols 200; TERM=linux LESS= less -E -X +G $MNT/activity" >"$LEITL_TMP/less"
	grep -q '"n":99}' "$LEITL_TMP/less"
}

@test "Python reads, seeks, maps, and follows it as it grows" {
	leitl_up
	talk 300
	py <<'EOF'
import mmap
whole = content("activity")
with open(path("activity"), "rb") as f:
    for off in (0, 1, 1000, len(whole) // 2, len(whole) - 10, len(whole), len(whole) + 1000):
        f.seek(off)
        same(f.read(500), whole[off:off + 500], f"bytes at {off}")
    f.seek(-100, os.SEEK_END)
    same(f.read(), whole[-100:])
    for size in (1, 7, 4096):
        same(os.pread(f.fileno(), size, 333), whole[333:333 + size])
    map = mmap.mmap(f.fileno(), len(whole), flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
    same(map[:], whole)
    map.close()
with open(path("activity"), encoding="utf-8", newline="\n") as f:
    before = [json.loads(line) for line in f]
    same(f.readline(), "")
    for n in range(5):
        with opened("broadcast") as fd:
            os.write(fd, b"more %d\n" % n)
        line = json.loads(f.readline())
        same((line["seq"], line["data"]["message"]), (len(before) + 1 + n, f"more {n}"))
        same(f.readline(), "")
contiguous(before, 1)
EOF
}

@test "Node reads it: readFile, streams by line, stat, read at a position" {
	command -v node >/dev/null || skip "no node"
	leitl_up
	talk 300
	run node - "$MNT/activity" <<'EOF'
const fs = require('fs'), readline = require('readline'), assert = require('assert')
const log = process.argv[2]
;(async () => {
	const whole = fs.readFileSync(log)
	assert.strictEqual(fs.statSync(log).size, whole.length)
	assert.deepStrictEqual(await fs.promises.readFile(log), whole)
	let seq = 0
	for await (const line of readline.createInterface({input: fs.createReadStream(log)}))
		assert.strictEqual(JSON.parse(line).seq, ++seq)
	assert.strictEqual(JSON.parse(whole.toString().trim().split('\n').pop()).seq, seq)
	const fd = fs.openSync(log), part = Buffer.alloc(100)
	fs.readSync(fd, part, 0, 100, 1234)
	assert.deepStrictEqual(part, whole.subarray(1234, 1334))
	const tail = []
	for await (const chunk of fs.createReadStream(log, {start: whole.length - 50})) tail.push(chunk)
	assert.deepStrictEqual(Buffer.concat(tail), whole.subarray(-50))
	console.log('read', seq)
})()
EOF
	[ "$status" -eq 0 ] || fail "$output"
	assert_eq "$output" "read $(last_seq)"
}

@test "large lines, and reads that begin and end within them" {
	leitl_up
	py <<'EOF'
sizes = [1, 100000, 10, 1000000, 131072, 3]
with opened("broadcast") as fd:
    for n, size in enumerate(sizes):
        os.write(fd, b'{"n":%d,"text":"%s"}' % (n, b"\xc3\xa9" * (size // 2)))
whole = content("activity")
same([(e["data"]["n"], len(e["data"]["text"])) for e in parse(whole)[-len(sizes):]],
    [(n, size // 2) for n, size in enumerate(sizes)])
same(os.stat(path("activity")).st_size, len(whole))
with open(path("activity"), "rb", buffering=0) as f:
    for off in range(0, len(whole), 99991):
        same(os.pread(f.fileno(), 3000, off), whole[off:off + 3000], f"bytes at {off}")
    same(f.read(len(whole) + 10), whole)
EOF
}

# --- tail -f

@test "tail -f, tail -F and tail -n begin where they should, and miss nothing across 10,000 events" {
	leitl_up
	talk 10
	local count=10000 last pids=() begin
	[ -z "${SAN:-}" ] || count=2000
	begin=$(last_seq)
	follow all tail -n +1 -s 0.1 -f "$MNT/activity" && pids+=("$FOLLOWER")
	follow name tail -n 3 -s 0.1 -F "$MNT/activity" && pids+=("$FOLLOWER")
	follow feed tail -n 0 -s 0.1 -F "$MNT/feeds/by-type/broadcast.message" && pids+=("$FOLLOWER")
	wait_until followed_to all "$begin"
	wait_until followed_to name "$begin"
	talk $count
	last=$(last_seq)
	assert_eq "$last" $((begin + count))
	wait_until followed_to all "$last"
	wait_until followed_to name "$last"
	wait_until followed_to feed "$last"
	kill "${pids[@]}"
	check_followed all "$last" 1
	check_followed name "$last" $((begin - 2))
	check_followed feed "$last" # its beginning is whenever it came
	py "$LEITL_TMP/all" <<'EOF'
with open(sys.argv[2], "rb") as f:
    same(f.read(), content("activity"))
EOF
}

@test "tail -f and tail -F run on across expiry: nothing twice, nothing missing, no \"truncated\"" {
	leitl_up -o expire=2s
	enter bob
	talk 20
	local last pids=() ino
	ino=$(stat -c %i "$MNT/activity")
	follow all tail -n +1 -s 0.1 -f "$MNT/activity" && pids+=("$FOLLOWER")
	follow name tail -n +1 -s 0.1 -F "$MNT/activity" && pids+=("$FOLLOWER")
	follow feed tail -n +1 -s 0.1 -F "$MNT/feeds/all" && pids+=("$FOLLOWER")
	follow inbox tail -n +1 -s 0.1 -F "$MNT/sessions/bob/inbox" && pids+=("$FOLLOWER")
	wait_until test -s "$LEITL_TMP/inbox" -a -s "$LEITL_TMP/feed" -a -s "$LEITL_TMP/name" -a -s "$LEITL_TMP/all"
	talk_until_expired 30
	talk_until_expired "$(last_seq)" # a second generation
	talk 50
	last=$(last_seq)
	for name in all name feed inbox; do
		wait_until followed_to $name "$last"
	done
	assert_eq "$(stat -c %i "$MNT/activity")" "$ino"
	kill "${pids[@]}"
	check_followed all "$last" 1
	check_followed name "$last" 1
	check_followed feed "$last" 1
	check_followed inbox "$last"
}

@test "who comes after an expiry finds whole lines, contiguous, and a true size" {
	leitl_up -o expire=2s
	talk 20
	talk_until_expired 20
	py <<'EOF'
for log in ("activity", "feeds/all", "broadcast", "feeds/since/1", "feeds/since/1999-12-31"):
    with open(path(log), "rb") as f:
        size = os.fstat(f.fileno()).st_size
        data = f.read()
    same(len(data), size, log)
    contiguous([e for e in parse(data) if "gap" not in e])
    assert all(e.get("seq", 99) > 20 for e in parse(data)), log
EOF
	assert_eq "$(tail -n 1 "$MNT/activity" | jq .seq)" "$(last_seq "$MNT/feeds/all")"
}

@test "who holds a log across its expiry: it never shrinks, and what is kept stands where it stood" {
	leitl_up -o expire=2s
	talk 50
	py <<'EOF'
old = os.open(path("activity"), os.O_RDONLY)
first = os.pread(old, 1 << 20, 0)
size = os.fstat(old).st_size
same(len(first), size)
n = 0
def expired():
    global n, size
    with opened("broadcast") as fd:
        os.write(fd, b'{"n":%d}' % n)
    n += 1
    now = os.fstat(old).st_size
    assert now > size, (now, size)
    size = now
    time.sleep(0.005)
    return oldest() > 55
until(expired, "expiry", 20)
new = content("activity")
data = b""
while part := os.pread(old, 1 << 20, len(data)):
    data += part
same(len(data), os.fstat(old).st_size)
new = new[new.index(b'{"seq"'):]  # a name may give the old generation for a second: a gap comes first
kept = new[:new.index(b"\n") + 1]
assert len(data) > len(new)
# from the first line kept on, the old file goes on as the new one does…
at = data.index(kept)
assert data[at:].startswith(new) or new.startswith(data[at:])
# …and before that there are JSON lines too: of what is gone, or what is still there
got = [json.loads(line) for line in data[:at].decode().split("\n")[:-1]]
assert len(data[:at]) >= len(first)
assert data[at - 1:at] == b"\n"
assert any("gap" in e for e in got) or got[0]["seq"] == 1, got[:3]
# reading on from where one was, nothing is there twice
seqs = [e["seq"] for e in parse(data[at:])]
same(seqs, list(range(seqs[0], seqs[0] + len(seqs))))
os.close(old)
EOF
}

@test "an inbox across expiry and a restart: what is left is whole, and goes on" {
	leitl_up -o expire=2s
	enter bob
	echo early >"$MNT/sessions/bob/inbox"
	talk_until_expired 20
	leitl_down
	leitl_up -o expire=1h
	py <<'EOF'
events = lines("sessions/bob/inbox")
assert events and all(e["seq"] > 20 for e in events), events[:1]
contiguous(lines("activity"))
same(os.stat(path("activity")).st_size, len(content("activity")))
EOF
	echo late >"$MNT/sessions/bob/inbox"
	assert_eq "$(texts "$MNT/sessions/bob/inbox" | tail -n 1)" '"late"'
}

@test "without expiry everything stays" {
	leitl_up -o expire=0
	talk 10
	assert_eq "$(head -n 1 "$MNT/activity" | jq .seq)" 1
}

@test "logs go on after a restart, where they were" {
	leitl_up
	enter bob
	talk 100
	cp "$MNT/activity" "$LEITL_TMP/before"
	leitl_down
	leitl_up
	talk 5
	py "$LEITL_TMP/before" <<'EOF'
with open(sys.argv[2], "rb") as f:
    before = f.read()
now = content("activity")
same(now[:len(before)], before)
contiguous(lines("activity"), 1)
same(os.stat(path("activity")).st_size, len(now))
EOF
	leitl_kill9
	leitl_up
	cmp -n "$(stat -c %s "$LEITL_TMP/before")" "$MNT/activity" "$LEITL_TMP/before"
	assert_eq "$(jq -s 'map(select(.data.n != null)) | length' "$MNT/activity")" 105
}
