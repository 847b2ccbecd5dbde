// SPDX-License-Identifier: LGPL-2.1-or-later
/* Keys: they go in, their counters come out. */
#include <errno.h>
#include <string.h>

#include "ctl_attr.h"

static const struct sttnl_field key_fields[] = {
	STTNL_FIELD(STT_A_KEY_EPOCH, struct stt_key, epoch),
	STTNL_FIELD(STT_A_KEY_DIRECTION, struct stt_key, direction),
	STTNL_FIELD(STT_A_KEY_SUITE, struct stt_key, suite),
	STTNL_FIELD(STT_A_KEY_COUNTER, struct stt_key, counter),
};

int sttnl_parse_key(const struct nlattr *nest, struct stt_key *out)
{
	const struct nlattr *tb[STT_A_KEY_MAX + 1];

	memset(out, 0, sizeof(*out));
	sttnl_index_nest(nest, tb, STT_A_KEY_MAX);
	return sttnl_read(tb, key_fields, sizeof(key_fields) / sizeof(*key_fields), out);
}

/* What is in the nest of a key, but for its secret. */
static struct nlattr *put_place(struct sttnl_req *req, uint8_t epoch, uint8_t direction,
				bool waiting)
{
	struct nlattr *nest = sttnl_nest(req, STT_A_SESSION_KEY);

	sttnl_put_u8(req, STT_A_KEY_EPOCH, epoch);
	sttnl_put_u8(req, STT_A_KEY_DIRECTION, direction);
	if (waiting)
		sttnl_put(req, STT_A_KEY_WAITING, "", 0);
	return nest;
}

static void put_key(struct sttnl_req *req, const struct stt_key *key, bool waiting)
{
	struct nlattr *nest = put_place(req, key->epoch, key->direction, waiting);

	sttnl_put_u8(req, STT_A_KEY_SUITE, key->suite);
	sttnl_put(req, STT_A_KEY_SECRET, key->secret, sizeof(key->secret));
	sttnl_nest_end(req, nest);
}

void sttnl_put_key(struct sttnl_req *req, const struct stt_key *key)
{
	put_key(req, key, false);
}

static const char *direction_name(uint8_t direction)
{
	return direction == STT_DIRECTION_TX ? "tx" :
	       direction == STT_DIRECTION_RX ? "rx" : "directionless";
}

static void begin(struct sttnl_req *req, const struct stt_ctl *ctl, uint8_t cmd, uint32_t node,
		  uint64_t session)
{
	sttnl_begin(req, ctl->family, cmd, 0);
	sttnl_put_u32(req, STT_A_SESSION_NODE, node);
	sttnl_put_u64(req, STT_A_SESSION_ID, session);
}

static int install(struct stt_ctl *ctl, uint32_t node, uint64_t session,
		   const struct stt_key *key, bool waiting)
{
	struct sttnl_req req;
	int ret;

	begin(&req, ctl, STT_CMD_KEY_NEW, node, session);
	put_key(&req, key, waiting);
	ret = sttnl_call(ctl, &req, NULL, NULL);
	if (ret < 0)
		return sttnl_fail(ctl, ret,
				  "cannot install the %s key of epoch %u in session %016llx on node %u",
				  direction_name(key->direction), key->epoch,
				  (unsigned long long)session, node);
	return 0;
}

int stt_ctl_key_new(struct stt_ctl *ctl, uint32_t node, uint64_t session,
		    const struct stt_key *key)
{
	return install(ctl, node, session, key, false);
}

int stt_ctl_key_replace(struct stt_ctl *ctl, uint32_t node, uint64_t session,
			const struct stt_key *key)
{
	return install(ctl, node, session, key, true);
}

static int delete(struct stt_ctl *ctl, uint32_t node, uint64_t session, uint8_t epoch,
		  uint8_t direction, bool waiting)
{
	struct sttnl_req req;
	int ret;

	begin(&req, ctl, STT_CMD_KEY_DEL, node, session);
	sttnl_nest_end(&req, put_place(&req, epoch, direction, waiting));
	ret = sttnl_call(ctl, &req, NULL, NULL);
	if (ret < 0)
		return sttnl_fail(ctl, ret,
				  "cannot delete the %s key of epoch %u in session %016llx on node %u",
				  direction_name(direction), epoch,
				  (unsigned long long)session, node);
	return 0;
}

int stt_ctl_key_del(struct stt_ctl *ctl, uint32_t node, uint64_t session, uint8_t epoch,
		    uint8_t direction)
{
	return delete(ctl, node, session, epoch, direction, false);
}

int stt_ctl_key_cancel(struct stt_ctl *ctl, uint32_t node, uint64_t session, uint8_t epoch,
		       uint8_t direction)
{
	return delete(ctl, node, session, epoch, direction, true);
}
