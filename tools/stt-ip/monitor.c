// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "stt-ip.h"

static const char *event_name(int cmd)
{
	switch (cmd) {
	case STT_CMD_NODE_NEW_NTF: return "node_new";
	case STT_CMD_NODE_DEL_NTF: return "node_del";
	case STT_CMD_SESSION_NEW_NTF: return "session_new";
	case STT_CMD_SESSION_STATE_NTF: return "session_state";
	case STT_CMD_SESSION_MOVED_NTF: return "session_moved";
	case STT_CMD_SESSION_DEL_NTF: return "session_del";
	case STT_CMD_SESSION_REKEY_NTF: return "session_rekey";
	default: return "unknown";
	}
}

/* Now, in UTC, to the microsecond. */
static void show_time(struct printer *p)
{
	struct timespec now;
	struct tm tm;
	char day[32], text[64];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%06ldZ", day, now.tv_nsec / 1000);
	pr_str(p, "time", text);
}

static void show_event(struct printer *p, const struct stt_event *ev)
{
	pr_item(p, NULL);
	show_time(p);
	pr_str(p, "event", event_name(ev->cmd));
	if (ev->cmd == STT_CMD_NODE_NEW_NTF)
		show_node(p, &ev->node_info);
	else if (ev->cmd == STT_CMD_NODE_DEL_NTF)
		pr_u64(p, "node", ev->node);
	else
		show_session_event(p, &ev->session);
	pr_end(p);
}

static void show_lost(struct printer *p)
{
	pr_item(p, NULL);
	show_time(p);
	pr_str(p, "event", "lost");
	pr_end(p);
}

/* Prints all that is there. Returns 0 or a negative errno of the library. */
static int drain(struct app *app)
{
	struct stt_event ev;
	int ret;

	while ((ret = stt_ctl_event(app->ctl, &ev)) != -EAGAIN) {
		if (ret == -ENOBUFS)
			show_lost(&app->out);
		else if (ret < 0)
			return ret;
		else
			show_event(&app->out, &ev);
	}
	return 0;
}

static int watch(struct app *app)
{
	struct pollfd pfd = { .fd = stt_ctl_fd(app->ctl), .events = POLLIN };

	for (;;) {
		if (poll(&pfd, 1, -1) < 0 && errno != EINTR)
			return failed("cannot wait for events: %s", strerror(errno));
		if (drain(app) < 0)
			return failed_call();
		if (fflush(app->out.out) == EOF)
			return failed("cannot write the output: %s", strerror(errno));
	}
}

static int monitor(struct app *app, int argc, char **argv)
{
	int status = args_parse(argc, argv, NULL, 0);

	if (status == STATUS_OK)
		status = app_open(app);
	if (status != STATUS_OK)
		return status;
	if (stt_ctl_subscribe(app->ctl) < 0)
		return failed_call();
	/* From here on nothing is missed; who starts things can wait for this. */
	fputs("stt-ip: listening\n", stderr);
	app->out.pretty = false;
	return watch(app);
}

static const struct command verbs[] = {
	{ "", monitor, "", "prints events, one a line, until it is interrupted" },
};

const struct object monitor_object = {
	.name = "monitor", .about = "events as they happen", VERBS(verbs),
};
