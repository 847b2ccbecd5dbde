// SPDX-License-Identifier: GPL-2.0-only
/* STT_HAVE_LINUX_UNALIGNED_H: where get_unaligned_be64() and the like are. */
#include <linux/unaligned.h>
