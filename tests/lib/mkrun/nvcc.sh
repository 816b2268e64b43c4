#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What `nvcc -V` of a CUDA toolkit prints, with the version filled in.
echo "nvcc: NVIDIA (R) Cuda compiler driver"
echo "Copyright (c) 2005-2026 NVIDIA Corporation"
echo "Cuda compilation tools, release @SERIES@, V@VERSION@"
