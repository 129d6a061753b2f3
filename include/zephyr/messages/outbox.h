// Messages to people, kept until they are sent: written in the transaction of what they are about, sent by a thread.
//
// Owns: table message. Emits: messages.sent, messages.dead.
// Not here: wires (ports/message_sender.h and its adapters), when to send what (mfa, signin), caps against toll fraud (mfa).
//
// Nothing is lost: a row stays until the other side took the message, the message is past its time, or it is dead (kept for the operator
// for 30 days, without text and destination). Nothing is sent twice: a row is claimed before it is sent, and one whose outcome is uncertain is sent again only where
// the other side promises to deliver it once.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zephyr/audit/audit_log.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/ids.h"
#include "zephyr/foundation/random.h"
#include "zephyr/storage/database.h"

namespace zephyr::crypto {
class Sealer;
}

namespace zephyr::messages {

enum class Channel { sms, email };
std::string_view to_string(Channel);

// What to say; the words are in messages/templates.h, by this name: "code", "verify_email", "change_email", "reset_password",
// "factor_added", "factor_removed", "factors_reset", "password_changed", "recovery_link", "recovery_begun", "recovery_approved",
// "token_reused", "email_changed", "email_change_asked", "backup_codes_made", "backup_codes_low".
struct Message {
    Channel channel = Channel::email;
    UserId user;
    std::string to;                                          // an address, or a number in E.164
    std::string what;                                        // the template
    std::vector<std::pair<std::string, std::string>> words;  // its values: {"code","123456"}, {"link","https://…"}
    std::string language = "en";
    TimePoint until;  // not worth sending after: a code's end
    std::string id = {};  // a UUID of the caller's, to withdraw it by; empty: one is made
};

class Outbox {
public:
    Outbox(storage::Database&, audit::AuditLog&, crypto::Sealer const&, Clock const&, Random&);

    // Keeps a message, in the caller's transaction; after the commit the sender is woken. Destination and words are sealed.
    // Throws Fault for a template that does not exist.
    void enqueue(storage::Transaction&, Message const&);
    // Takes back what waits and is worth nothing any more: a code or a link that a newer one ended. What is being sent goes on. Joins the
    // caller's transaction; how many there were.
    std::int64_t withdraw(storage::Transaction&, UserId const&, std::string_view what);
    std::int64_t withdraw(storage::Transaction&, std::string_view id);
    // Whether messages of this channel can be sent at all, as the operator set it up. Senders say so when they are attached.
    bool can_send(Channel) const;
    void use_channel(Channel, bool can_send);
    // Called after each commit that brought a message; one function, set once by the sender.
    void on_message(std::function<void()> wake);

    struct Counts {
        std::int64_t waiting = 0;
        std::int64_t sending = 0;
        std::int64_t dead = 0;
    };
    Counts counts();
    // For a periodic job: what waits beyond its time dies, and so does what somebody began to send and never came back to; what is dead for
    // 30 days goes. In bounded batches; how many rows.
    std::size_t purge();
    // A person's messages go with them.
    void erase(storage::Transaction&, UserId const&);

private:
    friend class Sender;  // claims the rows, and records what became of them
    struct State;
    storage::Database& database_;
    audit::AuditLog& audit_;
    crypto::Sealer const& sealer_;
    Clock const& clock_;
    Random& random_;
    std::shared_ptr<State> state_;
};

}  // namespace zephyr::messages
