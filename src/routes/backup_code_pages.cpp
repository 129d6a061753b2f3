// Pages for backup codes: how many are left, a new set, and that set as a file.
#include "zephyr/foundation/text.h"
#include "zephyr/guards/gatekeeper.h"
#include "zephyr/http/body_schema.h"
#include "zephyr/routes/account_view.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

using guards::origin_of;
using http::Principal;
using http::Request;
using http::Response;

namespace {

constexpr std::string_view path = "/account/factors/backup-codes";
constexpr std::size_t longest_download = 4096;

class BackupCodePages {
public:
    BackupCodePages(AccountRooms rooms, Web const& web) : rooms_{rooms}, web_{web} {}

    Response show(Request const& request, Principal const& who) const { return web_.page(request, page_of(request, who), who); }

    Response make(Request const& request, Principal const& who) const {
        auto const made = rooms_.account.new_backup_codes(who.session, origin_of(request, who));
        if (!made.ok()) {
            if (asks_for_proof(made.error())) return to_step_up(made.error(), with_return_path(std::string{path}, request));
            auto view = page_of(request, who);
            view.errors = pages::FormErrors::of(made.error());
            return web_.refused(request, view, made.error(), who);
        }
        pages::BackupCodesShownPage view{.username = who.username, .made_at = rooms_.clock.now(), .on_href = web_.return_to(request)};
        for (auto const& code : made.value()) view.codes.push_back(code.reveal());
        return web_.page(request, view, who);
    }

    // The codes come back from the page that showed them, which was the only one to have them.
    Response download(Request const& request, Principal const& who) const {
        auto const codes = form_text(request, "codes");
        bool const plain = codes.size() <= longest_download && codes.find_first_not_of(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789- ") == std::string::npos;
        if (codes.empty() || !plain) return refuse(http::errors::field_invalid, request);
        std::string lines = who.username + "\r\n\r\n";
        for (auto const& code : split(codes, ' ')) lines += std::string{code} + "\r\n";
        auto response = Response::text(200, std::move(lines));
        response.with_header("Content-Disposition", "attachment; filename=\"backup-codes.txt\"");
        return response;
    }

private:
    pages::BackupCodesPage page_of(Request const& request, Principal const& who) const {
        auto& codes = rooms_.mfa.backup_codes();
        pages::BackupCodesPage view{.left = codes.left(who.user), .made = codes.settings().count};
        view.low = view.left && *view.left <= codes.settings().low;
        view.just_enrolled = !view.left && request.query("added").has_value();
        return view;
    }

    AccountRooms rooms_;
    Web const& web_;
};

}  // namespace

void mount_backup_code_pages(http::App& app, AccountRooms rooms, Web const& web) {
    if (!web.settings().mfa_enabled) return;
    using http::require_login;
    auto const pages = std::make_shared<BackupCodePages const>(rooms, web);
    app.get(std::string{path}, require_login, [pages](Request const& request, Principal const& who) { return pages->show(request, who); });
    app.post(std::string{path}, require_login, [pages](Request const& request, Principal const& who) { return pages->make(request, who); },
             {.rate_class = "factor"});
    app.post(std::string{path} + "/download", require_login,
             [pages](Request const& request, Principal const& who) { return pages->download(request, who); });
}

}  // namespace zephyr::routes
