// Giving roles to people and groups, and taking them away.
#include "rbac/state.h"
#include "zephyr/audit/codes.h"

namespace zephyr::rbac {

namespace codes = audit::codes;

namespace {

std::string_view type_name(Subject const& subject) { return subject.type == Subject::Type::user ? "user" : "group"; }

std::string granter(audit::Actor const& actor) {
    switch (actor.type) {
        case audit::Actor::Type::user: return actor.ref;
        case audit::Actor::Type::operator_cli: return "operator";
        case audit::Actor::Type::system: return "system";
        case audit::Actor::Type::anonymous: return "";
    }
    return "";
}

Result<void> check_subject(storage::Transaction& tx, Directory const& directory, Subject const& subject) {
    if (subject.type == Subject::Type::user) {
        ZEPHYR_CHECK(directory.users.find(tx, UserId::trusted(subject.id)));
    } else {
        ZEPHYR_CHECK(directory.groups.find(tx, GroupId::trusted(subject.id)));
    }
    return success();
}

Change describe_change(std::string_view code, Subject const& subject, std::string const& role) {
    Change change{.code = code, .details = {{"role", role}, {"to", std::string{type_name(subject)}}}, .moves = Moved::grants};
    if (subject.type == Subject::Type::user) {
        change.subject = UserId::parse(subject.id);
    } else {
        change.details.emplace_back("group", subject.id);
    }
    return change;
}

}  // namespace

Result<void> RoleService::grant(Subject const& subject, std::string_view role, std::optional<TimePoint> expires_at,
                                audit::Actor const& actor, audit::Origin const& origin) {
    std::string const name{role};
    auto change = describe_change(codes::role_granted, subject, name);
    change.details.emplace_back("expires_at", expires_at ? to_rfc3339(*expires_at) : "never");
    change.apply = [&](storage::Transaction& tx) -> Result<bool> {
        auto const now = state_->clock.now();
        if (expires_at && *expires_at <= now) return errors::expiry_past;
        auto const graph = state_->graph(tx);
        if (!graph->roles.contains(name)) return errors::role_not_found;
        ZEPHYR_CHECK(check_subject(tx, state_->directory, subject));
        auto const handed_out = graph->closure({name});
        ZEPHYR_CHECK(state_->check_holds(tx, actor, handed_out, now));
        // What is lent for an hour must not become one's own within it.
        if (actor.type == audit::Actor::Type::user && subject == Subject{Subject::Type::user, actor.ref}) {
            auto const last_moment = expires_at ? *expires_at - 1ms : TimePoint::max();
            ZEPHYR_CHECK(state_->check_holds(tx, actor, handed_out, last_moment));
        }
        tx.run("INSERT INTO role_assignment (subject_type, subject_id, role, granted_by, granted_at, expires_at)"
               " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (subject_type, subject_id, role) DO UPDATE SET"
               " granted_by = excluded.granted_by, granted_at = excluded.granted_at, expires_at = excluded.expires_at",
               type_name(subject), subject.id, name, granter(actor), now, expires_at);
        return true;
    };
    return state_->run(change, actor, origin);
}

Result<void> RoleService::revoke(Subject const& subject, std::string_view role, audit::Actor const& actor,
                                 audit::Origin const& origin) {
    std::string const name{role};
    auto change = describe_change(codes::role_revoked, subject, name);
    change.apply = [&](storage::Transaction& tx) -> Result<bool> {
        auto const graph = state_->graph(tx);
        if (!graph->roles.contains(name)) return errors::role_not_found;
        ZEPHYR_CHECK(check_subject(tx, state_->directory, subject));
        ZEPHYR_CHECK(state_->check_holds(tx, actor, graph->closure({name}), state_->clock.now()));
        return tx.run("DELETE FROM role_assignment WHERE subject_type = $1 AND subject_id = $2 AND role = $3", type_name(subject),
                      subject.id, name) == 1;
    };
    return state_->run(change, actor, origin);
}

std::int64_t RoleService::purge_expired(TimePoint before, std::size_t limit) {
    return state_->database.write([&](storage::Transaction& tx) {
        std::int64_t purged = 0;
        for (auto const& row : tx.rows("SELECT subject_type, subject_id, role FROM role_assignment"
                                       " WHERE expires_at IS NOT NULL AND expires_at < $1 LIMIT $2",
                                       before, static_cast<std::int64_t>(limit))) {
            purged += tx.run("DELETE FROM role_assignment WHERE subject_type = $1 AND subject_id = $2 AND role = $3", row.text(0),
                             row.text(1), row.text(2));
        }
        // They count for nothing, unless the clock is set back: then whoever remembers them must not go on believing.
        if (purged > 0) state_->move(tx, Moved::grants);
        return purged;
    });
}

}  // namespace zephyr::rbac
