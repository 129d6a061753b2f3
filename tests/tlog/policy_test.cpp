#include <gtest/gtest.h>

#include <algorithm>

#include "tlog/note_keys.h"
#include "zephyr/tlog/checkpoint.h"

namespace zephyr::tlog {
namespace {

std::string const log_line = "log " + log_signer().key().vkey() + "\n";
std::string witness_line(std::string const& name) {
    return "witness " + name + " " + witness_signer(name + ".example").key().vkey() + "\n";
}
std::string const three = witness_line("a") + witness_line("b") + witness_line("c");

void malformed(std::string const& text, std::string_view why) {
    auto const parsed = TrustPolicy::parse(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error(), errors::policy_malformed);
    EXPECT_NE(parsed.error().detail().find(why), std::string_view::npos) << parsed.error();
}
std::vector<std::string> names(std::vector<NoteKey> const& keys) {
    std::vector<std::string> out;
    for (auto const& key : keys) out.push_back(key.name());
    std::ranges::sort(out);
    return out;
}

// C2SP tlog-policy: "A policy file must include exactly one quorum line."
TEST(TrustPolicy, without_a_quorum_line_or_with_two_it_is_malformed) {
    malformed("", "no quorum");
    malformed(log_line, "no quorum");
    malformed(log_line + "# quorum none\n", "no quorum");
    malformed(log_line + "quorum none\nquorum none\n", "line 3: a second quorum");
    malformed(log_line + "quorum\n", "quorum NAME");
    malformed(log_line + "quorum none none\n", "quorum NAME");
}

// "a group definition can only refer to names defined on preceding lines."
TEST(TrustPolicy, a_name_is_defined_before_it_is_used) {
    malformed("quorum a\n" + witness_line("a"), "line 1: no such");
    malformed("group g any a\n" + witness_line("a") + "quorum g\n", "line 1: no such witness: a");
    malformed(three + "group g any a d\nquorum g\n", "no such witness: d");
    malformed(three + "group g any none\nquorum g\n", "no such witness: none");
    malformed(three + "quorum A\n", "no such");
}

TEST(TrustPolicy, a_name_is_defined_once_and_never_none) {
    malformed(witness_line("a") + "witness a " + witness_signer("other").key().vkey() + "\nquorum a\n", "twice");
    malformed(three + "group a any b\nquorum a\n", "twice");
    malformed(three + "group g any a\ngroup g any b\nquorum g\n", "twice");
    malformed(witness_line("none") + "quorum none\n", "none");
    malformed(three + "group none any a\nquorum none\n", "none");
}

// "Two vkeys are considered duplicate if they wrap the same underlying public key, even if they differ by key name and key id."
TEST(TrustPolicy, the_same_key_twice_is_refused_under_any_name) {
    malformed(log_line + log_line + "quorum none\n", "twice");
    NoteKey const renamed{"other.example", KeyKind::ed25519, log_signer().key().key()};
    malformed(log_line + "log " + renamed.vkey() + "\nquorum none\n", "twice");
    NoteKey const again{"again", KeyKind::cosignature, witness_signer("a.example").key().key()};
    malformed(three + "witness d " + again.vkey() + "\nquorum none\n", "twice");
}

// "Log and witness keys must use a signature type appropriate [to the] respective function".
TEST(TrustPolicy, a_key_of_the_wrong_kind_is_refused) {
    malformed("log " + witness_signer().key().vkey() + "\nquorum none\n", "kind");
    malformed("witness a " + log_signer().key().vkey() + "\nquorum a\n", "kind");
    malformed("log example.com+00000000+AAAA\nquorum none\n", "no verifier key");
}

// "it is required that 1 <= k <= n".
TEST(TrustPolicy, a_threshold_lies_between_one_and_the_number_of_members) {
    for (std::string const k : {"0", "4", "-1", "+1", "01", "1.5", "some", "ALL", "18446744073709551617"})
        malformed(three + "group g " + k + " a b c\nquorum g\n", "not from 1 to");
}

// "At least one member must be listed", "Each defined name can be listed as a group member at most once."
TEST(TrustPolicy, members_are_listed_once_and_at_least_one) {
    malformed(three + "group g any\nquorum g\n", "group NAME");
    malformed(three + "group g 2 a a\nquorum g\n", "a member twice: a");
    malformed(three + "group g any a\ngroup h any a b\nquorum h\n", "a member twice: a");
}

TEST(TrustPolicy, groups_of_groups_are_refused_by_name) {
    malformed(three + "group g any a b\ngroup h all g c\nquorum h\n", "a group in a group is not supported: g");
}

TEST(TrustPolicy, unknown_lines_and_items_too_many_are_refused) {
    malformed("logs x\nquorum none\n", "no such line: logs");
    malformed("Quorum none\n", "no such line");
    malformed("log\nquorum none\n", "log VKEY");
    malformed("log " + log_signer().key().vkey() + " https://log.example extra\nquorum none\n", "log VKEY");
    malformed("witness a\nquorum none\n", "witness NAME");
    malformed("witness a " + witness_signer().key().vkey() + " https://w.example extra\nquorum a\n", "witness NAME");
    malformed(log_line + "quorum none # so far\n", "quorum NAME");
}

// "The only allowed control characters are tab and newline".
TEST(TrustPolicy, control_characters_are_refused_even_in_comments) {
    for (char const c : {'\0', '\r', '\x01', '\x1f', '\x7f', '\v'}) malformed("# " + std::string(1, c) + "\nquorum none\n", "control");
}

TEST(TrustPolicy, a_policy_beyond_64_kib_or_a_hundred_keys_is_refused) {
    malformed("#" + std::string(64 * 1024, ' ') + "\nquorum none\n", "too long");
    std::string text;
    for (int i = 0; i < 100; ++i) text += "log " + log_signer("l" + std::to_string(i)).key().vkey() + "\n";
    EXPECT_EQ(TrustPolicy::parse(text + "quorum none\n").value().logs.size(), 100u);
    malformed(text + log_line + "quorum none\n", "line 101: too many");
}

TEST(TrustPolicy, quorum_none_asks_for_no_witness) {
    auto const policy = TrustPolicy::parse(log_line + three + "quorum none\n").value();
    EXPECT_EQ(names(policy.logs), std::vector<std::string>{"log.example/audit"});
    EXPECT_EQ(policy.quorum, 0u);
    EXPECT_TRUE(policy.witnesses.empty());
}

TEST(TrustPolicy, a_single_witness_may_be_the_quorum_and_no_other_counts_then) {
    auto const policy = TrustPolicy::parse(log_line + three + "quorum b\n").value();
    EXPECT_EQ(names(policy.witnesses), std::vector<std::string>{"b.example"});
    EXPECT_EQ(policy.quorum, 1u);
    auto const by = [&](std::string const& name) {
        return verify_checkpoint(signed_by({"log.example/audit", 1, {}}, {log_signer(), witness_signer(name)}), policy).ok();
    };
    EXPECT_TRUE(by("b.example"));
    EXPECT_FALSE(by("a.example"));
}

TEST(TrustPolicy, all_any_and_a_number_say_how_many_of_the_group) {
    auto const quorum = [](std::string const& k) {
        auto const policy = TrustPolicy::parse(log_line + three + witness_line("d") + "group g " + k + " a b c\nquorum g\n").value();
        EXPECT_EQ(names(policy.witnesses), (std::vector<std::string>{"a.example", "b.example", "c.example"}));  // d has no voice
        return policy.quorum;
    };
    EXPECT_EQ(quorum("any"), 1u);
    EXPECT_EQ(quorum("2"), 2u);
    EXPECT_EQ(quorum("3"), 3u);
    EXPECT_EQ(quorum("all"), 3u);
}

// "Leading and trailing whitespace is allowed. Empty lines (whitespace only) and comment lines (lines starting with "#", possibly preceded
// by whitespace) are allowed and ignored."
TEST(TrustPolicy, blanks_comments_addresses_and_a_missing_last_newline_change_nothing) {
    auto const vkey = witness_signer("a.example").key().vkey();
    auto const policy = TrustPolicy::parse("# ours\n\n \t\n\t# more \xff\n  log\t" + log_signer().key().vkey() +
                                           "  https://log.example/audit \nwitness \xc3\xa9 " + vkey + " https://a.example\n" +
                                           " quorum \xc3\xa9")
                            .value();
    EXPECT_EQ(policy.logs.size(), 1u);
    EXPECT_EQ(names(policy.witnesses), std::vector<std::string>{"a.example"});
    EXPECT_EQ(policy.quorum, 1u);
}

TEST(TrustPolicy, lines_may_stand_in_any_order_that_defines_before_it_uses) {
    auto const policy = TrustPolicy::parse(three + "group g 2 a b c\nquorum g\n" + witness_line("d") + log_line).value();
    EXPECT_EQ(policy.logs.size(), 1u);
    EXPECT_EQ(policy.quorum, 2u);
    EXPECT_EQ(policy.witnesses.size(), 3u);
}

// "An application where the appropriate log(s) are known from other context may accept a policy with an empty set of logs."
TEST(TrustPolicy, a_policy_without_logs_is_read_and_vouches_for_none) {
    auto const policy = TrustPolicy::parse("quorum none\n").value();
    EXPECT_TRUE(policy.logs.empty());
    EXPECT_FALSE(verify_checkpoint(signed_by({"log.example/audit", 1, {}}, {log_signer()}), policy).ok());
}

}  // namespace
}  // namespace zephyr::tlog
