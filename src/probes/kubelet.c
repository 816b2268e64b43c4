/* SPDX-License-Identifier: Apache-2.0 */
/* The kubelet of a node: version by its package, how it drives cgroups, which engine it talks to.
 */
#include "probes/probe.h"

#include "base/str.h"
#include "base/ver.h"
#include "sys/sys.h"

#include <string.h>

#define CONFIG "var/lib/kubelet/config.yaml"
/* What kubeadm puts on its command line; before that was a setting, the engine was named here. */
#define FLAGS "var/lib/kubelet/kubeadm-flags.env"

/* A plain value of a key at the left edge: "cgroupDriver: systemd". */
static const char *top_value(struct facts *f, const char *text, const char *key)
{
	struct piece rest = PIECE(text ? text : ""), line;
	size_t n = strlen(key);

	while (str_line(&rest, &line)) {
		struct piece v;

		if (!piece_starts(line, key) || line.len <= n || line.at[n] != ':')
			continue;
		v = str_trim((struct piece){ line.at + n + 1, line.len - n - 1 });
		if (v.len >= 2 && (*v.at == '"' || *v.at == '\'') && v.at[v.len - 1] == *v.at) {
			v.at++;
			v.len -= 2;
		}
		return v.len ? arena_strn(f->a, v.at, v.len) : NULL;
	}
	return NULL;
}

static const char *flag(struct facts *f, const char *text, const char *name)
{
	const char *at = text ? strstr(text, name) : NULL;

	if (!at)
		return NULL;
	at += strlen(name);
	return arena_strn(f->a, at, strcspn(at, " \t\"'\n"));
}

static void learn_version(const struct sys *sys, struct facts *f)
{
	static const char *const programs[] = { "usr/bin/kubelet", "usr/local/bin/kubelet",
						"opt/bin/kubelet" };
	const struct fact_package *p = facts_package(f, "kubelet");

	if (p && str_eq(p->status, "installed")) {
		struct piece upstream = ver_deb_upstream(p->version);

		f->kubelet.version = arena_strn(f->a, upstream.at, upstream.len);
		fact_from(f, "kubelet.version", "package kubelet");
		return;
	}
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		if (probe_there(sys, programs[i])) {
			fact_unknown(f, "kubelet.version",
				     arena_printf(f->a,
						  "/%s is of no package, and facts run nothing",
						  programs[i]));
			return;
		}
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	auto_buf struct buf config = BUF_INIT(1 << 20);
	const char *flags;
	bool there;

	learn_version(sys, f);
	if (sys_read_if(sys, CONFIG, &config, &there, e)) {
		fact_unknown(f, "kubelet.cgroup_driver", arena_str(f->a, e->text));
		err_drop(e); /* not for us to read; what is known without it stays known */
		return 0;
	}
	flags = probe_text(sys, f, FLAGS);
	if (!there && !flags)
		return 0;
	f->kubelet.cgroup_driver = top_value(f, buf_str(&config), "cgroupDriver");
	f->kubelet.endpoint = top_value(f, buf_str(&config), "containerRuntimeEndpoint");
	if (!f->kubelet.endpoint)
		f->kubelet.endpoint = flag(f, flags, "--container-runtime-endpoint=");
	fact_from(f, "kubelet", CONFIG ", " FLAGS);
	return 0;
}

const struct probe probe_kubelet = { "kubelet", PROBE_LAST, run };
