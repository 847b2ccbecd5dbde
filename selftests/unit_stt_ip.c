// SPDX-License-Identifier: GPL-2.0-only
/* links: tools/stt-ip/args.c tools/stt-ip/match.c tools/stt-ip/values.c tools/stt-ip/print.c tools/stt-ip/keyfile.c tools/stt-ip/status.c */
/* stt-ip without a kernel: abbreviations, arguments, key files, printing. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <sodium.h>
#include <sys/stat.h>

#include "../tools/stt-ip/args.h"
#include "../tools/stt-ip/keyfile.h"
#include "../tools/stt-ip/match.h"
#include "../tools/stt-ip/print.h"
#include "../tools/stt-ip/status.h"

static const struct {
	const char *name;
} words[] = { { "session" }, { "socket" }, { "seed" }, { "set" }, { "settle" } };

static void test_match(void **state)
{
	char names[16];

	(void)state;
	assert_int_equal(MATCH("session", words, 5), 0);
	assert_int_equal(MATCH("so", words, 5), 1);
	assert_int_equal(MATCH("set", words, 5), 3);
	assert_int_equal(MATCH("sett", words, 5), 4);
	assert_int_equal(MATCH("se", words, 5), MATCH_MANY);
	assert_int_equal(MATCH("x", words, 5), MATCH_NONE);
	assert_int_equal(MATCH("sessions", words, 5), MATCH_NONE);
	assert_int_equal(MATCH("", words, 5), MATCH_NONE);
	match_list("so", words, 5, sizeof(*words), names, sizeof(names));
	assert_string_equal(names, "socket");
	match_list("se", words, 5, sizeof(*words), names, sizeof(names));
	assert_string_equal(names, "session, seed, ");
}

struct parsed {
	uint32_t node;
	uint64_t id;
	bool has_node, has_id;
};

static int parse(struct parsed *to, int argc, char **argv)
{
	const struct param params[] = {
		{ "node", "n", arg_node, &to->node, &to->has_node, 0 },
		{ "id", "i", arg_session_id, &to->id, &to->has_id, ARG_BARE | ARG_REQUIRED },
	};

	memset(to, 0, sizeof(*to));
	return ARGS_PARSE(argc, argv, params);
}

#define PARSE(to, ...) \
	parse(to, (int)(sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *)), \
	      (char *[]){ __VA_ARGS__ })

#define ID "0011223344556677"

static void test_args(void **state)
{
	struct parsed p;

	(void)state;
	assert_int_equal(PARSE(&p, "node", "7", "id", ID), STATUS_OK);
	assert_int_equal(p.node, 7);
	assert_true(p.id == 0x0011223344556677);
	assert_int_equal(PARSE(&p, ID, "no", "7"), STATUS_OK);
	assert_int_equal(PARSE(&p, "0x" ID), STATUS_OK);
	assert_false(p.has_node);
	assert_int_equal(PARSE(&p, "node", "7"), STATUS_USAGE);		/* id is missing */
	assert_int_equal(PARSE(&p, ID, "node"), STATUS_USAGE);		/* no value */
	assert_int_equal(PARSE(&p, ID, ID), STATUS_USAGE);		/* twice */
	assert_int_equal(PARSE(&p, ID, "node", "1", "node", "2"), STATUS_USAGE);
	assert_int_equal(PARSE(&p, ID, "colour", "2"), STATUS_USAGE);
	assert_int_equal(PARSE(&p, ID, ""), STATUS_USAGE);
}

static void test_numbers(void **state)
{
	uint32_t u32 = 0;
	uint64_t u64;
	uint8_t u8;

	(void)state;
	assert_true(arg_number("18446744073709551615", UINT64_MAX, &u64));
	assert_true(u64 == UINT64_MAX);
	assert_false(arg_number("18446744073709551616", UINT64_MAX, &u64));
	assert_false(arg_number("99999999999999999999", UINT64_MAX, &u64));
	assert_false(arg_number("-1", UINT64_MAX, &u64));
	assert_false(arg_number("", UINT64_MAX, &u64));
	assert_false(arg_number(" 1", UINT64_MAX, &u64));
	assert_false(arg_node("0", &u32));
	assert_false(arg_node("4294967296", &u32));
	assert_true(arg_node("4294967295", &u32));
	assert_true(arg_epoch("7", &u8));
	assert_false(arg_epoch("8", &u8));
	assert_false(arg_epoch("10", &u8));
	assert_true(arg_ms("off", &u32) && u32 == 0);
	assert_true(arg_ms("250", &u32) && u32 == 250);
	assert_false(arg_ms("30s", &u32));
	assert_true(arg_count("4294967295", &u32) && u32 == UINT32_MAX);
	assert_false(arg_count("4294967296", &u32));
	assert_false(arg_count("off", &u32));
	assert_true(arg_reason("revoked", &u8) && u8 == STT_CLOSE_REVOKED);
	assert_true(arg_reason("200", &u8) && u8 == 200);
	assert_false(arg_reason("5", &u8));
	assert_false(arg_reason("256", &u8));
}

static void test_ids(void **state)
{
	struct session_ref ref;
	uint64_t id;

	(void)state;
	assert_true(arg_session_ref("0xAbC", &ref));
	assert_string_equal(ref.digits, "abc");
	assert_true(arg_session_ref("0x" ID, &ref));
	assert_false(arg_session_ref("0x", &ref));
	assert_false(arg_session_ref(ID "8", &ref));
	assert_false(arg_session_ref("12g", &ref));
	assert_false(arg_session_id("1234", &id));
	assert_false(arg_session_id("0000000000000000", &id));
	assert_false(arg_session_id("ffffffffffffffff", &id));
}

static void test_addresses(void **state)
{
	union stt_addr a;

	(void)state;
	assert_true(arg_endpoint("192.0.2.1:7777", &a));
	assert_int_equal(a.sa.sa_family, AF_INET);
	assert_int_equal(ntohs(a.in.sin_port), 7777);
	assert_true(arg_endpoint("[2001:db8::1]:1", &a));
	assert_int_equal(a.sa.sa_family, AF_INET6);
	assert_true(arg_endpoint("[fe80::1%lo]:1", &a));
	assert_int_equal(a.in6.sin6_scope_id, 1);
	assert_false(arg_endpoint("2001:db8::1:80", &a));
	assert_false(arg_endpoint("192.0.2.1", &a));
	assert_false(arg_endpoint("192.0.2.1:0", &a));
	assert_false(arg_endpoint("192.0.2.1:65536", &a));
	assert_false(arg_endpoint("localhost:80", &a));
	assert_false(arg_endpoint(":80", &a));
	assert_false(arg_endpoint("[]:80", &a));
	assert_false(arg_endpoint("[", &a));
	assert_false(arg_endpoint("", &a));
	assert_true(arg_addr("::1", &a));
	assert_false(arg_addr("", &a));
}

#define SECRET "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define TX "tx 0 chacha20poly1305 " SECRET
#define RX "rx 0 chacha20poly1305 " SECRET

static int parse_keys(struct keyring *ring, const char *text)
{
	char *copy = strdup(text);
	int ret;

	memset(ring, 0, sizeof(*ring));
	ret = keyring_parse("test", copy, ring);
	free(copy);
	return ret;
}

static void test_keys(void **state)
{
	struct keyring ring;

	(void)state;
	assert_int_equal(parse_keys(&ring, "# keys\n\n" TX "\r\n\t" RX " \n"), STATUS_OK);
	assert_int_equal(ring.n, 2);
	assert_int_equal(ring.keys[0].direction, STT_DIRECTION_TX);
	assert_int_equal(ring.keys[1].direction, STT_DIRECTION_RX);
	assert_int_equal(ring.keys[1].suite, STT_SUITE_CHACHA20POLY1305);
	assert_int_equal(ring.keys[1].secret[31], 0x1f);
	assert_int_equal(parse_keys(&ring, "tx 0 aes-256-gcm " SECRET "\n"
				    "rx 0 aes256gcm " SECRET), STATUS_OK);
	assert_int_equal(ring.keys[0].suite, STT_SUITE_AES256GCM);
	assert_int_equal(ring.keys[1].suite, STT_SUITE_AES256GCM);
	assert_int_equal(parse_keys(&ring, "tx 0 chacha20-poly1305 " SECRET), STATUS_OK);
	assert_int_equal(parse_keys(&ring, "tx 0 aes-128-gcm " SECRET), STATUS_USAGE);
	assert_int_equal(parse_keys(&ring, "tx 0 aes256gcmx " SECRET), STATUS_USAGE);
	assert_int_equal(parse_keys(&ring, "tx 0 aes " SECRET), STATUS_USAGE);
	assert_int_equal(parse_keys(&ring, "tx 0 - " SECRET), STATUS_USAGE);
	assert_int_equal(parse_keys(&ring, ""), STATUS_USAGE);
	assert_int_equal(parse_keys(&ring, TX "\n" TX), STATUS_USAGE);
	assert_int_equal(parse_keys(&ring, TX " x"), STATUS_USAGE);
	assert_int_equal(parse_keys(&ring, TX "00"), STATUS_USAGE);
	assert_int_equal(parse_keys(&ring, "tx 8 chacha20poly1305 " SECRET), STATUS_USAGE);
	assert_int_equal(parse_keys(&ring, "tx 0 rot13 " SECRET), STATUS_USAGE);
	assert_int_equal(parse_keys(&ring, "up 0 chacha20poly1305 " SECRET), STATUS_USAGE);
	assert_int_equal(parse_keys(&ring, "tx"), STATUS_USAGE);
}

static void test_too_many_keys(void **state)
{
	struct keyring ring;
	char text[2048] = "";

	(void)state;
	for (int i = 0; i < 8; i++)
		sprintf(text + strlen(text), "tx %d chacha20poly1305 " SECRET "\n", i);
	assert_int_equal(parse_keys(&ring, text), STATUS_OK);
	assert_int_equal(ring.n, 8);
	strcat(text, RX);
	assert_int_equal(parse_keys(&ring, text), STATUS_USAGE);
}

static void test_key_file(void **state)
{
	char path[] = "/tmp/unit_stt_ip.XXXXXX";
	struct keyring *ring = NULL;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, TX "\n", strlen(TX) + 1), strlen(TX) + 1);
	fchmod(fd, 0644);
	assert_int_equal(keyring_read(path, &ring), STATUS_USAGE);
	fchmod(fd, 0600);
	assert_int_equal(keyring_read(path, &ring), STATUS_OK);
	assert_int_equal(ring->n, 1);
	keyring_free(ring);
	assert_int_equal(ftruncate(fd, 70000), 0);
	assert_int_equal(keyring_read(path, &ring), STATUS_USAGE);
	close(fd);
	unlink(path);
	assert_int_equal(keyring_read(path, &ring), STATUS_SYSTEM);
}

static void print_sample(struct printer *p)
{
	union stt_addr peer;

	pr_list(p);
	pr_item(p, NULL);
	pr_u64(p, "node", 1);
	pr_str(p, "odd", "a\"b\\c\n\xff");
	pr_array(p, "keys");
	pr_item(p, "key");
	pr_id(p, "id", 0xab);
	pr_end(p);
	pr_end(p);
	arg_endpoint("[::1]:80", &peer);
	pr_addr(p, "peer", &peer);
	pr_end(p);
	pr_item(p, NULL);
	pr_u64(p, "node", 2);
	pr_group(p, "stats");
	pr_u64(p, "rx", UINT64_MAX);
	pr_end(p);
	pr_end(p);
	pr_end(p);
}

static void check_print(void (*print)(struct printer *p), bool json, bool pretty,
			const char *wanted)
{
	struct printer p;
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	pr_init(&p, f, json, pretty);
	print(&p);
	assert_int_equal(pr_finish(&p), 0);
	fclose(f);
	assert_string_equal(text, wanted);
	free(text);
}

static void test_print(void **state)
{
	(void)state;
	check_print(print_sample, true, false,
		    "[{\"node\":1,\"odd\":\"a\\\"b\\\\c\\u000a\\ufffd\","
		    "\"keys\":[{\"id\":\"00000000000000ab\"}],"
		    "\"peer\":{\"address\":\"::1\",\"port\":80}},"
		    "{\"node\":2,\"stats\":{\"rx\":18446744073709551615}}]\n");
	check_print(print_sample, false, false,
		    "node 1 odd a\"b\\c?\xff\n"
		    "    key id 00000000000000ab peer [::1]:80\n"
		    "node 2\n"
		    "    stats rx 18446744073709551615\n");
}

/* More than a line holds. */
static void print_long(struct printer *p)
{
	static const char *const names[] = { "one", "t\"wo" };

	pr_item(p, NULL);
	pr_names(p, "names", names, 2);
	pr_group(p, "stats");
	for (uint64_t i = 1; i <= 6; i++)
		pr_u64(p, "counter_of_20_digits", i);
	pr_end(p);
	pr_end(p);
	pr_item(p, NULL);
	for (uint64_t i = 1; i <= 4; i++)
		pr_u64(p, "counter_of_20_digits", i);
	pr_end(p);
}

static void test_print_long(void **state)
{
	(void)state;
	check_print(print_long, false, false,
		    "names one,t\"wo\n"
		    "    stats counter_of_20_digits 1 counter_of_20_digits 2 counter_of_20_digits 3\n"
		    "        counter_of_20_digits 4 counter_of_20_digits 5 counter_of_20_digits 6\n"
		    "counter_of_20_digits 1 counter_of_20_digits 2 counter_of_20_digits 3"
		    " counter_of_20_digits 4\n");
}

/* Lines of an item, of which one stays empty. */
static void print_lines(struct printer *p)
{
	pr_item(p, NULL);
	pr_u64(p, "a", 1);
	pr_line(p);
	pr_u64(p, "b", 2);
	pr_u64(p, "c", 3);
	pr_line(p);
	pr_line(p);
	pr_u64(p, "d", 4);
	pr_end(p);
}

static void test_print_lines(void **state)
{
	(void)state;
	check_print(print_lines, false, false, "a 1\n    b 2 c 3\n    d 4\n");
	check_print(print_lines, true, false, "{\"a\":1,\"b\":2,\"c\":3,\"d\":4}\n");
}

static void print_names(struct printer *p)
{
	static const char *const names[] = { "one", "t\"wo" };

	pr_item(p, NULL);
	pr_names(p, "none", names, 0);
	pr_names(p, "names", names, 2);
	pr_end(p);
}

static void test_print_names(void **state)
{
	(void)state;
	check_print(print_names, true, false,
		    "{\"none\":[],\"names\":[\"one\",\"t\\\"wo\"]}\n");
}

static void print_nothing(struct printer *p)
{
	pr_list(p);
}

static void print_events(struct printer *p)
{
	for (uint64_t i = 1; i <= 2; i++) {
		pr_item(p, NULL);
		pr_u64(p, "node", i);
		pr_end(p);
	}
}

static void print_pretty(struct printer *p)
{
	pr_list(p);
	print_events(p);
}

static void test_print_shapes(void **state)
{
	(void)state;
	check_print(print_nothing, true, false, "[]\n");
	check_print(print_nothing, true, true, "[]\n");
	check_print(print_nothing, false, false, "");
	check_print(print_events, true, false, "{\"node\":1}\n{\"node\":2}\n");
	check_print(print_events, false, false, "node 1\nnode 2\n");
	check_print(print_pretty, true, true,
		    "[\n    {\n        \"node\": 1\n    },\n    {\n        \"node\": 2\n    }\n]\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_args),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_too_many_keys),
		cmocka_unit_test(test_key_file),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_print_shapes),
		cmocka_unit_test(test_print_long),
		cmocka_unit_test(test_print_lines),
		cmocka_unit_test(test_print_names),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
