/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the driver's libraries, here fake ones: what they say, and crash, hang and exit in them.
 */
#include "scratch.h"

#include "base/str.h"
#include "sys/driver.h"
#include "verify/verify.h"

static struct sys live;

/* The fakes lie beside the tests: O/fakegpu. */
static const char *fake(struct arena *a, enum driver_part part)
{
	const char *o = getenv("O");

	return arena_printf(a, "%s/fakegpu/%s", o ? o : "build",
			    part == DRIVER_NVML ? "libnvidia-ml.so.1" : "libcuda.so.1");
}

static struct driver_answer ask(struct arena *a, enum driver_part part, const char *fate,
				unsigned timeout_s)
{
	struct driver_ask ask = { part, fake(a, part), timeout_s };
	struct driver_answer answer = { 0 };
	auto_free char *whole = realpath(ask.library, NULL);
	auto_err e = { 0 };

	ask.library = whole ? whole : ask.library;
	if (fate)
		setenv("FAKE_GPU", fate, 1);
	else
		unsetenv("FAKE_GPU");
	if (sys_driver(&live, &ask, a, &answer, &e))
		answer.trouble = arena_printf(a, "error: %s", e.text);
	unsetenv("FAKE_GPU");
	return answer;
}

/* With this fate, the trouble says so. */
static void fails(enum driver_part part, const char *fate, const char *trouble)
{
	auto_arena struct arena a = { 0 };
	struct driver_answer answer = ask(&a, part, fate, 1);

	if (!ok(answer.trouble && strstr(answer.trouble, trouble), "%s: %s", fate, trouble))
		tap_show("got", answer.trouble);
}

static void test_fine(void)
{
	auto_arena struct arena a = { 0 };
	struct driver_answer answer = ask(&a, DRIVER_NVML, NULL, 0);

	is(answer.trouble, NULL, "NVML answers");
	is(answer.version, "535.309.01", "the version of the driver");
	is(answer.cuda, "12.2", "the CUDA it supports");
	ok(answer.gpus.n == 2, "two GPUs");
	is(answer.gpus.n ? answer.gpus.at[0].address : NULL, "0000:3b:00.0",
	   "by the address that Linux uses");
	is(answer.gpus.n ? answer.gpus.at[0].name : NULL, "Tesla T4", "and a name with a blank");
	answer = ask(&a, DRIVER_CUDA, NULL, 0);
	is(answer.trouble, NULL, "libcuda answers");
	ok(answer.gpus.n == 2 && !answer.ran, "two devices, nothing is run");
	answer = ask(&a, DRIVER_RUN, NULL, 0);
	is(answer.trouble, NULL, "kernels are run");
	ok(answer.ran == 2, "on both devices");
	answer = ask(&a, DRIVER_RUN, "cuModuleLoadData=kepler", 0);
	is(answer.trouble, NULL, "a driver that takes only the older PTX");
	ok(answer.ran == 2, "runs them too");
}

static void test_trouble(void)
{
	auto_arena struct arena a = { 0 };
	struct driver_answer answer;

	fails(DRIVER_NVML, "nvmlInit_v2=18", "nvmlInit: Driver/library version mismatch");
	fails(DRIVER_NVML, "nvmlDeviceGetName=999", "nvmlDeviceGetName: Unknown Error");
	fails(DRIVER_NVML, "nvmlInit_v2=crash", "died in nvmlInit: Segmentation fault");
	fails(DRIVER_NVML, "nvmlDeviceGetCount_v2=hang", "hangs in nvmlDeviceGetCount");
	fails(DRIVER_NVML, "nvmlShutdown=exit", "ended the process in nvmlShutdown");
	fails(DRIVER_CUDA, "cuInit=802", "cuInit: CUDA_ERROR_SYSTEM_NOT_READY (802)");
	fails(DRIVER_CUDA, "cuInit=exit", "ended the process in cuInit");
	fails(DRIVER_RUN, "cuModuleLoadData=218", "cuModuleLoadData: CUDA_ERROR_UNKNOWN (218)");
	fails(DRIVER_RUN, "cuCtxSynchronize=crash", "died in cuCtxSynchronize");
	fails(DRIVER_RUN, "cuLaunchKernel=wrong", "computed 0 instead of 196606 at 65535");
	answer = ask(&a, DRIVER_CUDA, "cuInit=802", 0);
	ok(!answer.gpus.n, "no devices are made up");
}

static void test_no_library(void)
{
	auto_arena struct arena a = { 0 };
	struct driver_ask ask = { DRIVER_NVML, "/nonexistent/libnvidia-ml.so.1", 0 };
	struct driver_answer answer = { 0 };
	auto_err e = { 0 };

	ok(!sys_driver(&live, &ask, &a, &answer, &e), "a library that is not there is an answer");
	ok(answer.trouble && strstr(answer.trouble, "cannot open shared object"),
	   "in the linker's words");
	ask.library = fake(&a, DRIVER_CUDA);
	answer = (struct driver_answer){ 0 };
	ok(!sys_driver(&live, &ask, &a, &answer, &e) && answer.trouble,
	   "a library that is another one too");
}

/* ---- verify, with a root that has the fakes ---- */

static void put_fake(const struct scratch *s, struct arena *a, enum driver_part part)
{
	const char *from = fake(a, part);
	const char *to =
		arena_printf(a, "root/usr/lib/x86_64-linux-gnu/%s", strrchr(from, '/') + 1);
	auto_free char *whole = realpath(from, NULL);

	scratch_put(s, "root/usr/lib/x86_64-linux-gnu/x", "");
	scratch_link(s, whole ? whole : from, to);
}

static void verify_is(struct scratch *s, struct facts *f, const char *id, enum verdict_result want,
		      const char *part, const char *what)
{
	auto_arena struct arena a = { 0 };
	struct plan plan;
	struct verify_subject subject = { .plan = &plan, .facts = f, .sys = &s->sys, .run = true };
	auto_err e = { 0 };
	verdicts v = { 0 };
	const struct verdict *got = NULL;

	plan_init(&plan, &a);
	plan_post(&plan, "driver.libcuda", "library", "libcuda.so.1", "535", NULL);
	if (verify_all(&subject, &a, &v, &e))
		tap_show("error", e.text);
	list_each (&v, one)
		if (str_eq(one->id, id))
			got = one;
	if (!ok(got && got->result == want && strstr(got->evidence, part), "%s", what))
		tap_show("got", got ? got->evidence : NULL);
}

static void test_verify(void)
{
	auto_scratch s = { 0 };
	auto_arena struct arena a = { 0 };
	struct facts f = { .live = false, .a = &a, .os.arch = "amd64" };

	scratch_init(&s);
	put_fake(&s, &a, DRIVER_NVML);
	put_fake(&s, &a, DRIVER_CUDA);
	list_push(&a, &f.gpus)->address = "0000:3b:00.0";
	list_push(&a, &f.gpus)->address = "0000:86:00.0";
	verify_is(&s, &f, "driver.nvml", VERDICT_DEFERRED, "not running", "an image is not asked");
	f.live = true;
	verify_is(&s, &f, "driver.nvml", VERDICT_DEFERRED, "/dev/nvidiactl",
		  "without a device nothing is asked");
	scratch_put(&s, "root/dev/x", "");
	mkfifoat(s.root_fd, "dev/nvidiactl", 0600);
	verify_is(&s, &f, "driver.nvml", VERDICT_PASS, "driver 535.309.01, CUDA up to 12.2",
		  "NVML answers");
	verify_is(&s, &f, "driver.cuda", VERDICT_DEFERRED, "/dev/nvidia-uvm",
		  "cuInit() would make a device: not asked");
	mkfifoat(s.root_fd, "dev/nvidia-uvm", 0600);
	verify_is(&s, &f, "driver.cuda", VERDICT_PASS, "0000:86:00.0 Tesla T4", "CUDA answers");
	verify_is(&s, &f, "cuda.kernel", VERDICT_PASS, "run on 2, its result right",
		  "a kernel is run");
	setenv("FAKE_GPU", "nvmlDeviceGetCount_v2=1", 1);
	verify_is(&s, &f, "driver.nvml", VERDICT_FAIL, "does not see the GPU at 0000:86:00.0",
		  "a GPU that NVML lost is named");
	setenv("FAKE_GPU", "cuInit=crash", 1);
	verify_is(&s, &f, "driver.cuda", VERDICT_FAIL, "died in cuInit", "a crash is a verdict");
	setenv("FAKE_GPU", "cuLaunchKernel=wrong", 1);
	verify_is(&s, &f, "cuda.kernel", VERDICT_FAIL, "instead of", "so is a wrong result");
	unsetenv("FAKE_GPU");
}

/* ---- PyTorch, by programs that answer like a Python that has it ---- */

static void torch_is(const char *script, enum verdict_result want, const char *part,
		     const char *what)
{
	auto_scratch s = { 0 };
	auto_arena struct arena a = { 0 };
	struct facts f = { .live = true, .a = &a };
	struct plan plan;
	struct verify_subject subject = { .plan = &plan, .facts = &f, .sys = &live };
	auto_err e = { 0 };
	verdicts v = { 0 };

	scratch_init(&s);
	plan_init(&plan, &a);
	list_push(&a, &f.gpus);
	scratch_put(&s, "python", arena_printf(&a, "#!/bin/sh\n%s\n", script));
	if (fchmodat(s.fd, "python", 0755, 0))
		tap_show("error", strerror(errno));
	subject.pytorch = arena_printf(&a, "%s/python", s.base);
	if (verify_all(&subject, &a, &v, &e))
		tap_show("error", e.text);
	if (!ok(v.n == 1 && v.at[0].result == want && strstr(v.at[0].evidence, part), "%s", what))
		tap_show("got", v.n ? v.at[0].evidence : NULL);
}

static void test_torch(void)
{
	torch_is("echo torch 2.4.0 12.1 True 1; echo gpu Tesla T4 14.75 GB", VERDICT_PASS,
		 "torch 2.4.0 for CUDA 12.1: is_available() is True, 1 GPU; Tesla T4 14.75 GB",
		 "torch has the GPU");
	torch_is("echo torch 2.4.0 12.1 False 0", VERDICT_FAIL, "is_available() is False",
		 "torch has none");
	torch_is("echo torch 2.4.0 12.1 True 2", VERDICT_FAIL, "2 GPUs", "torch has too many");
	torch_is("echo No module named torch >&2; exit 1", VERDICT_FAIL, "No module named torch",
		 "there is no torch");
	torch_is("echo hello", VERDICT_FAIL, "says nothing", "what is no Python");
}

int main(void)
{
	auto_err e = { 0 };

	if (sys_real_open(NULL, &live, &e)) {
		printf("Bail out! %s\n", e.text);
		return 1;
	}
	test_fine();
	test_trouble();
	test_no_library();
	test_torch();
#if defined(__x86_64__)
	test_verify();
#else
	skip("the roots of this test are of amd64");
#endif
	sys_real_close(&live);
	return done_testing();
}
