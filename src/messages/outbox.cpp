#include "zephyr/messages/outbox.h"

#include <array>
#include <atomic>
#include <mutex>

#include "messages/message_table.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/messages/templates.h"

namespace zephyr::messages {

struct Outbox::State {
    std::array<std::atomic<bool>, 2> usable{};
    std::mutex mutex;
    std::function<void()> wake;

    void tell() {
        std::function<void()> whom;
        {
            std::lock_guard const lock{mutex};
            whom = wake;
        }
        if (whom) whom();
    }
};

std::string_view to_string(Channel channel) { return channel == Channel::sms ? "sms" : "email"; }

Outbox::Outbox(storage::Database& database, audit::AuditLog& audit, crypto::Sealer const& sealer, Clock const& clock, Random& random)
    : database_{database}, audit_{audit}, sealer_{sealer}, clock_{clock}, random_{random}, state_{std::make_shared<State>()} {}

void Outbox::enqueue(storage::Transaction& tx, Message const& message) {
    if (auto const lacking = what_is_missing(message); !lacking.empty()) throw Fault{"messages: " + lacking};
    auto const now = clock_.now();
    auto id = message.id.empty() ? make_uuid_v7(now, random_) : message.id;
    auto content = message_table::seal(sealer_, id, {message.to, message.words});
    message_table::insert(tx,
                          {.id = std::move(id),
                           .user = message.user,
                           .channel = message.channel,
                           .what = message.what,
                           .language = message.language,
                           .content = std::move(content),
                           .until = message.until},
                          now);
    tx.after_commit([state = state_] { state->tell(); });
}

std::int64_t Outbox::withdraw(storage::Transaction& tx, UserId const& user, std::string_view what) {
    return message_table::withdraw(tx, user, what);
}

std::int64_t Outbox::withdraw(storage::Transaction& tx, std::string_view id) { return message_table::withdraw(tx, id); }

bool Outbox::can_send(Channel channel) const { return state_->usable.at(static_cast<std::size_t>(channel)); }

void Outbox::use_channel(Channel channel, bool can_send) { state_->usable.at(static_cast<std::size_t>(channel)) = can_send; }

void Outbox::on_message(std::function<void()> wake) {
    std::lock_guard const lock{state_->mutex};
    state_->wake = std::move(wake);
}

Outbox::Counts Outbox::counts() {
    return database_.read([](storage::Transaction& tx) {
        Counts counts;
        for (auto const& row : tx.rows("SELECT state, count(*) FROM message GROUP BY state")) {
            auto const& state = row.text(0);
            (state == "waiting" ? counts.waiting : state == "sending" ? counts.sending : counts.dead) = row.integer(1);
        }
        return counts;
    });
}

void Outbox::erase(storage::Transaction& tx, UserId const& user) { tx.run("DELETE FROM message WHERE user_id = $1", user.str()); }

}  // namespace zephyr::messages
