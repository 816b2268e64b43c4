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
	ok(sys_mkdirs(&s.sys, "a/b/c", 0755, &e) == 0, "folders: %s", e.text ? e.text : "");
	ok(sys_replace(&s.sys, "a/b/file", "one\n", 4, NULL, &e) == 0, "a file");
	ok(sys_append(&s.sys, "a/log-of-ours", "x\n", 2, &e) == 0, "a file that is appended to");
	ok(sys_link(&s.sys, "a/b/file", "a/second", &e) == 0 &&
		   sys_digest(&s.sys, "a/second", digest, &e) == 0 && *digest,
	   "a second name");
	ok(sys_link(&s.sys, "a/log-of-ours", "a/second", &e) == 0 &&
		   sys_stat(&s.sys, "a/second", &st, &e) == 0 && st.size == 4,
	   "what is there already stays");
	ok(sys_symlink(&s.sys, "b/file", "a/link", &e) == 0, "a link");
	ok(sys_reserve(&s.sys, "a/room", 4096, &e) == 0, "room");
	ok(sys_remove(&s.sys, "a/link", &e) == 0, "the link is removed");
	ok(sys_rmdir(&s.sys, "a/b/c", &e) == 0, "an empty folder is removed");
	ok(sys_prune(&s.sys, "a", &e) == 0 && sys_stat(&s.sys, "a", &st, &e) == 0 &&
		   st.type == SYS_ABSENT,
	   "a folder is removed with all that is in it");
	return done_testing();
}
