#include "fs/command/command.h"

#include <stdint.h>

/* clang-format off */
const struct command_option command_common[] = {
	{'m', "mount", "PATH", "the mount, or any path in it", COMPLETE_MOUNT},
	{'i', "as", "ID", "as this session of yours", COMPLETE_SESSION},
	{'j', "json", NULL, "print one JSON object", COMPLETE_NOTHING},
	{'h', "help", NULL, "this text", COMPLETE_NOTHING},
	{0},
};

static const struct command_option ask_options[] = {
	{'t', "timeout", "TIME", "how long to wait: 30 (seconds), 500ms, 5m", COMPLETE_NOTHING},
	{'a', "all", NULL, "of several who are asked, wait for all", COMPLETE_NOTHING},
	{'T', "type", "TYPE", "what kind of question it is", COMPLETE_NOTHING},
	{0},
};

static const struct command_option answer_options[] = {
	{'e', "error", NULL, "TEXT is why there is no answer", COMPLETE_NOTHING},
	{0},
};

static const struct command_option say_options[] = {
	{'t', "to", "WHO", "to these alone; may be repeated", COMPLETE_WHO},
	{'T', "type", "TYPE", "as an event of this type, as task.started", COMPLETE_TYPE},
	{0},
};

static const struct command_option run_options[] = {
	{'n', "name", "NAME", "the agent's name; else ID, else CMD's", COMPLETE_NOTHING},
	{'i', "id", "ID", "the session's id; else one is made", COMPLETE_NOTHING},
	{'t', "task", "TEXT", "what it is doing", COMPLETE_NOTHING},
	{'g', "tag", "TAG", "a word to find it by; may be repeated", COMPLETE_NOTHING},
	{'y', "type", "TYPE", "what kind of agent it is", COMPLETE_NOTHING},
	{0},
};

static const struct command_option top_options[] = {
	{'m', "mount", "PATH", "the mount, or any path in it", COMPLETE_MOUNT},
	{0},
};

static const struct command_option search_options[] = {
	{'n', "max", "N", "at most so many files (10; up to 100)", COMPLETE_NOTHING},
	{0},
};

static const struct command_option man_options[] = {
	{'r', "roff", NULL, "the page's source, as mdoc(7)", COMPLETE_NOTHING},
	{0},
};

#define STATUSES \
	"Exit status: 0 done; 1 refused; 2 not understood, or several mounts or sessions\n" \
	"could be meant; 7 there is no mount, or it is dead, silent or closed to you"

const struct command_row commands[] = {
	{"ask", "[options] WHO TEXT...|-", "ask somebody, and print the answer",
		"Asks a session, an agent, tag:WORD (any one that has the tag), several with\n"
		"commas between, or '*' for everyone; waits, and prints the answer. The words of\n"
		"TEXT are joined; what begins with { is JSON; - is read from stdin. Ctrl-C takes\n"
		"the question back. Options stand anywhere; a TEXT that begins with - stands\n"
		"behind --.\n"
		"\n"
		"    leitlfs ask -t 1m bob 'which port?'\n"
		"    leitlfs ask tag:reviewer - < question.txt\n"
		"    leitlfs ask -a alice,bob 'merge now?'\n"
		"\n"
		STATUSES ";\n"
		"3 no answer in time; 4 there is no such receiver, or it has ended; 5 the answer\n"
		"is an error, on stderr; 6 it was cancelled, or all wait for each other.\n",
		ask_options, COMMAND_TREE | COMMAND_JSON | COMMAND_AS, 2, SIZE_MAX, COMPLETE_WHO, COMPLETE_NOTHING,
		command_ask},
	{"answer", "[options] ASK [TEXT...|-]", "answer a question, or say why not",
		"Answers the question ASK, which is as q6 or asks/q6; leitlfs status lists those\n"
		"that wait for you. The words of TEXT are joined; what begins with { is JSON;\n"
		"without TEXT, or with -, it is read from stdin. Options stand anywhere; a TEXT\n"
		"that begins with - stands behind --.\n"
		"\n"
		"    leitlfs answer q6 8080\n"
		"    leitlfs answer --error q6 'nobody knows'\n"
		"    leitlfs answer q6 < answer.txt\n"
		"    leitlfs answer q6 -- -1\n"
		"\n"
		"With --json: {\"path\",\"bytes\"}. Who asked takes the question back by --error.\n"
		"\n"
		STATUSES ";\n"
		"4 there is no such question, or it is over. An answer that doesn't fit what was\n"
		"asked for is 2.\n",
		answer_options, COMMAND_TREE | COMMAND_JSON | COMMAND_AS, 1, SIZE_MAX, COMPLETE_ASK, COMPLETE_NOTHING,
		command_answer},
	{"say", "[options] TEXT...|-", "tell everyone, or one, or an event",
		"Says TEXT to everyone, as your own session where you have one. The words are\n"
		"joined; what begins with { is JSON; - is read from stdin, and is one message\n"
		"with its lines kept. WHO is a session, an agent, tag:WORD (all others that have\n"
		"the tag), or several with commas between; each gets a message of its own, and\n"
		"none is sent where one of them is not there. Options stand anywhere; a TEXT that\n"
		"begins with - stands behind --.\n"
		"\n"
		"    leitlfs say tests are green\n"
		"    leitlfs say --to bob 'the port is 8080'\n"
		"    leitlfs say --to alice,tag:reviewer 'please look'\n"
		"    leitlfs say --type task.started 'fix the login'\n"
		"    make 2>&1 | tail -n 20 | leitlfs say -\n"
		"\n"
		STATUSES ";\n"
		"4 there is no such receiver, or it has ended.\n",
		say_options, COMMAND_TREE | COMMAND_JSON | COMMAND_AS, 1, SIZE_MAX, COMPLETE_NOTHING,
		COMPLETE_NOTHING, command_say},
	{"run", "[options] [--] CMD [ARGUMENT...]", "run a program as a session of its own",
		"Registers a session, runs CMD in it, and ends the session when CMD ends. In CMD,\n"
		"`self` is that session; LEITLFS_SESSION is its id, LEITLFS_MOUNT the mount. When\n"
		"leitlfs itself is killed the session ends with it; CMD goes on.\n"
		"\n"
		"Signals of the terminal reach CMD as ever; those sent to leitlfs alone are\n"
		"passed on, and when CMD is stopped, so is leitlfs.\n"
		"\n"
		"    leitlfs run --task 'nightly build' -- make all\n"
		"\n"
		"Exit status: CMD's own, or 128 and the number of the signal that ended it; 125\n"
		"leitlfs failed, as where there is no mount; 126 CMD can't be run; 127 there is\n"
		"no CMD. For these three no session is registered.\n",
		run_options, COMMAND_TREE | COMMAND_STATUS | COMMAND_FIRST, 1, SIZE_MAX, COMPLETE_PROGRAM,
		COMPLETE_PROGRAM, command_run},
	{"status", "[options]", "who is in the loop, and what waits for you",
		"Shows who is in the loop, with health and task, how much is unread for you, and\n"
		"as whom you speak; and the open questions, those first that wait for you, with\n"
		"the command that answers. An asterisk is your own session. With\n"
		"several sessions there is none: --as, or working below as/ID, chooses.\n"
		"\n"
		"With --json: {\"mount\",\"self\",\"self_error\",\"unread\",\"asks\":[ask.json...],\n"
		"\"sessions\":sessions.json,\"status\":status.json}; without a session, self and\n"
		"unread are null; with several, or an ended one, self_error tells.\n"
		"\n"
		STATUSES ".\n",
		NULL, COMMAND_TREE | COMMAND_JSON | COMMAND_AS, 0, 0, COMPLETE_NOTHING, COMPLETE_NOTHING,
		command_show_status},
	{"top", "[options] [MOUNT]", "the dashboard, live in the terminal",
		"Shows who is in the loop, what waits, what happens and what is wrong, as it\n"
		"comes. Without MOUNT it finds the mount by itself. It asks for no colours.\n"
		"\n"
		"    Tab         the next pane: sessions, asks, tasks, together, claims,\n"
		"                sources, alerts, messages, activity\n"
		"    j k arrows  down and up; g G first and last\n"
		"    Enter       look into what is chosen; Esc or q goes back\n"
		"    /           show only what matches; Esc clears\n"
		"    m M         a message to the session that is chosen; to everyone. On a\n"
		"                question for you, or for anyone, m answers it\n"
		"    ?           all keys; q quits\n"
		"\n"
		STATUSES ".\n",
		top_options, 0, 0, 1, COMPLETE_MOUNT, COMPLETE_NOTHING, command_top},
	{"search", "[options] WORD...", "find files of context/ by words",
		"Finds synced files, best first: rank, path, and a snippet. What a query may\n"
		"hold is the same as below context/search/: \"phrases\", -words, prefix*,\n"
		"type:md,py source:docs path:api/ since:7d. Options stand anywhere; words that\n"
		"begin with - stand behind --.\n"
		"\n"
		"    leitlfs search user authentication source:docs -n 3\n"
		"    leitlfs search login -- -draft\n"
		"\n"
		"With --json: results.json.\n"
		"\n"
		"Exit status: 0 found; 1 nothing was found, or refused; 2 not understood, or\n"
		"several mounts could be meant; 7 there is no mount, or it is dead, silent or\n"
		"closed to you.\n",
		search_options, COMMAND_TREE | COMMAND_JSON, 1, SIZE_MAX, COMPLETE_SOURCE,
		COMPLETE_SOURCE, command_search},
	{"doctor", "[options] [PATH...]", "what is wrong with this machine or mount",
		"Looks at all that leitlfs needs from this machine, and at every mount of it, or\n"
		"at those at PATH; and says what is wrong, and the mend. It changes nothing, and\n"
		"no mount that hangs can hang it.\n"
		"\n"
		"Exit status: 0 nothing fails (there may be warnings); 1 something does; 2 not\n"
		"understood.\n",
		NULL, COMMAND_JSON, 0, SIZE_MAX, COMPLETE_MOUNT, COMPLETE_MOUNT, command_doctor},
	{"umount", "MOUNTPOINT", "end a mount; waiting reads get end of file",
		"Ends the daemon behind a mount, and returns when both are gone. What a dead\n"
		"daemon left is detached.\n"
		"\n"
		"Exit status: 0 done; 1 refused, or it goes on; 2 not understood.\n",
		NULL, 0, 1, 1, COMPLETE_MOUNT, COMPLETE_NOTHING, command_umount},
	{"man", "[options] [1|5|7]", "the manual: leitlfs(1), leitlfs(5), leitl(7)",
		"Shows leitlfs(1), or leitlfs(5), the tree of files, or leitl(7), what is told in\n"
		"it. On a terminal man(1) or mandoc(1) shows the page; elsewhere it is printed as\n"
		"plain text, by mandoc(1), groff(1) or man(1). Where none of them is installed\n"
		"that is the page's source, as with --roff.\n"
		"\n"
		"Exit status: 0 done; 1 there is nothing to show it with, or that failed; 2 not\n"
		"understood.\n",
		man_options, 0, 0, 1, COMPLETE_SECTION, COMPLETE_NOTHING, command_man},
	{"help", "[options] [COMMAND]", "this list, or what one command does",
		"The same as leitlfs -h; with COMMAND, as leitlfs COMMAND --help.\n"
		"\n"
		"Exit status: 0 done; 2 there is no such command.\n",
		NULL, 0, 0, 1, COMPLETE_COMMAND, COMPLETE_NOTHING, command_show_help},
	{"complete", "", "", "", NULL, COMMAND_HIDDEN, 0, SIZE_MAX, COMPLETE_NOTHING,
		COMPLETE_NOTHING, command_complete},
	{0},
};
/* clang-format on */
