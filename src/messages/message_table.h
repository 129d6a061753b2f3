// Table message. Every change of state names the state it comes from, so that of two nodes that want a row one gets it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zephyr/crypto/keyring.h"
#include "zephyr/messages/outbox.h"

namespace zephyr::messages {

using Words = std::vector<std::pair<std::string, std::string>>;

// What is sealed of a message.
struct Content {
    std::string to;
    Words words;
};

namespace message_table {

inline crypto::Place content_place(std::string const& id) { return {"message", id, "content"}; }
Bytes seal(crypto::Sealer const& sealer, std::string const& id, Content const& content);
// Nothing for what cannot be opened any more: its key is gone, or somebody changed it.
std::optional<Content> open(crypto::Sealer const& sealer, std::string const& id, ByteView sealed);

struct Row {
    std::string id;
    UserId user;
    Channel channel;
    std::string what;
    std::string language;
    Bytes content;
    std::string claim;
    std::int64_t attempts = 0;  // begun, this one among them
    TimePoint until;
    TimePoint created_at;
};

void insert(storage::Transaction& tx, Row const& row, TimePoint now);
// The most urgent of those that are due becomes `claim`'s, until `lease_end`. Nothing when none is due.
std::optional<Row> claim(storage::Transaction& tx, Channel channel, std::string const& claim, TimePoint now, TimePoint lease_end);
// Takes a claim back that led to nothing.
void release(storage::Transaction& tx, std::string const& claim, TimePoint now);
bool any_due(storage::Transaction& tx, Channel channel, TimePoint now);
// Each answers whether `claim` still held the row.
bool renew(storage::Transaction& tx, std::string const& id, std::string const& claim, TimePoint lease_end);
bool finish(storage::Transaction& tx, std::string const& id, std::string const& claim);
bool wait_until(storage::Transaction& tx, std::string const& id, std::string const& claim, TimePoint next);
bool die(storage::Transaction& tx, std::string const& id, std::string const& claim, std::string_view reason, TimePoint now);

// Claims that nobody came back for; and what waited beyond its time.
std::vector<Row> abandoned(storage::Transaction& tx, Channel channel, TimePoint now, std::int64_t most);
std::vector<Row> too_late(storage::Transaction& tx, Channel channel, TimePoint now, std::int64_t most);
bool die_waiting(storage::Transaction& tx, std::string const& id, std::string_view reason, TimePoint now);
// What waits, of a person and about one thing; and by its id. How many.
std::int64_t withdraw(storage::Transaction& tx, UserId const& user, std::string_view what);
std::int64_t withdraw(storage::Transaction& tx, std::string_view id);
std::int64_t purge_dead(storage::Transaction& tx, TimePoint before);

}  // namespace message_table

}  // namespace zephyr::messages
