#include "zephyr/adapters/smtp_sender.h"

#include <algorithm>
#include <cstring>

#include "adapters/curl_start.h"
#include "adapters/mail_message.h"
#include "zephyr/encoding/mail_address.h"

namespace zephyr::adapters {

using ports::SendOutcome;
using What = SendOutcome::What;

namespace {

// How far the dialogue has come: what the last answer is about.
enum class Stage { greeting, mail, recipient, data, body };

struct Dialogue {
    std::string_view left;  // of the message
    bool handed_over = false;
    bool over = false;  // curl says QUIT: what is answered now is about that
    Stage stage = Stage::greeting;
    int code = 0;          // of the last answer to the last command; 0: none yet
    std::string enhanced;  // "5.1.1" (RFC 3463)
};

std::size_t give(char* into, std::size_t size, std::size_t count, void* context) {
    auto& dialogue = *static_cast<Dialogue*>(context);
    auto const part = std::min(size * count, dialogue.left.size());
    if (part == 0) {
        // What follows is the line with the dot: from here on the server may have it.
        dialogue.handed_over = true;
        dialogue.stage = Stage::body;
        dialogue.code = 0;
    }
    std::memcpy(into, dialogue.left.data(), part);
    dialogue.left.remove_prefix(part);
    return part;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void heard(Dialogue& dialogue, std::string_view line) {
    if (line.size() < 3 || !std::all_of(line.begin(), line.begin() + 3, is_digit)) return;
    dialogue.code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    line.remove_prefix(std::min<std::size_t>(4, line.size()));
    auto const end = line.find_first_not_of("0123456789.");
    auto const status = line.substr(0, end);
    bool const enhanced = status.size() >= 5 && status.size() <= 9 && status[1] == '.' && std::count(status.begin(), status.end(), '.') == 2;
    dialogue.enhanced = enhanced ? std::string{status} : std::string{};
}

// Curl tells of its commands only here. Of AUTH, which holds the password, no more than its first letters is looked at.
int overhear(CURL*, curl_infotype type, char* data, std::size_t size, void* context) {
    auto& dialogue = *static_cast<Dialogue*>(context);
    std::string_view const text{data, size};
    if (type == CURLINFO_HEADER_IN && !dialogue.over) heard(dialogue, text);
    if (type != CURLINFO_HEADER_OUT) return 0;
    dialogue.over = dialogue.over || text.starts_with("QUIT");
    if (text.starts_with("MAIL")) dialogue.stage = Stage::mail;
    else if (text.starts_with("RCPT")) dialogue.stage = Stage::recipient;
    else if (text.starts_with("DATA")) dialogue.stage = Stage::data;
    else return 0;
    dialogue.code = 0;
    return 0;
}

// What we do wrong is no fault of the message: RFC 4954 6 (530, 534, 535, 538, 454) and a server that closes (421).
bool concerns_us(int code) { return code == 421 || code == 454 || code == 530 || code == 534 || code == 535 || code == 538; }

SendOutcome outcome_of(Dialogue const& dialogue, CURLcode result) {
    if (result == CURLE_OK) return {.what = What::accepted};
    constexpr std::string_view stages[] = {"greeting", "MAIL", "RCPT", "DATA", "message"};
    auto why = std::string{stages[static_cast<std::size_t>(dialogue.stage)]} + ": ";
    if (dialogue.code < 400) {
        why += curl_easy_strerror(result);
        return {.what = dialogue.handed_over ? What::uncertain : What::later, .why = why};
    }
    why += std::to_string(dialogue.code) + (dialogue.enhanced.empty() ? "" : " " + dialogue.enhanced);
    bool const never = dialogue.code >= 500 && dialogue.stage != Stage::greeting && !concerns_us(dialogue.code);
    return {.what = never ? What::never : What::later, .why = why};
}

bool names_this_machine(std::string const& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

Easy prepared(SmtpSettings const& settings, std::string const& url, std::string const& from, curl_slist* recipients, Dialogue& dialogue) {
    Easy handle{curl_easy_init()};
    if (!handle) throw Fault{"curl: out of memory"};
    set(handle, CURLOPT_URL, url.c_str());
    set(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    set(handle, CURLOPT_PROXY, "");
    set(handle, CURLOPT_NOPROXY, "*");
    set(handle, CURLOPT_NOSIGNAL, 1L);
    set(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings.connect_deadline.count()));
    set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(settings.deadline.count()));
    // For the QUIT at the end, which no other deadline covers.
    set(handle, CURLOPT_SERVER_RESPONSE_TIMEOUT, static_cast<long>(std::chrono::ceil<std::chrono::seconds>(settings.connect_deadline).count()));
    set(handle, CURLOPT_USE_SSL, static_cast<long>(settings.tls == SmtpTls::off ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    set(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(handle, CURLOPT_SSL_VERIFYPEER, 1L);
    set(handle, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!settings.ca_file.empty()) set(handle, CURLOPT_CAINFO, settings.ca_file.c_str());
    if (!settings.username.empty()) {
        set(handle, CURLOPT_USERNAME, settings.username.c_str());
        set(handle, CURLOPT_PASSWORD, settings.password.reveal().c_str());
    }
    set(handle, CURLOPT_MAIL_FROM, from.c_str());
    set(handle, CURLOPT_MAIL_RCPT, recipients);
    set(handle, CURLOPT_UPLOAD, 1L);
    set(handle, CURLOPT_READFUNCTION, &give);
    set(handle, CURLOPT_READDATA, &dialogue);
    set(handle, CURLOPT_DEBUGFUNCTION, &overhear);
    set(handle, CURLOPT_DEBUGDATA, &dialogue);
    set(handle, CURLOPT_VERBOSE, 1L);
    return handle;
}

}  // namespace

SmtpSender::SmtpSender(SmtpSettings settings, Clock const& clock) : settings_{std::move(settings)}, clock_{clock} {
    start_curl();
    auto const from = encoding::mail_address(settings_.from);
    if (!from) throw Fault{"mail.from: not an e-mail address"};
    settings_.from = *from;
    if (settings_.tls == SmtpTls::off && !names_this_machine(settings_.host)) throw Fault{"smtp.tls: off, and the server is another machine"};
}

SendOutcome SmtpSender::send(ports::OutgoingMessage const& message) noexcept {
    try {
        return deliver(message);
    } catch (std::exception const& fault) {  // before anything was sent
        return {.what = What::later, .why = fault.what()};
    }
}

SendOutcome SmtpSender::deliver(ports::OutgoingMessage const& message) const {
    auto const to = encoding::mail_address(message.to);
    if (!to) return {.what = What::never, .why = "not an address that SMTP can carry"};
    auto const text = mail_message(message, settings_.from, settings_.from_name, *to, clock_.now());
    Dialogue dialogue{.left = text};
    List recipients;
    append_to(recipients, "<" + *to + ">");
    auto const domain = settings_.from.substr(settings_.from.rfind('@') + 1);
    // The path is the name we greet with.
    auto const url = std::string{settings_.tls == SmtpTls::implicit ? "smtps" : "smtp"} + "://" + settings_.host + ":" +
                     std::to_string(settings_.port) + "/" + domain;
    auto const from = "<" + settings_.from + ">";
    BrokenPipesBlocked const blocked;
    auto const handle = prepared(settings_, url, from, recipients.get(), dialogue);
    auto const result = curl_easy_perform(handle.get());
    return outcome_of(dialogue, result);
}

}  // namespace zephyr::adapters
