// Outside bytes as a path, a language header and a person's name: no static path leaves the folder, the language is one
// of ours, and the name stays text.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "zephyr/pages/pages.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace zephyr;
    static pages::Pages const all{pages::PagesSettings{}};
    std::string const text{reinterpret_cast<char const*>(data), size};
    for (auto const& path : {text, "/static/" + text}) {
        if (all.static_file(path) && path.find("..") != std::string::npos) std::abort();
        std::string const safe = pages::safe_return_to(path, "");
        if (!safe.empty() && (safe[0] != '/' || safe.starts_with("//") || safe.find('\\') != std::string::npos))
            std::abort();
    }
    http::Request request;
    request.headers.add("Accept-Language", text);
    request.headers.add("Cookie", "lang=" + text);
    auto const language = all.language_for(request);
    if (language != "en" && language != "de") std::abort();

    pages::AccountPage account;
    account.display_name = text;
    account.sessions = {{"id", text, text, {}, {}, false, false, false}};
    std::string const html = all.render(account, all.context_for(request));
    // Ours are one <script src=…> and one </script>; a name adds none.
    auto const count = [&](std::string const& what) {
        std::size_t found = 0;
        for (auto at = html.find(what); at != std::string::npos; at = html.find(what, at + 1)) ++found;
        return found;
    };
    if (count("<script") != 1 || count("</script") != 1 || count("<form") != count("</form")) std::abort();
    return 0;
}
