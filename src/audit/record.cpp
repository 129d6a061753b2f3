#include "zephyr/audit/record.h"

#include <algorithm>
#include <charconv>

#include "audit/stored.h"
#include "zephyr/encoding/base64.h"
#include "zephyr/encoding/json.h"
#include "zephyr/encoding/unicode.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::audit {

using encoding::Json;

namespace {

// RFC 8785 3.2.2.3 writes numbers as ECMAScript does; whole numbers up to here are plain digits there too.
constexpr std::int64_t largest_exact = std::int64_t{1} << 53;

bool is_plain(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

// RFC 8785 3.2.2.2: the short escapes where JSON has them, \u00xx in lower case for other controls, everything else as it is.
void write_string(std::string& out, std::string_view text) {
    out += '"';
    for (char const c : encoding::to_valid_utf8(text)) {
        switch (c) {
            case '"': out += "\\\""; break;
            case '\\': out += "\\\\"; break;
            case '\b': out += "\\b"; break;
            case '\t': out += "\\t"; break;
            case '\n': out += "\\n"; break;
            case '\f': out += "\\f"; break;
            case '\r': out += "\\r"; break;
            default:
                if (static_cast<unsigned char>(c) < 0x20) {
                    out += "\\u00";
                    out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
                    out += "0123456789abcdef"[static_cast<unsigned char>(c) & 0xf];
                } else {
                    out += c;
                }
        }
    }
    out += '"';
}

// Writes one object; the caller gives the members in order of their names (3.2.3). All our names are ASCII, where the order of UTF-16
// code units is that of bytes.
class ObjectWriter {
public:
    explicit ObjectWriter(std::string& out) : out_{out} { out_ += '{'; }
    ~ObjectWriter() { out_ += '}'; }
    ObjectWriter(ObjectWriter const&) = delete;
    ObjectWriter& operator=(ObjectWriter const&) = delete;

    std::string& name(std::string_view name) {
        if (!first_) out_ += ',';
        first_ = false;
        write_string(out_, name);
        out_ += ':';
        return out_;
    }
    void text(std::string_view member, std::string_view value) { write_string(name(member), value); }
    void text_unless_empty(std::string_view member, std::string_view value) {
        if (!value.empty()) text(member, value);
    }

private:
    std::string& out_;
    bool first_ = true;
};

void write_details(std::string& out, std::vector<std::pair<std::string, std::string>> details) {
    std::sort(details.begin(), details.end());
    ObjectWriter object{out};
    for (std::size_t i = 0; i < details.size(); ++i) {
        auto const& [name, value] = details[i];
        if (!is_plain(name)) throw Fault{"an audit event has a detail whose name is not ASCII"};
        if (i > 0 && details[i - 1].first == name) throw Fault{"an audit event names the detail " + name + " twice"};
        object.text(name, value);
    }
}

void write_sealed(std::string& out, std::vector<SealedPart> const& parts) {
    out += '[';
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i > 0) out += ',';
        ObjectWriter object{out};
        object.text("data", encoding::base64_encode(parts[i].data));
        object.text("ref", parts[i].ref);
    }
    out += ']';
}

std::optional<int> digits(std::string_view text, std::size_t from, std::size_t count) {
    int value = 0;
    auto const* begin = text.data() + from;
    auto const [end, error] = std::from_chars(begin, begin + count, value);
    if (error != std::errc{} || end != begin + count || *begin == '-') return std::nullopt;
    return value;
}

// The form of to_rfc3339 alone; whoever calls compares the result with the text.
std::optional<TimePoint> parse_time(std::string_view text) {
    if (text.size() != 24) return std::nullopt;
    auto const year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
    auto const hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2), millis = digits(text, 20, 3);
    if (!year || !month || !day || !hour || !minute || !second || !millis) return std::nullopt;
    std::chrono::year_month_day const date{std::chrono::year{*year}, std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok() || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
    return TimePoint{std::chrono::sys_days{date}} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
           std::chrono::seconds{*second} + std::chrono::milliseconds{*millis};
}

bool take_text(Json const& json, std::string_view name, std::string& into) {
    auto const* found = json.find(name);
    if (found == nullptr) return true;
    auto const* text = found->string();
    if (text != nullptr) into = *text;
    return text != nullptr;
}

bool take_actor(Json const& json, Record& record) {
    auto const* actor = json.find("actor");
    if (actor == nullptr) return false;
    auto const type = actor->string_at("type");
    auto const known = type ? find_actor_type(*type) : std::nullopt;
    if (!known) return false;
    record.actor_type = *known;
    return take_text(*actor, "ref", record.actor_ref);
}

bool take_words(Json const& json, Record& record) {
    auto const outcome = find_outcome(json.string_at("outcome").value_or(""));
    auto const retention = find_retention(json.string_at("class").value_or(""));
    auto const time = parse_time(json.string_at("time").value_or(""));
    auto const* mono = json.find("mono");
    auto const ticks = mono == nullptr ? std::nullopt : mono->integer();
    if (!outcome || !retention || !time || !ticks || *ticks > largest_exact || *ticks < -largest_exact) return false;
    record.outcome = *outcome;
    record.retention = *retention;
    record.time = *time;
    record.monotonic_us = *ticks;
    return true;
}

bool take_details(Json const& json, Record& record) {
    auto const* details = json.find("details");
    if (details == nullptr) return true;
    if (details->members() == nullptr) return false;
    for (auto const& [name, value] : *details->members()) {
        if (value.string() == nullptr || !is_plain(name)) return false;
        record.details.emplace_back(name, *value.string());
    }
    return true;
}

bool take_sealed(Json const& json, Record& record) {
    auto const* parts = json.find("sealed");
    if (parts == nullptr) return true;
    if (parts->items() == nullptr) return false;
    for (auto const& part : *parts->items()) {
        auto const ref = part.string_at("ref");
        auto const text = part.string_at("data");
        if (!ref || !text) return false;
        auto data = encoding::base64_decode(*text);
        if (!data.ok()) return false;
        record.sealed.push_back({*ref, std::move(data).value()});
    }
    return true;
}

bool take_subject(Json const& json, Record& record) {
    if (json.find("subject") == nullptr) return true;
    record.subject = json.string_at("subject");
    return record.subject.has_value();
}

}  // namespace

Result<Bytes> Record::encode() const {
    if (monotonic_us > largest_exact || monotonic_us < -largest_exact) throw Fault{"an audit event's monotonic time has no exact form"};
    std::string out;
    {
        ObjectWriter object{out};
        {
            ObjectWriter actor{object.name("actor")};
            actor.text_unless_empty("ref", actor_ref);
            actor.text("type", actor_type_name(actor_type));
        }
        object.text("class", retention_name(retention));
        object.text("code", code);
        if (!details.empty()) write_details(object.name("details"), details);
        object.text("id", id);
        object.name("mono") += std::to_string(monotonic_us);
        object.text("outcome", outcome_name(outcome));
        object.text_unless_empty("reason", reason);
        object.text_unless_empty("request_id", request_id);
        if (!sealed.empty()) write_sealed(object.name("sealed"), sealed);
        object.text_unless_empty("session_ref", session_ref);
        if (subject) object.text("subject", *subject);
        object.text("time", to_rfc3339(time));
    }
    if (out.size() > max_bytes) return Error{errors::record_too_large, std::to_string(out.size()) + " bytes"};
    return to_bytes(out);
}

Result<Record> Record::parse(ByteView stored) {
    if (stored.size() > max_bytes) return errors::record_malformed;
    auto const json = encoding::parse_json(as_text(stored), {.bytes = max_bytes, .depth = 4});
    if (!json.ok() || json.value().members() == nullptr) return errors::record_malformed;
    auto const& object = json.value();
    Record record;
    auto const id = object.string_at("id");
    auto const code = object.string_at("code");
    if (!id || !code) return errors::record_malformed;
    record.id = *id;
    record.code = *code;
    bool const understood = take_actor(object, record) && take_words(object, record) && take_text(object, "reason", record.reason) &&
                            take_text(object, "request_id", record.request_id) && take_text(object, "session_ref", record.session_ref) &&
                            take_subject(object, record) && take_details(object, record) && take_sealed(object, record);
    if (!understood) return errors::record_malformed;
    // Whatever else it says, or says otherwise, encode() would not write. Comparing is simpler than looking for it, and can't forget any.
    auto const again = record.encode();
    if (!again.ok() || as_text(again.value()) != as_text(stored)) return errors::record_malformed;
    return record;
}

}  // namespace zephyr::audit
