# What people run on a disk runs in memory/.
# variants: plain address
load ../lib/mount
load ../lib/loop
load ../lib/memory

@test "git works in it" {
	up
	cd "$MEM"
	git init -q -b main origin
	cd origin
	git config user.email a@example
	git config user.name A
	for i in $(seq 60); do
		mkdir -p "dir$((i % 7))"
		seq "$i" $((i * 50)) >"dir$((i % 7))/file$i"
	done
	git add .
	git commit -qm first
	for i in $(seq 5); do
		echo "change $i" >>dir1/file1
		git commit -qam "change $i"
	done
	git checkout -qb side HEAD~2
	echo side >side
	git add side
	git commit -qm side
	git checkout -q main
	git merge -q -m merged side
	git stash list
	git gc -q --prune=now
	git fsck --strict 2>/dev/null
	assert_eq "$(git status --porcelain)" ""
	cd ..
	git clone -q origin clone
	git clone -q --no-hardlinks origin "$LEITL_TMP/clone"
	diff -r --exclude=.git origin clone
	diff -r --exclude=.git origin "$LEITL_TMP/clone"
	git -C clone log --oneline | wc -l
	assert_eq "$(git -C clone rev-parse HEAD)" "$(git -C origin rev-parse HEAD)"
	git -C clone worktree add -q ../tree side
	rm -rf clone tree
	cd /
}

@test "sqlite3 works in it, with a write-ahead log and several writers" {
	up
	local db=$MEM/data.db i pids=()
	assert_eq "$(sqlite3 "$db" 'PRAGMA journal_mode=WAL; CREATE TABLE t (who, n);')" wal
	for i in 1 2 3; do
		(for n in $(seq 20); do
			echo ".timeout 20000
				INSERT INTO t VALUES ($i, $n);"
		done | sqlite3 "$db") &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	assert_eq "$(sqlite3 "$db" 'SELECT count(*), count(DISTINCT who) FROM t; PRAGMA integrity_check;')" $'60|3\nok'
	sqlite3 "$db" 'PRAGMA wal_checkpoint(TRUNCATE); VACUUM; PRAGMA journal_mode=DELETE;' >/dev/null
	sqlite3 "$db" 'BEGIN; INSERT INTO t SELECT who, n + 100 FROM t; COMMIT; PRAGMA integrity_check;'
	assert_eq "$(sqlite3 "$db" 'SELECT count(*) FROM t')" 120
}

@test "rsync, tar, cp and the editors work in it" {
	local editor
	up
	mkdir "$LEITL_TMP/tree"
	cp -a "$ROOT/core" "$ROOT/docs" "$LEITL_TMP/tree"
	ln -s docs "$LEITL_TMP/tree/link"
	ln "$LEITL_TMP/tree/docs/tree.md" "$LEITL_TMP/tree/hard"
	truncate -s 1M "$LEITL_TMP/tree/sparse"
	rsync -aHAX --delete "$LEITL_TMP/tree/" "$MEM/copy/"
	assert_eq "$(rsync -aHAXni --delete "$LEITL_TMP/tree/" "$MEM/copy/")" ""
	echo changed >>"$LEITL_TMP/tree/hard"
	rm -r "$LEITL_TMP/tree/core"
	rsync -aH --delete --inplace "$LEITL_TMP/tree/" "$MEM/copy/"
	rsync -aHc "$MEM/copy/" "$LEITL_TMP/back/"
	diff -r "$LEITL_TMP/tree" "$LEITL_TMP/back"
	tar -C "$MEM" -cf - copy | tar -C "$LEITL_TMP" -xf -
	diff -r "$LEITL_TMP/tree" "$LEITL_TMP/copy"
	cp -a "$MEM/copy" "$MEM/again"
	diff -r "$MEM/copy" "$MEM/again"

	printf 'one\ntwo\n' >"$MEM/text"
	printf 'a\nthree\n.\nw\nq\n' | ed -s "$MEM/text"
	assert_eq "$(paste -sd, "$MEM/text")" one,two,three
	editor=$(command -v vim vim.tiny | head -n 1)
	printf '2a\nfour\n.\nwq\n' | "$editor" -Nu NONE -es "$MEM/text"
	assert_eq "$(paste -sd, "$MEM/text")" one,two,four,three
	sed -i s/one/1/ "$MEM/text"
	assert_eq "$(head -n 1 "$MEM/text")" 1
	"$PYTHON" -c 'import sys, os; f = open(sys.argv[1], "r+"); f.seek(0, 2); f.write("end\n"); f.flush(); os.fsync(f.fileno())' "$MEM/text"
	assert_eq "$(tail -n 1 "$MEM/text")" end
}

@test "fio finds what it wrote" {
	up
	local engine
	for engine in psync mmap libaio; do
		(cd "$MEM" && fio --name="$engine" --rw=randrw --bs=4k --size=4m --verify=crc32c --do_verify=1 \
			--numjobs=2 --ioengine="$engine" --minimal >"$LEITL_TMP/fio" 2>&1) ||
			{ cat "$LEITL_TMP/fio"; false; }
	done
	rm "$MEM"/*
}

@test "stress-ng finds nothing wrong" {
	up
	mkdir "$MEM/stress"
	(cd "$MEM/stress" && stress-ng --temp-path . --dentry 1 --dentries 200 --dir 1 --dir-dirs 200 --rename 2 \
		--open 1 --open-max 500 --fstat 1 --getdent 1 --utime 1 --flock 2 --link 1 --symlink 1 \
		--chmod 1 --fallocate 1 --fallocate-bytes 4m --timeout 8 --verify --metrics-brief 2>&1) >"$LEITL_TMP/stress" ||
		{ cat "$LEITL_TMP/stress"; false; }
	assert_eq "$(ls -A "$MEM/stress")" ""
	wait_until eval '[ "$(used)" = 0 ]'
}
