/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that are made and taken away by sys alone, so that tests/cli/order.bats can see in a trace
 * that each is on the disk when the call returns.
 */
#include "scratch.h"
#include "tap.h"

#include "base/str.h"

int main(void)
{
	auto_scratch s;
	auto_err e = { 0 };
	char digest[SYS_DIGEST];
	struct sys_stat st;

	scratch_init(&s);
	/* Each in a folder of its own: the next one's sync must not hide what is missing. */
	ok(sys_mkdirs(&s.sys, "a/b/c", 0755, &e) == 0 &&
		   sys_mkdirs(&s.sys, "second", 0755, &e) == 0 &&
		   sys_mkdirs(&s.sys, "log-of-ours", 0755, &e) == 0 &&
		   sys_mkdirs(&s.sys, "link", 0755, &e) == 0 &&
		   sys_mkdirs(&s.sys, "room", 0755, &e) == 0,
	   "folders: %s", e.text ? e.text : "");
	ok(sys_replace(&s.sys, "a/b/file", "one\n", 4, NULL, &e) == 0, "a file");
	ok(sys_append(&s.sys, "log-of-ours/x", "x\n", 2, &e) == 0, "a file that is appended to");
	ok(sys_link(&s.sys, "a/b/file", "second/x", &e) == 0 &&
		   sys_digest(&s.sys, "second/x", digest, &e) == 0 && *digest,
	   "a second name");
	ok(sys_link(&s.sys, "log-of-ours/x", "second/x", &e) == 0 &&
		   sys_stat(&s.sys, "second/x", &st, &e) == 0 && st.size == 4,
	   "what is there already stays");
	ok(sys_symlink(&s.sys, "b/file", "link/x", &e) == 0, "a link");
	ok(sys_reserve(&s.sys, "room/x", 4096, &e) == 0, "room");
	ok(sys_rmdir(&s.sys, "a/b/c", &e) == 0, "an empty folder is removed");
	ok(sys_remove(&s.sys, "a/b/file", &e) == 0, "a file is removed");
	ok(sys_prune(&s.sys, "a", &e) == 0 && sys_stat(&s.sys, "a", &st, &e) == 0 &&
		   st.type == SYS_ABSENT,
	   "a folder is removed with all that is in it");
	return done_testing();
}
