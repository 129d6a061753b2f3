#include "messages/texts.h"

namespace zephyr::messages {

namespace {

constexpr std::array<FactorName, 6> factors{{{"totp", "an authenticator app"},
                                             {"sms", "codes by SMS"},
                                             {"email", "codes by e-mail"},
                                             {"backup", "backup codes"},
                                             {"passkey", "a passkey"},
                                             {"webauthn", "a passkey"}}};

constexpr std::string_view if_not_you =
    "If this was not you: change your password at once, look through your sessions and sign-in methods in your account, and tell whoever "
    "runs {service}.";
constexpr std::string_view request_not_you =
    "If you did not ask for this, you need not do anything: without the link nothing changes. Don't pass it on.";
constexpr std::string_view from = "The request came from {address}.";
constexpr std::string_view lives = "The link works once, within {minutes} minutes.";

constexpr std::array<Text, 16> texts{{
    {"code", "code", "{code} is your code for {service}", "{code} is your code for {service}. Never tell it to anybody.",
     {"Your code for {service} is:", "{code}", "It works once, within {minutes} minutes.",
      "Nobody from {service} will ever ask you for it. If you are not signing in right now, somebody may know your password: change it, and "
      "don't give the code to anybody."},
     ""},
    {"verify_email", "link", "Confirm your e-mail address for {service}", "",
     {"Please confirm that this is your e-mail address.", lives, request_not_you}, "Confirm this address"},
    {"change_email", "link", "Confirm your new e-mail address for {service}", "",
     {"You asked for this address to become that of your account.", lives, request_not_you}, "Use this address"},
    {"reset_password", "link", "Choose a new password for {service}", "",
     {"Somebody, we hope you, asked for a new password for your account.", lives, from,
      "If you did not ask for this, you need not do anything: your password stays as it is. Don't pass the link on."},
     "Choose a new password"},
    {"factor_added", "", "A sign-in method was added to your account",
     "{service}: {factor} was added to your account. Not you? Change your password now.",
     {"On {when}, {factor} was added to your account as a second factor.", from, if_not_you}, ""},
    {"factor_removed", "", "A sign-in method was removed from your account",
     "{service}: {factor} was removed from your account. Not you? Change your password now.",
     {"On {when}, {factor} was removed from your account: it is no second factor any more.", from, if_not_you}, ""},
    {"factors_reset", "", "Your second factors are being reset",
     "{service}: your second factors are being reset. Not asked for it? Sign in and stop it.",
     {"On {when}, an administrator began to reset the second factors of your account.", "It takes effect on {time}.",
      "If you did not ask for this, sign in and stop it, and tell whoever runs {service}. Otherwise set up a new second factor afterwards."},
     ""},
    {"password_changed", "", "Your password was changed", "{service}: your password was changed. Not you? Ask for a new one now.",
     {"The password of your account was changed on {when}. Sessions in other places were ended.", from,
      "If this was not you: ask for a new password by \"Forgot your password?\" at once, and tell whoever runs {service}."},
     ""},
    {"recovery_link", "link", "Get back into your account", "",
     {"Somebody, we hope you, has lost the second factor of your account and asked for help. The link begins a waiting period; after it your "
      "second factors are reset, and you sign in with your password.",
      lives, from, request_not_you},
     "Begin the recovery"},
    {"recovery_begun", "", "A recovery of your account has begun",
     "{service}: a recovery of your account has begun. Not you? Sign in and stop it.",
     {"On {when} a recovery of your account was begun. When it ends, its second factors are reset; the password stays.",
      "It ends on {time}.", from,
      "If this was not you: sign in and stop it, and change your password. Until it ends nothing of your account changes."},
     "Stop the recovery"},
    {"recovery_approved", "", "The recovery of your account was approved",
     "{service}: the recovery of your account was approved. Not you? Sign in and stop it.",
     {"On {when} an administrator approved the recovery of your account: its second factors are reset.", "It takes effect on {time}.",
      "If you did not ask for this, sign in and stop it, change your password, and tell whoever runs {service}. Otherwise set up a new "
      "second factor at your next sign-in."},
     ""},
    {"token_reused", "", "Somebody may have copied a key to your account",
     "{service}: a sign-in was used twice and we ended it. Change your password if in doubt.",
     {"On {when} a program presented a token of your account that had been used already: two have it, and one of them should not. We ended "
      "that sign-in.",
      from, if_not_you},
     ""},
    {"email_changed", "", "The e-mail address of your account was changed", "{service}: your e-mail address was changed. Not you? Sign in now.",
     {"The e-mail address of your account was changed on {when}. We write to the address before, so that you know.", from, if_not_you}, ""},
    {"email_change_asked", "", "Somebody asked for another e-mail address for your account",
     "{service}: somebody asked for another e-mail address for your account. Not you? Change your password now.",
     {"On {when}, somebody who was signed in to your account asked for it to get another e-mail address. It changes when the link in a mail "
      "to that address is followed.",
      from, "If this was not you: change your password at once, and the link is worth nothing. Then tell whoever runs {service}."},
     ""},
    {"backup_codes_made", "", "New backup codes were made for your account",
     "{service}: new backup codes were made for your account. Not you? Change your password now.",
     {"On {when} new backup codes were made for your account. The old ones no longer work.", from, if_not_you}, ""},
    {"backup_codes_low", "", "You have few backup codes left", "{service}: you have few backup codes left. Make new ones in your account.",
     {"On {when} a backup code of your account was used, and few are left. Make new ones in your account before they run out.", from,
      if_not_you},
     ""},
}};

constexpr Language language{"en",
                            "Hello,",
                            "{service} sends this message because it concerns your account. Answers are not read.",
                            "If that does not work, copy this address into your browser:",
                            "a second factor",
                            {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
                             "December"},
                            "{day} {month} {year}, {time} UTC",
                            factors,
                            texts};

}  // namespace

Language const& english() { return language; }

}  // namespace zephyr::messages
