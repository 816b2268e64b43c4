/* SPDX-License-Identifier: Apache-2.0 */
/* Unified diffs: by hand, and against patch: what it makes of old and diff is new. */
#include "base/udiff.h"
#include "tap.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void by_hand(const char *old, const char *new, const char *want, const char *name)
{
	auto_buf struct buf b = BUF_TEXT;

	udiff("a", old, old ? strlen(old) : 0, "b", new, new ? strlen(new) : 0, &b);
	is(buf_str(&b), want, name);
}

static void put(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "wb");

	fwrite(text, 1, len, f);
	fclose(f);
}

/* Lines from a small alphabet, so that many are the same. */
static void random_text(struct buf *b, unsigned *seed)
{
	int n = rand_r(seed) % 40;

	for (int i = 0; i < n; i++)
		buf_addf(b, "%c%s", 'a' + rand_r(seed) % 5,
			 i + 1 < n || rand_r(seed) % 3 ? "\n" : "");
}

static bool patched(const char *dir, const struct buf *old, const struct buf *new)
{
	auto_buf struct buf diff = BUF_TEXT;
	auto_free char *o = mem_printf("%s/o", dir), *d = mem_printf("%s/d", dir);
	auto_free char *n = mem_printf("%s/n", dir);
	auto_free char *cmd =
		mem_printf("{ [ ! -s %s ] || patch -s -N %s %s; } >/dev/null 2>&1 && cmp -s %s %s",
			   d, o, d, o, n);

	udiff("o", buf_str(old), old->len, "o", buf_str(new), new->len, &diff);
	put(o, buf_str(old), old->len);
	put(n, buf_str(new), new->len);
	put(d, buf_str(&diff), diff.len);
	return system(cmd) == 0;
}

static void against_patch(void)
{
	char dir[] = "/tmp/gpuprov-udiff-XXXXXX";
	unsigned seed = 7;
	int good = 0, rounds = 60;

	if (system("patch --version >/dev/null 2>&1") != 0) {
		skip("there is no patch program");
		return;
	}
	if (!mkdtemp(dir))
		abort();
	for (int i = 0; i < rounds; i++) {
		auto_buf struct buf old = BUF_TEXT, new = BUF_TEXT;

		random_text(&old, &seed);
		random_text(&new, &seed);
		/* patch takes a text that becomes empty for a file that is removed. */
		if (!old.len || !new.len || patched(dir, &old, &new))
			good++;
		else
			tap_show("old", buf_str(&old));
	}
	ok(good == rounds, "patch makes the new text of %d of %d random ones", good, rounds);
	{
		auto_free char *rm = mem_printf("rm -r %s", dir);

		ok(system(rm) == 0, "clean");
	}
}

int main(void)
{
	by_hand("x\n", "x\n", "", "equal texts");
	by_hand("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nX\n6\n7\n8\n9\n",
		"--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+X\n 6\n 7\n 8\n", "one line");
	by_hand(NULL, "x\n", "--- /dev/null\n+++ b\n@@ -0,0 +1 @@\n+x\n", "a new file");
	by_hand("x\n", NULL, "--- a\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n", "a file that goes");
	by_hand("a\nb", "a\nb\n",
		"--- a\n+++ b\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n",
		"the newline at the end");
	by_hand("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n", "X\n2\n3\n4\n5\n6\n7\n8\n9\nY\n",
		"--- a\n+++ b\n@@ -1,4 +1,4 @@\n-1\n+X\n 2\n 3\n 4\n@@ -7,4 +7,4 @@\n 7\n 8\n 9\n"
		"-10\n+Y\n",
		"two places far from each other");
	against_patch();
	return done_testing();
}
