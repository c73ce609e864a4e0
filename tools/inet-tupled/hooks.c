// SPDX-License-Identifier: GPL-2.0-only
/* Programs of a folder, which are told of something, one after the other, while
 * the daemon goes on.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "export.h"

#define PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define AT_ONCE		8
#define WORDS		16
#define WORD_SIZE	80

/**
 * struct hook_job - an event that the programs are being told of
 * @child: the one that runs, as a descriptor
 * @deadline: when it is killed; MACHINE_NEVER: it was
 * @names: all of them; @next: the one that comes then
 * @event: it, and what it is about, for the log
 * @argv: their arguments, but for the first
 */
struct hook_job {
	LIST_ENTRY(hook_job) list;
	struct hooks *h;
	struct source child;
	pid_t pid;
	uint64_t deadline;
	struct dirent **names;
	int n;
	int next;
	char *argv[6];
	char *envp[WORDS];
	char words[WORDS][WORD_SIZE];
	char path[sizeof(PATH)];
	char none[sizeof("-")];
	void (*done)(void *arg);
	void *arg;
};

/* As run-parts(8) has it: no hidden files, none that an editor or dpkg left */
static int is_plain(const struct dirent *entry)
{
	const char *c;

	for (c = entry->d_name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
			return 0;
	return 1;
}

static bool path_of(const struct hooks *h, const char *name, char path[4096])
{
	struct stat st;

	return snprintf(path, 4096, "%s/%s", h->dir, name) < 4096 &&
	       !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

static void free_names(struct dirent **names, int n)
{
	while (n > 0)
		free(names[--n]);
	free(names);
}

/* Whether there is anything to run at all */
bool hooks_any(const struct hooks *h)
{
	struct dirent **names = NULL;
	bool any = false;
	char path[4096];
	int i, n;

	n = scandir(h->dir, &names, is_plain, alphasort);
	for (i = 0; i < n; i++)
		any = any || path_of(h, names[i]->d_name, path);
	free_names(names, n);
	return any;
}

bool hooks_free(const struct hooks *h)
{
	return h->n < AT_ONCE;
}

static int spawn(struct hook_job *job, const char *path)
{
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int err;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, flags);
	posix_spawnattr_setsigmask(&attr, &none);
	err = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY,
					       0);
	if (!err)
		err = posix_spawn_file_actions_addclosefrom_np(&files, 3);
	if (!err)
		err = posix_spawn(&job->pid, path, &files, &attr, job->argv,
				  job->envp);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -err;
}

static void child_ready(struct source *src);

/* Without a descriptor of it nobody would hear of its end. */
static int start(struct hook_job *job, char *path)
{
	int err;

	job->argv[0] = path;
	err = spawn(job, path);
	if (err)
		return err;
	job->deadline = job->h->t->now + job->h->limit_ms;
	job->child = (struct source){ pidfd_open(job->pid, 0), child_ready };
	err = job->child.fd < 0 ? -errno : watch(job->h->t, &job->child);
	if (!err)
		return 0;
	if (job->child.fd >= 0)
		close(job->child.fd);
	kill(-job->pid, SIGKILL);
	waitpid(job->pid, NULL, 0);
	return err;
}

static void tell(const struct hook_job *job, const char *name, const char *what,
		 int number)
{
	say("%s/%s %s%s%s: %s%.0d", job->h->dir, name, job->argv[1],
	    job->argv[2] ? " " : "", job->argv[2] ? job->argv[2] : "", what,
	    number);
}

static void end(struct hook_job *job)
{
	LIST_REMOVE(job, list);
	job->h->n--;
	free_names(job->names, job->n);
	if (job->done)
		job->done(job->arg);
	free(job);
}

/* The next program; the end where there is none */
static void go_on(struct hook_job *job)
{
	const char *name;
	char path[4096];
	int err;

	while (job->next < job->n) {
		name = job->names[job->next++]->d_name;
		if (!path_of(job->h, name, path))
			continue;
		err = start(job, path);
		if (!err)
			return;
		tell(job, name, strerror(-err), 0);
	}
	end(job);
}

static void child_ready(struct source *src)
{
	struct hook_job *job = (struct hook_job *)((char *)src -
				offsetof(struct hook_job, child));
	const char *name = job->names[job->next - 1]->d_name;
	siginfo_t info = { .si_pid = 0 };

	if (waitid(P_PID, job->pid, &info, WEXITED | WNOHANG) < 0 ||
	    !info.si_pid)
		return;
	close(src->fd);
	if (info.si_code == CLD_EXITED && info.si_status)
		tell(job, name, "exit status ", info.si_status);
	else if (info.si_code != CLD_EXITED && job->deadline != MACHINE_NEVER)
		tell(job, name, "ended by signal ", info.si_status);
	go_on(job);
}

/* What the words say */

static void put(struct hook_job *job, int *n, const char *name,
		const char *value)
{
	char *word = job->words[*n];

	snprintf(word, WORD_SIZE, "INET_TUPLE_%s=%s", name, value);
	job->envp[++*n] = word;
}

static void put_number(struct hook_job *job, int *n, const char *name,
		       const char *format, uint32_t number)
{
	char value[16];

	snprintf(value, sizeof(value), format, number);
	put(job, n, name, value);
}

static char *value_of(char *word)
{
	return strchr(word, '=') + 1;
}

/* The arguments are the first words of the environment. */
static void fill(struct hook_job *job, const struct hook_event *event)
{
	const struct qos *qos = &event->qos;
	int i, n = 0;

	strcpy(job->path, PATH);
	job->envp[0] = job->path;
	put(job, &n, "EVENT", event->event);
	if (event->addr) {
		put(job, &n, "ADDRESS", export_addr_str(event->addr));
		put(job, &n, "POOL", event->pool);
	}
	for (i = 0; i < n; i++)
		job->argv[i + 1] = value_of(job->words[i]);
	if (!event->addr)
		return;
	strcpy(job->none, "-");
	job->argv[4] = job->none;
	if (qos->dscp != QOS_DSCP_UNSET) {
		put_number(job, &n, "DSCP", "%u", qos->dscp);
		job->argv[4] = value_of(job->words[n - 1]);
	}
	put(job, &n, "FAMILY", event->addr->family == AF_INET ? "ip" : "ip6");
	if (qos->priority != QOS_PRIORITY_UNSET)
		put_number(job, &n, "PRIORITY", "0x%x", qos->priority);
	if (qos->mark != QOS_MARK_UNSET)
		put_number(job, &n, "MARK", "0x%x", qos->mark);
	if (event->reason)
		put(job, &n, "REASON", event->reason);
}

/**
 * hooks_run - have all programs told of an event
 * @h: the folder
 * @event: it
 * @done: called when all have ended; perhaps at once
 * @arg: for @done
 */
void hooks_run(struct hooks *h, const struct hook_event *event,
	       void (*done)(void *arg), void *arg)
{
	struct hook_job *job = calloc(1, sizeof(*job));

	if (!job) {
		if (done)
			done(arg);
		return;
	}
	job->h = h;
	job->done = done;
	job->arg = arg;
	fill(job, event);
	job->n = scandir(h->dir, &job->names, is_plain, alphasort);
	if (job->n < 0 && errno != ENOENT)
		say("%s: %s", h->dir, strerror(errno));
	LIST_INSERT_HEAD(&h->jobs, job, list);
	h->n++;
	go_on(job);
}

/* Who hangs is killed, with all that it started. */
void hooks_timers(struct hooks *h)
{
	struct hook_job *job;

	LIST_FOREACH(job, &h->jobs, list) {
		if (job->deadline > h->t->now)
			continue;
		tell(job, job->names[job->next - 1]->d_name,
		     "took too long, killed", 0);
		kill(-job->pid, SIGKILL);
		job->deadline = MACHINE_NEVER;
	}
}

uint64_t hooks_deadline(const struct hooks *h)
{
	uint64_t next = MACHINE_NEVER;
	const struct hook_job *job;

	LIST_FOREACH(job, &h->jobs, list)
		if (job->deadline < next)
			next = job->deadline;
	return next;
}

/* Until all that run have ended, which they do by the limit */
void hooks_wait(struct hooks *h)
{
	struct hook_job *job;
	struct pollfd poll_fd;

	while ((job = LIST_FIRST(&h->jobs))) {
		poll_fd = (struct pollfd){
			.fd = job->child.fd, .events = POLLIN
		};
		poll(&poll_fd, 1, 100);
		h->t->now = clock_ms();
		hooks_timers(h);
		if (poll_fd.revents)
			child_ready(&job->child);
	}
}
