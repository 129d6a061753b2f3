#include "zephyr/http/trusted_proxies.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

#include "http/forwarded.h"
#include "zephyr/foundation/text.h"
#include "zephyr/http/url_firewall.h"

namespace zephyr::http {

namespace {

constexpr std::size_t max_hops = 20;

bool is_v4_mapped(std::array<std::uint8_t, 16> const& bytes) {
    return std::all_of(bytes.begin(), bytes.begin() + 10, [](auto byte) { return byte == 0; }) && bytes[10] == 0xff &&
           bytes[11] == 0xff;
}

// The address of a hop: bare, or with a port as some proxies write it ("192.0.2.1:5678", "[2001:db8::1]:5678").
std::optional<IpAddress> hop_address(std::string_view hop) {
    if (auto const bare = IpAddress::parse(hop)) return bare;
    auto const colon = hop.rfind(':');
    bool const bracketed = hop.starts_with('[');
    auto const port = colon == std::string_view::npos ? std::string_view{} : hop.substr(colon + 1);
    auto const is_port = [](std::string_view text) {
        return !text.empty() && text.size() <= 5 &&
               std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    };
    if (bracketed) {
        auto const close = hop.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        if (close + 1 != hop.size() && (colon != close + 1 || !is_port(port))) return std::nullopt;
        auto const inside = IpAddress::parse(hop.substr(1, close - 1));
        return hop.substr(1, close - 1).find(':') != std::string_view::npos ? inside : std::nullopt;
    }
    if (colon == std::string_view::npos || !is_port(port)) return std::nullopt;
    auto const address = IpAddress::parse(hop.substr(0, colon));
    return address && !address->is_v6() && hop.substr(0, colon).find(':') == std::string_view::npos ? address
                                                                                                    : std::nullopt;
}

// What a header family says, the farthest hop first.
struct Chain {
    std::vector<std::string> hops;
    std::optional<std::string> scheme;
    std::optional<std::string> host;
};

Error malformed(std::string_view what) {
    return Error{errors::forwarded_malformed, std::string{what}};
}

Result<Chain> read_x_forwarded(Headers const& headers) {
    Chain chain;
    for (std::string_view const name : {"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"}) {
        if (headers.count(name) > 1) return malformed(name);
    }
    if (auto const list = headers.get("X-Forwarded-For")) {
        for (auto const hop : split(*list, ',')) chain.hops.emplace_back(trim(hop));
    }
    if (auto const scheme = headers.get("X-Forwarded-Proto")) chain.scheme = ascii_lower(trim(*scheme));
    if (auto const host = headers.get("X-Forwarded-Host")) chain.host = trim(*host);
    return chain;
}

Result<Chain> read_forwarded(Headers const& headers) {
    Chain chain;
    if (headers.count("Forwarded") > 1) return malformed("Forwarded");
    auto const header = headers.get("Forwarded");
    if (!header) return chain;
    auto const elements = detail::parse_forwarded(*header);
    if (!elements || elements->empty()) return malformed("Forwarded");
    for (auto const& element : *elements) chain.hops.push_back(element.for_node);
    // The nearest proxy, which we trust, appended the last element.
    if (!elements->back().proto.empty()) chain.scheme = ascii_lower(elements->back().proto);
    if (!elements->back().host.empty()) chain.host = elements->back().host;
    return chain;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    if (text.size() > INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return std::nullopt;
    std::string const terminated{text};
    IpAddress address;
    if (inet_pton(AF_INET, terminated.c_str(), address.bytes_.data()) == 1) return address;
    std::array<std::uint8_t, 16> v6{};
    if (inet_pton(AF_INET6, terminated.c_str(), v6.data()) != 1) return std::nullopt;
    if (is_v4_mapped(v6)) {
        std::copy(v6.begin() + 12, v6.end(), address.bytes_.begin());
        std::fill(address.bytes_.begin() + 4, address.bytes_.end(), std::uint8_t{0});
        return address;
    }
    address.v6_ = true;
    address.bytes_ = v6;
    return address;
}

std::string IpAddress::str() const {
    if (!v6_) {  // inet_ntop prints through sprintf, and this one is asked for with every request
        std::string out;
        for (std::size_t i = 0; i < 4; ++i) {
            if (i > 0) out += '.';
            auto const number = bytes_[i];
            if (number >= 100) out += static_cast<char>('0' + number / 100);
            if (number >= 10) out += static_cast<char>('0' + number / 10 % 10);
            out += static_cast<char>('0' + number % 10);
        }
        return out;
    }
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    inet_ntop(AF_INET6, bytes_.data(), buffer.data(), buffer.size());
    return buffer.data();
}

IpAddress IpAddress::prefix(unsigned bits) const {
    IpAddress cut = *this;
    for (unsigned i = 0; i < cut.bytes_.size(); ++i) {
        unsigned const first = i * 8;
        if (bits >= first + 8) continue;
        unsigned const kept = bits > first ? bits - first : 0;
        cut.bytes_[i] = static_cast<std::uint8_t>(cut.bytes_[i] & (0xff00u >> kept) & 0xffu);
    }
    return cut;
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
    auto const slash = text.find('/');
    auto const base = IpAddress::parse(text.substr(0, slash));
    if (!base) return std::nullopt;
    unsigned const width = base->is_v6() ? 128 : 32;
    Cidr cidr;
    cidr.base_ = *base;
    cidr.bits_ = width;
    if (slash == std::string_view::npos) return cidr;
    auto const digits = text.substr(slash + 1);
    auto const bits = parse_integer(digits);
    bool const plain = digits == "0" || (!digits.empty() && digits.front() >= '1' && digits.front() <= '9');
    // A mapped address with an IPv6 prefix length would mean something else than it says.
    bool const mapped = !base->is_v6() && text.find(':') != std::string_view::npos;
    if (!bits || !plain || mapped || *bits > static_cast<std::int64_t>(width)) return std::nullopt;
    cidr.bits_ = static_cast<unsigned>(*bits);
    if (!(base->prefix(cidr.bits_) == *base)) return std::nullopt;
    return cidr;
}

bool Cidr::contains(IpAddress const& address) const {
    return address.is_v6() == base_.is_v6() && address.prefix(bits_) == base_;
}

Result<TrustedProxies> TrustedProxies::parse(std::vector<std::string> const& cidrs, ForwardedStyle style) {
    TrustedProxies proxies;
    proxies.style_ = style;
    for (auto const& text : cidrs) {
        auto const cidr = Cidr::parse(text);
        if (!cidr) {
            return Error{errors::proxy_list_malformed, text}.with_reason(
                "\"" + text + "\" is no address and no block such as 10.0.0.0/8 (bits behind the prefix must be zero)");
        }
        proxies.cidrs_.push_back(*cidr);
    }
    return proxies;
}

bool TrustedProxies::trusts(std::string_view address) const {
    if (cidrs_.empty()) return false;
    auto const parsed = IpAddress::parse(address);
    return parsed &&
           std::any_of(cidrs_.begin(), cidrs_.end(), [&](Cidr const& cidr) { return cidr.contains(*parsed); });
}

Result<ClientFacts> client_facts(std::string_view peer, std::string_view socket_scheme, Headers const& headers,
                                 TrustedProxies const& proxies) {
    auto const peer_address = IpAddress::parse(peer);
    ClientFacts facts{peer_address ? peer_address->str() : std::string{peer}, std::string{socket_scheme},
                      std::string{headers.get("Host").value_or("")}};
    if (!proxies.trusts(peer)) return facts;

    ZEPHYR_TRY(auto const chain,
               proxies.style() == ForwardedStyle::forwarded ? read_forwarded(headers) : read_x_forwarded(headers));
    if (chain.scheme) {
        if (*chain.scheme != "http" && *chain.scheme != "https") return malformed("scheme");
        facts.scheme = *chain.scheme;
    }
    if (chain.host) {
        if (!is_valid_host(*chain.host)) return malformed("host");
        facts.host = *chain.host;
    }
    // From the right: each hop was written by the one right of it, and is believed as long as that one is listed.
    std::size_t hops = 0;
    for (auto hop = chain.hops.rbegin(); hop != chain.hops.rend(); ++hop) {
        auto const address = hop_address(*hop);
        if (!address || ++hops > max_hops) return malformed("address");
        facts.address = address->str();
        if (!proxies.trusts(facts.address)) break;
    }
    return facts;
}

Result<std::string> client_address_from(std::string_view peer, Headers const& headers, TrustedProxies const& proxies) {
    ZEPHYR_TRY(auto facts, client_facts(peer, "http", headers, proxies));
    return std::move(facts.address);
}

}  // namespace zephyr::http
