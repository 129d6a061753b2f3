// What others say of a log's checkpoints, and a key that is changed wrongly, must not make the log unreadable.
#include "tlog/log_fixture.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/tlog/verify.h"

namespace zephyr::tlog {
namespace {

class LogSignaturesTest : public LogTest {
protected:
    LogSignaturesTest() : writer{open()} {
        append(*writer, 0, 3);
        last = writer->checkpoint().value();
    }
    // Whole, and signed by the log, once it is stopped.
    void expect_authentic() {
        writer->stop();
        auto const report = verify_log(folder, {.trust = {{log_signer().key()}, {}, 0}});
        EXPECT_EQ(report.verdict, VerifyReport::Verdict::authenticated);
        for (auto const& finding : report.findings) ADD_FAILURE() << finding.what;
    }

    std::unique_ptr<LogWriter> writer;
    SignedCheckpoint last;
};

TEST_F(LogSignaturesTest, a_witness_cannot_replace_the_logs_own_signature) {
    auto forged = last.note.signatures.front();
    forged.bytes.back() ^= std::byte{1};
    EXPECT_FALSE(writer->add_cosignatures(last.checkpoint, {forged}));
    EXPECT_FALSE(writer->add_cosignatures(last.checkpoint, {witness_signer().sign(last.note.text, clock.now()), forged}));
    EXPECT_TRUE(verify_note(writer->last_checkpoint().note, log_signer().key()).ok());
    expect_authentic();
}

TEST_F(LogSignaturesTest, more_signatures_than_a_note_can_bear_are_not_kept) {
    std::vector<NoteSignature> many;
    for (int i = 0; i < 100; ++i) many.push_back({"witness" + std::to_string(i), 7, Bytes(72)});
    EXPECT_FALSE(writer->add_cosignatures(last.checkpoint, many)) << "with the log's they are 101";
    EXPECT_FALSE(writer->add_cosignatures(last.checkpoint, {{"witness", 7, Bytes(64 * 1024)}})) << "above 64 KiB";
    EXPECT_FALSE(writer->add_cosignatures(last.checkpoint, {{"no name", 7, Bytes(72)}}));
    EXPECT_EQ(writer->last_checkpoint().note.str(), last.note.str());
    expect_authentic();
}

TEST_F(LogSignaturesTest, a_witness_that_signs_again_is_kept_once_with_its_later_time) {
    auto const witness = witness_signer();
    ASSERT_TRUE(writer->add_cosignatures(last.checkpoint, {witness.sign(last.note.text, clock.now())}));
    clock.advance(std::chrono::seconds{5});
    ASSERT_TRUE(writer->add_cosignatures(last.checkpoint, {witness.sign(last.note.text, clock.now())}));
    auto const note = writer->last_checkpoint().note;
    EXPECT_EQ(note.signatures.size(), 2u);
    EXPECT_EQ(verify_note(note, witness.key()).value().time, clock.now());
    EXPECT_TRUE(Note::parse(note.str()).ok());
    expect_authentic();
}

TEST_F(LogSignaturesTest, a_cosigned_copy_does_not_hide_the_next_keys_signature) {
    auto const witness = witness_signer();
    ASSERT_TRUE(writer->add_cosignatures(last.checkpoint, {witness.sign(last.note.text, clock.now())}));
    NoteSigner const next{settings().origin, KeyKind::ed25519, crypto::SigningKey::generate(crypto::SignatureAlgorithm::ed25519)};
    ASSERT_TRUE(writer->change_key(next).ok());
    writer->stop();
    auto const expect_all = [&](SignedCheckpoint const& checkpoint) {
        EXPECT_EQ(checkpoint.checkpoint, last.checkpoint);
        for (auto const& key : {log_signer().key(), next.key(), witness.key()}) EXPECT_TRUE(verify_note(checkpoint.note, key).ok()) << key.name();
    };
    expect_all(reader()->last_checkpoint().value());
    expect_all(reader()->prove(0).value().checkpoint);
    writer = LogWriter::open(settings(), next, clock, log).value();
    expect_all(writer->last_checkpoint());
}

TEST_F(LogSignaturesTest, a_key_cannot_be_changed_to_itself) {
    // A note with two signatures of one key does not read, and so the log would not open any more.
    EXPECT_THROW((void)writer->change_key(log_signer()), Fault);
    append(*writer, 3, 4);
    expect_authentic();
    EXPECT_TRUE(try_open(settings()).ok());
}

TEST_F(LogSignaturesTest, the_logs_signature_does_not_count_as_a_witnesss) {
    ASSERT_TRUE(writer->add_cosignatures(last.checkpoint, {{"stranger", 7, Bytes(72)}}));
    writer->stop();
    auto const report = verify_log(folder, {.trust = {{log_signer().key()}, {log_signer().key()}, 1}});
    EXPECT_EQ(report.verdict, VerifyReport::Verdict::not_witnessed);
}

}  // namespace
}  // namespace zephyr::tlog
