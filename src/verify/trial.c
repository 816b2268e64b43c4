/* SPDX-License-Identifier: Apache-2.0 */
/* The guide's check: a container is started, and sees the GPUs. */
#include "verify/priv.h"

#include "base/str.h"
#include "engines/engine.h"
#include "sys/sys.h"

#include <string.h>

/* How an engine lists its images and starts a container, up to the name of the image. */
struct trial {
	const char *program; /* NULL = none that could be used is there: `missing` */
	const char *missing;
	const char *list[10], *run[24];
	const char *id; /* between image and command, where containers have one */
};

#define NAME "gpuprov-verify"

static bool output_of(struct checking *c, const char *const *argv, unsigned timeout_s,
		      const char **ret)
{
	const struct sys_cmd cmd = { .argv = argv, .timeout_s = timeout_s };
	struct sys_done done = { 0 };
	auto_err silent = { 0 }; /* what cannot be started has not shown anything */
	bool good = sys_run(c->sys, &cmd, &done, &silent) == 0 && !done.status;

	*ret = silent.text && *silent.text ? arena_str(c->a, silent.text) :
					     arena_str(c->a, buf_str(&done.output));
	buf_release(&done.output);
	return good;
}

static bool is_there(struct checking *c, const char *program)
{
	auto_err none = { 0 }; /* then it is not there */
	struct sys_stat st;

	return sys_stat(c->sys, program + 1, &st, &none) == 0 && st.type != SYS_ABSENT;
}

/* ---- how each engine does it ---- */

#define SET(to, ...)                                                                               \
	memcpy(to, ((const char *[]){ __VA_ARGS__, NULL }),                                        \
	       sizeof((const char *[]){ __VA_ARGS__, NULL }))

static void like_docker(struct checking *c, struct trial *t)
{
	const char *program = arena_printf(c->a, "/usr/bin/%s", c->post->subject);
	bool podman = str_eq(c->post->subject, "podman");

	t->missing = arena_printf(c->a, "there is no %s to start a container with", program);
	if (!is_there(c, program))
		return;
	t->program = program;
	SET(t->list, program, "images", "--format", "{{.Repository}}:{{.Tag}}");
	SET(t->run, program, "run", "--rm", podman ? "--device" : "--gpus",
	    podman ? "nvidia.com/gpu=all" : "all");
}

/* CRI-O starts pods only; Podman has the same images, and can use the same runtime. */
static void like_crio(struct checking *c, const struct engine_view *v, struct trial *t)
{
	static const char podman[] = "/usr/bin/podman";

	t->missing = "CRI-O starts pods only, and there is no podman to try its runtime with";
	if (!is_there(c, podman))
		return;
	t->program = podman;
	SET(t->list, podman, "images", "--format", "{{.Repository}}:{{.Tag}}");
	SET(t->run, podman, "--runtime", v->ask.binary, "run", "--rm", "--env",
	    "NVIDIA_VISIBLE_DEVICES=all", "--env", "NVIDIA_DRIVER_CAPABILITIES=compute,utility");
}

/* What a verify that was cut off has left would be in the way. */
static void remove_old(struct checking *c, const char *ctr, const char *socket, const char *space)
{
	const char *const argv[] = {
		ctr, "-a", socket, "-n", space, "containers", "rm", NAME, NULL
	};
	const char *ignored;

	output_of(c, argv, 30, &ignored);
}

/* Images of Kubernetes are in a namespace of their own. */
static void like_containerd(struct checking *c, const struct engine_view *v, struct trial *t,
			    const char *space)
{
	static const char ctr[] = "/usr/bin/ctr";
	const char *socket = engine_containerd_socket(v);

	t->missing = "there is no /usr/bin/ctr to start a container with";
	if (!is_there(c, ctr))
		return;
	t->program = ctr;
	t->id = NAME;
	SET(t->list, ctr, "-a", socket, "-n", space, "images", "ls", "-q");
	SET(t->run, ctr, "-a", socket, "-n", space, "run", "--rm", "--runc-binary", v->ask.binary,
	    "--env", "NVIDIA_VISIBLE_DEVICES=all", "--env",
	    "NVIDIA_DRIVER_CAPABILITIES=compute,utility");
	remove_old(c, ctr, socket, space);
}

/* ---- trying it ---- */

/* An image that is there: the one that the profile names, or one of NVIDIA's own. */
static const char *find_image(struct checking *c, const struct trial *t)
{
	const char *text;
	struct piece rest, line;

	if (!output_of(c, t->list, 30, &text))
		return NULL;
	rest = PIECE(text);
	while (str_line(&rest, &line)) {
		const char *name = arena_strn(c->a, line.at, line.len);
		/* Podman and containerd name the registry, Docker does not. */
		const char *slash = strchr(name, '/');
		const char *bare = str_starts(name, "docker.io/") ? slash + 1 : name;
		const char *wanted = c->post->wanted;

		if (wanted ? str_eq(wanted, name) || str_eq(wanted, bare) :
			     strstr(name, "nvidia/cuda:") != NULL)
			return name;
	}
	return NULL;
}

static const char *last_line(struct checking *c, const char *text)
{
	struct piece rest = PIECE(text), line, last = { "", 0 };

	while (str_line(&rest, &line))
		if (str_trim(line).len)
			last = str_trim(line);
	return arena_strn(c->a, last.at, last.len);
}

static int try_image(struct checking *c, const struct trial *t, const char *image)
{
	const char *text;
	struct piece rest, line;
	size_t seen = 0;
	strs argv = { 0 };

	for (size_t i = 0; t->run[i]; i++)
		list_add(c->a, &argv, t->run[i]);
	list_add(c->a, &argv, image);
	if (t->id)
		list_add(c->a, &argv, t->id);
	list_add(c->a, &argv, "nvidia-smi");
	list_add(c->a, &argv, "-L");
	list_add(c->a, &argv, NULL);
	if (!output_of(c, argv.at, 300, &text))
		return conclude(c, false, "a container of %s does not run nvidia-smi: %s: %s",
				image, t->program, last_line(c, text));
	rest = PIECE(text);
	while (str_line(&rest, &line))
		seen += piece_starts(str_trim(line), "GPU ");
	return conclude(c, seen > 0, "a container of %s sees %zu GPU%s", image, seen,
			seen == 1 ? "" : "s");
}

/* The first way that has the image; else the last one. */
static int find_trial(struct checking *c, struct trial *t, const char **ret_image, struct err *e)
{
	static const char *const spaces[] = { "k8s.io", "default" };
	const char *engine = c->post->subject;
	const struct plan_step *step;
	struct engine_view v;

	*ret_image = NULL;
	if (str_eq(engine, "docker") || str_eq(engine, "podman")) {
		like_docker(c, t);
		*ret_image = t->program ? find_image(c, t) : NULL;
		return 0;
	}
	step = plan_find(c->plan, arena_printf(c->a, "engine:%s", engine));
	if (!step)
		return err_set(e, GP_INTERNAL, "the plan configures no %s", engine);
	if (engine_look(c->sys, step, c->a, &v, e))
		return -1;
	if (str_eq(engine, "crio")) {
		like_crio(c, &v, t);
		*ret_image = t->program ? find_image(c, t) : NULL;
		return 0;
	}
	for (size_t i = 0; i < sizeof(spaces) / sizeof(*spaces) && !*ret_image; i++) {
		like_containerd(c, &v, t, spaces[i]);
		*ret_image = t->program ? find_image(c, t) : NULL;
	}
	return 0;
}

static int check_container(struct checking *c, struct err *e)
{
	struct trial t = { 0 };
	const char *image;
	struct sys_stat st;

	if (!c->sys->live)
		return defer(c, "gpu", "an image has no GPU, and runs no containers");
	if (sys_stat(c->sys, "proc/driver/nvidia/version", &st, e))
		return -1;
	if (st.type == SYS_ABSENT)
		return defer(c, "gpu", "the driver is not loaded");
	if (find_trial(c, &t, &image, e))
		return -1;
	if (!t.program)
		return defer(c, "daemon", "%s", t.missing);
	if (!image && c->post->wanted)
		return defer(c, "image", "the image %s is not on this host", c->post->wanted);
	if (!image)
		return defer(c, "image",
			     "there is no image nvidia/cuda on this host; name one: "
			     "verify.container-image");
	return try_image(c, &t, image);
}

const struct check checks_trial[] = {
	{ "container-run", check_container },
	{ NULL, NULL },
};
