/* SPDX-License-Identifier: Apache-2.0 */
/* Plans in files: written and read back, every changed byte refused, every moved fact named. */
#include "tap.h"

#include "base/str.h"
#include "execute/saved.h"

static void fill(struct saved *s, struct arena *a)
{
	struct plan_step *step;

	*s = (struct saved){ .program = "1",
			     .root = "/",
			     .profile = "/p.yaml",
			     .profile_hash = "11",
			     .catalog_hash = "22",
			     .made = 1000 };
	s->facts = (struct facts){ .schema = FACTS_SCHEMA, .a = a, .kernel = "6.1.0-9" };
	s->facts.host = "gpu1";
	s->facts.live = true;
	s->facts.os.version = "12";
	s->facts.secure_boot.enabled = TRI_NO;
	list_add(a, &s->facts.modules, "nouveau");
	list_push(a, &s->facts.gpus)->address = "0000:3b:00.0";
	s->facts.gpus.at[0].device = "1eb8";
	list_push(a, &s->facts.kernels)->release = "6.1.0-9";
	list_push(a, &s->facts.packages)->name = "docker.io";
	s->facts.packages.at[0].version = "20.10";
	list_push(a, &s->facts.sources)->file = "/etc/apt/sources.list";
	s->facts.sources.at[0].uri = "http://one/";
	list_push(a, &s->facts.files)->path = "/etc/docker/daemon.json";
	s->facts.files.at[0].sha256 = "33";
	list_push(a, &s->facts.mounts)->path = "/";
	s->facts.mounts.at[0].free_bytes = 5000;
	list_add(a, &s->targets, ((struct saved_target){ "etc/x", "44" }));
	plan_init(&s->plan, a);
	s->plan.header.profile = "p.yaml";
	step = plan_add(&s->plan, "packages", "nvidia", OP_ADD, "driver");
	step_arg(&s->plan, step, "want", "nvidia-smi");
	*list_push(a, &step->packages) = (struct plan_package){ .name = "nvidia-smi",
								.arch = "amd64",
								.version = "535.1",
								.change = "new",
								.disk = 900 };
	plan_finish(&s->plan);
}

static void round_trip(void)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf one = BUF_TEXT, two = BUF_TEXT;
	auto_err e = { 0 };
	struct saved s, back;

	fill(&s, &a);
	saved_write(&s, &one);
	ok(saved_read(buf_str(&one), one.len, "F", &a, &back, &e) == 0, "read back: %s",
	   e.text ? e.text : "");
	saved_write(&back, &two);
	is(buf_str(&two), buf_str(&one), "the same bytes");
	is(step_get(&back.plan.steps.at[0], "want"), "nvidia-smi", "with the steps");
}

static void every_byte(void)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf text = BUF_TEXT;
	struct saved s, back;
	size_t refused = 0;

	fill(&s, &a);
	saved_write(&s, &text);
	for (size_t i = 0; i < text.len; i++) {
		auto_err e = { 0 };

		text.data[i] ^= 1;
		refused += saved_read(buf_str(&text), text.len, "F", &a, &back, &e) == -1 &&
			   e.code == GP_BAD_PLAN && e.n_ways;
		text.data[i] ^= 1;
	}
	ok(refused == text.len, "one bit changed anywhere is refused: %zu of %zu", refused,
	   text.len);
	for (size_t n = 0; n < text.len; n++) {
		auto_err e = { 0 };

		refused -= saved_read(buf_str(&text), n, "F", &a, &back, &e) == -1;
	}
	ok(refused == 0, "a file that is cut short anywhere is refused");
}

/* ---- what moved ---- */

static void kernel(struct saved *s, struct arena *a)
{
	(void)a;
	s->facts.kernel = "6.1.0-10";
}

static void another_kernel(struct saved *s, struct arena *a)
{
	list_push(a, &s->facts.kernels)->release = "6.1.0-10";
}

static void headers(struct saved *s, struct arena *a)
{
	(void)a;
	s->facts.kernels.at[0].headers = true;
}

static void gpu_added(struct saved *s, struct arena *a)
{
	list_push(a, &s->facts.gpus)->address = "0000:af:00.0";
}

static void gpu_removed(struct saved *s, struct arena *a)
{
	(void)a;
	s->facts.gpus.n = 0;
}

static void gpu_changed(struct saved *s, struct arena *a)
{
	(void)a;
	s->facts.gpus.at[0].device = "20b5";
}

static void nvswitch(struct saved *s, struct arena *a)
{
	list_push(a, &s->facts.switches)->address = "0000:c0:00.0";
}

static void package_installed(struct saved *s, struct arena *a)
{
	list_push(a, &s->facts.packages)->name = "cuda-toolkit-12-8";
}

static void engine_upgraded(struct saved *s, struct arena *a)
{
	(void)a;
	s->facts.packages.at[0].version = "28.1";
}

static void package_held(struct saved *s, struct arena *a)
{
	(void)a;
	s->facts.packages.at[0].held = true;
}

static void source(struct saved *s, struct arena *a)
{
	(void)a;
	s->facts.sources.at[0].uri = "http://two/";
}

static void file_edited(struct saved *s, struct arena *a)
{
	(void)a;
	s->facts.files.at[0].sha256 = "34";
}

static void target_edited(struct saved *s, struct arena *a)
{
	(void)a;
	s->targets.at[0].sha256 = "45";
}

static void target_gone(struct saved *s, struct arena *a)
{
	(void)a;
	s->targets.at[0].sha256 = "";
}

static void secure_boot(struct saved *s, struct arena *a)
{
	(void)a;
	s->facts.secure_boot.enabled = TRI_YES;
}

static void module(struct saved *s, struct arena *a)
{
	s->facts.modules.n = 0;
	list_add(a, &s->facts.modules, "nvidia");
}

static void dpkg(struct saved *s, struct arena *a)
{
	(void)a;
	s->facts.dpkg.interrupted = true;
}

static void release(struct saved *s, struct arena *a)
{
	(void)a;
	s->facts.os.version = "13";
}

static void another_host(struct saved *s, struct arena *a)
{
	(void)a;
	s->facts.host = "gpu2";
}

static void disk_full(struct saved *s, struct arena *a)
{
	(void)a;
	s->facts.mounts.at[0].free_bytes = 100;
}

static void read_only(struct saved *s, struct arena *a)
{
	(void)a;
	s->facts.mounts.at[0].read_only = true;
}

static void profile(struct saved *s, struct arena *a)
{
	(void)a;
	s->profile_hash = "12";
}

static void catalog(struct saved *s, struct arena *a)
{
	(void)a;
	s->catalog_hash = "23";
}

static void program(struct saved *s, struct arena *a)
{
	(void)a;
	s->program = "2";
}

static void root(struct saved *s, struct arena *a)
{
	(void)a;
	s->root = "/image";
}

static void other_run(struct saved *s, struct arena *a)
{
	(void)a;
	s->runs = 1;
}

static void clock_back(struct saved *s, struct arena *a)
{
	(void)a;
	s->made = 900;
}

static const struct {
	void (*move)(struct saved *s, struct arena *a);
	const char *said;
} moves[] = {
	{ kernel, "running kernel: 6.1.0-9 in the plan, 6.1.0-10 now" },
	{ another_kernel, "kernel 6.1.0-10: none in the plan, there now" },
	{ headers, "kernel 6.1.0-9, headers: false in the plan, true now" },
	{ gpu_added, "GPU 0000:af:00.0: none in the plan, there now" },
	{ gpu_removed, "GPU 0000:3b:00.0: there in the plan, none now" },
	{ gpu_changed, "GPU 0000:3b:00.0, device: 1eb8 in the plan, 20b5 now" },
	{ nvswitch, "NVSwitch 0000:c0:00.0: none in the plan, there now" },
	{ package_installed, "package cuda-toolkit-12-8: none in the plan, there now" },
	{ engine_upgraded, "package docker.io, version: 20.10 in the plan, 28.1 now" },
	{ package_held, "package docker.io, held: false in the plan, true now" },
	{ source,
	  "apt source /etc/apt/sources.list, uri: http://one/ in the plan, http://two/ now" },
	{ file_edited, "file /etc/docker/daemon.json, sha256: 33 in the plan, 34 now" },
	{ target_edited, "file to be written /etc/x: 44 in the plan, 45 now" },
	{ target_gone, "file to be written /etc/x: 44 in the plan, not there now" },
	{ secure_boot, "Secure Boot, enabled: false in the plan, true now" },
	{ module, "loaded module: nouveau in the plan, none now" },
	{ dpkg, "state of dpkg, interrupted: false in the plan, true now" },
	{ release, "operating system, version: 12 in the plan, 13 now" },
	{ another_host, "host name: gpu1 in the plan, gpu2 now" },
	{ disk_full, "free space on /: 5000 bytes in the plan, 100 now, and the plan needs 900" },
	{ read_only, "file system /, read_only: false in the plan, true now" },
	{ profile, "profile: 11 in the plan, 12 now" },
	{ catalog, "catalog: 22 in the plan, 23 now" },
	{ program, "gpuprov: 1 in the plan, 2 now" },
	{ root, "root: / in the plan, /image now" },
	{ other_run, "other runs: 1 made since the plan" },
	{ clock_back, "clock: it is now before the plan was made, by 100 s" },
};

static void each_move(void)
{
	for (size_t i = 0; i < sizeof(moves) / sizeof(*moves); i++) {
		auto_arena struct arena a = { 0 };
		struct saved then, now;
		strs said = { 0 };

		fill(&then, &a);
		fill(&now, &a);
		moves[i].move(&now, &a);
		saved_moved(&then, &now, &a, &said);
		is(said.n ? said.at[0] : NULL, moves[i].said, "a fact that moved is named");
	}
}

static void no_move(void)
{
	auto_arena struct arena a = { 0 };
	struct saved then, now;
	strs said = { 0 };

	fill(&then, &a);
	fill(&now, &a);
	now.made = 2000;
	now.facts.mounts.at[0].free_bytes = 4000;
	now.profile_hash = NULL;
	list_push(&a, &now.facts.notes)->fact = "gpus";
	now.facts.notes.at[0].from = "sysfs";
	then.facts.secure_boot.enabled = TRI_UNKNOWN;
	list_push(&a, &then.facts.notes)->fact = "secure_boot.enabled";
	then.facts.notes.at[0].unknown = "not root";
	now.targets.at[0].sha256 = NULL;
	saved_moved(&then, &now, &a, &said);
	ok(said.n == 0,
	   "time, enough space, a profile left behind and facts that were unknown are "
	   "no moves: %s",
	   said.n ? said.at[0] : "");
}

static void sets(void)
{
	auto_arena struct arena a = { 0 };
	struct saved then, now;
	strs said = { 0 };

	fill(&then, &a);
	fill(&now, &a);
	now.plan.steps.at[0].packages.at[0].version = "535.2";
	*list_push(&a, &now.plan.steps.at[0].packages) =
		(struct plan_package){ .name = "x", .arch = "amd64", .version = "1" };
	saved_sets_differ(&then.plan, &now.plan, &a, &said);
	ok(said.n == 2, "two packages differ: %zu", said.n);
	is(said.n ? said.at[0] : NULL, "candidate of nvidia-smi: 535.1 in the plan, 535.2 now",
	   "another version is named");
	is(said.n > 1 ? said.at[1] : NULL, "candidate of x: none in the plan, 1 now",
	   "one more package is named");
}

int main(void)
{
	round_trip();
	every_byte();
	each_move();
	no_move();
	sets();
	return done_testing();
}
