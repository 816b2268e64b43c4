/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that ask: NVML, the CUDA driver API, PyTorch. They run in processes of their own. */
#include "verify/priv.h"

#include "base/str.h"
#include "base/ver.h"
#include "sys/driver.h"
#include "sys/sys.h"

#include <string.h>

static int device_there(struct checking *c, const char *path, bool *ret, struct err *e)
{
	struct sys_stat st;

	if (sys_stat(c->sys, path, &st, e))
		return -1;
	*ret = st.type == SYS_OTHER;
	return 0;
}

/*
 * Can the driver be asked without changing anything? Its libraries load modules and make devices
 * that are not there; then there is nothing to ask. *ret is false when the verdict is given.
 */
static int can_ask(struct checking *c, bool cuda, bool *ret, struct err *e)
{
	bool there;

	*ret = false;
	if (!c->facts->live)
		return defer(c, "boot", "an image is not running");
	if (device_there(c, "dev/nvidiactl", &there, e))
		return -1;
	if (!there)
		return defer(c, "gpu", "the driver is not loaded: no /dev/nvidiactl");
	if (cuda && device_there(c, "dev/nvidia-uvm", &there, e))
		return -1;
	if (!there)
		return defer(c, "gpu",
			     "no /dev/nvidia-uvm; asking would make it, and verify changes "
			     "nothing");
	*ret = true;
	return 0;
}

/* Which GPU of the bus the library does not have. With MIG it counts other things. */
static const char *missing_gpu(const struct checking *c, const struct driver_answer *answer)
{
	list_each (&c->facts->gpus, g) {
		bool seen = !g->address || g->mig == TRI_YES;

		list_each (&answer->gpus, one)
			seen |= str_eq(one->address, g->address);
		if (!seen)
			return g->address;
	}
	return NULL;
}

static void name_gpus(const struct driver_answer *answer, struct buf *ret)
{
	list_each (&answer->gpus, g)
		buf_addf(ret, "%s%s %s", ret->len ? ", " : "", g->address, g->name);
	if (!answer->gpus.n)
		buf_adds(ret, "no GPU");
}

static int check_nvml(struct checking *c, struct err *e)
{
	struct driver_ask ask = { .part = DRIVER_NVML };
	struct driver_answer answer = { 0 };
	auto_buf struct buf gpus = BUF_TEXT;
	const char *missing;
	bool can;

	if (can_ask(c, false, &can, e))
		return -1;
	if (!can)
		return 0;
	if (sys_driver(c->sys, &ask, c->a, &answer, e))
		return -1;
	if (answer.trouble)
		return conclude(c, false, "libnvidia-ml.so.1: %s", answer.trouble);
	name_gpus(&answer, &gpus);
	missing = missing_gpu(c, &answer);
	if (missing)
		return conclude(c, false, "NVML does not see the GPU at %s; it sees %s", missing,
				buf_str(&gpus));
	return conclude(c, answer.version && ver_within(answer.version, c->wanted),
			"driver %s, CUDA up to %s: %s", answer.version, answer.cuda,
			buf_str(&gpus));
}

static int check_cuda(struct checking *c, struct err *e)
{
	bool run = str_eq(c->post->kind, "cuda-run");
	struct driver_ask ask = { .part = run ? DRIVER_RUN : DRIVER_CUDA,
				  .timeout_s = run ? 120 : 60 };
	struct driver_answer answer = { 0 };
	auto_buf struct buf gpus = BUF_TEXT;
	const char *missing;
	bool can;

	if (can_ask(c, true, &can, e))
		return -1;
	if (!can)
		return 0;
	if (sys_driver(c->sys, &ask, c->a, &answer, e))
		return -1;
	if (answer.trouble)
		return conclude(c, false, "libcuda.so.1: %s", answer.trouble);
	name_gpus(&answer, &gpus);
	missing = missing_gpu(c, &answer);
	if (missing)
		return conclude(c, false, "CUDA does not see the GPU at %s; it sees %s", missing,
				buf_str(&gpus));
	if (run)
		return conclude(c, answer.gpus.n && answer.ran == (long long)answer.gpus.n,
				"a kernel was run on %lld, its result right: %s", answer.ran,
				buf_str(&gpus));
	return conclude(c, answer.gpus.n > 0, "cuInit() is fine, CUDA up to %s: %s", answer.cuda,
			buf_str(&gpus));
}

/* What the guides tell people to type, and one sum on a GPU. */
static const char torch[] =
	"import torch\n"
	"print('torch', torch.__version__, torch.version.cuda, torch.cuda.is_available(),"
	" torch.cuda.device_count())\n"
	"for i in range(torch.cuda.device_count()):\n"
	"    p = torch.cuda.get_device_properties(i)\n"
	"    x = torch.ones(1024, device='cuda:%d' % i)\n"
	"    assert (x + x).sum().item() == 2048\n"
	"    print('gpu', p.name, '%.2f GB' % (p.total_memory / 2**30))\n";

/* "torch 2.4.0 12.1 True 2" and a line for each GPU. */
static int judge_torch(struct checking *c, const char *output)
{
	struct piece rest = PIECE(output), line, word[5];
	auto_buf struct buf gpus = BUF_TEXT;
	unsigned long long count = 0;
	size_t n = 0;

	while (str_line(&rest, &line)) {
		if (piece_starts(line, "gpu "))
			buf_addf(&gpus, "; %.*s", (int)line.len - 4, line.at + 4);
		if (!piece_starts(line, "torch "))
			continue;
		for (n = 0; n < 5 && str_word(&line, &word[n]); n++)
			;
	}
	if (n < 5 || !str_to_u64(arena_strn(c->a, word[4].at, word[4].len), &count))
		return conclude(c, false, "%s says nothing about torch", c->post->subject);
	return conclude(c, piece_eq(word[3], "True") && count == c->facts->gpus.n,
			"torch %.*s for CUDA %.*s: is_available() is %.*s, %llu GPU%s%s",
			(int)word[1].len, word[1].at, (int)word[2].len, word[2].at,
			(int)word[3].len, word[3].at, count, count == 1 ? "" : "s", buf_str(&gpus));
}

static int check_pytorch(struct checking *c, struct err *e)
{
	const char *argv[] = { c->post->subject, "-c", torch, NULL };
	struct sys_cmd cmd = { .argv = argv, .timeout_s = 300 };
	struct sys_done done = { 0 };
	const char *output, *last;

	if (!c->facts->live)
		return defer(c, "boot", "an image is not running");
	if (sys_run(c->sys, &cmd, &done, e))
		return -1;
	output = arena_str(c->a, buf_str(&done.output));
	buf_release(&done.output);
	if (!done.status && !done.timed_out)
		return judge_torch(c, output);
	output = arena_strn(c->a, output, strlen(output) - (str_ends(output, "\n") ? 1 : 0));
	last = strrchr(output, '\n');
	return conclude(c, false, "%s %s: %s", c->post->subject,
			done.timed_out ? "did not end in time" : "failed",
			last ? last + 1 : output);
}

const struct check checks_driver[] = {
	{ "nvml", check_nvml },
	{ "cuda-init", check_cuda },
	{ "cuda-run", check_cuda },
	{ "pytorch", check_pytorch },
	{ NULL, NULL },
};
