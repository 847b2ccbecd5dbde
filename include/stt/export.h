/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Visibility of the public functions of libstt-user. */
#ifndef STT_EXPORT_H
#define STT_EXPORT_H

#if defined(__GNUC__)
#define STT_API __attribute__((visibility("default")))
#else
#define STT_API
#endif

#endif /* STT_EXPORT_H */
