#!/usr/bin/env bats
# What a session's end means for who reads and acts as it.

load ../lib/mount

@test "who waits for the messages of a session that ends gets the end of file" {
	leitl_up
	agent_start ann
	agent_do ann 'mkdir sessions/ann'
	declare -A pid
	for name in wait next inbox.live sent.live activity.live; do
		pid[$name]=$(agent_bg ann "exec cat sessions/ann/$name")
		wait_until waits_in "${pid[$name]}" "$name"
	done
	agent_do ann 'rmdir sessions/ann'
	for name in wait next inbox.live sent.live; do
		assert_eq "$(agent_join ann "${pid[$name]}")" '' "$name"
	done
	assert_match "$(agent_join ann "${pid[activity.live]}")" session.ended
}

# A process that has the file open and sleeps in its read.
waits_in() {
	local fd
	for fd in /proc/"$1"/fd/*; do
		[ "$(readlink "$fd")" = "$MNT/sessions/ann/$2" ] || continue
		grep -q '^State:.S' "/proc/$1/status" && return 0
	done
	return 1
}

@test "who ended a session by its own word acts as nobody, however short it was" {
	leitl_up
	agent_start ann
	assert_errno ESTALE agent_do ann \
		'mkdir sessions/one; echo ended > self/status; echo x > broadcast'
	agent_start bob
	assert_errno ESTALE agent_do bob 'mkdir sessions/two; rmdir sessions/two; echo x > broadcast'
	refute grep -q '"message":"x"' "$MNT/activity"
}
