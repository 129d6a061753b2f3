// A factor of one's own: the sign-in shows a number, the person types it into an app on their phone, and the phone signs it.
//
// "Approve?" alone proves nothing about who is asked (NIST SP 800-63B-4, 3.1.3): the number is the secret that travels from the screen to the
// phone, and the signature says which phone. Behind FactorProvider it is asked for, counted and recorded like every other factor.
#pragma once

#include <zephyr/audit/audit_log.h>
#include <zephyr/audit/codes.h>
#include <zephyr/crypto/signatures.h>
#include <zephyr/encoding/hex.h>
#include <zephyr/mfa/attempts.h>
#include <zephyr/mfa/factor.h>
#include <zephyr/mfa/totp_service.h>

namespace push {

using namespace zephyr;

namespace errors {
// The phone has not answered yet: no guess, so nothing is counted.
inline constexpr Failure waiting{Kind::conflict, "push.waiting"};
// Nobody asked this, too late, answered already, or not signed by the phone it was sent to.
inline constexpr Failure answer_refused{Kind::denied, "push.answer_refused"};
}  // namespace errors

inline constexpr mfa::FactorKind kind{.name = "push", .proves = "push", .amr = "swk", .strength = mfa::strength::totp, .delivered = true};

class PushFactor final : public mfa::FactorProvider {
public:
    static constexpr std::chrono::seconds lifetime{60};

    PushFactor(storage::Database& database, audit::AuditLog& audit, mfa::Attempts const& attempts, Clock const& clock, Random& random)
        : database_{database}, audit_{audit}, attempts_{attempts}, clock_{clock}, random_{random} {
        database_.write([](storage::Transaction& tx) {
            tx.run("CREATE TABLE IF NOT EXISTS push_phone (id TEXT PRIMARY KEY, user_id TEXT NOT NULL, name TEXT NOT NULL, "
                   "public_key TEXT NOT NULL, confirmed_at BIGINT NOT NULL, last_used_at BIGINT)");
            tx.run("CREATE TABLE IF NOT EXISTS push_request (id TEXT PRIMARY KEY, user_id TEXT NOT NULL, session_ref TEXT NOT NULL UNIQUE, "
                   "phone_id TEXT NOT NULL, number TEXT NOT NULL, created_at BIGINT NOT NULL, answer TEXT)");
        });
    }

    mfa::FactorKind const& kind() const override { return push::kind; }

    // Called by the route where a phone is paired: the proof says that the person was asked again just now.
    FactorId pair(mfa::FreshProof const& proof, std::string_view name, crypto::VerifyKey const& phone) {
        auto const id = FactorId::make(clock_.now(), random_);
        database_.write([&](storage::Transaction& tx) {
            tx.run("INSERT INTO push_phone (id, user_id, name, public_key, confirmed_at) VALUES ($1, $2, $3, $4, $5)", id.str(),
                   proof.user().str(), name, encoding::hex_encode(phone.spki_der()), clock_.now());
            record(tx, audit::codes::mfa_enrolled, proof.user(), {}, id.str());
        });
        return id;
    }

    // A new question for this session, in place of the one before. `to` is what the page shows: the number to type into the phone.
    Result<mfa::SentCode> send(UserId const& user, SessionRef const& session, std::optional<FactorId> const&, audit::Origin const&) override {
        auto const number = two_digits();
        auto const id = FactorId::make(clock_.now(), random_).str();
        return database_.write([&](storage::Transaction& tx) -> Result<mfa::SentCode> {
            auto const phone = tx.row("SELECT id FROM push_phone WHERE user_id = $1 ORDER BY confirmed_at DESC LIMIT 1", user.str());
            if (!phone) return mfa::errors::not_enrolled;
            tx.run("DELETE FROM push_request WHERE session_ref = $1", session.str());
            tx.run("INSERT INTO push_request (id, user_id, session_ref, phone_id, number, created_at) VALUES ($1, $2, $3, $4, $5, $6)", id,
                   user.str(), session.str(), phone->text(0), number, clock_.now());
            return mfa::SentCode{.to = number, .expires_in = lifetime};
        });
    }

    // What a phone fetches: the open questions for it, without their numbers.
    std::vector<std::string> questions(FactorId const& phone) {
        return database_.read([&](storage::Transaction& tx) {
            std::vector<std::string> ids;
            for (auto const& row : tx.rows("SELECT id FROM push_request WHERE phone_id = $1 AND answer IS NULL AND created_at > $2", phone.str(),
                                           clock_.now() - lifetime))
                ids.push_back(row.text(0));
            return ids;
        });
    }

    // The phone's answer: the number typed there, and its signature over "question|number".
    Result<void> answer(std::string_view question, std::string_view number, ByteView signature) {
        return database_.write([&](storage::Transaction& tx) -> Result<void> {
            auto const key = tx.row("SELECT p.public_key FROM push_request r JOIN push_phone p ON p.id = r.phone_id WHERE r.id = $1", question);
            if (!key) return errors::answer_refused;
            ZEPHYR_TRY(auto const der, encoding::hex_decode(key->text(0)));
            ZEPHYR_TRY(auto const phone, crypto::VerifyKey::from_spki_der(crypto::SignatureAlgorithm::ed25519, der));
            auto const said = std::string{question} + "|" + std::string{number};
            if (!phone.verify(as_bytes(said), signature).ok()) return errors::answer_refused;
            auto const taken = tx.run("UPDATE push_request SET answer = $1 WHERE id = $2 AND answer IS NULL AND created_at > $3", number, question,
                                      clock_.now() - lifetime);
            return taken == 1 ? success() : Result<void>{errors::answer_refused};
        });
    }

    // The page asks whether the phone has answered; there is nothing to type.
    Result<mfa::VerifiedFactor> verify(storage::Transaction& tx, mfa::Presented const& asked) override {
        if (auto closed = attempts_.blocked(tx, asked, kind())) return *std::move(closed);
        auto const request = tx.row("SELECT number, answer, created_at, phone_id FROM push_request WHERE session_ref = $1 AND user_id = $2",
                                    asked.session.str(), asked.user.str());
        if (!request) return mfa::errors::not_enrolled;
        auto const now = clock_.now();
        if (now >= request->time(2) + lifetime) return mfa::errors::code_expired;
        auto const answered = request->optional_text(1);
        if (!answered) return errors::waiting;
        // Deleting it is using it up: of two callers one gets 0 rows.
        if (tx.run("DELETE FROM push_request WHERE session_ref = $1 AND user_id = $2", asked.session.str(), asked.user.str()) != 1)
            return mfa::errors::code_reused;
        auto const phone = FactorId::trusted(request->text(3));
        if (*answered != request->text(0)) {
            attempts_.failed(tx, asked, kind());
            record(tx, audit::codes::mfa_refused, asked.user, asked.origin, phone.str());
            return mfa::errors::wrong_code;
        }
        attempts_.passed(tx, asked, kind());
        tx.run("UPDATE push_phone SET last_used_at = $1 WHERE id = $2", now, phone.str());
        record(tx, audit::codes::mfa_verified, asked.user, asked.origin, phone.str());
        return proof(asked.user, phone, now);
    }

    std::vector<mfa::FactorSummary> list(storage::Transaction& tx, UserId const& user) override {
        std::vector<mfa::FactorSummary> out;
        for (auto const& row : tx.rows("SELECT id, name, confirmed_at, last_used_at FROM push_phone WHERE user_id = $1 ORDER BY id", user.str()))
            out.push_back({FactorId::trusted(row.text(0)), &push::kind, row.text(1), row.time(2), row.optional_time(3)});
        return out;
    }

    Result<void> remove(storage::Transaction& tx, UserId const& user, FactorId const& phone, audit::Actor const&, audit::Origin const& origin) override {
        if (tx.run("DELETE FROM push_phone WHERE id = $1 AND user_id = $2", phone.str(), user.str()) == 0) return mfa::errors::device_not_found;
        tx.run("DELETE FROM push_request WHERE phone_id = $1", phone.str());
        record(tx, audit::codes::mfa_removed, user, origin, phone.str());
        return success();
    }

    std::int64_t remove_all(storage::Transaction& tx, UserId const& user) override {
        tx.run("DELETE FROM push_request WHERE user_id = $1", user.str());
        return tx.run("DELETE FROM push_phone WHERE user_id = $1", user.str());
    }

private:
    // 00 to 99; bytes from 200 up are drawn again, so that no number is likelier than another.
    std::string two_digits() {
        for (;;) {
            auto const drawn = std::to_integer<int>(random_.bytes(1).front());
            if (drawn >= 200) continue;
            return {static_cast<char>('0' + drawn / 10 % 10), static_cast<char>('0' + drawn % 10)};
        }
    }

    void record(storage::Transaction& tx, std::string_view code, UserId const& user, audit::Origin const& origin, std::string const& phone) {
        audit_.append(tx, {.code = code,
                           .actor = audit::Actor::user(user),
                           .subject = user,
                           .outcome = code == audit::codes::mfa_refused ? audit::Outcome::failure : audit::Outcome::success,
                           .origin = origin,
                           .details = {{"factor", "push"}, {"device", phone}}});
    }

    storage::Database& database_;
    audit::AuditLog& audit_;
    mfa::Attempts const& attempts_;
    Clock const& clock_;
    Random& random_;
};

}  // namespace push
