#!/usr/bin/env bats
# context/ on a local folder: sources, their files, earlier versions.

load ../lib/mount
load ../lib/context

setup() {
	leitl_up
	make_docs
}

@test "a folder's path adds a source; its files are there as they are" {
	name=$(add_source "$DOCS")
	assert_eq "$name" docs
	cp -a "$MNT/context/files/docs" "$LEITL_TMP/copy"
	diff -r "$DOCS" "$LEITL_TMP/copy"
	assert_eq "$(stat -c '%s %Y' "$MNT/context/files/docs/api/login.md")" \
		"$(stat -c '%s %Y' "$DOCS/api/login.md")"
	assert_eq "$(stat -c %F "$MNT/context/files/docs/api")" directory
	assert_eq "$(grep -rl TokenStore "$MNT/context/files")" "$MNT/context/files/docs/api/v1/auth.py"
	assert_eq "$(cd "$MNT/context/files" && find docs -type f | sort | tr '\n' ' ')" \
		"docs/api/login.md docs/api/v1/auth.py docs/notes/garden.txt "
}

@test "an edit shows at once in what is open and stat'ed anew; who has the old one open keeps it" {
	add_source "$DOCS"
	file=$MNT/context/files/docs/notes/garden.txt
	exec 8<"$file"
	assert_eq "$(stat -c %s "$file")" "$(stat -c %s "$DOCS/notes/garden.txt")"
	echo 'A longer text about gardens, rivers and the sea, longer than what was here.' \
		>"$DOCS/notes/garden.txt"
	sync_source docs
	cmp "$file" "$DOCS/notes/garden.txt"
	assert_eq "$(stat -c %s "$file")" "$(stat -c %s "$DOCS/notes/garden.txt")" "the path's size"
	assert_match "$(cat <&8)" 'Nothing here but gardens'
	exec 8<&-
	rm "$DOCS/notes/garden.txt"
	sync_source docs
	refute test -e "$file"
	refute cat "$file"
}

@test "an edit is found and read without being asked for" {
	add_source "$DOCS"
	echo 'zeppelins over the harbour' >"$DOCS/notes/new.txt"
	wait_until finds zeppelins docs/notes/new.txt
	cmp "$MNT/context/files/docs/notes/new.txt" "$DOCS/notes/new.txt"
	mkdir "$DOCS/deep" && echo 'pelicans' >"$DOCS/deep/bird.txt"
	wait_until finds pelicans docs/deep/bird.txt
	rm "$DOCS/deep/bird.txt"
	wait_until refute finds pelicans docs/deep/bird.txt
}

@test "earlier versions are kept, and numbered from the oldest" {
	add_source "$DOCS"
	echo two >"$DOCS/notes/garden.txt" && sync_source docs
	echo three >"$DOCS/notes/garden.txt" && sync_source docs
	assert_eq "$(ls "$MNT/context/history/docs/notes/garden.txt" | tr '\n' ' ')" '1 2 '
	assert_match "$(cat "$MNT/context/history/docs/notes/garden.txt/1")" 'Nothing here'
	assert_eq "$(cat "$MNT/context/history/docs/notes/garden.txt/2")" two
	echo 1 >"$MNT/context/sources/docs/history"
	echo four >"$DOCS/notes/garden.txt" && sync_source docs
	assert_eq "$(ls "$MNT/context/history/docs/notes/garden.txt")" 3
	rm "$DOCS/notes/garden.txt" && sync_source docs
	assert_eq "$(cat "$MNT/context/history/docs/notes/garden.txt/4")" four "what is gone has a past"
}

@test "mkdir and the value files make a source, too; rmdir removes it with its files" {
	mkdir "$MNT/context/sources/mine"
	echo '*.md' >"$MNT/context/sources/mine/include"
	echo "$DOCS" >"$MNT/context/sources/mine/url"
	sync_source mine
	assert_eq "$(cd "$MNT/context/files/mine" && find . -type f)" ./api/login.md
	assert_eq "$(cat "$MNT/context/sources/mine/url")" "$DOCS"
	assert_eq "$(cat "$MNT/context/sources/mine/include")" '*.md'
	rmdir "$MNT/context/sources/mine"
	refute test -e "$MNT/context/files/mine"
	refute test -e "$MNT/context/sources/mine"
	assert_eq "$(ls "$MNT/context/sources")" "$(printf 'README.md\nnew')"
}

@test "bad sources are refused with the reason, and nothing is left of them" {
	for bad in 'ftp://x/' '{"url":3}' '{"url":"http://x/","colour":"red"}' 'relative/path' \
		'{"name":"../x","url":"http://x/"}' "{\"name\":\"new\",\"url\":\"$DOCS\"}"; do
		assert_errno EINVAL bash -c 'printf "%s\n" "$1" >"$2/context/sources/new"' - "$bad" "$MNT"
	done
	add_source "$DOCS"
	assert_errno EEXIST bash -c 'echo "{\"name\":\"docs\",\"url\":\"/tmp\"}" >"$1/context/sources/new"' - "$MNT"
	assert_match "$(last_error)" docs
	assert_eq "$(ls "$MNT/context/sources")" "$(printf 'README.md\ndocs\nnew')"
}

@test "a source and its files come back after a restart and after kill -9, before any sync" {
	add_source "$DOCS"
	echo 1h >"$MNT/context/sources/docs/interval"
	leitl_down
	rm -r "$DOCS"
	leitl_up
	assert_match "$(cat "$MNT/context/files/docs/api/login.md")" 'User authentication'
	finds 'login' docs/api/login.md
	leitl_kill9
	leitl_up
	assert_match "$(cat "$MNT/context/files/docs/api/login.md")" 'User authentication'
	assert_eq "$(cat "$MNT/context/sources/docs/interval")" 1h
}

@test "a folder that is gone leaves the last content, and says so" {
	add_source "$DOCS"
	mv "$DOCS" "$DOCS.away"
	sync_source docs | jq -e '.status == "failed" or .error != null'
	assert_match "$(cat "$MNT/context/files/docs/api/login.md")" 'User authentication'
	assert_ne "$(status_of docs .last_error)" null
	mv "$DOCS.away" "$DOCS"
	sync_source docs
	assert_eq "$(status_of docs .last_error)" null
}

@test "what changes is told by context.updated" {
	add_source "$DOCS"
	echo more >"$DOCS/notes/more.txt" && sync_source docs
	wait_until eval 'grep "\"context.updated\"" "$MNT/activity" | grep -q more.txt'
	jq -e 'select(.event_type == "context.updated") | .session_id == null and .data.source == "docs"' \
		"$MNT/feeds/by-type/context.updated" >/dev/null
}

@test "names of every kind" {
	long=$(printf 'n%.0s' {1..255})
	for name in 'a b' '100%' 'a#b' 'a?b' "it's" 'say "x"' 'ünïcode-名前' '-dash' '.hidden' "$long" 'a\b'; do
		echo "content of $name" >"$DOCS/$name"
	done
	add_source "$DOCS"
	diff -r "$DOCS" "$MNT/context/files/docs"
	for name in "$DOCS"/*; do
		[ -f "$name" ] || continue
		cmp "$name" "$MNT/context/files/docs/${name##*/}"
	done
}

@test "files that are no text, and large ones, are shown and read, and not searched" {
	head -c 100000 /dev/urandom >"$DOCS/blob.bin"
	head -c 20000000 /dev/zero >"$DOCS/zeros"
	add_source "$DOCS"
	cmp "$DOCS/blob.bin" "$MNT/context/files/docs/blob.bin"
	cmp "$DOCS/zeros" "$MNT/context/files/docs/zeros"
	echo 1M >"$MNT/context/sources/docs/max_file"
	head -c 2000000 /dev/zero >"$DOCS/later"
	sync_source docs
	assert_eq "$(stat -c %s "$MNT/context/files/docs/later")" 2000000
	refute cat "$MNT/context/files/docs/later"
	assert_match "$(last_error)" max_file
}

@test "what is synced can't be written" {
	add_source "$DOCS"
	need_root # whom no mode bits keep from trying
	cd "$MNT/context/files/docs"
	assert_errno EROFS bash -c 'echo x >api/login.md'
	assert_errno EROFS rm -f api/login.md
	assert_errno EROFS rmdir notes
	assert_errno EROFS mkdir x
	assert_errno EROFS touch new
	assert_errno EROFS chmod 600 api/login.md
	assert_errno EROFS ln -s a b
	assert_errno EROFS mv api b
	cd /
	assert_match "$(last_error)" 'changed where it comes from'
	diff -r "$DOCS" "$MNT/context/files/docs"
}

@test "another user sees neither a source nor its files, unless it is shared; and adds none" {
	need_root
	leitl_down
	leitl_up -o allow_other
	add_source "$DOCS"
	echo hello >"$DOCS/notes/hello.txt" && sync_source docs
	refute as_user 1 ls "$MNT/context/files/docs"
	assert_eq "$(as_user 1 ls "$MNT/context/files")" README.md
	assert_eq "$(as_user 1 ls "$MNT/context/sources")" "$(printf 'README.md\nnew')"
	assert_eq "$(as_user 1 bash -c "ls '$MNT/context/search/hello'" | grep -c '^0')" 0
	refute as_user 1 grep -q hello.txt "$MNT/activity"
	assert_errno EACCES as_user 1 bash -c "echo /usr/share/doc >'$MNT/context/sources/new'"
	echo true >"$MNT/context/sources/docs/shared"
	wait_until as_user 1 cat "$MNT/context/files/docs/notes/hello.txt"
	assert_eq "$(as_user 1 bash -c "ls '$MNT/context/search/hello'" | grep -c '^0')" 1
	refute as_user 1 bash -c "echo 5m >'$MNT/context/sources/docs/interval'"
	refute as_user 1 rmdir "$MNT/context/sources/docs"
}

@test "with sources=any a folder is read with the rights of who added it" {
	need_root
	leitl_down
	leitl_up -o allow_other,sources=any
	echo secret >"$DOCS/notes/mine" && chmod 600 "$DOCS/notes/mine"
	mkdir "$DOCS/closed" && echo shut >"$DOCS/closed/file" && chmod 700 "$DOCS/closed"
	as_user 1 bash -c "echo '$DOCS' >'$MNT/context/sources/new'"
	wait_until as_user 1 cat "$MNT/context/files/docs/api/login.md"
	refute as_user 1 test -e "$MNT/context/files/docs/notes/mine"
	refute as_user 1 test -e "$MNT/context/files/docs/closed/file"
}

@test "symbolic links do not lead out of a folder, and special files are left out" {
	echo secret >"$LEITL_TMP/outside"
	ln -s "$LEITL_TMP/outside" "$DOCS/link"
	ln -s / "$DOCS/root"
	mkfifo "$DOCS/fifo"
	add_source "$DOCS"
	assert_eq "$(cd "$MNT/context/files/docs" && find . -type f | sort | tr '\n' ' ')" \
		"./api/login.md ./api/v1/auth.py ./notes/garden.txt "
}

@test "the mount itself, and its state, are no source" {
	for bad in "$MNT" "$MNT/sessions" "$STATE"; do
		echo "$bad" >"$MNT/context/sources/new" || continue
		name=$(ls "$MNT/context/sources" | grep -vx -e README.md -e new)
		[ -n "$name" ] || continue
		sync_source "$name" | jq -e '.error != null'
		rmdir "$MNT/context/sources/$name"
	done
	echo ok >"$MNT/broadcast"
}

@test "the answer to a write without a newline is whole, too" {
	exec 7<>"$MNT/context/sources/new"
	printf %s "$DOCS" >&7
	assert_eq "$(cat <&7)" docs
	exec 7>&-
	sync_source docs
	exec 7<>"$MNT/context/query"
	printf gardens >&7
	jq -e '.query == "gardens"' <&7
	exec 7<>"$MNT/sessions/new"
	printf carl >&7
	assert_match "$(cat <&7)" '^leitl-carl-[0-9a-f]{16}$'
	exec 7>&-
}

@test "what is done in context/ counts as being heard of" {
	agent_start ann
	agent_do ann 'mkdir sessions/ann'
	before=$(stat -c %Y.%y "$MNT/sessions/ann/heartbeat")
	agent_do ann "echo '$DOCS' > context/sources/new"
	after=$(stat -c %Y.%y "$MNT/sessions/ann/heartbeat")
	assert_ne "$after" "$before"
	agent_do ann 'echo > context/sources/docs/sync'
	assert_ne "$(stat -c %Y.%y "$MNT/sessions/ann/heartbeat")" "$after"
}

@test "a directory that is listed again shows what a sync brought" {
	add_source "$DOCS"
	ls -R "$MNT/context/files/docs" >/dev/null
	ls -R "$MNT/context/files/docs" >/dev/null
	echo new >"$DOCS/notes/new.txt" && rm "$DOCS/api/login.md" && mkdir "$DOCS/more" && echo x >"$DOCS/more/x"
	sync_source docs
	diff <(cd "$DOCS" && find . | sort) <(cd "$MNT/context/files/docs" && find . | sort)
	rm -r "$DOCS/more"
	sync_source docs
	diff <(cd "$DOCS" && find . | sort) <(cd "$MNT/context/files/docs" && find . | sort)
}

@test "fewer earlier versions to be kept: the others go at once, and with 0 all of them" {
	add_source "$DOCS"
	for i in 1 2 3 4; do
		echo "secret $i" >"$DOCS/notes/garden.txt" && sync_source docs
	done
	rm "$DOCS/notes/garden.txt" && sync_source docs
	assert_eq "$(ls "$MNT/context/history/docs/notes/garden.txt" | wc -l)" 5
	echo 2 >"$MNT/context/sources/docs/history"
	assert_eq "$(ls "$MNT/context/history/docs/notes/garden.txt" | tr '\n' ' ')" '4 5 '
	assert_eq "$(cat "$MNT/context/history/docs/notes/garden.txt/5")" 'secret 4'
	echo 0 >"$MNT/context/sources/docs/history"
	refute ls "$MNT/context/history/docs/notes"
	refute grep -rqs 'secret [1-4]' "$STATE/context/objects"
}

@test "a configuration file makes a source that is there from the start, and is taken up when it changes" {
	leitl_down
	export XDG_CONFIG_HOME=$LEITL_TMP/config
	mkdir -p "$XDG_CONFIG_HOME/leitlfs/sources.d"
	file=$XDG_CONFIG_HOME/leitlfs/sources.d/notes.json
	echo "{\"url\":\"$DOCS\",\"types\":[\"txt\"]}" >"$file"
	leitl_up
	wait_until test -e "$MNT/context/files/notes/notes/garden.txt"
	refute test -e "$MNT/context/files/notes/api/login.md"
	assert_errno EROFS bash -c "echo 1h >'$MNT/context/sources/notes/interval'"
	assert_errno EROFS rmdir "$MNT/context/sources/notes"
	echo "{\"url\":\"$DOCS\",\"types\":[\"md\"]}" >"$file.new" && mv "$file.new" "$file"
	wait_until test -e "$MNT/context/files/notes/api/login.md"
	wait_until refute test -e "$MNT/context/files/notes/notes/garden.txt"
	echo '{"url":' >"$file.new" && mv "$file.new" "$file"
	[ -e "$MNT/context/files/notes/api/login.md" ]
	rm "$file"
	wait_until refute test -e "$MNT/context/sources/notes"
	refute test -e "$MNT/context/files/notes"
}

@test "rsync -a and an editor's look bring what is there, and what changed" {
	command -v rsync >/dev/null || skip "no rsync"
	add_source "$DOCS"
	rsync -a "$MNT/context/files/docs/" "$LEITL_TMP/copy/"
	diff -r "$DOCS" "$LEITL_TMP/copy"
	echo 'changed, and longer than before by some words' >"$DOCS/notes/garden.txt"
	rm "$DOCS/api/login.md"
	sync_source docs
	assert_eq "$(rsync -ai --delete "$MNT/context/files/docs/" "$LEITL_TMP/copy/" | grep -v '^\.d' | wc -l)" 2
	diff -r "$DOCS" "$LEITL_TMP/copy"
}
