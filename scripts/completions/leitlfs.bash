# bash completion for leitlfs: `leitlfs complete` knows what may stand there, this puts it before
# readline. Installed as share/bash-completion/completions/leitlfs; or source it.

_leitlfs() {
	local rest=${COMP_LINE:0:COMP_POINT} trimmed line i plain quote opened strip breaks
	local words=() starts=() paths=()
	# As the shell will see them: readline also cuts at ':' and '='.
	for ((i = 0; i <= COMP_CWORD; i++)); do
		trimmed=${rest#"${rest%%[![:space:]]*}"}
		line=${trimmed:0:${#COMP_WORDS[i]}}
		if ((i > 0)) && [ "$trimmed" = "$rest" ] && [ ${#words[@]} -gt 0 ]; then
			words[${#words[@]} - 1]+=$line
		else
			words+=("$line") starts+=("$i")
		fi
		rest=${trimmed:${#line}}
	done
	for ((i = 0; i < ${#words[@]}; i++)); do
		_leitlfs_plain "${words[i]}"
		words[i]=$plain
	done
	# What readline leaves alone: all before a quote that is open, or before where it cuts.
	if [ -n "$quote" ]; then
		strip=${plain:0:opened}
	else
		breaks=${COMP_WORDBREAKS//[^:=@]/}
		strip=${breaks:+${plain%"${plain##*[$breaks]}"}}
	fi
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:dirs | ":dirs "*) _leitlfs_paths -d "${line:6}" ;;
		":program "*)
			_leitlfs_program "${line#:program }"
			return
			;;
		*) COMPREPLY+=("${line%%$'\t'*}") ;;
		esac
	done < <("${words[0]/#~\//"$HOME/"}" complete "${words[@]:1}" 2>/dev/null)
	COMPREPLY+=("${paths[@]}")
	for i in "${!COMPREPLY[@]}"; do
		line=${COMPREPLY[i]#"$strip"}
		if [ ${#paths[@]} -eq 0 ] && [ -z "$quote" ]; then
			printf -v line %q "$line"
			line=${line//\\,/,}
		fi
		COMPREPLY[i]=$line
	done
	if [ ${#COMPREPLY[@]} -eq 1 ] && [[ $line == *= ]]; then
		compopt -o nospace 2>/dev/null
	fi
}

# Sets `plain` to the word without its quotes, `quote` to the one that is open at its end, and
# `opened` to how much stands before that one.
_leitlfs_plain() { # WORD
	local at char
	plain='' quote='' opened=0
	for ((at = 0; at < ${#1}; at++)); do
		char=${1:at:1}
		if [ -n "$quote" ] && [ "$char" = "$quote" ]; then
			quote=''
		elif [ -z "$quote" ] && [[ $char == [\"\'] ]]; then
			quote=$char opened=${#plain}
		elif [ "$char" = \\ ] && { [ -z "$quote" ] ||
			{ [ "$quote" = \" ] && [[ ${1:at+1:1} == [\"\\\$\`] ]]; }; }; then
			((++at))
			plain+=${1:at:1}
		else
			plain+=$char
		fi
	done
}

# Adds to `paths` what goes on with the word behind LEAD. Readline then quotes it all itself.
_leitlfs_paths() { # -f|-d LEAD
	local path
	while IFS= read -r path; do
		paths+=("$2$path")
	done < <(compgen "$1" -- "${plain:${#2}}")
	[ ${#paths[@]} -eq 0 ] || compopt -o filenames 2>/dev/null
}

# From the N-th word on it is another command's line.
_leitlfs_program() { # N
	local name
	if declare -F _comp_command_offset >/dev/null; then
		_comp_command_offset "${starts[$1]}"
	elif declare -F _command_offset >/dev/null; then
		_command_offset "${starts[$1]}"
	elif ((${#words[@]} - 1 > $1)); then
		_leitlfs_paths -f ''
		COMPREPLY=("${paths[@]}")
	else
		while IFS= read -r name; do
			COMPREPLY+=("$name")
		done < <(compgen -c -- "$plain" | sort -u)
	fi
}

complete -F _leitlfs leitlfs
