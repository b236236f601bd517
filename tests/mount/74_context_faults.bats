#!/usr/bin/env bats
# What is shown of sources through kills, full disks, damage, unmounts, and other users.

load ../lib/mount
load ../lib/context
load ../lib/loop

# versions FIRST COUNT: COUNT files in $DOCS, each line of which tells the file's version and how
# many lines there are.
versions() {
	"$PYTHON" - "$DOCS" "$1" "$2" <<'PY'
import os, sys
root, version, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for i in range(count):
    lines = 1 + i % 200
    os.makedirs(f"{root}/{i % 10}", exist_ok=True)
    with open(f"{root}/{i % 10}/new.part", "w") as f:
        f.write(f"{version} {lines} words\n" * lines)
    os.rename(f"{root}/{i % 10}/new.part", f"{root}/{i % 10}/{i}.md")
PY
}

# Every file that is shown has one version's lines, all of them; prints how many files there are.
all_whole() {
	py "$1" <<'PY'
count = 0
for place, _, names in os.walk(path(f"context/files/{sys.argv[2]}")):
    for name in names:
        with open(os.path.join(place, name), "rb") as f:
            data = f.read()
            same(os.fstat(f.fileno()).st_size, len(data), "sizes")
        lines = data.splitlines(keepends=True)
        assert len(set(lines)) == 1 and int(lines[0].split()[1]) == len(lines), (name, lines[:3])
        count += 1
print(count)
PY
}

objects() {
	find "$STATE/context/objects" -type f | wc -l
}

# Without those of the callers that it has just seen.
descriptors() {
	find "/proc/$DAEMON/fd" -type l -printf '%l\n' | grep -vc pidfd
}

integrity() {
	"$PYTHON" -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("PRAGMA quick_check").fetchone()[0])' \
		"$STATE/context/context.db"
}

# Of how many contents the catalog knows.
named_objects() {
	"$PYTHON" -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM (SELECT object FROM entry "
    "WHERE object IS NOT NULL UNION SELECT object FROM version)").fetchone()[0])' \
		"$STATE/context/context.db"
}

# A server that accepts and says nothing; sets HANGING to its URL.
hanging_server() {
	"$PYTHON" -c '
import os, socket, sys, time
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(64)
with open(sys.argv[1] + ".new", "w") as f:
    f.write(str(s.getsockname()[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
while os.getppid() != 1:
    time.sleep(0.1)
' "$LEITL_TMP/port" </dev/null >/dev/null 2>&1 3>&- 4>&- &
	SERVER=$!
	wait_until test -s "$LEITL_TMP/port"
	HANGING=http://127.0.0.1:$(cat "$LEITL_TMP/port")/
}

setup() {
	leitl_init
	DOCS=$LEITL_TMP/docs
	mkdir "$DOCS"
}

teardown() {
	[ -z "${SERVER:-}" ] || kill "$SERVER" 2>/dev/null || true
	leitl_cleanup
}

@test "kill -9 in the middle of syncs: files are whole, and nothing is left over" {
	local round wanted
	leitl_up
	versions 1 600
	add_source '{"name":"d","url":"'"$DOCS"'","history":1}'
	for round in 2 3 4 5; do
		versions "$round" 600
		echo >"$MNT/context/sources/d/sync"
		wait_until eval '[ "$(head -n 1 "$MNT/context/files/d/0/0.md")" != "1 1 words" ]'
		leitl_kill9
		leitl_up
		assert_eq "$(all_whole d)" 600
	done
	sync_source d
	assert_eq "$(cat "$MNT/context/files/d/9/599.md" | sort -u)" "5 200 words"
	leitl_down
	assert_eq "$(integrity)" ok
	# Which round a file's earlier version is of depends on where the kills struck.
	wanted=$(named_objects)
	leitl_up
	wait_until eval '[ "$(objects)" = "$wanted" ]'
}

@test "an unmount while a sync hangs ends both, and who waits for it reads the end of file" {
	local how readers
	hanging_server
	for how in "kill -TERM \$DAEMON" "fusermount3 -uz $MNT" "$LEITLFS umount $MNT"; do
		leitl_up
		[ -d "$MNT/context/sources/h" ] ||
			echo '{"name":"h","url":"'"$HANGING"'"}' >"$MNT/context/sources/new"
		readers=()
		for _ in 1 2 3; do
			# shellcheck disable=SC2016
			follow "reader.$_" bash -c 'exec 7<>"$1"; echo >&7; cat <&7' - \
				"$MNT/context/sources/h/sync"
			readers+=("$FOLLOWER")
		done
		wait_until eval '[ "$(status_of h .state)" = running ]'
		eval "$how"
		wait_until gone "$DAEMON"
		wait "$DAEMON"
		DAEMON=
		for _ in "${readers[@]}"; do
			wait_until gone "$_"
		done
		refute leitl_mounted
	done
}

@test "a full disk: said, the old content stays, messages go on, and room heals it" {
	local i
	need_root
	mount -t tmpfs -o size=24M,mode=0700 tmpfs "$STATE" || skip "no tmpfs"
	leitl_up
	versions 1 50
	add_source "$DOCS"
	for i in {1..40}; do
		head -c 1M /dev/urandom >"$DOCS/big$i"
	done
	versions 2 50
	sync_source docs | jq -e '.status == "failed" and (.error | test("room|space"))'
	assert_eq "$(head -qn 1 "$MNT"/context/files/docs/*/*.md | cut -c 1 | sort -u)" 1
	enter ann
	agent_do ann 'echo hello >broadcast'
	rm "$DOCS"/big*
	wait_until eval '[ "$(sync_source docs | jq -r .status)" = ok ]'
	assert_eq "$(head -qn 1 "$MNT"/context/files/docs/*/*.md | cut -c 1 | sort -u)" 2
	agent_stop ann
	leitl_down
	assert_eq "$(integrity)" ok
	umount "$STATE"
}

@test "a damaged catalog, or a key that is none, is refused with the reason and left as it is" {
	local good=$LEITL_TMP/good db=$STATE/context/context.db key=$STATE/key damage before
	leitl_up
	versions 1 100
	add_source '{"name":"w","url":"http://127.0.0.1:9/","username":"u","password":"p"}'
	add_source "$DOCS"
	leitl_down
	cp -a "$STATE" "$good"
	for damage in "truncate -s 8192 $db" "truncate -s 0 $db" "rm $key" "chmod 0644 $key" \
		"truncate -s 31 $key" "dd if=/dev/zero of=$db bs=4096 seek=2 count=2 conv=notrunc" \
		"$PYTHON -c 'import sqlite3; c = sqlite3.connect(\"$db\"); c.execute(\"PRAGMA user_version = 99\"); c.commit()'"; do
		rm -rf "$STATE"
		cp -a "$good" "$STATE"
		eval "$damage" 2>/dev/null
		before=$(sha256sum <"$db")
		refute timeout "$WAIT" "$LEITLFS" -f -o "state=$STATE" "$MNT" 2>"$LEITL_TMP/said"
		grep -E 'context\.db|key' "$LEITL_TMP/said" || fail "$damage: $(cat "$LEITL_TMP/said")"
		assert_eq "$(sha256sum <"$db")" "$before" "$damage"
	done
}

@test "content that was lost is fetched anew" {
	leitl_up
	versions 1 100
	add_source "$DOCS"
	leitl_down
	find "$STATE/context/objects" -type f -name '*[0-7]' -delete
	find "$STATE/context/objects" -type f -exec truncate -s 3 {} +
	leitl_up
	sync_source docs
	assert_eq "$(all_whole docs)" 100
}

@test "nothing of a private source reaches another user" {
	need_root
	leitl_up -o allow_other,sources=any
	mkdir "$DOCS/hushdir"
	echo 'hushcontent common words' >"$DOCS/hushdir/hushfile.md"
	chmod -R a+rX "$DOCS"
	add_source '{"name":"hushsource","url":"'"$DOCS"'"}'
	enter ann
	agent_do ann 'echo common >sessions/ann/current_task; cat sessions/ann/context/results.md' | grep hushcontent
	enter -u 1 bob
	agent_do bob 'mkdir -p sessions/bob && echo common >sessions/bob/context/query'
	# Its owner has looked at everything, so that the kernel knows it.
	ls -lR "$MNT/context" >/dev/null
	cat "$MNT/context/search/common/results.json" | grep hushfile
	echo 'hushcontent common words, changed' >"$DOCS/hushdir/hushfile.md"
	sync_source hushsource
	wait_until eval "grep -q '\"to\":\"ann\"' '$MNT/activity'"
	refute as_user 1 bash -c '(cd "$0" && find . | grep hush) ||
		timeout 20 grep -rqs hush "$0" --exclude="*.live" --exclude=next' "$MNT"
	refute as_user 1 cat "$MNT/context/files/hushsource/hushdir/hushfile.md"
	# The kernel may take the name for granted for a second after its owner used it.
	for _ in sources files history; do
		wait_until assert_errno ENOENT as_user 1 stat "$MNT/context/$_/hushsource"
	done
	assert_errno ENOENT as_user 1 bash -c 'echo >"$0"' "$MNT/context/sources/hushsource/sync"
	assert_errno EACCES as_user 1 ls "$MNT/sessions/ann/context"
	assert_eq "$(agent_do bob 'ls context/search/common | grep -c ^0')" 0
	agent_do bob 'cat sessions/bob/context/results.json' | jq -e '.matched_files == []'
	agent_do bob 'exec 7<>context/query; echo common >&7; cat <&7' | jq -e '.total_matches == 0'
}

@test "files that change all the time are read whole, each of one version" {
	leitl_up
	versions 1 10
	add_source '{"name":"d","url":"'"$DOCS"'","history":3}'
	py "$DOCS" <<'PY'
root, stop = sys.argv[2], time.monotonic() + (6 if slow else 3)
failures, reads, seen = [], 0, set()


def write():
    version = 1
    while time.monotonic() < stop:
        version += 1
        for i in range(10):
            lines = (version * 7919 + i * 104729) % 20000 + 1
            with open(f"{root}/{i}/new.part", "w") as f:
                f.write(f"{version} {lines} words\n" * lines)
            os.rename(f"{root}/{i}/new.part", f"{root}/{i}/{i}.md")
        with opened("context/sources/d/sync", os.O_RDWR) as fd:
            os.write(fd, b"\n")
            os.read(fd, 4096)


def read():
    global reads
    while time.monotonic() < stop:
        try:
            with open(path(f"context/files/d/{reads % 10}/{reads % 10}.md"), "rb") as f:
                size = os.fstat(f.fileno()).st_size
                data = f.read()
                again = os.pread(f.fileno(), 1 << 22, 0)
        except OSError as e:
            # A file that changed twice while it was being opened.
            if e.errno != errno.ESTALE:
                failures.append(repr(e))
            continue
        lines = data.splitlines(keepends=True)
        if len(data) != size or again != data or len(set(lines)) != 1 or \
                int(lines[0].split()[1]) != len(lines):
            failures.append((size, len(data), len(again), len(lines), lines[:1]))
        seen.add(lines[0])
        reads += 1


threads = [threading.Thread(target=f) for f in (write, read, read)]
[t.start() for t in threads]
[t.join() for t in threads]
assert not failures, failures[:5]
assert reads > 20 and len(seen) > 5, (reads, len(seen))
PY
}

@test "who has a file open keeps it, read or not, with no earlier version and without its source" {
	leitl_up
	versions 1 300
	add_source '{"name":"d","url":"'"$DOCS"'","history":0}'
	py "$DOCS" <<'PY'
root = sys.argv[2]


def opened_all():
    return [os.open(path(f"context/files/d/{i % 10}/{i}.md"), os.O_RDONLY) for i in range(300)]


def check(files):
    for i, fd in enumerate(files):
        data = os.read(fd, 1 << 20)
        same(data, b"1 %d words\n" % (1 + i % 200) * (1 + i % 200), f"file {i}")
        os.close(fd)


first, second = opened_all(), opened_all()
for i in range(300):
    if i % 2:
        os.unlink(f"{root}/{i % 10}/{i}.md")
    else:
        with open(f"{root}/{i % 10}/{i}.md", "w") as f:
            f.write("else\n")
with opened("context/sources/d/sync", os.O_RDWR) as fd:
    os.write(fd, b"\n")
    same(json.loads(os.read(fd, 4096))["status"], "ok")
same(content("context/files/d/0/0.md"), b"else\n")
check(first)
os.rmdir(path("context/sources/d"))
until(lambda: not os.path.exists(path("context/files/d")))
check(second)
PY
	wait_until eval '[ "$(objects)" = 0 ]'
}

@test "neither descriptors nor what is kept for queries grow" {
	local before
	leitl_up -o sources=any
	"$PYTHON" -c 'import random
print(" ".join(random.choice(["common", f"word{i}"]) for i in range(200000)))' >"$DOCS/large.md"
	add_source "$DOCS"
	before=$(descriptors)
	py "$DOCS" <<'PY'
for i in range(40):
    name = path(f"context/sources/s{i}")
    os.mkdir(name)
    with open(name + "/url", "w") as f:
        f.write(sys.argv[2] + "\n")
    os.rmdir(name)
PY
	wait_until eval '[ "$(descriptors)" -le $((before + 6)) ]' # readers of the database
	[ -z "${SAN:-}" ] || return 0 # it keeps what was freed for a while
	before=$(awk '/VmRSS/ { print $2 }' "/proc/$DAEMON/status")
	py <<'PY'
for i in range(250):
    assert len(content(f"context/search/word{i}+common/results.json")) > 1000000
PY
	assert_le "$(awk '/VmRSS/ { print $2 }' "/proc/$DAEMON/status")" $((before + 200000))
}
