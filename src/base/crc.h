/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The 32-bit CRC of POSIX cksum (polynomial 0x04C11DB7, most significant bit first). Installers use
 * it twice: makeself as cksum prints it, nvidia-installer in its record of installed files.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Carry a CRC on over more bytes. */
uint32_t crc_add(uint32_t crc, const void *bytes, size_t n);

/* What cksum prints: start with 0, add all bytes, then end with their number. */
uint32_t crc_cksum(uint32_t crc, unsigned long long len);

/* What nvidia-installer records: start with this; nothing at the end; an empty file has 0. */
#define CRC_RECORD_START 0xffffffffu
