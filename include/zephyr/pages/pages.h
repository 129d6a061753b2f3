// The face of the product: server-rendered pages, in the reader's language, that work without JavaScript.
//
// A page is plain data in, HTML out. Every value is escaped for the place it stands in (ctemplate's auto-escaping);
// there is no way to hand over markup. Templates, texts and styles are in web/ and travel inside the binary. What a
// page needs from the Content-Security-Policy: script-src 'self'; style-src 'self' 'nonce-<csp_nonce>'; img-src 'self'
// data: (the QR code); form-action 'self'. No page needs more.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/http/request.h"
#include "zephyr/http/response.h"
#include "zephyr/pages/account_pages.h"
#include "zephyr/pages/admin_pages.h"
#include "zephyr/pages/entry_pages.h"
#include "zephyr/pages/recovery_pages.h"
#include "zephyr/pages/view.h"

namespace zephyr::pages {

struct PagesSettings {
    std::filesystem::path web_dir;  // development only: read templates, texts and styles from here at each request;
                                    // empty: the embedded ones
    Brand brand;
};

struct StaticFile {
    std::string content_type;
    std::string etag;           // quoted
    std::string cache_control;  // a year for a path with the right hash in it, else to be asked again
    std::string body;
};

class Pages {
public:
    // Parses every template in every language. Throws Fault for a template or catalogue that is wrong: a server with a
    // broken page does not start.
    explicit Pages(PagesSettings settings);
    ~Pages();
    Pages(Pages const&) = delete;
    Pages& operator=(Pages const&) = delete;

    // "?lang=", else the `lang` cookie, else Accept-Language (RFC 9110 12.5.4), else English.
    std::string language_for(http::Request const& request) const;
    // The cookie that keeps a choice made by "?lang="; nothing when the query names no language of ours.
    std::optional<http::Cookie> language_cookie(http::Request const& request) const;
    // Language, theme (`theme` cookie), CSP nonce, brand, path and return_to of a request. Add csrf_token and who.
    PageContext context_for(http::Request const& request) const;
    std::vector<std::string> languages() const;  // sorted: "de", "en"

    std::string render(SetupPage const&, PageContext const&) const;
    std::string render(SetupGonePage const&, PageContext const&) const;
    std::string render(SignUpPage const&, PageContext const&) const;
    std::string render(SignInPage const&, PageContext const&) const;
    std::string render(SecondFactorPage const&, PageContext const&) const;
    std::string render(ReauthPage const&, PageContext const&) const;
    std::string render(ErrorPage const&, PageContext const&) const;
    std::string render(AccountPage const&, PageContext const&) const;
    std::string render(ChangePasswordPage const&, PageContext const&) const;
    std::string render(EnrolTotpPage const&, PageContext const&) const;
    std::string render(ChooseFactorPage const&, PageContext const&) const;
    std::string render(EnrolDeliveredPage const&, PageContext const&) const;
    std::string render(BackupCodesPage const&, PageContext const&) const;
    std::string render(BackupCodesShownPage const&, PageContext const&) const;
    std::string render(ForgotPasswordPage const&, PageContext const&) const;
    std::string render(ResetPasswordPage const&, PageContext const&) const;
    std::string render(LinkGonePage const&, PageContext const&) const;
    std::string render(ConfirmAddressPage const&, PageContext const&) const;
    std::string render(AccountEmailPage const&, PageContext const&) const;
    std::string render(LostFactorPage const&, PageContext const&) const;
    std::string render(RecoverPage const&, PageContext const&) const;
    std::string render(AdminRecoveryPage const&, PageContext const&) const;
    std::string render(AdminRecoveriesPage const&, PageContext const&) const;
    std::string render(AdminDashboardPage const&, PageContext const&) const;
    std::string render(AdminUsersPage const&, PageContext const&) const;
    std::string render(AdminUserPage const&, PageContext const&) const;
    std::string render(AdminMfaPage const&, PageContext const&) const;
    std::string render(AdminUserNewPage const&, PageContext const&) const;
    std::string render(AdminAuditPage const&, PageContext const&) const;
    std::string render(AdminEventPage const&, PageContext const&) const;

    // A file of web/static by its request path, "/static/zephyr.css" or "/static/zephyr.<hash>.css". Nothing for any
    // other path.
    std::optional<StaticFile> static_file(std::string_view path) const;
    // The same as a response: 200, 304 for a matching If-None-Match, or nothing.
    std::optional<http::Response> static_response(http::Request const& request) const;

private:
    struct Body;
    std::unique_ptr<Body> body_;
};

}  // namespace zephyr::pages
