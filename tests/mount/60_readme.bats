# README.md, docs/tour.md and docs/tree.md keep their word: what they tell to type works, and answers
# what they show.
# variants: plain
load ../lib/mount

README=$ROOT/README.md

setup() {
	leitl_init
}

# The fenced blocks of shell; README.md's is the transcript. What it answers stands in lines that
# begin with "#>".
shell_of() { # FILE
	awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$1"
}

# What differs from run to run, or from user to user: the person of README.md is kim.
normalise() {
	sed -E -e 's/"seq":[0-9]+/"seq":SEQ/g' -e 's/^\*\*[0-9]+\*\*/**SEQ**/' \
		-e 's/"timestamp":"[^"]*"/"timestamp":TIME/g' -e 's/[0-9]{2}:[0-9]{2}:[0-9]{2}/TIME/g' \
		-e 's/"uptime":"[^"]*"/"uptime":TIME/g' -e 's/-[0-9a-f]{16}\b/-ID/g' \
		-e "s/\"(session_id|from)\":\"$(id -un)\"/\"\\1\":\"kim\"/g"
}

# pasted FILE LINES: its transcript, in the checkout, in a terminal's own shell; it answers what it
# shows, which is LINES at least, and leaves nothing.
pasted() {
	mkdir -p "$LEITL_TMP/checkout/build" "$LEITL_TMP/tmp"
	ln -s "$LEITLFS" "$LEITL_TMP/checkout/build/leitlfs"
	ln -s "$ROOT/scripts" "$LEITL_TMP/checkout/scripts"
	shell_of "$1" | grep -v '^#>' >"$LEITL_TMP/commands"
	shell_of "$1" | sed -n 's/^#> \{0,1\}//p' | normalise >"$LEITL_TMP/expected"
	[ "$(wc -l <"$LEITL_TMP/expected")" -ge "$2" ]

	cd "$LEITL_TMP/checkout"
	TMPDIR=$LEITL_TMP/tmp on_tty "exec bash '$LEITL_TMP/commands' 2>&1" >"$LEITL_TMP/answers"
	cd /
	cat "$LEITL_TMP/answers"
	normalise <"$LEITL_TMP/answers" >"$LEITL_TMP/actual"
	diff -u "$LEITL_TMP/expected" "$LEITL_TMP/actual"
	wait_until eval '[ -z "$(ls -A "$LEITL_TMP/tmp")" ]'
}

@test "README.md, pasted into one shell, answers what it shows" {
	pasted "$README" 16
}

@test "docs/tour.md, pasted into one shell, answers what it shows" {
	pasted "$ROOT/docs/tour.md" 30
}

@test "the two commands are there, and say how they are used" {
	local name
	for name in run test; do
		grep -qE "^    scripts/$name( |$)" "$README"
		[ -x "$ROOT/scripts/$name" ]
		run "$ROOT/scripts/$name" --frob
		assert_eq "$status" 2
		assert_match "$output" "^usage: scripts/$name "
	done
}

@test "every option that README.md names is one, with the default that it names" {
	local names name option
	"$LEITLFS" -h | tr -s ' \n' ' ' >"$LEITL_TMP/help"
	names=$(grep -oE '`-o [a-z_]+' "$README" | cut -c5- | sort -u)
	[ "$(wc -w <<<"$names")" -ge 8 ]
	for name in $names; do
		grep -qE " -o $name(=| )" "$LEITL_TMP/help" || fail "-h does not know $name"
	done
	# The table's: `-o late=TIME`, … (60s), …
	while read -r name option; do
		grep -qE " -o $name=[^(]*\(default $option; " "$LEITL_TMP/help" ||
			fail "the default of $name is not $option"
	done < <(defaults)
	assert_eq "$(defaults | wc -l)" 8
	run grep -oE '`-[a-zA-Z]`' "$README"
	for option in $output; do
		grep -q -- " ${option//\`/} " "$LEITL_TMP/help" || fail "-h does not know $option"
	done
}

# NAME DEFAULT for each option that takes a number: the rows name as many defaults, in that order.
defaults() {
	sed -n 's/^| \(`-o [a-z_]*=[A-Z].*\) | \(.*\) |$/\1|\2/p' "$README" | grep -v '`-o state=' |
		while IFS='|' read -r names text; do
			paste -d ' ' <(grep -oE '[a-z_]+=' <<<"$names" | tr -d =) \
				<(grep -oE '\([^)]*\)' <<<"$text" | tr -d '() ' | sed 's/;.*//' | tr , '\n')
		done
}

@test "it mounts with all of them" {
	local options
	options=$(defaults | tr ' \n' '=,')
	leitl_up -O "${options%,}"
	[ -s "$MNT/README.md" ]
}

@test "its line of fstab is the one that -h shows" {
	local line
	line=$(grep -E '^    leitlfs +/' "$README")
	"$LEITLFS" -h | grep -qxF -- "$line"
}

@test "the examples of docs/tree.md work" {
	leitl_up
	agent_start cece
	agent_do cece "mkdir sessions/cece"
	shell_of "$ROOT/docs/tree.md" >"$LEITL_TMP/examples"
	[ -s "$LEITL_TMP/examples" ]
	run agent_do cece "set -e; PATH='${LEITLFS%/*}':\$PATH; source '$LEITL_TMP/examples'"
	assert_eq "$status" 0 "$output"
	assert_match "$output" '"agent_name":"Dora"'
	assert_eq "$(jq -r .event_type "$MNT/broadcast" | tr '\n' ' ')" \
		"broadcast.message deploy.done broadcast.message "
	assert_eq "$(jq -r .event_type "$MNT/feeds/by-type/task.started")" task.started
	assert_eq "$(cat "$MNT/errors")" ""
}

@test "docs/tree.md: what registers a session gives the id that its table says" {
	local n=0 commands id command
	leitl_up
	while IFS='|' read -r _ commands id _; do
		while IFS= read -r command; do
			n=$((n + 1))
			agent_start "r$n"
			assert_match "$(agent_do "r$n" "$command && cat self/id")" "$(id_like "$id")" "$command"
		done < <(grep -oE '`[^`]+`' <<<"$commands" | tr -d '`')
	done < <(sed -n '/^| to register/,/^$/p' "$ROOT/docs/tree.md" | grep -E '^\| `')
	assert_eq "$n" 3
}

# What an id looks like, of a cell that holds it: `leitl-cece-<16 hex digits>`.
id_like() { # CELL
	local id=${1//[ \`]/}
	echo "^${id/<16hexdigits>/[0-9a-f]{16\}}\$"
}

@test "docs/tree.md names every errno that the mount's README.md names" {
	local name
	leitl_up
	for name in $(sed -n '/^## Errors/,$ s/^ *\(E[A-Z]*\) .*/\1/p' "$MNT/README.md"); do
		grep -qE "^\| ([A-Z]+, )*$name[ ,]" "$ROOT/docs/tree.md" || fail "no $name"
	done
}

@test "what the documents link to is there" {
	local file link
	for file in "$README" "$ROOT"/docs/*.md; do
		for link in $(grep -oE '\]\([^)]+\)' "$file" | tr -d '()]' | grep -v ^https:); do
			[ -e "${file%/*}/${link%%#*}" ] || fail "${file##*/}: there is no $link"
		done
	done
}
