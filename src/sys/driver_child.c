/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In the child: NVML and the CUDA driver API, loaded and asked. Only what NVIDIA has kept stable
 * for a decade is called, by the names that its own headers give to it.
 */
#include "base/str.h"
#include "sys/driver.h"
#include "sys/real_priv.h"

#include <ctype.h>
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>

static int out_fd;

static void tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *fmt, ...)
{
	auto_buf struct buf b = BUF_TEXT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < b.len; i++)
		if (b.data[i] == '\n')
			b.data[i] = ' ';
	buf_addc(&b, '\n');
	/* Nobody to tell means nobody who asks any more. */
	if (fd_write_all(out_fd, b.data, b.len))
		_exit(124);
}

/* A function of a library: where its address goes. */
struct symbol {
	const char *name;
	void *to;
};

static void *load(const char *library, const struct symbol *symbols)
{
	void *so;

	tell("at dlopen");
	so = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	if (!so) {
		tell("bad %s", dlerror());
		return NULL;
	}
	for (; symbols->name; symbols++) {
		void *at = dlsym(so, symbols->name);

		if (!at) {
			tell("bad %s has no %s", library, symbols->name);
			return NULL;
		}
		memcpy(symbols->to, &at, sizeof(at));
	}
	return so;
}

/* "00000000:3B:00.0", as the libraries write it, and "0000:3b:00.0" as Linux does. */
static void lower_address(char *address)
{
	size_t n = strlen(address);

	if (n > 12)
		memmove(address, address + n - 12, 13);
	for (; *address; address++)
		*address = (char)tolower((unsigned char)*address);
}

/* ---- NVML ---- */

struct nvml_pci {
	char legacy[16];
	unsigned domain, bus, device, id, subsystem;
	char address[32];
};

static struct {
	int (*init)(void);
	int (*shutdown)(void);
	const char *(*error)(int code);
	int (*driver)(char *ret, unsigned n);
	int (*cuda)(int *ret);
	int (*count)(unsigned *ret);
	int (*handle)(unsigned i, void **ret);
	int (*name)(void *gpu, char *ret, unsigned n);
	int (*pci)(void *gpu, struct nvml_pci *ret);
} nvml;

/* One call: what it is called, and its error in NVML's own words. */
static bool nvml_fine(const char *what, int code)
{
	if (code)
		tell("bad %s: %s", what, nvml.error(code));
	return !code;
}
#define NVML(what, call) (tell("at %s", what), nvml_fine(what, (call)))

static bool nvml_gpu(unsigned i)
{
	struct nvml_pci pci = { 0 };
	char name[96] = "";
	void *gpu = NULL;

	if (!NVML("nvmlDeviceGetHandleByIndex", nvml.handle(i, &gpu)) ||
	    !NVML("nvmlDeviceGetPciInfo", nvml.pci(gpu, &pci)) ||
	    !NVML("nvmlDeviceGetName", nvml.name(gpu, name, sizeof(name))))
		return false;
	pci.address[sizeof(pci.address) - 1] = '\0';
	lower_address(pci.address);
	tell("gpu %s %s", pci.address, name);
	return true;
}

static void ask_nvml(const char *library)
{
	const struct symbol symbols[] = {
		{ "nvmlInit_v2", &nvml.init },
		{ "nvmlShutdown", &nvml.shutdown },
		{ "nvmlErrorString", &nvml.error },
		{ "nvmlSystemGetDriverVersion", &nvml.driver },
		{ "nvmlSystemGetCudaDriverVersion_v2", &nvml.cuda },
		{ "nvmlDeviceGetCount_v2", &nvml.count },
		{ "nvmlDeviceGetHandleByIndex_v2", &nvml.handle },
		{ "nvmlDeviceGetName", &nvml.name },
		{ "nvmlDeviceGetPciInfo_v3", &nvml.pci },
		{ NULL, NULL },
	};
	char version[96] = "";
	unsigned count = 0;
	int cuda = 0;

	if (!load(library, symbols) || !NVML("nvmlInit", nvml.init()))
		return;
	if (!NVML("nvmlSystemGetDriverVersion", nvml.driver(version, sizeof(version))) ||
	    !NVML("nvmlSystemGetCudaDriverVersion", nvml.cuda(&cuda)) ||
	    !NVML("nvmlDeviceGetCount", nvml.count(&count)))
		return;
	tell("driver %s", version);
	tell("cuda %d.%d", cuda / 1000, cuda % 1000 / 10);
	for (unsigned i = 0; i < count; i++)
		if (!nvml_gpu(i))
			return;
	if (NVML("nvmlShutdown", nvml.shutdown()))
		tell("at end");
}

/* ---- the CUDA driver API ---- */

typedef unsigned long long device_ptr;

static struct {
	int (*init)(unsigned flags);
	int (*error)(int code, const char **ret);
	int (*version)(int *ret);
	int (*count)(int *ret);
	int (*device)(int *ret, int i);
	int (*name)(char *ret, int n, int device);
	int (*address)(char *ret, int n, int device);
	int (*context)(void **ret, unsigned flags, int device);
	int (*end_context)(void *context);
	int (*module)(void **ret, const void *ptx);
	int (*function)(void **ret, void *module, const char *name);
	int (*alloc)(device_ptr *ret, size_t n);
	int (*release)(device_ptr p);
	int (*to_device)(device_ptr to, const void *from, size_t n);
	int (*from_device)(void *to, device_ptr from, size_t n);
	int (*launch)(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
		      unsigned by, unsigned bz, unsigned shared, void *stream, void **arguments,
		      void **extra);
	int (*wait)(void);
} cu;

static bool cu_fine(const char *what, int code)
{
	const char *name = NULL;

	if (code && (cu.error(code, &name) || !name))
		name = "an error without a name";
	if (code)
		tell("bad %s: %s (%d)", what, name, code);
	return !code;
}
#define CU(what, call) (tell("at %s", what), cu_fine(what, (call)))

/* c[i] = a[i] + b[i]: as compilers write it, for the oldest architecture that drivers still take.
 */
#define VECTOR_ADD(target)                                                                         \
	".version 6.0\n.target " target "\n.address_size 64\n"                                     \
	".visible .entry add(.param .u64 a, .param .u64 b, .param .u64 c, .param .u32 n)\n{\n"     \
	".reg .pred %p<2>;\n.reg .f32 %f<4>;\n.reg .b32 %r<6>;\n.reg .b64 %rd<11>;\n"              \
	"ld.param.u64 %rd1, [a];\nld.param.u64 %rd2, [b];\nld.param.u64 %rd3, [c];\n"              \
	"ld.param.u32 %r1, [n];\n"                                                                 \
	"mov.u32 %r2, %ntid.x;\nmov.u32 %r3, %ctaid.x;\nmov.u32 %r4, %tid.x;\n"                    \
	"mad.lo.s32 %r5, %r3, %r2, %r4;\nsetp.ge.u32 %p1, %r5, %r1;\n@%p1 bra END;\n"              \
	"cvta.to.global.u64 %rd4, %rd1;\ncvta.to.global.u64 %rd5, %rd2;\n"                         \
	"cvta.to.global.u64 %rd6, %rd3;\nmul.wide.u32 %rd7, %r5, 4;\n"                             \
	"add.s64 %rd8, %rd4, %rd7;\nadd.s64 %rd9, %rd5, %rd7;\nadd.s64 %rd10, %rd6, %rd7;\n"       \
	"ld.global.f32 %f1, [%rd8];\nld.global.f32 %f2, [%rd9];\nadd.f32 %f3, %f1, %f2;\n"         \
	"st.global.f32 [%rd10], %f3;\nEND:\nret;\n}\n"

enum { N = 1 << 16, BLOCK = 256 };
static float a[N], b[N], c[N];

/* Newer drivers know no Kepler, older ones no newer PTX: one of the two is taken. */
static bool load_kernel(void **ret)
{
	static const char *const texts[] = { VECTOR_ADD("sm_50"), VECTOR_ADD("sm_30") };
	void *module = NULL;

	tell("at cuModuleLoadData");
	if (cu.module(&module, texts[0]) && !CU("cuModuleLoadData", cu.module(&module, texts[1])))
		return false;
	return CU("cuModuleGetFunction", cu.function(ret, module, "add"));
}

static bool right(void)
{
	for (size_t i = 0; i < N; i++)
		if (c[i] != a[i] + b[i]) {
			tell("bad the kernel ran and computed %g instead of %g at %zu",
			     (double)c[i], (double)(a[i] + b[i]), i);
			return false;
		}
	return true;
}

static bool add_vectors(void)
{
	device_ptr da = 0, db = 0, dc = 0;
	unsigned n = N;
	void *arguments[] = { &da, &db, &dc, &n }, *kernel = NULL;

	for (size_t i = 0; i < N; i++) {
		a[i] = (float)i;
		b[i] = (float)(2 * i + 1);
		c[i] = -1;
	}
	return load_kernel(&kernel) && CU("cuMemAlloc", cu.alloc(&da, sizeof(a))) &&
	       CU("cuMemAlloc", cu.alloc(&db, sizeof(b))) &&
	       CU("cuMemAlloc", cu.alloc(&dc, sizeof(c))) &&
	       CU("cuMemcpyHtoD", cu.to_device(da, a, sizeof(a))) &&
	       CU("cuMemcpyHtoD", cu.to_device(db, b, sizeof(b))) &&
	       CU("cuLaunchKernel",
		  cu.launch(kernel, N / BLOCK, 1, 1, BLOCK, 1, 1, 0, NULL, arguments, NULL)) &&
	       CU("cuCtxSynchronize", cu.wait()) &&
	       CU("cuMemcpyDtoH", cu.from_device(c, dc, sizeof(c))) && right() &&
	       CU("cuMemFree", cu.release(da)) && CU("cuMemFree", cu.release(db)) &&
	       CU("cuMemFree", cu.release(dc));
}

static bool cu_device(int i, bool run)
{
	char name[256] = "", address[32] = "";
	void *context = NULL;
	int device = 0;

	if (!CU("cuDeviceGet", cu.device(&device, i)) ||
	    !CU("cuDeviceGetName", cu.name(name, sizeof(name) - 1, device)) ||
	    !CU("cuDeviceGetPCIBusId", cu.address(address, sizeof(address) - 1, device)))
		return false;
	lower_address(address);
	tell("gpu %s %s", address, name);
	if (!run)
		return true;
	if (!CU("cuCtxCreate", cu.context(&context, 0, device)) || !add_vectors() ||
	    !CU("cuCtxDestroy", cu.end_context(context)))
		return false;
	tell("ran %s", address);
	return true;
}

static void ask_cuda(const char *library, bool run)
{
	const struct symbol symbols[] = {
		{ "cuInit", &cu.init },
		{ "cuGetErrorName", &cu.error },
		{ "cuDriverGetVersion", &cu.version },
		{ "cuDeviceGetCount", &cu.count },
		{ "cuDeviceGet", &cu.device },
		{ "cuDeviceGetName", &cu.name },
		{ "cuDeviceGetPCIBusId", &cu.address },
		{ "cuCtxCreate_v2", &cu.context },
		{ "cuCtxDestroy_v2", &cu.end_context },
		{ "cuModuleLoadData", &cu.module },
		{ "cuModuleGetFunction", &cu.function },
		{ "cuMemAlloc_v2", &cu.alloc },
		{ "cuMemFree_v2", &cu.release },
		{ "cuMemcpyHtoD_v2", &cu.to_device },
		{ "cuMemcpyDtoH_v2", &cu.from_device },
		{ "cuLaunchKernel", &cu.launch },
		{ "cuCtxSynchronize", &cu.wait },
		{ NULL, NULL },
	};
	int version = 0, count = 0;

	if (!load(library, symbols) || !CU("cuInit", cu.init(0)) ||
	    !CU("cuDriverGetVersion", cu.version(&version)) ||
	    !CU("cuDeviceGetCount", cu.count(&count)))
		return;
	tell("cuda %d.%d", version / 1000, version % 1000 / 10);
	for (int i = 0; i < count; i++)
		if (!cu_device(i, run))
			return;
	tell("at end");
}

void driver_child(const struct driver_ask *ask, int out)
{
	out_fd = out;
	if (ask->part == DRIVER_NVML)
		ask_nvml(ask->library);
	else
		ask_cuda(ask->library, ask->part == DRIVER_RUN);
}
