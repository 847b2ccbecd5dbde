// SPDX-License-Identifier: GPL-2.0-only
#include "stt-ip.h"

static void show_suites(struct printer *p, uint32_t suites)
{
	const char *names[32];
	size_t n = 0;

	for (unsigned int i = 0; i < 32; i++) {
		const char *name = suites & (1U << i) ? stt_suite_name((uint8_t)i) : NULL;

		if (name)
			names[n++] = name;
	}
	pr_names(p, "suites", names, n);
}

static void show_limits(struct printer *p, const struct stt_info *info)
{
	pr_u64(p, "message_max", info->message_max);
	pr_u64(p, "overhead", info->overhead);
	pr_u64(p, "replay_window", info->replay_window);
	pr_u64(p, "heartbeat_ms", info->heartbeat_ms);
	pr_u64(p, "nodes", info->nodes);
	pr_u64(p, "nodes_max", info->nodes_max);
	pr_u64(p, "sessions", info->sessions);
	pr_u64(p, "sessions_max", info->sessions_max);
	pr_u64(p, "gcm_keys", info->gcm_keys);
	pr_u64(p, "gcm_keys_max", info->gcm_keys_max);
}

static int show(struct app *app)
{
	struct printer *p = &app->out;
	struct stt_info info;
	int status = app_open(app);

	if (status != STATUS_OK)
		return status;
	if (stt_ctl_info(app->ctl, &info) < 0)
		return failed_call();
	pr_u64(p, "family", (uint64_t)info.family);
	pr_str(p, "module_version", info.module_version);
	pr_u64(p, "wire_version", info.wire_version);
	show_suites(p, info.suites);
	show_limits(p, &info);
	if (app->statistics)
		show_node_stats(p, &info.stats);
	return STATUS_OK;
}

static int info_show(struct app *app, int argc, char **argv)
{
	int status = args_parse(argc, argv, NULL, 0);

	if (status != STATUS_OK)
		return status;
	pr_item(&app->out, NULL);
	status = show(app);
	pr_end(&app->out);
	return status;
}

static const struct command verbs[] = {
	{ "", info_show, "", "the module: its socket family, versions and limits; -s adds counters" },
};

const struct object info_object = {
	.name = "info", .about = "what the module is and allows", VERBS(verbs),
};
