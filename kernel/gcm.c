// SPDX-License-Identifier: GPL-2.0-only
/*
 * AES-256-GCM by the crypto API.
 *
 * A frame is sealed or opened when the call returns, in softirq too, so only
 * what is synchronous will do, and nothing may wait. Nothing large is allocated:
 * some algorithms get a few bytes, by GFP_ATOMIC, for a block of the cipher that
 * lies across two pages. Without them the frame is lost. On x86
 * "gcm(aes)" is an asynchronous wrapper: it hands to a work queue (cryptd)
 * what comes when the vector registers cannot be used. Here the algorithm
 * within, "__gcm(aes)", is used instead, which is synchronous, and at such a
 * moment gcm_scalar.c does the work on the spot. Where there is none, the
 * best synchronous "gcm(aes)" is used; that works at any time.
 *
 * Which of them it is, is settled when the module comes. The first transform
 * (the model) stays, and with it "__gcm(aes)". A "gcm(aes)" made of templates
 * may still be dropped from the list of algorithms, when a better part of it comes:
 * then the next key makes the kernel look for it again, with modprobe too, and is
 * refused if what it finds needs larger requests.
 *
 * Each CPU has one request with its scatterlists, used with bottom halves off.
 */

#include <crypto/aead.h>
#include <crypto/internal/simd.h>
#include <linux/percpu.h>
#include <linux/scatterlist.h>
#include <asm/simd.h>

#include "compat.h"
#include "gcm.h"

/**
 * struct stt_gcm_cpu - what a call needs, for one CPU
 * @frame: a whole frame in one piece
 * @parts: header and sealed part, each in its place
 * @header: copy of a header that is not in front of the sealed part
 * @iv: the frame's
 * @scalar: for gcm_scalar.c
 * @req: must be last, the algorithm's own data follow
 *
 * Scatterlists point into it, so it is kmalloc()ed and not in per-CPU memory.
 */
struct stt_gcm_cpu {
	struct scatterlist frame[1];
	struct scatterlist parts[2];
	u8 header[STT_HDR_LEN];
	u8 iv[STT_GCM_IV_LEN];
	struct stt_gcm_scalar scalar;
	struct aead_request req;
};

static struct crypto_aead *stt_gcm_model __read_mostly;
static bool stt_gcm_needs_simd __ro_after_init;
static DEFINE_PER_CPU(struct stt_gcm_cpu *, stt_gcm_cpus);

bool stt_gcm_available(void)
{
	return stt_gcm_model;
}

/* ------------------------------------------------------------------------ */
/* Keys                                                                     */

static const char *stt_gcm_driver(struct crypto_aead *aead)
{
	return crypto_tfm_alg_driver_name(crypto_aead_tfm(aead));
}

int stt_gcm_init(struct stt_cipher *cipher)
{
	u32 internal = stt_gcm_needs_simd ? CRYPTO_ALG_INTERNAL : 0;
	struct crypto_aead *aead;
	int err;

	aead = crypto_alloc_aead(stt_gcm_driver(stt_gcm_model), internal,
				 internal | CRYPTO_ALG_ASYNC);
	if (IS_ERR(aead))
		return PTR_ERR(aead);
	cipher->aead = aead;
	/* The requests are as large as the model's. */
	if (crypto_aead_reqsize(aead) > crypto_aead_reqsize(stt_gcm_model))
		return -EOPNOTSUPP;
	err = crypto_aead_setauthsize(aead, STT_TAG_LEN);
	return err ?: crypto_aead_setkey(aead, cipher->secret, STT_KEY_LEN);
}

/* The expanded key is wiped by the crypto API. */
void stt_gcm_release(struct stt_cipher *cipher)
{
	if (cipher->aead)
		crypto_free_aead(cipher->aead);
	cipher->aead = NULL;
}

/* ------------------------------------------------------------------------ */
/* Frames                                                                   */

/* Bottom halves are off until stt_gcm_end(). */
static struct stt_gcm_cpu *stt_gcm_begin(u64 counter)
{
	struct stt_gcm_cpu *cpu;

	local_bh_disable();
	cpu = this_cpu_read(stt_gcm_cpus);
	memset(cpu->iv, 0, STT_GCM_IV_LEN - sizeof(counter));
	put_unaligned_le64(counter, cpu->iv + STT_GCM_IV_LEN - sizeof(counter));
	return cpu;
}

static void stt_gcm_end(void)
{
	local_bh_enable();
}

static bool stt_gcm_is_scalar(void)
{
	return stt_gcm_needs_simd && unlikely(!crypto_simd_usable());
}

int stt_gcm_seal(const struct stt_cipher *cipher, u8 *frame, size_t body_len, u64 counter)
{
	struct stt_gcm_cpu *cpu = stt_gcm_begin(counter);
	struct aead_request *req = &cpu->req;
	int err;

	if (stt_gcm_is_scalar()) {
		err = stt_gcm_scalar_seal(&cpu->scalar, cipher->secret, cpu->iv, frame, body_len);
	} else {
		sg_set_buf(cpu->frame, frame, STT_HDR_LEN + body_len + STT_TAG_LEN);
		aead_request_set_tfm(req, cipher->aead);
		aead_request_set_crypt(req, cpu->frame, cpu->frame, body_len, cpu->iv);
		err = crypto_aead_encrypt(req);
	}
	stt_gcm_end();
	return err ? -ENOBUFS : 0;
}

/* Where a received frame lies; its header may be somewhere else. */
static struct scatterlist *stt_gcm_received(struct stt_gcm_cpu *cpu, u8 *body, size_t len,
					    const u8 *header)
{
	if (header + STT_HDR_LEN == body) {
		sg_set_buf(cpu->frame, header, STT_HDR_LEN + len);
		return cpu->frame;
	}
	memcpy(cpu->header, header, STT_HDR_LEN);
	sg_set_buf(&cpu->parts[1], body, len);
	return cpu->parts;
}

int stt_gcm_open(const struct stt_cipher *cipher, u8 *body, size_t len, const u8 *header,
		 u64 counter)
{
	struct stt_gcm_cpu *cpu = stt_gcm_begin(counter);
	struct scatterlist *sg;
	int err;

	if (stt_gcm_is_scalar()) {
		err = stt_gcm_scalar_open(&cpu->scalar, cipher->secret, cpu->iv, body, len,
					  header);
	} else {
		sg = stt_gcm_received(cpu, body, len, header);
		aead_request_set_tfm(&cpu->req, cipher->aead);
		aead_request_set_crypt(&cpu->req, sg, sg, len, cpu->iv);
		err = crypto_aead_decrypt(&cpu->req);
	}
	stt_gcm_end();
	return !err || err == -EBADMSG ? err : -ENOMEM;
}

/* ------------------------------------------------------------------------ */
/* Setup                                                                    */

/* Not because there is no memory: there is none, or it fails its own test. */
static bool __init stt_gcm_absent(const struct crypto_aead *aead)
{
	return IS_ERR(aead) && aead != ERR_PTR(-ENOMEM);
}

static struct crypto_aead *__init stt_gcm_find(void)
{
	struct crypto_aead *aead;

	aead = crypto_alloc_aead("__gcm(aes)", CRYPTO_ALG_INTERNAL,
				 CRYPTO_ALG_INTERNAL | CRYPTO_ALG_ASYNC);
	stt_gcm_needs_simd = !IS_ERR(aead);
	if (stt_gcm_absent(aead))
		aead = crypto_alloc_aead("gcm(aes)", 0, CRYPTO_ALG_ASYNC);
	return aead;
}

static struct stt_gcm_cpu *__init stt_gcm_cpu_alloc(int number)
{
	size_t size = sizeof(struct stt_gcm_cpu) + crypto_aead_reqsize(stt_gcm_model);
	struct stt_gcm_cpu *cpu;

	cpu = kzalloc_node(size, GFP_KERNEL, cpu_to_node(number));
	if (!cpu)
		return NULL;
	sg_init_table(cpu->frame, ARRAY_SIZE(cpu->frame));
	sg_init_table(cpu->parts, ARRAY_SIZE(cpu->parts));
	sg_set_buf(&cpu->parts[0], cpu->header, STT_HDR_LEN);
	aead_request_set_callback(&cpu->req, 0, NULL, NULL);
	aead_request_set_ad(&cpu->req, STT_HDR_LEN);
	return cpu;
}

/* 0 as well when there is no gcm(aes): then keys of this suite are refused. */
int __init stt_gcm_setup(void)
{
	struct crypto_aead *model = stt_gcm_find();
	struct stt_gcm_cpu *cpu;
	int number;

	if (IS_ERR(model))
		return stt_gcm_absent(model) ? 0 : -ENOMEM;
	stt_gcm_model = model;
	for_each_possible_cpu(number) {
		cpu = stt_gcm_cpu_alloc(number);
		if (!cpu) {
			stt_gcm_cleanup();
			return -ENOMEM;
		}
		per_cpu(stt_gcm_cpus, number) = cpu;
	}
	return 0;
}

void stt_gcm_cleanup(void)
{
	int number;

	if (!stt_gcm_model)
		return;
	for_each_possible_cpu(number) {
		kfree_sensitive(per_cpu(stt_gcm_cpus, number));
		per_cpu(stt_gcm_cpus, number) = NULL;
	}
	crypto_free_aead(stt_gcm_model);
	stt_gcm_model = NULL;
}
