#!/usr/bin/env bats
# What is somebody's alone: taking a name, giving it back, and waiting for that.
load ../lib/mount
load ../lib/loop

claims() {
	ls "$MNT/claims" | grep -v -x -e new -e README.md || true
}

# A process that has the file open and sleeps in its read.
waits_in() { # PID NAME
	local fd
	for fd in /proc/"$1"/fd/*; do
		[[ $(readlink "$fd") == */"$2" ]] && grep -q '^State:.S' "/proc/$1/status" && return 0
	done
	return 1
}

# --- taking

@test "mkdir takes a name, and it is there with its owner and since when" {
	leitl_up
	enter cece bob
	assert_eq "$(claims)" ''
	agent_do cece 'mkdir claims/login'
	assert_eq "$(claims)" login
	assert_eq "$(ls "$MNT/claims/login" | tr '\n' ' ')" 'README.md owner released since '
	assert_eq "$(cat "$MNT/claims/login/owner")" cece
	assert_match "$(cat "$MNT/claims/login/since")" '^20[0-9-]+T[0-9:]+\.[0-9]{6}Z$'
	assert_eq "$(cat "$MNT/claims/login/released")" ''
	assert_eq "$(stat -c %s "$MNT/claims/login/owner")" 5
	assert_eq "$(stat -c %s "$MNT/claims/login/released")" 0
	assert_eq "$(jq -c 'select(.event_type == "claim.taken") | [.session_id, .data]' "$MNT/activity")" \
		'["cece",{"name":"login"}]'
	assert_errno EEXIST agent_do bob 'mkdir claims/login'
	assert_errno EEXIST agent_do cece 'mkdir claims/login'
	agent_do bob 'mkdir -p claims/login' # which can't tell: so there is claims/new
}

@test "text to new takes it too, says who has it, and answers with the name" {
	leitl_up
	enter cece bob
	assert_eq "$(agent_sh cece 'exec 3<>claims/new; echo "fix the login" >&3; read -r name <&3; exec 3>&-; echo "$name"')" \
		'fix the login'
	assert_eq "$(cat "$MNT/claims/fix the login/owner")" cece
	assert_errno EEXIST agent_do bob 'echo "fix the login" > claims/new'
	assert_match "$(last_error)" '"EEXIST","reason":"it is session cece.s, since 20[^ ]*Z: claim fix the login"'
	assert_errno EEXIST agent_do cece 'echo "fix the login" > claims/new'
	assert_match "$(last_error)" 'your own already'
	agent_do bob "echo '{\"name\":\"docs\",\"note\":\"until noon\"}' > claims/new"
	assert_eq "$(jq -c 'select(.event_type == "claim.taken") | .data' "$MNT/activity" | tail -n 1)" \
		'{"name":"docs","note":"until noon"}'
	assert_match "$(cat "$MNT/claims/new")" 'echo login > claims/new'
	# What several messages of one write want is taken whole or not at all.
	agent_do bob "printf '%s' '{\"name\":\"a\"}{\"name\":\"b\"}' > claims/new"
	assert_errno EEXIST agent_do cece "printf '%s' '{\"name\":\"c\"}{\"name\":\"b\"}' > claims/new"
	assert_eq "$(claims | tr '\n' ' ')" 'a b docs fix the login '
}

@test "a name is free text of one line" {
	leitl_up
	enter cece
	local long
	long=$(printf 'x%.0s' {1..255})
	for name in "Jörg's \"x\" \\ part" '-rf' '...' 'new.live' '{' "$long"; do
		agent_do cece "mkdir -- 'claims/${name//\'/\'\\\'\'}'"
		assert_eq "$(cat "$MNT/claims/$name/owner")" cece
		agent_do cece "rmdir -- 'claims/${name//\'/\'\\\'\'}'"
	done
	assert_errno ENAMETOOLONG agent_do cece "mkdir claims/x$long"
	assert_errno EINVAL agent_do cece $'mkdir "claims/a\nb"'
	assert_match "$(last_error)" '"EINVAL","reason":"name: has a control character.*"path":"claims/a'
	assert_errno EINVAL agent_do cece $'mkdir "claims/\xff"'
	assert_errno EINVAL agent_do cece 'echo a/b > claims/new'
	assert_match "$(last_error)" 'name: has a /'
	for name in new README.md . ..; do
		assert_errno EINVAL agent_do cece "echo $name > claims/new"
		assert_match "$(last_error)" 'name: '
	done
	assert_errno EINVAL agent_do cece "echo x$long > claims/new"
	assert_errno EINVAL agent_do cece "printf 'a\\nb' | dd bs=100 status=none of=claims/new"
	assert_errno EINVAL agent_do cece "echo '{\"nam\":\"x\"}' > claims/new"
	assert_match "$(last_error)" 'nam: unknown'
	assert_errno EINVAL agent_do cece "echo '{\"note\":\"x\"}' > claims/new"
	assert_errno EEXIST agent_do cece 'mkdir claims/new'
	assert_errno EPERM agent_do cece 'rmdir claims; mv claims/new claims/old'
	assert_eq "$(claims)" ''
}

@test "it takes a session of one's own" {
	leitl_up
	enter cece
	agent_start two
	agent_start nobody
	agent_sh two 'mkdir sessions/one sessions/other'
	assert_errno ENOENT agent_do nobody 'mkdir claims/x'
	assert_match "$(last_error)" '"ENOENT".*needs a session of your own: mkdir sessions'
	assert_errno ENOENT agent_do nobody 'echo x > claims/new'
	assert_errno ENOTUNIQ agent_do two 'mkdir claims/x'
	assert_match "$(last_error)" '"ENOTUNIQ".*as/<id>/'
	agent_do two 'mkdir as/other/claims/x'
	assert_eq "$(cat "$MNT/claims/x/owner")" other
	agent_do cece 'rmdir sessions/cece'
	assert_errno ESTALE agent_sh cece 'mkdir sessions/brief; rmdir sessions/brief; mkdir claims/y'
	assert_match "$(last_error)" '"ESTALE"'
	assert_eq "$(claims)" x
}

@test "of fifty processes that want one name exactly one gets it, each time" {
	leitl_up
	py <<'EOF'
for i in range(50):
    os.mkdir(path(f"sessions/s{i}"))
gates = [os.pipe() for i in range(50)]
results_r, results_w = os.pipe()
rounds = 10 if slow else 30
for i, (gate, _) in enumerate(gates):
    if os.fork() == 0:
        for n in range(rounds):
            os.read(gate, 1)
            try:
                if i % 2:
                    os.mkdir(path(f"as/s{i}/claims/round {n}"))
                else:
                    with opened(f"as/s{i}/claims/new") as fd:
                        os.write(fd, f"round {n}\n".encode())
                won = 1
            except FileExistsError:
                won = 0
            os.write(results_w, bytes([i, won]))
        os._exit(0)
for n in range(rounds):
    for _, gate in gates:
        os.write(gate, b"x")
    got = b""
    while len(got) < 100:
        got += os.read(results_r, 100 - len(got))
    wins = [got[k] for k in range(0, 100, 2) if got[k + 1]]
    same(len(wins), 1, f"winners of round {n}")
    same(content(f"claims/round {n}/owner").decode(), f"s{wins[0]}\n")
for i in range(50):
    os.wait()
same(sum(e["event_type"] == "claim.taken" for e in lines("activity")), rounds)
EOF
}

# --- giving back

@test "rmdir by its owner gives it back; another's is refused, and told whose it is" {
	leitl_up
	enter cece bob
	agent_do cece 'mkdir claims/login'
	assert_errno EACCES agent_do bob 'rmdir claims/login'
	assert_match "$(last_error)" '"EACCES","reason":"it is session cece.*"path":"claims/login"'
	assert_errno EACCES rmdir "$MNT/claims/login" # without a session
	assert_errno ENOENT agent_do bob 'rmdir claims/other'
	agent_do bob 'rmdir as/cece/claims/login'
	assert_eq "$(claims)" ''
	refute test -e "$MNT/claims/login"
	assert_eq "$(jq -c 'select(.event_type == "claim.released") | [.session_id, .data.name,
		.data.reason, (.data.held_s | type)]' "$MNT/feeds/by-type/claim.released")" \
		'["cece","login","released","number"]'
	agent_do bob 'mkdir claims/login'
	assert_eq "$(cat "$MNT/claims/login/owner")" bob
	assert_errno EACCES agent_do cece 'rmdir claims/login'
	agent_do bob 'rmdir claims/login'
}

@test "the end of the session gives back all that it held, and so does its process's" {
	leitl_up
	enter bob cece ann
	agent_do cece 'mkdir claims/one claims/two'
	agent_sh bob 'mkdir sessions/own; mkdir as/own/claims/three'
	agent_do ann 'mkdir claims/four'
	agent_do cece 'rmdir sessions/cece'
	assert_eq "$(claims | tr '\n' ' ')" 'four three '
	agent_kill bob
	wait_until eval '[ "$(claims)" = four ]'
	assert_eq "$(jq -rc 'select(.event_type == "claim.released") | [.data.name, .data.reason] | join(": ")' \
		"$MNT/activity" | tr '\n' ';')" 'one: ended;two: ended;three: process gone;'
	agent_do ann 'mkdir claims/three'
}

# --- waiting

@test "released.live waits until it is given back, tells how, and ends" {
	leitl_up
	enter cece bob
	agent_do cece 'mkdir claims/login'
	pid=$(agent_bg bob 'exec cat claims/login/released.live')
	wait_until waits_in "$pid" released.live
	agent_do cece 'rmdir claims/login'
	assert_eq "$(agent_join bob "$pid" | jq -c '[.name, .reason, .owner]')" \
		'["login","released","cece"]'
	# The same name again is another claim: a handle of the old one has its own end.
	agent_do cece 'mkdir claims/login'
	agent_sh bob 'exec 5<claims/login/released.live'
	agent_do cece 'rmdir claims/login; mkdir claims/login'
	assert_eq "$(agent_sh bob 'cat <&5; exec 5<&-' | jq -r .name)" login
	pid=$(agent_bg bob 'exec cat claims/login/released.live')
	wait_until waits_in "$pid" released.live
	agent_kill cece
	assert_eq "$(agent_join bob "$pid" | jq -r .reason)" 'process gone'
}

@test "released.live with O_NONBLOCK, poll, a timeout, Ctrl-C, and the mount's end" {
	leitl_up
	enter cece
	agent_do cece 'mkdir claims/login'
	local status=0
	timeout 0.3 cat "$MNT/claims/login/released.live" || status=$?
	assert_eq "$status" 124
	py <<'EOF'
name = "as/cece/claims/login"
fd = os.open(path("claims/login/released.live"), os.O_RDONLY | os.O_NONBLOCK)
refused("EAGAIN", os.read, fd, 100)
poller = select.poll()
poller.register(fd, select.POLLIN)
same(poller.poll(50), [])
threading.Timer(0.05, lambda: os.rmdir(path(name))).start()
same([f for f, _ in poller.poll(10000)], [fd])
line = os.read(fd, 4096)
same(json.loads(line)["name"], "login")
same(os.read(fd, 4096), b"")
same(poller.poll(1000), [(fd, select.POLLIN)])
os.mkdir(path(name))

# Part by part.
fd = os.open(path("claims/login/released.live"), os.O_RDONLY)
os.rmdir(path(name))
got = b""
while part := os.read(fd, 7):
    assert len(part) <= 7
    got += part
same(json.loads(got)["reason"], "released")
os.mkdir(path(name))

reader = subprocess.Popen(["cat", path("claims/login/released.live")])
until(lambda: any(os.readlink(f"/proc/{reader.pid}/fd/{fd}").endswith("released.live")
    for fd in os.listdir(f"/proc/{reader.pid}/fd")))
reader.send_signal(signal.SIGINT)
same(reader.wait(10), -signal.SIGINT)
refused("EACCES", os.open, path("claims/login/released.live"), os.O_WRONLY)
EOF
	follow held cat "$MNT/claims/login/released.live"
	wait_until waits_in "$FOLLOWER" released.live
	leitl_down
	wait "$FOLLOWER"
	assert_eq "$(cat "$LEITL_TMP/held")" ''
}

@test "looking at claims waits for nothing, and takes nothing" {
	leitl_up
	enter cece
	agent_do cece 'mkdir claims/login "claims/a b"'
	timeout 20 grep -rc nothing-such "$MNT/claims" >/dev/null || assert_eq $? 1
	timeout 20 tar -C "$MNT" -cf "$LEITL_TMP/claims.tar" claims
	assert_eq "$(tar -xOf "$LEITL_TMP/claims.tar" claims/login/owner)" cece
	timeout 20 ls -lR "$MNT/claims" >/dev/null
	assert_eq "$(find "$MNT/claims" -name '*.live')" ''
	assert_match "$(cat "$MNT/claims/login/README.md")" 'released\.live .*unlisted'
	assert_eq "$(claims | tr '\n' ' ')" 'a b login '
}

# --- what stays

@test "claims outlive the daemon, also when it is killed" {
	leitl_up
	enter cece bob
	agent_do cece 'mkdir claims/login; echo docs > claims/new; mkdir claims/gone; rmdir claims/gone'
	since=$(cat "$MNT/claims/login/since")
	leitl_kill9
	leitl_up
	assert_eq "$(claims | tr '\n' ' ')" 'docs login '
	assert_eq "$(cat "$MNT/claims/login/owner")" cece
	assert_eq "$(cat "$MNT/claims/login/since")" "$since"
	assert_errno EEXIST agent_do bob 'echo login > claims/new'
	agent_do cece 'rmdir claims/login'
	leitl_down
	leitl_up
	assert_eq "$(claims)" docs
	agent_kill cece
	wait_until eval '[ -z "$(claims)" ]'
}

@test "other users see whose it is, and can neither take it nor give it back" {
	need_root
	leitl_up -o allow_other
	enter -u 1 cece
	enter -u 2 bob
	agent_do cece 'mkdir claims/login'
	assert_eq "$(stat -c %u "$MNT/claims/login")" 1
	assert_eq "$(agent_do bob 'cat claims/login/owner')" cece
	assert_errno EEXIST agent_do bob 'echo login > claims/new'
	assert_errno EACCES agent_do bob 'rmdir claims/login'
	agent_do bob 'mkdir claims/docs'
	pid=$(agent_bg bob 'exec cat claims/login/released.live')
	wait_until waits_in "$pid" released.live
	agent_do cece 'rmdir claims/login'
	assert_eq "$(agent_join bob "$pid" | jq -r .owner)" cece
}
