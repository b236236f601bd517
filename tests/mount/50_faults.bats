# Faults that were found on a running mount: each is a test that failed once.
load ../lib/mount
load ../lib/loop

@test "an id registered again is a directory that works, though somebody stands in the old one" {
	leitl_up
	enter ann
	agent_do ann "mkdir sessions/bob"
	(cd "$MNT/sessions/bob" && exec sleep 30 3>&- 4>&-) &
	local stands=$!
	wait_until eval "[[ \$(readlink /proc/$stands/cwd) == */bob ]]"
	agent_do ann "rmdir sessions/bob && mkdir sessions/bob"
	agent_do ann "cat sessions/bob/timeout sessions/bob/say/README.md >/dev/null"
	agent_do ann "echo hello >sessions/bob/broadcast"
	kill "$stands"
	wait "$stands" || true
	[ -s "$MNT/sessions/bob/timeout" ]
}

@test "an alive that is still open from before a session ended holds nothing of its next life" {
	leitl_up
	enter ann
	agent_sh ann "mkdir sessions/bob && exec 9>sessions/bob/alive"
	agent_do ann "rmdir sessions/bob && mkdir sessions/bob"
	agent_sh ann "exec 9>&-"
	sleep 0.3
	[ -d "$MNT/sessions/bob" ]
	agent_sh ann "exec 9>sessions/bob/alive && exec 9>&-"
	wait_until refute test -d "$MNT/sessions/bob"
}

@test "a mount over the mount point ends no stream" {
	need_root
	leitl_up
	follow over cat "$MNT/activity.live"
	wait_until reading "$FOLLOWER"
	mount -t tmpfs none "$MNT" || skip "can't mount"
	sleep 0.3
	umount "$MNT"
	enter ann
	wait_until grep -q session.started "$LEITL_TMP/over"
	kill "$FOLLOWER"
	wait "$FOLLOWER" || true
}

@test "SIGTERM ends it while directories come and go, and the notifier waits for one of them" {
	for _ in 1 2 3 4 5 6; do
		leitl_up -o nudge=0.001,sessions=0
		py <<'END' &
def churn(i):
    while True:
        try:
            os.mkdir(path(f"sessions/k{i}"))
            os.rmdir(path(f"sessions/k{i}"))
        except OSError as e:
            if e.errno in (errno.ENOTCONN, errno.ECONNABORTED, errno.ENOENT):
                os._exit(0)

for i in range(8):
    threading.Thread(target=churn, args=(i,)).start()
END
		local churning=$!
		sleep 0.4
		leitl_down
		wait "$churning"
	done
}

@test "a reader misses nothing while another thread polls the same descriptor" {
	leitl_up
	py <<'END'
count = 1500
fd = os.open(path("broadcast.live"), os.O_RDONLY)
got = bytearray()
over = threading.Event()


def read():
    while b'"over"' not in got:
        got.extend(os.read(fd, 65536))


def ask():
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    while not over.is_set():
        poll.poll(5)


def write(name):
    with opened("broadcast") as out:
        for i in range(count // 3):
            os.write(out, b"%s %d\n" % (name, i))


reader = threading.Thread(target=read, daemon=True)
others = [threading.Thread(target=ask) for _ in range(3)]
writers = [threading.Thread(target=write, args=(n,)) for n in (b"a", b"b", b"c")]
for t in [reader, *others, *writers]:
    t.start()
for t in writers:
    t.join()
until(lambda: got.count(b"\n") == count, f"{count} lines")
with opened("broadcast") as out:
    os.write(out, b"over\n")
reader.join(10)
over.set()
contiguous(parse(bytes(got)))
same(got.count(b"\n"), count + 1)
os._exit(0)
END
}

@test "several threads that wait on one descriptor of next or wait are all answered" {
	leitl_up
	enter bob
	py <<'END' &
os.mkdir(path("sessions/ann"))
for name in ("wait", "next"):
    fd = os.open(path(f"sessions/ann/{name}"), os.O_RDONLY)
    got = []
    readers = [threading.Thread(target=lambda: got.append(os.read(fd, 65536)), daemon=True)
               for _ in range(3)]
    for t in readers:
        t.start()
    print(name)
    for t in readers:
        t.join(10)
    same(sorted(len(g) > 0 for g in got), [False, False, True])
    os.close(fd)
os._exit(0)
END
	local readers=$!
	wait_until test -d "$MNT/sessions/ann"
	sleep 0.3
	agent_do bob "echo one >sessions/bob/broadcast"
	wait "$readers"
}

@test "many refusals at once, and a reader of errors.live: each is told, nobody spins" {
	leitl_up
	py <<'END'
count = 300
fd = os.open(path("errors.live"), os.O_RDONLY)
got = bytearray()


def read():
    while True:
        got.extend(os.read(fd, 65536))


def err():
    for _ in range(count):
        refused("EINVAL", os.mkdir, path("sessions/a.b"))


threading.Thread(target=read, daemon=True).start()
threads = [threading.Thread(target=err, daemon=True) for _ in range(6)]
for t in threads:
    t.start()
for t in threads:
    t.join(20)
    assert not t.is_alive(), "the refusal is not answered"
until(lambda: got.count(b"\n") == 6 * count, "every refusal")
os._exit(0)
END
}

@test "what a killed reader of next had goes to who waits, behind 70 others that only poll" {
	leitl_up
	enter bob
	py "$LEITL_TMP/had" <<'END' &
os.mkdir(path("sessions/ann"))
name = path("sessions/ann/next")
killed = subprocess.Popen(["bash", "-c", 'exec 6<"$0"; read -r -n 5 -u 6; : >"$1"; sleep 60',
                           name, sys.argv[2]], start_new_session=True)
until(lambda: os.path.exists(sys.argv[2]), "the message")
waits = subprocess.Popen(["cat", name], stdout=subprocess.PIPE)
time.sleep(0.5)
poll = select.poll()
for _ in range(70):
    poll.register(os.open(name, os.O_RDONLY | os.O_NONBLOCK), select.POLLIN)
poll.poll(10)
os.killpg(killed.pid, signal.SIGKILL)
killed.wait()
ready, _, _ = select.select([waits.stdout], [], [], 10)
waits.kill()
assert ready, "nobody told the reader"
os._exit(0)
END
	local readers=$!
	wait_until test -d "$MNT/sessions/ann"
	agent_do bob "echo one >sessions/bob/broadcast"
	wait "$readers"
}

@test "1,000 readers that wait die at once, whatever they are killed with, and leave nothing" {
	leitl_up
	py "$DAEMON" <<'END'
os.mkdir(path("sessions/ann"))
names = ["activity.live", "errors.live", "broadcast.live", "sessions/ann/wait", "sessions/ann/next"]
count = 200 if slow else 1000


def rss():
    with open(f"/proc/{sys.argv[2]}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])


def wait_in(name):
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.read(os.open(path(name), os.O_RDONLY), 1000)
        os._exit(9)
    return pid


before = 0
for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
    pids = [wait_in(names[i % len(names)]) for i in range(count)]
    time.sleep(1.5)
    for pid in pids:
        os.kill(pid, number)
    began = time.monotonic()
    for pid in pids:
        same(os.waitpid(pid, 0)[1], number)
    assert time.monotonic() - began < (20 if slow else 5)
    before = before or rss()
assert rss() < before + 2000 or slow, (before, rss())
END
}
