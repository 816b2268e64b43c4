/* SPDX-License-Identifier: Apache-2.0 */
/* A libnvidia-ml.so.1 that sees two Tesla T4 with driver 535.309.01, unless FAKE_GPU has it else.
 */
#include "fate.h"

#include <stdio.h>

struct pci {
	char legacy[16];
	unsigned domain, bus, device, id, subsystem;
	char address[32];
};

int nvmlInit_v2(void)
{
	return fate("nvmlInit_v2");
}

int nvmlShutdown(void)
{
	return fate("nvmlShutdown");
}

const char *nvmlErrorString(int code)
{
	return code == 18 ? "Driver/library version mismatch" : "Unknown Error";
}

int nvmlSystemGetDriverVersion(char *ret, unsigned n)
{
	snprintf(ret, n, "535.309.01");
	return fate("nvmlSystemGetDriverVersion");
}

int nvmlSystemGetCudaDriverVersion_v2(int *ret)
{
	*ret = 12020;
	return fate("nvmlSystemGetCudaDriverVersion_v2");
}

int nvmlDeviceGetCount_v2(unsigned *ret)
{
	*ret = fate("nvmlDeviceGetCount_v2") ? 1 : 2;
	return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **ret)
{
	static char handles[2];

	*ret = &handles[i];
	return fate("nvmlDeviceGetHandleByIndex_v2");
}

static unsigned index_of(void *gpu)
{
	void *first = NULL;

	nvmlDeviceGetHandleByIndex_v2(0, &first);
	return gpu == first ? 0 : 1;
}

int nvmlDeviceGetName(void *gpu, char *ret, unsigned n)
{
	(void)gpu;
	snprintf(ret, n, "Tesla T4");
	return fate("nvmlDeviceGetName");
}

int nvmlDeviceGetPciInfo_v3(void *gpu, struct pci *ret)
{
	snprintf(ret->address, sizeof(ret->address), "00000000:%s:00.0",
		 index_of(gpu) ? "86" : "3B");
	return fate("nvmlDeviceGetPciInfo_v3");
}
