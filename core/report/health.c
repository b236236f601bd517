/* What the saver looks at once a second. */
#include "core/report/health.h"

#include "core/base/metrics.h"
#include "core/item/alert.h"
#include "core/state/parts.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

static int64_t file_bytes(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path) ||
		stat(path, &st) != 0)
		return 0;
	return (int64_t)st.st_blocks * 512;
}

static void look_at_room(struct metrics *m, const char *dir)
{
	struct statvfs fs;
	int64_t room, total, low, least;

	if (statvfs(dir, &fs) != 0) {
		atomic_store(&m->room_bytes, -1);
		return;
	}
	room = (int64_t)((uint64_t)fs.f_bavail * fs.f_frsize);
	total = (int64_t)((uint64_t)fs.f_blocks * fs.f_frsize);
	low = total / 4 < HEALTH_ROOM_LOW ? total / 4 : HEALTH_ROOM_LOW;
	least = total / 16 < HEALTH_ROOM_LEAST ? total / 16 : HEALTH_ROOM_LEAST;
	atomic_store(&m->low_bytes, low);
	atomic_store(&m->least_bytes, least);
	atomic_store(&m->room_bytes, room);
	if (room >= low) {
		if (atomic_exchange(&m->low_us, 0))
			atomic_store(&m->calm_us, m->clock->wall_us(m->clock));
	} else if (!atomic_load(&m->low_us)) {
		atomic_store(&m->low_us, m->clock->wall_us(m->clock));
	}
}

void health_look(struct loop *loop)
{
	struct metrics *m = loop->metrics;
	const char *dir = loop->config->state;

	look_at_room(m, dir);
	atomic_store(&m->store_bytes[STORE_DATABASE], file_bytes(dir, "leitl.db"));
	atomic_store(&m->store_bytes[STORE_WAL], file_bytes(dir, "leitl.db-wal"));
	atomic_store(&m->store_bytes[STORE_JOURNAL],
		file_bytes(dir, "journal.0") + file_bytes(dir, "journal.1"));
	atomic_store(&m->store_bytes[STORE_CONTEXT],
		file_bytes(dir, "context/context.db") + file_bytes(dir, "context/context.db-wal"));
	alerts_look(loop);
	atomic_store(&m->looked_us, loop_mono_us(loop));
	counter_add(&m->looks, 1);
}
