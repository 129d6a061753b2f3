// The witness of C2SP tlog-witness: every answer it may give, and that nothing makes it sign two histories.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "testing/databases.h"
#include "testing/manual_clock.h"
#include "tlog/memory_tree.h"
#include "tlog/note_keys.h"
#include "zephyr/foundation/durable_file.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/tlog/witness.h"

namespace {

namespace fs = std::filesystem;
using namespace zephyr;
using namespace zephyr::tlog;

class WitnessTest : public ::testing::Test {
protected:
    std::unique_ptr<Witness> witness(std::vector<NoteKey> logs = {log_signer().key()}) {
        return std::make_unique<Witness>(folder.path(), witness_signer(), std::move(logs), clock);
    }
    static SignedCheckpoint checkpoint(MemoryTree const& tree, std::uint64_t size, NoteSigner const& signer = log_signer()) {
        return signed_by({signer.key().name(), size, tree.root(size)}, {signer});
    }
    // What a log sends to get from one size to the next.
    static AddCheckpoint step(MemoryTree const& tree, std::uint64_t from, std::uint64_t to) {
        return {from, from == 0 || from == to ? HashList{} : tree.subproof(from, 0, to), checkpoint(tree, to)};
    }
    fs::path state_file() const {
        for (auto const& file : fs::directory_iterator{folder.path()}) return file.path();
        return {};
    }

    zephyr::testing::TemporaryFolder folder;
    zephyr::testing::ManualClock clock;
    MemoryTree const tree{40};
};

TEST_F(WitnessTest, ItSignsWhatContinuesWhatItSigned) {
    auto const one = witness();
    for (auto const& [from, to] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{{0, 1}, {1, 8}, {8, 8}, {8, 23}, {23, 40}}) {
        auto const asked = step(tree, from, to);
        auto const reply = one->add_checkpoint(asked.str());
        ASSERT_EQ(reply.status, 200) << from << " to " << to << ": " << reply.body;
        auto const lines = parse_signature_lines(reply.body);
        ASSERT_TRUE(lines.ok());
        auto const signed_at = verify_note({asked.checkpoint.note.text, lines.value()}, witness_signer().key());
        ASSERT_TRUE(signed_at.ok());
        EXPECT_EQ(signed_at.value().time, clock.now());
        EXPECT_EQ(one->last().at("log.example/audit").checkpoint.size, to);
    }
}

// "If the checkpoint origin is unknown, the witness MUST respond with a "404 Not Found" HTTP status code."
TEST_F(WitnessTest, AnUnknownLogIsNotFound) {
    auto const asked = AddCheckpoint{0, {}, checkpoint(tree, 3, log_signer("other.example/log"))};
    EXPECT_EQ(witness()->add_checkpoint(asked.str()).status, 404);
}

// "If none of the signatures verify against a trusted public key, the witness MUST respond with a "403 Forbidden" HTTP status code."
TEST_F(WitnessTest, ACheckpointThatNoTrustedKeySignedIsForbidden) {
    auto const one = witness();
    NoteSigner const stranger{"log.example/audit", KeyKind::ed25519, key_named("a stranger")};
    EXPECT_EQ(one->add_checkpoint(AddCheckpoint{0, {}, checkpoint(tree, 3, stranger)}.str()).status, 403);
    auto wrong = checkpoint(tree, 3);
    wrong.note.signatures[0].bytes[5] ^= std::byte{1};
    EXPECT_EQ(one->add_checkpoint(AddCheckpoint{0, {}, wrong}.str()).status, 403);
    auto other_text = checkpoint(tree, 3);
    other_text.note.text = checkpoint(tree, 4).note.text;
    EXPECT_EQ(one->add_checkpoint(AddCheckpoint{0, {}, other_text}.str()).status, 403);
    // "it MUST ignore signatures from unknown keys"
    auto both = checkpoint(tree, 3);
    both.note.signatures.push_back(stranger.sign(both.note.text, {}));
    EXPECT_EQ(one->add_checkpoint(AddCheckpoint{0, {}, both}.str()).status, 200);
}

// "The old size MUST be equal to or lower than the checkpoint size. Otherwise, the witness MUST respond with a "400 Bad Request"".
TEST_F(WitnessTest, AnOldSizeAboveTheNewIsABadRequest) {
    EXPECT_EQ(witness()->add_checkpoint(AddCheckpoint{4, {}, checkpoint(tree, 3)}.str()).status, 400);
}

TEST_F(WitnessTest, WhatIsNoRequestIsABadRequest) {
    auto const one = witness();
    auto const good = step(tree, 0, 3).str();
    for (auto const& body : {std::string{}, std::string{"old 0\n"}, good.substr(0, good.size() - 1), good.substr(4), "old 00" + good.substr(5), "old -1" + good.substr(5),
                             "old 0 " + good.substr(5), "Old" + good.substr(3), "old 0\nAAAA\n" + good.substr(6), good + "x", "old 0\r\n" + good.substr(6)}) {
        EXPECT_EQ(one->add_checkpoint(body).status, 400) << body;
    }
    // "The client MUST NOT send more than 63 consistency proof lines."
    AddCheckpoint long_proof{0, HashList(64), checkpoint(tree, 3)};
    EXPECT_EQ(one->add_checkpoint(long_proof.str()).status, 400);
    EXPECT_TRUE(one->last().empty());
}

// "If it doesn't match, the witness MUST respond with a "409 Conflict" [...] The response body MUST consist of the tree size of the latest
// cosigned checkpoint in decimal, followed by a newline (U+000A). The response MUST have a `Content-Type` of `text/x.tlog.size`."
TEST_F(WitnessTest, AnotherOldSizeThanTheLastIsAConflictThatTellsIt) {
    auto const one = witness();
    ASSERT_EQ(one->add_checkpoint(step(tree, 0, 8).str()).status, 200);
    for (std::uint64_t const from : {0u, 7u, 9u}) {
        auto const reply = one->add_checkpoint(step(tree, from, 23).str());
        EXPECT_EQ(reply.status, 409);
        EXPECT_EQ(reply.content_type, "text/x.tlog.size");
        EXPECT_EQ(reply.body, "8\n");
    }
    auto const fresh = one->add_checkpoint(step(tree, 3, 3).str());  // a roll-back
    EXPECT_EQ(fresh.status, 409);
    EXPECT_EQ(fresh.body, "8\n");
    EXPECT_EQ(one->last().at("log.example/audit").checkpoint.size, 8u);
}

// "If the old size matches the checkpoint size, the witness MUST check that the root hashes are also identical. If they don't match, the
// witness MUST respond with a "409 Conflict" HTTP status code."
TEST_F(WitnessTest, AnotherRootAtTheSameSizeIsAConflict) {
    auto const one = witness();
    ASSERT_EQ(one->add_checkpoint(step(tree, 0, 8).str()).status, 200);
    auto const forked = signed_by({"log.example/audit", 8, tree.root(9)}, {log_signer()});
    EXPECT_EQ(one->add_checkpoint(AddCheckpoint{8, {}, forked}.str()).status, 409);
}

// "The proof MUST be empty if the old size is zero. If the Merkle Consistency Proof doesn't verify, the witness MUST respond with a "422
// Unprocessable Entity" HTTP status code."
TEST_F(WitnessTest, AWrongProofIsUnprocessable) {
    auto const one = witness();
    EXPECT_EQ(one->add_checkpoint(AddCheckpoint{0, HashList(1), checkpoint(tree, 8)}.str()).status, 422);
    auto const no_empty_tree = signed_by({"log.example/audit", 0, tree.root(1)}, {log_signer()});
    EXPECT_EQ(one->add_checkpoint(AddCheckpoint{0, {}, no_empty_tree}.str()).status, 422);
    ASSERT_EQ(one->add_checkpoint(step(tree, 0, 8).str()).status, 200);
    auto wrong = step(tree, 8, 23);
    wrong.proof[1][0] ^= std::byte{1};
    EXPECT_EQ(one->add_checkpoint(wrong.str()).status, 422);
    auto longer = step(tree, 8, 23);
    longer.proof.push_back(longer.proof.back());
    EXPECT_EQ(one->add_checkpoint(longer.str()).status, 422);
    auto none = step(tree, 8, 23);
    none.proof.clear();
    EXPECT_EQ(one->add_checkpoint(none.str()).status, 422);
    EXPECT_EQ(one->add_checkpoint(AddCheckpoint{8, HashList(1), checkpoint(tree, 8)}.str()).status, 422);
    EXPECT_EQ(one->last().at("log.example/audit").checkpoint.size, 8u);
}

TEST_F(WitnessTest, ItRemembersOverARestart) {
    ASSERT_EQ(witness()->add_checkpoint(step(tree, 0, 23).str()).status, 200);
    auto const again = witness();
    EXPECT_EQ(again->add_checkpoint(step(tree, 0, 8).str()).body, "23\n");
    EXPECT_EQ(again->add_checkpoint(step(tree, 23, 40).str()).status, 200);
    // A log that was not trusted for a while is not forgotten.
    EXPECT_EQ(witness({})->last().at("log.example/audit").checkpoint.size, 40u);
    EXPECT_EQ(witness({})->add_checkpoint(step(tree, 40, 40).str()).status, 404);
}

TEST_F(WitnessTest, EitherKeyOfALogIsGoodAndOneListedTwiceIsOne) {
    NoteSigner const next{"log.example/audit", KeyKind::ed25519, key_named("next")};
    {
        auto const one = witness({log_signer().key(), log_signer().key(), next.key()});
        ASSERT_EQ(one->add_checkpoint(step(tree, 0, 8).str()).status, 200);
        auto both = step(tree, 8, 23);
        both.checkpoint = signed_by(both.checkpoint.checkpoint, {log_signer(), next});
        ASSERT_EQ(one->add_checkpoint(both.str()).status, 200);
        auto later = step(tree, 23, 40);
        later.checkpoint = signed_by(later.checkpoint.checkpoint, {next});
        EXPECT_EQ(one->add_checkpoint(later.str()).status, 200);
    }
    EXPECT_EQ(witness()->last().at("log.example/audit").checkpoint.size, 40u);
}

// What it must remember has to fit where it is kept: or the next start could not read it.
TEST_F(WitnessTest, ACheckpointTooLargeToRememberIsRefusedBeforeItIsSigned) {
    Checkpoint large{"log.example/audit", 8, tree.root(8)};
    large.extensions.push_back(std::string(65'536 - large.text().size() - 115, 'x'));
    auto const asked = AddCheckpoint{0, {}, signed_by(large, {log_signer()})};
    auto const reply = witness()->add_checkpoint(asked.str());
    EXPECT_EQ(reply.status, 400);
    EXPECT_TRUE(witness()->last().empty());
}

TEST_F(WitnessTest, DamagedMemoryRefusesToStart) {
    ASSERT_EQ(witness()->add_checkpoint(step(tree, 0, 23).str()).status, 200);
    auto const file = state_file();
    auto const good = read_small_file(file, 1 << 20).value();
    for (std::size_t at = 0; at < good.size(); ++at) {
        auto bad = good;
        bad[at] ^= std::byte{1};
        replace_file(file, bad);
        EXPECT_THROW(witness(), Fault) << "byte " << at;
    }
    for (std::size_t size = 0; size < good.size(); size += 17) {
        replace_file(file, ByteView{good}.first(size));
        EXPECT_THROW(witness(), Fault) << "cut at " << size;
    }
    // Another log's memory under this one's name.
    fs::rename(file, file.parent_path() / (std::string(64, '0') + ".last"));
    replace_file(file.parent_path() / (std::string(64, '0') + ".last"), good);
    EXPECT_THROW(witness(), Fault);
}

TEST_F(WitnessTest, WhatCannotBeKeptIsNotSigned) {
    auto const one = witness();
    ASSERT_EQ(one->add_checkpoint(step(tree, 0, 8).str()).status, 200);
    auto const away = folder.path().string() + "-away";
    fs::rename(folder.path(), away);
    EXPECT_THROW(one->add_checkpoint(step(tree, 8, 23).str()), StorageFault);
    fs::rename(away, folder.path());
    EXPECT_EQ(one->last().at("log.example/audit").checkpoint.size, 8u);
    EXPECT_EQ(one->add_checkpoint(step(tree, 8, 23).str()).status, 200);
}

// Two histories that part after entry 8, from 64 threads at once: one wins, and no other is ever signed.
TEST_F(WitnessTest, OfTwoForksExactlyOneIsSigned) {
    MemoryTree other{8};
    for (int i = 0; i < 32; ++i) other.append("other " + std::to_string(i));
    for (int round = 0; round < 5; ++round) {
        zephyr::testing::TemporaryFolder const fresh;
        Witness one{fresh.path(), witness_signer(), {log_signer().key()}, clock};
        ASSERT_EQ(one.add_checkpoint(step(tree, 0, 8).str()).status, 200);
        std::atomic<int> ours{0}, theirs{0}, refused{0};
        std::vector<std::thread> threads;
        for (int number = 0; number < 64; ++number) {
            threads.emplace_back([&, number] {
                bool const first = number % 2 == 0;
                auto const status = one.add_checkpoint(step(first ? tree : other, 8, 23).str()).status;
                ++(status != 200 ? refused : first ? ours : theirs);
            });
        }
        for (auto& thread : threads) thread.join();
        EXPECT_EQ(ours + theirs, 1);
        EXPECT_EQ(refused, 63);
        auto const root = Witness{fresh.path(), witness_signer(), {}, clock}.last().at("log.example/audit").checkpoint.root;
        EXPECT_EQ(root, (ours == 1 ? tree : other).root(23));
    }
}

// Killed when it has written and before it has answered: the log comes again, hears 409 and its size, and goes on from there.
TEST_F(WitnessTest, KilledBetweenKeepingAndAnsweringItSignsNothingElse) {
    auto const child = ::fork();
    if (child == 0) {
        auto const reply = witness()->add_checkpoint(step(tree, 0, 23).str());
        ::_exit(reply.status == 200 ? 0 : 1);  // the reply never leaves
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_EQ(status, 0);
    auto const one = witness();
    auto const reply = one->add_checkpoint(step(tree, 0, 8).str());
    EXPECT_EQ(reply.status, 409);
    EXPECT_EQ(reply.body, "23\n");
    EXPECT_EQ(one->add_checkpoint(step(tree, 23, 23).str()).status, 200);
}

TEST_F(WitnessTest, HalfAFileOfACrashIsOverlooked) {
    ASSERT_EQ(witness()->add_checkpoint(step(tree, 0, 23).str()).status, 200);
    replace_file(folder.path() / (".x.last.1-1.new"), as_bytes("half"));
    EXPECT_EQ(witness()->last().size(), 1u);
}

TEST(WitnessKeys, OnlyACosignatureKeyIsAWitnesssAndOnlyALogsKeyIsALogs) {
    zephyr::testing::TemporaryFolder const folder;
    zephyr::testing::ManualClock const clock;
    EXPECT_THROW((Witness{folder.path(), log_signer(), {}, clock}), Fault);
    EXPECT_THROW((Witness{folder.path(), witness_signer(), {witness_signer().key()}, clock}), Fault);
    EXPECT_THROW((Witness{folder.path() / "none", witness_signer(), {}, clock}), StorageFault);
}

}  // namespace
