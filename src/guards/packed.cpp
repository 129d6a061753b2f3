#include "guards/packed.h"

#include <string_view>

namespace zephyr::guards {

namespace {

constexpr std::uint64_t long_form = 255;  // a length that needs eight bytes says so with this one

void put_number(std::string& out, std::uint64_t number) {
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift));
}

void put_text(std::string& out, std::string_view text) {
    if (text.size() < long_form) {
        out.push_back(static_cast<char>(text.size()));
    } else {
        out.push_back(static_cast<char>(long_form));
        put_number(out, text.size());
    }
    out += text;
}

// Reads what put_number and put_text wrote; nobody else writes it.
class Reader {
public:
    explicit Reader(std::string_view from) : rest_{from} {}
    bool at_end() const { return rest_.empty(); }
    std::uint64_t number() {
        std::uint64_t out = 0;
        for (char const c : take(8)) out = out << 8 | static_cast<unsigned char>(c);
        return out;
    }
    bool flag() { return take(1) == "1"; }
    std::string text() {
        std::uint64_t size = static_cast<unsigned char>(take(1)[0]);
        if (size == long_form) size = number();
        return std::string{take(size)};
    }

private:
    std::string_view take(std::size_t count) {
        auto const out = rest_.substr(0, count);
        rest_.remove_prefix(out.size());
        return out;
    }
    std::string_view rest_;
};

}  // namespace

Packed::Packed(Standing const& standing)
    : created_at_{to_millis(standing.session.created_at)},
      expires_at_{to_millis(standing.session.expires_at)},
      from_{to_millis(standing.from)},
      until_{to_millis(standing.until)},
      account_expires_at_{standing.account.expires_at ? to_millis(*standing.account.expires_at) : never},
      account_locked_until_{standing.account.locked_until ? to_millis(*standing.account.locked_until) : never},
      account_state_{standing.account.state},
      remembered_{standing.session.remembered} {
    auto const& session = standing.session;
    std::string texts;
    for (auto const* text : {&session.ref.str(), &session.user.str(), &standing.username, &standing.display_name, &session.pending}) {
        put_text(texts, *text);
    }
    for (auto const& factor : session.factors) {
        put_text(texts, factor.name);
        texts.push_back(factor.second ? '1' : '0');
        put_number(texts, static_cast<std::uint64_t>(to_millis(factor.at)));
    }
    texts_ = std::string{texts.data(), texts.size()};  // as large as it needs to be
}

Standing Packed::unpack() const {
    Standing out;
    Reader reader{texts_};
    out.session.ref = SessionRef::trusted(reader.text());
    out.session.user = UserId::trusted(reader.text());
    out.username = reader.text();
    out.display_name = reader.text();
    out.session.pending = reader.text();
    while (!reader.at_end()) {
        auto name = reader.text();
        bool const second = reader.flag();
        out.session.factors.push_back({std::move(name), from_millis(static_cast<std::int64_t>(reader.number())), second});
    }
    out.session.created_at = from_millis(created_at_);
    out.session.expires_at = from_millis(expires_at_);
    out.session.remembered = remembered_;
    out.from = from_millis(from_);
    out.until = from_millis(until_);
    out.account.state = account_state_;
    if (account_expires_at_ != never) out.account.expires_at = from_millis(account_expires_at_);
    if (account_locked_until_ != never) out.account.locked_until = from_millis(account_locked_until_);
    return out;
}

}  // namespace zephyr::guards
