// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "batch.h"

#define WANTED_KEYS	"a FILE of keys with mode 0600, or - for standard input"

static void show_key(struct printer *p, const struct stt_session_info *s,
		     const struct stt_key *key)
{
	bool tx = key->direction == STT_DIRECTION_TX;
	const char *suite = stt_suite_name(key->suite);

	pr_item(p, NULL);
	pr_id(p, "session", s->id);
	pr_u64(p, "node", s->node);
	pr_str(p, "direction", tx ? "tx" : "rx");
	pr_u64(p, "epoch", key->epoch);
	pr_str(p, "suite", suite ? suite : "unknown");
	pr_u64(p, "counter", key->counter);
	if (tx && s->has_tx_epoch)
		pr_str(p, "use", key->epoch == s->tx_epoch ? "sends" : "waits");
	pr_end(p);
}

static int show_keys(const struct stt_session_info *s, void *arg)
{
	struct app *app = arg;

	for (unsigned int i = 0; i < s->n_keys; i++)
		show_key(&app->out, s, &s->keys[i]);
	return 0;
}

static int show_by_ref(struct app *app, uint32_t node, const struct session_ref *ref)
{
	struct stt_session_info s;
	uint64_t id;
	int status = find_session(app, ref, &node, &id);

	if (status != STATUS_OK)
		return status;
	if (stt_ctl_session_get(app->ctl, node, id, &s) < 0)
		return failed_call();
	show_keys(&s, app);
	return STATUS_OK;
}

static int show_all(struct app *app, uint32_t node)
{
	if (check_node(app, node) != STATUS_OK)
		return STATUS_SYSTEM;
	return stt_ctl_session_dump(app->ctl, node, show_keys, app) < 0 ? failed_call() : STATUS_OK;
}

static int key_show(struct app *app, int argc, char **argv)
{
	bool has_node = false, has_id = false;
	struct session_ref ref;
	uint32_t node = 0;
	const struct param params[] = {
		{ "node", WANTED_NODE, arg_node, &node, &has_node, 0 },
		{ "id", WANTED_SESSION, arg_session_ref, &ref, &has_id, ARG_BARE },
	};
	int status = ARGS_PARSE(argc, argv, params);

	if (status != STATUS_OK)
		return status;
	pr_list(&app->out);
	status = app_open(app);
	if (status == STATUS_OK)
		status = has_id ? show_by_ref(app, node, &ref) : show_all(app, node);
	pr_list_end(&app->out, status == STATUS_OK);
	return status;
}

static int install(struct app *app, uint32_t node, uint64_t id, const struct keyring *ring)
{
	for (unsigned int i = 0; i < ring->n; i++) {
		if (stt_ctl_key_new(app->ctl, node, id, &ring->keys[i]) == 0)
			continue;
		failed_call();
		return i ? failed("%u of %u keys were installed before that", i, ring->n) :
			   STATUS_SYSTEM;
	}
	return STATUS_OK;
}

static int key_add(struct app *app, int argc, char **argv)
{
	bool has_node = false, has_id = false, has_keys = false;
	struct session_ref ref;
	struct keyring *ring;
	const char *path;
	uint32_t node = 0;
	uint64_t id;
	const struct param params[] = {
		{ "node", WANTED_NODE, arg_node, &node, &has_node, 0 },
		{ "id", WANTED_SESSION, arg_session_ref, &ref, &has_id,
		  ARG_BARE | ARG_REQUIRED },
		{ "keys", WANTED_KEYS, arg_string, &path, &has_keys, ARG_REQUIRED },
	};
	int status = ARGS_PARSE(argc, argv, params);

	if (status == STATUS_OK)
		status = find_session(app, &ref, &node, &id);
	if (status == STATUS_OK)
		status = keys_read(app, path, &ring);
	if (status != STATUS_OK)
		return status;
	status = install(app, node, id, ring);
	keyring_free(ring);
	return status;
}

static int key_delete(struct app *app, int argc, char **argv)
{
	bool has_node = false, has_id = false, has_tx = false, has_rx = false;
	struct session_ref ref;
	uint32_t node = 0;
	uint8_t epoch;
	uint64_t id;
	const struct param params[] = {
		{ "node", WANTED_NODE, arg_node, &node, &has_node, 0 },
		{ "id", WANTED_SESSION, arg_session_ref, &ref, &has_id,
		  ARG_BARE | ARG_REQUIRED },
		{ "tx", WANTED_EPOCH, arg_epoch, &epoch, &has_tx, 0 },
		{ "rx", WANTED_EPOCH, arg_epoch, &epoch, &has_rx, 0 },
	};
	int status = ARGS_PARSE(argc, argv, params);

	if (status != STATUS_OK)
		return status;
	if (has_tx == has_rx)
		return wrong("give one key: tx EPOCH or rx EPOCH");
	status = find_session(app, &ref, &node, &id);
	if (status != STATUS_OK)
		return status;
	return stt_ctl_key_del(app->ctl, node, id, epoch,
			       has_tx ? STT_DIRECTION_TX : STT_DIRECTION_RX) < 0 ?
	       failed_call() : STATUS_OK;
}

static const struct command verbs[] = {
	{ "show", key_show, "[node NODE] [[id] SESSION]",
	  "epochs, suites and counters of keys; secrets are never shown" },
	{ "add", key_add, "[node NODE] [id] SESSION keys FILE|-",
	  "installs keys; they come from a file or standard input" },
	{ "delete", key_delete, "[node NODE] [id] SESSION tx|rx EPOCH",
	  "wipes one key" },
	{ "list", key_show, "[node NODE] [[id] SESSION]", "the same as show" },
};

const struct object key_object = {
	.name = "key", .about = "keys of the sessions", VERBS(verbs),
};
