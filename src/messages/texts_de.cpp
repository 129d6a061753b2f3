#include "messages/texts.h"

namespace zephyr::messages {

namespace {

constexpr std::array<FactorName, 6> factors{{{"totp", "eine Authenticator-App"},
                                             {"sms", "Codes per SMS"},
                                             {"email", "Codes per E-Mail"},
                                             {"backup", "Ersatzcodes"},
                                             {"passkey", "ein Passkey"},
                                             {"webauthn", "ein Passkey"}}};

constexpr std::string_view if_not_you =
    "Falls Sie das nicht waren: Ändern Sie sofort Ihr Passwort, prüfen Sie Sitzungen und Anmeldeverfahren in Ihrem Konto, und sagen Sie es "
    "denen, die {service} betreiben.";
constexpr std::string_view request_not_you =
    "Falls Sie das nicht angefordert haben, müssen Sie nichts tun: Ohne den Link ändert sich nichts. Geben Sie ihn nicht weiter.";
constexpr std::string_view from = "Die Anfrage kam von {address}.";
constexpr std::string_view lives = "Der Link gilt einmal, innerhalb von {minutes} Minuten.";

constexpr std::array<Text, 16> texts{{
    {"code", "code", "{code} ist Ihr Code für {service}", "{code} ist Ihr Code für {service}. Nennen Sie ihn niemandem.",
     {"Ihr Code für {service} lautet:", "{code}", "Er gilt einmal, innerhalb von {minutes} Minuten.",
      "Niemand von {service} wird Sie je danach fragen. Falls Sie sich gerade nicht anmelden, kennt vielleicht jemand Ihr Passwort: Ändern "
      "Sie es, und geben Sie den Code niemandem."},
     ""},
    {"verify_email", "link", "Bestätigen Sie Ihre E-Mail-Adresse für {service}", "",
     {"Bitte bestätigen Sie, dass dies Ihre E-Mail-Adresse ist.", lives, request_not_you}, "Adresse bestätigen"},
    {"change_email", "link", "Bestätigen Sie Ihre neue E-Mail-Adresse für {service}", "",
     {"Sie wollten, dass diese Adresse die Ihres Kontos wird.", lives, request_not_you}, "Diese Adresse verwenden"},
    {"reset_password", "link", "Wählen Sie ein neues Passwort für {service}", "",
     {"Jemand, hoffentlich Sie, hat ein neues Passwort für Ihr Konto angefordert.", lives, from,
      "Falls Sie das nicht waren, müssen Sie nichts tun: Ihr Passwort bleibt, wie es ist. Geben Sie den Link nicht weiter."},
     "Neues Passwort wählen"},
    {"factor_added", "", "Ihrem Konto wurde ein Anmeldeverfahren hinzugefügt",
     "{service}: Neu in Ihrem Konto: {factor}. Nicht Sie? Ändern Sie jetzt Ihr Passwort.",
     {"Neu als zweiter Faktor in Ihrem Konto, seit {when}: {factor}.", from, if_not_you}, ""},
    {"factor_removed", "", "Aus Ihrem Konto wurde ein Anmeldeverfahren entfernt",
     "{service}: Aus Ihrem Konto entfernt: {factor}. Nicht Sie? Ändern Sie jetzt Ihr Passwort.",
     {"Kein zweiter Faktor in Ihrem Konto mehr, seit {when}: {factor}.", from, if_not_you}, ""},
    {"factors_reset", "", "Ihre zweiten Faktoren werden zurückgesetzt",
     "{service}: Ihre zweiten Faktoren werden zurückgesetzt. Nicht verlangt? Anmelden und anhalten.",
     {"Am {when} hat eine Verwalterin oder ein Verwalter begonnen, die zweiten Faktoren Ihres Kontos zurückzusetzen.", "Es gilt ab {time}.",
      "Falls Sie das nicht verlangt haben, melden Sie sich an und halten Sie es an, und sagen Sie es denen, die {service} betreiben. Sonst "
      "richten Sie danach einen neuen zweiten Faktor ein."},
     ""},
    {"password_changed", "", "Ihr Passwort wurde geändert", "{service}: Ihr Passwort wurde geändert. Nicht Sie? Fordern Sie jetzt ein neues an.",
     {"Das Passwort Ihres Kontos wurde am {when} geändert. Sitzungen an anderen Orten wurden beendet.", from,
      "Falls Sie das nicht waren: Fordern Sie sofort mit \"Passwort vergessen?\" ein neues an, und sagen Sie es denen, die {service} "
      "betreiben."},
     ""},
    {"recovery_link", "link", "Zurück in Ihr Konto", "",
     {"Jemand, hoffentlich Sie, hat den zweiten Faktor Ihres Kontos verloren und um Hilfe gebeten. Der Link beginnt eine Wartezeit; danach "
      "werden Ihre zweiten Faktoren zurückgesetzt, und Sie melden sich mit Ihrem Passwort an.",
      lives, from, request_not_you},
     "Wiederherstellung beginnen"},
    {"recovery_begun", "", "Eine Wiederherstellung Ihres Kontos hat begonnen",
     "{service}: Eine Wiederherstellung Ihres Kontos hat begonnen. Nicht Sie? Anmelden und anhalten.",
     {"Am {when} wurde eine Wiederherstellung Ihres Kontos begonnen. An ihrem Ende werden seine zweiten Faktoren zurückgesetzt; das Passwort "
      "bleibt.",
      "Sie endet am {time}.", from,
      "Falls Sie das nicht waren: Melden Sie sich an und halten Sie sie an, und ändern Sie Ihr Passwort. Bis dahin ändert sich an Ihrem "
      "Konto nichts."},
     "Wiederherstellung anhalten"},
    {"recovery_approved", "", "Die Wiederherstellung Ihres Kontos wurde genehmigt",
     "{service}: Die Wiederherstellung Ihres Kontos wurde genehmigt. Nicht Sie? Anmelden und anhalten.",
     {"Am {when} hat eine Verwalterin oder ein Verwalter die Wiederherstellung Ihres Kontos genehmigt: Seine zweiten Faktoren werden "
      "zurückgesetzt.",
      "Es gilt ab {time}.",
      "Falls Sie das nicht verlangt haben, melden Sie sich an und halten Sie es an, ändern Sie Ihr Passwort, und sagen Sie es denen, die "
      "{service} betreiben. Sonst richten Sie bei der nächsten Anmeldung einen neuen zweiten Faktor ein."},
     ""},
    {"token_reused", "", "Jemand hat vielleicht einen Schlüssel zu Ihrem Konto kopiert",
     "{service}: Eine Anmeldung wurde doppelt benutzt und beendet. Im Zweifel ändern Sie Ihr Passwort.",
     {"Am {when} hat ein Programm ein Token Ihres Kontos vorgelegt, das schon benutzt war: Zwei haben es, und einer davon sollte nicht. Wir "
      "haben diese Anmeldung beendet.",
      from, if_not_you},
     ""},
    {"email_changed", "", "Die E-Mail-Adresse Ihres Kontos wurde geändert",
     "{service}: Ihre E-Mail-Adresse wurde geändert. Nicht Sie? Melden Sie sich jetzt an.",
     {"Die E-Mail-Adresse Ihres Kontos wurde am {when} geändert. Wir schreiben an die bisherige, damit Sie es wissen.", from, if_not_you}, ""},
    {"email_change_asked", "", "Jemand will die E-Mail-Adresse Ihres Kontos ändern",
     "{service}: Jemand will die E-Mail-Adresse Ihres Kontos ändern. Nicht Sie? Ändern Sie jetzt Ihr Passwort.",
     {"Am {when} hat jemand, der in Ihrem Konto angemeldet war, eine andere E-Mail-Adresse dafür verlangt. Sie gilt, sobald der Link in einer "
      "Mail an diese Adresse benutzt wird.",
      from, "Falls Sie das nicht waren: Ändern Sie sofort Ihr Passwort, dann ist der Link wertlos. Sagen Sie es danach denen, die {service} "
      "betreiben."},
     ""},
    {"backup_codes_made", "", "Für Ihr Konto wurden neue Ersatzcodes erstellt",
     "{service}: Neue Ersatzcodes für Ihr Konto erstellt. Nicht Sie? Ändern Sie jetzt Ihr Passwort.",
     {"Für Ihr Konto wurden am {when} neue Ersatzcodes erstellt. Die alten gelten nicht mehr.", from, if_not_you}, ""},
    {"backup_codes_low", "", "Sie haben nur noch wenige Ersatzcodes",
     "{service}: Sie haben nur noch wenige Ersatzcodes. Erstellen Sie neue in Ihrem Konto.",
     {"Am {when} wurde ein Ersatzcode Ihres Kontos benutzt, und es sind nur noch wenige übrig. Erstellen Sie in Ihrem Konto neue, bevor sie "
      "ausgehen.",
      from, if_not_you},
     ""},
}};

constexpr Language language{"de",
                            "Guten Tag,",
                            "{service} schickt diese Nachricht, weil sie Ihr Konto betrifft. Antworten werden nicht gelesen.",
                            "Falls das nicht geht, kopieren Sie diese Adresse in Ihren Browser:",
                            "ein zweiter Faktor",
                            {"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
                             "Dezember"},
                            "{day}. {month} {year}, {time} UTC",
                            factors,
                            texts};

}  // namespace

Language const& german() { return language; }

}  // namespace zephyr::messages
