/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A libcuda.so.1 with two devices whose memory is the heap. It runs one kernel: the addition of
 * vectors, when it was given PTX that has an entry `add`.
 */
#include "fate.h"

#include <stdio.h>

typedef unsigned long long device_ptr;

int cuInit(unsigned flags)
{
	(void)flags;
	return fate("cuInit");
}

int cuGetErrorName(int code, const char **ret)
{
	*ret = code == 802 ? "CUDA_ERROR_SYSTEM_NOT_READY" : "CUDA_ERROR_UNKNOWN";
	return 0;
}

int cuDriverGetVersion(int *ret)
{
	*ret = 12020;
	return fate("cuDriverGetVersion");
}

int cuDeviceGetCount(int *ret)
{
	*ret = fate("cuDeviceGetCount") ? 1 : 2;
	return 0;
}

int cuDeviceGet(int *ret, int i)
{
	*ret = i;
	return fate("cuDeviceGet");
}

int cuDeviceGetName(char *ret, int n, int device)
{
	(void)device;
	snprintf(ret, (size_t)n, "Tesla T4");
	return 0;
}

int cuDeviceGetPCIBusId(char *ret, int n, int device)
{
	snprintf(ret, (size_t)n, "0000:%s:00.0", device ? "86" : "3B");
	return 0;
}

int cuCtxCreate_v2(void **ret, unsigned flags, int device)
{
	(void)flags, (void)device;
	*ret = malloc(1);
	return fate("cuCtxCreate_v2");
}

int cuCtxDestroy_v2(void *context)
{
	free(context);
	return fate("cuCtxDestroy_v2");
}

/* "kepler": only the PTX of the older architecture is known. */
int cuModuleLoadData(void **ret, const void *ptx)
{
	static char module;
	const char *text = ptx;

	*ret = &module;
	if (strcmp(fate_word("cuModuleLoadData"), "kepler") == 0)
		return strstr(text, "sm_30") ? 0 : 218;
	return strstr(text, ".entry add(") ? fate("cuModuleLoadData") : 218;
}

int cuModuleGetFunction(void **ret, void *module, const char *name)
{
	*ret = module;
	return strcmp(name, "add") == 0 ? fate("cuModuleGetFunction") : 500;
}

int cuMemAlloc_v2(device_ptr *ret, size_t n)
{
	*ret = (device_ptr)(size_t)malloc(n);
	return fate("cuMemAlloc_v2");
}

int cuMemFree_v2(device_ptr p)
{
	free((void *)(size_t)p);
	return fate("cuMemFree_v2");
}

int cuMemcpyHtoD_v2(device_ptr to, const void *from, size_t n)
{
	memcpy((void *)(size_t)to, from, n);
	return fate("cuMemcpyHtoD_v2");
}

int cuMemcpyDtoH_v2(void *to, device_ptr from, size_t n)
{
	memcpy(to, (const void *)(size_t)from, n);
	return fate("cuMemcpyDtoH_v2");
}

int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
		   unsigned bz, unsigned shared, void *stream, void **arguments, void **extra)
{
	const float *a = (const float *)(size_t) * (device_ptr *)arguments[0];
	const float *b = (const float *)(size_t) * (device_ptr *)arguments[1];
	float *c = (float *)(size_t) * (device_ptr *)arguments[2];
	unsigned n = *(unsigned *)arguments[3];
	bool wrong = strcmp(fate_word("cuLaunchKernel"), "wrong") == 0;

	(void)function, (void)shared, (void)stream, (void)extra;
	for (unsigned i = 0; i < n && i < gx * gy * gz * bx * by * bz; i++)
		c[i] = wrong && i == n - 1 ? 0 : a[i] + b[i];
	return fate("cuLaunchKernel");
}

int cuCtxSynchronize(void)
{
	return fate("cuCtxSynchronize");
}
