// SPDX-License-Identifier: GPL-2.0-only
/*
 * A receiver that needs no library: the C library, <linux/stt.h> and a node
 * that some other program of the same user runs. Prints the messages it gets,
 * one a line. A message goes to the most specific binding only: if the other
 * program receives from everything, as nodes of libstt-user do, this one names
 * a stream or a session, and gets what comes there in place of it.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <linux/stt.h>

static const char usage[] =
	"usage: stt-recv [-f FAMILY] [-n COUNT] [-s STREAM] [-S SESSION] NODE\n"
	"\n"
	"  NODE       number of the node, as \"stt-ip node show\" gives it\n"
	"  -f FAMILY  number of the socket family (default 18; \"stt-ip info\" says it)\n"
	"  -n COUNT   end after so many messages\n"
	"  -s STREAM  of this stream only (default: any)\n"
	"  -S SESSION of this session only, 16 hex digits (default: any)\n";

static int open_socket(const struct sockaddr_stt *sa)
{
	int fd = socket(sa->sstt_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		perror("stt-recv: socket");
		return -1;
	}
	if (bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0)
		return fd;
	fprintf(stderr, "stt-recv: cannot bind to node %" PRIu32 ": %s%s\n", sa->sstt_node,
		strerror(errno), errno == EADDRINUSE ?
		" (another socket receives just this: try a stream, -s, or session, -S)" : "");
	close(fd);
	return -1;
}

static void print_message(const struct sockaddr_stt *from, const unsigned char *data, size_t len)
{
	printf("session %016llx stream %u type 0x%02x len %zu: ",
	       (unsigned long long)from->sstt_session, from->sstt_stream, from->sstt_type, len);
	for (size_t i = 0; i < len; i++)
		printf(isprint(data[i]) && data[i] != '\\' ? "%c" : "\\x%02x", data[i]);
	putchar('\n');
}

static int receive(int fd, unsigned long count)
{
	static unsigned char buf[STT_MESSAGE_MAX];
	struct sockaddr_stt from;

	while (count--) {
		socklen_t from_len = sizeof(from);
		ssize_t len = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from,
				       &from_len);

		if (len < 0) {
			perror("stt-recv: recvfrom");
			return 1;
		}
		print_message(&from, buf, (size_t)len);
	}
	return 0;
}

static int read_number(const char *text, int base, unsigned long long min,
		       unsigned long long max, unsigned long long *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, base);
	if (!errno && end != text && !*end && *text != '-' && *value >= min && *value <= max)
		return 0;
	fprintf(stderr, "stt-recv: \"%s\" is not a number from %llu to %llu\n", text, min, max);
	return -1;
}

/* One option. 0, or 1 as it is wrong. */
static int take_option(int c, struct sockaddr_stt *sa, unsigned long *count)
{
	unsigned long long value;

	if (c == 'f' && !read_number(optarg, 10, 1, 255, &value))
		sa->sstt_family = (__kernel_sa_family_t)value;
	else if (c == 'n' && !read_number(optarg, 10, 1, ULONG_MAX, &value))
		*count = (unsigned long)value;
	else if (c == 'S' && !read_number(optarg, 16, 1, ULLONG_MAX - 1, &value))
		sa->sstt_session = value;
	else if (c == 's' && !read_number(optarg, 10, 0, UINT32_MAX, &value))
		sa->sstt_stream = (__u32)value;
	else
		return 1;
	if (c == 's')
		sa->sstt_flags = 0;
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_stt sa = {
		.sstt_family = AF_STT, .sstt_type = STT_MSG_ANY,
		.sstt_flags = STT_ADDR_STREAM_ANY, .sstt_session = STT_SESSION_ANY,
	};
	unsigned long count = ULONG_MAX;
	unsigned long long node;
	int c, fd, ret;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((c = getopt(argc, argv, "f:n:s:S:h")) != -1) {
		if (c == 'h' || c == '?') {
			fputs(usage, c == 'h' ? stdout : stderr);
			return c != 'h';
		}
		if (take_option(c, &sa, &count))
			return 1;
	}
	if (optind + 1 != argc) {
		fputs(usage, stderr);
		return 1;
	}
	if (read_number(argv[optind], 10, 1, UINT32_MAX, &node))
		return 1;
	sa.sstt_node = (__u32)node;
	fd = open_socket(&sa);
	if (fd < 0)
		return 1;
	ret = receive(fd, count);
	close(fd);
	return ret;
}
