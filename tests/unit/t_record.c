/* SPDX-License-Identifier: Apache-2.0 */
/* nvidia-installer's record: what it says, where it was cut off, what makes no sense. */
#include "runfile/record.h"

#include "base/mem.h"
#include "tap.h"

#define HEAD "1.0-5809505 (580.95.05)\nNVIDIA Accelerated Graphics Driver\n"

static const char whole[] = HEAD "1: /usr/lib/libcuda.so.580.95.05\n4023233417\n"
				 "0: /usr/lib/libcuda.so.1\nlibcuda.so.580.95.05\n"
				 "2: /usr/lib/libGL.so\nlibGL.so.1\n120777 0 0\n"
				 "100: /usr/bin/nvidia-smi\n12 100755 0 5\n";

static void taken(void)
{
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	struct install_record r = { 0 };

	if (!ok(record_parse(whole, sizeof(whole) - 1, &a, &r, &e) == 0 && r.entries.n == 4,
		"a whole record"))
		return;
	is(r.version, "580.95.05", "its version is the one in parentheses");
	is(r.entries.at[0].path, "usr/lib/libcuda.so.580.95.05", "a file, beneath the root");
	ok(r.entries.at[0].kind == RECORD_FILE && r.entries.at[0].crc == 4023233417u, "its sum");
	is(r.entries.at[1].target, "libcuda.so.580.95.05", "a link");
	ok(r.entries.at[2].kind == RECORD_LINK_MOVED, "a link that was there before");
	is(r.entries.at[3].moved_to, "var/lib/nvidia/100", "a file that was there before");
	ok(r.entries.at[3].mode == 0755 && r.entries.at[3].gid == 5, "its mode and owner");
}

/* Wherever it was cut off, what is whole is taken and nothing makes it fail. */
static void cut_anywhere(void)
{
	size_t good = 0, entries = 0;

	for (size_t n = 0; n < sizeof(whole); n++) {
		auto_arena struct arena a = { 0 };
		auto_err e = { 0 };
		struct install_record r = { 0 };
		auto_free char *copy = mem_alloc(n + 1);

		memcpy(copy, whole, n);
		good += record_parse(copy, n, &a, &r, &e) == 0 && r.entries.n >= entries;
		entries = r.entries.n;
	}
	ok(good == sizeof(whole) && entries == 4, "cut off at any byte (%zu of %zu)", good,
	   sizeof(whole));
}

static void refused(void)
{
	static const char *const rows[] = {
		"hello\n",
		HEAD "x: /usr/lib/a\n1\n",
		HEAD "1 /usr/lib/a\n1\n",
		HEAD "1: usr/lib/a\n1\n",
		HEAD "1: /usr/../etc/passwd\n1\n",
		HEAD "1: /\n1\n",
		HEAD "1: /usr/lib/a\nx\n",
		HEAD "1: /usr/lib/a\n4294967296\n",
		HEAD "50: /usr/lib/a\n1\n",
		HEAD "100: /usr/lib/a\n1 99 0 0\n",
		HEAD "100: /usr/lib/a\n1 0755\n",
		HEAD "100000: /usr/lib/a\n1 0755 0 0\n",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		auto_arena struct arena a = { 0 };
		auto_err e = { 0 };
		struct install_record r = { 0 };
		int rc = record_parse(rows[i], strlen(rows[i]), &a, &r, &e);

		ok(rc == -1 && e.code == GP_INSTALLATION_BROKEN && !r.version, "refused: %zu", i);
	}
}

int main(void)
{
	taken();
	cut_anywhere();
	refused();
	return done_testing();
}
