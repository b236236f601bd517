# What was acknowledged is kept: the daemon is killed under load, again and again, and whoever
# worked with it notes what it was told and compares.
#
# DURABILITY_ROUNDS is how often (12, in sanitized builds 6).
DURABILITY_ROUNDS=${DURABILITY_ROUNDS:-$([ -n "${SAN:-}" ] && echo 6 || echo 12)}
[ "$DURABILITY_ROUNDS" -le 25 ] || BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-$((DURABILITY_ROUNDS * 4))}
load ../lib/mount
load ../lib/loop

# --- the load: one process of many threads, each of which acts as a session by as/<id>/

# Starts it. It does what it is told, a word at a time, and answers with another:
#   enter   registers the sessions                                                      entered
#   run     everyone works until the daemon is gone, and notes what was acknowledged;
#           it answers when each has had something acknowledged since                    loaded
#   stop    waits until everyone has met the daemon's end                                stopped
#   check   compares what the mount shows with what was noted             "checked EVENTS SEQ"
#   finish  says what was noted in all, and ends
load_start() {
	py_file <<'EOF'
import collections, itertools, random

GONE = (errno.ENOTCONN, errno.ECONNABORTED, errno.ENOENT, errno.ENODEV)
SESSIONS = ("w1", "w2", "w3", "w4", "w5", "r1", "r2", "r3", "s0")
DIRECT, BROADCAST, TASK = "direct", "broadcast", "task"
least = 3 if slow else 10
lock = threading.Lock()


class Gone(Exception):
    pass


class Notes:
    """What one was told of each of one's doings: yes, or nothing since the daemon was gone."""

    def __init__(self):
        self.yes, self.maybe, self.no = {}, {}, set()

    @contextlib.contextmanager
    def doing(self, what):
        """`what` is {key: whatever is to be known of it}, all or none of which happens."""
        try:
            yield
        except OSError as e:
            if e.errno not in GONE:
                raise
            self.maybe.update(what)
            raise Gone
        self.yes.update(what)

    def settle(self, found, what):
        """What is there is yes from now on; what is not there must not come later."""
        for key in self.yes:
            assert key in found, f"{what} {key!r} was acknowledged, and is gone"
        for key in self.no:
            assert key not in found, f"{what} {key!r} was not there, and now is"
        for key, value in self.maybe.items():
            if key in found:
                self.yes[key] = value
            else:
                self.no.add(key)
        self.maybe = {}


sent = {name: Notes() for name in SESSIONS}    # key of a message: what kind it is
groups = []                                    # keys that were one write
was_read = {name: Notes() for name in SESSIONS}  # seq: the event
acked = {name: 0 for name in SESSIONS}
acked_maybe = {name: 0 for name in SESSIONS}
begun, ended = Notes(), Notes()                # session ids
task_known, task_maybe = None, []
did = collections.Counter()                    # since `run`
troubles = []


def numbers(name):
    return (f"{name}.{n}" for n in itertools.count(1))


def own(name, file):
    return path(f"as/{name}/self/{file}")


def done(name):
    with lock:
        did[name] += 1
    if did[name] > 3 * least:
        time.sleep(0.005)  # enough to compare; the rest is for being interrupted


def write_all(fd, data):
    n = os.write(fd, data)
    assert n == len(data), f"{n} of {len(data)} bytes were written"


def held(name, keys=numbers("w1")):
    """A descriptor that stays open; some messages are long; now and then fsync."""
    fd = os.open(own(name, "broadcast"), os.O_WRONLY)
    try:
        for key in keys:
            pad = "x" * (20000 if random.random() < 0.02 else random.randrange(200))
            with sent[name].doing({key: BROADCAST}):
                write_all(fd, json.dumps({"k": key, "pad": pad}).encode())
            if random.random() < 0.05:
                os.fsync(fd)
            done(name)
    finally:
        os.close(fd)


def each(name, keys=numbers("w2")):
    """Open, write, close, of text."""
    for key in keys:
        with opened(own(name, "broadcast")) as fd:
            with sent[name].doing({key: BROADCAST}):
                write_all(fd, key.encode() + b"\n")
        done(name)


def several(name, keys=numbers("w3")):
    """Several messages in one write: all of them, or none."""
    fd = os.open(own(name, "broadcast"), os.O_WRONLY)
    try:
        while True:
            group = list(itertools.islice(keys, random.randrange(2, 9)))
            groups.append((name, group))
            with sent[name].doing({key: BROADCAST for key in group}):
                write_all(fd, b"".join(b'{"k":"%s"}' % key.encode() for key in group))
            done(name)
    finally:
        os.close(fd)


def direct(name, keys=numbers("w4")):
    fds = [os.open(path(f"as/{name}/sessions/{to}/inbox"), os.O_WRONLY) for to in ("r1", "r2", "r3")]
    try:
        for key in keys:
            with sent[name].doing({key: DIRECT}):
                write_all(random.choice(fds), b'{"k":"%s"}' % key.encode())
            done(name)
    finally:
        for fd in fds:
            os.close(fd)


def tell(name, keys=numbers("w5")):
    """Events of types of its own, which reach inboxes, and tasks, which do not."""
    for key in keys:
        kind = TASK if random.random() < 0.5 else BROADCAST
        file = "say/task.started" if kind == TASK else "say/my.type"
        with opened(own(name, file)) as fd:
            with sent[name].doing({key: kind}):
                write_all(fd, b'{"k":"%s"}\n' % key.encode())
        done(name)


def read_next(name):
    """Reads to the end, which is when it counts; or not, and then it does not."""
    while True:
        with opened(own(name, "next"), os.O_RDONLY) as fd:
            data = b""
            while not data.endswith(b"\n"):
                part = os.read(fd, 65536)
                if not part:
                    raise Gone  # the mount's end is the only one without a message
                data += part
            event = json.loads(data)
            if random.random() < 0.1:
                continue
            assert event["seq"] not in was_read[name].yes, f"{name} got {event['seq']} twice"
            with was_read[name].doing({event["seq"]: event}):
                same(os.read(fd, 65536), b"")
        done(name)


def ack(name):
    while True:
        with opened(own(name, "inbox"), os.O_RDONLY) as fd:
            size = os.fstat(fd).st_size
            last = os.pread(fd, 1 << 16, max(0, size - (1 << 16))).split(b"\n")[-2:-1]
        if last and last[0]:
            seq = json.loads(last[0])["seq"]
            acked_maybe[name] = seq
            with opened(own(name, "ack")) as fd:
                write_all(fd, b"%d\n" % seq)
            acked[name] = seq
        done(name)
        time.sleep(0.005)


def come_and_go(name, ids=(f"t{n}" for n in itertools.count(1))):
    """Sessions that begin, of which most end; and what a session says of itself."""
    global task_known, task_maybe
    for new in ids:
        with begun.doing({new: None}):
            os.mkdir(path(f"sessions/{new}"))
        task_maybe.append(new)
        with opened(own(name, "current_task")) as fd:
            write_all(fd, new.encode() + b"\n")
        task_known, task_maybe = new, []
        if random.random() < 0.9:
            with ended.doing({new: None}):
                os.rmdir(path(f"sessions/{new}"))
        done(name)
        time.sleep(0.005)


work = dict(zip(SESSIONS, (held, each, several, direct, tell, read_next, read_next, ack, come_and_go)))


def worker(name):
    try:
        work[name](name)
    except Gone:
        pass
    except OSError as e:
        if e.errno not in GONE:
            troubles.append(f"{name}: {e!r}")
    except BaseException as e:
        troubles.append(f"{name}: {e!r}")


def enter():
    for name in SESSIONS:
        os.mkdir(path(f"sessions/{name}"))
    say("entered")


def no_troubles():
    if troubles:
        with contextlib.suppress(OSError):
            troubles.append(lines("errors")[-1]["reason"])
        raise AssertionError("\n".join(troubles))


threads = []


def run():
    did.clear()
    threads[:] = [threading.Thread(target=worker, args=(name,), daemon=True) for name in SESSIONS]
    for t in threads:
        t.start()
    until(lambda: troubles or all(did[name] >= least for name in SESSIONS), "everyone to get something done")
    no_troubles()
    say("loaded")


def stop():
    for t in threads:
        t.join(30)
        assert not t.is_alive(), "somebody hangs"
    no_troubles()
    say("stopped")


# --- comparing

def same_seqs(actual, expected, what):
    if actual != expected:
        missing, extra = sorted(set(expected) - set(actual)), sorted(set(actual) - set(expected))
        raise AssertionError(f"{what}: missing {missing[:20]}, not expected {extra[:20]}, "
                             f"{len(actual)} instead of {len(expected)}")


def key_of(event):
    data = event["data"]
    return data.get("k", data.get("message"))


def in_inboxes(event):
    return event["event_type"] in ("broadcast.message", "my.type")


def check_messages(events):
    found = collections.defaultdict(dict)  # by sender: key → event
    for e in events:
        if in_inboxes(e) or e["event_type"] == "task.started":
            if e["session_id"] in SESSIONS:
                key = key_of(e)
                assert key not in found[e["session_id"]], f"{key} is there twice"
                found[e["session_id"]][key] = e
    of_w4 = [e for e in lines("sessions/w4/sent") if "receipt" not in e]
    same_seqs([e["seq"] for e in of_w4],
              [e["seq"] for e in events if e["event_type"] == "message.direct"], "direct messages")
    for e in of_w4:
        key = key_of(e)
        assert key not in found["w4"], f"{key} is there twice"
        found["w4"][key] = e
    for name in SESSIONS:
        sent[name].settle(found[name], "message")
        for key in found[name]:
            assert key in sent[name].yes, f"{name}: nobody wrote {key!r}"
        order = [int(key.split(".")[1]) for key in found[name]]
        same_seqs(order, sorted(order), f"order of {name}'s messages")
    for name, group in groups:
        there = [key in found[name] for key in group]
        assert all(there) or not any(there), f"half of one write: {group} {there}"
    return found["w4"]


def check_inbox(name, events, directs):
    since = [e["seq"] for e in events if e["event_type"] == "session.started" and e["session_id"] == name]
    assert len(since) == 1, f"{name} began {len(since)} times"
    expected = [e["seq"] for e in events if e["seq"] > since[0] and (
        in_inboxes(e) and e["session_id"] != name or e.get("to") == name)]
    inbox = lines(f"sessions/{name}/inbox")
    same_seqs([e["seq"] for e in inbox], expected, f"inbox of {name}")
    for e in inbox:
        if e.get("to") == name:
            same(e, directs[key_of(e)], "the receiver's and the sender's")
    unread = [e["seq"] for e in lines(f"sessions/{name}/unread")]
    same_seqs(unread, sorted(set(unread)), f"unread of {name}")
    assert set(unread) <= set(expected), f"{name} has unread what it never got"
    return set(expected), set(unread)


def check_read(name, got, unread):
    was_read[name].settle(got - unread, f"{name}'s reading of")
    was_read[name].no.clear()  # it is read later
    same_seqs(got - unread, set(was_read[name].yes), f"{name}: what is read")


def check_acked(name, got, unread):
    least = min(unread) - 1 if unread else max(got, default=0)
    assert acked[name] <= least, f"{name} acked {acked[name]}, and {least + 1} is unread"
    same_seqs(unread, {seq for seq in got if seq > least}, "unread after ack")
    upto = max((seq for seq in got if seq <= max(acked_maybe[name], acked[name])), default=0)
    assert not got - unread or max(got - unread) <= upto, "more is read than was acked"
    acked[name] = acked_maybe[name] = max(got - unread, default=0)


def check_receipts(directs):
    """One for each direct message that was read, and for no other."""
    told = collections.Counter((e["by"], e["seq"]) for e in lines("sessions/w4/sent")
                               if e.get("receipt") == "read")
    read = {(e["to"], e["seq"]) for e in directs.values()
            if e["to"] in ("r1", "r2") and e["seq"] in was_read[e["to"]].yes}
    same({k for k in told if k[0] in ("r1", "r2")}, read, "receipts")
    assert all(n == 1 for n in told.values()), "a receipt came twice"


def check_sessions(events):
    here = {name for name in os.listdir(path("sessions")) if name not in ("new", "README.md")}
    started = {e["session_id"] for e in events if e["event_type"] == "session.started"}
    over = {e["session_id"] for e in events if e["event_type"] == "session.ended"}
    begun.settle(started, "session")
    ended.settle(over, "end of session")
    same(here - set(SESSIONS), (set(begun.yes) - set(ended.yes)) | people, "living sessions")
    assert set(SESSIONS) <= here, f"lost: {set(SESSIONS) - here}"
    global task_known, task_maybe
    task = json.loads(content("sessions/s0/session.json"))["current_task"]
    assert task in [task_known] + task_maybe, f"{task!r} is not {task_known!r}, nor {task_maybe}"
    task_known, task_maybe = task, []
    same({s["session_id"] for s in json.loads(content("sessions.json"))["sessions"]}
         if content("sessions.json").startswith(b"{") else
         {s["session_id"] for s in json.loads(content("sessions.json"))}, here, "sessions.json")


people = set()
last_seq = 0


def check():
    global last_seq
    whole = content("activity")
    events = parse(whole)
    contiguous(events, 1)
    assert events[-1]["seq"] >= last_seq, f"seq went back from {last_seq} to {events[-1]['seq']}"
    same(os.stat(path("activity")).st_size, len(whole), "size of activity")
    same(content("feeds/all"), whole, "feeds/all")
    people.update(e["session_id"] for e in events if e["event_type"] == "session.started"
                  and e["data"]["agent_type"] == "person")
    directs = check_messages(events)
    for name in ("r1", "r2"):
        check_read(name, *check_inbox(name, events, directs))
    check_acked("r3", *check_inbox("r3", events, directs))
    check_inbox("w1", events, directs)
    check_receipts(directs)
    check_sessions(events)
    last_seq = events[-1]["seq"]
    say(f"checked {len(events)} {last_seq}")


def finish():
    say(f"{sum(len(n.yes) for n in sent.values())} messages, {len(was_read['r1'].yes) + len(was_read['r2'].yes)} "
        f"read, {len(begun.yes)} sessions begun and {len(ended.yes)} ended")
    sys.exit()


def say(word):
    print(word, flush=True)


for line in sys.stdin:
    globals()[line.strip()]()
EOF
	coproc LOAD {
		exec "$PYTHON" "$PY_FILE" "$MNT" 2>"$LEITL_TMP/load.err" 3>&- 4>&-
	}
	# bash forgets these when it ends
	LOAD_IN=${LOAD[1]} LOAD_OUT=${LOAD[0]}
}

# Tells it a word, and waits for its answer, which must begin with the other; it is in ANSWER.
ask_load() { # WORD ANSWER
	echo "$1" >&"$LOAD_IN"
	if ! read -r -t $((4 * WAIT)) -u "$LOAD_OUT" ANSWER; then
		fail "no answer to '$1': $(tail -n 30 "$LEITL_TMP/load.err")"
		return 1
	fi
	assert_match "$ANSWER" "^$2"
}

one_mount() {
	assert_eq "$(grep -c " $MNT " /proc/self/mountinfo)" 1 "mounts at the mount point"
}

# A daemon that is killed while it starts: SECONDS after that began.
killed_at_start() { # SECONDS OPTIONS
	local pid
	setsid "$LEITLFS" -f -o "state=$STATE,$2" "$MNT" </dev/null >>"$DAEMON_LOG" 2>&1 3>&- 4>&- &
	pid=$!
	sleep "$1" # whatever it is at by then
	kill -KILL "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
}

# Some moment of the next 30 ms, so that not every round ends alike.
some_moment() {
	sleep "0.0$((RANDOM % 30 + 10))"
}

# rounds COUNT OPTIONS…: as often, with these options in turn, kills the daemon under load.
rounds() {
	local count=$1 options round
	shift
	local each=("$@")
	leitl_up -o "unread_max=64M,${each[0]}"
	load_start
	ask_load enter entered
	for ((round = 1; round <= count; round++)); do
		ask_load run loaded
		some_moment
		if ((round % 8 == 0)); then
			leitl_down
		else
			leitl_kill9
		fi
		ask_load stop stopped
		options=unread_max=64M,${each[round % ${#each[@]}]}
		if ((round % 4 == 1)); then
			killed_at_start "0.0$((RANDOM % 50 + 10))" "$options"
		fi
		leitl_up -o "$options"
		one_mount
		ask_load check checked || {
			echo "in round $round, with $options" >&2
			return 1
		}
	done
	echo "# after $count kills: ${ANSWER#checked }; $(
		echo finish >&"$LOAD_IN"
		read -r -u "$LOAD_OUT" line && echo "$line"
	)" >&2
}

@test "kill -9 under load, again and again: what was acknowledged is there, once" {
	# All is replayed; some is; all of it was just saved.
	rounds "$DURABILITY_ROUNDS" save=1h save=100ms save=500ms
	leitl_down
}

@test "killed while it starts, at any moment of that: nothing is lost and nothing doubled" {
	local count=20000 n
	[ -z "${SAN:-}" ] || count=4000
	leitl_up -o save=1h
	py $count <<'EOF'
with opened("broadcast") as fd:
    for n in range(0, int(sys.argv[2]), 200):
        os.write(fd, b"".join(b'{"n":%d}' % m for m in range(n, n + 200)))
EOF
	leitl_kill9
	for n in 05 1 15 2 25 3 4 5 6 8; do
		killed_at_start "0.$n" save=100ms
	done
	leitl_up
	one_mount
	py $count <<'EOF'
events = lines("activity")
contiguous(events, 1)
same([e["data"]["n"] for e in events if "n" in e["data"]], list(range(int(sys.argv[2]))))
same(len(lines("broadcast")), int(sys.argv[2]))
EOF
	echo on >"$MNT/broadcast"
	assert_eq "$(texts | tail -n 1)" '"on"'
	leitl_down
}

@test "who waits when the daemon is killed gets an error at once, and the next daemon serves" {
	local pid pids=() name
	leitl_up
	enter bob
	for name in activity.live feeds/all.live sessions/bob/inbox.live as/bob/self/next as/bob/self/wait; do
		follow waiting cat "$MNT/$name"
		wait_until reading "$FOLLOWER"
		pids+=("$FOLLOWER")
	done
	exec 5<"$MNT/activity" 6>"$MNT/broadcast"
	leitl_kill9
	for pid in "${pids[@]}"; do
		wait_until 2 gone "$pid" || fail "$(ps -o pid,stat,wchan:30,args -p "$pid")"
		refute wait "$pid"
	done
	assert_errno ENOTCONN cat <&5
	assert_errno ENOTCONN bash -c 'echo lost >&6'
	exec 5<&- 6>&-
	leitl_up
	one_mount
	echo found >"$MNT/sessions/bob/inbox"
	assert_eq "$(agent_do bob 'cat self/next' | jq -r .data.message)" found
}

# All threads of a process are gone, whether it has been waited for or not.
all_gone() { # PID
	[ "$(ls "/proc/$1/task" 2>/dev/null | wc -l)" -le 1 ] && gone "$1"
}

@test "killed while it tells the kernel of news it is gone at once, and its state is free" {
	local round rounds=15 daemon killer
	[ -z "${SAN:-}" ] || rounds=5
	leitl_init
	py_file <<'EOF'
# Every log that is held is told of: each is a request to the daemon by itself.
logs = ["activity", "broadcast", "feeds/all", "feeds/by-type/broadcast.message"]
logs += [f"feeds/since/{n}" for n in range(1, 40)]
held = [os.open(path(name), os.O_RDONLY) for name in logs]
fd = os.open(path("broadcast"), os.O_WRONLY)
for n in range(200):
    os.write(fd, b"news\n")
os.kill(int(sys.argv[2]), signal.SIGKILL)
EOF
	for ((round = 1; round <= rounds; round++)); do
		leitl_up -o nudge=1ms
		daemon=$DAEMON
		DAEMON=
		"$PYTHON" "$PY_FILE" "$MNT" "$daemon" </dev/null >/dev/null 3>&- 4>&- &
		killer=$!
		if ! wait_until all_gone "$daemon"; then
			ps -L -o tid,stat,wchan:30,comm -p "$daemon" >&2
			watchdog_abort "$LEITL_TMP"
			return 1
		fi
		wait "$daemon" 2>/dev/null || true
		wait "$killer"
	done
	leitl_up
	assert_eq "$(line_count "$MNT/broadcast")" $((rounds * 200))
}

# --- what fsync promises: the disk is a file, and what is in it is what a loss of power leaves

# A directory whose mounts inside a daemon's mount namespace show here, too.
share_mounts() {
	mount --bind "$LEITL_TMP/apart" "$LEITL_TMP/apart"
	mount --make-private "$LEITL_TMP/apart"
	mount --make-shared "$LEITL_TMP/apart"
}

# A leitlfs in a mount namespace where the kernel's boot_id is what the file boot_id says.
make_wrapper() {
	cat >"$LEITL_TMP/leitlfs" <<-END
		#!/bin/bash
		exec unshare --mount --propagation unchanged bash -c '
		    mount --make-private /proc 2>/dev/null
		    mount --bind "$LEITL_TMP/boot_id" /proc/sys/kernel/random/boot_id &&
		    exec "$LEITLFS" "\$@"' - "\$@"
	END
	chmod +x "$LEITL_TMP/leitlfs"
	LEITLFS=$LEITL_TMP/leitlfs
}

# The disk of that number becomes the state directory.
plug_in() { # NUMBER
	local dir=$LEITL_TMP/disk$1.d
	mkdir "$dir"
	# no commit of its own in this time; but what the daemon syncs
	mount -o loop,commit=300 "$LEITL_TMP/disk$1" "$dir" || return 1
	STATE=$dir/state
	"$PYTHON" -c 'import uuid; print(uuid.uuid4())' >"$LEITL_TMP/boot_id.new"
	cat "$LEITL_TMP/boot_id.new" >"$LEITL_TMP/boot_id"
}

@test "after fsync it survives a loss of power" {
	need_root
	command -v mkfs.ext4 >/dev/null || skip "no mkfs.ext4"
	local round rounds=5 program
	[ -z "${SAN:-}" ] || rounds=3
	leitl_init
	MNT=$LEITL_TMP/apart/mnt
	mkdir -p "$MNT"
	share_mounts
	make_wrapper
	truncate -s 64M "$LEITL_TMP/disk0"
	mkfs.ext4 -q "$LEITL_TMP/disk0"
	echo >"$LEITL_TMP/boot_id"
	plug_in 0 || skip "no loop devices"
	mkdir -m 0700 "$STATE"
	: >"$LEITL_TMP/synced"
	py_file <<'EOF'
# Notes what fsync has answered for: the last number that was written before it.
import random
n, notes = int(sys.argv[2]), open(sys.argv[3], "a")
fds = [os.open(path("broadcast"), os.O_WRONLY) for _ in range(2)]
for step in range(60):
    for _ in range(random.choice((1, 1, 2, 10))):
        n += 1
        os.write(random.choice(fds), json.dumps({"n": n, "pad": "x" * random.choice((1, 1, 5000))}).encode())
    if random.random() < 0.5:
        os.fsync(random.choice(fds))
        print(n, file=notes, flush=True)
    time.sleep(random.random() * 0.02)  # the daemon moves and saves meanwhile
os.write(fds[0], b'{"n":%d}' % (n + 1))  # nobody synced this
EOF
	program=$PY_FILE
	for ((round = 1; round <= rounds; round++)); do
		leitl_up -o save=100ms
		"$PYTHON" "$program" "$MNT" $((round * 10000)) "$LEITL_TMP/synced"
		leitl_kill9
		cp --sparse=always "$LEITL_TMP/disk$((round - 1))" "$LEITL_TMP/disk$round"
		plug_in $round
		leitl_up -o save=100ms
		py "$LEITL_TMP/synced" <<'EOF'
with open(sys.argv[2]) as f:
    synced = [int(line) for line in f]
events = lines("activity")
contiguous(events, 1)
got = [e["data"]["n"] for e in events if "n" in e["data"]]
missing = [n for n in synced if n not in got]
assert not missing, f"synced, and lost with the power: {missing}; there are {got[-5:]}"
# what is there of each round has no holes
for first in {n // 10000 * 10000 for n in got}:
    here = [n for n in got if n // 10000 * 10000 == first]
    same(here, list(range(first + 1, first + 1 + len(here))))
same(len(lines("broadcast")), len(got))
EOF
		leitl_down
	done
}
