/* The small files that outlive the daemon: mapped, so that a note in one costs a store. */
#include "core/memory/memory_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int memory_map(const char *path, size_t size, void **out)
{
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	void *at;
	int r;

	if (fd < 0)
		return -errno;
	/* Its blocks are there, or a full disk would show as SIGBUS. */
	r = -posix_fallocate(fd, 0, (off_t)size);
	if (!r) {
		at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (at == MAP_FAILED)
			r = -errno;
		else
			*out = at;
	}
	close(fd);
	return r;
}
