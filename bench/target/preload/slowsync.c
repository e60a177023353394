/* Loaded before libc (LD_PRELOAD): each fsync and fdatasync takes SLOWSYNC_US microseconds more, as on a cloud volume. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void delay(void)
{
	const char *text = getenv("SLOWSYNC_US");
	long us = text ? atol(text) : 0;
	struct timespec t = {us / 1000000, us % 1000000 * 1000};
	if (us > 0)
		nanosleep(&t, NULL);
}

int fsync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
	int result = real(fd);
	delay();
	return result;
}

int fdatasync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
	int result = real(fd);
	delay();
	return result;
}
