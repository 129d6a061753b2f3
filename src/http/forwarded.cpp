#include "http/forwarded.h"

#include "http/characters.h"
#include "zephyr/foundation/text.h"

namespace zephyr::http::detail {

namespace {

constexpr std::size_t max_elements = 50;

// Reads the grammar of RFC 7239 4 from the front of what is left.
class Reader {
public:
    explicit Reader(std::string_view text) : rest_{text} {}

    bool at_end() const { return rest_.empty(); }
    void skip_blanks() {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
    }
    bool take(char c) {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    std::optional<std::string> token() {
        std::size_t length = 0;
        while (length < rest_.size() && is_token_char(rest_[length])) ++length;
        if (length == 0) return std::nullopt;
        std::string out{rest_.substr(0, length)};
        rest_.remove_prefix(length);
        return out;
    }
    // token / quoted-string
    std::optional<std::string> value() {
        if (!take('"')) return token();
        std::string out;
        while (!rest_.empty()) {
            char c = rest_.front();
            rest_.remove_prefix(1);
            if (c == '"') return out;
            if (c == '\\') {
                if (rest_.empty()) return std::nullopt;
                c = rest_.front();
                rest_.remove_prefix(1);
            }
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
            out += c;
        }
        return std::nullopt;
    }

private:
    std::string_view rest_;
};

// forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )
bool read_element(Reader& reader, ForwardedElement& element) {
    do {
        reader.skip_blanks();
        auto const name = reader.token();
        if (!name || !reader.take('=')) return false;
        auto value = reader.value();
        if (!value || value->empty()) return false;
        auto const known = ascii_lower(*name);
        auto* const field = known == "for"     ? &element.for_node
                            : known == "proto" ? &element.proto
                            : known == "host"  ? &element.host
                                               : nullptr;
        if (field != nullptr) {
            if (!field->empty()) return false;
            *field = std::move(*value);
        }
        reader.skip_blanks();
    } while (reader.take(';'));
    return true;
}

}  // namespace

std::optional<std::vector<ForwardedElement>> parse_forwarded(std::string_view header) {
    std::vector<ForwardedElement> elements;
    Reader reader{header};
    do {
        ForwardedElement element;
        if (elements.size() == max_elements || !read_element(reader, element)) return std::nullopt;
        elements.push_back(std::move(element));
    } while (reader.take(','));
    if (!reader.at_end()) return std::nullopt;
    return elements;
}

}  // namespace zephyr::http::detail
