# memory/ answers every call as a disk does, errno by errno.
# variants: plain address
load ../lib/mount
load ../lib/loop
load ../lib/memory

@test "every call answers as on a disk" {
	up
	mkdir "$MEM/checked" "$LEITL_TMP/reference"
	"$PYTHON" "$ROOT/tests/helpers/posix.py" "$MEM/checked" "$LEITL_TMP/reference" 1 ${SAN:+500}
}

@test "every call answers as on a disk, to a user who is not the daemon's" {
	need_root
	up -o allow_other
	assert_eq "$(stat -c %a "$MEM")" 1777
	cp "$ROOT/tests/helpers/posix.py" "$LEITL_TMP"
	as_user 65534 mkdir "$MEM/checked"
	mkdir "$LEITL_TMP/reference"
	chown 65534:65534 "$LEITL_TMP/reference"
	as_user 65534 "$PYTHON" "$LEITL_TMP/posix.py" "$MEM/checked" "$LEITL_TMP/reference" 2 ${SAN:+500}
}

@test "every call answers as on a disk where the daemon is not root" {
	need_root
	up -u 65534
	cp "$ROOT/tests/helpers/posix.py" "$LEITL_TMP"
	mkdir "$LEITL_TMP/reference"
	chown 65534:65534 "$LEITL_TMP/reference"
	as_user 65534 mkdir "$MEM/checked"
	as_user 65534 "$PYTHON" "$LEITL_TMP/posix.py" "$MEM/checked" "$LEITL_TMP/reference" 3 ${SAN:+500}
}

@test "random calls answer as on a disk" {
	local seed=$RANDOM steps=5000
	up
	mkdir "$MEM/checked" "$LEITL_TMP/reference"
	echo "seed $seed"
	[ -z "${SAN:-}" ] || steps=1000
	"$PYTHON" "$ROOT/tests/helpers/posix.py" --random "$MEM/checked" "$LEITL_TMP/reference" "$seed" "$steps"
}
