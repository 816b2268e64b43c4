/* SPDX-License-Identifier: Apache-2.0 */
/* The solver: what it plans, what it keeps, what it refuses, and that nothing else decides. */
#include "solving.h"

#define OWN_SOURCE "etc/apt/sources.list.d/gpuprov-debian.sources"
#define OWN_BLACKLIST "etc/modprobe.d/gpuprov-nouveau.conf"

static size_t index_of(const struct plan *p, const char *id)
{
	const struct plan_step *s = plan_find(p, id);

	return s ? (size_t)(s - p->steps.at) : p->steps.n;
}

static void test_fresh(void)
{
	auto_solved s = { 0 };
	const struct plan *p;
	unsigned silent = 0;

	host(&s);
	p = solve_for(&s, "driver:\n  branch: \"535\"\n");
	ok(!plan_refused(p) && plan_pending(p), "a fresh host has a plan");
	is(p->header.profile, "p.yaml", "it knows its profile");
	is(p->header.catalog, s.catalog.date, "its catalog");
	ok(strstr(p->header.host, "debian 12 (bookworm)") && strstr(p->header.host, "1 x Tesla T4"),
	   "its host");
	ok(index_of(p, "repo:debian") < index_of(p, "packages:nvidia") &&
		   index_of(p, "file:nouveau") < index_of(p, "packages:nvidia") &&
		   index_of(p, "packages:nvidia") < index_of(p, "initramfs:6.1.0-40-amd64") &&
		   index_of(p, "initramfs:6.1.0-40-amd64") < p->steps.n,
	   "sources and blacklist, then packages, then the initramfs");
	list_each (&p->steps, step) {
		silent += !step->reasons.n || str_empty(step->what) || step->op == OP_KEEP;
		list_each (&step->reasons, r)
			silent += str_empty(r->text);
	}
	ok(!silent, "each step does something, and says what and why");
	ok(has_arg(p, "packages:nvidia", "want", "libcuda1 535") == 1 &&
		   has_arg(p, "packages:nvidia", "want", "nvidia-kernel-dkms 535") == 1 &&
		   has_arg(p, "packages:nvidia", "want", "linux-headers-amd64") == 1,
	   "packages of the branch, headers for the kernel");
	ok(post_of(p, "driver.libcuda") && post_of(p, "package.libcuda1") &&
		   post_of(p, "driver.module.6.1.0-40-amd64") && post_of(p, "dpkg.clean"),
	   "and what must hold afterwards");
	ok(str_eq(post_of(p, "driver.loaded")->needs, "boot") &&
		   str_eq(post_of(p, "gpu.count")->wanted, "1"),
	   "also after the next boot");
}

static void test_reasons(void)
{
	auto_solved s = { 0 };
	const struct plan_step *step;
	unsigned placed = 0;

	host(&s);
	step = plan_find(solve_for(&s, "driver:\n  modules: proprietary\n"), "packages:nvidia");
	list_each (&step->reasons, r)
		placed += str_starts(r->text, "nvidia-kernel-dkms: ") &&
			  str_eq(r->file, "p.yaml") && r->line == 4 && r->col == 12;
	ok(placed == 1, "a reason says where the profile asked for it");
}

static void test_determined(void)
{
	auto_buf struct buf one = BUF_TEXT;
	auto_buf struct buf two = BUF_TEXT;
	static const char *const kernels[] = { "6.1.0-40-amd64", "6.1.0-41-amd64",
					       "6.1.0-41-cloud-amd64" };

	for (int turn = 0; turn < 2; turn++) {
		auto_solved s = { 0 };
		struct buf *b = turn ? &two : &one;

		host(&s);
		s.facts.kernels.n = 0;
		for (int i = 0; i < 3; i++)
			add_kernel(&s.facts, kernels[turn ? i : 2 - i])->image = true;
		plan_write(solve_for(&s, "driver:\n  modules: none\n  nouveau: blacklist\n"), b);
	}
	is(buf_str(&two), buf_str(&one), "the same bytes, whatever the order of the facts");
}

/* ---- GPUs ---- */

static void test_no_gpu(void)
{
	auto_solved s = { 0 };
	const struct plan *p;
	const struct diag *d;

	host(&s);
	s.facts.gpus.n = 0;
	p = solve_for(&s, "");
	d = refusal(p, GP_NO_GPU);
	ok(d && d->severity == SEV_ERROR && plan_refused(p), "no GPU, no plan");
	ok(d && d->why && d->ways.n >= 2, "with the evidence and ways out");
	ok(!p->steps.n && !p->posts.n && !p->omitted.n && !plan_pending(p),
	   "nothing is left to run");
	fact_unknown(&s.facts, "gpus", "/sys is not there");
	d = refusal(solve_for(&s, ""), GP_NO_GPU);
	is(d ? d->why : NULL, "/sys is not there", "when it is not known, that is said");
	ok(!plan_refused(solve_for(&s, "gpus: [\"Tesla T4\"]\n")), "the profile can name them");
}

static void test_named(void)
{
	static const char *const good[] = { "Tesla T4",  "tesla t4",  "NVIDIA Tesla T4",
					    "10de:1eb8", "10DE:1EB8", "1eb8",
					    "1EB8" };
	auto_solved s = { 0 };

	host(&s);
	s.facts.gpus.n = 0;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		const struct plan *p =
			solve_for(&s, arena_printf(&s.a, "gpus: [\"%s\"]\n", good[i]));

		ok(!plan_refused(p) && !refusal(p, GP_RULE + 26), "'%s' is a Tesla T4", good[i]);
	}
	ok(str_eq(post_of(solve_for(&s, "gpus: [1eb8, Tesla T4]\n"), "gpu.count")->wanted, "2"),
	   "named twice, there are two");
}

static void test_unknown_name(void)
{
	static const char *const bad[] = { "Tesla T",   "Voodoo 2",  "A100",     "beef",
					   "0x1e",      "10de:",     "10de:1eb", "10de:1eb8x",
					   "1002:1eb8", "10de:0x1e", "" };
	auto_solved s = { 0 };
	const struct diag *d;
	bool meant = false;

	host(&s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const struct plan *p =
			solve_for(&s, arena_printf(&s.a, "gpus: [\"%s\"]\n", bad[i]));

		d = refusal(p, GP_UNKNOWN_GPU);
		ok(plan_refused(p) && d && d->at.line == 3 && d->ways.n, "'%s' is refused", bad[i]);
		ok(!refusal(p, GP_NO_GPU), "as a name, not as the lack of a GPU");
	}
	d = refusal(solve_for(&s, "gpus: [A100]\n"), GP_UNKNOWN_GPU);
	list_each (&d->ways, w)
		meant |= strstr(w->text, "A100") && strstr(w->text, "did you mean");
	ok(meant, "with names that contain it");
	ok(refusal(solve_for(&s, "gpus: [Tesla T4, Voodoo]\n"), GP_UNKNOWN_GPU),
	   "one wrong name among good ones is enough");
}

static void test_unknown_device(void)
{
	auto_solved s = { 0 };
	const struct plan *p;
	const struct diag *d;

	host(&s);
	s.facts.gpus.n = 0;
	add_gpu(&s.facts, "fffe");
	p = solve_for(&s, "");
	d = refusal(p, GP_RULE + 26);
	ok(!plan_refused(p) && plan_pending(p),
	   "a GPU that the catalog does not know is no refusal");
	ok(d && d->severity == SEV_WARNING && str_eq(d->rule, "R26") &&
		   strstr(d->what, "10de:fffe"),
	   "but a warning");
	ok(!plan_refused(solve_for(&s, "gpus: [\"10de:fffe\"]\n")), "also when its id is given");
}

static void arch(const char *device, const char *name, enum code code, const char *rule)
{
	auto_solved s = { 0 };
	const struct plan *p;
	const struct diag *d;

	host(&s);
	s.facts.gpus.n = 0;
	add_gpu(&s.facts, device);
	add_gpu(&s.facts, "1eb8");
	p = solve_for(&s, "driver: {source: distro}\n");
	d = refusal(p, code);
	ok(plan_refused(p) && !p->steps.n && d && str_eq(d->rule, rule), "%s with 535: %s", name,
	   rule);
	ok(d && strstr(d->what, "535") && strstr(d->what, name) && d->why, "naming both");
}

/* ---- the driver ---- */

/* Apply what each way out says must be changed, and plan again. */
static bool lead_to_plans(struct solved *s, const struct diag *d)
{
	size_t changes = 0;

	list_each (&d->ways, w) {
		struct solved again = { .facts = s->facts, .catalog = s->catalog };
		struct buf b = BUF_TEXT;
		const char *text;

		if (!w->sets.n)
			continue;
		changes++;
		buf_adds(&b, "driver:\n");
		/* Only what the way sets: what stood there before is the other thing it replaces.
		 */
		list_each (&w->sets, set) {
			const char *eq = strchr(*set, '=');

			if (!str_starts(*set, "driver.") || str_eq(eq, "=null"))
				continue;
			buf_addf(&b, "  %.*s: %s\n", (int)(eq - *set - 7), *set + 7, eq + 1);
		}
		text = arena_str(&s->a, buf_str(&b));
		buf_release(&b);
		if (str_eq(text, "driver:\n"))
			text = "";
		if (plan_refused(solve_for(&again, text))) {
			list_each (&again.plan.diags.list, x)
				printf("# %s: %s\n", w->text, x->what);
			return false;
		}
		parsed_release(&again.profile);
		arena_release(&again.a);
	}
	return changes > 0;
}

static void test_branch(void)
{
	static const char *const lacking[] = { "branch: \"470\"", "branch: 580",
					       "version: 580.65.06", "version: \"5350.1\"" };
	auto_solved s = { 0 };
	const struct plan *p;

	host(&s);
	for (size_t i = 0; i < sizeof(lacking) / sizeof(*lacking); i++) {
		const struct diag *d;

		p = solve_for(&s,
			      arena_printf(&s.a, "driver:\n  %s\n  source: distro\n", lacking[i]));
		d = refusal(p, GP_SOURCE_LACKS_BRANCH);
		ok(plan_refused(p) && d && d->at.line == 4, "'%s' is not to be had", lacking[i]);
		ok(d && d->why && d->ways.n && lead_to_plans(&s, d),
		   "with ways out that lead to a plan");
	}
	p = solve_for(&s, "driver:\n  version: 535.309.01\n");
	ok(has_arg(p, "packages:nvidia", "want", "libcuda1 535.309.01") == 1,
	   "an exact version is asked for exactly");
}

static void test_distro(void)
{
	auto_solved s = { 0 };
	const struct plan *p;

	host(&s);
	s.facts.os = (struct fact_os){ "plan9", "4", NULL, "Plan 9", "amd64" };
	p = solve_for(&s, "");
	ok(refusal(p, GP_UNSUPPORTED_DISTRO) && !p->steps.n, "another system is refused");
	s.facts.os = (struct fact_os){ "debian", NULL, "sid", "Debian sid", "amd64" };
	s.facts.sources.at[0].suite = "sid";
	ok(plan_find(solve_for(&s, "driver: {source: distro, modules: none}\n"), "packages:nvidia"),
	   "sid has no number, and is known");
	s.facts.os = (struct fact_os){ "debian", "3.1", "sarge", "Debian 3.1", "amd64" };
	ok(plan_refused(solve_for(&s, "")), "and so is a release that nobody knows");
}

static const struct plan_step *repair(const struct plan *p)
{
	return plan_find(p, "dpkg:repair");
}

static void test_unclean(void)
{
	auto_solved s = { 0 };
	const struct plan_step *step;

	host(&s);
	ok(!repair(solve_for(&s, "")), "a dpkg at rest needs no step");
	list_add(&s.a, &s.facts.dpkg.unfinished, "libfoo half-configured");
	list_add(&s.a, &s.facts.dpkg.unfinished, "libbar unpacked");
	step = repair(solve_for(&s, ""));
	ok(step && step->reasons.n == 2, "unfinished packages are a step, each of them a reason");
	is(step ? step->reasons.at[0].text : NULL, "libfoo half-configured", "by its name");
	step = plan_find(&s.plan, "packages:nvidia");
	ok(step && step->needs.n && str_eq(step->needs.at[0], "dpkg:repair"),
	   "packages are installed after it");
	s.facts.dpkg.unfinished.n = 0;
	s.facts.dpkg.interrupted = true;
	step = repair(solve_for(&s, ""));
	ok(step && str_eq(step->what, "dpkg --configure -a"), "an interrupted dpkg is one too");
}

static void test_user_space(void)
{
	auto_solved s = { 0 };
	const struct plan *p;

	host(&s);
	p = solve_for(&s, "driver: {modules: none}\n");
	ok(!has_arg(p, "packages:nvidia", "want", "nvidia-kernel-dkms 535") &&
		   !has_arg(p, "packages:nvidia", "want", "linux-headers-amd64"),
	   "without modules, none is built");
	ok(!plan_find(p, "file:nouveau") && !plan_find(p, "initramfs:6.1.0-40-amd64"),
	   "and nouveau is left alone");
	ok(omitted(p, "kernel modules") && omitted(p, "nouveau blacklist"), "which is said");
	ok(!post_of(p, "driver.loaded") && !post_of(p, "driver.module.6.1.0-40-amd64"),
	   "and not demanded");
	p = solve_for(&s, "driver: {modules: none, nouveau: blacklist}\n");
	ok(plan_find(p, "file:nouveau"), "unless asked for");
	p = solve_for(&s, "driver: {nouveau: leave}\n");
	ok(!plan_find(p, "file:nouveau") && omitted(p, "nouveau blacklist"), "or asked not to");
}

static void test_purpose(void)
{
	auto_solved s = { 0 };
	const struct plan *p;

	host(&s);
	p = solve_for(&s, "purpose: run\n");
	ok(omitted(p, "nvidia-settings") &&
		   !has_arg(p, "packages:nvidia", "want", "nvidia-settings"),
	   "running needs no X server settings");
	p = solve_for(&s, "purpose: desktop\n");
	ok(has_arg(p, "packages:nvidia", "want", "nvidia-settings") == 1 &&
		   has_arg(p, "packages:nvidia", "want", "nvidia-driver 535") == 1,
	   "a desktop does");
}

static void test_headers(void)
{
	auto_solved s = { 0 };
	const struct plan *p;

	host(&s);
	add_kernel(&s.facts, "6.1.0-41-amd64");
	add_kernel(&s.facts, "6.1.0-41-cloud-amd64");
	add_kernel(&s.facts, "6.1.0-39-rt-amd64")->image = false;
	p = solve_for(&s, "");
	ok(has_arg(p, "packages:nvidia", "want", "linux-headers-amd64") == 1,
	   "two kernels of one flavour need one package");
	ok(has_arg(p, "packages:nvidia", "want", "linux-headers-cloud-amd64") == 1,
	   "each flavour one");
	ok(!has_arg(p, "packages:nvidia", "want", "linux-headers-rt-amd64"),
	   "a kernel that cannot boot none");
}

/* ---- sources ---- */

static void test_sources(void)
{
	auto_solved s = { 0 };
	const struct plan *p;
	const char *text;

	host(&s);
	s.facts.sources.at[0].signed_by = "/usr/share/keyrings/debian-archive-keyring.gpg";
	p = solve_for(&s, "");
	text = step_get(plan_find(p, "repo:debian"), "content");
	ok(strstr(text, "\nTypes: deb\nURIs: http://deb.example.org/debian/\nSuites: bookworm\n"
			"Components: contrib non-free non-free-firmware\n"
			"Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"),
	   "the same repository, with the components that are missing, and its key");
	p = solve_for(&s, "apt: {mirror: \"https://mirror.example.org/debian/\"}\n");
	text = step_get(plan_find(p, "repo:debian"), "content");
	ok(strstr(text, "URIs: https://mirror.example.org/debian/\n"),
	   "from a mirror, when asked for");
	list_add(&s.a, &s.facts.sources.at[0].components, "contrib");
	list_add(&s.a, &s.facts.sources.at[0].components, "non-free");
	list_add(&s.a, &s.facts.sources.at[0].components, "non-free-firmware");
	ok(!plan_find(solve_for(&s, ""), "repo:debian"),
	   "when all are enabled, there is nothing to do");
	s.facts.sources.n = 0;
	p = solve_for(&s, "");
	ok(refusal(p, GP_UNKNOWN_FACT) && !p->steps.n && !p->posts.n && !p->omitted.n,
	   "without any source there is no plan, not even half of one");
}

/* What an earlier run enabled must stay enabled when more is needed. */
static void test_own_source(void)
{
	auto_solved s = { 0 };
	const struct plan *p;
	struct fact_source *own;
	const char *before;

	host(&s);
	p = solve_for(&s, "driver: {modules: none}\n");
	before = step_get(plan_find(p, "repo:debian"), "content");
	ok(strstr(before, "Components: contrib non-free\n"), "user space needs two components");
	add_file(&s.facts, OWN_SOURCE, before);
	own = add_debian(&s.facts, OWN_SOURCE, "bookworm");
	list_add(&s.a, &own->components, "contrib");
	list_add(&s.a, &own->components, "non-free");
	p = solve_for(&s, "driver: {modules: none}\n");
	ok(plan_find(p, "repo:debian")->op == OP_KEEP, "they are enabled: kept");
	is(step_get(plan_find(p, "repo:debian"), "content"), before, "as they are");
	p = solve_for(&s, "");
	ok(plan_find(p, "repo:debian")->op == OP_CHANGE, "modules need one more");
	ok(strstr(step_get(plan_find(p, "repo:debian"), "content"),
		  "Components: contrib non-free non-free-firmware\n"),
	   "and the others stay");
}

/* ---- keeping ---- */

/* The host as a plan leaves it. */
static void carry_out(struct solved *s, const struct plan *p)
{
	struct facts *f = &s->facts;
	const struct plan_step *packages = plan_find(p, "packages:nvidia");
	const struct plan_step *repo = plan_find(p, "repo:debian");
	struct fact_source *own = add_debian(f, OWN_SOURCE, "bookworm");

	list_add(f->a, &own->components, "contrib");
	list_add(f->a, &own->components, "non-free");
	list_add(f->a, &own->components, "non-free-firmware");
	add_file(f, OWN_SOURCE, step_get(repo, "content"));
	add_file(f, OWN_BLACKLIST, step_get(plan_find(p, "file:nouveau"), "content"));
	add_file(f, step_get(plan_find(p, "file:modules-load"), "path"),
		 step_get(plan_find(p, "file:modules-load"), "content"));
	list_each (&packages->args, arg) {
		struct piece rest = PIECE(arg->value), name = { 0 };

		str_word(&rest, &name);
		add_package(f, arena_strn(f->a, name.at, name.len), "535.309.01-1~deb12u1");
	}
	list_add(f->a, &f->modules, "nvidia");
}

static void test_keep(void)
{
	auto_solved s = { 0 };
	const struct plan *p;
	unsigned wrong = 0;
	struct fact_package *cuda;

	host(&s);
	s.facts.live = true;
	p = solve_for(&s, "");
	ok(p->totals.reboot, "a running system needs a boot to load the module");
	carry_out(&s, p);
	p = solve_for(&s, "");
	list_each (&p->steps, step)
		wrong += step->op != OP_KEEP;
	ok(!plan_refused(p) && p->steps.n >= 4 && !wrong && !plan_pending(p),
	   "a host that is as it should be is kept");
	ok(!p->totals.reboot && p->posts.n, "without a boot, but with proof");
	cuda = s.facts.packages.at;
	while (!str_eq(cuda->name, "libcuda1"))
		cuda++;
	cuda->version = "525.147.05-1";
	ok(plan_find(solve_for(&s, ""), "packages:nvidia")->op == OP_ADD,
	   "a package of another branch is not what is wanted");
	cuda->version = "535.309.01-1~deb12u1";
	cuda->status = "half-configured";
	ok(plan_find(solve_for(&s, ""), "packages:nvidia")->op == OP_ADD, "nor is half a package");
	cuda->status = "installed";
	ok(!plan_pending(solve_for(&s, "driver: {version: 535.309.01}\n")),
	   "an exact version is kept");
	ok(plan_refused(solve_for(&s, "driver: {version: 535.261.03, source: distro}\n")),
	   "another one is not to be had");
}

static void test_drift(void)
{
	auto_solved s = { 0 };
	const struct plan *p;

	host(&s);
	carry_out(&s, solve_for(&s, ""));
	s.facts.files.at[1].content = "# changed by hand\n";
	p = solve_for(&s, "");
	ok(plan_find(p, "file:nouveau")->op == OP_CHANGE &&
		   plan_find(p, "initramfs:6.1.0-40-amd64")->op == OP_CHANGE &&
		   plan_find(p, "packages:nvidia")->op == OP_KEEP,
	   "a changed file is put right, and what depends on it");
	s.facts.files.at[1].content = step_get(plan_find(p, "file:nouveau"), "content");
	s.facts.kernels.at[0].initramfs = "stale";
	p = solve_for(&s, "");
	ok(plan_find(p, "initramfs:6.1.0-40-amd64")->op == OP_CHANGE &&
		   plan_find(p, "file:nouveau")->op == OP_KEEP,
	   "a stale initramfs is made again");
	s.facts.kernels.at[0].initramfs = NULL;
	ok(!plan_find(solve_for(&s, ""), "initramfs:6.1.0-40-amd64"),
	   "one that is not there is not");
	list_add(&s.a, &s.facts.modules, "nouveau");
	ok(solve_for(&s, "")->totals.reboot, "nouveau in memory needs a boot");
}

int main(void)
{
	test_fresh();
	test_reasons();
	test_determined();
	test_no_gpu();
	test_named();
	test_unknown_name();
	test_unknown_device();
	arch("102d", "Tesla K80", GP_RULE + 20, "R20");
	arch("2901", "B200", GP_RULE + 36, "R36");
	test_branch();
	test_distro();
	test_unclean();
	test_user_space();
	test_purpose();
	test_headers();
	test_sources();
	test_own_source();
	test_keep();
	test_drift();
	return done_testing();
}
