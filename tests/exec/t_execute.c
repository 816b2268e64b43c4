/* SPDX-License-Identifier: Apache-2.0 */
/* Executing a plan in a fake world: order, death at every effect, failure of every effect. */
#include "fake.h"
#include "tap.h"

#include "base/str.h"
#include "execute/execute.h"
#include "execute/journal.h"
#include "plan.h"
#include "sys/hash.h"

#include <errno.h>

static const char status[] = "Package: dpkg\nStatus: install ok installed\nVersion: 1\n";

static void make_plan(struct plan *p, struct arena *a)
{
	struct plan_step *s;
	struct plan_package *k;

	plan_init(p, a);
	s = plan_add(p, "file", "nouveau", OP_ADD, "/etc/modprobe.d/x.conf");
	step_arg(p, s, "path", "etc/modprobe.d/x.conf");
	step_arg(p, s, "content", "blacklist nouveau\n");
	s = plan_add(p, "repo", "debian", OP_CHANGE, "/etc/apt/sources.list.d/x.sources");
	step_arg(p, s, "path", "etc/apt/sources.list.d/x.sources");
	step_arg(p, s, "content", "Types: deb\n");
	s = plan_add(p, "packages", "nvidia", OP_ADD, "NVIDIA driver");
	step_arg(p, s, "want", "nvidia-smi 535");
	step_needs(p, s, "repo:debian");
	step_needs(p, s, "file:nouveau");
	k = list_push(a, &s->packages);
	*k = (struct plan_package){
		.name = "nvidia-smi", .arch = "amd64", .version = "535.1-1", .change = "new"
	};
	plan_finish(p);
}

static void start(struct fake *f)
{
	fake_init(f);
	fake_put(f, "var/lib/dpkg/status", status);
	fake_put(f, "etc/apt/sources.list.d/x.sources", "what was there before\n");
}

static void on_event(void *ctx, const struct exec_event *ev)
{
	static const char *const words[] = { "begin", "progress", "kept", "done", "failed" };
	struct buf *b = ctx;

	if (b)
		buf_addf(b, "%s %s %zu/%zu\n", words[ev->kind], ev->step->id, ev->number,
			 ev->total);
}

static int apply(struct fake *f, const struct plan *p, struct buf *events, struct err *e)
{
	struct exec_listener l = { on_event, events, NULL };

	return execute(p, &f->sys, &f->sys, &l, e);
}

static void in_order(void)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf events = BUF_TEXT;
	auto_err e = { 0 };
	journal_records records = { 0 };
	char hash[HASH_HEX];
	struct plan p;
	struct fake f;

	start(&f);
	make_plan(&p, &a);
	ok(apply(&f, &p, &events, &e) == 0, "a good plan succeeds: %s", e.text ? e.text : "");
	is(buf_str(&events),
	   "begin file:nouveau 1/3\ndone file:nouveau 1/3\n"
	   "begin repo:debian 2/3\ndone repo:debian 2/3\n"
	   "begin packages:nvidia 3/3\nprogress packages:nvidia 3/3\ndone packages:nvidia 3/3\n",
	   "listeners hear every step in order");
	is(fake_get(&f, "etc/modprobe.d/x.conf"), "blacklist nouveau\n", "the file is there");
	ok(journal_read(&f.sys, 1, &a, &records, &e) == 0 && records.n == 8,
	   "the journal has begin, start and done of three steps, end: %zu", records.n);
	is(records.at[1].step, "file:nouveau", "the first start is of the first step");
	hash_bytes("what was there before\n", 22, hash);
	ok(strstr(records.at[3].text, hash) != NULL, "start names the old bytes: %s",
	   records.at[3].text);
	is(fake_get(&f, arena_printf(&a, SYS_STORE "/%s", hash)), "what was there before\n",
	   "and they are kept");
	fake_reboot(&f);
	buf_clear(&events);
	ok(apply(&f, &p, &events, &e) == 0, "the same plan again succeeds");
	is(buf_str(&events),
	   "kept file:nouveau 1/3\nkept repo:debian 2/3\nkept packages:nvidia 3/3\n",
	   "and finds every effect there");
	fake_release(&f);
}

/* The journal says "start" before anything of the step is changed. */
static void announced_before_done(void)
{
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	struct plan p;
	struct fake f;
	const char *text, *announce, *act;

	start(&f);
	make_plan(&p, &a);
	apply(&f, &p, NULL, &e);
	text = buf_str(&f.transcript);
	act = strstr(text, "replace etc/modprobe.d/x.conf");
	announce = strstr(strstr(text, "append var/lib/gpuprov/runs/000001/journal") + 1,
			  "append var/lib/gpuprov/runs/000001/journal");
	ok(announce && act && announce < act, "the second record, start, comes before the file");
	fake_release(&f);
}

/* Apply until the fake world dies. A function of its own: longjmp may not clobber the caller's
 * state. */
static void apply_and_die(struct fake *f, const struct plan *p)
{
	auto_err ignored = { 0 }; /* a death is no error, and what failed before it is not asked */

	if (setjmp(f->death) == 0)
		apply(f, p, NULL, &ignored);
}

/* Die before each effect in turn, switch on again, apply again: always the same end. */
static void die_everywhere(void)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf want = BUF_TEXT;
	auto_err e = { 0 };
	struct plan p;
	struct fake f;
	size_t total, same = 0;

	make_plan(&p, &a);
	start(&f);
	apply(&f, &p, NULL, &e);
	fake_tree(&f, "var/lib/gpuprov", &want);
	total = f.effects;
	fake_release(&f);
	for (size_t at = 1; at <= total; at++) {
		auto_buf struct buf got = BUF_TEXT;

		start(&f);
		f.die_at = at;
		apply_and_die(&f, &p);
		fake_reboot(&f);
		if (apply(&f, &p, NULL, &e))
			printf("# died at %zu, then: %s\n", at, e.text);
		fake_tree(&f, "var/lib/gpuprov", &got);
		same += str_eq(buf_str(&got), buf_str(&want));
		fake_release(&f);
	}
	ok(total >= 10 && same == total, "%zu of %zu deaths converge on the same tree", same,
	   total);
}

/* Each effect fails once with each errno: an error that names the thing, and a second run that
 * mends. */
static void fail_everywhere(void)
{
	static const int errnos[] = { EIO, ENOSPC, EROFS, EACCES };
	auto_arena struct arena a = { 0 };
	auto_buf struct buf want = BUF_TEXT;
	struct err e = { 0 };
	struct plan p;
	struct fake f;
	size_t total, told = 0, mended = 0, tried = 0;

	make_plan(&p, &a);
	start(&f);
	apply(&f, &p, NULL, &e);
	fake_tree(&f, "var/lib/gpuprov", &want);
	total = f.effects;
	fake_release(&f);
	for (size_t i = 0; i < sizeof(errnos) / sizeof(*errnos); i++) {
		for (size_t at = 1; at <= total; at++) {
			auto_buf struct buf got = BUF_TEXT;

			tried++;
			start(&f);
			f.fail_at = at;
			f.fail_errno = errnos[i];
			told += apply(&f, &p, NULL, &e) == -1 && e.text && strchr(e.text, '/');
			err_drop(&e);
			fake_reboot(&f);
			apply(&f, &p, NULL, &e);
			err_drop(&e);
			fake_tree(&f, "var/lib/gpuprov", &got);
			mended += str_eq(buf_str(&got), buf_str(&want));
			fake_release(&f);
		}
	}
	ok(told == tried, "%zu of %zu failures are reported with their path", told, tried);
	ok(mended == tried, "%zu of %zu are mended by a second run", mended, tried);
}

static bool stop_now(void *ctx)
{
	(void)ctx;
	return true;
}

static void interrupted(void)
{
	auto_arena struct arena a = { 0 };
	struct err e = { 0 };
	struct exec_listener l = { on_event, NULL, stop_now };
	struct plan p;
	struct fake f;

	start(&f);
	make_plan(&p, &a);
	ok(execute(&p, &f.sys, &f.sys, &l, &e) == -1 && e.code == GP_INTERRUPTED,
	   "an interrupt before the first step stops");
	is(fake_get(&f, "etc/modprobe.d/x.conf"), NULL, "and nothing was done");
	ok(e.n_ways > 0, "the message says how to go on");
	err_drop(&e);
	fake_release(&f);
}

static void lying_step(void)
{
	auto_arena struct arena a = { 0 };
	struct err e = { 0 };
	struct plan p;
	struct plan_step *s;
	struct fake f;

	start(&f);
	plan_init(&p, &a);
	s = plan_add(&p, "initramfs", "6.1", OP_CHANGE, "/boot/initrd.img-6.1");
	step_arg(&p, s, "kernel", "6.1");
	plan_finish(&p);
	ok(apply(&f, &p, NULL, &e) == -1 && e.code == GP_STEP_LIED,
	   "a step that ends without its effect is an error");
	err_drop(&e);
	fake_reboot(&f);
	f.run_status = 3;
	ok(apply(&f, &p, NULL, &e) == -1 && strstr(e.text, "the last words"),
	   "a command that fails is reported with its last words: %s", e.text);
	err_drop(&e);
	fake_release(&f);
}

static void torn_and_damaged(void)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf text = BUF_TEXT;
	struct err e = { 0 };
	journal_records records = { 0 };
	const char *path = "var/lib/gpuprov/runs/000001/journal";
	struct plan p;
	struct fake f;
	char *middle;

	start(&f);
	make_plan(&p, &a);
	apply(&f, &p, NULL, &e);
	buf_adds(&text, fake_get(&f, path));
	buf_cut(&text, text.len - 5);
	fake_put(&f, path, buf_str(&text));
	ok(journal_read(&f.sys, 1, &a, &records, &e) == 0 && records.n == 7,
	   "a torn last record never was");
	middle = strstr(text.data, "file:nouveau");
	*middle = 'F';
	fake_put(&f, path, buf_str(&text));
	ok(journal_read(&f.sys, 1, &a, &records, &e) == -1 && e.code == GP_JOURNAL_CORRUPT,
	   "a damaged record that good ones follow is corruption");
	err_drop(&e);
	fake_release(&f);
}

/* Every length of a cut: what is added after it is read, and what was whole before it too. */
static void added_after_a_cut(void)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf whole = BUF_TEXT;
	auto_err e = { 0 };
	const char *path = "var/lib/gpuprov/runs/000001/journal";
	size_t last, tried = 0, good = 0;
	struct plan p;
	struct fake f;

	start(&f);
	make_plan(&p, &a);
	apply(&f, &p, NULL, &e);
	buf_adds(&whole, fake_get(&f, path));
	for (last = whole.len - 1; last && whole.data[last - 1] != '\n'; last--)
		;
	for (size_t len = last; len <= whole.len; len++) {
		auto_buf struct buf text = BUF_TEXT;
		size_t were = len + 1 >= whole.len ? 8 : 7;
		journal_records records = { 0 };
		struct journal j;

		buf_add(&text, whole.data, len);
		fake_put(&f, path, buf_str(&text));
		tried++;
		good += journal_open(&f.sys, 1, &a, &j, &e) == 0 &&
			journal_add(&j, "failed", NULL, "why", &e) == 0 &&
			journal_add(&j, "end", NULL, "failed", &e) == 0 &&
			journal_read(&f.sys, 1, &a, &records, &e) == 0 && records.n >= were + 2 &&
			str_eq(records.at[records.n - 2].text, "why") &&
			str_eq(records.at[were - 1].kind, were == 8 ? "end" : "done");
	}
	ok(tried > 40 && good == tried, "added after the last record was cut anywhere: %zu of %zu",
	   good, tried);
	fake_release(&f);
}

int main(void)
{
	in_order();
	announced_before_done();
	die_everywhere();
	fail_everywhere();
	interrupted();
	lying_step();
	torn_and_damaged();
	added_after_a_cut();
	return done_testing();
}
