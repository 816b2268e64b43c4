/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of drop-ins, made by the Makefile from the folder listing. Each ends with NULL. */
#pragma once

#include "distros/distro.h"
#include "probes/probe.h"
#include "runtimes/runtime.h"
#include "steps/step.h"

extern const struct probe *const probe_table[];
extern const struct distro *const distro_table[];
extern const struct runtime *const runtime_table[];
extern const struct step_kind *const step_table[];

const struct step_kind *step_kind_find(const char *name);
const struct runtime *runtime_find(const char *name);
const struct distro *distro_find(const struct facts *f);
