// SPDX-License-Identifier: GPL-2.0-only
/*
 * A receiver that needs no library: the C library, <linux/stt.h> and a node
 * that some other program of the same user runs. Prints every message of any
 * session and any stream of it, one a line.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <linux/stt.h>

static const char usage[] =
	"usage: stt-recv [-f FAMILY] [-n COUNT] NODE\n"
	"\n"
	"  NODE       number of the node, as \"stt-ip node show\" gives it\n"
	"  -f FAMILY  number of the socket family (default 18; \"stt-ip info\" says it)\n"
	"  -n COUNT   end after so many messages\n";

static int open_socket(int family, uint32_t node)
{
	struct sockaddr_stt sa = {
		.sstt_family = (__kernel_sa_family_t)family,
		.sstt_type = STT_MSG_ANY,
		.sstt_flags = STT_ADDR_STREAM_ANY,
		.sstt_node = node,
		.sstt_session = STT_SESSION_ANY,
	};
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		perror("stt-recv: socket");
		return -1;
	}
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	fprintf(stderr, "stt-recv: cannot bind to node %" PRIu32 ": %s\n", node,
		strerror(errno));
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

static int read_number(const char *text, unsigned long max, unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 10);
	if (!errno && end != text && !*end && *text != '-' && *value && *value <= max)
		return 0;
	fprintf(stderr, "stt-recv: \"%s\" is not a number from 1 to %lu\n", text, max);
	return -1;
}

int main(int argc, char **argv)
{
	unsigned long family = AF_STT, count = (unsigned long)-1, node;
	int c, fd, ret;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((c = getopt(argc, argv, "f:n:h")) != -1) {
		if ((c == 'f' && read_number(optarg, 255, &family)) ||
		    (c == 'n' && read_number(optarg, (unsigned long)-1, &count)))
			return 1;
		if (c == 'h' || c == '?') {
			fputs(usage, c == 'h' ? stdout : stderr);
			return c != 'h';
		}
	}
	if (optind + 1 != argc) {
		fputs(usage, stderr);
		return 1;
	}
	if (read_number(argv[optind], UINT32_MAX, &node))
		return 1;
	fd = open_socket((int)family, (uint32_t)node);
	if (fd < 0)
		return 1;
	ret = receive(fd, count);
	close(fd);
	return ret;
}
