// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "batch.h"

#define WANTED_STATE	"\"pending\" or \"active\""
#define WANTED_ACTIVE	"\"active\""
#define WANTED_PEER_ID	"64 hex digits"
#define WANTED_KEYS	"a FILE of keys with mode 0600, or - for standard input"

static bool arg_new_state(const char *arg, void *to)
{
	uint32_t *state = to;

	*state = strcmp(arg, "pending") == 0 ? STT_SESSION_STATE_PENDING :
		 strcmp(arg, "active") == 0 ? STT_SESSION_STATE_ACTIVE : 0;
	return *state;
}

static bool arg_active(const char *arg, void *to)
{
	return arg_new_state(arg, to) && *(uint32_t *)to == STT_SESSION_STATE_ACTIVE;
}

static int show_one(const struct stt_session_info *s, void *arg)
{
	struct app *app = arg;

	pr_item(&app->out, NULL);
	show_session(&app->out, s);
	if (app->statistics)
		show_session_stats(&app->out, &s->stats);
	pr_end(&app->out);
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
	show_one(&s, app);
	return STATUS_OK;
}

static int show_all(struct app *app, uint32_t node)
{
	if (check_node(app, node) != STATUS_OK)
		return STATUS_SYSTEM;
	return stt_ctl_session_dump(app->ctl, node, show_one, app) < 0 ? failed_call() : STATUS_OK;
}

static int session_show(struct app *app, int argc, char **argv)
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

static int add(struct app *app, struct stt_session_info *s, const char *path)
{
	struct keyring *ring;
	int status = keys_read(app, path, &ring);

	if (status != STATUS_OK)
		return status;
	s->n_keys = ring->n;
	memcpy(s->keys, ring->keys, sizeof(s->keys));
	keyring_free(ring);
	status = app_open(app);
	if (status == STATUS_OK && stt_ctl_session_new(app->ctl, s) < 0)
		status = failed_call();
	explicit_bzero(s->keys, sizeof(s->keys));
	return status;
}

static int session_add(struct app *app, int argc, char **argv)
{
	bool has_node = false, has_id = false, has_peer = false, has_local = false;
	bool has_state = false, has_keys = false;
	struct stt_session_info s = { .state = STT_SESSION_STATE_ACTIVE };
	const char *path;
	const struct param params[] = {
		{ "node", WANTED_NODE, arg_node, &s.node, &has_node, ARG_REQUIRED },
		{ "id", WANTED_ID, arg_session_id, &s.id, &has_id, ARG_REQUIRED },
		{ "peer", WANTED_ENDPOINT, arg_endpoint, &s.peer, &has_peer, ARG_REQUIRED },
		{ "local", WANTED_ADDR, arg_addr, &s.local, &has_local, 0 },
		{ "peer-id", WANTED_PEER_ID, arg_peer_id, s.peer_id, &s.has_peer_id, 0 },
		{ "heartbeat", WANTED_MS, arg_ms, &s.heartbeat_ms, &s.has_heartbeat, 0 },
		{ "rekey-age", WANTED_MS, arg_ms, &s.rekey_age_ms, &s.has_rekey_age, 0 },
		{ "rekey-volume", WANTED_VOLUME, arg_count, &s.rekey_volume,
		  &s.has_rekey_volume, 0 },
		{ "state", WANTED_STATE, arg_new_state, &s.state, &has_state, 0 },
		{ "keys", WANTED_KEYS, arg_string, &path, &has_keys, ARG_REQUIRED },
	};
	int status = ARGS_PARSE(argc, argv, params);

	return status == STATUS_OK ? add(app, &s, path) : status;
}

static int session_set(struct app *app, int argc, char **argv)
{
	bool has_node = false, has_id = false, has_peer = false, has_local = false;
	bool has_state = false;
	struct stt_session_info s = { 0 };
	struct session_ref ref;
	const struct param params[] = {
		{ "node", WANTED_NODE, arg_node, &s.node, &has_node, 0 },
		{ "id", WANTED_SESSION, arg_session_ref, &ref, &has_id,
		  ARG_BARE | ARG_REQUIRED },
		{ "peer", WANTED_ENDPOINT, arg_endpoint, &s.peer, &has_peer, 0 },
		{ "local", WANTED_ADDR, arg_addr, &s.local, &has_local, 0 },
		{ "heartbeat", WANTED_MS, arg_ms, &s.heartbeat_ms, &s.has_heartbeat, 0 },
		{ "rekey-age", WANTED_MS, arg_ms, &s.rekey_age_ms, &s.has_rekey_age, 0 },
		{ "rekey-volume", WANTED_VOLUME, arg_count, &s.rekey_volume,
		  &s.has_rekey_volume, 0 },
		{ "state", WANTED_ACTIVE, arg_active, &s.state, &has_state, 0 },
		{ "tx-epoch", WANTED_EPOCH, arg_epoch, &s.tx_epoch, &s.has_tx_epoch, 0 },
	};
	int status = ARGS_PARSE(argc, argv, params);

	if (status != STATUS_OK)
		return status;
	if (has_local && !has_peer)
		return wrong("local goes along with peer: give both");
	if (!has_peer && !has_state && !s.has_heartbeat && !s.has_tx_epoch && !s.has_rekey_age &&
	    !s.has_rekey_volume)
		return wrong("nothing to set: give peer, heartbeat, rekey-age, rekey-volume, state or tx-epoch");
	status = find_session(app, &ref, &s.node, &s.id);
	if (status != STATUS_OK)
		return status;
	return stt_ctl_session_set(app->ctl, &s) < 0 ? failed_call() : STATUS_OK;
}

static int session_delete(struct app *app, int argc, char **argv)
{
	bool has_node = false, has_id = false, has_reason = false;
	uint8_t reason = STT_CLOSE_NONE;
	struct session_ref ref;
	uint32_t node = 0;
	uint64_t id;
	const struct param params[] = {
		{ "node", WANTED_NODE, arg_node, &node, &has_node, 0 },
		{ "id", WANTED_SESSION, arg_session_ref, &ref, &has_id,
		  ARG_BARE | ARG_REQUIRED },
		{ "reason", WANTED_REASON, arg_reason, &reason, &has_reason, 0 },
	};
	int status = ARGS_PARSE(argc, argv, params);

	if (status == STATUS_OK)
		status = find_session(app, &ref, &node, &id);
	if (status != STATUS_OK)
		return status;
	return stt_ctl_session_del(app->ctl, node, id, reason) < 0 ? failed_call() : STATUS_OK;
}

static int session_rekey(struct app *app, int argc, char **argv)
{
	bool has_node = false, has_id = false;
	struct session_ref ref;
	uint32_t node = 0;
	uint64_t id;
	const struct param params[] = {
		{ "node", WANTED_NODE, arg_node, &node, &has_node, 0 },
		{ "id", WANTED_SESSION, arg_session_ref, &ref, &has_id,
		  ARG_BARE | ARG_REQUIRED },
	};
	int status = ARGS_PARSE(argc, argv, params);

	if (status == STATUS_OK)
		status = find_session(app, &ref, &node, &id);
	if (status != STATUS_OK)
		return status;
	return stt_ctl_session_rekey(app->ctl, node, id) < 0 ? failed_call() : STATUS_OK;
}

static const struct command verbs[] = {
	{ "show", session_show, "[node NODE] [[id] SESSION]",
	  "the sessions, or one of them; -s adds its counters" },
	{ "add", session_add,
	  "node NODE id SESSION peer ADDR:PORT keys FILE|-\n"
	  "          [local ADDR] [peer-id HEX] [heartbeat MS|off] [state pending|active]\n"
	  "          [rekey-age MS|off] [rekey-volume FRAMES]",
	  "creates a session; the keys come from a file or standard input" },
	{ "set", session_set,
	  "[node NODE] [id] SESSION\n"
	  "          [peer ADDR:PORT [local ADDR]] [heartbeat MS|off]\n"
	  "          [state active] [tx-epoch EPOCH]\n"
	  "          [rekey-age MS|off] [rekey-volume FRAMES]",
	  "changes what is named" },
	{ "rekey", session_rekey, "[node NODE] [id] SESSION",
	  "has its owner agree on new keys with the peer, now" },
	{ "delete", session_delete, "[node NODE] [id] SESSION [reason REASON]",
	  "ends a session, tells the peer, wipes the keys" },
	{ "list", session_show, "[node NODE] [[id] SESSION]", "the same as show" },
};

const struct object session_object = {
	.name = "session", .about = "peers of the nodes", VERBS(verbs),
};
