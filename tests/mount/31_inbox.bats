# Reading one's mail: inbox, unread, wait, next and ack. Nothing is eaten, nothing comes twice but
# what was not read to its end.
load ../lib/mount
load ../lib/loop

# What is unread of a session, as texts on a line.
unread_of() { # SESSION
	texts "$MNT/sessions/$1/unread" | tr '\n' ' '
}

tell() { # SESSION TEXT…
	local to=$MNT/sessions/$1/inbox text
	shift
	for text; do
		echo "$text" >"$to"
	done
}

# --- inbox

@test "an inbox has every broadcast since its session began, but its own, and every message to it" {
	leitl_up
	enter cece
	agent_do cece 'echo before bob > broadcast'
	enter bob
	agent_do cece 'echo one > broadcast'
	agent_do bob 'echo own > broadcast; echo own too > self/say/my.type'
	agent_do cece 'echo two > sessions/bob/inbox; echo to itself > self/inbox'
	agent_do cece 'echo three > self/say/deploy.done; echo work > self/say/task.started'
	echo four >"$MNT/broadcast"
	assert_eq "$(jq -c '[.event_type, .data.message]' "$MNT/sessions/bob/inbox")" \
		'["broadcast.message","one"]
["message.direct","two"]
["deploy.done","three"]
["broadcast.message","four"]'
	assert_eq "$(jq -r .data.message "$MNT/sessions/cece/inbox" | tr '\n' ',')" \
		'own,own too,to itself,four,'
	py <<'EOF'
for name in ("bob", "cece"):
    seqs = [e["seq"] for e in lines(f"sessions/{name}/inbox")]
    same(seqs, sorted(set(seqs)))
EOF
}

@test "an agent's day: inbox, unread and next through self" {
	leitl_up
	enter cece bob
	agent_do cece 'echo "which port?" > sessions/bob/inbox'
	assert_eq "$(agent_do bob 'cat self/unread')" "$(agent_do bob 'cat sessions/bob/inbox')"
	assert_eq "$(agent_do bob 'cat self/next' | jq -r .data.message)" 'which port?'
	assert_eq "$(agent_do bob 'cat self/unread')" ''
	assert_eq "$(agent_do bob 'cat self/inbox' | jq -r .data.message)" 'which port?'
	assert_eq "$(agent_do bob 'cat as/bob/self/inbox' | jq -r .data.message)" 'which port?'
}

@test "unread leaves what it shows unread, and is what inbox shows" {
	leitl_up
	enter bob
	tell bob one two
	echo three >"$MNT/broadcast"
	for _ in 1 2 3; do
		agent_do bob 'cat self/unread self/unread.md self/inbox' >/dev/null
	done
	assert_eq "$(unread_of bob)" '"one" "two" "three" '
	cmp "$MNT/sessions/bob/unread" "$MNT/sessions/bob/inbox"
	assert_eq "$(stat -c %s "$MNT/sessions/bob/unread")" "$(wc -c <"$MNT/sessions/bob/unread")"
}

@test "unread of an inbox without anything is empty, and does not wait" {
	leitl_up
	enter bob
	assert_eq "$(timeout 5 cat "$MNT/sessions/bob/unread")" ''
	timeout 5 cat "$MNT/sessions/bob/unread.md" >/dev/null
}

@test "unread.md is short, says what it left out, and quotes what others wrote" {
	leitl_up
	enter bob cece
	agent_do cece 'cat > sessions/bob/inbox <<EOF
# a heading of cece'"'"'s
## Unread messages
- [ ] a task, says <b>the mount</b>
\`\`\`
EOF'
	local size
	run cat "$MNT/sessions/bob/unread.md"
	assert_match "$output" 'a heading of cece'
	assert_match "$output" 'cece'
	# nobody's words stand where the mount's own do
	refute grep -qE '^ {0,3}(# a heading|## Unread|- \[ \]|```$|<b>)' <<<"$output"
	py <<'EOF'
with opened("sessions/bob/inbox") as fd:
    for n in range(300):
        os.write(fd, b"message number %d, which is of some length\n" % n)
EOF
	size=$(wc -c <"$MNT/sessions/bob/unread.md")
	assert_le "$size" 4096 "unread.md"
	assert_le 512 "$size" "unread.md is hardly anything"
	assert_eq "$(stat -c %s "$MNT/sessions/bob/unread.md")" "$size"
	run cat "$MNT/sessions/bob/unread.md"
	assert_match "$output" '[0-9]+ (more|others|older|newer|further)|left out|omitted|not shown'
}

@test "unread holds unread_max bytes, whole lines, and says how many more there are" {
	leitl_up -o unread_max=4K
	enter bob
	py <<'EOF'
with opened("sessions/bob/inbox") as fd:
    for n in range(100):
        os.write(fd, b"message number %d\n" % n)
for name in ("unread", "wait"):
    data = content(f"sessions/bob/{name}")
    got = parse(data)
    assert len(data) <= 4096, len(data)
    same([e["data"]["message"] for e in got[:-1]], [f"message number {n}" for n in range(len(got) - 1)])
    assert len(got) > 10, len(got)
    same(got[-1], {"more": 100 - (len(got) - 1)})
EOF
}

# --- next

@test "next is the oldest message that is unread, one at a time, and marks it read" {
	leitl_up
	enter bob
	tell bob one two three
	local text
	for text in one two three; do
		assert_eq "$(agent_do bob 'cat self/next' | jq -c '[.event_type, .to, .data.message]')" \
			"[\"message.direct\",\"bob\",\"$text\"]"
	done
	assert_eq "$(unread_of bob)" ''
	assert_eq "$(texts "$MNT/sessions/bob/inbox" | tr '\n' ' ')" '"one" "two" "three" '
}

@test "next waits for a message, and ends with it" {
	leitl_up
	enter bob
	local pid
	pid=$(agent_bg bob 'exec cat self/next')
	wait_until reading "$pid"
	assert_eq "$(agent_out bob "$pid")" ''
	tell bob hello
	assert_eq "$(agent_join bob "$pid" | jq -r .data.message)" hello
	assert_eq "$(unread_of bob)" ''
}

@test "next is read by cat, jq, dd byte by byte, bash, Python and Node" {
	leitl_up
	enter bob
	tell bob m1 m2 m3 m4 m5 m6
	assert_eq "$(agent_do bob 'cat self/next' | jq -r .data.message)" m1
	assert_eq "$(agent_do bob 'jq -r .data.message self/next')" m2
	assert_eq "$(agent_do bob 'dd if=self/next bs=1 status=none' | jq -r .data.message)" m3
	assert_eq "$(agent_do bob 'm=$(<self/next); echo "$m"' | jq -r .data.message)" m4
	assert_eq "$(agent_py bob <<<'print(json.loads(content("self/next"))["data"]["message"])')" m5
	if command -v node >/dev/null; then
		assert_eq "$(agent_do bob 'node -p "JSON.parse(require(\"fs\").readFileSync(\"self/next\")).data.message"')" m6
		assert_eq "$(unread_of bob)" ''
	fi
	assert_eq "$(texts "$MNT/sessions/bob/inbox" | wc -l)" 6
}

@test "a reader that is killed before there is anything takes nothing" {
	leitl_up
	enter bob
	local pid
	for signal in KILL TERM INT; do
		pid=$(agent_bg bob 'exec env --default-signal=INT cat self/next')
		wait_until reading "$pid"
		kill "-$signal" "$pid"
		wait_until gone "$pid"
	done
	tell bob kept
	assert_eq "$(unread_of bob)" '"kept" '
	assert_eq "$(agent_do bob 'cat self/next' | jq -r .data.message)" kept
}

@test "a reader that is killed while it reads gets it again" {
	leitl_up
	enter bob
	tell bob kept second
	local pid
	# some of it; all of it, but not its end
	for size in 1 10 100000; do
		pid=$(agent_py_bg bob "$size" <<'EOF'
fd = os.open(path("self/next"), os.O_RDONLY)
print(os.read(fd, int(sys.argv[2])).decode())
signal.pause()
EOF
		)
		wait_until eval '[ "$(agent_out bob "$pid" | wc -c)" -gt 1 ]'
		assert_eq "$(unread_of bob)" '"kept" "second" ' "unread while it is read"
		kill -KILL "$pid"
		wait_until gone "$pid"
		assert_eq "$(unread_of bob)" '"kept" "second" '
	done
	assert_eq "$(agent_do bob 'cat self/next' | jq -r .data.message)" kept
	assert_eq "$(agent_do bob 'cat self/next' | jq -r .data.message)" second
	assert_eq "$(unread_of bob)" ''
}

@test "a reader that is killed after it read to the end has read it" {
	leitl_up
	enter bob
	tell bob once
	local pid
	pid=$(agent_py_bg bob <<'EOF'
fd = os.open(path("self/next"), os.O_RDONLY)
while os.read(fd, 16):
    pass
print("read")
signal.pause()
EOF
	)
	wait_until eval 'agent_out bob "$pid" | grep -q read'
	kill -KILL "$pid"
	wait_until gone "$pid"
	assert_eq "$(unread_of bob)" ''
	assert_eq "$(texts "$MNT/sessions/bob/inbox")" '"once"'
}

@test "head -n1 and bash's read take a line, not its end: they get it again" {
	leitl_up
	enter bob
	tell bob one two
	assert_eq "$(agent_do bob 'head -n 1 self/next' | jq -r .data.message)" one
	assert_eq "$(agent_do bob 'IFS= read -r line <self/next; echo "$line"' | jq -r .data.message)" one
	assert_eq "$(agent_do bob 'head -c 5 self/next')" '{"seq'
	assert_eq "$(unread_of bob)" '"one" "two" '
	assert_eq "$(agent_do bob 'cat self/next' | jq -r .data.message)" one
	assert_eq "$(unread_of bob)" '"two" '
}

@test "opening next and not reading it takes nothing" {
	leitl_up
	enter bob
	tell bob one
	agent_do bob ': <self/next; exec 5<self/next; exec 5<&-; stat -L self/next; test -e self/next' >/dev/null
	assert_eq "$(unread_of bob)" '"one" '
	assert_eq "$(agent_do bob 'cat self/next' | jq -r .data.message)" one
}

@test "two readers at once get different messages" {
	leitl_up
	enter bob
	local first second
	first=$(agent_bg bob 'exec cat self/next')
	second=$(agent_bg bob 'exec cat self/next')
	wait_until reading "$first"
	wait_until reading "$second"
	tell bob one two
	assert_eq "$( (agent_join bob "$first"; agent_join bob "$second") | jq -r .data.message |
		sort | tr '\n' ' ')" 'one two '
	assert_eq "$(unread_of bob)" ''
}

@test "what one reader holds the other passes over, and gets when the first gives up" {
	leitl_up
	enter bob
	tell bob one two
	agent_py bob <<'EOF'
def take(fd):
    return parse(os.read(fd, 65536))[0]["data"]["message"]
holder = os.open(path("self/next"), os.O_RDONLY)
same(take(holder), "one")
same(parse(content("self/next"))[0]["data"]["message"], "two")
same([m["message"] for m in said("self/unread")], ["one"])
waiting = os.open(path("self/next"), os.O_RDONLY | os.O_NONBLOCK)
refused("EAGAIN", os.read, waiting, 100)
os.close(holder)  # without its end
same(take(waiting), "one")
same(os.read(waiting, 100), b"")
same(said("self/unread"), [])
os.close(waiting)
EOF
}

@test "a reader that waits gets what another gave up" {
	leitl_up
	enter bob
	tell bob one
	local holder waiter
	holder=$(agent_py_bg bob <<'EOF'
fd = os.open(path("self/next"), os.O_RDONLY)
print(os.read(fd, 65536).decode())
signal.pause()
EOF
	)
	wait_until eval 'agent_out bob "$holder" | grep -q one'
	waiter=$(agent_bg bob 'exec cat self/next')
	wait_until reading "$waiter"
	assert_eq "$(agent_out bob "$waiter")" ''
	kill -KILL "$holder"
	assert_eq "$(agent_join bob "$waiter" | jq -r .data.message)" one
	assert_eq "$(unread_of bob)" ''
}

@test "O_NONBLOCK: EAGAIN where nothing is unread; poll tells when something is" {
	leitl_up
	enter bob
	py <<'EOF'
for name in ("sessions/bob/next", "sessions/bob/wait"):
    fd = os.open(path(name), os.O_RDONLY | os.O_NONBLOCK)
    refused("EAGAIN", os.read, fd, 4096)
    refused("EAGAIN", os.read, fd, 4096)
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    same(poll.poll(0), [])
    with opened("sessions/bob/inbox") as to:
        os.write(to, b"hello\n")
    same(poll.poll(10000), [(fd, select.POLLIN)])
    same(parse(os.read(fd, 4096))[0]["data"], {"message": "hello"})
    same(os.read(fd, 4096), b"")
    os.close(fd)
    same(len(said("sessions/bob/unread")), 0 if name.endswith("next") else 1)
    with opened("sessions/bob/ack") as ack:
        os.write(ack, b"%d\n" % lines("activity")[-1]["seq"])
EOF
}

@test "many readers, of whom some give up or are killed: each message is read once to its end" {
	leitl_up
	enter bob
	agent_py bob <<'EOF'
import random
random.seed(7)
count = 60 if slow else 200
got, mutex = [], threading.Lock()

def read_all(fd):
    data = b""
    while part := os.read(fd, 50):
        data += part
    return data

def work():
    while len(got) < count:
        fd = os.open(path("self/next"), os.O_RDONLY | os.O_NONBLOCK)
        try:
            if random.random() < 0.3:
                os.read(fd, 20)
            else:
                data = read_all(fd)
                with mutex:
                    got.append(parse(data)[0]["data"]["n"])
        except BlockingIOError:
            time.sleep(0.002)
        os.close(fd)

def killed():  # readers in processes of their own that never come to the end
    while len(got) < count:
        child = subprocess.Popen(["head", "-c", "30", path("self/next")], stdout=subprocess.PIPE)
        time.sleep(random.random() / 50)
        child.kill()
        child.communicate()

threads = [threading.Thread(target=work) for _ in range(4)] + [threading.Thread(target=killed)]
for t in threads: t.start()
with opened("self/inbox") as fd:
    for n in range(count):
        os.write(fd, b'{"n":%d}' % n)
for t in threads: t.join()
same(sorted(got), list(range(count)))
same(said("self/unread"), [])
EOF
}

@test "next, wait and ack are refused to a process that is bound to another session" {
	leitl_up
	enter bob dora
	tell bob private
	assert_errno EACCES agent_do dora 'cat sessions/bob/next'
	assert_errno EACCES agent_do dora 'cat sessions/bob/wait'
	assert_errno EACCES agent_do dora 'echo 1000 > sessions/bob/ack'
	assert_eq "$(unread_of bob)" '"private" '
	# a sub-agent of bob's is in bob's session
	agent_start -p bob helper
	assert_eq "$(agent_do helper 'cat self/next' | jq -r .data.message)" private
	# and who is bound to none may help out
	tell bob more
	assert_eq "$(jq -r .data.message "$MNT/sessions/bob/next")" more
}

# --- wait

@test "timeout 1 cat self/wait ends after a second, and nothing is eaten" {
	leitl_up
	enter bob
	run agent_join bob "$(agent_bg bob 'exec timeout 1 cat self/wait')"
	assert_eq "$status" 124
	assert_eq "$output" ''
	tell bob one
	assert_eq "$(unread_of bob)" '"one" '
	assert_eq "$(agent_do bob 'timeout 1 cat self/wait' | jq -r .data.message)" one
	assert_eq "$(unread_of bob)" '"one" '
}

@test "wait waits until something is unread, then is what unread is" {
	leitl_up
	enter bob
	local pid
	pid=$(agent_bg bob 'exec cat self/wait')
	wait_until reading "$pid"
	# what is no message to bob wakes nobody
	agent_do bob 'echo own > broadcast; echo work > self/say/task.started; echo 1 > self/heartbeat'
	assert_eq "$(agent_out bob "$pid")" ''
	reading "$pid"
	tell bob one
	agent_join bob "$pid" >"$LEITL_TMP/waited"
	cmp "$LEITL_TMP/waited" "$MNT/sessions/bob/unread"
	tell bob two
	agent_do bob 'cat self/wait' >"$LEITL_TMP/waited"
	cmp "$LEITL_TMP/waited" "$MNT/sessions/bob/unread"
	assert_eq "$(texts "$LEITL_TMP/waited" | tr '\n' ' ')" '"one" "two" '
}

@test "everyone who waits wakes at one broadcast" {
	leitl_up
	enter bob dora
	local one two three
	one=$(agent_bg bob 'exec cat self/wait')
	two=$(agent_bg bob 'exec cat self/wait')
	three=$(agent_bg dora 'exec cat self/next')
	wait_until reading "$one"
	wait_until reading "$two"
	wait_until reading "$three"
	echo wake up >"$MNT/broadcast"
	assert_eq "$(agent_join bob "$one" | jq -r .data.message)" 'wake up'
	assert_eq "$(agent_join bob "$two" | jq -r .data.message)" 'wake up'
	assert_eq "$(agent_join dora "$three" | jq -r .data.message)" 'wake up'
	assert_eq "$(unread_of bob)" '"wake up" '
	assert_eq "$(unread_of dora)" ''
}

@test "a reader of wait that is killed, or takes a line, changes nothing" {
	leitl_up
	enter bob
	local pid
	pid=$(agent_bg bob 'exec cat self/wait')
	wait_until reading "$pid"
	kill -KILL "$pid"
	tell bob one two
	assert_eq "$(agent_do bob 'head -n 1 self/wait' | jq -r .data.message)" one
	assert_eq "$(unread_of bob)" '"one" "two" '
}

# --- ack

@test "ack reads up to a seq, never back" {
	leitl_up
	enter bob
	tell bob one two three
	echo four >"$MNT/broadcast"
	local seq
	seq=$(sed -n 2p "$MNT/sessions/bob/inbox" | jq .seq)
	agent_do bob "echo $seq > self/ack"
	assert_eq "$(unread_of bob)" '"three" "four" '
	agent_do bob "echo $((seq - 1)) > self/ack"
	assert_eq "$(unread_of bob)" '"three" "four" '
	agent_do bob "printf %s $((seq + 1)) > self/ack" # without a newline, by close
	assert_eq "$(unread_of bob)" '"four" '
	assert_eq "$(agent_do bob 'cat self/next' | jq -r .data.message)" four
	agent_do bob "echo $seq > self/ack"
	assert_eq "$(unread_of bob)" ''
	assert_eq "$(texts "$MNT/sessions/bob/inbox" | wc -l)" 4
}

@test "what was read by next beyond others stays read, and ack goes over it" {
	leitl_up
	enter bob
	tell bob one two three four
	agent_py bob <<'EOF'
holder = os.open(path("self/next"), os.O_RDONLY)
os.read(holder, 10)
same(parse(content("self/next"))[0]["data"]["message"], "two")
os.close(holder)
same([m["message"] for m in said("self/unread")], ["one", "three", "four"])
with opened("self/ack") as fd:
    os.write(fd, b"%d\n" % lines("self/inbox")[2]["seq"])
same([m["message"] for m in said("self/unread")], ["four"])
EOF
}

@test "what is no seq is EINVAL" {
	leitl_up
	enter bob
	tell bob one
	local bad
	for bad in abc -1 1.5 '1 2' 99999999999999999999999 '{"x":1}'; do
		refuse EINVAL "$MNT/sessions/bob/ack" "$bad"
	done
	assert_match "$(last_error)" '"errno":"EINVAL".*sessions/bob/ack'
	assert_eq "$(unread_of bob)" '"one" '
}

# --- over time

@test "what was read is read after a restart, what was not is unread" {
	leitl_up
	enter bob cece
	tell bob one two three four
	agent_do bob 'cat self/next' >/dev/null
	agent_py bob <<'EOF'
holder = os.open(path("self/next"), os.O_RDONLY)
os.read(holder, 10)
content("self/next")  # "three", beyond "two"
os.close(holder)
EOF
	leitl_down
	leitl_up
	assert_eq "$(unread_of bob)" '"two" "four" '
	assert_eq "$(texts "$MNT/sessions/bob/inbox" | tr '\n' ' ')" '"one" "two" "three" "four" '
	assert_eq "$(agent_do bob 'cat self/next' | jq -r .data.message)" two
	agent_do cece 'echo five > broadcast'
	leitl_kill9
	leitl_up
	assert_eq "$(unread_of bob)" '"four" "five" '
	assert_eq "$(agent_do bob 'cat self/next' | jq -r .data.message)" four
	assert_eq "$(agent_do bob 'cat self/next' | jq -r .data.message)" five
	leitl_kill9
	leitl_up
	assert_eq "$(unread_of bob)" ''
}

@test "what a reader held when the daemon was killed is unread" {
	leitl_up
	enter bob
	tell bob one two
	local pid
	pid=$(agent_py_bg bob <<'EOF'
fd = os.open(path("self/next"), os.O_RDONLY)
print(os.read(fd, 65536).decode())
signal.pause()
EOF
	)
	wait_until eval 'agent_out bob "$pid" | grep -q one'
	leitl_kill9
	kill -KILL "$pid"
	leitl_up
	assert_eq "$(unread_of bob)" '"one" "two" '
	assert_eq "$(agent_do bob 'cat self/next' | jq -r .data.message)" one
}

@test "who comes back to its id has its inbox and what it had read" {
	leitl_up
	enter bob cece
	agent_do cece 'echo one > sessions/bob/inbox; echo two > broadcast; echo three > sessions/bob/inbox'
	agent_do bob 'cat self/next' >/dev/null
	agent_do bob 'rmdir sessions/bob'
	assert_errno ENOENT cat "$MNT/sessions/bob/inbox"
	agent_do cece 'echo while it was away > broadcast'
	agent_do bob 'mkdir sessions/bob'
	agent_do cece 'echo four > sessions/bob/inbox'
	assert_eq "$(texts "$MNT/sessions/bob/inbox" | grep -v away | tr '\n' ' ')" \
		'"one" "two" "three" "four" '
	assert_eq "$(unread_of bob | sed 's/"while it was away" //')" '"two" "three" "four" '
	assert_eq "$(agent_do bob 'cat self/next' | jq -r .data.message)" two
	# also after a restart in between
	agent_do bob 'rmdir sessions/bob'
	leitl_down
	leitl_up
	agent_do bob 'mkdir sessions/bob'
	assert_eq "$(unread_of bob | sed 's/"while it was away" //')" '"three" "four" '
}

@test "a new session of the same agent has an inbox of its own" {
	leitl_up
	agent_start one
	agent_start two
	agent_do one 'echo "{\"agent_name\":\"bob\",\"session_id\":\"b1\"}" > sessions/new'
	tell b1 for one
	agent_do two 'echo "{\"agent_name\":\"bob\",\"session_id\":\"b2\"}" > sessions/new'
	echo for all >"$MNT/broadcast"
	assert_eq "$(texts "$MNT/sessions/b1/inbox" | tr '\n' ' ')" '"for" "one" "for all" '
	assert_eq "$(texts "$MNT/sessions/b2/inbox" | tr '\n' ' ')" '"for all" '
	agent_do two 'cat self/next' >/dev/null
	assert_eq "$(unread_of b1)" '"for" "one" "for all" '
	assert_eq "$(unread_of b2)" ''
}

@test "a person has an inbox, too" {
	leitl_up
	enter cece
	local user
	user=$(id -un)
	agent_do cece "echo 'are you there?' > sessions/$user/inbox"
	assert_eq "$(on_tty "cat $MNT/self/next" | jq -c '[.session_id, .to, .data.message]')" \
		"[\"cece\",\"$user\",\"are you there?\"]"
	assert_eq "$(on_tty "cat $MNT/self/unread")" ''
}

@test "a thousand messages: unread in order, next by next" {
	leitl_up
	enter bob
	agent_py bob <<'EOF'
count = 300 if slow else 1000
with opened("self/inbox") as fd:
    for n in range(count):
        os.write(fd, b'{"n":%d}' % n)
same([e["data"]["n"] for e in lines("self/inbox")], list(range(count)))
for n in range(count):
    same(parse(content("self/next"))[0]["data"]["n"], n)
same(content("self/unread"), b"")
EOF
}
