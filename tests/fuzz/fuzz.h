/* SPDX-License-Identifier: Apache-2.0 */
/* A fuzz target is one file fuzz_NAME.c that defines this, with seeds in corpus/NAME/. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Aborts when a property does not hold; always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
