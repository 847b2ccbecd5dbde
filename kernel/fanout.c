// SPDX-License-Identifier: GPL-2.0-only
/*
 * One message to many sessions in one call: all active ones of a node, or a
 * list. The user's memory is copied once, then every session gets frames of its
 * own. What one session says is its own result and stops none of the others.
 */

#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "dest.h"
#include "fanout.h"
#include "node.h"
#include "output.h"
#include "session.h"

/**
 * struct stt_fan - a fan-out at work
 * @m: the message
 * @data: its bytes
 * @sent: sessions it was sent to
 * @err: the first error
 */
struct stt_fan {
	const struct stt_send *m;
	void *data;
	u32 sent;
	int err;
};

/* A place in the list of the caller. */
struct stt_fan_target {
	u64 id;
	u32 index;
	s32 result;
};

static int stt_fan_one(struct stt_fan *fan, struct stt_session *s)
{
	struct kvec kvec = { .iov_base = fan->data, .iov_len = fan->m->len };
	struct iov_iter from;
	int ret;

	iov_iter_kvec(&from, ITER_SOURCE, &kvec, 1, kvec.iov_len);
	ret = stt_output_message(fan->m, s, &from);
	cond_resched();
	if (ret == fan->m->len) {
		fan->sent++;
		return 0;
	}
	/* A part of its segments is none of it. */
	if (ret >= 0)
		ret = -ENOBUFS;
	if (!fan->err)
		fan->err = ret;
	return ret == -ERESTARTSYS ? -EINTR : ret;
}

/* ------------------------------------------------------------------------ */
/* All active sessions                                                      */

/* How many sessions are looked at in one go. */
#define STT_FAN_LOOK	1024

/*
 * The first active session of the next few from @index on, with a reference, or
 * NULL. @last: there are no more.
 */
static struct stt_session *stt_fan_look(struct stt_node *node, unsigned long *index, bool *last)
{
	unsigned int looks = STT_FAN_LOOK;
	struct stt_session *s, *found = NULL;

	rcu_read_lock();
	xa_for_each_start(&node->session_index, *index, s, *index) {
		if (READ_ONCE(s->state) == STT_SESSION_STATE_ACTIVE &&
		    stt_session_hold(s, STT_REF_SEND))
			found = s;
		if (found || !--looks)
			break;
	}
	rcu_read_unlock();
	*last = !s;
	return found;
}

/* The first active session from @index on, or NULL; with a reference. */
static struct stt_session *stt_fan_next(struct stt_node *node, unsigned long *index)
{
	struct stt_session *s;
	bool last;

	for (;;) {
		s = stt_fan_look(node, index, &last);
		if (s || last)
			return s;
		++*index;
		cond_resched();
	}
}

static int stt_fan_all(struct stt_fan *fan, struct stt_node *node)
{
	struct stt_session *s;
	unsigned long index;

	for (index = 0; (s = stt_fan_next(node, &index)); index++) {
		stt_fan_one(fan, s);
		stt_session_put(s, STT_REF_SEND);
		if (task_sigpending(current))
			return -ERESTARTSYS;
	}
	return 0;
}

/* ------------------------------------------------------------------------ */
/* A list                                                                   */

static int stt_fan_by_id(const void *a, const void *b)
{
	const struct stt_fan_target *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

static int stt_fan_by_index(const void *a, const void *b)
{
	const struct stt_fan_target *x = a, *y = b;

	return x->index < y->index ? -1 : 1;
}

/* An id that is listed again stands behind itself when sorted. */
static void stt_fan_mark_twins(struct stt_fan_target *t, u32 count)
{
	u32 i;

	sort(t, count, sizeof(*t), stt_fan_by_id, NULL);
	for (i = 1; i < count; i++) {
		if (t[i].id == t[i - 1].id)
			t[i].result = -EALREADY;
	}
	sort(t, count, sizeof(*t), stt_fan_by_index, NULL);
}

static struct stt_fan_target *stt_fan_read(const struct stt_fanout *f)
{
	const u64 __user *ids = u64_to_user_ptr(f->sessions);
	struct stt_fan_target *t;
	u32 i;

	t = kvcalloc(max(f->count, 1U), sizeof(*t), GFP_KERNEL_ACCOUNT);
	if (!t)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < f->count; i++) {
		t[i].index = i;
		if (get_user(t[i].id, ids + i)) {
			kvfree(t);
			return ERR_PTR(-EFAULT);
		}
	}
	stt_fan_mark_twins(t, f->count);
	return t;
}

static int stt_fan_write(const struct stt_fanout *f, const struct stt_fan_target *t)
{
	s32 __user *results = u64_to_user_ptr(f->results);
	u32 i;

	for (i = 0; results && i < f->count; i++) {
		if (put_user(t[i].result, results + i))
			return -EFAULT;
	}
	return 0;
}

static s32 stt_fan_to_id(struct stt_fan *fan, struct stt_node *node, u64 id)
{
	struct stt_session *s = stt_session_get(node, id, STT_REF_SEND);
	int err;

	if (s) {
		err = stt_fan_one(fan, s);
		stt_session_put(s, STT_REF_SEND);
		return err;
	}
	if (!fan->err)
		fan->err = -ENOENT;
	return -ENOENT;
}

static int stt_fan_targets(struct stt_fan *fan, struct stt_node *node,
			   struct stt_fan_target *t, u32 count)
{
	int err = 0;
	u32 i;

	for (i = 0; i < count; i++) {
		if (task_sigpending(current))
			err = -ERESTARTSYS;
		if (err)
			t[i].result = -EINTR;
		else if (!t[i].result)
			t[i].result = stt_fan_to_id(fan, node, t[i].id);
	}
	return err;
}

static int stt_fan_list(struct stt_fan *fan, struct stt_node *node, const struct stt_fanout *f)
{
	struct stt_fan_target *t = stt_fan_read(f);
	int err;

	if (IS_ERR(t))
		return PTR_ERR(t);
	err = stt_fan_targets(fan, node, t, f->count);
	err = stt_fan_write(f, t) ?: err;
	kvfree(t);
	return err;
}

/* ------------------------------------------------------------------------ */

static int stt_fanout_check(const struct stt_send *m, const struct stt_dest *dest,
			    const struct stt_fanout *f)
{
	if (dest->all && (f->count || f->sessions || f->results))
		return -EINVAL;
	return f->count > STT_FANOUT_MAX ? -E2BIG : 0;
}

/* The bytes of the user, copied once. */
static void *stt_fanout_copy(const struct stt_send *m, struct iov_iter *from)
{
	void *data = kvmalloc(max_t(size_t, m->len, 1), GFP_KERNEL_ACCOUNT);

	if (!data)
		return ERR_PTR(-ENOMEM);
	if (copy_from_iter_full(data, m->len, from))
		return data;
	kvfree(data);
	return ERR_PTR(-EFAULT);
}

/* What sendmsg() returns: see struct stt_fanout. */
static int stt_fanout_end(const struct stt_fan *fan, const struct stt_fanout *f, int err)
{
	u32 __user *sent = u64_to_user_ptr(f->sent);

	if (err == -EFAULT || (sent && put_user(fan->sent, sent)))
		return -EFAULT;
	if (fan->sent)
		return fan->m->len;
	return err ?: fan->err ?: (int)fan->m->len;
}

int stt_fanout(const struct stt_send *m, const struct stt_dest *dest,
	       const struct stt_fanout *f, struct iov_iter *from)
{
	struct stt_fan fan = { .m = m };
	int err;

	err = stt_fanout_check(m, dest, f);
	if (err)
		return err;
	fan.data = stt_fanout_copy(m, from);
	if (IS_ERR(fan.data))
		return PTR_ERR(fan.data);

	if (dest->all)
		err = stt_fan_all(&fan, dest->node);
	else
		err = stt_fan_list(&fan, dest->node, f);
	kvfree_sensitive(fan.data, m->len);
	return stt_fanout_end(&fan, f, err);
}
