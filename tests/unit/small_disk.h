/*
 * A small file system over a directory, for a forked child that wants to meet a full one: a
 * tmpfs in a mount namespace of its own, gone when the child ends.
 */
#ifndef POLLUX_TESTS_SMALL_DISK_H
#define POLLUX_TESTS_SMALL_DISK_H

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define SMALL_DISK_NONE 77 /* exit code of a child that could not have one: skip */

static inline bool
small_disk_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Without root: a user namespace, in which this user is. */
static inline bool
small_disk_namespace(void)
{
	unsigned uid = geteuid(), gid = getegid();
	char users[32], groups[32];

	if (unshare(CLONE_NEWNS) == 0)
		return true;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return false;
	snprintf(users, sizeof(users), "%u %u 1", uid, uid);
	snprintf(groups, sizeof(groups), "%u %u 1", gid, gid);
	return small_disk_write("/proc/self/uid_map", users) &&
	       small_disk_write("/proc/self/setgroups", "deny") &&
	       small_disk_write("/proc/self/gid_map", groups);
}

/* size: as tmpfs takes it, "1m".  False where the system does not let us. */
static inline bool
small_disk(const char *dir, const char *size)
{
	char options[64];

	snprintf(options, sizeof(options), "size=%s,mode=0700", size);
	return small_disk_namespace() && mount("none", "/", "none", MS_REC | MS_PRIVATE, "") == 0 &&
	       mount("none", dir, "tmpfs", 0, options) == 0;
}

#endif
