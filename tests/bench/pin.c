#include "tests/bench/pin.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int pin_here(struct pin *p)
{
	size_t cpu = CPU_SETSIZE - 1;

	if (sched_getaffinity(0, sizeof(p->before), &p->before) != 0)
		return -errno;
	/* The first core is where interrupts mostly go. */
	while (cpu > 0 && !CPU_ISSET(cpu, &p->before))
		cpu--;
	CPU_ZERO(&p->one);
	CPU_SET(cpu, &p->one);
	return sched_setaffinity(0, sizeof(p->one), &p->one) == 0 ? 0 : -errno;
}

static void move(pid_t pid, const cpu_set_t *to)
{
	char path[64];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);

		if (tid > 0)
			sched_setaffinity(tid, sizeof(*to), to);
	}
	if (dir)
		closedir(dir);
}

void pin_process(const struct pin *p, pid_t pid)
{
	move(pid, &p->one);
}

void unpin_process(const struct pin *p, pid_t pid)
{
	move(pid, &p->before);
}

void unpin_here(const struct pin *p)
{
	sched_setaffinity(0, sizeof(p->before), &p->before);
}
