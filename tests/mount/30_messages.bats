# A write is a message: what the writers of this world make of that, to its edges.
load ../lib/mount
load ../lib/loop

# --- the shell, and other writers

@test "echo, printf, cat, tee, dd and cp, by > and by >>: each message is one event" {
	leitl_up
	local to=$MNT/broadcast
	echo one >"$to"
	echo two >>"$to"
	printf 'three\n' >"$to"
	printf 'four' >"$to"
	printf 'five' >>"$to"
	printf '%s\n' six | tee "$to" >/dev/null
	printf '%s\n' seven | tee -a "$to" >/dev/null
	printf '%s\n' eight | dd of="$to" status=none
	printf '%s\n' nine | dd of="$to" bs=1 status=none
	printf '%s\n' ten >"$LEITL_TMP/file"
	cp "$LEITL_TMP/file" "$to"
	assert_eq "$(texts | tr '\n' ' ')" \
		'"one" "two" "three" "four" "five" "six" "seven" "eight" "nine" "ten" '
}

@test "a here-document through cat is one message, with its inner newlines" {
	leitl_up
	cat >"$MNT/broadcast" <<'EOF'
first line
  second, with its spaces

after a blank one: "quoted" \ and $not expanded
EOF
	assert_eq "$(texts)" '"first line\n  second, with its spaces\n\nafter a blank one: \"quoted\" \\ and $not expanded"'
}

@test "bash's own echo writes line by line, /bin/echo all at once" {
	leitl_up
	bash -c $'echo $\'a\nb\' >"$0"' "$MNT/broadcast"
	bash -c $'printf \'c\nd\n\' >"$0"' "$MNT/broadcast"
	/bin/echo $'e\nf' >"$MNT/broadcast"
	assert_eq "$(texts | tr '\n' ' ')" '"a" "b" "c" "d" "e\nf" '
}

@test "dash writes as bash does" {
	[ -x /bin/dash ] || skip "no dash"
	leitl_up
	dash -c 'echo one >"$0"; exec 3>>"$0"; echo two >&3; printf three >&3; exec 3>&-' \
		"$MNT/broadcast"
	assert_eq "$(texts | tr '\n' ' ')" '"one" "two" "three" '
}

@test "several messages on a descriptor that the shell keeps open" {
	leitl_up
	exec 5>"$MNT/broadcast"
	echo one >&5
	printf two >&5 # bash closes its copy of the descriptor: that ends the message
	printf '{"message":' >&5
	assert_eq "$(texts | tr '\n' ' ')" '"one" "two" '
	printf '"three"}' >&5
	exec 5>&-
	assert_eq "$(texts | tr '\n' ' ')" '"one" "two" "three" '
}

@test "Python's text, binary, append and update modes" {
	leitl_up
	py <<'EOF'
import pathlib
with open(path("broadcast"), "w") as f:
    f.write("one\nand its second line\n")
with open(path("broadcast"), "a") as f:
    print("two", file=f)
with open(path("broadcast"), "wb", buffering=0) as f:
    f.write(b"three\n")
    f.write(b"four")
with open(path("broadcast"), "r+") as f:
    f.write("five\n")
pathlib.Path(path("broadcast")).write_text("six\n")
with open(path("broadcast"), "w") as f:
    json.dump({"message": "seven", "list": [1, {"a": None}]}, f, indent=4)
with open(path("broadcast"), "w", buffering=1) as f:
    print("eight", file=f)
    print("nine", file=f)
same([m["message"] for m in said()], ["one\nand its second line", "two", "three", "four", "five",
    "six", "seven", "eight", "nine"])
same(said()[6], {"message": "seven", "list": [1, {"a": None}]})
EOF
}

@test "Node's writeFile, appendFile and streams" {
	command -v node >/dev/null || skip "no node"
	leitl_up
	node - "$MNT/broadcast" <<'EOF'
const fs = require('fs'), to = process.argv[2]
fs.writeFileSync(to, 'one\nand more of it\n')
fs.appendFileSync(to, 'two\n')
fs.writeFileSync(to, JSON.stringify({message: 'three é ✓'}))
const stream = fs.createWriteStream(to)
stream.write('four\n', () => stream.end('five', async () => {
	await fs.promises.writeFile(to, 'six')
	const f = await fs.promises.open(to, 'a')
	await f.write('seven\n')
	await f.close()
}))
EOF
	assert_eq "$(texts | tr '\n' ' ')" \
		'"one\nand more of it" "two" "three é ✓" "four" "five" "six" "seven" '
}

# --- text

@test "text without a newline waits for one, or for close; what came before is not repeated" {
	leitl_up
	py <<'EOF'
with opened("broadcast") as fd:
    os.write(fd, b"half")
    same(said(), [])
    os.write(fd, b" and whole\n")
    same(said(), [{"message": "half and whole"}])
    os.write(fd, b"no newline")
    same(len(said()), 1)
same(said(), [{"message": "half and whole"}, {"message": "no newline"}])
with opened("broadcast") as fd:
    os.write(fd, b"one write\n\nwith blank lines within\n")
    os.write(fd, b"begins")
    os.write(fd, b" and\nends\n")
same([m["message"] for m in said()[2:]],
    ["one write\n\nwith blank lines within", "begins and\nends"])
EOF
}

@test "no bytes, blank lines and bare truncation are nothing" {
	leitl_up
	local before
	before=$(last_seq)
	: >"$MNT/broadcast"
	: >>"$MNT/broadcast"
	true | cat >"$MNT/broadcast"
	echo >"$MNT/broadcast"
	printf '\n\n  \n\t\n' >"$MNT/broadcast"
	printf '   ' >"$MNT/broadcast"
	truncate -s 0 "$MNT/broadcast"
	cp /dev/null "$MNT/broadcast"
	py <<'EOF'
with opened("broadcast", os.O_WRONLY | os.O_TRUNC) as fd:
    same(os.write(fd, b""), 0)
    same(os.write(fd, b"\n"), 1)
    os.ftruncate(fd, 0)
EOF
	assert_eq "$(last_seq)" "$before"
	[ ! -s "$MNT/errors" ]
	printf x >"$MNT/broadcast" # while one byte is a message
	assert_eq "$(texts)" '"x"'
	assert_eq "$(last_seq)" $((before + 1))
}

@test "one byte a write, through the middle of characters" {
	leitl_up
	py <<'EOF'
text = "péché ✓ 🦊\n"
obj = {"message": "é ✓ 🦊 \"}{\\ \n", "n": [{"deep": {}}], "": ""}
with opened("broadcast") as fd:
    for raw in (text, json.dumps(obj), "\n", json.dumps(obj, ensure_ascii=False, indent=1), "\nend\n"):
        for byte in raw.encode():
            same(os.write(fd, bytes([byte])), 1)
    same(said(), [{"message": text[:-1]}, obj, obj, {"message": "end"}])
EOF
}

# --- JSON

@test "JSON spans lines and writes, and ends with its closing brace" {
	leitl_up
	cat >"$MNT/broadcast" <<'EOF'

{
	"event_type": "deploy.done",
	"data": {
		"message": "a } in a string, and a \" and a \\",
		"hosts": ["a", "b"]
	}
}
EOF
	printf '{"message":"no newline after it"}' >"$MNT/broadcast"
	assert_eq "$(tail -n 2 "$MNT/broadcast" | jq -c '[.event_type, .data]')" \
		'["deploy.done",{"message":"a } in a string, and a \" and a \\","hosts":["a","b"]}]
["broadcast.message",{"message":"no newline after it"}]'
}

@test "JSON cut in two at every byte is the same message" {
	leitl_up
	py <<'EOF'
obj = {"message": "a}{\"\\ é 🦊", "n": [{"x": {}}, -1.5e3, True, None]}
raw = json.dumps(obj, ensure_ascii=False).encode()
with opened("broadcast") as fd:
    for at in range(1, len(raw)):
        os.write(fd, raw[:at])
        same(len(said()) if at % 10 == 0 else at - 1, at - 1, "messages before its end")
        os.write(fd, raw[at:])
same(said(), [obj] * (len(raw) - 1))
EOF
}

@test "it counts when its brace closes, before the newline and before close" {
	leitl_up
	py <<'EOF'
with opened("broadcast") as fd:
    os.write(fd, b'{"message": "one"')
    same(said(), [])
    os.write(fd, b'}')
    same(said(), [{"message": "one"}])
    os.write(fd, b'\n')
    os.write(fd, b'two\n')
    same(said(), [{"message": "one"}, {"message": "two"}])
EOF
}

@test "several JSON in one write are several messages, with or without anything between" {
	leitl_up
	py <<'EOF'
with opened("broadcast") as fd:
    os.write(fd, b'{"n":1}{"n":2} {"n":3}\n{"n":4}\n\n  {"n":5}{"n":')
    same([m["n"] for m in said()], [1, 2, 3, 4, 5])
    os.write(fd, b'6}')
    same([m["n"] for m in said()], [1, 2, 3, 4, 5, 6])
    os.write(fd, b"".join(b'{"n":%d}\n' % n for n in range(7, 101)))
same([m["n"] for m in said()], list(range(1, 101)))
contiguous(lines("broadcast"))
EOF
}

@test "what does not begin with a brace is text, however much it looks like JSON" {
	leitl_up
	printf '%s\n' '[1,2]' >"$MNT/broadcast"
	printf '%s\n' '"a string"' >"$MNT/broadcast"
	printf '%s\n' 'x {"a":1}' >"$MNT/broadcast"
	assert_eq "$(texts)" '"[1,2]"
"\"a string\""
"x {\"a\":1}"'
}

@test "JSON incomplete at a close is EINVAL there, and is dropped at the last one" {
	leitl_up
	py <<'EOF'
fd = os.open(path("broadcast"), os.O_WRONLY)
os.write(fd, b'{"message": "never')
refused("EINVAL", os.close, fd)
same(said(), [])
line = lines("errors")[-1]
same(line["errno"], "EINVAL")
assert "incomplete" in line["reason"] and "JSON" in line["reason"], line

# another's close is not the last: the rest may still come
fd = os.open(path("broadcast"), os.O_WRONLY)
os.write(fd, b'{"message": ')
refused("EINVAL", os.close, os.dup(fd))
os.write(fd, b'"whole"}')
os.close(fd)
same(said(), [{"message": "whole"}])
EOF
	echo after >"$MNT/broadcast"
	assert_eq "$(texts | tr '\n' ' ')" '"whole" "after" '
}

@test "a syntax error refuses that write and clears what was pending" {
	leitl_up
	py <<'EOF'
with opened("broadcast") as fd:
    for bad in (b'{"a" 1}', b"{'a': 1}", b'{"a": 1,}', b'{a: 1}', b'{"a": 01}', b'{]', b'{"a": "\n"}'):
        refused("EINVAL", os.write, fd, bad)
        assert "JSON" in lines("errors")[-1]["reason"], lines("errors")[-1]
    os.write(fd, b'{"a": ')
    refused("EINVAL", os.write, fd, b'nonsense}')
    os.write(fd, b'"b"}\n')  # begins anew, and so is text
    os.write(fd, b'{"message": "fine"}')
    os.write(fd, b'waiting, ')
    refused("EINVAL", os.write, fd, b'and spoiled\0\n')
    os.write(fd, b'fine too\n')
same([m["message"] for m in said()], ['"b"}', "fine", "fine too"])
EOF
}

@test "a write of several messages with a bad one among them is refused whole" {
	leitl_up
	py <<'EOF'
with opened("broadcast") as fd:
    refused("EINVAL", os.write, fd, b'{"n":1}{"n":2}{"n" 3}{"n":4}')
    refused("EINVAL", os.write, fd, b'{"n":1}{"event_type":"session.started"}{"n":3}')
    refused("EINVAL", os.write, fd, b'{"n":1}{"event_type":5}')
    refused("EACCES", os.write, fd, b'{"n":1}{"from":"somebody else"}')
    same(said(), [])
    os.write(fd, b'{"n":5}')
same(said(), [{"n": 5}])
EOF
}

# --- what may not be said

@test "NULs and what is not UTF-8 are EINVAL, with the reason" {
	leitl_up
	py <<'EOF'
with opened("broadcast") as fd:
    for bad, word in ((b"a\0b\n", "NUL"), (b"\0", "NUL"), (b'{"a":"b\0"}', None),
            (b"caf\xe9\n", "UTF-8"), (b"\xff\xfe\n", "UTF-8"), (b'{"a":"\xc0\xaf"}', None),
            (b"\xed\xa0\x80\n", "UTF-8"), (b"\xf4\x90\x80\x80\n", "UTF-8")):
        refused("EINVAL", os.write, fd, bad)
        reason = lines("errors")[-1]["reason"]
        assert word is None or word in reason, (bad, reason)
    same(said(), [])
    os.write(fd, "\x01 \x7f \u2028 \U0010ffff\n".encode())
same(said(), [{"message": "\x01 \x7f \u2028 \U0010ffff"}])
fd = os.open(path("broadcast"), os.O_WRONLY)
os.write(fd, b"cut in its last character \xc3")
refused("EINVAL", os.close, fd)
same(len(said()), 1)
EOF
}

@test "message_max bytes are a message, one more is EMSGSIZE and leaves nothing" {
	leitl_up -o message_max=4096
	py <<'EOF'
top = 4096
with opened("broadcast") as fd:
    os.write(fd, b"t" * top + b"\n")
    os.write(fd, b"u" * top)
with opened("broadcast") as fd:
    raw = b'{"j":"%s"}' % (b"j" * (top - 8))
    same(len(raw), top)
    os.write(fd, raw + b"\n")
    os.write(fd, b"v" * (top // 2))
    os.write(fd, b"v" * (top // 2) + b"\n")
fine = [{"message": "t" * top}, {"message": "u" * top}, {"j": "j" * (top - 8)}, {"message": "v" * top}]
same(said(), fine)
with opened("broadcast") as fd:
    refused("EMSGSIZE", os.write, fd, b"t" * (top + 1) + b"\n")
    refused("EMSGSIZE", os.write, fd, b'{"j":"%s"}' % (b"j" * (top - 7)))
    refused("EMSGSIZE", os.write, fd, b"t" * (top + 1))
    os.write(fd, b"t" * top)
    refused("EMSGSIZE", os.write, fd, b"t")
    os.write(fd, b'{"j":"' + b"t" * (top - 6))
    refused("EMSGSIZE", os.write, fd, b'"}')
    os.write(fd, b"fine\n")
assert "4096" in lines("errors")[-1]["reason"]
same(said(), fine + [{"message": "fine"}])
EOF
}

@test "1 MiB is a message by default; 1 MiB and a byte is none, whoever writes it" {
	leitl_up
	py <<'EOF'
top = 1 << 20
with open(path("broadcast"), "wb") as f:
    f.write(b"x" * top + b"\n")
with open(path("broadcast"), "wb") as f:
    f.write(b"y" * top)
with open(path("broadcast"), "wb") as f:
    f.write(b'{"j":"' + b"z" * (top - 8) + b'"}\n')
same([max(m.values()) for m in said()], ["x" * top, "y" * top, "z" * (top - 8)])
EOF
	head -c 1048577 /dev/zero | tr '\0' x >"$LEITL_TMP/big"
	echo >>"$LEITL_TMP/big"
	local before
	before=$(last_seq)
	refute bash -c 'cat "$0" >"$1"' "$LEITL_TMP/big" "$MNT/broadcast"
	refute bash -c 'cat "$0" >>"$1"' "$LEITL_TMP/big" "$MNT/broadcast"
	refute bash -c 'printf "%s\n" "$(<"$0")" >"$1"' "$LEITL_TMP/big" "$MNT/broadcast"
	assert_eq "$(last_seq)" "$before" "cat's or printf's rest became a message"
	refute dd if="$LEITL_TMP/big" of="$MNT/broadcast" bs=4M status=none
	assert_eq "$(last_seq)" "$before" "dd's rest became a message"
	refute cp "$LEITL_TMP/big" "$MNT/broadcast"
	assert_eq "$(last_seq)" "$before" "cp's rest became a message"
	refute py "$LEITL_TMP/big" <<'EOF'
with open(sys.argv[2], "rb") as f, open(path("broadcast"), "wb") as to:
    to.write(f.read())
EOF
	assert_eq "$(last_seq)" "$before" "the rest of Python's became a message"
	echo fine >"$MNT/broadcast"
	assert_eq "$(last_seq)" $((before + 1))
}

@test "a line that already has a seq is refused: who saves a log sends nothing" {
	leitl_up
	enter cece
	agent_do cece 'echo hello > broadcast; echo world > broadcast'
	local before
	before=$(last_seq)
	head -n 1 "$MNT/broadcast" >"$LEITL_TMP/line"
	assert_errno EINVAL bash -c 'cat "$0" >"$1"' "$LEITL_TMP/line" "$MNT/broadcast"
	assert_match "$(last_error)" '"reason":"[^"]*seq'
	cp "$MNT/broadcast" "$LEITL_TMP/edited"
	echo 'a new last line' >>"$LEITL_TMP/edited"
	assert_errno EINVAL bash -c 'cat "$0" >"$1"' "$LEITL_TMP/edited" "$MNT/broadcast"
	assert_errno EINVAL bash -c 'cat "$0" >"$1"' "$LEITL_TMP/edited" "$MNT/sessions/cece/inbox"
	py <<'EOF'
with open(path("broadcast"), "r+") as f:
    text = f.read()
    f.seek(0)
    f.write(text.replace("hello", "HELLO"))
    refused("EINVAL", f.flush)
    refused("EINVAL", f.close)
EOF
	assert_eq "$(last_seq)" "$before"
	assert_eq "$(texts | tr '\n' ' ')" '"hello" "world" '
}

@test "vim saving a log sends nothing" {
	command -v vim >/dev/null || skip "no vim"
	leitl_up
	enter cece
	agent_do cece 'echo hello > broadcast; echo world > broadcast'
	local before
	before=$(last_seq)
	timeout 20 vim -n -es -u NONE --cmd 'set nobackup nowritebackup' \
		-c '%s/hello/HELLO/' -c 'wq!' -c 'qa!' "$MNT/broadcast" </dev/null >/dev/null 2>&1 || true
	assert_eq "$(last_seq)" "$before"
	assert_eq "$(texts | tr '\n' ' ')" '"hello" "world" '
	assert_match "$(cat "$MNT/errors")" '"reason":"[^"]*seq'
}

# --- descriptors shared

@test "dup'ed and forked descriptors never send twice" {
	leitl_up
	py <<'EOF'
with opened("broadcast") as fd:
    os.write(fd, b"once, by a dup")
    os.close(os.dup(fd))
    same(said(), [{"message": "once, by a dup"}])
    os.close(os.dup(fd))
same(len(said()), 1)

with opened("broadcast") as fd:
    os.write(fd, b"once, by a child's exit")
    for i in range(3):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        same(len(said()), 2)
same(said()[1:], [{"message": "once, by a child's exit"}])

# begun by the parent, ended by the child, who then exits; the parent's close adds nothing
with opened("broadcast") as fd:
    os.write(fd, b"parent, ")
    pid = os.fork()
    if pid == 0:
        os.write(fd, b"child\n")
        os._exit(0)
    os.waitpid(pid, 0)
same(said()[2:], [{"message": "parent, child"}])

# many at once, all closing the same descriptor with the same pending text
with opened("broadcast") as fd:
    os.write(fd, b"raced for")
    children = []
    for i in range(16):
        children.append(os.fork())
        if children[-1] == 0:
            os.close(fd)
            os._exit(0)
    for pid in children:
        os.waitpid(pid, 0)
same(said()[3:], [{"message": "raced for"}])
EOF
	exec 5>"$MNT/broadcast"
	exec 6>&5
	(echo from a child >&5)
	printf pending >&6
	exec 5>&-
	exec 6>&-
	assert_eq "$(texts | tail -n +5 | tr '\n' ' ')" '"from a child" "pending" '
}

@test "two threads on one descriptor: every message whole and once" {
	leitl_up
	py <<'EOF'
count = 200 if slow else 1000
with opened("broadcast") as fd:
    def work(who):
        for n in range(count):
            os.write(fd, b"%s %d\n" % (who, n) if n % 2 else b'{"message":"%s %d"}' % (who, n))
    threads = [threading.Thread(target=work, args=(who,)) for who in (b"a", b"b")]
    for t in threads: t.start()
    for t in threads: t.join()
got = [m["message"] for m in said()]
same(len(got), 2 * count)
for who in ("a", "b"):  # and each one's in the order in which it wrote them
    same([m for m in got if m.startswith(who)], [f"{who} {n}" for n in range(count)])
contiguous(lines("activity"), 1)
EOF
}

@test "processes that write at once, each on its own descriptor, and by >>" {
	leitl_up
	local n pids=()
	for n in 1 2 3 4; do
		bash -c 'for i in $(seq 50); do echo "$1 $i" >>"$0"; done' "$MNT/broadcast" "$n" \
			3>&- 4>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	py <<'EOF'
got = [m["message"] for m in said()]
for n in range(1, 5):
    same([m for m in got if m.startswith(f"{n} ")], [f"{n} {i}" for i in range(1, 51)])
same(len(got), 200)
contiguous(lines("activity"), 1)
EOF
}

@test "a writer that dies in the middle of a JSON message leaves nothing; of a text, what it wrote" {
	leitl_up
	py <<'EOF'
for raw in (b'{"message": "never', b"a text"):
    pid = os.fork()
    if pid == 0:
        fd = os.open(path("broadcast"), os.O_WRONLY)
        os.write(fd, raw)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
with opened("broadcast") as fd:
    os.write(fd, b"after\n")
same(said(), [{"message": "a text"}, {"message": "after"}])
EOF
}

# --- what it becomes

@test "text and objects become events of the type that their file and they name" {
	leitl_up
	enter cece
	agent_do cece '
		echo "fixing it" > self/say/task.started
		echo "it works" > self/say/task.completed
		echo "{\"department\":\"qa\",\"n\":1}" > self/say/task.failed
		echo "out now" > self/say/deploy.done
		echo "{\"event_type\":\"build.red\",\"data\":{\"job\":7}}" > self/broadcast
		echo "{\"any\":\"object\"}" > broadcast
		echo "deep down" > self/say/a.b.c_2'
	assert_eq "$(jq -c '[.event_type, .session_id, .from, (.data | del(.duration))]' \
		"$MNT/feeds/by-session/cece" | grep -v '"session\.')" \
		'["task.started","cece","cece",{"task_id":"t1","agent":"cece","task_description":"fixing it"}]
["task.completed","cece","cece",{"task_id":"t1","agent":"cece","status":"completed","message":"it works"}]
["task.failed","cece","cece",{"department":"qa","n":1}]
["deploy.done","cece","cece",{"message":"out now"}]
["build.red","cece","cece",{"job":7}]
["broadcast.message","cece","cece",{"any":"object"}]
["a.b.c_2","cece","cece",{"message":"deep down"}]'
}

@test "an event's line: seq, type, session, from, timestamp, data; and the writer's numbers as written" {
	leitl_up
	enter cece
	agent_do cece 'echo "{\"big\":12345678901234567890,\"small\":1.10,\"e\":1e-7}" > broadcast'
	local line
	line=$(tail -n 1 "$MNT/activity")
	assert_match "$line" '^\{"seq":[0-9]+,"event_type":"broadcast.message","session_id":"cece","from":"cece","timestamp":"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z","data":\{"big":12345678901234567890,"small":1.10,"e":1e-7\}\}$'
	py <<'EOF'
import datetime
at = datetime.datetime.fromisoformat(lines("activity")[-1]["timestamp"])
now = datetime.datetime.now(datetime.timezone.utc)
assert abs((now - at).total_seconds()) < 30, (at, now)
EOF
}

@test "types that only the daemon emits, and what is no type, are refused" {
	leitl_up
	enter cece
	local type before
	before=$(last_seq)
	for type in session.started session.heartbeat session.mine agent.idle context.updated \
		message.direct ask.asked collaboration.started decision.made claim.taken \
		alert.raised alert.mine; do
		refuse EINVAL "$MNT/broadcast" "{\"event_type\":\"$type\",\"data\":{}}"
		assert_match "$(last_error)" '"errno":"EINVAL".*"reason":"[^"]*event_type'
		refuse EINVAL "$MNT/sessions/cece/say/$type" words
	done
	for type in word two.words.live a. .a a..b 'a b.c' 'ä.b' 'a.b
c' "$(printf 'x%.0s' {1..80}).y"; do
		refuse EINVAL "$MNT/broadcast" "$(jq -cn --arg t "$type" '{event_type: $t}')"
	done
	for type in word two.words.live 'a b.c'; do
		refute bash -c 'echo words >"$0"' "$MNT/sessions/cece/say/$type"
	done
	refuse EINVAL "$MNT/broadcast" '{"event_type":5}'
	refuse EINVAL "$MNT/broadcast" '{"event_type":["a.b"]}'
	assert_eq "$(last_seq)" "$before"
}

@test "who says to be another is refused with EACCES, who says to be itself is not" {
	leitl_up
	enter cece bob
	local before
	before=$(last_seq)
	assert_errno EACCES agent_do cece 'echo "{\"session_id\":\"bob\",\"message\":\"x\"}" > broadcast'
	assert_match "$(last_error)" '"errno":"EACCES".*session_id'
	assert_errno EACCES agent_do cece 'echo "{\"from\":\"bob\"}" > sessions/bob/inbox'
	assert_eq "$(last_seq)" "$before"
	agent_do cece 'echo "{\"session_id\":\"cece\",\"from\":\"cece\",\"message\":\"it is me\"}" > broadcast'
	assert_eq "$(tail -n 1 "$MNT/activity" | jq -r .data.message)" 'it is me'
}

# --- errors

@test "errors tells why: time, errno, reason, pid, session and path of each refusal" {
	leitl_up
	enter cece
	local pid
	pid=$(agent_do cece 'echo $$; echo "{bad" > self/broadcast' 2>/dev/null) || true
	assert_eq "$(last_error | jq -c '[.errno, .session_id, .pid]')" "[\"EINVAL\",\"cece\",$pid]"
	assert_match "$(last_error | jq -r .path)" '(^|/)sessions/cece/broadcast$'
	assert_match "$(last_error | jq -r .reason)" 'JSON'
	assert_match "$(last_error | jq -r .timestamp)" '^[0-9-]{10}T[0-9:]{8}\.[0-9]{6}Z$'
	refuse EINVAL "$MNT/sessions/cece/inbox" '{"seq":1}'
	assert_match "$(last_error | jq -r '.path + " " + .reason')" '(^|/)sessions/cece/inbox .*seq'
	assert_eq "$(line_count "$MNT/errors")" 2
	assert_eq "$(stat -c %s "$MNT/errors")" "$(wc -c <"$MNT/errors")"
	echo fine >"$MNT/broadcast" # and no line for what went well
	assert_eq "$(line_count "$MNT/errors")" 2
}

@test "one sees one's own uid's errors only" {
	need_root
	leitl_up -o allow_other
	refuse EINVAL "$MNT/broadcast" '{"roots": own}'
	assert_eq "$(as_user 1 cat "$MNT/errors")" ""
	assert_errno EINVAL as_user 1 bash -c 'echo "{\"daemons\" own}" >"$0"' "$MNT/broadcast"
	assert_eq "$(as_user 1 cat "$MNT/errors" | jq -r .errno)" EINVAL
	assert_eq "$(line_count "$MNT/errors")" 1
}

@test "a descriptor that is open on the inbox of a session that ended: EHOSTDOWN" {
	leitl_up
	enter bob cece
	exec 5>"$MNT/sessions/bob/inbox" 6>"$MNT/agents/bob/inbox"
	echo alive >&5
	assert_eq "$(texts "$MNT/sessions/bob/inbox")" '"alive"'
	agent_do bob 'echo here > self/heartbeat'
	agent_do bob 'rmdir sessions/bob'
	assert_errno EHOSTDOWN bash -c 'echo gone >&5'
	assert_match "$(last_error)" '"errno":"EHOSTDOWN".*bob'
	assert_errno EHOSTDOWN bash -c 'printf gone >&5' # told at the first byte
	assert_errno EHOSTDOWN bash -c 'printf "{" >&5'
	assert_errno EHOSTDOWN bash -c 'echo gone >&6'
	exec 5>&- 6>&-
	assert_errno EHOSTDOWN bash -c 'echo gone >"$0"' "$MNT/agents/bob/inbox"
	assert_errno ENOENT bash -c 'echo gone >"$0"' "$MNT/sessions/bob/inbox"
	assert_errno ENOENT bash -c 'echo gone >"$0"' "$MNT/sessions/nobody/inbox"
	assert_errno ESTALE agent_do bob 'echo "who am I" > broadcast'
	refute grep -q gone "$MNT/activity"
}

# --- limits

@test "10 broadcasts a minute a session, then EDQUOT at the first byte; others are not touched" {
	leitl_up -O ''
	enter cece bob
	agent_py cece <<'EOF'
began = time.monotonic()
def send(text, name="broadcast"):
    with opened(name) as fd:
        os.write(fd, text)
for n in range(9):
    send(b"m%d\n" % n)
send(b"over say\n", "self/say/build.green")
if time.monotonic() - began > 5:
    sys.exit("too slow to tell")
refused("EDQUOT", send, b"one too many\n")
refused("EDQUOT", send, b"x")  # without its newline
refused("EDQUOT", send, b"{")
refused("EDQUOT", send, b"{}", "self/say/build.green")
line = lines("errors")[-1]
same(line["errno"], "EDQUOT")
again = re.search(r"10 a minute; again in (\d+) s$", line["reason"])
assert again and 1 <= int(again[1]) <= 6, line
send(b"direct\n", "sessions/bob/inbox")
same([m["message"] for m in said()], [f"m{n}" for n in range(9)])
same(lines("feeds/by-type/build.green")[0]["data"], {"message": "over say"})
EOF
	assert_eq "$(texts "$MNT/sessions/bob/inbox" | tail -n 2 | tr '\n' ' ')" '"m8" "direct" '
	agent_do bob 'echo from bob > broadcast'
	assert_eq "$(texts | tail -n 1)" '"from bob"'
}

@test "what one descriptor writes within a second counts as one, up to 100 messages" {
	leitl_up -O broadcasts=1
	enter cece bob dora
	agent_py cece <<'EOF'
with opened("broadcast") as fd:
    for n in range(100):
        os.write(fd, b"m%d\n" % n)
    refused("EDQUOT", os.write, fd, b"the 101st\n")
    refused("EDQUOT", os.write, fd, b"x")
with opened("broadcast") as fd:
    refused("EDQUOT", os.write, fd, b"another descriptor\n")
same(len(said()), 100)
EOF
	agent_py bob <<'EOF'
with opened("broadcast") as fd:
    os.write(fd, b'{"n":1}' * 100)  # one write of as many
with opened("broadcast") as fd:
    refused("EDQUOT", os.write, fd, b"another descriptor\n")
same(said()[100:], [{"n": 1}] * 100)
EOF
	agent_py dora <<'EOF'
with opened("broadcast") as fd:
    os.write(fd, b"one\n")
    time.sleep(1.1)  # not a condition: what is tested is that the second is over
    refused("EDQUOT", os.write, fd, b"two\n")
for n in range(30):  # messages to one are not broadcasts
    with opened("sessions/bob/inbox") as fd:
        os.write(fd, b"direct %d\n" % n)
EOF
}

@test "what is refused does not count: one may be wrong as often as one is" {
	leitl_up -O broadcasts=2,tasks=1
	enter cece
	agent_py cece <<'EOF'
def send(text, name="broadcast"):
    with opened(name) as fd:
        os.write(fd, text)
for n in range(4):
    refused("EINVAL", send, b'{"event_type":1}')  # at the write
    refused("EINVAL", send, b'{"session_id":1,"data":1}')
    refused("EINVAL", send, b'{"message":"x"} {"event_type":1}')  # the second of one write
    fd = os.open(path("broadcast"), os.O_WRONLY)
    os.write(fd, b'{"message":')  # never ended
    refused("EINVAL", os.close, fd)
    refused("EINVAL", send, b'{"event_type":"task.started","data":1}')
    refused("EINVAL", send, b'{"session_id":1}', "self/say/task.started")
# What is ended after a flush that refused it counts, once.
fd = os.open(path("broadcast"), os.O_WRONLY)
os.write(fd, b'{"message":')
refused("EINVAL", os.close, os.dup(fd))
os.write(fd, b'"whole"}')
os.close(fd)
send(b"two\n")
refused("EDQUOT", send, b"three\n")
same([m["message"] for m in said()], ["whole", "two"])
EOF
}

@test "tasks: 10 a second an agent" {
	leitl_up -O broadcasts=1
	enter cece
	agent_py cece <<'EOF'
def send(type):
    with opened(f"self/say/{type}") as fd:
        os.write(fd, b"work\n")
began = time.monotonic()
kept = refusals = 0
while refusals == 0:
    try:
        send("task.started" if kept % 2 else "task.completed")
        kept += 1
    except OSError as e:
        same(errno.errorcode[e.errno], "EDQUOT")
        refusals += 1
took = time.monotonic() - began
assert 10 <= kept <= 10 + 10 * took + 1, (kept, took)
assert "task" in lines("errors")[-1]["reason"]
until(lambda: not os.system(f"echo again 2>/dev/null > {path('self/say/task.failed')}"), "the next second")
with opened("broadcast") as fd:
    os.write(fd, b"and tasks are not broadcasts\n")
same(said(), [{"message": "and tasks are not broadcasts"}])
EOF
}

@test "how much is kept of one uid is bounded too: messages, and bytes" {
	leitl_up -o messages=50
	py <<'EOF'
kept = 0
try:
    for n in range(60):
        with opened("broadcast") as fd:
            os.write(fd, b"m\n")
        kept += 1
except OSError as e:
    same(errno.errorcode[e.errno], "EDQUOT")
assert 40 <= kept <= 50, kept
same(len(said()), kept)
assert "50" in lines("errors")[-1]["reason"], lines("errors")[-1]
EOF
	leitl_down
	leitl_up -o bytes=64K
	py <<'EOF'
kept = len(said())
with opened("broadcast") as fd:
    refused("EDQUOT", lambda: [os.write(fd, b"x" * 8000 + b"\n") for n in range(10)])
got = said()[kept:]
assert 6 <= len(got) <= 8, len(got)
EOF
}

# --- to one

@test "a direct message is seen whole by sender and receiver alone" {
	leitl_up
	enter cece bob
	agent_do cece 'echo "the sesame word" > sessions/bob/inbox'
	agent_do cece 'echo "{\"n\":[1,2],\"word\":\"sesame\"}" > sessions/bob/inbox'
	local log want
	want='["message.direct","cece","bob",{"message":"the sesame word"}]
["message.direct","cece","bob",{"n":[1,2],"word":"sesame"}]'
	for log in sessions/bob/inbox sessions/cece/sent sessions/bob/unread; do
		assert_eq "$(jq -c '[.event_type, .session_id, .to, .data]' "$MNT/$log")" "$want" "$log"
	done
	for log in activity feeds/all feeds/by-type/message.direct feeds/by-session/cece \
		feeds/by-agent/cece sessions/cece/activity agents/cece/activity; do
		assert_match "$(jq -c 'select(.event_type == "message.direct") |
			[.session_id, .to, .data]' "$MNT/$log" | tr '\n' ' ')" \
			'^\["cece","bob",\{"bytes":[0-9]+\}\] \["cece","bob",\{"bytes":[0-9]+\}\] $' "$log"
	done
	# nor does anything else that is listed show it
	run bash -c 'cd "$0" && grep -rl sesame . | sort' "$MNT"
	[ "$status" -eq 0 ]
	refute grep -vE '^\./((sessions/bob|agents/bob(/sessions/bob)?)/(inbox|unread|unread\.md|brief\.md)|(sessions/cece|agents/cece(/sessions/cece)?)/sent)$' \
		<<<"$output"
	assert_match "$output" '\./sessions/bob/inbox'
	assert_match "$output" '\./sessions/cece/sent'
	agent_do bob 'cat sessions/cece/inbox' >"$LEITL_TMP/other"
	[ ! -s "$LEITL_TMP/other" ]
}

@test "sent has what a session sent, and a receipt when a message to one was read" {
	leitl_up
	enter cece bob
	agent_do cece 'echo psst > sessions/bob/inbox'
	local seq
	seq=$(last_seq)
	assert_eq "$(jq -c '[.seq, .event_type, .to, .data]' "$MNT/sessions/cece/sent")" \
		"[$seq,\"message.direct\",\"bob\",{\"message\":\"psst\"}]"
	agent_do bob 'cat self/unread self/inbox self/unread.md' >/dev/null # not read by that
	assert_eq "$(line_count "$MNT/sessions/cece/sent")" 1
	agent_do bob 'cat self/next' >/dev/null
	wait_until eval '[ "$(line_count "$MNT/sessions/cece/sent")" = 2 ]'
	assert_eq "$(tail -n 1 "$MNT/sessions/cece/sent" | jq -c '[.receipt, .seq, .by, has("event_type")]')" \
		"[\"read\",$seq,\"bob\",false]"
	assert_match "$(tail -n 1 "$MNT/sessions/cece/sent" | jq -r .timestamp)" 'Z$'
	assert_eq "$(line_count "$MNT/sessions/bob/sent")" 0
}

@test "receipts of broadcasts are counts, of how many it went to" {
	leitl_up
	enter cece bob dora
	agent_do cece 'echo hear, hear > broadcast'
	local seq
	seq=$(last_seq)
	agent_do bob 'cat self/next' >/dev/null
	wait_until eval '[ "$(jq -s "map(select(.receipt)) | last.count" "$MNT/sessions/cece/sent")" = 1 ]'
	agent_do dora "echo $seq > self/ack"
	wait_until eval '[ "$(jq -s "map(select(.receipt)) | last.count" "$MNT/sessions/cece/sent")" = 2 ]'
	jq -es --argjson seq "$seq" 'map(select(.receipt)) |
		all(.receipt == "read" and .seq == $seq and .of >= .count and .of >= 2 and .of <= 3
			and (has("by") | not))' "$MNT/sessions/cece/sent" >/dev/null ||
		fail "$(cat "$MNT/sessions/cece/sent")"
	assert_eq "$(jq -s 'map(select(.event_type)) | length' "$MNT/sessions/cece/sent")" 1
}

@test "sent names what was said to all and to one, in order, and nothing of others" {
	leitl_up
	enter cece bob
	agent_do cece 'echo a > broadcast; echo b > sessions/bob/inbox; echo c > self/say/x.y; echo d > self/broadcast'
	agent_do bob 'echo not mine > broadcast'
	assert_eq "$(jq -r 'select(.event_type) | .data.message' "$MNT/sessions/cece/sent" | tr '\n' ' ')" \
		'a b c d '
	assert_eq "$(stat -c %s "$MNT/sessions/cece/sent")" "$(wc -c <"$MNT/sessions/cece/sent")"
}

@test "to an agent's name: its session that was heard of last gets it" {
	leitl_up
	agent_start one
	agent_start two
	agent_do one 'echo "{\"agent_name\":\"Bob\",\"session_id\":\"bob1\"}" > sessions/new'
	agent_do two 'echo "{\"agent_name\":\"Bob\",\"session_id\":\"bob2\"}" > sessions/new'
	agent_do two 'echo here > self/heartbeat'
	echo for two >"$MNT/agents/bob/inbox"
	agent_do one 'echo here > self/heartbeat'
	echo for one >"$MNT/agents/bob/inbox"
	assert_eq "$(texts "$MNT/sessions/bob1/inbox")" '"for one"'
	assert_eq "$(texts "$MNT/sessions/bob2/inbox")" '"for two"'
	assert_eq "$(texts "$MNT/agents/bob/inbox" | tr '\n' ' ')" '"for two" "for one" '
	agent_do one 'rmdir sessions/bob1'
	echo for two again >"$MNT/agents/bob/inbox"
	assert_eq "$(texts "$MNT/sessions/bob2/inbox" | tail -n 1)" '"for two again"'
}

@test "a person and a cron job speak in their user's name" {
	leitl_up
	setsid bash -c 'echo from cron >"$0"' "$MNT/broadcast" </dev/null
	assert_eq "$(tail -n 1 "$MNT/activity" | jq -c '[.session_id, .from, .data.message]')" \
		"[null,\"$(id -un)\",\"from cron\"]"
	on_tty "echo 'from a terminal' >$MNT/broadcast"
	assert_eq "$(tail -n 1 "$MNT/activity" | jq -c '[.session_id, .from, .data.message]')" \
		"[\"$(id -un)\",\"$(id -un)\",\"from a terminal\"]"
}
