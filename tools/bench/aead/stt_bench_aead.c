// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the two AEAD calls of a message cost by themselves, sealing and opening:
 * the part of the floor that no transport can do without. Measured when the
 * module is inserted; the results, nanoseconds (instructions, in a VM whose
 * clock counts them) of both calls together, are read as module parameters.
 *
 *	sizes=64,512,1380	in: bytes of the messages
 *	chacha=8140,...		out: the linear library calls
 *	gcm=2300,...		out: gcm(aes), a request that is there already
 *	gcm_driver=...		out: what the crypto API took for it
 */

#include <crypto/aead.h>
#include <crypto/chacha20poly1305.h>
#include <linux/gfp.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/scatterlist.h>

#define AAD	16
#define TAG	16
#define ROUNDS	10
#define CALLS	30
#define SIZES	16

static unsigned int sizes[SIZES];
static unsigned int n_sizes;
module_param_array(sizes, uint, &n_sizes, 0444);
static unsigned int chacha[SIZES];
module_param_array(chacha, uint, &n_sizes, 0444);
static unsigned int gcm[SIZES];
module_param_array(gcm, uint, &n_sizes, 0444);
static char gcm_driver[CRYPTO_MAX_ALG_NAME];
module_param_string(gcm_driver, gcm_driver, sizeof(gcm_driver), 0444);

static u8 secret[CHACHA20POLY1305_KEY_SIZE] = { 1, 2, 3 };

/**
 * struct text - a message in place
 * @data: associated data, message, tag; linear
 * @len: of the message
 * @sg: @data as the crypto API wants it
 * @req: of the crypto API; only lengths and nonce differ from call to call
 */
struct text {
	u8 *data;
	unsigned int len;
	struct scatterlist sg;
	struct aead_request *req;
};

static int chacha_pair(struct text *t)
{
	u8 *body = t->data + AAD;

	chacha20poly1305_encrypt(body, body, t->len, t->data, AAD, 7, secret);
	return chacha20poly1305_decrypt(body, body, t->len + TAG, t->data, AAD, 7, secret) ?
	       0 : -EBADMSG;
}

static int gcm_pair(struct text *t)
{
	u8 iv[12] = { 7 };
	int err;

	aead_request_set_crypt(t->req, &t->sg, &t->sg, t->len, iv);
	err = crypto_aead_encrypt(t->req);
	if (err)
		return err;
	aead_request_set_crypt(t->req, &t->sg, &t->sg, t->len + TAG, iv);
	return crypto_aead_decrypt(t->req);
}

static int measure_round(struct text *t, int (*pair)(struct text *t), unsigned int *out)
{
	u64 start = ktime_get_ns();
	unsigned int i;
	int err;

	for (i = 0; i < CALLS; i++) {
		err = pair(t);
		if (err)
			return err;
	}
	*out = (unsigned int)div_u64(ktime_get_ns() - start, CALLS);
	return 0;
}

/* The lowest of some rounds: the timer does not come in each of them. */
static int measure(struct text *t, int (*pair)(struct text *t), unsigned int *out)
{
	unsigned int i, now;
	int err;

	*out = UINT_MAX;
	for (i = 0; i < ROUNDS; i++) {
		err = measure_round(t, pair, &now);
		if (err)
			return err;
		*out = min(*out, now);
	}
	return 0;
}

static int measure_size(unsigned int i, struct aead_request *req)
{
	struct text t = { .len = sizes[i], .req = req };
	int err;

	if (t.len > PAGE_SIZE - AAD - TAG)
		return -EINVAL;
	/* The crypto API takes longer for what crosses pages. */
	t.data = (u8 *)get_zeroed_page(GFP_KERNEL);
	if (!t.data)
		return -ENOMEM;
	sg_init_one(&t.sg, t.data, AAD + t.len + TAG);
	err = measure(&t, chacha_pair, &chacha[i]) ?: measure(&t, gcm_pair, &gcm[i]);
	free_page((unsigned long)t.data);
	return err;
}

static int measure_all(struct crypto_aead *tfm)
{
	struct aead_request *req;
	unsigned int i;
	int err;

	err = crypto_aead_setkey(tfm, secret, sizeof(secret)) ?:
	      crypto_aead_setauthsize(tfm, TAG);
	if (err)
		return err;
	strscpy(gcm_driver, crypto_tfm_alg_driver_name(crypto_aead_tfm(tfm)),
		sizeof(gcm_driver));
	req = aead_request_alloc(tfm, GFP_KERNEL);
	if (!req)
		return -ENOMEM;
	aead_request_set_callback(req, 0, NULL, NULL);
	aead_request_set_ad(req, AAD);
	for (i = 0; i < n_sizes && !err; i++)
		err = measure_size(i, req);
	aead_request_free(req);
	return err;
}

static int __init bench_aead_init(void)
{
	struct crypto_aead *tfm = crypto_alloc_aead("gcm(aes)", 0, 0);
	int err;

	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	err = measure_all(tfm);
	crypto_free_aead(tfm);
	return err;
}
module_init(bench_aead_init);

static void __exit bench_aead_exit(void)
{
}
module_exit(bench_aead_exit);

MODULE_DESCRIPTION("AF_STT: what AEAD calls cost by themselves");
MODULE_LICENSE("GPL");
