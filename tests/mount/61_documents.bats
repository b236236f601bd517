# The pages of docs/ that are for using a loop keep their word: what they tell to type works, and
# answers what they show.
#
# A page's blocks of ```sh are run in one shell that stands in a mount of its own; what they print,
# errors too, is what stands in lines that begin with "#>". Blocks with a line "# not run" are not.
# variants: plain
load ../lib/mount

setup() {
	leitl_init
	mkdir "$LEITL_TMP/bin"
	ln -s "$LEITLFS" "$LEITL_TMP/bin/leitlfs"
	export PATH=$LEITL_TMP/bin:$PATH
}

# blocks FILE LANGUAGE [HEADING]: the page's blocks in that language, those below a heading only.
blocks() {
	awk -v fence="\`\`\`$2" -v heading="${3:-}" '
		!on && /^#/ { here = heading == "" || index($0, heading) }
		!on && here && $0 == fence { on = 1; text = ""; run = 1; next }
		on && /^```$/ { if (run) printf "%s", text; on = 0; next }
		on && /^# not run/ { run = 0 }
		on { text = text $0 "\n" }' "$ROOT/docs/$1"
}

normalise() {
	sed -E -e 's/"seq":[0-9]+/"seq":SEQ/g' -e 's/^[0-9]{4}-[0-9-]+T[0-9:.]+Z$/TIME/' -e 's/"(timestamp|since|uptime|started_at)":"[^"]*"/"\1":TIME/g' \
		-e 's/"(uptime|duration|held_s|duration_s)":[0-9.]+/"\1":TIME/g' -e 's/-[0-9a-f]{16}\b/-ID/g' \
		-e 's/[0-9]{2}:[0-9]{2}:[0-9]{2}/TIME/g'
}

# page FILE [HEADING]: runs it, as the agent `reader`, and compares.
page() {
	blocks "$1" sh "${2:-}" >"$LEITL_TMP/all"
	[ -s "$LEITL_TMP/all" ] || fail "$1 has nothing to run" || return 1
	grep -v "^#>" "$LEITL_TMP/all" | sed "s|/home/kim/leitl|$MNT|g" >"$LEITL_TMP/commands"
	sed -n 's/^#> \{0,1\}//p' "$LEITL_TMP/all" | normalise >"$LEITL_TMP/expected"
	agent_start reader
	agent_do reader "timeout 50 bash '$LEITL_TMP/commands' 2>&1" | normalise >"$LEITL_TMP/actual"
	diff -u "$LEITL_TMP/expected" "$LEITL_TMP/actual"
}

@test "docs/protocol.md" {
	leitl_up
	page protocol.md
}

@test "docs/asks.md" {
	leitl_up
	page asks.md
}

@test "docs/claims.md, collaborations.md, health.md, memory.md, tasks.md" {
	local name
	leitl_up
	for name in claims collaborations health memory tasks; do
		page "$name.md"
		agent_stop reader
		wait_until eval '! [ -e "$MNT/sessions/cece" ]'
		rm -r "$LEITL_TMP/agents/reader"
	done
}

# Two files that the examples about context/ find.
make_notes() {
	mkdir -p "$LEITL_TMP/home/notes/api"
	printf '# Login\n\nThe login has a bug. User authentication checks the password.\n' >"$LEITL_TMP/home/notes/api/login.md"
	printf 'def user_authentication(name):\n    pass\n' >"$LEITL_TMP/home/notes/auth.py"
	export HOME=$LEITL_TMP/home
}

@test "docs/context.md" {
	leitl_up
	make_notes
	page context.md
}

@test "docs/search.md" {
	leitl_up
	make_notes
	exec 7<>"$MNT/context/sources/new"
	echo "$HOME/notes" >&7
	exec 7<>"$MNT/context/sources/notes/sync"
	echo >&7
	assert_eq "$(jq -r .status <&7)" ok
	exec 7>&-
	page search.md
}

# rows FILE HEADER: the rows of the table that begins with that cell, tabs between the cells; a cell
# that is one code span is that.
rows() {
	awk -v header="| $2 |" '
		index($0, header) == 1 { on = 1; next }
		!/^\|/ { on = 0 }
		on && !/^\|-/ { gsub(/^\| | \|$/, ""); gsub(/ \| */, "\t"); print }' "$ROOT/docs/$1" |
		sed -E 's/(^|\t)`([^`]*)`/\1\2/g'
}

# tell AGENT TEXT FILE: writes the text, in one write. Where it is refused it says why, as the tables
# do.
tell() {
	printf '%s\n' "$2" >"$LEITL_TMP/told"
	agent_do "$1" "cat '$LEITL_TMP/told' > $3" 2>"$LEITL_TMP/err" && return
	grep -q 'Invalid argument' "$LEITL_TMP/err" || fail "$2: $(cat "$LEITL_TMP/err")" || return
	echo "refused: \`$(tail -n 1 "$MNT/errors" | jq -r .reason)\`"
}

# answered ID TEXT READ DATA: bob answers it so; that is what cece reads, and what stands in its
# inbox.
answered() {
	local refused
	refused=$(tell bob "$2" "asks/$1/reply")
	if [[ $3 == refused:* ]]; then
		assert_eq "$refused" "$3" "$2"
		assert_eq "$(cat "$MNT/asks/$1/status")" open
		return
	fi
	assert_eq "$refused" "" "$2"
	assert_eq "$(cat "$MNT/asks/$1/reply")" "$3" "$2"
	assert_eq "$(agent_do cece 'timeout 5 jq -c .data.data self/next')" "$4" "$2"
}

@test "docs/asks.md: its tables of what is asked, and of what is answered" {
	local n=0 written asked schema text data command
	leitl_up
	for text in bob cece; do
		agent_start "$text"
		agent_do "$text" "mkdir sessions/$text"
	done
	while IFS=$'\t' read -r written asked; do
		text=$(tell cece "$written" sessions/bob/ask)
		[ -n "$text" ] || text=$(agent_do bob 'timeout 5 jq -c ".data | select(has(\"data\")) | .data" self/next')
		assert_eq "${text:-nothing, but its type}" "$asked" "$written"
		n=$((n + 1))
	done < <(rows asks.md 'written to an `ask`')
	while IFS=$'\t' read -r written asked; do
		printf %s "$written" >"$LEITL_TMP/told"
		command=$(agent_bg cece "leitlfs ask bob \"\$(cat '$LEITL_TMP/told')\"")
		agent_do bob 'timeout 9 cat self/next' >"$LEITL_TMP/question"
		assert_eq "$(jq -c .data.data "$LEITL_TMP/question")" "$asked" "$written"
		agent_do bob "echo fine > $(jq -r .data.reply_to "$LEITL_TMP/question")"
		assert_eq "$(agent_join cece "$command")" fine
		n=$((n + 1))
	done < <(rows asks.md '`leitlfs ask bob` with')
	while IFS=$'\t' read -r written text data; do
		n=$((n + 1))
		tell cece "{\"data\":1,\"request_id\":\"a$n\"}" sessions/bob/ask
		answered "a$n" "${written/\"ID\"/\"a$n\"}" "$text" "$data"
	done < <(rows asks.md 'written to `asks/ID/reply`')
	while IFS=$'\t' read -r schema written text data; do
		n=$((n + 1))
		tell cece "{\"data\":1,\"request_id\":\"a$n\",\"schema\":$schema}" sessions/bob/ask
		answered "a$n" "$written" "$text" "$data"
	done < <(rows asks.md '`schema`')
	assert_eq "$n" 26
}

# table_commands FILE: what stands in code spans of the tables' last column, where it is a command,
# one a line. What waits is marked so, and what is not one begins otherwise.
table_commands() {
	sed -n 's/^| .* | \(.*\) |$/\1/p' "$ROOT/docs/$1" | grep -oE '`[^`]+`( \(waits\))?' |
		grep -v '(waits)$' | tr -d '`' | grep -E '^(cat|echo|mkdir|rmdir|ls|tail|touch|exec|leitlfs) '
}

@test "docs/from-rest.md: every command of its tables works, in a fresh loop, one after the other" {
	local command line count=0
	leitl_up
	mkdir -p "$LEITL_TMP/home/notes"
	echo '# Login' >"$LEITL_TMP/home/notes/login.md"
	export HOME=$LEITL_TMP/home
	agent_start reader
	agent_start bob
	agent_do reader "$(blocks from-rest.md sh 'From REST to paths')"
	agent_bg bob "$(blocks from-rest.md bash)" >/dev/null
	wait_until test -d "$MNT/sessions/bob"
	wait_until eval '[ "$(sed -n "s/^leitlfs_waiting_reads //p" "$MNT/metrics")" -ge 1 ]'
	agent_do reader "$(blocks from-rest.md sh luca)"
	while IFS= read -r command; do
		agent_do reader "$command" >"$LEITL_TMP/out" 2>&1 || fail "$command: $(cat "$LEITL_TMP/out")"
		refute_match "$(cat "$LEITL_TMP/out")" $'(^|\n)[^{]*(bash|cat|tail|leitlfs): ' "$command"
		case $command in
		*requestId*) assert_eq "$(cat "$LEITL_TMP/out")" '{"replyTo":"r1","data":{"sum":7}}' "$command" ;;
		*'"add"'* | 'leitlfs ask'*) assert_eq "$(cat "$LEITL_TMP/out")" '{"sum":7}' "$command" ;;
		*docs/sync*) assert_eq "$(jq -r .status "$LEITL_TMP/out")" ok "$command" ;;
		cat\ *brief* | cat\ context*) assert_match "$(cat "$LEITL_TMP/out")" login "$command" ;;
		esac
		count=$((count + 1))
	done < <(table_commands from-rest.md)
	[ "$count" -ge 37 ] || fail "only $count commands"
	# What they leave.
	assert_eq "$(cat "$MNT/asks/q8/status" "$MNT/asks/q9/status")" 'failed
answered'
	assert_eq "$(jq -c '[.event_type, .data]' "$MNT/broadcast")" '["broadcast.message",{"message":"tests are green"}]
["deploy.done",{}]'
	assert_eq "$(jq -r '.data | .reported // .path' "$MNT/feeds/by-type/memory.write")" 'true
memory/ports.md'
	assert_eq "$(jq -r .status "$MNT/tasks/act_1/task.json")" completed
	# What is no event on broadcast is a message, as it says of pings.
	agent_do reader "echo '{\"type\":\"ping\"}' > as/cece/broadcast"
	assert_eq "$(tail -n 1 "$MNT/broadcast" | jq -c '[.event_type, .data]')" '["broadcast.message",{"type":"ping"}]'
}

@test "docs/recipes.md: events, councils, queues, WebDAV" {
	leitl_up
	for heading in 'Follow one kind' 'A council' 'A queue' 'Over WebDAV'; do
		page recipes.md "$heading"
		agent_stop reader
		rm -r "$LEITL_TMP/agents/reader"
	done
}

@test "docs/recipes.md: a bridge to WebSocket" {
	leitl_up
	agent_start reader
	agent_start bob
	agent_do bob "mkdir sessions/bob"
	agent_sh reader "$(blocks recipes.md sh 'A bridge')"
	wait_until eval '(exec 3<>/dev/tcp/127.0.0.1/8807)'
	"${PYTHON:-python3}" "$ROOT/tests/helpers/websocket.py" 8807 'hello' 3>&- 4>&- >"$LEITL_TMP/got" &
	client=$!
	wait_until grep -q hello "$MNT/broadcast"
	assert_eq "$(jq -r 'select(.data.message == "hello").from' "$MNT/broadcast")" web
	agent_do bob 'echo "to the page" > broadcast'
	wait "$client"
	assert_eq "$(jq -r '.data.message' "$LEITL_TMP/got")" "to the page"
	wait_until grep -q '"session.ended".*"web"' "$MNT/activity"
	agent_sh reader 'kill $bridge'
}

@test "docs/recipes.md: over sshfs" {
	leitl_up
	printf '#!/bin/sh\nexec /usr/lib/openssh/sftp-server\n' >"$LEITL_TMP/bin/ssh"
	chmod +x "$LEITL_TMP/bin/ssh"
	mkdir "$LEITL_TMP/home"
	HOME=$LEITL_TMP/home page recipes.md 'Over sshfs'
	wait_until grep -q '"session.ended".*"far"' "$MNT/activity"
}

@test "docs/recipes.md: in a container" {
	need_root
	leitl_up
	page recipes.md 'In containers'
	wait_until grep -q '"session.ended".*"boxed"' "$MNT/activity"
}

@test "a container that has the directory above sees the mount of a restarted daemon" {
	need_root
	leitl_init
	mount --bind "$LEITL_TMP" "$LEITL_TMP"
	mount --make-shared "$LEITL_TMP"
	leitl_up
	unshare --mount --propagation slave bash -c "
		cat '$MNT/health.json' > '$LEITL_TMP/first'
		until [ -e '$LEITL_TMP/again' ]; do sleep 0.02; done
		cat '$MNT/health.json' > '$LEITL_TMP/second'" 3>&- 4>&- &
	box=$!
	wait_until test -s "$LEITL_TMP/first"
	leitl_down
	leitl_up
	touch "$LEITL_TMP/again"
	wait "$box"
	assert_eq "$(jq -r .status "$LEITL_TMP/second")" ok
	leitl_down
	umount -l "$LEITL_TMP"
}

# What a block changes of the machine is, in a mount namespace of its own, the test's: /srv, fstab,
# /var/lib/leitlfs, and /usr/local/bin, where mount(8) finds the build; `make install` goes to a
# directory of the test's.
@test "docs/install.md" {
	need_root
	unshare -m --propagation private true 2>/dev/null || skip "no mount namespaces"
	local built
	built=$(cd "${LEITLFS%/*}" && pwd)
	blocks install.md sh >"$LEITL_TMP/all"
	assert_match "$(cat "$LEITL_TMP/all")" 'make install.*mount /srv/leitl.*leitlfs -o allow_other /srv/loop/mnt'
	sed -n 's/^#> //p' "$LEITL_TMP/all" >"$LEITL_TMP/expected"
	cat >"$LEITL_TMP/commands" <<-END
		set -eu
		mkdir dpkg
		mount --bind /var/lib/dpkg dpkg
		mount -t tmpfs none /var/lib
		mkdir /var/lib/dpkg
		mount --bind dpkg /var/lib/dpkg
		mount -t tmpfs none /srv
		mount --bind '$built' /usr/local/bin
		: >fstab
		mount --bind fstab /etc/fstab
		trap 'umount -l /srv/leitl /srv/loop/mnt 2>/dev/null || true' EXIT
		sudo() { "\$@"; }
		make() { env -u MAKEFLAGS make -s BUILD='$built' DESTDIR='$LEITL_TMP/to' "\$@"; }
		cd '$ROOT'
	END
	grep -v '^#>' "$LEITL_TMP/all" | sed '/make install/a [ -x "$LEITL_TMP/to/usr/local/bin/leitlfs" ]' >>"$LEITL_TMP/commands"
	cat >>"$LEITL_TMP/commands" <<-'END'
		[ ! -e "$LEITL_TMP/to/usr/local/bin/leitlfs" ]
		# A container, of another user, that has the directory sees the mount that a restart makes.
		mkfifo /srv/loop/again
		unshare --mount --propagation slave setpriv --reuid=65534 --regid=65534 --clear-groups bash -c '
			grep -c "The loop" /srv/loop/mnt/README.md
			read -r _ </srv/loop/again
			grep -c "The loop" /srv/loop/mnt/README.md' &
		exec 5>/srv/loop/again
		leitlfs umount /srv/loop/mnt
		leitlfs -o allow_other /srv/loop/mnt
		echo >&5
		wait $!
		leitlfs umount /srv/loop/mnt
	END
	printf '1\n1\n' >>"$LEITL_TMP/expected"
	cd "$LEITL_TMP"
	export LEITL_TMP
	unshare -m --propagation private timeout 50 bash commands >actual 2>&1 3>&- 4>&- || fail "$(cat actual)"
	diff -u expected actual
}

@test "docs/agents.md: the snippet is short, and its commands work" {
	leitl_up
	mkdir "$LEITL_TMP/home"
	ln -s "$MNT" "$LEITL_TMP/home/leitl"
	blocks agents.md markdown >"$LEITL_TMP/snippet"
	assert_le "$(wc -l <"$LEITL_TMP/snippet")" 25
	sed -n 's/^    //p' "$LEITL_TMP/snippet" >"$LEITL_TMP/lines"
	assert_eq "$(wc -l <"$LEITL_TMP/lines")" 7
	export HOME=$LEITL_TMP/home
	agent_start cece
	while IFS= read -r line; do # a shell for each, as agents' tools have
		[[ $line != *self/next* ]] || echo hello >"$MNT/sessions/cece/inbox"
		agent_do cece "$line" >"$LEITL_TMP/out" 2>"$LEITL_TMP/err" || fail "$line: $(cat "$LEITL_TMP/err")"
		assert_eq "$(cat "$LEITL_TMP/err")" "" "$line"
	done <"$LEITL_TMP/lines"
	assert_eq "$(cat "$MNT/sessions/cece/current_task")" "fix the login"
	assert_eq "$(jq -r .status "$MNT/tasks/t1/task.json")" completed
	assert_eq "$(jq -r .event_type "$MNT"/feeds/by-type/claim.* | xargs)" "claim.released claim.taken"
	assert_eq "$(cat "$MNT/memory/notes.md")" "we use port 8080"
	agent_do cece 'rmdir ~/leitl/sessions/cece'
	# So do those of the prompts, said to an agent that is `dora`, about the login.
	agent_start bob
	agent_do bob 'mkdir sessions/bob'
	agent_bg bob 'echo 8080 > "$(jq -r .data.reply_to self/next)"' >/dev/null
	agent_start dora
	sed -n 's/^| "[^|]* | \(.*\) |$/\1/p' "$ROOT/docs/agents.md" | grep -oE '`(cat|echo|mkdir|timeout|leitlfs) [^`]+`' |
		tr -d '`' | sed 's/<your name>/dora/; s/\bX\b/login/' | sort -r >"$LEITL_TMP/lines"
	assert_eq "$(wc -l <"$LEITL_TMP/lines")" 6
	agent_do dora 'mkdir ~/leitl/sessions/dora; echo login > ~/leitl/claims/new'
	while IFS= read -r line; do
		case $line in
		mkdir* | echo*) assert_errno EEXIST agent_do dora "$line" ;; # done above
		timeout*) echo hello >"$MNT/sessions/dora/inbox" ;&
		*) agent_do dora "$line" >"$LEITL_TMP/out" || fail "$line" ;;
		esac
		[[ $line != leitlfs* ]] || assert_eq "$(cat "$LEITL_TMP/out")" 8080
	done <"$LEITL_TMP/lines"
	# The paths that prompts name are there.
	for name in $(grep -oE '~/leitl/[a-zA-Z./]*[a-zA-Z]' "$ROOT/docs/agents.md" | sort -u); do
		case $name in
		*/sessions/cece | */claims/* | */self/* | */tasks/* | */context/s*/* | */memory/notes.md) ;;
		*) [ -e "$MNT/${name#*leitl/}" ] || fail "no $name" ;;
		esac
	done
}

@test "docs/agents.md: Python and Node hear what they are told" {
	local i
	leitl_up
	agent_start bob
	agent_do bob "mkdir sessions/bob"
	agent_bg bob 'echo 8080 > "$(jq -r .data.reply_to self/next)"' >/dev/null
	blocks agents.md python >"$LEITL_TMP/pia.py"
	agent_start pia
	pia=$(agent_bg pia "python3 -u '$LEITL_TMP/pia.py'")
	wait_until eval 'agent_out pia "$pia" | grep -q 8080'
	until agent_out pia "$pia" | grep -q 'hello pia'; do # the stream is from when it is opened
		agent_do bob "echo 'hello pia' > sessions/pia/inbox"
		sleep 0.05
	done

	mkdir "$LEITL_TMP/node"
	blocks agents.md js | awk -v dir="$LEITL_TMP/node" '/^import/ { n++ } { print > (dir "/" n ".mjs") }'
	agent_start nora
	agent_do nora "mkdir sessions/nora"
	for i in 1 2; do
		node=$(agent_bg nora "exec node '$LEITL_TMP/node/$i.mjs'")
		wait_until eval 'agent_do bob "echo \"ünder $i\" > sessions/nora/inbox"; sleep 0.1
			agent_out nora "$node" | grep -q "^bob ünder $i"'
		kill "$node"
	done
	agent_do bob "rmdir sessions/bob"
}

@test "docs/security.md: its commands, and what it says of other users" {
	local path
	need_root
	leitl_up -o allow_other
	agent_start cece
	agent_start -u 65534 nobody
	agent_do cece 'mkdir sessions/cece; echo psst > sessions/cece/inbox; echo hello > broadcast'
	page security.md
	for path in inbox unread next sent brief.md ../../as/cece/self/id; do
		assert_errno EACCES agent_do nobody "cat sessions/cece/$path"
	done
	assert_errno EACCES agent_do nobody "touch sessions/cece/heartbeat"
	assert_errno EACCES agent_do nobody "echo x > sessions/cece/current_task"
	assert_errno EACCES agent_do nobody "rmdir sessions/cece"
	assert_errno EACCES agent_do nobody "echo cece > sessions/new"
	assert_errno EACCES agent_do nobody "echo /etc > context/sources/new"
	agent_do nobody "cat broadcast sessions.json status.json metrics dashboard.txt" >"$LEITL_TMP/seen"
	grep -q hello "$LEITL_TMP/seen"
	refute grep -q psst "$LEITL_TMP/seen"
	refute agent_do nobody "grep -rhs psst ."
	agent_do nobody "echo 'from outside' > sessions/cece/inbox"
	agent_do cece "cat self/inbox" | grep -q 'from outside'
	# Within one user as/ is open, and `next` of another session is not.
	agent_start eve
	agent_do eve 'mkdir sessions/eve; echo "as cece" > as/cece/broadcast'
	assert_eq "$(tail -n 1 "$MNT/broadcast" | jq -r .from)" cece
	assert_errno EACCES agent_do eve "cat sessions/cece/next"
	# Secrets, and modes of the state.
	refute grep -rqa s3cret "$STATE"
	assert_eq "$(stat -c %a "$STATE")" 700
	[ -z "$(find "$STATE" -path "$STATE/memory/*" -prune -o -perm /077 -print)" ] || fail "$(ls -lR "$STATE")"
}

@test "docs/troubleshooting.md: what is easily tried is so" {
	leitl_up
	page troubleshooting.md
	agent_start several
	assert_errno ENOTUNIQ agent_do several "mkdir sessions/one sessions/two; ls -d self/; cat self/id"
	agent_do several "cd as/one && cat self/id && rmdir sessions/two && cat self/id"
	agent_start stale
	agent_do stale "mkdir sessions/gone"
	rmdir "$MNT/sessions/gone"
	assert_errno ESTALE agent_do stale "echo hi > broadcast"
	agent_do stale "mkdir sessions/gone; echo hi > broadcast"
	assert_errno EPERM agent_do stale "mkdir here"
	assert_errno EINVAL agent_do stale "cat activity > broadcast"
	agent_start none
	assert_errno ENOENT agent_do none "cat self/id"
	agent_do stale "seq 3 > memory/text; cat memory/text > sessions/gone/inbox; leitlfs say -t gone - < memory/text"
	assert_eq "$(jq -r .data.message "$MNT/sessions/gone/unread" | xargs)" "1 2 3 1 2 3"
	assert_eq "$(agent_do stale "exec 3<>feeds/since/0.live; sed -u 1q <&3" | jq .seq)" 1

	# EBUSY and what ends it all the same; the dead one is replaced.
	exec 7<"$MNT/activity"
	assert_errno EBUSY fusermount3 -u "$MNT"
	exec 7<&-
	leitl_kill9
	assert_errno ENOTCONN cat "$MNT/activity"
	run leitlfs doctor "$MNT"
	assert_eq "$status" 1
	assert_match "$output" 'its daemon is dead'
	leitl_up
	run "$LEITLFS" -o "state=$STATE" "$LEITL_TMP/bin"
	assert_match "$output" 'is held by leitlfs, process [0-9]+'
	run "$LEITLFS" -o "state=$LEITL_TMP/other" "$LEITL_TMP/bin"
	assert_match "$output" 'is not empty'
}

@test "docs/troubleshooting.md: nobody but the owner comes in" {
	need_root
	leitl_up -u 65534
	assert_errno EACCES ls "$MNT"
}

# --- nothing stands aside

# What stands indented is no command: commands stand in ```sh, where they are run or marked. (A table's
# are checked by the tests above, by those of 90_commands.bats, or named there as not run; install.md's
# by 95_install.bats. The snippet of agents.md is Markdown.)
@test "every command of a document stands where a test runs it, or is marked" {
	local file name found word
	word='(awk|build/leitlfs|cat|cd|chmod|cp|curl|docker|echo|exec|export|find|for|git|grep|head|inotifywait|jq|kill|leitlfs|ls|make|mkdir|mount|mv|printf|python3|read|rm|rmdir|scripts/[a-z-]+|sed|sudo|sysctl|systemctl|tail|tee|test|tests/[a-z/]+|timeout|touch|until|watch|while|xdg-open)'
	for file in "$ROOT"/docs/*.md; do
		name=${file##*/}
		[ "$name" != install.md ] || continue
		found=$(awk '/^```/ { on = !on } !on && /^(    |\t)/' "$file" | grep -E "^[[:blank:]]+$word " || true)
		[ "$name" != architecture.md ] || found=$(grep -v 'inotifywait' <<<"$found" || true) # its picture
		assert_eq "$found" "" "$name: commands outside of a block of sh"
		found=$(grep -E '^```.' "$file" | sort -u | grep -vE '^```(sh|bash|json|python|js|markdown|c)$' || true)
		assert_eq "$found" "" "$name: blocks that no test knows"
		if [ -n "$(blocks "$name" sh)" ]; then
			grep -qE "(page|blocks|docs/)[ \"]*($name)|for name in .*\b${name%.md}\b" \
				"$ROOT"/tests/mount/60_readme.bats "$ROOT"/tests/mount/61_documents.bats \
				"$ROOT"/tests/mount/90_commands.bats || fail "$name: its blocks are run by no test"
		fi
	done
	# README.md's blocks are its transcript, all of them run; two commands and a line of fstab stand indented.
	assert_eq "$(awk '/^```/ { on = !on } !on && /^    [^ ]/' "$ROOT/README.md" | grep -cvE '^    (scripts/(run|test) |leitlfs +/)')" 0
}
