# What the suites about memory/ share, beside mount.bash and loop.bash:
#
#     load ../lib/mount
#     load ../lib/loop
#     load ../lib/memory

# Some of them make many thousand calls.
BATS_TEST_TIMEOUT=$((3 * BATS_TEST_TIMEOUT))

MEM=
up() {
	leitl_up "$@"
	MEM=$MNT/memory
}

# The data of the events about a path, one a line: told PATH [TYPE]. Close is told once it was done.
told() {
	jq -c --arg path "memory/$1" --arg type "${2:-memory.}" \
		'select(.event_type | startswith($type)) | select(.data.path == $path) | .data' "$MNT/activity"
}

told_count() { # PATH COUNT
	[ "$(told "$1" | wc -l)" = "$2" ]
}

last_told() { # PATH JQ
	told "$1" | tail -n 1 | jq -r "$2"
}

# The system call must fail so: fails ERRNO PYTHON-EXPRESSION
fails() {
	py "$1" "$2" <<'PY'
os.chdir(path("memory"))
refused(sys.argv[2], lambda: eval(sys.argv[3]))
PY
}

used() { # KiB that df shows
	df --output=used "$MEM" | tail -n 1 | tr -d ' '
}
