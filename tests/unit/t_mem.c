/* SPDX-License-Identifier: Apache-2.0 */
/* Heap memory: zeroed, never NULL, and what happens when it is out. */
#include "base/mem.h"

#include "sanitized.h"
#include "tap.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_alloc(void)
{
	auto_free unsigned char *p = mem_alloc(4096);
	auto_free void *none = mem_alloc(0);
	auto_free char *grown = mem_realloc(NULL, 0);
	unsigned dirty = 0;

	for (int i = 0; i < 4096; i++)
		dirty += p[i] != 0;
	ok(!dirty, "memory is zeroed");
	ok(none, "zero bytes are something");
	ok(grown, "also when grown from nothing");
	grown = mem_realloc(steal(grown), 4);
	memcpy(grown, "abc", 4);
	grown = mem_realloc(steal(grown), 1 << 16);
	is(grown, "abc", "growing keeps the bytes");
}

static void test_strings(void)
{
	auto_free char *copy = mem_strdup("abc");
	auto_free char *text = mem_printf("%s-%d", copy, 7);
	auto_free char *taken = NULL;
	char *before = copy;

	is(text, "abc-7", "formatting");
	taken = steal(copy);
	ok(taken == before && !copy, "stealing leaves NULL");
	mem_free(NULL);
	mem_free_const(NULL);
	ok(true, "freeing NULL is fine");
}

/* What a process that runs out of memory prints, and how it ends. */
static int run_out(char *ret, size_t room)
{
	volatile size_t much = (size_t)1 << 60;
	int fds[2], status = 0;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		_exit(mem_alloc(much) ? 1 : 0);
	}
	close(fds[1]);
	while (n < room - 1 && (got = read(fds[0], ret + n, room - 1 - n)) > 0)
		n += (size_t)got;
	ret[n] = '\0';
	close(fds[0]);
	waitpid(pid, &status, 0);
	return status;
}

static void test_out_of_memory(void)
{
	char text[512] = "";
	int status;

	if (SANITIZED) {
		skip("ASan answers for the allocator");
		return;
	}
	status = run_out(text, sizeof(text));
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "being out of memory aborts");
	ok(strstr(text, "out of memory"), "and says so");
}

int main(void)
{
	test_alloc();
	test_strings();
	test_out_of_memory();
	return done_testing();
}
