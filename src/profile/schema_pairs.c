/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of a profile that contradict each other, whatever the host is. */
#include "profile/schema_priv.h"

#include "base/str.h"
#include "base/ver.h"

#include <string.h>

static const struct value *text_at(struct check *c, const char *path)
{
	const struct value *v = profile_given(c->p, path);

	return v && v->form == VALUE_TEXT ? v : NULL;
}

static struct diag *contradiction(struct check *c, const struct value *v, const struct value *also,
				  const char *note, const char *what)
{
	struct diag *d = diag_add(c->diags, SEV_ERROR, GP_CONTRADICTION, &v->at, "%s", what);

	if (also) {
		d->also = also->at;
		d->also_note = note;
	}
	return d;
}

static void branch_and_version(struct check *c)
{
	const struct value *branch = text_at(c, "driver.branch");
	const struct value *version = text_at(c, "driver.version");
	struct diag *d;

	if (!branch || !version || ver_within(version->text, branch->text))
		return;
	d = contradiction(c, version, branch, "the branch asked for",
			  arena_printf(c->p->a, "driver.version %s is not of driver.branch %s",
				       schema_escaped(c, version->text),
				       schema_escaped(c, branch->text)));
	diag_way(c->diags, d, "driver.branch=null",
		 "leave driver.branch out; the version implies it");
}

/* A value below driver that means nothing when there are no kernel modules. */
static void modules_none(struct check *c)
{
	static const char *const need[] = { "driver.module-options", "driver.signing",
					    "driver.features" };
	const struct value *modules = text_at(c, "driver.modules");
	struct diag *d;

	if (!modules || !str_eq(modules->text, "none"))
		return;
	for (size_t i = 0; i < sizeof(need) / sizeof(*need); i++) {
		const struct value *v = profile_given(c->p, need[i]);

		if (!v)
			continue;
		d = contradiction(c, v, modules, "no kernel modules",
				  arena_printf(c->p->a, "%s needs kernel modules", need[i]));
		diag_way(c->diags, d, "driver.modules=auto", "write driver.modules: auto");
		diag_way(c->diags, d, arena_printf(c->p->a, "%s=null", need[i]), "leave %s out",
			 need[i]);
	}
}

/* What is run as root comes by https, or is known by its hash. */
static void unchecked(struct check *c, const struct value *url)
{
	bool file = str_starts(url->text, "file:");
	struct diag *d =
		diag_add(c->diags, SEV_ERROR, GP_CONTRADICTION, &url->at,
			 "%s is not https, and there is no sha256 to check the file by", url->path);

	diag_why(c->diags, d, "what it brings is run with the rights of root");
	diag_way(c->diags, d, NULL, "add its sha256: sha256sum FILE prints it");
	if (file)
		diag_way(c->diags, d, NULL, "name the file itself: path: %s",
			 schema_escaped(c, url->text + strlen("file://")));
	else
		diag_way(c->diags, d, NULL, "write an https:// address");
}

/* One installer: by a URL or a path, not both; unverified only in so many words. */
static void installer(struct check *c, const struct value *at)
{
	const struct value *url = value_find(at, "url"), *path = value_find(at, "path");
	struct diag *d;

	if (url && url->form == VALUE_TEXT && !value_find(at, "sha256") &&
	    !str_starts(url->text, "https:"))
		unchecked(c, url);
	if (!url || !path)
		return;
	d = contradiction(c, path, url, "and a URL here",
			  arena_printf(c->p->a, "%s has both a path and a URL", at->path));
	diag_way(c->diags, d, NULL, "keep one of them");
}

static void installers(struct check *c)
{
	const struct value *driver = profile_given(c->p, "driver.runfile");
	const struct value *cuda = profile_given(c->p, "cuda.runfile");
	const struct value *source = text_at(c, "driver.source");
	struct diag *d;

	if (driver)
		installer(c, driver);
	if (driver && source && !str_eq(source->text, "runfile") && !str_eq(source->text, "auto")) {
		d = contradiction(c, driver, source, "the source asked for",
				  arena_printf(c->p->a, "driver.runfile, but driver.source is %s",
					       schema_escaped(c, source->text)));
		diag_way(c->diags, d, "driver.source=runfile", "write driver.source: runfile");
		diag_way(c->diags, d, NULL, "leave driver.runfile out");
	}
	if (cuda)
		list_each (&cuda->items, it)
			installer(c, it);
}

static void cuda_default(struct check *c)
{
	const struct value *wanted = text_at(c, "cuda.default");
	const struct value *versions = profile_given(c->p, "cuda.version");
	struct diag *d;

	if (!wanted)
		return;
	if (versions && versions->form == VALUE_TEXT && str_eq(versions->text, wanted->text))
		return;
	if (versions)
		list_each (&versions->items, it)
			if (str_eq(it->text, wanted->text))
				return;
	d = contradiction(c, wanted, versions, "the versions asked for",
			  arena_printf(c->p->a, "cuda.default %s is not one of cuda.version",
				       schema_escaped(c, wanted->text)));
	diag_way(c->diags, d, NULL, "add \"%s\" to cuda.version", schema_escaped(c, wanted->text));
	diag_way(c->diags, d, "cuda.default=null", "leave cuda.default out");
}

static void sharing(struct check *c)
{
	const struct value *kind = text_at(c, "kubernetes.device-plugin.sharing.kind");
	const struct value *replicas =
		profile_given(c->p, "kubernetes.device-plugin.sharing.replicas");
	bool shares = kind && !str_eq(kind->text, "none");
	struct diag *d;

	if (shares && !replicas) {
		d = diag_add(c->diags, SEV_ERROR, GP_MISSING_KEY, &kind->at,
			     "%s needs kubernetes.device-plugin.sharing.replicas",
			     schema_escaped(c, kind->text));
		diag_way(c->diags, d, "kubernetes.device-plugin.sharing.replicas=4",
			 "say how many pods share one GPU: replicas: 4");
	} else if (replicas && !shares) {
		d = contradiction(c, replicas, kind, "no sharing",
				  "replicas without a kind of sharing");
		diag_way(c->diags, d, "kubernetes.device-plugin.sharing.kind=time-slicing",
			 "write kind: time-slicing");
		diag_way(c->diags, d, "kubernetes.device-plugin.sharing.kind=mps",
			 "write kind: mps");
	}
}

/* Settings of an engine that is not the one asked for. */
static void engine_of(struct check *c)
{
	static const char *const engines[] = { "docker", "containerd", "crio", "podman" };
	const struct value *engine = text_at(c, "engine");
	const char *wanted = engine ? engine->text : "docker";
	struct diag *d;

	if (c->kind != KIND_DOCKER)
		return;
	for (size_t i = 0; i < sizeof(engines) / sizeof(*engines); i++) {
		const struct value *v = profile_given(c->p, engines[i]);

		if (!v || str_eq(engines[i], wanted))
			continue;
		d = contradiction(c, v, engine, "the engine asked for",
				  arena_printf(c->p->a, "settings of %s, but the engine is %s",
					       engines[i], schema_escaped(c, wanted)));
		diag_way(c->diags, d, arena_printf(c->p->a, "engine=%s", engines[i]),
			 "write engine: %s", engines[i]);
		diag_way(c->diags, d, NULL, "leave %s out", engines[i]);
	}
}

/*
 * A bare-metal host has no engine that would know the container toolkit. Only nvidia-ctk and the
 * CDI files it writes are of use there, to engines that gpuprov does not know.
 */
static void toolkit_alone(struct check *c)
{
	const struct value *toolkit = profile_given(c->p, "container-toolkit");
	const struct value *purpose = text_at(c, "purpose");
	bool contained = profile_is(c->p, "purpose", "containers");
	bool base = profile_is(c->p, "container-toolkit.packages", "base");
	struct diag *d;

	if (c->kind != KIND_BARE_METAL || (!toolkit && !contained) || (base && contained))
		return;
	if (toolkit) {
		d = contradiction(c, toolkit, profile_given(c->p, "kind"), "no engine here",
				  "container-toolkit without a container engine that uses it");
		d->at = toolkit->key_at;
	} else {
		d = diag_add(c->diags, SEV_WARNING, GP_CONTRADICTION, &purpose->at,
			     "purpose is containers, but no container engine is asked for");
	}
	d->why = "in kind bare-metal no engine is told about the container toolkit";
	diag_way(c->diags, d, "kind=docker",
		 "write kind: docker, and which: engine: docker, containerd, crio or podman");
	diag_way(c->diags, d, NULL,
		 "for an engine that gpuprov does not know: purpose: containers, and "
		 "container-toolkit: {packages: base}");
	if (!toolkit)
		return;
	diag_way(c->diags, d, "container-toolkit=null", "leave container-toolkit out");
}

void schema_pairs(struct check *c)
{
	branch_and_version(c);
	modules_none(c);
	installers(c);
	cuda_default(c);
	sharing(c);
	engine_of(c);
	toolkit_alone(c);
}
