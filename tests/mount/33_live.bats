# The twin of a log: a stream from the moment it is opened. Waiting reads, and what ends them; and
# inotify on the logs themselves.
load ../lib/mount
load ../lib/loop

# Every log there is, with one event in each since the mark; for sessions cece and bob.
LOGS='activity broadcast sessions/bob/inbox sessions/cece/sent sessions/cece/activity
	agents/cece/activity agents/bob/inbox feeds/all feeds/by-type/broadcast.message
	feeds/by-agent/cece feeds/by-session/cece'

# Starts a reader of each of the names, and waits until it waits.
readers() { # NAME…
	local name
	READERS=()
	for name; do
		follow "reader.${#READERS[@]}" cat "$MNT/$name"
		READERS+=("$FOLLOWER")
		wait_until reading "$FOLLOWER" || fail "the reader of $name does not wait" || return 1
	done
}

readers_ended() {
	local pid
	for pid in "${READERS[@]}"; do
		gone "$pid" || return 1
	done
}

# --- streams

@test "every log has one: EAGAIN while there is nothing, then the log's own line" {
	leitl_up
	enter cece bob
	agent_do cece 'echo before > broadcast; echo before > sessions/bob/inbox'
	# shellcheck disable=SC2086
	py $LOGS feeds/since/99999 feeds/since/2999-01-01T00:00:00Z errors <<'EOF'
logs = sys.argv[2:]
fds = {log: os.open(path(log + ".live"), os.O_RDONLY | os.O_NONBLOCK) for log in logs}
for fd in fds.values():
    refused("EAGAIN", os.read, fd, 4096)
    refused("EAGAIN", os.read, fd, 1)
with opened("sessions/cece/broadcast") as fd:
    os.write(fd, b"now\n")
with opened("broadcast") as fd:
    refused("EINVAL", os.write, fd, b"{]")
for log in logs[:-3] + ["errors"]:
    until(lambda: select.select([fds[log]], [], [], 0)[0], log)
    line = os.read(fds[log], 4096)
    same(line, content(log).split(b"\n")[-2] + b"\n", log)
    refused("EAGAIN", os.read, fds[log], 4096)
for log in ("feeds/since/99999", "feeds/since/2999-01-01T00:00:00Z"):
    refused("EAGAIN", os.read, fds[log], 4096)
EOF
}

@test "cat waits, prints each line as it comes, and never ends by itself" {
	leitl_up
	readers activity.live
	[ ! -s "$LEITL_TMP/reader.0" ]
	local n
	for n in 1 2 3; do
		echo "line $n" >"$MNT/broadcast"
		wait_until eval '[ "$(line_count "$LEITL_TMP/reader.0")" = $n ]'
	done
	cmp "$LEITL_TMP/reader.0" <(tail -n 3 "$MNT/activity")
	wait_until reading "${READERS[0]}"
	kill "${READERS[0]}"
	[ ! -s "$LEITL_TMP/reader.0.err" ]
}

@test "in a pipe: jq, while read, grep, Node and Python print each line as it comes" {
	leitl_up
	follow jq jq --unbuffered -r .data.message "$MNT/activity.live"
	follow loop bash -c 'while IFS= read -r line; do echo "got ${#line}"; done <"$0"' "$MNT/activity.live"
	follow grep grep --line-buffered -o 'hello' "$MNT/activity.live"
	# shellcheck disable=SC2016
	follow python "$PYTHON" -u -c 'import sys, json
for line in open(sys.argv[1]): print(json.loads(line)["data"]["message"])' "$MNT/activity.live"
	local readers='jq loop grep python'
	if command -v node >/dev/null; then
		follow node node -e 'require("readline").createInterface({
			input: require("fs").createReadStream(process.argv[1])
		}).on("line", line => console.log(JSON.parse(line).data.message))' "$MNT/activity.live"
		readers+=' node'
	fi
	say_until() { # each has begun when it printed something
		echo hello >"$MNT/broadcast"
		local name
		for name in $readers; do
			[ -s "$LEITL_TMP/$name" ] || return 1
		done
	}
	wait_until say_until
	assert_match "$(cat "$LEITL_TMP/loop")" '^got [0-9]+'
	for name in ${readers/loop/}; do
		assert_eq "$(sort -u "$LEITL_TMP/$name")" hello "$name"
	done
}

@test "whole lines, as many as fit; a read too short for a line gets part, the next read the rest" {
	leitl_up
	py <<'EOF'
with opened("broadcast") as to:  # seqs of two digits from here on
    os.write(to, b"{}" * 10)
fd = os.open(path("activity.live"), os.O_RDONLY)
with opened("broadcast") as to:
    os.write(to, b"".join(b'{"n":%d}' % n for n in range(10, 20)))
want = content("activity").split(b"\n")[-11:-1]
want = [line + b"\n" for line in want]
size = len(want[0])
same({len(line) for line in want}, {size})
same(os.read(fd, 10), want[0][:10])
same(os.read(fd, 20), want[0][10:30])
rest = os.read(fd, 2 * size)
assert rest.startswith(want[0][30:]) and rest.endswith(b"\n"), rest
got = rest[size - 30:]
while len(got) < 10 * size - size:
    part = os.read(fd, size * 2 + size // 2)  # two and a half lines' room
    assert part.endswith(b"\n") and len(part) in (size, 2 * size), part
    got += part
same(got, b"".join(want[1:]))
with opened("broadcast") as to:
    os.write(to, b"x" * 300000 + b"\n")
line = b""
while not line.endswith(b"\n"):
    line += os.read(fd, 65536)
same(line, content("activity").split(b"\n")[-2] + b"\n")
EOF
}

@test "a line too long for one reader goes on to those who wait beside it" {
	leitl_up
	py <<'EOF'
def waiting(count):
    return f"\nleitlfs_waiting_reads {count}\n" in content("metrics").decode()
fd = os.open(path("broadcast.live"), os.O_RDONLY)
got = []
def read(times):
    for _ in range(times):
        got.append(os.read(fd, 40))
first = threading.Thread(target=read, args=(1,), daemon=True)
first.start()
until(lambda: waiting(1), "a reader that waits")
for n in (2, 3):
    threading.Thread(target=read, args=(1000,), daemon=True).start()
    until(lambda: waiting(n), f"{n} that wait")
whole = b""
for text in (b"first " + b"a" * 300, b"second " + b"b" * 300):
    with opened("broadcast") as to:
        os.write(to, text + b"\n")
    whole = content("broadcast")
    until(lambda: sum(map(len, got)) >= len(whole), "all of the line")
    until(lambda: waiting(2), "the two wait again")
# In which order they have it in hand is theirs.
same(sorted(b"".join(got)), sorted(whole))
os._exit(0)
EOF
}

@test "it begins at open, not at the first read, and each descriptor has its own" {
	leitl_up
	echo before >"$MNT/broadcast"
	py <<'EOF'
one = os.open(path("activity.live"), os.O_RDONLY)
with opened("broadcast") as to:
    os.write(to, b"first\n")
two = os.open(path("activity.live"), os.O_RDONLY)
with opened("broadcast") as to:
    os.write(to, b"second\n")
def texts(fd):
    return [e["data"]["message"] for e in parse(os.read(fd, 65536))]
same(texts(one), ["first", "second"])
same(texts(two), ["second"])
EOF
}

@test "it cannot be seeked, and says so" {
	leitl_up
	py <<'EOF'
with opened("activity.live", os.O_RDONLY | os.O_NONBLOCK) as fd:
    refused("ESPIPE", os.lseek, fd, 0, os.SEEK_SET)
EOF
}

@test "poll, select and epoll: readable when there is something, else not" {
	leitl_up
	enter bob
	py <<'EOF'
def ready_poll(fd, ms):
    p = select.poll()
    p.register(fd, select.POLLIN)
    return bool(p.poll(ms))
def ready_select(fd, ms):
    return bool(select.select([fd], [], [], ms / 1000)[0])
def ready_epoll(fd, ms):
    with select.epoll() as e:
        e.register(fd, select.EPOLLIN)
        return bool(e.poll(ms / 1000))
def ready_edge(fd, ms):
    with select.epoll() as e:
        e.register(fd, select.EPOLLIN | select.EPOLLET)
        return bool(e.poll(ms / 1000))
def say():
    with opened("sessions/bob/inbox") as to:
        os.write(to, b"hello\n")
for log in ("activity", "sessions/bob/inbox"):
    fd = os.open(path(log + ".live"), os.O_RDONLY | os.O_NONBLOCK)
    for ready in (ready_poll, ready_select, ready_epoll, ready_edge):
        assert not ready(fd, 0), ready
        assert not ready(fd, 50), ready
        later = threading.Timer(0.1, say)
        later.start()
        assert ready(fd, 10000), ready  # wakes while it waits
        later.join()
        assert ready(fd, 0), ready      # and still tells
        os.read(fd, 10)
        assert ready(fd, 0), ready      # of the rest of a line, too
        os.read(fd, 4096)
        assert not ready(fd, 0), ready
        refused("EAGAIN", os.read, fd, 10)
    # one epoll set over time, level and edge
    for flags in (0, select.EPOLLET):
        with select.epoll() as e:
            e.register(fd, select.EPOLLIN | flags)
            for n in range(20):
                say()
                same([f for f, _ in e.poll(10)], [fd])
                parse(os.read(fd, 65536))
    os.close(fd)
EOF
}

@test "asyncio, and many descriptors in one poll" {
	leitl_up
	py <<'EOF'
import asyncio
async def main():
    loop = asyncio.get_running_loop()
    fds = [os.open(path("activity.live"), os.O_RDONLY | os.O_NONBLOCK) for _ in range(50)]
    got = {fd: [] for fd in fds}
    done = asyncio.Event()
    def readable(fd):
        got[fd] += parse(os.read(fd, 65536))
        if all(len(g) == 3 for g in got.values()):
            done.set()
    for fd in fds:
        loop.add_reader(fd, readable, fd)
    for n in range(3):
        await asyncio.to_thread(lambda: open(path("broadcast"), "w").write("hello\n"))
    await asyncio.wait_for(done.wait(), 20)
    same({len(g) for g in got.values()}, {3})
asyncio.run(main())
EOF
}

# --- subscribe

@test "subscribe narrows it, by names and patterns" {
	leitl_up
	py <<'EOF'
fd = os.open(path("activity.live"), os.O_RDWR | os.O_NONBLOCK)
def types():
    try:
        return [e["event_type"] for e in parse(os.read(fd, 65536)) if "agent." not in e["event_type"]]
    except BlockingIOError:
        return []
def say():
    with opened("broadcast") as to:
        for type in ("task.started", "task.failed", "deploy.done", "deploy.failed", "tasks.other"):
            os.write(to, b'{"event_type":"%s"}' % type.encode())
say()
same(types(), ["task.started", "task.failed", "deploy.done", "deploy.failed", "tasks.other"])
os.write(fd, b'{"subscribe":["task.*","deploy.done"]}\n')
say()
same(types(), ["task.started", "task.failed", "deploy.done"])
same(select.select([fd], [], [], 0)[0], [])
os.write(fd, b'{"subscribe":["*.failed"]}')
say()
same(types(), ["task.failed", "deploy.failed"])
with opened("broadcast") as to:
    os.write(to, b'{"event_type":"deploy.done"}')
same(select.select([fd], [], [], 0)[0], [])  # what it does not show makes it not readable
for bad in (b"nonsense\n", b'{"subscribe":"task.*"}', b'{"subscribe":[1]}', b'{"other":[]}', b"{]"):
    refused("EINVAL", os.write, fd, bad)
say()
same(types(), ["task.failed", "deploy.failed"])
os.close(fd)
EOF
	assert_match "$(last_error)" '"errno":"EINVAL".*activity.live'
}

@test "subscribe from the shell, and while another process reads the same descriptor" {
	leitl_up
	exec 5<>"$MNT/activity.live"
	echo '{"subscribe":["deploy.*"]}' >&5
	cat <&5 >"$LEITL_TMP/reader" 2>&1 3>&- 4>&- &
	FOLLOWER=$!
	wait_until reading "$FOLLOWER"
	timeout 10 bash -c 'echo "{\"subscribe\":[\"build.*\"]}" >&5' || fail "writing hangs beside a reader"
	printf '%s' '{"event_type":"deploy.done"}{"event_type":"build.red"}' >"$MNT/broadcast"
	wait_until test -s "$LEITL_TMP/reader"
	assert_eq "$(jq -r .event_type "$LEITL_TMP/reader")" build.red
	exec 5>&-
}

# --- joining

@test "a snapshot's seq and feeds/since/<seq>.live join without a gap" {
	leitl_up
	enter bob
	py <<'EOF'
stop = False
def talk():
    with opened("broadcast") as to:
        n = 0
        while not stop:
            os.write(to, b'{"n":%d}' % n)
            n += 1
talker = threading.Thread(target=talk)
talker.start()
try:
    for name in ("sessions.json", "health.json", "sessions.json"):
        if not os.path.exists(path(name)):
            continue
        with open(path(name)) as f:
            seq = json.load(f)["seq"]
        until(lambda: lines("activity")[-1]["seq"] > seq + 100)
        with opened(f"feeds/since/{seq}.live", os.O_RDONLY) as fd:
            data = b""
            while data.count(b"\n") < 1000:
                data += os.read(fd, 65536)
        data = data[:data.rindex(b"\n") + 1]
        contiguous(parse(data), seq + 1)
finally:
    stop = True
    talker.join()
seq = lines("activity")[-1]["seq"]
with opened(f"feeds/since/{seq}.live", os.O_RDONLY | os.O_NONBLOCK) as fd:
    refused("EAGAIN", os.read, fd, 100)
with opened(f"feeds/since/{seq - 1}.live", os.O_RDONLY | os.O_NONBLOCK) as fd:
    same([e["seq"] for e in parse(os.read(fd, 4096))], [seq])
with opened("feeds/since/0.live", os.O_RDONLY | os.O_NONBLOCK) as fd:
    same([e["seq"] for e in parse(os.read(fd, 1 << 20))][0], 1)
EOF
}

@test "a slow reader misses nothing that is kept" {
	leitl_up
	py <<'EOF'
count = 2000 if slow else 20000
fd = os.open(path("activity.live"), os.O_RDONLY)
first = lines("activity")[-1]["seq"] + 1
with opened("broadcast") as to:
    for n in range(0, count, 100):
        os.write(to, b"".join(b'{"n":%d,"text":"%s"}' % (i, b"x" * 100) for i in range(n, n + 100)))
data = b""
while data.count(b"\n") < count:
    data += os.read(fd, 65536)
contiguous(parse(data), first)
same(len(parse(data)), count)
EOF
}

@test "a reader too slow for expiry is told of the gap, from and to" {
	leitl_up -o expire=1s
	py <<'EOF'
fd = os.open(path("activity.live"), os.O_RDONLY)
first = lines("activity")[-1]["seq"] + 1
n = 0
def expired():
    global n
    with opened("broadcast") as to:
        os.write(to, b'{"n":%d}' % n)
    n += 1
    time.sleep(0.01)
    return oldest() > first + 20
until(expired, "expiry", 20)
with opened("broadcast") as to:
    os.write(to, b"the last\n")
last = lines("activity")[-1]["seq"]
data = b""
while not data.endswith(b"\n") or parse(data)[-1].get("seq") != last:
    data += os.read(fd, 65536)
got = parse(data)
gap = got[0]["gap"]
same(gap["from"], first)
assert gap["to"] >= first + 19, gap
contiguous(got[1:], gap["to"] + 1)
EOF
}

@test "heartbeats are only on feeds/all.live, without a seq, and are not kept" {
	leitl_up
	enter bob
	local seq
	seq=$(last_seq)
	readers feeds/all.live activity.live sessions/bob/activity.live feeds/by-session/bob.live
	touch "$MNT/sessions/bob/heartbeat"
	agent_do bob 'echo here > self/heartbeat'
	echo done >"$MNT/broadcast"
	for n in 0 1; do
		wait_until grep -q '"done"' "$LEITL_TMP/reader.$n"
	done
	kill "${READERS[@]}"
	assert_eq "$(jq -c 'select(.event_type == "session.heartbeat") | [.session_id, has("seq")]' \
		"$LEITL_TMP/reader.0" | sort | uniq -c | sed 's/^ *//')" '2 ["bob",false]'
	refute grep -l session.heartbeat "$LEITL_TMP"/reader.[123] "$MNT/activity" "$MNT/feeds/all"
	assert_eq "$(last_seq)" $((seq + 1))
}

# --- what ends a waiting read

@test "timeout ends every waiting read, at once" {
	leitl_up
	enter bob
	local name began took
	for name in activity.live sessions/bob/inbox.live feeds/all.live feeds/since/99999.live \
		broadcast.live errors.live sessions/bob/wait sessions/bob/next; do
		began=${EPOCHREALTIME/./}
		run timeout 0.2 cat "$MNT/$name"
		took=$(((${EPOCHREALTIME/./} - began) / 1000))
		assert_eq "$status" 124 "$name"
		assert_eq "$output" '' "$name"
		assert_le "$took" $((1200 * (${#SAN} ? 3 : 1))) "$name took ms"
	done
}

@test "Ctrl-C, SIGTERM and SIGKILL end every waiting read within a moment" {
	leitl_up
	enter bob
	local name signal began
	for name in activity.live sessions/bob/inbox.live sessions/bob/wait sessions/bob/next \
		feeds/by-session/bob.live; do
		for signal in INT TERM KILL; do
			follow killed env --default-signal=INT cat "$MNT/$name"
			wait_until reading "$FOLLOWER"
			began=${EPOCHREALTIME/./}
			kill "-$signal" "$FOLLOWER"
			wait "$FOLLOWER" && fail "$name: not ended by $signal" || true
			assert_le $(((${EPOCHREALTIME/./} - began) / 1000)) $((1000 * (${#SAN} ? 3 : 1))) \
				"$name, SIG$signal, ms"
		done
	done
	# and nothing of them is left: all is as before
	echo after >"$MNT/sessions/bob/inbox"
	assert_eq "$(texts "$MNT/sessions/bob/unread")" '"after"'
}

@test "a read interrupted by a handler is EINTR, or goes on; nothing is lost" {
	leitl_up
	py <<'EOF'
class Interrupted(Exception):
    pass
def stop(*_):
    raise Interrupted
signal.signal(signal.SIGALRM, stop)
fd = os.open(path("activity.live"), os.O_RDONLY)
for n in range(30):
    signal.setitimer(signal.ITIMER_REAL, 0.01 + n / 5000)
    try:
        assert False, os.read(fd, 4096)
    except Interrupted:
        pass
    with opened("broadcast") as to:
        os.write(to, b'{"n":%d}' % n)
    same([e["data"] for e in parse(os.read(fd, 4096))], [{"n": n}])
EOF
}

@test "short reads of heartbeats and events between: no line is torn" {
	leitl_up
	enter bob
	py <<'EOF'
def beat():
    with opened("sessions/bob/heartbeat") as to:
        os.write(to, b"x\n")
fd = os.open(path("feeds/all.live"), os.O_RDONLY | os.O_NONBLOCK)
got, told = b"", 0
for n in range(20):
    for _ in range(5):
        beat()
    got += os.read(fd, 37)  # part of a line
    with opened("broadcast") as to:
        os.write(to, b'{"n":%d}' % n)
until(lambda: lines("broadcast")[-1]["data"] == {"n": 19})
while True:
    try:
        got += os.read(fd, 101)
    except BlockingIOError:
        if got.endswith(b"\n") and got.count(b"broadcast.message") == 20:
            break
same([e["data"]["n"] for e in parse(got) if e["event_type"] == "broadcast.message"], list(range(20)))
assert any(e["event_type"] == "session.heartbeat" for e in parse(got))
EOF
}

@test "the interrupt racing the answer loses nothing and doubles nothing" {
	leitl_up
	enter bob
	py <<'EOF'
count = 100 if slow else 1000
for name in ("activity.live", "sessions/bob/inbox.live"):
    fd = os.open(path(name), os.O_RDONLY)
    talker = os.fork()
    if talker == 0:
        with opened("sessions/bob/inbox") as to:
            for n in range(count):
                os.write(to, b'{"n":%d}' % n)
                time.sleep(0.0003)
        os._exit(0)
    # Python's read goes on after a handler that raises nothing: each signal is an interrupt of the
    # waiting read and another read.
    signals = 0
    def count_it(*_):
        global signals
        signals += 1
    signal.signal(signal.SIGALRM, count_it)
    signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.00017)
    got = b""
    while got.count(b"\n") < count:
        got += os.read(fd, 65536)
    signal.setitimer(signal.ITIMER_REAL, 0)
    os.waitpid(talker, 0)
    contiguous(parse(got))
    same(len(parse(got)), count)
    assert signals > count // 2, signals
    os.close(fd)
EOF
}

@test "Ctrl-C on a terminal ends cat" {
	leitl_up
	enter bob
	py <<'EOF'
import pty
for name in ("activity.live", "sessions/bob/wait", "sessions/bob/next"):
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir("/")
        os.execvp("cat", ["cat", path(name)])
    def waits():
        with open(f"/proc/{pid}/syscall") as f:
            call = f.read().split()
        return len(call) > 1 and os.path.realpath(f"/proc/{pid}/fd/{int(call[1], 16)}").startswith(mnt) \
            if call[0] in ("0", "63", "3") else False
    until(waits, "cat to wait")
    began = time.monotonic()
    os.write(terminal, b"\x03")
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT, status
    assert time.monotonic() - began < (2 if slow else 0.5), time.monotonic() - began
    os.close(terminal)
EOF
}

@test "closing a descriptor while another thread reads it, and exec beside it" {
	leitl_up
	py <<'EOF'
fd = os.open(path("activity.live"), os.O_RDONLY)
got = []
reader = threading.Thread(target=lambda: got.append(os.read(fd, 4096)))
reader.start()
time.sleep(0.05)
other = os.dup(fd)
os.close(other)
with opened("broadcast") as to:
    os.write(to, b"hello\n")
reader.join(10)
same(parse(got[0])[0]["data"], {"message": "hello"})
EOF
}

# --- unmount

every_kind() {
	readers activity.live sessions/bob/inbox.live sessions/bob/wait sessions/bob/next \
		feeds/all.live feeds/since/0.live errors.live
}

all_got_eof() {
	local pid n=0
	wait_until readers_ended || fail "readers still wait: ${READERS[*]}" || return 1
	for pid in "${READERS[@]}"; do
		wait "$pid" || fail "reader $n ended with $?: $(cat "$LEITL_TMP/reader.$n.err")" || return 1
		[ ! -s "$LEITL_TMP/reader.$n.err" ]
		n=$((n + 1))
	done
}

@test "SIGTERM gives every waiting reader EOF, and leaves no mount" {
	leitl_up
	enter bob
	every_kind
	leitl_down
	all_got_eof
	refute leitl_mounted
}

@test "fusermount3 -uz gives every waiting reader EOF, and ends the daemon" {
	leitl_up
	enter bob
	every_kind
	fusermount3 -uz "$MNT"
	all_got_eof
	wait_until gone "$DAEMON"
	leitl_down
}

@test "leitlfs umount gives every waiting reader EOF, and ends the daemon" {
	leitl_up
	enter bob
	every_kind
	"$LEITLFS" umount "$MNT"
	refute leitl_mounted
	all_got_eof
	wait_until gone "$DAEMON"
	leitl_down
}

@test "unmounting with writers in the middle of messages, and many files open, hangs nobody" {
	leitl_up
	enter bob
	local n
	exec 5>"$MNT/broadcast" 6>"$MNT/sessions/bob/inbox" 7<"$MNT/activity"
	printf '{"message":' >&5 || true
	for n in {1..20}; do
		exec {fds[n]}<"$MNT/activity"
	done
	every_kind
	fusermount3 -uz "$MNT"
	all_got_eof
	timeout 10 bash -c 'echo "\"x\"}" >&5; cat <&7' >/dev/null 2>&1 || [ $? -lt 124 ]
	exec 5>&- 6>&- 7>&-
	for n in {1..20}; do
		exec {fds[n]}<&-
	done
	wait_until gone "$DAEMON"
	leitl_down
}

@test "fusermount3 -u with files open is EBUSY, and changes nothing" {
	leitl_up
	enter bob
	exec 5<"$MNT/activity"
	assert_errno EBUSY fusermount3 -u "$MNT"
	exec 5<&-
	readers activity.live
	assert_errno EBUSY fusermount3 -u "$MNT"
	echo still here >"$MNT/broadcast"
	wait_until grep -q 'still here' "$LEITL_TMP/reader.0"
	kill "${READERS[0]}"
	wait_until gone "${READERS[0]}"
	wait_until fusermount3 -u "$MNT" # EBUSY in the instant of a nudge
	wait_until gone "$DAEMON"
	leitl_down
}

@test "1,000 waiting readers: each gets the line; then each EOF" {
	leitl_up
	enter bob
	ulimit -n 4096 || true
	py_file <<'EOF'
threading.stack_size(256 * 1024)
count = 200 if slow else 1000
names = ("activity.live", "sessions/bob/inbox.live", "feeds/all.live", "sessions/bob/wait")
fds = [os.open(path(names[i % len(names)]), os.O_RDONLY) for i in range(count)]
first, ends = [], []
def work(fd):
    first.append(os.read(fd, 65536))
    while part := os.read(fd, 65536):
        pass
    ends.append(part)
threads = [threading.Thread(target=work, args=(fd,)) for fd in fds]
for t in threads: t.start()
print("started")
with opened("broadcast") as to:
    os.write(to, b"everyone\n")
until(lambda: len(first) == count, f"all to read ({len(first)})")
for part in first:
    same(parse(part)[-1]["data"], {"message": "everyone"})
print("read")
for t in threads: t.join()
same(len(ends), count)
for fd in fds: os.close(fd)
EOF
	follow thousand "$PYTHON" "$PY_FILE" "$MNT"
	wait_until 30 grep -q read "$LEITL_TMP/thousand" || fail "$(cat "$LEITL_TMP/thousand.err")"
	# others are served meanwhile
	assert_eq "$(texts)" '"everyone"'
	leitl_down
	wait_until gone "$FOLLOWER"
	wait "$FOLLOWER" || fail "$(cat "$LEITL_TMP/thousand.err")"
}

@test "1,000 readers killed at once leave nothing behind" {
	leitl_up
	enter bob
	local before
	ulimit -n 4096 || true
	before=$(ls "/proc/$DAEMON/fd" | wc -l)
	py <<'EOF'
count = 100 if slow else 1000
threading.stack_size(256 * 1024)
pid = os.fork()
if pid == 0:
    for i in range(count):
        fd = os.open(path("sessions/bob/next" if i % 2 else "activity.live"), os.O_RDONLY)
        threading.Thread(target=os.read, args=(fd, 100)).start()
    open(sys.argv[1] + ".started", "w").close()
    signal.pause()
until(lambda: os.path.exists(sys.argv[1] + ".started"), "its threads", 30)
began = time.monotonic()
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
took = time.monotonic() - began
assert took < (10 if slow else 3), f"it took {took} s to die"
EOF
	rm -f "$MNT.started"
	assert_le "$(ls "/proc/$DAEMON/fd" | wc -l)" $((before + 50)) "descriptors of the daemon"
	echo to bob >"$MNT/sessions/bob/inbox"
	assert_eq "$(jq -r .data.message "$MNT/sessions/bob/next")" 'to bob'
}

# --- inotify

watch() { # NAME FILE: an inotifywait on it
	follow "$1" inotifywait -m -e modify "$2"
	wait_until grep -q 'Watches established' "$LEITL_TMP/$1.err"
}

modified() { # NAME: how often
	grep -c MODIFY "$LEITL_TMP/$1"
}

@test "inotifywait -m -e modify on activity and on an inbox" {
	leitl_up
	enter bob cece
	watch log "$MNT/activity"
	watch inbox "$MNT/sessions/bob/inbox"
	agent_do cece 'echo hello > broadcast'
	wait_until modified log
	wait_until modified inbox
	local inbox log
	inbox=$(modified inbox) log=$(modified log)
	# what is in one and not in the other
	agent_do cece 'echo work > self/say/task.started'
	wait_until eval '[ "$(modified log)" -gt $log ]'
	assert_eq "$(modified inbox)" "$inbox"
	echo to bob alone >"$MNT/sessions/bob/inbox"
	wait_until eval '[ "$(modified inbox)" -gt $inbox ]'
}

@test "inotify: every change is told of, coalesced, and nothing else is" {
	leitl_up
	watch log "$MNT/activity"
	py <<'EOF'
with opened("broadcast") as to:
    for n in range(1000):
        os.write(to, b'{"n":%d}' % n)
EOF
	wait_until modified log
	# the last change is told of as well: once all is quiet, who looks at each event has it all
	local n last
	for n in 1 2 3; do
		last=$(modified log)
		echo "more $n" >"$MNT/broadcast"
		wait_until eval '[ "$(modified log)" -gt $last ]'
	done
	assert_le "$(modified log)" 500 "events for 1,003 changes"
	quiet() {
		local before
		before=$(modified log)
		sleep 0.5
		[ "$(modified log)" = "$before" ]
	}
	wait_until quiet
	last=$(modified log)
	cat "$MNT/activity" "$MNT/README.md" >/dev/null
	ls -l "$MNT" >/dev/null
	refuse EINVAL "$MNT/broadcast" '{]'
	quiet
	assert_eq "$(modified log)" "$last"
}

@test "inotify: who reads at each event sees each change" {
	leitl_up
	py <<'EOF'
watcher = subprocess.Popen(["inotifywait", "-q", "-m", "-e", "modify", "--format", "x", path("activity")],
    stdout=subprocess.PIPE, text=True)
log = open(path("activity"), "rb")
log.read()
until(lambda: any("inotify" in os.readlink(f"/proc/{watcher.pid}/fd/{fd}")
    for fd in os.listdir(f"/proc/{watcher.pid}/fd")))
time.sleep(0.2)  # between inotify_init and inotify_add_watch there is nothing to be seen
got = []
reader = threading.Thread(target=lambda: [got.extend(parse(log.read())) for line in watcher.stdout], daemon=True)
reader.start()
for n in range(100):
    with opened("broadcast") as to:
        os.write(to, b'{"n":%d}' % n)
    time.sleep(0.003)
until(lambda: len(got) == 100, f"all changes")
same([e["data"]["n"] for e in got], list(range(100)))
watcher.kill()
watcher.wait()
EOF
}

@test "inotify on a directory names the log, and on a feed tells of its events alone" {
	leitl_up
	enter cece
	agent_do cece 'echo x > self/say/deploy.done'
	cat "$MNT/activity" >/dev/null
	exec 5<"$MNT/activity" # the kernel holds it
	watch dir "$MNT"
	watch feed "$MNT/feeds/by-type/deploy.done"
	echo hello >"$MNT/broadcast"
	wait_until grep -qE 'MODIFY activity$' "$LEITL_TMP/dir"
	agent_do cece 'echo x > self/say/deploy.done'
	wait_until modified feed
	exec 5<&-
}

@test "inotify goes on across expiry, for who watches the old log" {
	leitl_up -o expire=1s
	watch log "$MNT/activity"
	py <<'EOF'
def expired():
    with opened("broadcast") as to:
        os.write(to, b"x\n")
    time.sleep(0.01)
    return oldest() > 20
until(expired, "expiry", 20)
EOF
	local last
	for n in 1 2 3; do
		last=$(modified log)
		echo "after $n" >"$MNT/broadcast"
		wait_until eval '[ "$(modified log)" -gt $last ]'
	done
	refute grep -qE 'DELETE|MOVE|IGNORED|UNMOUNT' "$LEITL_TMP/log"
}

@test "inotify: watching keeps nobody from unmounting" {
	leitl_up
	watch log "$MNT/activity"
	echo hello >"$MNT/broadcast"
	wait_until modified log
	for n in {1..50}; do
		echo "hello $n" >"$MNT/broadcast"
	done
	wait_until fusermount3 -u "$MNT" # EBUSY in the instant of a nudge is fine, forever is not
	wait_until gone "$DAEMON"
	leitl_down
}

# The daemon's own calls on its mount, and what it tells the kernel, must not keep a killed daemon
# from ending: the mount would hang for everyone, and no other daemon could take over.
killed_within() { # OPTIONS WORK
	local n pid
	need_root # to see where threads wait
	for n in 1 2 3 4; do
		leitl_up -o "$1,sessions=0"
		exec 5<"$MNT/activity" 6<"$MNT/broadcast" 7<"$MNT/feeds/all"
		py_file <<EOF
work = """$2"""
exec(work)
EOF
		follow worker "$PYTHON" "$PY_FILE" "$MNT"
		pid="$DAEMON $FOLLOWER"
		DAEMON=
		py "${pid% *}" <<'EOF'
import random
pid = int(sys.argv[2])
def waits():  # a thread of its own is in the kernel, and needs another's answer
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/wchan") as f:
            if f.read() in ("request_wait_answer", "fuse_reverse_inval_entry", "fuse_reverse_inval_inode"):
                return True
    return False
until(lambda: len(lines("activity")) > 50, "some events")
deadline = time.monotonic() + 1.5
while time.monotonic() < deadline:
    os.kill(pid, signal.SIGSTOP)
    if waits():
        break
    os.kill(pid, signal.SIGCONT)
    time.sleep(random.random() / 500)
os.kill(pid, signal.SIGKILL)
EOF
		for pid in $pid; do
			wait_until gone_whole "$pid" || fail "process $pid hangs, in round $n" || return 1
		done
		assert_errno ENOTCONN cat "$MNT/activity"
		exec 5<&- 6<&- 7<&-
	done
	leitl_up
	py <<<'contiguous(lines("activity"), 1)'
}

# All of its threads.
gone_whole() { # PID
	[ "$(find "/proc/$1/task" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)" -le 1 ] && gone "$1"
}

@test "kill -9 of the daemon amid nudges hangs nobody" {
	killed_within nudge=0.001 '
with opened("broadcast") as fd:
    while True:
        os.write(fd, b"{}")
'
}

@test "kill -9 of the daemon amid sessions that come and go hangs nobody" {
	killed_within nudge=1m '
while True:
    os.mkdir(path("sessions/guest"))
    os.rmdir(path("sessions/guest"))
'
}
