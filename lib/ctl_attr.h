/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Netlink attributes to structs and back. Unknown attributes are skipped, so
 * that an old library works with a newer module; known ones must have their
 * exact size.
 */
#ifndef STT_LIB_CTL_ATTR_H
#define STT_LIB_CTL_ATTR_H

#include "ctl_nl.h"

/* Attribute @type has the size of a member and is copied to it. */
struct sttnl_field {
	uint16_t	type;
	uint16_t	len;
	size_t		off;
};

#define STTNL_FIELD(attr, st, member) \
	{ (attr), sizeof(((st *)0)->member), offsetof(st, member) }

/* The attributes of one address; 0: there is no such attribute. */
struct sttnl_addr_attrs {
	uint16_t	ipv4, ipv6, port, scope;
};

/* @tb has @max + 1 entries. */
void sttnl_index(const struct nlmsghdr *nlh, const struct nlattr **tb, unsigned int max);
void sttnl_index_nest(const struct nlattr *nest, const struct nlattr **tb, unsigned int max);

/* Return 0 or -EBADMSG. What is absent leaves @out as it is. */
int sttnl_read(const struct nlattr *const *tb, const struct sttnl_field *fields, size_t n,
	       void *out);
int sttnl_read_addr(const struct nlattr *const *tb, const struct sttnl_addr_attrs *a,
		    union stt_addr *out);
int sttnl_read_stats(const struct nlattr *nest, struct stt_stats *out);

/* AF_UNSPEC puts nothing. Returns 0 or -EAFNOSUPPORT. */
int sttnl_put_addr(struct sttnl_req *req, const struct sttnl_addr_attrs *a,
		   const union stt_addr *addr);

/* Of control_node.c and control_session.c, for the events. */
int sttnl_parse_node(const struct nlmsghdr *nlh, struct stt_node_info *out);
int sttnl_parse_session(const struct nlmsghdr *nlh, struct stt_session_info *out);

/* Of control_key.c, for a session's first keys. */
void sttnl_put_key(struct sttnl_req *req, const struct stt_key *key);
int sttnl_parse_key(const struct nlattr *nest, struct stt_key *out);

/*
 * Of control_session.c, for many at once: the request that creates @s, and
 * stt_errmsg() for the kernel's refusal of it. Both return 0 or a negative errno.
 */
int sttnl_session_new(struct sttnl_req *req, const struct stt_ctl *ctl,
		      const struct stt_session_info *s);
int sttnl_session_refused(const struct stt_ctl *ctl, const struct stt_session_info *s, int err);

#endif /* STT_LIB_CTL_ATTR_H */
