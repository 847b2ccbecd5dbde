// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <string.h>

#include "ctl_attr.h"

static void index_one(const struct nlattr *attr, const struct nlattr **tb, unsigned int max)
{
	unsigned int type = mnl_attr_get_type(attr);

	if (type <= max)
		tb[type] = attr;
}

void sttnl_index(const struct nlmsghdr *nlh, const struct nlattr **tb, unsigned int max)
{
	const struct nlattr *attr;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		index_one(attr, tb, max);
}

void sttnl_index_nest(const struct nlattr *nest, const struct nlattr **tb, unsigned int max)
{
	const struct nlattr *attr;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	mnl_attr_for_each_nested(attr, nest)
		index_one(attr, tb, max);
}

/* Returns 1 if there was one, 0 if not. */
static int copy(const struct nlattr *attr, void *to, size_t len)
{
	if (!attr)
		return 0;
	if (mnl_attr_get_payload_len(attr) != len)
		return -EBADMSG;
	memcpy(to, mnl_attr_get_payload(attr), len);
	return 1;
}

int sttnl_read(const struct nlattr *const *tb, const struct sttnl_field *fields, size_t n,
	       void *out)
{
	for (size_t i = 0; i < n; i++)
		if (copy(tb[fields[i].type], (char *)out + fields[i].off, fields[i].len) < 0)
			return -EBADMSG;
	return 0;
}

static int read_ipv4(const struct nlattr *const *tb, const struct sttnl_addr_attrs *a,
		     struct sockaddr_in *in)
{
	in->sin_family = AF_INET;
	if (copy(tb[a->ipv4], &in->sin_addr, sizeof(in->sin_addr)) < 0)
		return -EBADMSG;
	if (a->port && copy(tb[a->port], &in->sin_port, sizeof(in->sin_port)) < 0)
		return -EBADMSG;
	return 0;
}

static int read_ipv6(const struct nlattr *const *tb, const struct sttnl_addr_attrs *a,
		     struct sockaddr_in6 *in6)
{
	in6->sin6_family = AF_INET6;
	if (copy(tb[a->ipv6], &in6->sin6_addr, sizeof(in6->sin6_addr)) < 0)
		return -EBADMSG;
	if (a->port && copy(tb[a->port], &in6->sin6_port, sizeof(in6->sin6_port)) < 0)
		return -EBADMSG;
	if (a->scope && copy(tb[a->scope], &in6->sin6_scope_id, sizeof(in6->sin6_scope_id)) < 0)
		return -EBADMSG;
	return 0;
}

int sttnl_read_addr(const struct nlattr *const *tb, const struct sttnl_addr_attrs *a,
		    union stt_addr *out)
{
	memset(out, 0, sizeof(*out));
	if (tb[a->ipv4])
		return read_ipv4(tb, a, &out->in);
	if (tb[a->ipv6])
		return read_ipv6(tb, a, &out->in6);
	out->sa.sa_family = AF_UNSPEC;
	return 0;
}

int sttnl_read_stats(const struct nlattr *nest, struct stt_stats *out)
{
	const struct nlattr *tb[STT_A_STATS_MAX + 1];

	if (!nest)
		return 0;
	sttnl_index_nest(nest, tb, STT_A_STATS_MAX);
	for (unsigned int i = STT_A_STATS_PAD + 1; i <= STT_A_STATS_MAX; i++)
		if (copy(tb[i], &out->v[i], sizeof(out->v[i])) < 0)
			return -EBADMSG;
	return 0;
}

static void put_ipv4(struct sttnl_req *req, const struct sttnl_addr_attrs *a,
		     const struct sockaddr_in *in)
{
	sttnl_put(req, a->ipv4, &in->sin_addr, sizeof(in->sin_addr));
	if (a->port)
		sttnl_put_u16(req, a->port, in->sin_port);
}

static void put_ipv6(struct sttnl_req *req, const struct sttnl_addr_attrs *a,
		     const struct sockaddr_in6 *in6)
{
	sttnl_put(req, a->ipv6, &in6->sin6_addr, sizeof(in6->sin6_addr));
	if (a->port)
		sttnl_put_u16(req, a->port, in6->sin6_port);
	if (a->scope && in6->sin6_scope_id)
		sttnl_put_u32(req, a->scope, in6->sin6_scope_id);
}

int sttnl_put_addr(struct sttnl_req *req, const struct sttnl_addr_attrs *a,
		   const union stt_addr *addr)
{
	switch (addr->sa.sa_family) {
	case AF_UNSPEC:
		return 0;
	case AF_INET:
		put_ipv4(req, a, &addr->in);
		return 0;
	case AF_INET6:
		put_ipv6(req, a, &addr->in6);
		return 0;
	default:
		return -EAFNOSUPPORT;
	}
}
