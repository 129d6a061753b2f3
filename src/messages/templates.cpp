#include "zephyr/messages/templates.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "messages/texts.h"
#include "zephyr/encoding/gsm7.h"
#include "zephyr/encoding/html_escape.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::messages {

namespace {

constexpr std::size_t sms_septets = 160;
constexpr std::size_t sms_name_septets = 30;

Language const& language_of(std::string_view code) { return code.starts_with("de") ? german() : english(); }

Text const* find_text(Language const& language, std::string_view what) {
    auto const found = std::find_if(language.texts.begin(), language.texts.end(), [&](Text const& text) { return text.what == what; });
    return found == language.texts.end() ? nullptr : &*found;
}

std::string const* find_word(Message const& message, std::string_view name) {
    for (auto const& [word, value] : message.words) {
        if (word == name) return &value;
    }
    return nullptr;
}

// A value stays on its line, and cannot turn around what stands beside it: controls (C0, DEL, C1), line and paragraph separators and
// marks of direction become blanks.
std::string one_line(std::string_view value) {
    std::string out;
    for (std::size_t i = 0; i < value.size(); ++i) {
        auto const at = [&](std::size_t offset) { return i + offset < value.size() ? static_cast<unsigned char>(value[i + offset]) : 0u; };
        bool const c1 = at(0) == 0xc2 && at(1) >= 0x80 && at(1) <= 0x9f;
        bool const mark = at(0) == 0xe2 && ((at(1) == 0x80 && at(2) >= 0xa8 && at(2) <= 0xae) || (at(1) == 0x81 && at(2) >= 0xa6 && at(2) <= 0xa9));
        if (at(0) < 0x20 || at(0) == 0x7f || c1 || mark) {
            out.push_back(' ');
            i += mark ? 2 : c1 ? 1 : 0;
        } else {
            out.push_back(value[i]);
        }
    }
    return out;
}

std::string when_text(Language const& language, TimePoint time) {
    auto const rfc3339 = to_rfc3339(time);  // 2026-11-24T06:59:27.000Z
    auto const day = std::to_string(std::stoi(rfc3339.substr(8, 2)));
    auto const month = static_cast<std::size_t>(std::stoi(rfc3339.substr(5, 2)) - 1);
    std::string out{language.date};
    auto const put = [&](std::string_view name, std::string_view value) { out.replace(out.find(name), name.size(), value); };
    put("{day}", day);
    put("{month}", language.months.at(month));
    put("{year}", rfc3339.substr(0, 4));
    put("{time}", rfc3339.substr(11, 5));
    return out;
}

class Words {
public:
    Words(Message const& message, Language const& language, TimePoint happened, std::string service)
        : message_{message}, language_{language}, when_{when_text(language, happened)}, service_{std::move(service)} {}

    std::optional<std::string> word(std::string_view name) const {
        if (name == "service") return service_;
        if (name == "when") return when_;
        auto const* const value = find_word(message_, name);
        if (name == "factor") return factor(value);
        if (name == "link" && value == nullptr) return word("cancel_link");
        if (value == nullptr || value->empty()) return std::nullopt;
        return one_line(*value);
    }
    // Nothing when a word is absent. What a value says is never read as a word again.
    std::optional<std::string> fill(std::string_view text) const {
        std::string out;
        for (;;) {
            auto const open = text.find('{');
            out.append(text.substr(0, open));
            if (open == std::string_view::npos) return out;
            auto const close = text.find('}', open);
            auto const value = word(text.substr(open + 1, close - open - 1));
            if (!value) return std::nullopt;
            out += *value;
            text.remove_prefix(close + 1);
        }
    }

private:
    std::optional<std::string> factor(std::string const* kind) const {
        for (auto const& known : language_.factors) {
            if (kind != nullptr && known.kind == *kind) return std::string{known.name};
        }
        return std::string{language_.another_factor};
    }
    Message const& message_;
    Language const& language_;
    std::string when_;
    std::string service_;
};

bool is_link(std::string_view text) { return text.starts_with("https://") || text.starts_with("http://"); }

std::string paragraph(std::string_view inside) {
    return "<p style=\"margin:0 0 16px\">" + std::string{inside} + "</p>\n";
}

std::string html_page(Language const& language, std::string const& subject, std::string const& body) {
    return "<!DOCTYPE html>\n<html lang=\"" + std::string{language.code} + "\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" "
           "content=\"width=device-width\"><title>" + encoding::html_escape(subject) + "</title></head>\n"
           "<body style=\"margin:0;padding:24px;background:#ffffff;color:#1a1a1a;font:16px/1.5 sans-serif\">\n"
           "<div style=\"max-width:560px;margin:0 auto\">\n" + body + "</div>\n</body>\n</html>\n";
}

Rendered email(Language const& language, Text const& text, Words const& words) {
    Rendered out;
    out.subject = words.fill(text.subject).value_or("");
    auto link = text.button.empty() ? std::nullopt : words.word("link");
    if (link && !is_link(*link)) link.reset();
    std::string body = paragraph(encoding::html_escape(language.greeting));
    out.text = std::string{language.greeting} + "\n\n";
    bool first = true;
    for (auto const source : text.paragraphs) {
        if (source.empty()) continue;
        auto const filled = words.fill(source);
        if (!filled) continue;
        out.text += *filled + "\n\n";
        auto const escaped = encoding::html_escape(*filled);
        body += source == "{code}" ? "<p style=\"margin:0 0 16px;font:700 32px/1.25 monospace;letter-spacing:4px\">" + escaped + "</p>\n"
                                   : paragraph(escaped);
        if (std::exchange(first, false) && link) {
            out.text += std::string{text.button} + ":\n" + *link + "\n\n";
            auto const target = encoding::html_escape(*link);
            body += paragraph("<a href=\"" + target + "\" style=\"display:inline-block;padding:12px 20px;border-radius:6px;background:#1f4fd8;"
                              "color:#ffffff;text-decoration:none\">" + encoding::html_escape(text.button) + "</a>");
            body += paragraph(encoding::html_escape(language.by_hand) + "<br><span style=\"word-break:break-all\">" + target + "</span>");
        }
    }
    auto const closing = words.fill(language.closing).value_or("");
    out.text += "-- \n" + closing + "\n";
    body += "<p style=\"margin:24px 0 0;font-size:14px;color:#595959\">" + encoding::html_escape(closing) + "</p>\n";
    out.html = html_page(language, out.subject, body);
    return out;
}

// What fits: characters the alphabet lacks are left out, and so is the end of a long name.
std::string short_name(TemplateSettings const& settings) {
    std::string out;
    for (auto const& candidate : {one_line(settings.service), one_line(settings.host), std::string{"Zephyr"}}) {
        for (char const c : encoding::gsm7_only(candidate)) {
            auto const longer = encoding::gsm7_encode(out + c);
            if (longer && longer->size() > sms_name_septets) break;
            out.push_back(c);
        }
        // A cut in the middle of a character leaves bytes that are none.
        out = encoding::gsm7_only(out);
        if (out.find_first_not_of(' ') != std::string::npos) return out;
        out.clear();
    }
    return out;
}

Rendered sms(Message const& message, Text const& text, Words const& words, TemplateSettings const& settings) {
    Rendered out;
    out.text = encoding::gsm7_only(words.fill(text.sms).value_or(""));
    auto const* const code = text.what == "code" ? find_word(message, "code") : nullptr;
    if (code != nullptr) {
        // Origin-bound one-time codes delivered via SMS (WICG), 2: the last line is "@", the host, " #", the code; browsers then offer the
        // code on that host alone.
        auto const bound = out.text + "\n\n@" + settings.host + " #" + one_line(*code);
        auto const septets = encoding::gsm7_encode(bound);
        if (septets && septets->size() <= sms_septets) out.text = bound;
    }
    return out;
}

}  // namespace

std::vector<std::string_view> template_names() {
    std::vector<std::string_view> names;
    for (auto const& text : english().texts) names.push_back(text.what);
    return names;
}

std::vector<std::string_view> languages() { return {english().code, german().code}; }

std::string what_is_missing(Message const& message) {
    auto const* const text = find_text(language_of(message.language), message.what);
    if (text == nullptr) return "there is no template " + message.what;
    if (message.channel == Channel::sms && text->sms.empty()) return "template " + message.what + " is not for SMS";
    if (text->needs.empty()) return {};
    auto const* const value = find_word(message, text->needs);
    if (value == nullptr || value->empty()) return "template " + message.what + " needs the word " + std::string{text->needs};
    if (text->needs == "link" && !is_link(*value)) return "template " + message.what + " got a link that is none";
    return {};
}

Rendered render(Message const& message, TimePoint happened, TemplateSettings const& settings) {
    if (auto const missing = what_is_missing(message); !missing.empty()) throw Fault{"messages: " + missing};
    auto const& language = language_of(message.language);
    auto const& text = *find_text(language, message.what);
    if (message.channel == Channel::sms) return sms(message, text, Words{message, language, happened, short_name(settings)}, settings);
    return email(language, text, Words{message, language, happened, one_line(settings.service)});
}

}  // namespace zephyr::messages
