// SPDX-License-Identifier: GPL-2.0-only
/* The command line of tuplerun, which sockets it wants, and how it finds and
 * judges programs.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <linux/capability.h>
#include <linux/xattr.h>
#include "lib_tap.h"
#include "tuplerun.h"

static struct tuplerun t;

/* Not between the lines of TAP */
static int parse(const char *line)
{
	static char buf[256];
	char *argv[16], *rest = buf;
	int saved[2] = { dup(1), dup(2) };
	int null = open("/dev/null", O_WRONLY);
	int argc = 0, status;

	snprintf(buf, sizeof(buf), "%s", line);
	while ((argv[argc] = strsep(&rest, " ")))
		argc++;
	fflush(stdout);
	dup2(null, 1);
	dup2(null, 2);
	status = tuplerun_args(&t, argc, argv);
	fflush(stdout);
	dup2(saved[0], 1);
	dup2(saved[1], 2);
	close(saved[0]);
	close(saved[1]);
	close(null);
	return status;
}

static bool command_is(const char *word)
{
	return t.argv && !strcmp(t.argv[0], word);
}

static void test_good(void)
{
	ok(parse("tuplerun cmd") == -1 && command_is("cmd"), "a command");
	ok(t.way == WAY_CHOSEN && !t.fallback && !t.shared && !t.conf.pool[0] &&
	   !t.conf.scope_id, "the defaults");
	ok(parse("tuplerun --pool p1 -- cmd -x") == -1 && command_is("cmd") &&
	   !strcmp(t.conf.pool, "p1") && !strcmp(t.argv[1], "-x"),
	   "--pool, --");
	ok(parse("tuplerun -p p2 cmd --pool p3") == -1 &&
	   !strcmp(t.conf.pool, "p2") && !strcmp(t.argv[1], "--pool"),
	   "what follows the command is the command's");
	ok(parse("tuplerun --pool=1234567890123456789012345678901 cmd") == -1,
	   "a name of 31 characters");
	ok(parse("tuplerun --seccomp cmd") == -1 && t.way == WAY_SECCOMP,
	   "--seccomp");
	ok(parse("tuplerun --preload cmd") == -1 && t.way == WAY_PRELOAD,
	   "--preload");
	ok(parse("tuplerun --fallback cmd") == -1 && t.fallback, "--fallback");
	ok(parse("tuplerun -f -s socket cmd") == -1 && t.fallback &&
	   !t.shared && !t.conf.scope_id, "--scope socket");
	ok(parse("tuplerun --help") == 0, "--help");
	ok(parse("tuplerun --version") == 0, "--version");
}

static void test_mptcp(void)
{
	ok(parse("tuplerun cmd") == -1 && !t.conf.mptcp, "TCP is TCP");
	ok(parse("tuplerun --mptcp cmd --mptcp") == -1 && t.conf.mptcp, "--mptcp");
}

static void test_scope(void)
{
	uint64_t id;

	ok(parse("tuplerun --scope process cmd") == -1 && t.shared &&
	   t.conf.scope_id, "--scope process has an id");
	id = t.conf.scope_id;
	ok(parse("tuplerun --scope process cmd") == -1 &&
	   t.conf.scope_id != id, "each time another");
	ok(parse("tuplerun --scope process --scope socket cmd") == -1 &&
	   !t.shared && !t.conf.scope_id, "the last one holds");
}

static void test_bad(void)
{
	static const char *const bad[] = {
		"tuplerun", "tuplerun --", "tuplerun --pool",
		"tuplerun --pool p", "tuplerun --pool a/b cmd",
		"tuplerun --pool= cmd", "tuplerun --scope cgroup cmd",
		"tuplerun --pool 12345678901234567890123456789012 cmd",
		"tuplerun --seccomp --preload cmd", "tuplerun --no-such cmd",
		"tuplerun --fallback=yes cmd",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		ok(parse(bad[i]) == FAILED, "wrong: %s", bad[i]);
}

static void test_wants(void)
{
	static const struct {
		int domain, type, protocol;
		bool wants;
	} cases[] = {
		{ AF_INET, SOCK_STREAM, 0, true },
		{ AF_INET6, SOCK_STREAM, IPPROTO_TCP, true },
		{ AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, true },
		{ AF_INET, SOCK_STREAM, IPPROTO_MPTCP, true },
		{ AF_INET, SOCK_STREAM, IPPROTO_SCTP, true },
		{ AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP, true },
		{ AF_INET, SOCK_SEQPACKET, 0, false },
		{ AF_INET, SOCK_STREAM, IPPROTO_UDP, false },
		{ AF_INET, SOCK_STREAM, 256 /* SMC */, false },
		{ AF_INET, SOCK_DGRAM, 0, true },
		{ AF_INET6, SOCK_DGRAM, IPPROTO_UDP, true },
		{ AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, true },
		{ AF_INET, SOCK_DGRAM, IPPROTO_ICMP, true },
		{ AF_INET6, SOCK_DGRAM, IPPROTO_ICMP, false },
		{ AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, true },
		{ AF_INET, SOCK_DGRAM, 115 /* L2TP */, false },
		{ AF_INET, SOCK_RAW, IPPROTO_ICMP, false },
		{ AF_INET, SOCK_RAW, IPPROTO_RAW, false },
		{ AF_INET, SOCK_PACKET, 0, false },
		{ AF_UNIX, SOCK_STREAM, 0, false },
		{ AF_NETLINK, SOCK_DGRAM, 0, false },
		{ AF_PACKET, SOCK_DGRAM, 0, false },
		{ AF_INET_TUPLE, SOCK_STREAM, 0, false },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		ok(tuplerun_wants(cases[i].domain, cases[i].type,
				  cases[i].protocol) == cases[i].wants,
		   "family %d type %#x protocol %d", cases[i].domain,
		   cases[i].type, cases[i].protocol);
}

static char dir[32];

/* A program in the test's folder; its name there */
static const char *write_file(const char *name, const char *text, mode_t mode)
{
	static char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0755);
	if (write(fd, text, strlen(text)) < 0)
		perror(path);
	fchmod(fd, mode);
	close(fd);
	return path;
}

static void test_find(void)
{
	char *path;

	setenv("PATH", dir, 1);
	write_file("there", "", 0755);
	write_file("not", "", 0644);
	path = tuplerun_find("there");
	ok(path && strstr(path, "/there"), "found in the path");
	free(path);
	path = tuplerun_find("gone");
	ok(!path && errno == ENOENT, "not found: ENOENT");
	path = tuplerun_find("not");
	ok(!path && errno == EACCES, "not executable: EACCES");
	path = tuplerun_find("");
	ok(!path && errno == ENOENT, "no name: ENOENT");
	path = tuplerun_find("/no/such/file");
	ok(path && !strcmp(path, "/no/such/file"), "a path is left as it is");
	free(path);
	setenv("PATH", "/bin:/usr/bin", 1);
}

static bool why(const char *path, const char *word)
{
	const char *text = tuplerun_why_seccomp(path);

	return word ? text && strstr(text, word) : !text;
}

static void test_why(void)
{
	char *cwd = get_current_dir_name();
	char line[96];

	ok(why("/proc/self/exe", NULL), "a program like tuplerun: preload");
	ok(why("check/tuplerun_static", "static"), "a static one");
	ok(why(write_file("a", "#!/bin/sh\n", 0755), NULL), "a script of sh");
	snprintf(line, sizeof(line), "#! %s/check/tuplerun_static -x\n",
		 cwd);
	free(cwd);
	ok(why(write_file("b", line, 0755), "static"), "one of a static program");
	snprintf(line, sizeof(line), "#!%s/b\n", dir);
	ok(why(write_file("c", line, 0755), "static"), "one of a script of it");
	setenv("PATH", "check", 1);
	ok(why(write_file("d", "#!/usr/bin/env -S A=1 tuplerun_static x\n", 0755),
	       "static"), "one that asks env for it");
	setenv("PATH", "/bin:/usr/bin", 1);
	snprintf(line, sizeof(line), "#!%s/e\n", dir);
	ok(why(write_file("e", line, 0755), NULL), "one that interprets itself");
	ok(why(write_file("f", "\177ELF\2\1\1", 0755), NULL), "a stump of a program");
	ok(why(write_file("g", "", 0755), NULL), "an empty file");
	ok(why("/no/such/file", NULL), "none");
}

/* This program with the byte of its ELF header that says of which machine */
static void test_foreign(void)
{
	char command[160];

	snprintf(command, sizeof(command),
		 "cp /proc/%d/exe %s/h && printf '\\267' | dd of=%s/h bs=1 seek=18 conv=notrunc status=none",
		 getpid(), dir, dir);
	ok(!system(command), "a copy");
	snprintf(command, sizeof(command), "%s/h", dir);
	ok(why(command, "loader"), "of another machine");
	snprintf(command, sizeof(command),
		 "cp /proc/%d/exe %s/i && objcopy --add-section .go.buildinfo=/dev/null %s/i",
		 getpid(), dir, dir);
	ok(!system(command), "another copy");
	snprintf(command, sizeof(command), "%s/i", dir);
	ok(why(command, "Go"), "with a section of Go's");
}

/* As those see it who may run a program, and not read it */
static void test_unreadable(void)
{
	bool root = !geteuid();
	char line[96];

	/* They go through the folder. */
	if (chmod(dir, 0711))
		perror(dir);
	snprintf(line, sizeof(line), "#!%s/l\n", dir);
	write_file("m", line, 0755);
	write_file("n", "", 0);
	write_file("l", "", 0111);
	if (root && seteuid(1000)) {
		ok(1, "programs that cannot be read # SKIP");
		return;
	}
	snprintf(line, sizeof(line), "%s/l", dir);
	ok(why(line, "read"), "one that cannot be read");
	snprintf(line, sizeof(line), "%s/m", dir);
	ok(why(line, "read"), "a script of it");
	snprintf(line, sizeof(line), "%s/n", dir);
	ok(why(line, NULL), "one that cannot be run either");
	ok(!root || !seteuid(0), "root again");
}

/* As those see it who are not root and have no group in common with the file */
static const char *privileged(const char *path, uid_t uid, gid_t gid,
			      mode_t mode)
{
	static const char error[] = "cannot be made so";
	const char *text;

	if (chown(path, uid, gid) || chmod(path, mode) ||
	    setresuid(1000, -1, -1))
		return error;
	text = tuplerun_why_seccomp(path);
	if (setresuid(0, -1, -1))
		return error;
	return text ? text : "";
}

static void test_privileged(void)
{
	const struct vfs_cap_data cap = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data[0].permitted = 1 << CAP_NET_RAW,
	};
	const char *want = "it is setuid, setgid or has capabilities";
	char command[96], path[48];

	if (geteuid() || getegid()) {
		ok(1, "setuid, setgid, capabilities # SKIP not root");
		return;
	}
	snprintf(path, sizeof(path), "%s/j", dir);
	snprintf(command, sizeof(command), "cp /proc/%d/exe %s", getpid(), path);
	ok(!system(command), "a third copy");
	ok(!strcmp(privileged(path, 1, 0, 04755), want), "setuid of another user");
	ok(!strcmp(privileged(path, 0, 0, 04755), ""), "of the same user");
	ok(!strcmp(privileged(path, 0, 1, 02755), want), "setgid of another group");
	ok(!strcmp(privileged(path, 0, 0, 02755), ""), "of the same group");
	ok(!strcmp(privileged(path, 0, 1, 02745), ""),
	   "nobody of the group may execute it: that is no setgid");
	if (setxattr(path, XATTR_NAME_CAPS, &cap, sizeof(cap), 0)) {
		ok(1, "capabilities # SKIP %s", strerror(errno));
		return;
	}
	ok(!strcmp(privileged(path, 0, 0, 0755), ""), "chown takes capabilities away");
	ok(!setxattr(path, XATTR_NAME_CAPS, &cap, sizeof(cap), 0) &&
	   !setresuid(1000, -1, -1) && why(path, want), "capabilities");
	ok(!setresuid(0, -1, -1) && why(path, NULL), "root has them anyway");
}

int main(void)
{
	char command[64];

	strcpy(dir, "/tmp/tuplerun.XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	test_good();
	test_scope();
	test_mptcp();
	test_bad();
	test_wants();
	test_find();
	test_why();
	test_foreign();
	test_unreadable();
	test_privileged();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ok(!system(command), "clean-up");
	return tap_done();
}
