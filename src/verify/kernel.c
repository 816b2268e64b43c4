/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of kernel modules: of each kernel that can be booted, and of the one that runs. */
#include "verify/priv.h"

#include "base/str.h"
#include "base/ver.h"
#include "sys/sys.h"

#include <string.h>

static int check_module_source(struct checking *c, struct err *e)
{
	strs names = { 0 };

	if (sys_list(c->sys, "usr/src", c->a, &names, e))
		return -1;
	list_each (&names, name) {
		const char *dash = strrchr(*name, '-');
		const char *conf = arena_printf(c->a, "usr/src/%s/dkms.conf", *name);
		struct sys_stat st;

		if (!str_starts(*name, c->post->subject) || !dash ||
		    !ver_within(dash + 1, c->wanted))
			continue;
		if (sys_stat(c->sys, conf, &st, e))
			return -1;
		if (st.type == SYS_FILE)
			return conclude(c, true, "/usr/src/%s", *name);
	}
	return conclude(c, false, "no /usr/src/%s*-%s with a dkms.conf", c->post->subject,
			c->wanted);
}

/* A module carries "version=..." in its .modinfo section. */
static const char *module_version(struct checking *c, const struct buf *ko)
{
	static const char key[] = "\0version=";
	const char *at = memmem(ko->data, ko->len, key, sizeof(key) - 1);

	return at ? arena_str(c->a, at + sizeof(key) - 1) : NULL;
}

static int check_module(struct checking *c, struct err *e)
{
	static const char *const places[] = { "updates/dkms/nvidia-current.ko",
					      "updates/dkms/nvidia.ko",
					      "kernel/drivers/video/nvidia.ko" };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const char *path =
			arena_printf(c->a, "lib/modules/%s/%s", c->post->subject, places[i]);
		auto_buf struct buf ko = BUF_INIT(512 << 20);
		const char *version;
		bool there;

		if (sys_read_if(c->sys, path, &ko, &there, e))
			return -1;
		if (!there)
			continue;
		version = module_version(c, &ko);
		return conclude(c, version && ver_within(version, c->wanted), "/%s is of %s", path,
				version ? version : "no version");
	}
	return conclude(c, false, "kernel %s has no NVIDIA module", c->post->subject);
}

static int check_loaded(struct checking *c, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(256);
	const char *version;
	bool there;

	if (!c->facts->live)
		return defer(c, c->post->needs, "an image is not running");
	if (sys_read_if(c->sys, "sys/module/nvidia/version", &b, &there, e))
		return -1;
	if (!there)
		return defer(c, c->post->needs, "the module is not loaded yet");
	version = arena_strn(c->a, buf_str(&b), strcspn(buf_str(&b), "\n"));
	return conclude(c, ver_within(version, c->wanted), "version %s is loaded", version);
}

/* The kernel takes a signed module only, when Secure Boot is on: by a key that it knows. */
static int check_signer(struct checking *c, struct err *e)
{
	const struct fact_secure_boot *sb = &c->facts->secure_boot;
	const struct fact_kernel *k = NULL;

	(void)e;
	list_each (&c->facts->kernels, one)
		if (str_eq(one->release, c->post->subject))
			k = one;
	if (sb->enabled == TRI_NO)
		return not_applicable(c, "Secure Boot is off");
	if (sb->enabled == TRI_UNKNOWN)
		return defer(c, "boot", "whether Secure Boot is on cannot be seen here");
	if (!k || !k->nvidia)
		return not_applicable(c, "there is no module whose signature could be judged");
	if (!k->signer)
		return conclude(c, false,
				"Secure Boot is on and the module is not signed: the kernel will "
				"reject it");
	list_each (&sb->keys, key)
		if (str_eq(*key, k->signer))
			return conclude(c, true, "signed by '%s', which is enrolled", k->signer);
	if (str_eq(k->made_by, "package"))
		return conclude(c, true, "signed by '%s', as the distribution's kernel takes it",
				k->signer);
	return conclude(c, false,
			"signed by '%s', a key that is not enrolled: the kernel will reject the "
			"module ('Key was rejected by service')",
			k->signer);
}

/* nouveau or nova_core: not in the kernel, and no GPU in its hands. */
static int check_kept_out(struct checking *c, struct err *e)
{
	(void)e;
	if (!c->facts->live)
		return defer(c, "boot", "an image is not running");
	list_each (&c->facts->gpus, g)
		if (str_eq(g->driver, c->post->subject))
			return conclude(c, false, "%s holds the GPU at %s", g->driver, g->address);
	list_each (&c->facts->modules, m)
		if (str_eq(*m, c->post->subject))
			return conclude(c, false, "%s is loaded", *m);
	return conclude(c, true, "not loaded");
}

/* Whoever mixes open and proprietary modules finds out at the boot of the other kernel. */
static int check_one_flavour(struct checking *c, struct err *e)
{
	const struct fact_kernel *first = NULL;

	(void)e;
	list_each (&c->facts->kernels, k) {
		if (!k->flavour)
			continue;
		if (first && !str_eq(first->flavour, k->flavour))
			return conclude(c, false, "kernel %s has %s modules, %s has %s ones",
					first->release, first->flavour, k->release, k->flavour);
		first = k;
	}
	if (!first)
		return not_applicable(c, "no kernel has a module that tells its flavour");
	return conclude(c, true, "%s modules", first->flavour);
}

const struct check checks_kernel[] = {
	{ "module-source", check_module_source },
	{ "module", check_module },
	{ "loaded", check_loaded },
	{ "signer", check_signer },
	{ "kept-out", check_kept_out },
	{ "flavour", check_one_flavour },
	{ NULL, NULL },
};
