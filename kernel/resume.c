// SPDX-License-Identifier: GPL-2.0-only
/*
 * When the machine's memory may live twice: a virtual machine is cloned or
 * rolled back, or a hibernation image is written. Two futures would seal
 * different frames with the same keys and counters, so all sessions end here,
 * and their keys with them. Their owners see them die and shake hands again.
 */

#include <linux/notifier.h>
#include <linux/random.h>
#include <linux/rwsem.h>
#include <linux/suspend.h>
#include <net/net_namespace.h>

#include "node.h"
#include "resume.h"
#include "session.h"

static bool stt_hibernating;

/*
 * Is an image to be written? Until user space is frozen owners would shake hands
 * again, and the sessions be in the image. Under the lock of a node, which
 * stt_end_all() takes behind the change: what comes before that is ended.
 */
bool stt_resume_awaited(void)
{
	return READ_ONCE(stt_hibernating);
}

static void stt_end_node(struct stt_node *node)
{
	struct stt_session *s;
	unsigned long index;

	mutex_lock(&node->lock);
	xa_for_each(&node->session_index, index, s) {
		stt_session_end(s, STT_SESSION_STATE_DEAD, STT_CLOSE_NONE);
		cond_resched();
	}
	mutex_unlock(&node->lock);
}

static void stt_end_net(struct net *net)
{
	struct stt_node *node;
	u32 id = 0;

	while ((node = stt_node_get_from(net, &id, STT_REF_RESUME))) {
		stt_end_node(node);
		stt_node_put(node, STT_REF_RESUME);
		id++;
	}
}

static void stt_end_all(void)
{
	struct net *net;

	down_read(&net_rwsem);
	for_each_net(net)
		stt_end_net(net);
	up_read(&net_rwsem);
}

static int stt_vmfork(struct notifier_block *nb, unsigned long action, void *data)
{
	stt_end_all();
	return NOTIFY_DONE;
}

static int stt_hibernate(struct notifier_block *nb, unsigned long action, void *data)
{
	if (action == PM_HIBERNATION_PREPARE) {
		WRITE_ONCE(stt_hibernating, true);
		stt_end_all();
	} else if (action == PM_POST_HIBERNATION) {
		WRITE_ONCE(stt_hibernating, false);
	}
	return NOTIFY_DONE;
}

static struct notifier_block stt_vmfork_nb = { .notifier_call = stt_vmfork };
static struct notifier_block stt_hibernate_nb = { .notifier_call = stt_hibernate };

int __init stt_resume_init(void)
{
	int err = register_pm_notifier(&stt_hibernate_nb);

	if (err)
		return err;
	err = register_random_vmfork_notifier(&stt_vmfork_nb);
	if (err)
		unregister_pm_notifier(&stt_hibernate_nb);
	return err;
}

void stt_resume_exit(void)
{
	unregister_random_vmfork_notifier(&stt_vmfork_nb);
	unregister_pm_notifier(&stt_hibernate_nb);
}
