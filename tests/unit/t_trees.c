/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probes on a tree that stands for a running host. With arguments, ROOT KERNEL HOST, it writes the
 * facts of such a tree as JSON; tests/cli/trees.bats compares them. Without, it is a test itself:
 * of modules and certificates that are damaged.
 */
#include "facts.h"

#include "base/mem.h"
#include "scratch.h"
#include "sys/cert.h"
#include "sys/module.h"
#include "sys/real.h"

/* ---- a tree as a running host ---- */

static struct sys_ident pretended;

static int pretend(const struct sys *s, struct sys_ident *ret, struct err *e)
{
	(void)s;
	(void)e;
	*ret = pretended;
	return 0;
}

static void copy(char *to, size_t room, const char *text)
{
	size_t n = strlen(text) < room ? strlen(text) : room - 1;

	memcpy(to, text, n);
	to[n] = '\0';
}

static int write_facts(const char *root, const char *kernel, const char *host)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf text = BUF_TEXT;
	auto_err e = { 0 };
	struct sys_ops ops;
	struct facts f;
	struct sys sys;
	int failed;

	copy(pretended.kernel, sizeof(pretended.kernel), kernel);
	copy(pretended.host, sizeof(pretended.host), host);
	if (sys_real_open(root, &sys, &e)) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	ops = *sys.ops;
	ops.ident = pretend;
	sys.ops = &ops;
	sys.live = true;
	failed = facts_gather(&sys, &a, &f, &e);
	if (failed)
		fprintf(stderr, "%s\n", e.text);
	else
		facts_write(&f, &text);
	fputs(buf_str(&text), stdout);
	sys_real_close(&sys);
	return failed != 0;
}

/* ---- modules ---- */

/* An ELF file with one section that counts, written out so that each of its bytes can be spoilt. */
static const unsigned char module[] = {
	/* 00 */ 0x7f,
	'E',
	'L',
	'F',
	2,
	1,
	1,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	/* 10 */ 1,
	0,
	62,
	0,
	1,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	/* 20 */ 0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0x70,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	/* 30 */ 0,
	0,
	0,
	0,
	64,
	0,
	0,
	0,
	0,
	0,
	64,
	0,
	3,
	0,
	2,
	0,
	/* 40 */ 'v',
	'e',
	'r',
	's',
	'i',
	'o',
	'n',
	'=',
	'5',
	'3',
	'5',
	'.',
	'1',
	0,
	'l',
	'i',
	/* 50 */ 'c',
	'e',
	'n',
	's',
	'e',
	'=',
	'X',
	0,
	0,
	'.',
	'm',
	'o',
	'd',
	'i',
	'n',
	'f',
	/* 60 */ 'o',
	0,
	'.',
	's',
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	/* 70 */ 0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	/* 80 */ 0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	/* 90 */ 0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	/* a0 */ 0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	/* b0 */ 1,
	0,
	0,
	0,
	1,
	0,
	0,
	0,
	2,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	/* c0 */ 0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0x40,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	/* d0 */ 0x18,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	/* e0 */ 1,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	/* f0 */ 10,
	0,
	0,
	0,
	3,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	/* 100 */ 0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0x58,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	/* 110 */ 0x10,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	/* 120 */ 1,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
};

static void test_module(void)
{
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	struct sys_module m;

	if (!ok(!module_parse(module, sizeof(module), "x.ko", &a, &m, &e), "a module is read"))
		tap_show("error", e.text);
	is(m.version, "535.1", "its version");
	is(m.license, "X", "its licence");
	ok(!m.is_signed && !m.signer && !m.vermagic, "and nothing that is not there");
	ok(module_parse("#!/bin/sh\n", 10, "x.ko", &a, &m, &e) == -1, "a script is no module");
	is(e.text, "'x.ko' is no kernel module: it is cut off", "and is told so");
}

/* Every prefix, and every byte set to every value: an error or an answer, never a crash. */
static void test_damaged(void)
{
	unsigned char copy_of[sizeof(module)];
	size_t errors = 0, answers = 0;

	for (size_t n = 0; n < sizeof(module); n++) {
		auto_arena struct arena a = { 0 };
		auto_err e = { 0 };
		struct sys_module m;

		errors += module_parse(module, n, "x", &a, &m, &e) != 0;
	}
	ok(errors == sizeof(module), "no module that is cut off is read");
	for (size_t at = 0; at < sizeof(module); at++) {
		for (unsigned value = 0; value < 256; value += 5) {
			auto_arena struct arena a = { 0 };
			auto_err e = { 0 };
			struct sys_module m;

			memcpy(copy_of, module, sizeof(module));
			copy_of[at] = (unsigned char)value;
			answers += !module_parse(copy_of, sizeof(module), "x", &a, &m, &e);
		}
	}
	ok(answers > 0, "any byte may be wrong");
}

static void test_signature(void)
{
	static const char magic[] = "~Module signature appended~\n";
	static const unsigned char lengths[][4] = { { 0, 0, 0, 4 },
						    { 0, 0, 1, 0x40 },
						    { 0xff, 0xff, 0xff, 0xff } };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		auto_arena struct arena a = { 0 };
		auto_buf struct buf b = BUF_TEXT;
		auto_err e = { 0 };
		struct sys_module m = { 0 };
		bool fits = i == 0;

		buf_add(&b, module, sizeof(module));
		buf_add(&b, "junkjunk\0\0\2\0\0\0\0\0", 16);
		buf_add(&b, lengths[i], 4);
		buf_adds(&b, magic);
		ok(!module_parse(buf_str(&b), b.len, "x", &a, &m, &e) == fits,
		   "a signature is read only where it fits: %zu", i);
		ok(m.is_signed == fits && !m.signer, "junk has no signer");
	}
}

static void test_cert(void)
{
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	const char *name = "";

	ok(!cert_subject("junk", 4, &a, &name, &e) && !name, "junk is no certificate");
	name = "";
	ok(!cert_subject("", 0, &a, &name, &e) && !name, "and nothing is none");
	name = "";
	ok(!cert_signer("\x30\x80\x06", 3, &a, &name, &e) && !name,
	   "half a signature names nobody");
}

int main(int argc, char **argv)
{
	if (argc == 4)
		return write_facts(argv[1], argv[2], argv[3]);
	test_module();
	test_damaged();
	test_signature();
	test_cert();
	return done_testing();
}
