# The mount comes, shows itself, and goes.
load ../lib/mount

@test "it mounts, and the root can be listed" {
	leitl_up
	run ls "$MNT"
	[ "$status" -eq 0 ]
	[[ $output == *README.md* ]]
	assert_eq "$(findmnt -n -o FSTYPE --mountpoint "$MNT")" fuse.leitlfs
}

@test "README.md is there and has the size that it shows" {
	leitl_up
	[ -s "$MNT/README.md" ]
	assert_eq "$(stat -c %s "$MNT/README.md")" "$(wc -c <"$MNT/README.md")"
}

@test "SIGTERM ends it: status 0, no mount left" {
	leitl_up
	leitl_down
	refute leitl_mounted
	assert_eq "$(ls -A "$MNT")" ""
}

@test "fusermount3 -u ends it: status 0, no mount left" {
	leitl_up
	leitl_down -u
	refute leitl_mounted
}

@test "it mounts the same state again, also after kill -9" {
	leitl_up
	leitl_down
	leitl_up
	leitl_kill9
	assert_errno ENOTCONN cat "$MNT/README.md"
	leitl_up
	[ -s "$MNT/README.md" ]
}

@test "-V names the version, -h the usage" {
	run "$LEITLFS" -V
	[ "$status" -eq 0 ]
	assert_match "$output" 'leitlfs [0-9]+\.[0-9]+\.[0-9]+'
	run "$LEITLFS" -h
	[ "$status" -eq 0 ]
	assert_match "$output" '[Uu]sage'
}
