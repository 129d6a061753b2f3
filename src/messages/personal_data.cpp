#include "zephyr/messages/personal_data.h"

#include "messages/message_table.h"

namespace zephyr::messages {

using encoding::Json;

std::vector<privacy::TableClaim> MessagesPersonalData::claims() const {
    return {{.table = "message",
             .personal = {"id", "user_id", "channel", "what", "language", "content", "state", "attempts", "next_at", "until_at", "created_at",
                          "reason"},
             .not_personal = {"claim"}}};
}

// Where it goes is the person's own; the codes and links in it are secrets, and named alone.
Json MessagesPersonalData::export_for(storage::Transaction& tx, UserId const& user) {
    Json messages = Json::array();
    for (auto const& row : tx.rows("SELECT id, channel, what, language, content, state, attempts, until_at, created_at, reason, next_at"
                                   " FROM message WHERE user_id = $1 ORDER BY created_at, id",
                                   user.str())) {
        Json one = Json::object({{"channel", row.text(1)},
                                 {"what", row.text(2)},
                                 {"language", row.text(3)},
                                 {"state", row.text(5)},
                                 {"tries", row.integer(6)},
                                 {"until", to_rfc3339(row.time(7))},
                                 {"written", to_rfc3339(row.time(8))}});
        if (auto const sealed = row.optional_blob(4)) {
            one.set("words", "kept encrypted until they are sent");
            if (auto const content = message_table::open(sealer_, row.text(0), *sealed)) one.set("to", content->to);
        }
        if (row.text(5) == "dead") {
            one.set("given_up", to_rfc3339(row.time(10)));
            one.set("reason", row.text(9));
        }
        messages.push(std::move(one));
    }
    return Json::object({{"messages", std::move(messages)}});
}

void MessagesPersonalData::erase(storage::Transaction& tx, UserId const& user) {
    tx.run("DELETE FROM message WHERE user_id = $1", user.str());
}

}  // namespace zephyr::messages
