/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The solver: which of the CUDA toolkits is used where none is named, and how shells and programs
 * find it.
 */
#include "solve/priv.h"

#include "base/str.h"
#include "base/ver.h"

/* The one /usr/local/cuda leads to: as asked, else the newest. */
static const char *default_series(struct solving *s)
{
	const char *best = profile_get(s->profile, "cuda.default");

	if (!best)
		list_each (&s->asks.cudas, cuda)
			if (!best || ver_cmp(*cuda, best) > 0)
				best = *cuda;
	return ver_head(best, 2, s->a);
}

static void add_own_file(struct solving *s, const char *name, const char *path, const char *content,
			 const char *reason)
{
	const struct fact_file *ours = facts_file(s->facts, path);
	struct plan_step *step = plan_add(s->plan, "file", name,
					  !ours                          ? OP_ADD :
					  str_eq(ours->content, content) ? OP_KEEP :
									   OP_CHANGE,
					  "/%s", path);

	step_arg(s->plan, step, "path", path);
	step_arg(s->plan, step, "content", content);
	step_reason(s->plan, step, NULL, place(s, "cuda.environment"), "%s", reason);
	plan_post(s->plan, arena_printf(s->a, "file.%s", name), "file", path, NULL, NULL);
}

/* PATH for every shell, the libraries for every program. */
static void add_environment(struct solving *s, const char *cuda)
{
	static const char conf[] = "etc/ld.so.conf.d/gpuprov-cuda.conf";
	static const char head[] = "# Written by gpuprov. Do not edit; 'gpuprov rollback' takes it "
				   "away again.\n";
	const struct plan_step *file;
	struct plan_step *step;
	bool changes;

	add_own_file(s, "cuda-path", "etc/profile.d/gpuprov-cuda.sh",
		     arena_printf(s->a,
				  "%sCUDA_HOME=%s\nexport CUDA_HOME\ncase \":$PATH:\" in\n"
				  "*\":$CUDA_HOME/bin:\"*) ;;\n*) PATH=$CUDA_HOME/bin:$PATH ;;\n"
				  "esac\nexport PATH\n",
				  head, cuda),
		     "nvcc is found by every shell");
	add_own_file(s, "cuda-libraries", conf,
		     arena_printf(s->a, "%s%s/lib64\n%s/extras/CUPTI/lib64\n", head, cuda, cuda),
		     "its libraries are found by every program");
	file = plan_find(s->plan, "file:cuda-libraries");
	changes = file && file->op != OP_KEEP;
	list_each (&s->plan->steps, it)
		changes |= it->op != OP_KEEP &&
			   (str_eq(it->kind, "cuda-run") || str_eq(it->kind, "link") ||
			    (s->cuda_packages && str_eq(it->kind, "packages")));
	step = plan_add(s->plan, "ldconfig", "cuda", changes ? OP_CHANGE : OP_KEEP,
			"the cache of the dynamic linker");
	step_arg(s->plan, step, "conf", conf);
	step_arg(s->plan, step, "newer", cuda + 1);
	step_arg(s->plan, step, "newer", "etc/alternatives/cuda");
	step_needs(s->plan, step, "file:cuda-libraries");
	step_needs(s->plan, step, "link:cuda");
	step_needs(s->plan, step, "packages:nvidia");
	step_reason(s->plan, step, NULL, place(s, "cuda.environment"),
		    "it knows folders only after ldconfig");
}

/*
 * One link for all. Packages lead it to the newest themselves, by the alternatives system, and go
 * on doing so after upgrades: only a wish of the profile is put above that.
 */
static void add_link(struct solving *s, const char *base)
{
	const char *target = arena_printf(s->a, "%s/cuda-%s", base, default_series(s));
	struct plan_step *step;
	bool linked = false;

	if (s->cuda_packages && !profile_given(s->profile, "cuda.default"))
		return;
	list_each (&s->facts->cudas, c)
		linked |= c->linked && str_eq(c->path, target);
	step = plan_add(s->plan, "link", "cuda", linked ? OP_KEEP : OP_ADD, "%s/cuda -> %s", base,
			target);
	step_arg(s->plan, step, "path", arena_printf(s->a, "%s/cuda", base + 1));
	step_arg(s->plan, step, "target", target);
	list_each (&s->asks.cudas, cuda)
		step_needs(s->plan, step,
			   arena_printf(s->a, "cuda-run:%s", ver_head(*cuda, 2, s->a)));
	step_needs(s->plan, step, "packages:nvidia");
	step_reason(s->plan, step, NULL, place(s, "cuda.default"),
		    "the version that is used where none is named");
}

/* Packages go where their maker put them. */
static bool check_base(struct solving *s, const char *base)
{
	struct diag *d;

	if (!s->cuda_packages || str_eq(base, "/usr/local"))
		return true;
	d = refuse(s, GP_UNSATISFIABLE, "paths.cuda", "CUDA of packages cannot be put into %s",
		   base);
	why(s, d, "NVIDIA's packages install into /usr/local/cuda-X.Y");
	way(s, d, "paths.cuda=null", "leave paths.cuda out");
	way(s, d, "cuda.source=runfile", "take NVIDIA's .run toolkits: cuda.source: runfile");
	return false;
}

void solve_cuda_default(struct solving *s)
{
	const char *base = profile_get(s->profile, "paths.cuda");

	if (!check_base(s, base))
		return;
	add_link(s, base);
	if (profile_on(s->profile, "cuda.environment"))
		add_environment(s, arena_printf(s->a, "%s/cuda", base));
}
