// SPDX-License-Identifier: GPL-2.0-only
#include "stt-ip.h"

static int show_one(const struct stt_node_info *info, void *arg)
{
	struct app *app = arg;

	pr_item(&app->out, NULL);
	show_node(&app->out, info);
	show_processes(&app->out, info->inode);
	if (app->statistics)
		show_node_stats(&app->out, &info->stats);
	pr_end(&app->out);
	return 0;
}

static int show_by_id(struct app *app, uint32_t id)
{
	struct stt_node_info info;

	if (stt_ctl_node_get(app->ctl, id, &info) < 0)
		return failed_call();
	show_one(&info, app);
	return STATUS_OK;
}

static int show_all(struct app *app)
{
	return stt_ctl_node_dump(app->ctl, show_one, app) < 0 ? failed_call() : STATUS_OK;
}

static int node_show(struct app *app, int argc, char **argv)
{
	uint32_t id = 0;
	bool has_id = false;
	const struct param params[] = {
		{ "id", WANTED_NODE, arg_node, &id, &has_id, ARG_BARE },
	};
	int status = ARGS_PARSE(argc, argv, params);

	if (status != STATUS_OK)
		return status;
	pr_list(&app->out);
	status = app_open(app);
	if (status == STATUS_OK)
		status = has_id ? show_by_id(app, id) : show_all(app);
	pr_list_end(&app->out, status == STATUS_OK);
	return status;
}

static int node_delete(struct app *app, int argc, char **argv)
{
	uint8_t reason = STT_CLOSE_SHUTDOWN;
	bool has_id = false, has_reason = false;
	uint32_t id;
	const struct param params[] = {
		{ "id", WANTED_NODE, arg_node, &id, &has_id, ARG_BARE | ARG_REQUIRED },
		{ "reason", WANTED_REASON, arg_reason, &reason, &has_reason, 0 },
	};
	int status = ARGS_PARSE(argc, argv, params);

	if (status == STATUS_OK)
		status = app_open(app);
	if (status != STATUS_OK)
		return status;
	return stt_ctl_node_del(app->ctl, id, reason) < 0 ? failed_call() : STATUS_OK;
}

static int node_set(struct app *app, int argc, char **argv)
{
	struct stt_node_info info = { 0 };
	bool has_id = false;
	const struct param params[] = {
		{ "id", WANTED_NODE, arg_node, &info.id, &has_id, ARG_BARE | ARG_REQUIRED },
		{ "group", WANTED_GROUP, arg_group, &info.gid, &info.has_gid, 0 },
		{ "heartbeat", WANTED_MS, arg_ms, &info.heartbeat_ms,
		  &info.has_heartbeat, 0 },
		{ "rekey-age", WANTED_MS, arg_ms, &info.rekey_age_ms, &info.has_rekey_age, 0 },
		{ "rekey-volume", WANTED_VOLUME, arg_count, &info.rekey_volume,
		  &info.has_rekey_volume, 0 },
	};
	int status = ARGS_PARSE(argc, argv, params);

	if (status == STATUS_OK)
		status = app_open(app);
	if (status != STATUS_OK)
		return status;
	return stt_ctl_node_set(app->ctl, &info) < 0 ? failed_call() : STATUS_OK;
}

static const struct command verbs[] = {
	{ "show", node_show, "[[id] NODE]",
	  "the nodes, or one of them, and the processes that hold the UDP socket" },
	{ "set", node_set, "[id] NODE [group GROUP] [heartbeat MS|off]\n"
	  "          [rekey-age MS|off] [rekey-volume FRAMES]",
	  "opens a node to a group, or sets what sessions to come get" },
	{ "delete", node_delete, "[id] NODE [reason REASON]",
	  "ends all sessions of a node and detaches its UDP socket" },
	{ "list", node_show, "[[id] NODE]", "the same as show" },
};

const struct object node_object = {
	.name = "node", .about = "UDP sockets that programs attached", VERBS(verbs),
};
