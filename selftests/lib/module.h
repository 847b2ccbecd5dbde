/* SPDX-License-Identifier: GPL-2.0-only */
/* Removing and inserting the module in the middle of a test. */
#ifndef SELFTESTS_MODULE_H
#define SELFTESTS_MODULE_H

#include <stdbool.h>

/* As rmmod and insmod: 0, or -1 and errno. */
int module_remove(void);
int module_insert(void);
/* The same with parameters: "family=19". */
int module_insert_with(const char *params);
/* A test: nothing holds the module, it can be removed. Then it is inserted again. */
bool nothing_left(int arg);

/* While nosimd is there, stt is told that it may not use SIMD. */
int nosimd_insert(void);
int nosimd_remove(void);

/*
 * The kernel is told that its virtual machine was cloned. Returns 0, or -1 and
 * errno: ENOENT where there is no module for that.
 */
int vmfork(void);

#endif /* SELFTESTS_MODULE_H */
