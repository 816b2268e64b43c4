/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets out of text that leaves the host: what stands before the @ of an address, values of keys
 * that are named like secrets, private keys, tokens by their shape. Works on any text (logs, JSON,
 * TOML, YAML, shell); takes away too much rather than too little. Pure.
 */
#pragma once

#include "base/buf.h"

#define REDACTED "(redacted)"

/* The text without its secrets, appended to `ret`; returns how many were found. */
unsigned redact(const char *text, size_t len, struct buf *ret);
