/* SPDX-License-Identifier: Apache-2.0 */
/* Facts: JSON and back, what is refused, questions, the line that sums a host up. */
#include "facts.h"

#include "base/str.h"
#include "catalog.h"
#include "tap.h"

static void fill(struct facts *f, struct arena *a)
{
	*f = (struct facts){ .schema = FACTS_SCHEMA, .host = "h", .live = true, .a = a };
	f->kernel = "6.1.0-40-amd64";
	f->os = (struct fact_os){ "debian", "12", "bookworm", "Debian GNU/Linux 12", "amd64" };
	*list_push(a, &f->gpus) = (struct fact_gpu){ .address = "0000:01:00.0",
						     .vendor = "10de",
						     .device = "1eb8",
						     .subsystem = "10de:12a2",
						     .class_id = "030200",
						     .driver = "nvidia" };
	*list_push(a, &f->kernels) = (struct fact_kernel){ .release = "6.1.0-40-amd64",
							   .running = true,
							   .headers = true,
							   .image = true,
							   .nvidia = "535.309.01",
							   .flavour = "open",
							   .initramfs = "fresh" };
	f->secure_boot.enabled = TRI_NO;
	list_add(a, &f->modules, "nvidia");
	list_add(a, &f->dpkg.unfinished, "foo");
	*list_push(a, &f->packages) = (struct fact_package){ .name = "libcuda1",
							     .arch = "amd64",
							     .version = "535-1",
							     .status = "installed",
							     .held = true };
	*list_push(a, &f->packages) =
		(struct fact_package){ .name = "half", .status = "half-configured" };
	list_push(a, &f->sources)->uri = "http://d/";
	*list_push(a, &f->files) = (struct fact_file){ "etc/x", "file", "text\n", NULL };
	*list_push(a, &f->mounts) = (struct fact_mount){ "/", 123456789012LL, false };
	fact_from(f, "gpus", "the PCI bus");
	fact_unknown(f, "secure_boot.enabled", "no efivarfs");
}

static void test_round_trip(void)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf one = BUF_TEXT;
	auto_buf struct buf two = BUF_TEXT;
	auto_err e = { 0 };
	struct facts f, g;

	fill(&f, &a);
	facts_write(&f, &one);
	ok(facts_read(buf_str(&one), one.len, "F", &a, &g, &e) == 0 && !e.text,
	   "facts are read back");
	facts_write(&g, &two);
	is(buf_str(&two), buf_str(&one), "and written again as the same bytes");
	ok(g.live && g.secure_boot.enabled == TRI_NO && g.mounts.at[0].free_bytes == 123456789012LL,
	   "with their values");
	fact_from(&g, "later", "here");
	ok(g.notes.n == 3, "and can be added to");
}

static void test_refused(void)
{
	static const char *const rows[][2] = {
		{ "{}", "F: schema is 'missing', this program reads gpuprov.facts/1" },
		{ "{\"schema\":\"gpuprov.facts/9\"}",
		  "F: schema is 'gpuprov.facts/9', this program reads gpuprov.facts/1" },
		{ "{\"schema\":\"gpuprov.facts/1\",\"gpu\":[]}", "F: unknown key 'gpu'" },
		{ "{\"gpus\":[{\"device\":1234}]}", "F: 'gpus[0].device' must be a string" },
		{ "{\"live\":1}", "F: 'live' must be true or false" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		auto_arena struct arena a = { 0 };
		auto_err e = { 0 };
		struct facts f;

		ok(facts_read(rows[i][0], strlen(rows[i][0]), "F", &a, &f, &e) == -1 &&
			   e.n_ways == 1,
		   "refused, with a way out: %s", rows[i][0]);
		is(e.text, rows[i][1], "saying why");
	}
}

static void test_questions(void)
{
	auto_arena struct arena a = { 0 };
	struct facts f;

	fill(&f, &a);
	is(facts_package(&f, "libcuda1")->version, "535-1", "a package");
	ok(facts_installed(&f, "libcuda1") && !facts_installed(&f, "half") &&
		   !facts_installed(&f, "none"),
	   "installed means wholly");
	is(facts_file(&f, "etc/x")->content, "text\n", "a file");
	ok(!facts_file(&f, "etc/y") && !facts_package(&f, "libcuda"), "what is not there");
	is(facts_unknown(&f, "secure_boot.enabled"), "no efivarfs", "why a fact is unknown");
	ok(!facts_unknown(&f, "gpus") && !facts_unknown(&f, "none"), "the others are known");
	fact_unknown(&f, "gpus", "gone");
	ok(f.notes.n == 2 && str_eq(f.notes.at[0].from, "the PCI bus") &&
		   str_eq(facts_unknown(&f, "gpus"), "gone"),
	   "one note a fact");
}

static void sums_up(const struct facts *f, const struct catalog *c, const char *want)
{
	auto_buf struct buf b = BUF_TEXT;

	facts_summary(f, c, &b);
	is(buf_str(&b), want, want);
}

static void test_summary(void)
{
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	struct catalog c;
	struct facts f;
	const char *text = "catalog 1 date=x\nsource s\ngpu 1eb8 name=\"Tesla T4\"\n"
			   "gpu 26b9 name=\"NVIDIA L40S\"\n";

	ok(catalog_load(text, strlen(text), "C", &a, &c, &e) == 0, "a catalog");
	fill(&f, &a);
	sums_up(&f, &c, "debian 12 (bookworm), amd64, linux 6.1.0-40-amd64, 1 x Tesla T4");
	list_push(&a, &f.gpus)->device = "26b9";
	list_push(&a, &f.gpus)->device = "1eb8";
	list_push(&a, &f.gpus)->device = "ffff";
	f.secure_boot.enabled = TRI_YES;
	f.kernel = NULL;
	f.live = false;
	sums_up(&f, &c,
		"debian 12 (bookworm), amd64, an image that is not running, secure boot on, "
		"2 x Tesla T4, 1 x NVIDIA L40S, 1 x GPU 10de:ffff");
	f.gpus.n = 0;
	f.secure_boot.enabled = TRI_UNKNOWN;
	f.os.codename = NULL;
	sums_up(&f, &c, "debian 12, amd64, an image that is not running, no NVIDIA GPU");
	fact_unknown(&f, "gpus", "no /sys");
	f.os.version = NULL;
	f.os.codename = "sid";
	sums_up(&f, &c, "debian sid, amd64, an image that is not running, GPUs unknown");
}

int main(void)
{
	test_round_trip();
	test_refused();
	test_questions();
	test_summary();
	return done_testing();
}
