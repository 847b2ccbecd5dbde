// SPDX-License-Identifier: GPL-2.0-only
#include "stt-ip.h"

/* Wildcards and what is not there are left out. */
static void show_ends(struct printer *p, const struct stt_socket_info *s)
{
	if (s->session != STT_SESSION_ANY)
		pr_id(p, "session", s->session);
	if (s->has_stream)
		pr_u64(p, "stream", s->stream);
	if (s->sharers)
		pr_u64(p, "sharers", s->sharers);
	if (!s->has_peer)
		return;
	pr_id(p, "peer_session", s->peer_session);
	pr_u64(p, "peer_stream", s->peer_stream);
}

static int show_one(const struct stt_socket_info *s, void *arg)
{
	struct app *app = arg;
	struct printer *p = &app->out;

	pr_item(p, NULL);
	pr_u64(p, "socket", s->inode);
	pr_str(p, "type", s->type == STT_MSG_HANDSHAKE ? "handshake" : "data");
	pr_u64(p, "node", s->node);
	show_ends(p, s);
	pr_u64(p, "uid", s->uid);
	pr_u64(p, "rx_queue", s->rx_queue);
	pr_u64(p, "tx_queue", s->tx_queue);
	pr_u64(p, "drops", s->drops);
	show_processes(p, s->inode);
	pr_end(p);
	return 0;
}

static int socket_show(struct app *app, int argc, char **argv)
{
	int status = args_parse(argc, argv, NULL, 0);

	if (status != STATUS_OK)
		return status;
	pr_list(&app->out);
	status = app_open(app);
	if (status == STATUS_OK && stt_ctl_socket_dump(app->ctl, show_one, app) < 0)
		status = failed_call();
	pr_list_end(&app->out, status == STATUS_OK);
	return status;
}

static const struct command verbs[] = {
	{ "show", socket_show, "", "the AF_STT sockets by inode number, and the processes that hold them" },
	{ "list", socket_show, "", "the same as show" },
};

const struct object socket_object = {
	.name = "socket", .about = "AF_STT sockets", VERBS(verbs),
};
