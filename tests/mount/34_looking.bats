# Looking is safe: what reads all that is listed neither waits, nor fails, nor changes anything.
load ../lib/mount
load ../lib/loop

# Sessions, messages read and unread, one that is being read, a reader that waits, an alert, an error.
furnish() { # [-u UID]
	local pid user=("$@")
	enter "${user[@]}" bob cece dora
	agent_do cece 'echo hello everyone > broadcast; echo "# for bob" > sessions/bob/inbox
		echo "and more" > sessions/bob/inbox; echo building > self/say/task.started
		echo busy > self/current_task; echo "{\"a\":[1,{}]}" > broadcast'
	agent_do bob 'cat self/next >/dev/null; echo "from bob" > sessions/cece/inbox
		echo "{bad" > broadcast' 2>/dev/null || true
	agent_do dora 'echo "$(tail -n 1 self/inbox | jq .seq)" > self/ack'
	# receipts of broadcasts come a moment later
	wait_until as_user "$(stat -c %u "$LEITL_TMP/agents/bob/pid")" jq -es \
		'map(select(.receipt) | "\(.seq) \(.count)") | unique | length >= 2 and any(endswith(" 2"))' \
		"$MNT/sessions/cece/sent"
	HOLDER=$(agent_py_bg bob <<'EOF'
fd = os.open(path("self/next"), os.O_RDONLY)
print(os.read(fd, 10).decode())
waiting = os.open(path("activity.live"), os.O_RDONLY)
signal.pause()
EOF
	)
	wait_until eval '[ "$(agent_out bob "$HOLDER" | wc -c)" -gt 5 ]'
	pid=$(agent_bg dora 'exec cat self/wait')
	wait_until reading "$pid"
	WAITER=$pid
}

# All that may not change by looking: everything but the passing of time.
picture() { # [UID]
	as_user "${1:-$(id -u)}" bash -c 'cd "$0" || exit
		cat activity broadcast errors
		for s in bob cece dora; do
			echo "== $s"
			cat sessions/$s/unread sessions/$s/inbox sessions/$s/sent sessions/$s/activity
			stat -c %Y sessions/$s/heartbeat
			jq -c "del(.uptime, .uptime_s)" sessions/$s/session.json
		done
		ls sessions agents feeds/by-type feeds/by-agent feeds/by-session' "$MNT"
}

# every_look FROM: each way of looking, from the directory FROM, in a new shell; output is what it
# complained of.
LOOKS=(
	'grep -r everyone .'
	'grep -rIl . .'
	'grep -R everyone .'
	'find . -type f -exec cat {} + | wc -c'
	'find . -type f -exec cat {} \; | wc -c'
	'find . -type f -print0 | xargs -0 -P 4 -n 3 md5sum | wc -l'
	'find -L . -name "*.json" -exec cat {} + | wc -c'
	'tar c . | wc -c'
	'tar cf /dev/null .'
	'ls -lR'
	'ls -laR --time-style=full-iso'
	'du -a .'
	'find . -ls'
	'find . -printf "%p %s %m %u %T@\n"'
	'file() { head -c 64 "$1"; }; find . -type f | while read -r f; do file "$f"; done | wc -c'
	'wc -l $(find . -type f)'
)

look() { # UID COMMAND
	as_user "$1" timeout 30 bash -o pipefail -c "cd '$MNT' && $2" 2>&1 >"$LEITL_TMP/looked"
}

look_all() { # UID
	local command said status
	for command in "${LOOKS[@]}"; do
		status=0
		said=$(look "$1" "$command") || status=$?
		[ "$status" = 0 ] || fail "$command: status $status: $said" || return 1
		[ -z "$said" ] || fail "$command said: $said" || return 1
		[ -s "$LEITL_TMP/looked" ] || [[ $command == *dev/null* ]] ||
			fail "$command found nothing" || return 1
	done
}

# The message that is held, and the reader that waits, are still there.
nothing_was_eaten() {
	gone "$HOLDER" && fail "the reader of next has ended" && return 1
	gone "$WAITER" && fail "the reader of wait has ended" && return 1
	assert_eq "$(agent_out dora "$WAITER")" '' "wait"
}

@test "grep -r, find -exec cat, tar, ls -lR and the like finish without a word and change nothing" {
	leitl_up
	furnish
	picture >"$LEITL_TMP/before"
	grep -q 'from bob' "$LEITL_TMP/before"
	look_all "$(id -u)"
	picture >"$LEITL_TMP/after"
	diff "$LEITL_TMP/before" "$LEITL_TMP/after"
	nothing_was_eaten
}

@test "the same for the mount's owner who is not root" {
	need_root
	leitl_up -u 1
	furnish -u 1
	picture 1 >"$LEITL_TMP/before"
	grep -q 'from bob' "$LEITL_TMP/before"
	look_all 1
	picture 1 >"$LEITL_TMP/after"
	diff "$LEITL_TMP/before" "$LEITL_TMP/after"
	nothing_was_eaten
}

@test "the same by an agent with a session, through self, too" {
	leitl_up
	furnish
	picture >"$LEITL_TMP/before"
	local command
	for command in 'grep -r everyone .' 'find . -type f -exec cat {} +' 'find -L . -type f -exec cat {} +' \
		'tar cf /dev/null .' 'tar ch . | wc -c' 'ls -lR' 'ls -lRL' 'cp -r . "$(mktemp -d)/copy"' \
		'find self/ -type f -exec cat {} +' 'ls -l self self/'; do
		agent_do bob "set -o pipefail; export TMPDIR=$LEITL_TMP; timeout 30 bash -o pipefail -c '$command'" \
			>"$LEITL_TMP/looked" 2>"$LEITL_TMP/said" ||
			fail "$command: $(cat "$LEITL_TMP/said")"
		[ ! -s "$LEITL_TMP/said" ] || fail "$command said: $(cat "$LEITL_TMP/said")"
	done
	agent_do bob 'ls' | grep -qx self
	picture >"$LEITL_TMP/after"
	diff "$LEITL_TMP/before" "$LEITL_TMP/after"
	nothing_was_eaten
}

@test "looking does not count as being heard of, nor keep a session from being late" {
	leitl_up -o late=1
	enter bob
	while_late() {
		find "$MNT" -type f -exec cat {} + >/dev/null
		agent_do bob 'cat self/inbox self/unread self/session.json; ls self/' >/dev/null
		[ "$(cat "$MNT/sessions/bob/health")" = late ]
	}
	wait_until while_late
	agent_do bob 'touch self/heartbeat'
	assert_eq "$(cat "$MNT/sessions/bob/health")" fresh
}

@test "cp -r brings a whole copy, with the content that the files have" {
	leitl_up
	furnish
	cp -r "$MNT" "$LEITL_TMP/copy"
	for name in activity broadcast errors README.md sessions/bob/inbox sessions/bob/unread \
		sessions/cece/sent feeds/by-type/message.direct sessions/bob/agent_name; do
		cmp "$MNT/$name" "$LEITL_TMP/copy/$name"
	done
	assert_eq "$(cd "$LEITL_TMP/copy" && find . | sort | md5sum)" "$(cd "$MNT" && find . | sort | md5sum)"
	assert_eq "$(find "$LEITL_TMP/copy" -name '*.live' -o -name next -o -name wait)" ''
}

@test "tar holds what the files hold" {
	leitl_up
	furnish
	mkdir "$LEITL_TMP/out"
	tar c -C "$MNT" . | tar x -C "$LEITL_TMP/out"
	for name in activity README.md sessions/bob/inbox sessions/bob/session.json sessions.json; do
		[ -s "$LEITL_TMP/out/$name" ]
	done
	cmp "$MNT/activity" "$LEITL_TMP/out/activity"
	assert_eq "$(jq -r .session_id "$LEITL_TMP/out/sessions/bob/session.json")" bob
	py "$LEITL_TMP/out" <<'EOF'
empty = []
for top, _, files in os.walk(mnt):
    for name in files:
        one = os.path.join(top, name)
        if os.path.islink(one):
            continue
        other = os.path.join(sys.argv[2], os.path.relpath(one, mnt))
        if os.path.getsize(other) == 0 and len(open(one, "rb").read()) > 0:
            empty.append(one)
same(empty, [])
EOF
}

@test "every listed file has its true size, in stat, in fstat, and as it is read" {
	leitl_up
	furnish
	py <<'EOF'
seen = 0
for top, dirs, files in os.walk(mnt):
    for name in files:
        one = os.path.join(top, name)
        if os.path.islink(one):
            continue
        for attempt in range(5):  # what tells the time may have changed between
            looked = os.stat(one).st_size
            fd = os.open(one, os.O_RDONLY)
            opened_size = os.fstat(fd).st_size
            data = b""
            while part := os.read(fd, 65536):
                data += part
            after = os.fstat(fd).st_size
            os.close(fd)
            same((opened_size, after), (len(data), len(data)), f"fstat and content of {one}")
            if looked == len(data):
                break
        same(looked, len(data), f"stat and content of {one}")
        seen += 1
assert seen > 100, seen
print(seen)
EOF
}

@test "a snapshot is taken when opened: it is whole, and stays as it was" {
	leitl_up
	furnish
	py <<'EOF'
with open(path("sessions.json"), "rb") as f:
    size = os.fstat(f.fileno()).st_size
    start = f.raw.read(20)
    os.mkdir(path("sessions/newcomer"))
    rest = f.raw.read()
    while part := f.raw.read():
        rest += part
    same(len(start + rest), size)
    before = json.loads(start + rest)
    same(os.fstat(f.fileno()).st_size, size)
after = json.loads(content("sessions.json"))
assert "newcomer" not in json.dumps(before) and "newcomer" in json.dumps(after)
same(after["seq"], lines("activity")[-1]["seq"])
same(os.stat(path("sessions.json")).st_size, len(content("sessions.json")))
with open(path("sessions/bob/unread"), "rb", buffering=0) as f:
    size = os.fstat(f.fileno()).st_size
    with opened("sessions/bob/inbox") as to:
        os.write(to, b"one more\n")
    data = b""
    while part := f.read(50):
        data += part
    same(len(data), size)
EOF
}

@test "the names whose read waits or consumes are not listed, and are there by name" {
	leitl_up
	furnish
	assert_eq "$(find "$MNT" -name '*.live' -o -name next -o -name wait -o -name as)" ''
	local name
	for name in activity.live broadcast.live errors.live feeds/all.live \
		feeds/by-type/message.direct.live feeds/by-agent/bob.live feeds/by-session/bob.live \
		feeds/since/1.live sessions/bob/inbox.live sessions/bob/sent.live \
		sessions/bob/activity.live sessions/bob/wait sessions/bob/next \
		agents/bob/activity.live agents/bob/inbox.live; do
		[ -f "$MNT/$name" ] || fail "$name is not there"
		stat "$MNT/$name" >/dev/null
	done
	[ -d "$MNT/as" ]
	[ -d "$MNT/as/bob/sessions" ]
	assert_eq "$(readlink "$MNT/as/bob/self")" sessions/bob
	assert_eq "$(ls "$MNT/feeds" | tr '\n' ' ')" 'README.md all by-activity by-agent by-session by-type since '
	nothing_was_eaten
}

@test "self is listed only for who has one" {
	leitl_up
	enter bob
	agent_start nobody
	agent_do bob 'ls' | grep -qx self
	assert_eq "$(agent_do bob 'readlink self')" sessions/bob
	assert_eq "$(agent_do nobody ls | grep -x self)" ''
	assert_errno ENOENT agent_do nobody 'cat self/id'
	assert_eq "$(agent_do nobody 'ls as/bob' | grep -x self)" self
}

@test "who has ended its session can look at everything, too" {
	leitl_up
	enter bob
	agent_do bob 'echo hello > broadcast; rmdir sessions/bob'
	agent_do bob 'find . -type f -exec cat {} +; ls -lR; grep -r hello .; tar c .' \
		>"$LEITL_TMP/looked" 2>"$LEITL_TMP/said"
	assert_eq "$(cat "$LEITL_TMP/said")" ''
	grep -q hello "$LEITL_TMP/looked"
}

@test "every fixed directory has a README.md that names what is unlisted in it" {
	leitl_up
	enter bob
	local dir
	for dir in . sessions sessions/bob sessions/bob/say agents feeds feeds/by-type feeds/by-agent \
		feeds/by-session feeds/since; do
		ls "$MNT/$dir" | grep -qx README.md || fail "$dir has no README.md"
		[ -s "$MNT/$dir/README.md" ]
		assert_eq "$(stat -c %s "$MNT/$dir/README.md")" "$(wc -c <"$MNT/$dir/README.md")"
	done
	assert_match "$(cat "$MNT/README.md")" 'as/'
	for dir in . feeds feeds/by-type feeds/by-agent feeds/by-session feeds/since; do
		assert_match "$(cat "$MNT/$dir/README.md")" '\.live' "$dir"
	done
	assert_match "$(cat "$MNT/sessions/bob/README.md")" 'wait .*unlisted'
	assert_match "$(cat "$MNT/sessions/bob/README.md")" 'next .*unlisted'
	# enough for an agent that has never seen it
	for word in sessions/ broadcast activity inbox self mkdir unread; do
		assert_match "$(cat "$MNT/README.md")" "$word"
	done
	# every name that is listed is explained
	for dir in . sessions feeds; do
		for name in $(cd "$MNT/$dir" && ls -d -- * | grep -vxE 'README.md|bob|root|self'); do
			grep -qF -- "$name" "$MNT/$dir/README.md" || fail "$dir/README.md says nothing of $name"
		done
	done
}

@test "what is for writing prints how to use it when read" {
	leitl_up
	enter bob
	local name
	for name in sessions/new sessions/bob/ack sessions/bob/alive sessions/bob/heartbeat; do
		[ "$(timeout 5 cat "$MNT/$name" | wc -c)" -gt 10 ] || fail "$name prints nothing"
		assert_eq "$(stat -c %s "$MNT/$name")" "$(wc -c <"$MNT/$name")" "$name"
	done
	assert_eq "$(ls "$MNT/sessions" | grep -vxE 'README.md|new' | tr '\n' ' ')" "bob $(id -un) "
}

@test "looking while others talk and come and go neither fails nor hangs" {
	leitl_up
	enter bob
	py <<'EOF'
stop = False
# Who speaks is fixed at open: before any guest is this process's own.
to = os.open(path("broadcast"), os.O_WRONLY)
def talk():
    n = 0
    while not stop:
        os.write(to, b'{"n":%d}' % n)
        n += 1
        time.sleep(0.001)
def come_and_go():
    n = 0
    while not stop:
        os.mkdir(path(f"sessions/guest{n % 7}"))
        os.rmdir(path(f"sessions/guest{n % 7}"))
        n += 1
        time.sleep(0.001)
threads = [threading.Thread(target=talk), threading.Thread(target=come_and_go)]
for t in threads: t.start()
try:
    for command in (["find", ".", "-type", "f", "-exec", "cat", "{}", "+"], ["ls", "-lR"],
            ["grep", "-r", "hello", "."], ["tar", "cf", "/dev/null", "."]):
        r = subprocess.run(command, cwd=mnt, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True, timeout=30)
        # A guest may be gone between its listing and its opening (`self`, its maker's, too), and
        # files may grow.
        bad = [line for line in r.stderr.split("\n") if line and not re.search(
            "No such file|file changed as we read|removed before we read|Exiting with failure|"
            "exit delayed|self'?: (Cannot stat: )?Stale", line)]
        same(bad, [], command[0])
    for n in range(50):
        for line in lines("activity"):
            pass
        json.loads(content("sessions.json"))
finally:
    stop = True
    for t in threads: t.join()
EOF
}

@test "readdir while entries come and go: none twice, no stable one missing" {
	leitl_up -o sessions=0
	py <<'EOF'
count = 150 if slow else 500
stable = {f"stable{n:04d}" for n in range(count)}
for name in stable:
    os.mkdir(path(f"sessions/{name}"))
# as many that go and come in between, before and after
for n in range(100):
    os.mkdir(path(f"sessions/a-guest{n}"))
    os.mkdir(path(f"sessions/z-guest{n}"))
stop = False
def churn(first):
    n = 0
    while not stop:
        name = path(f"sessions/{first}-guest{n % 100}")
        os.rmdir(name)
        os.mkdir(name)
        n += 1
threads = [threading.Thread(target=churn, args=(first,)) for first in "az"]
for t in threads: t.start()
try:
    # directly by getdents64, in small pieces, with time for changes between them
    import ctypes, struct
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(1024)
    number = {"x86_64": 217, "aarch64": 61}[os.uname().machine]
    for round in range(10):
        fd = os.open(path("sessions"), os.O_RDONLY | os.O_DIRECTORY)
        names = []
        while True:
            got = libc.syscall(number, fd, buffer, len(buffer))
            assert got >= 0, os.strerror(ctypes.get_errno())
            if got == 0:
                break
            at = 0
            while at < got:
                size = struct.unpack_from("=H", buffer.raw, at + 16)[0]
                names.append(buffer.raw[at + 19:at + size].split(b"\0")[0].decode())
                at += size
            time.sleep(0.0005)
        os.close(fd)
        twice = {n for n in names if names.count(n) > 1}
        same(twice, set(), "names that came twice")
        same(stable - set(names), set(), "names that are missing")
    for round in range(20):
        names = os.listdir(path("sessions"))
        same(len(names), len(set(names)))
        same(stable - set(names), set())
finally:
    stop = True
    for t in threads: t.join()
EOF
}

@test "rewinddir lists anew; seekdir goes back in the list that was begun" {
	leitl_up
	py <<'EOF'
import ctypes
libc = ctypes.CDLL(None)
class dirent(ctypes.Structure):
    _fields_ = [("ino", ctypes.c_uint64), ("off", ctypes.c_int64), ("reclen", ctypes.c_ushort),
        ("type", ctypes.c_ubyte), ("name", ctypes.c_char * 256)]
libc.opendir.restype = ctypes.c_void_p
libc.readdir64.restype = ctypes.POINTER(dirent)
libc.telldir.restype = ctypes.c_long
for call in libc.readdir64, libc.rewinddir, libc.telldir, libc.closedir:
    call.argtypes = [ctypes.c_void_p]
libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]
def rest(d):
    names = []
    while entry := libc.readdir64(d):
        names.append(entry.contents.name.decode())
    return names
def make(name):
    os.mkdir(path(f"sessions/{name}"))
make("stays")
make("leaves")
d = libc.opendir(path("sessions").encode())
assert d
begun = [libc.readdir64(d).contents.name.decode() for _ in range(3)]
here = libc.telldir(d)
one = rest(d)
assert {"stays", "leaves"} <= set(begun + one), (begun, one)
os.rmdir(path("sessions/leaves"))
make("comes")
same(rest(d), [], "names after the end")
libc.seekdir(d, here)
same(rest(d), one, "names from where telldir was")
ours = {"stays", "leaves", "comes", "later"}
for expected in {"stays", "comes"}, {"stays", "comes", "later"}:
    libc.rewinddir(d)
    again = rest(d)
    same(set(again) & ours, expected, "names after rewinddir")
    same(sorted(again), sorted(os.listdir(path("sessions")) + [".", ".."]))
    if "later" not in expected:
        make("later")
libc.closedir(d)
EOF
}

@test "a link is as long as what it says, for each who asks" {
	leitl_up
	enter bob somebody-else
	local name
	for name in bob somebody-else; do
		assert_eq "$(agent_do "$name" 'stat -c %s self')" $((9 + ${#name})) self
		assert_eq "$(stat -c %s "$MNT/as/$name/self")" $((9 + ${#name})) as/
		assert_eq "$(stat -c %s "$MNT/agents/$name/sessions/$name")" $((18 + ${#name})) agents/
		agent_py "$name" <<'EOF'
links = [os.path.join(top, name) for top, dirs, files in os.walk(mnt) for name in dirs + files
    if os.path.islink(os.path.join(top, name))]
assert path("self") in links and len(links) >= 3, links
for one in links:
    same(os.lstat(one).st_size, len(os.readlink(one)), one)
EOF
	done
	# also who holds it, when it was somebody else's meanwhile
	local holder
	holder=$(agent_py_bg bob <<'EOF'
fd = os.open(path("self"), os.O_PATH | os.O_NOFOLLOW)
print(os.fstat(fd).st_size)
until(lambda: os.path.exists(path("sessions/after")))
print(os.fstat(fd).st_size)
EOF
	)
	wait_until eval '[ "$(agent_out bob "$holder")" = 12 ]'
	assert_eq "$(agent_do somebody-else 'stat -c %s self')" 22
	mkdir "$MNT/sessions/after"
	assert_eq "$(agent_join bob "$holder")" $'12\n12'
}

@test "an editor's and a shell's ways of looking: stat of odd names, access, xattrs, globs" {
	leitl_up
	furnish
	picture >"$LEITL_TMP/before"
	local name
	for name in .git .hg .svn .vscode .DS_Store .Trash .nfs000 'x y' '-n' "$(printf 'n%.0s' {1..255})"; do
		refute test -e "$MNT/$name"
		refute test -e "$MNT/sessions/bob/$name"
	done
	assert_errno ENAMETOOLONG cat "$MNT/$(printf 'n%.0s' {1..256})"
	py <<'EOF'
import glob
glob.glob(path("**"), recursive=True)
for top, dirs, files in os.walk(mnt):
    for name in dirs + files:
        one = os.path.join(top, name)
        os.access(one, os.R_OK), os.access(one, os.W_OK), os.access(one, os.X_OK)
        if not os.path.islink(one):
            try:
                os.listxattr(one)
            except OSError as e:
                assert e.errno == errno.ENOTSUP, e
os.statvfs(mnt)
EOF
	df "$MNT" >/dev/null
	picture >"$LEITL_TMP/after"
	diff "$LEITL_TMP/before" "$LEITL_TMP/after"
	nothing_was_eaten
}

@test "looking through as/ is safe, too" {
	leitl_up
	furnish
	picture >"$LEITL_TMP/before"
	local said
	said=$(cd "$MNT/as/bob" && timeout 30 find . -type f -exec cat {} + 2>&1 >"$LEITL_TMP/looked")
	assert_eq "$said" ''
	grep -q everyone "$LEITL_TMP/looked"
	timeout 30 tar cf /dev/null -C "$MNT/as/bob" .
	picture >"$LEITL_TMP/after"
	diff "$LEITL_TMP/before" "$LEITL_TMP/after"
	nothing_was_eaten
}
