/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up every right that unpacking in memory does not need. */
#include "sys/untrusted.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define THIS_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCH AUDIT_ARCH_AARCH64
#endif

/* A sanitizer wants address space without end. */
#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SPACE RLIM_INFINITY
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SPACE RLIM_INFINITY
#endif
#endif
#ifndef ADDRESS_SPACE
#define ADDRESS_SPACE ((rlim_t)1 << 30)
#endif

static bool limit(void)
{
	static const struct {
		int what;
		rlim_t most;
	} rows[] = {
		{ RLIMIT_AS, ADDRESS_SPACE }, { RLIMIT_CPU, 600 }, { RLIMIT_FSIZE, 0 },
		{ RLIMIT_NOFILE, 3 },         { RLIMIT_NPROC, 0 }, { RLIMIT_CORE, 0 },
	};
	bool good = true;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct rlimit r = { rows[i].most, rows[i].most };

		good &= setrlimit((__rlimit_resource_t)rows[i].what, &r) == 0;
	}
	return good;
}

/* Landlock: a set of rules without a rule allows no file at all. */
static bool forbid_files(void)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs = (1ULL << 13) - 1 };
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	bool good = fd >= 0 && syscall(SYS_landlock_restrict_self, fd, 0) == 0;

	if (fd >= 0)
		close(fd);
	return good;
}

#ifdef THIS_ARCH
#define ALLOW(name)                                                                                \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                                     \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* What computing needs. Everything else fails with EPERM. */
static bool filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(read),
		ALLOW(write),
		ALLOW(lseek),
		ALLOW(close),
		ALLOW(mmap),
		ALLOW(munmap),
		ALLOW(mremap),
		ALLOW(mprotect),
		ALLOW(madvise),
		ALLOW(brk),
		ALLOW(futex),
		ALLOW(getpid),
		ALLOW(gettid),
		ALLOW(sched_yield),
		ALLOW(clock_gettime),
		ALLOW(rt_sigprocmask),
		ALLOW(rt_sigreturn),
		ALLOW(sigaltstack),
		ALLOW(exit),
		ALLOW(exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1 /* EPERM */),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}
#else
static bool filter(void)
{
	return false;
}
#endif

bool lock_down(void)
{
	bool good = limit();

	good &= prctl(PR_SET_DUMPABLE, 0) == 0;
	good &= prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
	good &= forbid_files();
	return filter() && good;
}
