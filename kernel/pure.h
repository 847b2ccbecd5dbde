/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ground of the files that are plain C: frame.c, replay.c and others are
 * compiled into the module and, from the same source, into the userspace unit
 * tests and fuzzers.
 */
#ifndef _STT_PURE_H
#define _STT_PURE_H

#ifdef __KERNEL__
#include <linux/string.h>
#include <linux/types.h>
#include "compat.h"
#else
#include "pure_user.h"
#endif /* __KERNEL__ */

#endif /* _STT_PURE_H */
