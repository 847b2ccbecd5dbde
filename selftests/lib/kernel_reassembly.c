// SPDX-License-Identifier: GPL-2.0-only
/* The module's own source, compiled with the headers of userspace (pure_user.h). */
#include "../../kernel/reassembly.c"
