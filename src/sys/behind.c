/* SPDX-License-Identifier: Apache-2.0 */
/* Hashing a file behind its writer. */
#include "sys/behind.h"

#include "base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

enum { CHUNK = 1 << 18, STEP = 1 << 20 };

struct behind {
	int fd, failed; /* errno */
	unsigned long long from;
	struct hash *sha256, *md5;
	unsigned long long told; /* to the thread, of what is written */
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t more;
	unsigned long long have;
	bool ending, drop;
};

/* Bytes that can be hashed from `at` on, after waiting for them; 0 = that was all. */
static unsigned long long wait_for(struct behind *b, unsigned long long at)
{
	unsigned long long n;

	pthread_mutex_lock(&b->lock);
	while (b->have - at < STEP && !b->ending)
		pthread_cond_wait(&b->more, &b->lock);
	n = b->drop ? 0 : b->have - at;
	pthread_mutex_unlock(&b->lock);
	return n;
}

static int hash_some(struct behind *b, char *chunk, unsigned long long at, unsigned long long n)
{
	while (n) {
		ssize_t got = pread(b->fd, chunk, n < CHUNK ? (size_t)n : CHUNK, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? errno : EIO; /* it became shorter under our eyes */
		hash_add(b->sha256, chunk, (size_t)got);
		if (b->md5)
			hash_add(b->md5, chunk, (size_t)got);
		at += (unsigned long long)got;
		n -= (unsigned long long)got;
	}
	return 0;
}

static void *work(void *ctx)
{
	struct behind *b = ctx;
	auto_free char *chunk = mem_alloc(CHUNK);
	unsigned long long at = b->from, n;

	while ((n = wait_for(b, at)) && !(b->failed = hash_some(b, chunk, at, n)))
		at += n;
	return NULL;
}

struct behind *behind_start(int fd, unsigned long long from, struct hash *sha256, struct hash *md5)
{
	struct behind *b = mem_alloc(sizeof(*b));

	*b = (struct behind){
		.fd = fd, .from = from, .sha256 = sha256, .md5 = md5, .have = from, .told = from
	};
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->more, NULL);
	if (!pthread_create(&b->thread, NULL, work, b))
		return b;
	pthread_cond_destroy(&b->more);
	pthread_mutex_destroy(&b->lock);
	mem_free(b);
	return NULL;
}

void behind_written(struct behind *b, unsigned long long have)
{
	if (have - b->told < STEP)
		return;
	b->told = have;
	pthread_mutex_lock(&b->lock);
	b->have = have;
	pthread_cond_signal(&b->more);
	pthread_mutex_unlock(&b->lock);
}

static int end(struct behind *b, unsigned long long have, bool drop)
{
	int failed;

	pthread_mutex_lock(&b->lock);
	b->have = have;
	b->ending = true;
	b->drop = drop;
	pthread_cond_signal(&b->more);
	pthread_mutex_unlock(&b->lock);
	pthread_join(b->thread, NULL);
	failed = b->failed;
	pthread_cond_destroy(&b->more);
	pthread_mutex_destroy(&b->lock);
	mem_free(b);
	errno = failed;
	return failed ? -1 : 0;
}

int behind_end(struct behind *b, unsigned long long have)
{
	return end(b, have, false);
}

void behind_drop(struct behind *b)
{
	if (end(b, b->told, true))
		errno = 0; /* nobody wants to know */
}
