// SPDX-License-Identifier: GPL-2.0-only
/* The state file: who we are to servers, and which leases we have.
 *
 * Text, a line each, whose last line tells whether the others are whole:
 *
 *	inet-tupled 1
 *	duid 00046ba7...
 *	clock BOOT-ID MS-SINCE-BOOT MS-SINCE-1970
 *	lease POOL IAID ADDRESS SERVER T1 T2 EXPIRES	(ms since that boot)
 *	end 0123456789abcdef
 *
 * It is replaced as a whole, and is on the disk before anybody relies on it, if
 * that has room.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "state.h"
#include "tupled.h"

#define NAME		"state"
#define NAME_NEW	"state.new"
#define NAME_DAMAGED	"state.damaged"
#define SIZE_MAX_READ	(64 << 20)
#define DUID_UUID	4	/* RFC 6355 */

/* FNV-1a: it finds accidents, not malice */
static unsigned long long digest(const char *text, size_t size)
{
	unsigned long long sum = 0xcbf29ce484222325;

	while (size--)
		sum = (sum ^ (uint8_t)*text++) * 0x100000001b3;
	return sum;
}

static bool parse_duid(struct dhcp_duid *duid, const char *hex)
{
	size_t i, len = strlen(hex);
	unsigned int byte;

	if (!len || len % 2 || len / 2 > sizeof(duid->bytes) ||
	    strspn(hex, "0123456789abcdef") != len)
		return false;
	for (i = 0; i < len / 2; i++) {
		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return false;
		duid->bytes[i] = byte;
	}
	duid->len = len / 2;
	return true;
}

/* No number is negative, and none has anything behind it. */
static bool parse_num(const char *word, uint64_t max, uint64_t *num)
{
	char *end;

	if (!word || *word < '0' || *word > '9')
		return false;
	errno = 0;
	*num = strtoull(word, &end, 10);
	return !errno && !*end && *num <= max;
}

static bool parse_addr(const char *word, in_addr_t *addr)
{
	return word && inet_pton(AF_INET, word, addr) == 1 &&
	       dhcp_usable(*addr);
}

static bool parse_lease(struct state_data *data, char *words)
{
	struct state_lease lease = { .iaid = 0 };
	const char *pool = strsep(&words, " ");
	uint64_t iaid;

	if (!*pool || strlen(pool) >= sizeof(lease.pool))
		return false;
	strcpy(lease.pool, pool);
	if (!parse_num(strsep(&words, " "), UINT32_MAX, &iaid) ||
	    !parse_addr(strsep(&words, " "), &lease.addr) ||
	    !parse_addr(strsep(&words, " "), &lease.server) ||
	    !parse_num(strsep(&words, " "), UINT64_MAX, &lease.t1) ||
	    !parse_num(strsep(&words, " "), UINT64_MAX, &lease.t2) ||
	    !parse_num(strsep(&words, " "), UINT64_MAX, &lease.expires) ||
	    words || lease.t1 > lease.t2 || lease.t2 > lease.expires)
		return false;
	lease.iaid = iaid;
	return !state_add(data, &lease);
}

static bool parse_clock(struct state_data *data, char *words)
{
	const char *boot = strsep(&words, " ");

	if (strlen(boot) != STATE_BOOT_LEN)
		return false;
	strcpy(data->boot, boot);
	return parse_num(strsep(&words, " "), INT64_MAX, &data->boot_ms) &&
	       parse_num(strsep(&words, " "), INT64_MAX, &data->real_ms) &&
	       !words;
}

static bool parse_line(struct state_data *data, unsigned int n, char *line)
{
	const char *word;

	if (n == 0)
		return !strcmp(line, "inet-tupled 1");
	word = strsep(&line, " ");
	if (!line)
		return false;
	if (n == 1)
		return !strcmp(word, "duid") && parse_duid(&data->duid, line);
	if (n == 2)
		return !strcmp(word, "clock") && parse_clock(data, line);
	return !strcmp(word, "lease") && parse_lease(data, line);
}

/* The place of the last line, if it says that all before it is whole */
static const char *whole(const char *text, size_t size)
{
	char want[32];
	size_t len = strlen("end 0123456789abcdef\n");

	if (size < len || memchr(text, 0, size))
		return NULL;
	snprintf(want, sizeof(want), "end %016llx\n",
		 digest(text, size - len));
	return memcmp(text + size - len, want, len) ? NULL : text + size - len;
}

/**
 * state_parse - what a file says
 * @data: where to put it, for state_clear()
 * @text: the file
 * @size: its length
 *
 * Return: 0; -EBADMSG: it is damaged; -ENOMEM.
 */
int state_parse(struct state_data *data, const char *text, size_t size)
{
	const char *end = whole(text, size);
	char *copy, *rest, *line;
	unsigned int n = 0;
	bool good = true;

	memset(data, 0, sizeof(*data));
	if (!end)
		return -EBADMSG;
	copy = strndup(text, end - text);
	if (!copy)
		return -ENOMEM;
	rest = copy;
	while (good && rest) {
		line = strsep(&rest, "\n");
		good = rest ? parse_line(data, n++, line) : !*line;
	}
	free(copy);
	if (good && n >= 3)
		return 0;
	state_clear(data);
	return -EBADMSG;
}

static void print_lease(FILE *f, const struct state_lease *lease)
{
	char addr[INET_ADDRSTRLEN], server[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &lease->addr, addr, sizeof(addr));
	inet_ntop(AF_INET, &lease->server, server, sizeof(server));
	fprintf(f, "lease %s %u %s %s %llu %llu %llu\n", lease->pool,
		lease->iaid, addr, server, (unsigned long long)lease->t1,
		(unsigned long long)lease->t2,
		(unsigned long long)lease->expires);
}

/* A file that says that; NULL: no memory. To be freed. */
char *state_format(const struct state_data *data, size_t *size)
{
	char *text = NULL;
	size_t i;
	FILE *f;

	f = open_memstream(&text, size);
	if (!f)
		return NULL;
	fprintf(f, "inet-tupled 1\nduid ");
	for (i = 0; i < data->duid.len; i++)
		fprintf(f, "%02x", data->duid.bytes[i]);
	fprintf(f, "\nclock %s %llu %llu\n", data->boot,
		(unsigned long long)data->boot_ms,
		(unsigned long long)data->real_ms);
	for (i = 0; i < data->n; i++)
		print_lease(f, &data->leases[i]);
	if (fflush(f)) {
		fclose(f);
		free(text);
		return NULL;
	}
	fprintf(f, "end %016llx\n", digest(text, *size));
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

static uint64_t carry(uint64_t ms, uint64_t then, uint64_t now, uint64_t past)
{
	uint64_t left = ms > then ? ms - then : 0;

	if (ms == UINT64_MAX)
		return ms;
	return now + (left > past ? left - past : 0);
}

/**
 * state_carry_over - from the clock of another start of the machine to this one's
 * @data: what was read
 * @boot_ms: what the clock of this start says now
 * @real_ms: what the one on the wall says now
 *
 * How much time lies between only the latter knows. Where it has gone backwards
 * nobody does: then no lease lasts.
 */
void state_carry_over(struct state_data *data, uint64_t boot_ms,
		      uint64_t real_ms)
{
	uint64_t past = UINT64_MAX;
	size_t i;

	if (real_ms >= data->real_ms)
		past = real_ms - data->real_ms;
	for (i = 0; i < data->n; i++) {
		struct state_lease *l = &data->leases[i];

		l->t1 = carry(l->t1, data->boot_ms, boot_ms, past);
		l->t2 = carry(l->t2, data->boot_ms, boot_ms, past);
		l->expires = carry(l->expires, data->boot_ms, boot_ms, past);
	}
}

int state_add(struct state_data *data, const struct state_lease *lease)
{
	struct state_lease *more;
	size_t size;

	if (data->n == data->size) {
		size = data->size ? 2 * data->size : 64;
		more = reallocarray(data->leases, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		data->leases = more;
		data->size = size;
	}
	data->leases[data->n++] = *lease;
	return 0;
}

void state_clear(struct state_data *data)
{
	free(data->leases);
	data->leases = NULL;
	data->n = 0;
	data->size = 0;
}

static uint64_t wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec < 0 ? 0 : ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

static int read_boot(char boot[STATE_BOOT_LEN + 1])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, boot, STATE_BOOT_LEN);

	if (fd >= 0)
		close(fd);
	boot[STATE_BOOT_LEN] = '\0';
	return got == STATE_BOOT_LEN ? 0 : -EIO;
}

/**
 * state_lock - be the only one who uses a folder for its state
 * @s: the state
 * @dir: the folder, which is made where it is not there
 *
 * Return: 0; -EWOULDBLOCK: another process uses it; another -errno.
 */
int state_lock(struct state *s, const char *dir)
{
	int err;

	s->dir = dir;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	s->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir_fd < 0)
		return -errno;
	if (!flock(s->dir_fd, LOCK_EX | LOCK_NB))
		return read_boot(s->boot);
	err = -errno;
	close(s->dir_fd);
	return err;
}

/* All of a file, and a byte more in memory: to be freed */
static int read_all(int fd, char **text, size_t *size)
{
	struct stat st;
	ssize_t got;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size > SIZE_MAX_READ)
		return -EBADMSG;
	*text = malloc(st.st_size + 1);
	if (!*text)
		return -ENOMEM;
	for (*size = 0; *size < (size_t)st.st_size; *size += got) {
		got = read(fd, *text + *size, st.st_size - *size);
		if (got <= 0) {
			free(*text);
			return -EIO;
		}
	}
	return 0;
}

/* A name that no other host has, and this one not for anything else */
static int new_duid(struct dhcp_duid *duid)
{
	duid->bytes[0] = 0;
	duid->bytes[1] = DUID_UUID;
	duid->len = 2 + 16;
	if (getrandom(duid->bytes + 2, 16, 0) != 16)
		return -EIO;
	duid->bytes[8] = (duid->bytes[8] & 0x0f) | 0x40;	/* random */
	duid->bytes[10] = (duid->bytes[10] & 0x3f) | 0x80;
	return 0;
}

static int set_aside(struct state *s)
{
	if (renameat(s->dir_fd, NAME, s->dir_fd, NAME_DAMAGED) < 0)
		return -errno;
	say("%s/%s is damaged and of no use; it is %s/%s now", s->dir, NAME,
	    s->dir, NAME_DAMAGED);
	return new_duid(&s->data.duid);
}

/**
 * state_read - read the state, or begin one
 * @s: the state
 * @now: the time
 *
 * Return: 0; or -errno: it is there, and cannot be read.
 */
int state_read(struct state *s, uint64_t now)
{
	char *text = NULL;
	size_t size = 0;
	int fd, err;

	fd = openat(s->dir_fd, NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? new_duid(&s->data.duid) : -errno;
	err = read_all(fd, &text, &size);
	close(fd);
	if (!err) {
		err = state_parse(&s->data, text, size);
		free(text);
	}
	if (err == -EBADMSG)
		return set_aside(s);
	if (err)
		return err;

	s->same_boot = !strcmp(s->data.boot, s->boot);
	if (!s->same_boot)
		state_carry_over(&s->data, now, wall_ms());
	return 0;
}

static int write_all(int fd, const char *text, size_t size)
{
	ssize_t did;

	for (; size; text += did, size -= did) {
		did = write(fd, text, size);
		if (did < 0)
			return -errno;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/**
 * state_write - put the state on the disk, in the place of what was there
 * @s: the state, with the leases of now
 * @now: the time
 *
 * Return: 0 or -errno.
 */
int state_write(struct state *s, uint64_t now)
{
	size_t size;
	char *text;
	int fd, err;

	strcpy(s->data.boot, s->boot);
	s->data.boot_ms = now;
	s->data.real_ms = wall_ms();
	text = state_format(&s->data, &size);
	if (!text)
		return -ENOMEM;
	fd = openat(s->dir_fd, NAME_NEW,
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	err = fd < 0 ? -errno : write_all(fd, text, size);
	free(text);
	if (fd >= 0 && close(fd) < 0 && !err)
		err = -errno;
	if (!err && (renameat(s->dir_fd, NAME_NEW, s->dir_fd, NAME) < 0 ||
		     fsync(s->dir_fd) < 0))
		err = -errno;
	return err;
}
