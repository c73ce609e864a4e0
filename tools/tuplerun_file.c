// SPDX-License-Identifier: GPL-2.0-only
/* What kind of program a command is: whether a preloaded library reaches it. */
#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "tuplerun.h"

#define SCRIPTS_MAX	5	/* as many as the kernel follows */
#define LINE_SIZE	256
#define TABLE_MAX	1000000

struct elf {
	int fd;
	bool is64;
	unsigned int machine;
	uint64_t phoff, shoff;
	unsigned int phentsize, phnum, shentsize, shnum, shstrndx;
	char interp[PATH_MAX];
};

/* Where a number is in a header, and how long: in files of 32 and 64 bits */
struct field {
	unsigned char at[2], len[2];
};

#define HEADER_SIZE	64	/* no header is larger */

static const struct field e_machine = { { 18, 18 }, { 2, 2 } };
static const struct field e_phoff = { { 28, 32 }, { 4, 8 } };
static const struct field e_shoff = { { 32, 40 }, { 4, 8 } };
static const struct field e_phentsize = { { 42, 54 }, { 2, 2 } };
static const struct field e_phnum = { { 44, 56 }, { 2, 2 } };
static const struct field e_shentsize = { { 46, 58 }, { 2, 2 } };
static const struct field e_shnum = { { 48, 60 }, { 2, 2 } };
static const struct field e_shstrndx = { { 50, 62 }, { 2, 2 } };
static const struct field p_type = { { 0, 0 }, { 4, 4 } };
static const struct field p_offset = { { 4, 8 }, { 4, 8 } };
static const struct field p_filesz = { { 16, 32 }, { 4, 8 } };
static const struct field sh_name = { { 0, 0 }, { 4, 4 } };
static const struct field sh_offset = { { 16, 24 }, { 4, 8 } };
static const struct field sh_size = { { 20, 32 }, { 4, 8 } };

static bool is_program(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

/* Return: 1: *@path is it; 0: go on; -1: no memory */
static int try_dir(const char *dir, int len, const char *name, char **path,
		   int *err)
{
	if (asprintf(path, "%.*s%s%s", len, dir, len ? "/" : "", name) < 0)
		return -1;
	if (is_program(*path))
		return 1;
	/* One that is there but may not be run is told of in the end. */
	if (!access(*path, F_OK))
		*err = EACCES;
	free(*path);
	return 0;
}

/**
 * tuplerun_find - look a command up as execvp() does
 * @name: its name
 *
 * Return: its path, to be freed; NULL with errno where there is none.
 */
char *tuplerun_find(const char *name)
{
	const char *dir = getenv("PATH");
	int err = ENOENT;
	char *path;
	int len;

	if (!*name) {
		errno = ENOENT;
		return NULL;
	}
	if (strchr(name, '/'))
		return strdup(name);
	if (!dir)
		dir = "/bin:/usr/bin";
	for (;; dir += len + 1) {
		len = strcspn(dir, ":");
		switch (try_dir(dir, len, name, &path, &err)) {
		case 1:
			return path;
		case -1:
			return NULL;
		}
		if (!dir[len])
			break;
	}
	errno = err;
	return NULL;
}

static bool read_at(int fd, uint64_t at, void *buf, size_t len)
{
	return pread(fd, buf, len, at) == (ssize_t)len;
}

static uint64_t get(const struct elf *elf, const unsigned char *header,
		    const struct field *field)
{
	const unsigned char *at = header + field->at[elf->is64];
	uint16_t n16;
	uint32_t n32;
	uint64_t n64;

	switch (field->len[elf->is64]) {
	case 2:
		memcpy(&n16, at, sizeof(n16));
		return n16;
	case 4:
		memcpy(&n32, at, sizeof(n32));
		return n32;
	}
	memcpy(&n64, at, sizeof(n64));
	return n64;
}

/* One of the other byte order will look foreign, which it is. */
static bool read_header(struct elf *elf)
{
	unsigned char h[HEADER_SIZE];

	if (!read_at(elf->fd, 0, h, sizeof(h)) || memcmp(h, ELFMAG, SELFMAG))
		return false;
	elf->is64 = h[EI_CLASS] == ELFCLASS64;
	elf->machine = get(elf, h, &e_machine);
	elf->phoff = get(elf, h, &e_phoff);
	elf->phentsize = get(elf, h, &e_phentsize);
	elf->phnum = get(elf, h, &e_phnum);
	elf->shoff = get(elf, h, &e_shoff);
	elf->shentsize = get(elf, h, &e_shentsize);
	elf->shnum = get(elf, h, &e_shnum);
	elf->shstrndx = get(elf, h, &e_shstrndx);
	return true;
}

/* An entry of one of the two tables; what lies behind the end of a file that
 * is short is zero
 */
static bool read_entry(const struct elf *elf, uint64_t at, unsigned char *h)
{
	memset(h, 0, HEADER_SIZE);
	return pread(elf->fd, h, HEADER_SIZE, at) > 0;
}

/* The part of the file where the name of the dynamic loader is */
static bool interp_at(const struct elf *elf, unsigned int i, uint64_t *at,
		      uint64_t *len)
{
	unsigned char h[HEADER_SIZE];

	if (!read_entry(elf, elf->phoff + (uint64_t)i * elf->phentsize, h) ||
	    get(elf, h, &p_type) != PT_INTERP)
		return false;
	*at = get(elf, h, &p_offset);
	*len = get(elf, h, &p_filesz);
	return true;
}

/* "" for static programs */
static void read_interp(struct elf *elf)
{
	uint64_t at, len;
	unsigned int i;

	elf->interp[0] = '\0';
	for (i = 0; i < elf->phnum; i++) {
		if (!interp_at(elf, i, &at, &len))
			continue;
		if (len >= sizeof(elf->interp) ||
		    !read_at(elf->fd, at, elf->interp, len))
			len = 0;
		elf->interp[len] = '\0';
		return;
	}
}

static bool read_elf(const char *path, struct elf *elf)
{
	bool ok;

	elf->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (elf->fd < 0)
		return false;
	ok = read_header(elf);
	if (ok)
		read_interp(elf);
	else
		close(elf->fd);
	return ok;
}

static bool section(const struct elf *elf, unsigned int i, uint64_t *name,
		    uint64_t *at, uint64_t *len)
{
	unsigned char h[HEADER_SIZE];

	if (!read_entry(elf, elf->shoff + (uint64_t)i * elf->shentsize, h))
		return false;
	*name = get(elf, h, &sh_name);
	*at = get(elf, h, &sh_offset);
	*len = get(elf, h, &sh_size);
	return true;
}

/* Go makes its system calls itself, also where it links to libc. */
static bool is_go(const struct elf *elf)
{
	uint64_t name, at, len, names_len;
	bool found = false;
	unsigned int i;
	char *names;

	if (!section(elf, elf->shstrndx, &name, &at, &names_len) ||
	    names_len > TABLE_MAX)
		return false;
	names = calloc(1, names_len + 1);
	if (!names)
		return false;
	if (!read_at(elf->fd, at, names, names_len))
		goto out;
	for (i = 0; i < elf->shnum && !found; i++)
		found = section(elf, i, &name, &at, &len) &&
			name < names_len &&
			(!strcmp(names + name, ".note.go.buildid") ||
			 !strcmp(names + name, ".go.buildinfo"));
out:
	free(names);
	return found;
}

/* The dynamic loader ignores the environment for programs that run with
 * privileges which their caller does not have.
 */
static bool is_privileged(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	if ((st.st_mode & S_ISUID) && st.st_uid != geteuid())
		return true;
	if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) &&
	    st.st_gid != getegid())
		return true;
	return getuid() &&
	       fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

/* The library is of the kind that tuplerun itself is. */
static bool is_foreign(const struct elf *elf)
{
	struct elf *own = calloc(1, sizeof(*own));
	bool foreign = false;

	if (own && read_elf("/proc/self/exe", own)) {
		foreign = own->is64 != elf->is64 ||
			  own->machine != elf->machine ||
			  strcmp(own->interp, elf->interp);
		close(own->fd);
	}
	free(own);
	return foreign;
}

static const char *why_elf(const struct elf *elf)
{
	if (!elf->interp[0])
		return "it is linked statically";
	if (is_foreign(elf))
		return "it has another dynamic loader";
	if (is_go(elf))
		return "it is a Go program";
	if (is_privileged(elf->fd))
		return "it is setuid, setgid or has capabilities";
	return NULL;
}

/* env(1) is but a way to say that the path is to be searched. */
static char *after_env(char *words)
{
	char *word;

	while ((word = strsep(&words, " \t")))
		if (*word && *word != '-' && !strchr(word, '='))
			return tuplerun_find(word);
	return NULL;
}

/* Return: who interprets a script, to be freed; NULL where it is none */
static char *interpreter(const char *path)
{
	char line[LINE_SIZE] = "";
	char *name, *rest, *base;
	ssize_t len;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	len = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (len < 2 || memcmp(line, "#!", 2))
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	name = line + 2;
	name += strspn(name, " \t");
	rest = name + strcspn(name, " \t");
	if (*rest)
		*rest++ = '\0';
	base = strrchr(name, '/');
	if (!strcmp(base ? base + 1 : name, "env"))
		return after_env(rest);
	return strdup(name);
}

/**
 * tuplerun_why_seccomp - why a preloaded library does not reach a program
 * @path: the program, or a script
 *
 * Return: the reason, or NULL: it does, for all one can tell.
 */
const char *tuplerun_why_seccomp(const char *path)
{
	const char *why = NULL;
	char *at = strdup(path);
	struct elf *elf;
	char *next;
	int i;

	for (i = 0; at && i < SCRIPTS_MAX; i++) {
		next = interpreter(at);
		if (!next)
			break;
		free(at);
		at = next;
	}
	elf = calloc(1, sizeof(*elf));
	if (at && elf && read_elf(at, elf)) {
		why = why_elf(elf);
		close(elf->fd);
	} else if (at && is_program(at) && eaccess(at, R_OK)) {
		why = "it cannot be read";
	}
	free(elf);
	free(at);
	return why;
}
