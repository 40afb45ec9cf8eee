/* Tokens: our tags, branches and Call-IDs. */
#include "kit.h"

static const struct sip_key key = {"0123456789abcdef"};
static const struct sip_key other = {"0123456789abcdeg"};

Test(token, what_was_made_is_read)
{
    static const struct sip_token tokens[] = {
        {0, 0, 0}, {7, 0x7f3a, 1}, {UINT64_MAX, UINT64_MAX, UINT32_MAX}};

    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        char text[SIP_TOKEN_MAX];
        struct sip_token t;

        cr_assert_eq(sip_token_read(key, SIP_TOKEN_TAG,
                                    sip_token_make(key, SIP_TOKEN_TAG, tokens[i], text), &t),
                     0);
        cr_assert_eq(t.epoch, tokens[i].epoch);
        cr_assert_eq(t.object, tokens[i].object);
        cr_assert_eq(t.serial, tokens[i].serial);
    }
}

Test(token, a_branch_has_the_cookie_of_rfc3261_8_1_1_7)
{
    char text[SIP_TOKEN_MAX];
    struct sip_str s = sip_token_make(key, SIP_TOKEN_BRANCH, (struct sip_token){7, 1, 2}, text);
    struct sip_token t;

    cr_assert_eq(strncmp(text, "z9hG4bKe7.1.2.", 14), 0);
    cr_assert_eq(sip_token_read(key, SIP_TOKEN_BRANCH, s, &t), 0);
}

Test(token, a_call_id_may_carry_a_host)
{
    char text[SIP_TOKEN_MAX + 8];
    struct sip_str s = sip_token_make(key, SIP_TOKEN_CALL_ID, (struct sip_token){7, 1, 2}, text);
    struct sip_token t;

    strcpy(text + s.len, "@east");
    cr_assert_eq(sip_token_read(key, SIP_TOKEN_CALL_ID, sip_str_of(text), &t), 0);
    cr_assert_eq(sip_token_read(key, SIP_TOKEN_TAG, sip_str_of(text), &t), -ENOENT);
}

Test(token, forged_changed_and_foreign_ones_are_refused)
{
    char text[SIP_TOKEN_MAX];
    struct sip_str s = sip_token_make(key, SIP_TOKEN_TAG, (struct sip_token){18, 0xabc, 3}, text);
    struct sip_token t;

    cr_assert_eq(sip_token_read(other, SIP_TOKEN_TAG, s, &t), -EBADMSG, "another site's secret");
    cr_assert_eq(sip_token_read(key, SIP_TOKEN_CALL_ID, s, &t), -EBADMSG, "another kind");
    cr_assert_eq(sip_token_read(key, SIP_TOKEN_TAG, SIP_STR("a6c85cf"), &t), -ENOENT);
    for (size_t i = 0; i < s.len; i++) {
        char kept = text[i];

        text[i] = kept == '5' ? '6' : '5';
        cr_assert_lt(sip_token_read(key, SIP_TOKEN_TAG, s, &t), 0, "changed at %zu", i);
        text[i] = kept;
        cr_assert_lt(sip_token_read(key, SIP_TOKEN_TAG, (struct sip_str){text, i}, &t), 0,
                     "cut at %zu", i);
    }
}
