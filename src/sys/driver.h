/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking the NVIDIA driver through its own libraries. They are loaded in a child process and never
 * in ours: a crash, a hang or an exit() in there is an answer like any other.
 */
#pragma once

#include "base/arena.h"

#include <stdbool.h>

enum driver_part {
	DRIVER_NVML, /* libnvidia-ml.so.1: versions, GPUs */
	DRIVER_CUDA, /* libcuda.so.1: cuInit(), versions, devices */
	DRIVER_RUN,  /* and a kernel is run on every device, and its result checked */
};

struct driver_ask {
	enum driver_part part;
	const char *library; /* what to load; NULL = by its name, as programs do */
	unsigned timeout_s;  /* 0 = 20 */
};

struct driver_gpu {
	const char *address; /* 0000:3b:00.0 */
	const char *name;
};

struct driver_answer {
	const char *trouble; /* NULL = all went well; else what went wrong, in one line */
	const char *version; /* of the driver; NULL from libcuda */
	const char *cuda;    /* the highest CUDA that it supports: "13.0" */
	LIST(struct driver_gpu) gpus;
	long long ran; /* devices on which the kernel was run and its result right */
};

/* In the child: tell on `out`, line by line, what the library says. In driver_child.c. */
void driver_child(const struct driver_ask *ask, int out);
