# What is old goes: events after `expire`, ended ids and names after `hold`; and what that leaves on
# the disk and of the quotas.
load ../lib/mount
load ../lib/loop

# What several programs below begin with: writing at an even pace, and what is kept.
COMMON='
def say(n, file="broadcast", pad=0):
    with opened(file) as fd:
        os.write(fd, json.dumps({"n": n, "pad": "x" * pad}).encode())


def stamp(event):
    """When it was, in seconds."""
    import datetime
    return datetime.datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00")).timestamp()


def first_seq(name="activity"):
    """The oldest there is. Who opened it a moment before an expiry finds a line that stands for what
    has gone since."""
    with open(path(name), "rb") as f:
        line = f.readline()
    first = json.loads(line) if line else {"seq": 1 << 60}
    return first["gap"]["to"] + 1 if "gap" in first else first["seq"]


def kept(name="activity"):
    return [e for e in lines(name) if "gap" not in e]


def gone(seq, seconds=60 if slow else 15):
    """Waits until the event has expired, and everything before it."""
    until(lambda: first_seq() > seq, f"seq {seq} to expire", seconds)


def last_seq():
    return kept()[-1]["seq"]
'

expiry_py() { # as py
	{
		echo "$COMMON"
		cat
	} | py "$@"
}

# sql STATEMENT: on the database of a daemon that has ended.
sql() {
	"$PYTHON" - "$STATE/leitl.db" "$1" <<-'END'
		import sqlite3, sys
		for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]):
		    print(*row)
	END
}

# --- events

@test "events go at their age: from activity, feeds, inboxes, unread and sent, and not before" {
	leitl_up -o expire=2s
	enter bob cece
	agent_do cece 'echo old > broadcast; echo old > sessions/bob/inbox; echo old > self/say/my.type'
	expiry_py <<'EOF'
slack = 8 if slow else 2
logs = ["activity", "feeds/all", "broadcast", "feeds/by-type/my.type", "feeds/by-type/broadcast.message",
        "feeds/by-agent/cece", "feeds/by-session/cece", "feeds/since/1", "sessions/cece/activity",
        "sessions/cece/sent", "sessions/bob/inbox", "sessions/bob/unread", "agents/cece/activity",
        "agents/bob/inbox"]
for name in logs:
    assert lines(name), f"{name} is empty from the start"
last, seen, n = last_seq(), {}, 0
while first_seq() <= last + 50:
    say(n)
    n += 1
    began = time.time()
    events = kept()
    now = time.time()
    contiguous(events)
    for e in events:
        seen[e["seq"]] = stamp(e)
        assert stamp(e) > began - 2 - slack, f"it is {began - stamp(e):.1f} s old, and still there"
    for seq in [s for s in seen if s < events[0]["seq"]]:
        assert seen.pop(seq) <= now - 2 + 0.001, "it was not 2 s old, and is gone"
    time.sleep(0.02)
for name in logs:
    shown = kept(name)
    assert all(e.get("seq", 1 << 60) > last for e in shown), f"{name} shows {shown[0]}"
    until(lambda: kept(name) == lines(name), f"{name} to begin with an event")
# what went unread does not come by next any more; what is new does
say("new", "sessions/bob/inbox")
with opened("as/bob/self/next", os.O_RDONLY) as fd:
    e = json.loads(os.read(fd, 65536))
assert e["seq"] > last + 50, e
EOF
}

@test "who has a log open keeps its offsets; who opens it anew begins later; it is one file to stat" {
	leitl_up -o expire=2s
	enter bob
	expiry_py <<'EOF'
logs = ["activity", "broadcast", "feeds/all", "feeds/by-type/broadcast.message", "sessions/bob/inbox",
        "feeds/by-agent/bob", "sessions/bob/activity"]
for n in range(40):
    say(n, pad=n * 7)
held = {name: os.open(path(name), os.O_RDONLY) for name in logs}
ino = {name: os.stat(path(name)).st_ino for name in logs}
was = {name: os.pread(fd, 1 << 20, 0) for name, fd in held.items()}
n = 40
for generation in range(2):
    last = last_seq()
    until(lambda: (say(n), first_seq() > last)[1], "another generation", 30)
    for name, fd in held.items():
        st = os.stat(path(name))
        same(st.st_ino, ino[name], f"{name}: st_ino")
        same(os.fstat(fd).st_ino, ino[name], f"{name}: st_ino of what is open")
        size = os.fstat(fd).st_size
        assert size >= len(was[name]), f"{name} has become shorter: {size}"
        assert size >= st.st_size, name
        # one line stands for what has gone; after it, all is where it was
        data = os.pread(fd, size, 0)
        same(len(data), size, name)
        first = data.index(b"\n") + 1
        assert "gap" in json.loads(data[:first]), data[:100]
        parse(data)
        # what is opened anew begins later, and has the same from there on; nobody writes just now
        def anew():
            new, old = content(name), os.pread(fd, 1 << 24, 0)
            return b'"gap"' not in new and old.endswith(b"\n" + new) and len(old) - len(new)
        at = until(anew, f"{name} to begin with an event, and to be what the old one ends with")
        assert at >= len(was[name]), f"{name}: what has gone is not where it was"
    # and there it stays for as long as it is kept
    fd = held["activity"]
    def sixth():
        say(n)
        kept_lines = content("activity").split(b"\n")
        return len(kept_lines) > 8 and kept_lines[5]
    line = until(sixth, "some events to be kept")
    seq = json.loads(line)["seq"]
    at = os.pread(fd, 1 << 24, 0).index(line)
    while first_seq() <= seq:
        there = os.pread(fd, len(line), at)
        assert there == line or first_seq() > seq, there
        say(n)
for fd in held.values():
    os.close(fd)
EOF
}

@test "what has gone is gone after a kill, too; what was acknowledged and is young is there once" {
	leitl_up -o expire=2s,save=300ms
	enter bob
	local round rounds=4 first=0
	[ -z "${SAN:-}" ] || rounds=3
	echo '[]' >"$LEITL_TMP/noted"
	for ((round = 1; round <= rounds; round++)); do
		expiry_py "$LEITL_TMP/noted" "$first" "$round" "$DAEMON" >"$LEITL_TMP/first" <<'EOF'
notes, before, turn, daemon = sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
with open(notes) as f:
    noted = json.load(f)  # [key, when it was acknowledged]
now = time.time()
events = kept()
contiguous(events)
assert not events or events[0]["seq"] >= before, f"seq {events[0]['seq']} is back; {before} was the oldest"
keys = [e["data"]["n"] for e in events if "n" in e["data"]]
same(len(keys), len(set(keys)), "messages that are there once")
missing = [key for key, when in noted if when > now - 1.5 and key not in keys]
assert not missing, f"young, and gone: {missing[:5]}"
inbox = kept("sessions/bob/inbox")
same([e["seq"] for e in inbox], [e["seq"] for e in events if "n" in e["data"] and e["seq"] >= inbox[0]["seq"]]
     if inbox else [], "inbox")
if events and inbox:
    # between the two looks some may have gone
    young = [e["seq"] for e in events if "n" in e["data"] and stamp(e) > now - 1.5]
    assert set(young) <= {e["seq"] for e in inbox}, "the inbox misses some"
deadline = time.time() + 1.5 + (turn % 3) * 0.4
n = 0
with opened("broadcast") as fd:
    while time.time() < deadline:
        key = f"{turn}.{n}"
        n += 1
        os.write(fd, json.dumps({"n": key, "pad": "x" * 300}).encode())
        noted.append([key, time.time()])
        time.sleep(0.001)
with open(notes, "w") as f:
    json.dump(noted, f)
print(first_seq(), flush=True)
EOF
		first=$(tail -n 1 "$LEITL_TMP/first")
		leitl_kill9
		leitl_up -o expire=2s,save=300ms
	done
	leitl_down
	assert_eq "$(sql 'PRAGMA integrity_check')" ok
}

# --- the disk

@test "the disk is bounded: it stops growing while writing goes on" {
	leitl_up -o expire=1s,save=300ms
	enter bob
	expiry_py "$STATE" "$DAEMON" <<'EOF'
state, daemon = sys.argv[2], sys.argv[3]
rate, size = (200, 1000) if slow else (1000, 1000)


def used():
    total = {}
    for name in os.listdir(state):
        with contextlib.suppress(OSError):
            total[name] = os.stat(os.path.join(state, name)).st_blocks * 512
    return total


def resident():
    with open(f"/proc/{daemon}/status") as f:
        return next(int(line.split()[1]) >> 10 for line in f if line.startswith("VmRSS"))


began, n = time.monotonic(), 0
most = {4: {}, 11: {}}
memory = {4: 0, 11: 0}
with opened("broadcast") as fd:
    while (passed := time.monotonic() - began) < 11:
        for _ in range(rate // 50):
            os.write(fd, b'{"n":%d,"pad":"%s"}' % (n, b"x" * size))
            n += 1
        half = 4 if passed < 4 else 11
        for name, bytes in used().items():
            most[half][name] = max(bytes, most[half].get(name, 0))
        memory[half] = max(memory[half], resident())
        time.sleep(max(0, began + n / rate - time.monotonic()))
print(n, "events;", most, memory)
same(sorted(most[11]), sorted(most[4]), "files")
for name, bytes in most[11].items():
    assert bytes <= most[4][name] * 1.25 + (1 << 20), f"{name} goes on growing: {most[4][name]}, then {bytes}"
total = sum(most[11].values())
assert total < 64 << 20, f"{total} bytes for {rate * size} a second that are kept for 1 s"
assert slow or memory[11] <= memory[4] * 1.25 + 8, f"memory goes on growing: {memory} MiB"
assert slow or memory[11] <= 64, f"{memory} MiB"
EOF
	leitl_down
	assert_le "$(sql 'SELECT count(*) FROM record')" 20000 "events in the database"
}

@test "sessions, agents and types that are no more leave nothing in the database" {
	leitl_up -o expire=1s,hold=1s,save=300ms
	expiry_py <<'EOF'
count = 40 if slow else 100
for n in range(count):
    os.mkdir(path(f"sessions/s{n}"))
    with opened(f"as/s{n}/self/broadcast") as fd:
        os.write(fd, b'{"event_type":"of.type%d","data":{}}' % n)
    say(n, f"sessions/s{n}/inbox")
    os.rmdir(path(f"sessions/s{n}"))
last = last_seq()
gone(last)
until(lambda: not [name for name in os.listdir(path("agents")) if name.startswith("s")],
      "the agents to be forgotten", 30)
until(lambda: not [name for name in os.listdir(path("feeds/by-type")) if name.startswith("of.")],
      "the types to be forgotten", 30)
same([name for name in os.listdir(path("feeds/by-session")) if name.startswith("s")], [])
EOF
	# Some channels go in each round of expiry. The last callers' sessions may still be remembered.
	local round left
	for round in {1..10}; do
		leitl_down
		left=$(sql "SELECT count(DISTINCT name) FROM channel WHERE name LIKE 'of.%' OR name GLOB 's[0-9]*'")
		[ "$left" -gt 4 ] || break
		leitl_up -o expire=1s,hold=1s,save=300ms
		expiry_py <<'EOF'
say(0)
gone(last_seq())
EOF
	done
	assert_le "$left" 4 "types and sessions with channels in the database"
	assert_eq "$(sql "SELECT count(*) FROM session WHERE key LIKE 's%'")" 0 "sessions in the database"
	assert_eq "$(sql "SELECT count(*) FROM agent WHERE key LIKE 's%'")" 0 "agents in the database"
	assert_eq "$(sql "SELECT count(*) FROM block WHERE channel NOT IN (SELECT id FROM channel)")" 0 \
		"blocks of no channel"
	assert_eq "$(sql 'PRAGMA integrity_check')" ok
}

# --- ids and names

@test "an ended id and its name are held, over restarts, and then are anybody's; the inbox is a new one" {
	need_root
	leitl_up -o allow_other,hold=4s,save=300ms
	enter bob
	agent_start -u 1 other
	echo "for the first" >"$MNT/sessions/bob/inbox"
	agent_do bob 'rmdir sessions/bob'
	local as_id='echo "{\"agent_name\":\"rob\",\"session_id\":\"bob\"}" > sessions/new'
	local as_name='echo "{\"agent_name\":\"bob\",\"session_id\":\"rob\"}" > sessions/new'
	assert_errno EEXIST agent_do other "$as_id"
	assert_errno EACCES agent_do other "$as_name"
	leitl_kill9
	leitl_up -o allow_other,hold=4s,save=300ms
	assert_errno EEXIST agent_do other "$as_id"
	assert_errno EACCES agent_do other "$as_name"
	# its own comes back to what it had, and may end again
	agent_do bob 'mkdir sessions/bob'
	assert_eq "$(agent_do bob 'cat sessions/bob/unread' | jq -r .data.message)" 'for the first'
	agent_do bob 'rmdir sessions/bob'
	wait_until 20 agent_do other 'mkdir sessions/bob'
	assert_eq "$(agent_do other 'cat sessions/bob/inbox')" ''
	assert_eq "$(stat -c %u "$MNT/sessions/bob")" 1
	echo "for the second" >"$MNT/sessions/bob/inbox"
	leitl_kill9
	leitl_up -o allow_other,hold=4s,save=300ms
	assert_eq "$(agent_do other 'cat self/inbox' | jq -r .data.message)" 'for the second'
	assert_errno EEXIST agent_do bob 'mkdir sessions/bob'
	assert_errno EACCES agent_do bob "$as_name"
}

# --- quotas

@test "messages kept of a user are bounded; expiry gives it back, whoever is killed and read meanwhile" {
	leitl_up -o expire=2s,messages=60,save=300ms
	enter bob
	local round
	for round in 1 2 3; do
		expiry_py $round <<'EOF'
turn = int(sys.argv[2])
taken = 0
def fill():
    global taken
    try:
        while taken < 200:
            with opened("broadcast" if taken % 2 else "sessions/bob/inbox") as fd:
                os.write(fd, b'{"n":"%d.%d"}' % (turn, taken))
            taken += 1
    except OSError as e:
        same(errno.errorcode[e.errno], "EDQUOT")
        return True
until(fill, "the limit")
same(lines("errors")[-1]["errno"], "EDQUOT")
assert "60" in lines("errors")[-1]["reason"], lines("errors")[-1]
now = kept()
assert len(now) <= 60, f"{len(now)} are kept"
assert taken >= 40 or turn > 1, f"only {taken} were taken"
# what is read, and the receipts of it, are no messages
for _ in range(10):
    with opened("as/bob/self/next", os.O_RDONLY | os.O_NONBLOCK) as fd:
        with contextlib.suppress(BlockingIOError):
            while os.read(fd, 65536):
                pass
# and then the daemon dies when something has gone and something has not
gone(now[-1]["seq"] - 20)
EOF
		leitl_kill9
		leitl_up -o expire=2s,messages=60,save=300ms
	done
	expiry_py <<'EOF'
until(lambda: not kept(), "all to expire")
taken = 0
with opened("broadcast") as fd:
    def refused_now():
        global taken
        try:
            os.write(fd, b"m\n")
            taken += 1
        except OSError as e:
            same(errno.errorcode[e.errno], "EDQUOT")
            return True
    began = time.monotonic()
    while not refused_now():
        assert taken <= 60, f"{taken} were taken"
    assert time.monotonic() - began < 2, "too slow to tell"
assert taken >= 55, f"all had gone, and only {taken} were taken: something is still counted"
EOF
}

@test "bytes kept of a user are bounded; expiry gives them back; another user's are its own" {
	need_root
	leitl_up -o allow_other,expire=2s,bytes=100K,save=300ms
	enter bob
	agent_start -u 1 other
	local round
	for round in 1 2; do
		expiry_py <<'EOF'
taken = 0
def fill():
    global taken
    try:
        while taken < 100:
            with opened("broadcast" if taken % 2 else "sessions/bob/inbox") as fd:
                os.write(fd, b"y" * 5000 + b"\n")
            taken += 1
    except OSError as e:
        same(errno.errorcode[e.errno], "EDQUOT")
        return True
until(fill, "the limit")
reason = lines("errors")[-1]["reason"]
assert "bytes" in reason, reason
assert 17 <= taken <= 20, f"{taken} times 5000 bytes were taken, of 102400"
# something small has room still
say("small")
EOF
		agent_do other 'echo "of another user" > broadcast'
		expiry_py <<'EOF'
gone(last_seq())
EOF
		if [ $round = 1 ]; then
			leitl_down
			leitl_up -o allow_other,expire=2s,bytes=100K,save=300ms
		fi
	done
}
