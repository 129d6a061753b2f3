// What time ends, whether or not anybody sends.
#include "messages/message_table.h"
#include "messages/records.h"

namespace zephyr::messages {

namespace {
constexpr std::int64_t at_once = 200;
constexpr std::chrono::days dead_for{30};
}  // namespace

std::size_t Outbox::purge() {
    auto const now = clock_.now();
    std::int64_t gone = 0;
    for (auto const channel : {Channel::sms, Channel::email}) {
        auto const rows = database_.read([&](storage::Transaction& tx) {
            auto out = message_table::too_late(tx, channel, now, at_once);
            // Of a channel that nobody sends by any more.
            for (auto& row : message_table::abandoned(tx, channel, now, at_once)) {
                if (row.until <= now) out.push_back(std::move(row));
            }
            return out;
        });
        if (rows.empty()) continue;
        gone += database_.write([&](storage::Transaction& tx) {
            std::int64_t died = 0;
            for (auto const& row : rows) {
                bool const claimed = !row.claim.empty();
                auto const reason = claimed ? reasons::uncertain : reasons::too_late;
                if (!(claimed ? message_table::die(tx, row.id, row.claim, reason, now)
                              : message_table::die_waiting(tx, row.id, reason, now))) {
                    continue;
                }
                record_death(tx, audit_, row, {}, reason);
                ++died;
            }
            return died;
        });
    }
    gone += database_.write([&](storage::Transaction& tx) { return message_table::purge_dead(tx, now - dead_for); });
    return static_cast<std::size_t>(gone);
}

}  // namespace zephyr::messages
