# An agent for the tests: a process that lives on, does what it is told, and says how it went.
# mount.bash starts it (agent_start) and speaks to it: requests come as lines "VERB NUMBER" through
# the fifo `in`, with the command itself in the file `command`; answers go as "NUMBER RESULT"
# through the fifo `out`, the command's output through the files `stdout` and `stderr`.
#
# Between requests it stands in /, so that it never keeps the mount busy.
#
#     bash agent.bash DIR MOUNT
dir=$1 mnt=$2
cd / || exit 1
exec 200<>"$dir/in" 201<>"$dir/out"
echo $$ >"$dir/pid.new"
mv "$dir/pid.new" "$dir/pid"

while read -r verb number <&200; do
	command=$(<"$dir/command")
	result=0
	case $verb in
	do) # in a new shell, as an agent's tool runs each command
		(cd "$mnt" && exec bash -c "$command") >"$dir/stdout" 2>"$dir/stderr" 200>&- 201>&-
		result=$?
		;;
	sh) # in this very process
		cd "$mnt" 2>"$dir/stderr" && eval "$command" >"$dir/stdout" 2>"$dir/stderr"
		result=$?
		cd / || exit 1
		;;
	bg) # as `do`, without waiting; the result is the new shell's pid
		(exec >"$dir/bg.$BASHPID" 2>&1 && cd "$mnt" && exec bash -c "$command") \
			200>&- 201>&- &
		result=$!
		until [ -f "$dir/bg.$result" ]; do
			sleep 0.005
		done
		;;
	join) # how it ended, or "running"
		if kill -0 "$command" 2>/dev/null; then
			result=running
		else
			wait "$command"
			result=$?
		fi
		;;
	esac
	echo "$number $result" >&201
done
