// SPDX-License-Identifier: GPL-2.0-only
/* Which processes have a socket open: /proc, as far as it may be read. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tuplectl.h"

static int add_owner(struct owners *o, const struct owner *owner)
{
	struct owner *more;
	size_t size;

	if (o->n == o->size) {
		size = o->size ? 2 * o->size : 256;
		more = reallocarray(o->v, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		o->v = more;
		o->size = size;
	}
	o->v[o->n++] = *owner;
	return 0;
}

static void read_command(int proc, const char *pid, struct owner *owner)
{
	char path[32];
	ssize_t len;
	int fd;

	owner->command[0] = '\0';
	snprintf(path, sizeof(path), "%.16s/comm", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	len = read(fd, owner->command, sizeof(owner->command));
	close(fd);
	if (len <= 0)
		return;
	/* The file ends in a newline, the name of 15 characters with it. */
	owner->command[len - 1] = '\0';
}

/* The inode of a link "socket:[INODE]", 0 where that is another */
static uint64_t socket_ino(int dir, const char *name)
{
	static const char start[] = "socket:[";
	char target[64];
	ssize_t len;

	len = readlinkat(dir, name, target, sizeof(target) - 1);
	if (len < 0)
		return 0;
	target[len] = '\0';
	if (strncmp(target, start, sizeof(start) - 1))
		return 0;
	return strtoull(target + sizeof(start) - 1, NULL, 10);
}

static int read_process(struct owners *o, int proc, const char *pid)
{
	struct owner owner = { .pid = atoi(pid) };
	const struct dirent *de;
	bool named = false;
	char path[32];
	int err = 0;
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "%.16s/fd", pid);
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return 0;
	}

	while (!err && (de = readdir(dir))) {
		owner.ino = socket_ino(fd, de->d_name);
		if (!owner.ino)
			continue;
		if (!named)
			read_command(proc, pid, &owner);
		named = true;
		owner.fd = atoi(de->d_name);
		err = add_owner(o, &owner);
	}
	closedir(dir);
	return err;
}

static int by_ino(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->fd - y->fd;
}

/* What cannot be read is left out: leases are shown without it, too. */
static void read_all(struct owners *o)
{
	const struct dirent *de;
	DIR *dir;

	o->read = true;
	dir = opendir("/proc");
	if (!dir)
		return;
	while ((de = readdir(dir)))
		if (de->d_name[0] >= '1' && de->d_name[0] <= '9' &&
		    read_process(o, dirfd(dir), de->d_name))
			break;
	closedir(dir);
	if (o->n)
		qsort(o->v, o->n, sizeof(*o->v), by_ino);
}

/* The owners of a socket, *@n of them. The first call reads /proc. */
const struct owner *owners_find(struct owners *o, uint64_t ino, size_t *n)
{
	size_t low = 0, high, mid;

	*n = 0;
	if (!ino)
		return NULL;
	if (!o->read)
		read_all(o);

	high = o->n;
	while (low < high) {
		mid = low + (high - low) / 2;
		if (o->v[mid].ino < ino)
			low = mid + 1;
		else
			high = mid;
	}
	while (low + *n < o->n && o->v[low + *n].ino == ino)
		++*n;
	return *n ? &o->v[low] : NULL;
}

void owners_free(struct owners *o)
{
	free(o->v);
	memset(o, 0, sizeof(*o));
}
