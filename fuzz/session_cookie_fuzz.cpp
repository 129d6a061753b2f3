// Session cookies from hostile clients: whatever the bytes, only the cookie that was issued opens the session it was issued for, and the
// content of a cookie is read without trust even when its seal is right.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "sessions/session_copy.h"
#include "zephyr/audit/audit_log.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/sessions/sealed_cookie_store.h"
#include "zephyr/sessions/session_service.h"
#include "zephyr/stack.h"

namespace {

using namespace zephyr;

class CountingRandom final : public Random {
public:
    void fill(std::span<std::byte> out) override {
        for (auto& byte : out) byte = static_cast<std::byte>(next_ = next_ * 1664525 + 1013904223);
    }

private:
    std::uint32_t next_ = 1;
};

class FixedClock final : public Clock {
public:
    TimePoint now() const override { return from_millis(1'767'225'600'000); }
    MonotonicTime monotonic() const override { return {}; }
};

std::unique_ptr<storage::Database> database(Clock const& clock) {
    auto opened = storage::open_sqlite({.path = ":memory:"});
    if (!storage::migrate(*opened, schema_migrations(), clock).ok()) std::abort();
    return opened;
}

struct World {
    FixedClock clock;
    CountingRandom random;
    std::unique_ptr<storage::Database> store = database(clock);
    crypto::Sealer sealer{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    audit::AuditLog audit{*store, sealer, clock, random};
    sessions::SqlSessionStore table{*store, sealer};
    sessions::SealedCookieStore cookies{table, sealer};
    sessions::SessionService with_content{cookies, *store, audit, clock, random, {}};
    std::unique_ptr<storage::Database> other_store = database(clock);
    sessions::SqlSessionStore other_table{*other_store, sealer};
    audit::AuditLog other_audit{*other_store, sealer, clock, random};
    sessions::SessionService without{other_table, *other_store, other_audit, clock, random, {}};
    sessions::NewSession const wanted{.user = UserId::make(clock.now(), random),
                                      .factors = {{"pwd", clock.now()}},
                                      .pending = "mfa.required",
                                      .remember = false,
                                      .origin = {.address = "192.0.2.1", .user_agent = "fuzz", .request_id = {}, .session_ref = {}}};
    sessions::IssuedSession const sealed = with_content.start(wanted).value();
    sessions::IssuedSession const plain = without.start(wanted).value();
};

void present(World& world, std::string const& cookie) {
    if (world.with_content.find(SecretText{cookie}).ok() != (cookie == world.sealed.token.reveal())) std::abort();
    if (world.without.find(SecretText{cookie}).ok() != (cookie == world.plain.token.reveal())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    static World world;
    std::string const text{reinterpret_cast<char const*>(data), size};
    auto const token = world.sealed.token.reveal().substr(0, 43);
    present(world, text);
    present(world, token + text);
    present(world, token + "." + text);
    present(world, world.sealed.token.reveal() + text);
    present(world, world.plain.token.reveal() + text);

    // Behind a seal that is right, too: it may come from another version of ours.
    auto const hash = crypto::sha256(as_bytes(token));
    auto const standing = world.table.standing(hash).value();
    auto const place = standing.ref.str() + "/" + encoding::base64url_encode(hash);
    auto const opened =
        sessions::open_copy(world.sealer, "cookie", hash, standing, world.sealer.seal({"session_copy", place, "cookie"}, as_bytes(text)));
    if (opened && (opened->ref != standing.ref || opened->user != standing.user || opened->pending != standing.pending ||
                   opened->expires_at != standing.expires_at)) {
        std::abort();
    }
    return 0;
}
