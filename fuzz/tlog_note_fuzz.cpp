// A note, a checkpoint or a verifier key that reads has one spelling, and bears no signature of a key that never signed.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "zephyr/tlog/checkpoint.h"

namespace {

using namespace zephyr;

void require(bool fine) {
    if (!fine) std::abort();
}

tlog::NoteSigner const& stranger() {
    static tlog::NoteSigner const signer{"stranger.example", tlog::KeyKind::ed25519,
                                         crypto::SigningKey::generate(crypto::SignatureAlgorithm::ed25519)};
    return signer;
}

void one_spelling(std::string_view text, tlog::Note const& note) {
    require(note.str() == text);
    require(note.text.ends_with('\n') && !note.signatures.empty() && note.signatures.size() <= 100);
    require(!tlog::verify_note(note, stranger().key()).ok());
    // Whatever was read can be signed by one more, and still reads.
    auto more = note;
    more.signatures.back() = stranger().sign(note.text, {});
    auto const again = tlog::Note::parse(more.str());
    if (!again.ok()) return;  // beyond the limit of bytes, if the last signature was shorter
    require(again.value().text == note.text && tlog::verify_note(again.value(), stranger().key()).ok());
}

void is_its_text(tlog::Checkpoint const& checkpoint, std::string_view text) {
    require(checkpoint.text() == text && tlog::Checkpoint::parse(text).value() == checkpoint);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text{reinterpret_cast<char const*>(data), size};
    auto const note = tlog::Note::parse(text);
    if (note.ok()) one_spelling(text, note.value());
    auto const signed_checkpoint = tlog::SignedCheckpoint::parse(text);
    if (signed_checkpoint.ok()) {
        require(note.ok());
        is_its_text(signed_checkpoint.value().checkpoint, note.value().text);
        require(!tlog::verify_checkpoint(signed_checkpoint.value(), {{stranger().key()}, {}, 0}).ok());
    }
    if (auto const checkpoint = tlog::Checkpoint::parse(text); checkpoint.ok()) is_its_text(checkpoint.value(), text);
    if (auto const key = tlog::NoteKey::parse(text); key.ok()) require(key.value().vkey() == text);
    if (auto const lines = tlog::parse_signature_lines(text); lines.ok()) {
        std::string written;
        for (auto const& line : lines.value()) written += tlog::signature_line(line);
        require(written == text);
    }
    return 0;
}
