// One-time links that are sent by mail: each proves that somebody reads the mail of one address.
//
// Owns: table mail_link.
// A link is `<public URL><path>/<selector><secret>`: the selector (128 bits) finds the row, the secret (256 bits) is kept as its SHA-256.
// It lives 15 minutes and is used once; a new one of the same purpose ends the one before. Opening one changes nothing: programs that scan
// mail open links too. The host comes from server.public_url and from nowhere else, whatever the request said.
// Not here: what a link does (address_service.h, password_reset_service.h, recovery_service.h), how it travels (messages).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "zephyr/crypto/keyring.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/ids.h"
#include "zephyr/foundation/random.h"
#include "zephyr/foundation/result.h"
#include "zephyr/privacy/personal_data.h"
#include "zephyr/storage/database.h"

namespace zephyr::signin {

namespace errors {
// The link was used, is too old, was replaced by a newer one, never was, or what it proved is no longer so.
inline constexpr Failure link_gone{Kind::expired, "auth.link_gone"};
// Three such mails went out within the hour, and for a password the last one still works.
inline constexpr Failure mail_limited{Kind::limited, "auth.mail_limited"};
}  // namespace errors

enum class LinkPurpose { verify_email, change_email, reset_password, recovery };
std::string_view to_string(LinkPurpose);

struct MailLinkSettings {
    std::string public_url;  // "https://id.example.com"
    std::int64_t most_per_hour = 3;  // of one purpose, per account
};

class MailLinks final : public privacy::PersonalDataSource {
public:
    static constexpr std::chrono::minutes lifetime{15};
    static constexpr std::chrono::hours kept{14 * 24};  // used and dead ones: for limits and `last_used`

    struct Link {
        std::string selector;
        UserId user;
        std::string address;  // canonical; what following the link proves
        TimePoint created_at;
    };

    // References must outlive the object.
    MailLinks(storage::Database&, crypto::Sealer const&, Clock const&, Random&, MailLinkSettings);

    // A new link to send to `address`. Joins the caller's transaction. Fails with mail_limited: for reset_password only while an earlier one
    // is good still, since anybody may ask for it and nobody must use up the owner's mails. So at most four more an hour go out of those.
    Result<std::string> issue(storage::Transaction&, UserId const&, LinkPurpose, std::string_view address);
    // The statements and the work of issue(), for somebody who is not; `counted`: of what is left of it after mail_limited.
    void issue_decoy(storage::Transaction&, std::string_view address, bool counted = false);
    // And those of a message with a link in it.
    void issue_decoy_message(storage::Transaction&);
    // An id that nobody has. Another one each time: rows and locks of people who are not there never meet in one place, where they would be
    // slower than those of people who are.
    UserId nobody();
    // What the link would do; uses nothing up. Fails with link_gone. The token may hold anything.
    Result<Link> look(storage::Transaction&, LinkPurpose, std::string_view token) const;
    // Uses it up: of many callers with one link exactly one succeeds. Fails with link_gone.
    Result<Link> use(storage::Transaction&, LinkPurpose, std::string_view token);
    // Ends what was sent and not used yet.
    void end(storage::Transaction&, UserId const&, LinkPurpose);
    // When the person last used one, as far as rows are kept.
    std::optional<TimePoint> last_used(storage::Transaction&, UserId const&, LinkPurpose) const;
    std::int64_t purge();
    std::string const& public_url() const { return settings_.public_url; }

    std::string name() const override { return "mail_links"; }
    std::vector<privacy::TableClaim> claims() const override;
    encoding::Json export_for(storage::Transaction&, UserId const&) override;
    void erase(storage::Transaction&, UserId const&) override;

private:
    std::string insert(storage::Transaction&, std::string_view user, std::string_view purpose, std::string_view address);

    storage::Database& database_;
    crypto::Sealer const& sealer_;
    Clock const& clock_;
    Random& random_;
    MailLinkSettings settings_;
};

// MailLinks::end, for services that send no links: what a link began must not outlast what they do.
void end_links(storage::Transaction&, UserId const&, LinkPurpose, TimePoint now);

// Where the page of a link is: "/reset-password".
std::string_view path_of(LinkPurpose);

}  // namespace zephyr::signin
